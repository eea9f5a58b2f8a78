"""What a pretraining run can be asked: one field a flag (`nanochat.train.flags`).

`RunSettings` are those of every stage of training; `Settings` adds pretraining's own. Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from nanochat.errors import UserError
from nanochat.home import checked_name
from nanochat.train.flags import Flags, flag, flag_of
from nanochat.train.rate_groups import read_factors

DTYPES = ("auto", "bf16", "fp16", "fp32")
PACKINGS = ("documents", "best-fit")
EXTRAS = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout", "windows")
# The headings of `--help`, in their order.
MODEL, TEXT, LENGTH, MACHINE, RUN, REPORT = GROUPS = (
    "Model", "Text", "Length and learning rate", "Machine", "Run", "Watching and saving",
)  # fmt: skip


@dataclass(frozen=True)
class RunSettings(Flags):
    """The settings of a run of any stage."""

    batch_size: int | None = flag(
        None, LENGTH, "sequences a step, on all GPUs together", metavar="N", low=1, high=10**7
    )
    steps: int | None = flag(None, LENGTH, "steps, in place of tokens", metavar="N", low=1, high=10**9)
    lr_scale: float = flag(
        1.0, LENGTH, "times every learning rate", metavar="X", low=1e-6, high=1e6, may_change=True
    )
    warmup_steps: int | None = flag(None, LENGTH, "steps of warm-up", metavar="N", low=0, high=10**9)
    warmdown: float | None = flag(
        None, LENGTH, "share of the run that warms down", metavar="X", low=0, high=1
    )

    device_batch_size: int | None = flag(
        None, MACHINE, "sequences a GPU takes at a time; what fits by default", metavar="N", low=1,
        high=10**7, may_change=True,
    )  # fmt: skip
    dtype: str = flag("auto", MACHINE, "what matrices are multiplied in", choices=DTYPES)
    fp8: bool = flag(False, MACHINE, "multiply the blocks' matrices in FP8 (Hopper and newer)")
    compile: bool = flag(True, MACHINE, "compile the model", may_change=True)
    checkpointing: bool = flag(
        False, MACHINE, "keep only each layer's input and compute the rest twice: less memory, more time",
        may_change=True,
    )  # fmt: skip
    workers: int | None = flag(
        None, MACHINE, "threads that tokenize ahead", metavar="N", low=0, high=1_024, may_change=True
    )

    name: str | None = flag(None, RUN, "the run's folder under runs/; d4 for depth 4", may_change=True)
    seed: int = flag(0, RUN, "of the weights and the order of the text", metavar="N", low=0, high=2**63 - 1)

    eval_every: int | None = flag(
        None, REPORT, "steps between evaluations; 0: none", metavar="N", low=0, high=10**9, may_change=True
    )
    eval_tokens: int | None = flag(
        None, REPORT, "tokens of the validation shard in each", metavar="N", low=1, high=10**12,
        may_change=True,
    )  # fmt: skip
    sample_every: int | None = flag(
        None, REPORT, "steps between samples of its writing; 0: none", metavar="N", low=0, high=10**9,
        may_change=True,
    )  # fmt: skip
    save_every: int | None = flag(
        None, REPORT, "steps between checkpoints; 0: only the last", metavar="N", low=0, high=10**9,
        may_change=True,
    )  # fmt: skip
    keep: int = flag(2, REPORT, "checkpoints to keep", metavar="N", low=1, high=10**6, may_change=True)
    tensorboard: bool = flag(False, REPORT, "report to TensorBoard too", may_change=True)
    wandb: str | None = flag(None, REPORT, "report to wandb too", metavar="PROJECT", may_change=True)

    def checked(self) -> Self:
        """The same; raises `UserError` for the first value that its flag cannot have."""
        super().checked()
        if self.name is not None:
            checked_name(self.name)
        return self


@dataclass(frozen=True)
class Settings(RunSettings):
    """The question a pretraining run is the answer to.

    >>> Settings(depth=4).checked().corpus
    'classics'
    >>> Settings(depth=0).checked()
    Traceback (most recent call last):
    nanochat.errors.UserError: --depth 0 is out of range; it goes from 1 to 10,000
    """

    depth: int | None = flag(None, MODEL, "layers; sets all else", metavar="N", low=1, high=10_000)
    head_dim: int | None = flag(None, MODEL, "channels of a head", metavar="N", low=2, high=65_536)
    kv_heads: int | None = flag(
        None, MODEL, "key and value heads, fewer than heads for grouped queries", metavar="N", low=1,
        high=65_536,
    )  # fmt: skip
    seq_len: int | None = flag(None, MODEL, "tokens of context", metavar="N", low=2, high=10**8)
    window_pattern: str | None = flag(None, MODEL, "S short and L long windows, tiled over the layers")
    without: str = flag(
        "", MODEL, f"extras to leave out: {', '.join(EXTRAS).replace('_', '-')}; all: the core alone",
        metavar="EXTRA,…",
    )  # fmt: skip

    corpus: str = flag("classics", TEXT, "name of a prepared corpus, or its folder", metavar="NAME")
    tokenizer: str = flag("default", TEXT, "name of a trained tokenizer, or its folder", metavar="NAME")
    packing: str = flag("documents", TEXT, "how documents fill the rows of a batch", choices=PACKINGS)

    total_tokens: int | None = flag(None, LENGTH, "tokens to train on", metavar="N", low=1, high=10**15)
    ratio: float | None = flag(
        None, LENGTH, "tokens for every matrix and head parameter, in place of tokens", metavar="X",
        low=0.001, high=10**6,
    )  # fmt: skip
    group_lr_scale: str = flag(
        "", LENGTH, "times the rates of single groups too: matrices=0.5,head=2", metavar="GROUP=X,…",
        may_change=True,
    )  # fmt: skip

    def checked(self) -> Self:
        """The same; raises `UserError` for the first value, or two together, that cannot be."""
        super().checked()
        self.extras_off()
        read_factors(self.group_lr_scale)
        lengths = [name for name in ("total_tokens", "steps", "ratio") if getattr(self, name) is not None]
        if len(lengths) > 1:
            first, second = lengths[:2]
            raise UserError(f"{flag_of(first)} and {flag_of(second)} both set the length; give one of them")
        if self.window_pattern is not None and set(self.window_pattern.upper()) - {"S", "L"}:
            raise UserError(
                f"--window-pattern {self.window_pattern} must be made of S and L, for example SSSL"
            )
        return self

    def extras_off(self) -> set[str]:
        """The extras that `--without` names.

        >>> sorted(Settings(without="smear,x0-scalars").extras_off())
        ['smear', 'x0_scalars']
        >>> Settings(without="smaer").extras_off()
        Traceback (most recent call last):
        nanochat.errors.UserError: --without smaer: there is no such extra; there is value-embeddings, ...
        """
        named = {word.strip().replace("-", "_") for word in self.without.split(",") if word.strip()}
        for word in sorted(named - {*EXTRAS, "all"}):
            known = ", ".join(EXTRAS).replace("_", "-")
            raise UserError(f"--without {word}: there is no such extra; there is {known}, and all")
        return named
