"""Well-known models by name, with the sizes their makers published.

The sizes are those of each model's own `config.json` (or, for GPT-2, of its paper, table 2); a test holds
the totals to published parameter counts. `nanochat-dN` is this project's model at depth N; `nanochat-tiny`
is a textbook transformer that is small enough to follow by hand.
"""

from __future__ import annotations

from nanochat.model.config import GPTConfig
from nanochat.model.shape import Model, Shape


def _gpt2(n_layer: int, n_embd: int, n_head: int) -> Shape:
    """GPT-2 of one size: only depth, width and heads differ."""
    return Shape("gpt2", n_layer, n_embd, n_head, vocab_size=50_257, tied=True)


PRESETS: dict[str, Model] = {
    "nanochat-tiny": Shape("textbook", n_layer=6, n_embd=384, n_head=6, vocab_size=32_000),
    **{f"nanochat-d{depth}": GPTConfig.from_depth(depth) for depth in (4, 8, 12, 16, 20, 24, 26, 32)},
    "gpt2-small": _gpt2(12, 768, 12),
    "gpt2-medium": _gpt2(24, 1024, 16),
    "gpt2-large": _gpt2(36, 1280, 20),
    "gpt2-xl": _gpt2(48, 1600, 25),
    "llama-2-7b": Shape("llama", 32, 4096, 32, vocab_size=32_000, mlp_width=11_008, sequence_len=4_096),
    "llama-3-8b": Shape(
        "llama", 32, 4096, 32, vocab_size=128_256, n_kv_head=8, mlp_width=14_336, sequence_len=8_192
    ),
    "tinyllama-1.1b": Shape(
        "llama", 22, 2048, 32, vocab_size=32_000, n_kv_head=4, mlp_width=5_632, sequence_len=2_048
    ),
    "smollm2-135m": Shape(
        "llama", 30, 576, 9, vocab_size=49_152, n_kv_head=3, mlp_width=1_536, sequence_len=8_192, tied=True
    ),
    "qwen2.5-0.5b": Shape(
        "llama", 24, 896, 14, vocab_size=151_936, n_kv_head=2, mlp_width=4_864, sequence_len=32_768,
        tied=True, qkv_bias=True,
    ),
}  # fmt: skip


def find_preset(name: str) -> Model:
    """Look up a preset.

    >>> find_preset("gpt2-xl").n_layer
    48
    >>> find_preset("gpt5")
    Traceback (most recent call last):
        ...
    ValueError: no preset named 'gpt5'; use nanochat-tiny, nanochat-d4, nanochat-d8, nanochat-d12, ...
    """
    if name not in PRESETS:
        raise ValueError(f"no preset named {name!r}; use {', '.join(list(PRESETS)[:4])}, ...")
    return PRESETS[name]
