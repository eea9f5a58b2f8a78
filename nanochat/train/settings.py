"""What a pretraining run can be asked: one field a flag, with its help, its range and its default.

`None` means: left to the depth dial and to the machine (`nanochat.train.run_plan` fills it in). A resolved
run writes its settings into `config.json`; reading them back gives the same run again. Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from typing import Any

from nanochat.errors import UserError
from nanochat.home import checked_name

DTYPES = ("auto", "bf16", "fp16", "fp32")
PACKINGS = ("documents", "best-fit")
EXTRAS = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout", "windows")
MODEL, TEXT, LENGTH, MACHINE, RUN, REPORT = (
    "Model", "Text", "Length and learning rate", "Machine", "Run", "Watching and saving",
)  # fmt: skip


def flag(
    default: Any,
    group: str,
    help: str,
    *,
    metavar: str | None = None,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    may_change: bool = False,
) -> Any:
    """A field that is also a flag. `may_change`: a resumed run may have another value."""
    facts = {
        "group": group, "help": help, "metavar": metavar, "low": low, "high": high, "choices": choices,
        "may_change": may_change,
    }  # fmt: skip
    return field(default=default, metadata=facts)


@dataclass(frozen=True)
class Settings:
    """The question a run is the answer to.

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

    batch_size: int | None = flag(
        None, LENGTH, "sequences a step, on all GPUs together", metavar="N", low=1, high=10**7
    )
    total_tokens: int | None = flag(None, LENGTH, "tokens to train on", metavar="N", low=1, high=10**15)
    steps: int | None = flag(None, LENGTH, "steps, in place of tokens", metavar="N", low=1, high=10**9)
    ratio: float | None = flag(
        None, LENGTH, "tokens for every matrix and head parameter, in place of tokens", metavar="X",
        low=0.001, high=10**6,
    )  # fmt: skip
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

    def checked(self) -> Settings:
        """The same; raises `UserError` for the first value that its flag cannot have."""
        for one in fields(self):
            check_value(one.name, getattr(self, one.name), one.metadata)
        self.extras_off()
        lengths = [name for name in ("total_tokens", "steps", "ratio") if getattr(self, name) is not None]
        if len(lengths) > 1:
            first, second = lengths[:2]
            raise UserError(f"{flag_of(first)} and {flag_of(second)} both set the length; give one of them")
        if self.name is not None:
            checked_name(self.name)
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

    def to_dict(self) -> dict[str, Any]:
        """Every setting as plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str) -> Settings:
        """Read what `to_dict` wrote; `where` names the file in a complaint.

        >>> Settings.from_dict({"dept": 4}, "config.json")
        Traceback (most recent call last):
        nanochat.errors.UserError: config.json: there is no setting 'dept'
        """
        known = {one.name for one in fields(cls)}
        for name in data:
            if name not in known:
                raise UserError(f"{where}: there is no setting {name!r}")
        return cls(**data).checked()

    def continued(self, asked: dict[str, Any], given: dict[str, Any]) -> Settings:
        """A resumed run's settings: as it began, but for what may change without changing what is learnt.

        `asked` are the flags it began with, `given` those of now.

        >>> began = Settings(depth=4, steps=528, keep=2)
        >>> began.continued({"ratio": 12.0}, {"depth": 4, "ratio": 12.0, "keep": 5}).keep
        5
        >>> began.continued({}, {"depth": 6})
        Traceback (most recent call last):
        nanochat.errors.UserError: --depth 6 differs from the run's 4; leave it out, or start another --name
        """
        changes = {}
        for one in fields(self):
            before = getattr(self, one.name)
            if one.name not in given:
                continue
            now = given[one.name]
            if one.metadata["may_change"]:
                changes[one.name] = now
            elif now != before and now != asked.get(one.name, one.default):
                raise UserError(
                    f"{flag_of(one.name)} {now} differs from the run's {before}; "
                    "leave it out, or start another --name"
                )
        return replace(self, **changes).checked()


def flag_of(name: str) -> str:
    """The flag of a setting.

    >>> flag_of("device_batch_size"), flag_of("compile")
    ('--device-batch-size', '--no-compile')
    """
    return "--no-compile" if name == "compile" else "--" + name.replace("_", "-")


def kind_of(name: str) -> type:
    """The type of a setting's value, without the None.

    >>> kind_of("depth"), kind_of("ratio"), kind_of("corpus")
    (<class 'int'>, <class 'float'>, <class 'str'>)
    """
    annotation = next(one.type for one in fields(Settings) if one.name == name)
    return {"int": int, "float": float, "bool": bool, "str": str}[str(annotation).split(" ")[0]]


def check_value(name: str, value: object, facts: Any) -> None:
    """Raise `UserError` if a setting cannot have this value."""
    flag, kind = flag_of(name), kind_of(name)
    optional = next(one for one in fields(Settings) if one.name == name).default in (None, MISSING)
    if value is None and optional:
        return
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))) and not (
        kind is float and whole
    ):
        raise UserError(f"{flag} {value!r} is not {NAMES[kind]}")
    if facts["choices"] and value not in facts["choices"]:
        raise UserError(f"{flag} {value}: choose {', '.join(facts['choices'])}")
    if isinstance(value, (int, float)) and kind is not bool:
        low, high = facts["low"], facts["high"]
        if not low <= value <= high or not math.isfinite(value):
            raise UserError(f"{flag} {value:,} is out of range; it goes from {low:,} to {high:,}")
    if kind is str and not value and name != "without":
        raise UserError(f"{flag} needs a value, not ''")


NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
