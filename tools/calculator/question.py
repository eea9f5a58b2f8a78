"""What the model calculator can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nanochat.model.hardware import GPUS, PRICES_AS_OF
from nanochat.model.memory import SHARDINGS
from nanochat.model.presets import PRESETS
from tools.core.parameters import choice, file, flag, integer, number

ARCHITECTURES = {
    "textbook": "textbook: LayerNorm, untied head, no other biases",
    "gpt2": "gpt2: biases, learned positions, tied head",
    "llama": "llama: RMSNorm, gated MLP, rotary positions",
    "nanochat": "nanochat: this project's own GPT, exactly",
}
MODEL, TRAINING, MACHINE, INFERENCE = "Model", "Training", "Machine", "Inference"


@dataclass(frozen=True)
class Question:
    """Everything left out follows: from the preset, from the depth, or from the architecture's own custom.

    >>> Question(depth=12, arch="nanochat").hidden_dim is None
    True
    """

    preset: str | None = choice(
        None, list(PRESETS), "a known model; other sizes given replace its own", group=MODEL
    )
    arch: str | None = choice(
        None, ARCHITECTURES, "how the model is built", group=MODEL, label="Architecture"
    )
    depth: int | None = integer(None, "layers; nanochat's one dial", low=1, high=10_000, group=MODEL)
    hidden_dim: int | None = integer(
        None, "channels of the stream, C", low=1, high=1_000_000, group=MODEL, label="Hidden dimension"
    )
    heads: int | None = integer(
        None, "attention heads", low=1, high=100_000, group=MODEL, label="Attention heads"
    )
    kv_heads: int | None = integer(
        None, "key and value heads; fewer means grouped-query attention", low=1, high=100_000, group=MODEL,
        label="Key and value heads",
    )  # fmt: skip
    mlp_dim: int | None = integer(
        None, "channels inside the MLP", low=1, high=10_000_000, group=MODEL, label="MLP width"
    )
    vocab_size: int | None = integer(
        None, "tokens in the vocabulary", low=1, high=100_000_000, group=MODEL, label="Vocabulary size"
    )
    config: Path | None = file(  # noqa: RUF009 (it makes a field, as the others do)
        "a Hugging Face config.json of a GPT-2, Llama, Mistral or Qwen model, in place of --preset",
        suffixes=[".json"],
        group=MODEL,
    )

    total_tokens: int | None = integer(
        None, "tokens to train on; default 10B, or what the dial says for nanochat", low=1, group=TRAINING,
        label="Training tokens",
    )  # fmt: skip
    batch_size: int | None = integer(
        None, "sequences a step, on all GPUs together; default 64, or what the dial says for nanochat", low=1,
        high=10_000_000, unit="sequences", group=TRAINING,
    )  # fmt: skip
    seq_len: int | None = integer(
        None, "tokens a sequence; default 1024, for nanochat 2048", low=1, high=100_000_000, unit="tokens",
        group=TRAINING, label="Sequence length",
    )  # fmt: skip
    throughput: float | None = number(
        None, "training speed; default 100,000, or what the GPUs reach when they are named", low=0.001,
        high=1e15, unit="tokens/s", group=TRAINING,
    )  # fmt: skip

    gpu: str | None = choice(
        None,
        {gpu.name: gpu.label for gpu in GPUS},
        "the GPU to train on; default H100",
        group=MACHINE,
        label="GPU",
    )
    gpus: int | None = integer(
        None, "how many of them; default 1", low=1, high=100_000, group=MACHINE, label="Number of GPUs"
    )
    mfu: float | None = number(
        None, "share of its peak the GPU reaches, model FLOPs utilisation; default 0.4", low=0.001, high=1,
        group=MACHINE, label="MFU",
    )  # fmt: skip
    price: float | None = number(
        None, f"dollars for an hour of one GPU; default: a rounded public price of {PRICES_AS_OF}", low=0,
        high=1e6, unit="USD/h", group=MACHINE,
    )  # fmt: skip
    sharding: str = choice(
        "optimizer",
        dict(zip(SHARDINGS, ("nothing", "the optimizer's state", "weights and gradients too"), strict=True)),
        "what the GPUs divide among themselves", group=MACHINE,
    )  # fmt: skip
    checkpointing: bool = flag(
        "keep only each layer's input and compute the rest anew in the backward pass", group=MACHINE,
        label="Activation checkpointing",
    )  # fmt: skip

    context: int | None = integer(
        None, "tokens the KV cache holds for a conversation; default: the sequence length", low=1,
        high=100_000_000, unit="tokens", group=INFERENCE,
    )  # fmt: skip
    conversations: int = integer(1, "conversations served at once", low=1, high=1_000_000, group=INFERENCE)
