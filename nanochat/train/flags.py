"""Settings whose fields are flags of a command: each with its help, its range and its default.

A stage of training has a dataclass of them. The command line is made from it, a run writes it into
`config.json`, and reading it back gives the same run again. `None` means: left to the plan and to the
machine. Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import MISSING, Field, asdict, dataclass, field, fields, replace
from typing import Any, Self

from nanochat.errors import UserError


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
class Flags:
    """What all such dataclasses can do."""

    def checked(self) -> Self:
        """The same; raises `UserError` for the first value that its flag cannot have."""
        for one in fields(self):
            check_value(one, getattr(self, one.name))
        return self

    def to_dict(self) -> dict[str, Any]:
        """Every setting as plain data, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any], where: str) -> Self:
        """Read what `to_dict` wrote; `where` names the file in a complaint.

        >>> from nanochat.train.settings import Settings
        >>> Settings.from_dict({"dept": 4}, "config.json")
        Traceback (most recent call last):
        nanochat.errors.UserError: config.json: there is no setting 'dept'
        """
        known = {one.name for one in fields(cls)}
        for name in data:
            if name not in known:
                raise UserError(f"{where}: there is no setting {name!r}")
        return cls(**data).checked()

    def continued(self, asked: dict[str, Any], given: dict[str, Any]) -> Self:
        """A resumed run's settings: as it began, but for what may change without changing what is learnt.

        `asked` are the flags it began with, `given` those of now.

        >>> from nanochat.train.settings import Settings
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


def kind_of(one: Field[Any]) -> type:
    """The type of a setting's value, without the None.

    >>> from nanochat.train.settings import Settings
    >>> {one.name: kind_of(one) for one in fields(Settings) if one.name in ("depth", "ratio", "corpus")}
    {'depth': <class 'int'>, 'corpus': <class 'str'>, 'ratio': <class 'float'>}
    """
    return {"int": int, "float": float, "bool": bool, "str": str}[str(one.type).split(" ")[0]]


def check_value(one: Field[Any], value: object) -> None:
    """Raise `UserError` if a setting cannot have this value."""
    flag, kind, facts = flag_of(one.name), kind_of(one), one.metadata
    if value is None and one.default in (None, MISSING):
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
    if kind is str and not value and one.default != "":
        raise UserError(f"{flag} needs a value, not ''")


NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
