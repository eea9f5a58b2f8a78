"""The shape of models that are not this project's own: enough of each family to count it exactly.

Three ways of building a decoder-only transformer are known here, under the names the calculator uses:

- `textbook`: LayerNorm with weight and bias, no other biases, an untied head, no learned positions: the
  transformer as most introductions draw it
- `gpt2`: biases everywhere, learned positions, the head tied to the embedding (Radford et al. 2019)
- `llama`: RMSNorm, rotary positions, a gated MLP of three matrices, grouped-query attention (Touvron et al.
  2023, arXiv 2302.13971); Qwen and Mistral are this family with a switch or two

The fourth, `nanochat`, is `nanochat.model.config.GPTConfig`. Both classes answer the same questions
(`head_dim`, `mlp_width`, `padded_vocab_size`, `windows()`), so counting can take either.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import GPTConfig, check_heads, check_sizes, round_up

FAMILIES = ("textbook", "gpt2", "llama")
HEAD_DIM = 64  # the head width of GPT-2, and of most small models


@dataclass(frozen=True)
class Shape:
    """One model of a known family. Raises ValueError when the numbers do not fit together.

    >>> gpt2 = Shape(arch="gpt2", n_layer=12, n_embd=768, n_head=12, vocab_size=50_257, tied=True)
    >>> gpt2.head_dim, gpt2.mlp_width, gpt2.n_kv_head
    (64, 3072, 12)
    """

    arch: str
    n_layer: int
    n_embd: int
    n_head: int
    vocab_size: int
    n_kv_head: int = 0  # 0 stands for "as many as n_head"
    mlp_width: int = 0  # 0 stands for the family's own rule
    head_dim: int = 0  # 0 stands for n_embd / n_head
    sequence_len: int = 1_024
    tied: bool = False
    qkv_bias: bool = False  # Qwen 2: biases on queries, keys and values
    out_bias: bool = False  # Llama's attention_bias adds one on the output too
    mlp_bias: bool = False
    qk_norm: bool = False  # Qwen 3: a learned RMSNorm on each head's queries and keys
    sliding_window: int | None = None  # Mistral: how far back every layer looks

    def __post_init__(self) -> None:
        if self.arch not in FAMILIES:
            raise ValueError(f"arch={self.arch!r} is not known; use {', '.join(FAMILIES)} or a GPTConfig")
        check_sizes(self, "n_layer", "n_embd", "n_head", "vocab_size", "sequence_len")
        object.__setattr__(self, "n_kv_head", self.n_kv_head or self.n_head)
        check_sizes(self, "n_kv_head")
        if not self.head_dim:
            check_heads(self.n_embd, self.n_head, self.n_kv_head, even=self.arch == "llama")
            object.__setattr__(self, "head_dim", self.n_embd // self.n_head)
        elif self.n_head % self.n_kv_head:
            check_heads(self.n_head * 2, self.n_head, self.n_kv_head)  # says which numbers divide
        object.__setattr__(self, "mlp_width", self.mlp_width or default_mlp_width(self.arch, self.n_embd))
        check_sizes(self, "head_dim", "mlp_width")
        if self.arch == "llama" and self.head_dim % 2:
            raise ValueError(f"head_dim={self.head_dim} is odd; rotary positions turn channels in pairs")
        if self.sliding_window is not None:
            check_sizes(self, "sliding_window")
        if self.arch != "llama" and (self.qkv_bias or self.out_bias or self.mlp_bias or self.qk_norm):
            raise ValueError(
                f"qkv_bias, out_bias, mlp_bias and qk_norm belong to arch='llama', not {self.arch!r}"
            )

    @property
    def padded_vocab_size(self) -> int:
        """These families do not pad their vocabulary.

        >>> Shape("gpt2", n_layer=1, n_embd=64, n_head=1, vocab_size=50_257).padded_vocab_size
        50257
        """
        return self.vocab_size

    def windows(self) -> list[int]:
        """How many tokens back each layer may look, itself included.

        >>> Shape("llama", n_layer=2, n_embd=64, n_head=1, vocab_size=10, sliding_window=512).windows()
        [512, 512]
        """
        return [min(self.sliding_window or self.sequence_len, self.sequence_len)] * self.n_layer


Model = GPTConfig | Shape  # anything that can be counted


def default_mlp_width(arch: str, n_embd: int) -> int:
    """The family's rule: 4 x width, or for a gated MLP 8/3 x width rounded up to 256.

    The gated MLP has three matrices in place of two, so two thirds of the width cost the same (Shazeer
    2020, arXiv 2002.05202, section 2). The rounding is Llama's.

    >>> default_mlp_width("gpt2", 768), default_mlp_width("llama", 4096)
    (3072, 11008)
    """
    return round_up(-(-8 * n_embd // 3), 256) if arch == "llama" else 4 * n_embd
