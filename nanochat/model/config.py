"""The shape of this project's own GPT: every number that decides which tensors exist.

A model is made of a few sizes (how many layers, how wide, how many words it knows) and a few switches for
the extras. Everything else follows from them, so a checkpoint stores only this. The class holds no
tensors: `nanochat.model.counting` counts what a config would build, and the trainer builds exactly that.

The core is a decoder-only transformer, normalised before each sub-layer, without biases, with rotary
positions, RMSNorm without learned weights, an MLP of ReLU squared four times as wide as the stream, and an
untied head. The extras are switches, so that each can be left out and its gain measured:

- value embeddings (Zhou et al. 2024, "Value Residual Learning", arXiv 2410.17897; this form: modded-nanogpt)
- sliding windows (Beltagy et al. 2020, Longformer, section 3), in the pattern `SSSL`
- residual scalars and x0 scalars, smear and backout (modded-nanogpt speedruns)
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, TypeGuard

HEAD_DIM = 128  # the width of one head that `from_depth` aims at: what attention kernels handle best
CHANNELS_PER_LAYER = 64  # the one dial's aspect ratio: width = 64 x depth
VOCAB_MULTIPLE = 64  # matrix kernels are faster when a side is a multiple of 64
WINDOW_MULTIPLE = 128  # attention kernels work in blocks of 128 keys
VALUE_GATE_CHANNELS = 12  # a value gate reads the first 12 channels of its layer's input
SMEAR_GATE_CHANNELS = 24  # the smear gate reads the first 24 channels of the embedding
LARGEST = 10**9  # sizes above this are a slip of the hand, and would only make nonsense of the figures
DEEPEST = 10_000  # the deepest published transformer has 1,000 layers (DeepNet, arXiv 2203.00555)


@dataclass(frozen=True)
class GPTConfig:
    """One model. Raises ValueError when the numbers do not fit together.

    >>> config = GPTConfig(n_layer=6, n_embd=384, n_head=3, n_kv_head=3, vocab_size=32_000)
    >>> config.head_dim, config.mlp_width, config.padded_vocab_size
    (128, 1536, 32000)
    >>> GPTConfig(n_embd=384, n_head=5)
    Traceback (most recent call last):
        ...
    ValueError: n_embd=384 is not divisible by n_head=5 into even-sized heads; use 1, 2, 3, 4, 6, 8, 12, ...
    """

    n_layer: int = 12
    n_embd: int = 768
    n_head: int = 6
    n_kv_head: int = 6
    vocab_size: int = 32_768
    sequence_len: int = 2_048
    rope_base: float = 100_000.0
    qk_scale: float = 1.2
    logit_softcap: float = 15.0
    window_pattern: str = "SSSL"
    value_embeddings: bool = True
    residual_scalars: bool = True
    x0_scalars: bool = True
    smear: bool = True
    backout: bool = True

    arch = "nanochat"  # not a field: which way of counting this shape needs
    tied = False

    def __post_init__(self) -> None:
        check_sizes(self, "n_layer", "n_embd", "n_head", "n_kv_head", "vocab_size", "sequence_len")
        check_heads(self.n_embd, self.n_head, self.n_kv_head)
        for name in ("rope_base", "qk_scale", "logit_softcap"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}={value} must be a positive, finite number")
        if not self.window_pattern or set(self.window_pattern) - {"S", "L"}:
            raise ValueError(
                f"window_pattern={self.window_pattern!r} must be made of S (short) and L (long), "
                "for example 'SSSL', or 'L' for full attention everywhere"
            )
        if self.smear and self.n_embd < SMEAR_GATE_CHANNELS:
            raise ValueError(
                f"n_embd={self.n_embd} is below the {SMEAR_GATE_CHANNELS} channels the smear gate reads; "
                f"use n_embd={SMEAR_GATE_CHANNELS} or more, or switch smear off"
            )
        if self.value_embeddings and self.n_embd < VALUE_GATE_CHANNELS:
            raise ValueError(
                f"n_embd={self.n_embd} is below the {VALUE_GATE_CHANNELS} channels a value gate reads; "
                f"use n_embd={VALUE_GATE_CHANNELS} or more, or switch value embeddings off"
            )

    @classmethod
    def from_depth(cls, depth: int, **changes: object) -> GPTConfig:
        """The config that the one dial gives: width 64 x depth, rounded up to whole heads of 128.

        >>> GPTConfig.from_depth(20).n_embd, GPTConfig.from_depth(20).n_head
        (1280, 10)
        >>> GPTConfig.from_depth(5).n_embd  # 320 is not a multiple of 128
        384
        """
        if not is_whole(depth) or not 1 <= depth <= DEEPEST:
            raise ValueError(f"depth={depth!r} must be a whole number of layers from 1 to {DEEPEST:,}")
        n_embd = round_up(CHANNELS_PER_LAYER * depth, HEAD_DIM)
        n_head = n_embd // HEAD_DIM
        sizes: dict[str, Any] = {"n_layer": depth, "n_embd": n_embd, "n_head": n_head, "n_kv_head": n_head}
        return cls(**(sizes | changes))

    @classmethod
    def core(cls, **changes: object) -> GPTConfig:
        """The core alone: every extra off, as Hugging Face ships it under the name NanoChatForCausalLM.

        >>> GPTConfig.core(n_layer=4).smear
        False
        """
        off: dict[str, Any] = {
            "rope_base": 10_000.0, "qk_scale": 1.0, "window_pattern": "L", "value_embeddings": False,
            "residual_scalars": False, "x0_scalars": False, "smear": False, "backout": False,
        }  # fmt: skip
        return cls(**(off | changes))

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> GPTConfig:
        """Read what `to_dict` wrote; an unknown name is refused by name.

        >>> GPTConfig.from_dict({"n_layer": 4}).n_layer
        4
        """
        unknown = sorted(set(data) - {field.name for field in fields(cls)})
        if unknown:
            known = ", ".join(field.name for field in fields(cls))
            raise ValueError(f"unknown setting {unknown[0]!r}; the settings of a GPTConfig are {known}")
        return cls(**data)

    def to_dict(self) -> dict[str, Any]:
        """Every setting as plain data, ready for JSON.

        >>> GPTConfig().to_dict()["n_embd"]
        768
        """
        return asdict(self)

    @property
    def head_dim(self) -> int:
        """Channels of one head.

        >>> GPTConfig().head_dim
        128
        """
        return self.n_embd // self.n_head

    @property
    def mlp_width(self) -> int:
        """Channels inside the MLP: four times the stream's (Vaswani et al. 2017, section 3.3).

        >>> GPTConfig().mlp_width
        3072
        """
        return 4 * self.n_embd

    @property
    def padded_vocab_size(self) -> int:
        """Rows the embedding and the head really have: the vocabulary rounded up to a multiple of 64.

        >>> GPTConfig(vocab_size=50_257).padded_vocab_size
        50304
        """
        return round_up(self.vocab_size, VOCAB_MULTIPLE)

    @property
    def value_layers(self) -> tuple[int, ...]:
        """Layers with a value embedding: every second one, the last always among them.

        >>> GPTConfig(n_layer=5).value_layers, GPTConfig(n_layer=6).value_layers
        ((0, 2, 4), (1, 3, 5))
        """
        if not self.value_embeddings:
            return ()
        return tuple(range((self.n_layer - 1) % 2, self.n_layer, 2))

    def windows(self) -> list[int]:
        """How many tokens back each layer may look, itself included.

        A short window is a quarter of the context, rounded up to 128. The last layer always sees all.

        >>> GPTConfig(n_layer=6).windows()
        [512, 512, 512, 2048, 512, 2048]
        """
        short = min(self.sequence_len, round_up(-(-self.sequence_len // 4), WINDOW_MULTIPLE))
        reach = {"S": short, "L": self.sequence_len}
        pattern = self.window_pattern
        windows = [reach[pattern[layer % len(pattern)]] for layer in range(self.n_layer)]
        windows[-1] = self.sequence_len
        return windows


def round_up(number: int, multiple: int) -> int:
    """The smallest multiple of `multiple` that is not below `number`.

    >>> round_up(50_257, 64)
    50304
    """
    return -(-number // multiple) * multiple


def is_whole(value: object) -> TypeGuard[int]:
    """True for an int that is not a bool (Python counts True as 1).

    >>> is_whole(3), is_whole(3.0), is_whole(True)
    (True, False, False)
    """
    return isinstance(value, int) and not isinstance(value, bool)


def check_sizes(owner: object, *names: str) -> None:
    """Refuse a size that is not a whole number in its range, naming it.

    >>> from types import SimpleNamespace
    >>> check_sizes(SimpleNamespace(n_layer=0), "n_layer")
    Traceback (most recent call last):
        ...
    ValueError: n_layer=0 must be a whole number from 1 to 10,000
    """
    for name in names:
        value = getattr(owner, name)
        largest = DEEPEST if name == "n_layer" else LARGEST
        if not is_whole(value) or not 1 <= value <= largest:
            raise ValueError(f"{name}={value!r} must be a whole number from 1 to {largest:,}")


def check_heads(n_embd: int, n_head: int, n_kv_head: int, even: bool = True) -> None:
    """Refuse heads that do not divide the width, or key/value heads that do not divide the heads.

    Rotary positions turn channels in pairs, so a head needs an even width unless `even` is False.

    >>> check_heads(768, 6, 4)
    Traceback (most recent call last):
        ...
    ValueError: n_head=6 is not divisible by n_kv_head=4; use 1, 2, 3 or 6
    """
    step = 2 if even else 1
    if n_embd % (n_head * step):
        fitting = divisors(n_embd // step) if n_embd % step == 0 else []
        kind = "even-sized heads" if even else "equal heads"
        way_out = f"use {listed(fitting)}" if fitting else "use an even width"
        raise ValueError(f"n_embd={n_embd} is not divisible by n_head={n_head} into {kind}; {way_out}")
    if n_head % n_kv_head:
        raise ValueError(
            f"n_head={n_head} is not divisible by n_kv_head={n_kv_head}; use {listed(divisors(n_head))}"
        )


def divisors(number: int) -> list[int]:
    """The divisors up to 1,024, smallest first (no real model has more heads).

    >>> divisors(12)
    [1, 2, 3, 4, 6, 12]
    """
    return [n for n in range(1, min(number, 1024) + 1) if number % n == 0]


def listed(numbers: list[int], most: int = 7) -> str:
    """Numbers as a person writes them.

    >>> listed([1, 2, 3]), listed([7])
    ('1, 2 or 3', '7')
    """
    words = [str(number) for number in numbers]
    if len(words) > most:
        return ", ".join(words[:most]) + ", ..."
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]
