"""A tool's parameters: one frozen dataclass, declared once, from which flags, form and address all follow.

    from tools.core import parameters as ask

    @dataclass(frozen=True)
    class Plan:
        depth: int = ask.integer(12, "layers of the model", low=1, high=1000, group="Model")
        optimizer: str = ask.choice("muon", ["muon", "adamw"], "who updates the weights")
        budget: float | None = ask.number(None, "what it may cost", low=0, unit="USD")   # may be left out

The flag, the form's field and the key in a page's address are the field's name with dashes:
`--total-tokens`. All values pass through `parse`, so a page and a command line refuse the same things with
the same words.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tools.core.errors import UsageError
from tools.core.parsing import parse, write
from tools.core.words import nearest

P = TypeVar("P")


@dataclass(frozen=True)
class Parameter:
    """One thing a tool can be asked. Made by `integer`, `number`, `choice`, `flag`, `text` and `file`."""

    kind: str
    default: Any
    help: str
    name: str = ""
    label: str = ""
    group: str = "Options"
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[tuple[str, str], ...] = ()
    many: bool = False
    multiline: bool = False
    positional: bool = False
    suffixes: tuple[str, ...] = ()
    stdin: bool = False
    step: float | None = None
    folder: bool = False
    names: bool = False
    terminal: bool = False
    asks_model: bool = False

    @property
    def key(self) -> str:
        """The name in an address and a form: `total-tokens`."""
        return self.name.replace("_", "-")

    @property
    def flag(self) -> str:
        """The name on the command line: `--total-tokens`."""
        return "--" + self.key

    @property
    def optional(self) -> bool:
        """Whether it may be left empty, which the tool then reads as None."""
        return self.default is None


def _field(kind: str, default: Any, help: str, **settings: Any) -> Any:
    parameter = Parameter(kind, default, help, **settings)
    return dataclasses.field(default=default, metadata={"parameter": parameter})


def integer(
    default: int | None,
    help: str,
    *,
    low: int | None = None,
    high: int | None = None,
    unit: str = "",
    group: str = "Options",
    label: str = "",
    terminal: bool = False,
    asks_model: bool = False,
) -> Any:
    """A whole number. People may write 10B, 32k, 1e9, 50_000 or 50,000.

    Here and below: what is for the `terminal` is no field of a page, and no key of its address. What
    `asks_model` of the page is asked when the reader has ended it, not while it is typed.
    """
    settings = {"low": low, "high": high, "unit": unit, "terminal": terminal, "asks_model": asks_model}
    return _field("integer", default, help, group=group, label=label, **settings)


def number(
    default: float | None,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    step: float | None = None,
    group: str = "Options",
    label: str = "",
    terminal: bool = False,
) -> Any:
    """A finite number with a fraction. With `low`, `high` and `step`, a figure's form makes it a slider."""
    settings = {"low": low, "high": high, "unit": unit, "step": step, "terminal": terminal}
    return _field("number", default, help, group=group, label=label, **settings)


def choice(
    default: str | Sequence[str] | None,
    choices: Sequence[str] | Mapping[str, str],
    help: str,
    *,
    many: bool = False,
    group: str = "Options",
    label: str = "",
    terminal: bool = False,
) -> Any:
    """One of several words (`many`: any number of them, as a tuple). A mapping gives each word its label."""
    pairs = choices.items() if isinstance(choices, Mapping) else ((word, word) for word in choices)
    fixed = tuple(default) if many and default is not None else default
    settings = {"choices": tuple(pairs), "many": many, "terminal": terminal}
    return _field("choice", fixed, help, group=group, label=label, **settings)


def flag(
    help: str, *, default: bool = False, group: str = "Options", label: str = "", terminal: bool = False
) -> Any:
    """Yes or no. A flag that is on by default is turned off with `--no-NAME`."""
    return _field("flag", default, help, group=group, label=label, terminal=terminal)


def text(
    default: str | Sequence[str] | None,
    help: str,
    *,
    multiline: bool = False,
    many: bool = False,
    high: int | None = None,
    positional: bool = False,
    group: str = "Options",
    label: str = "",
    terminal: bool = False,
    asks_model: bool = False,
) -> Any:
    """Free text of at most `high` characters. `many` gives a tuple: a flag each, or a line each in a form.

    A `positional` one may also be given on the command line without its flag.
    """
    fixed = tuple(default) if many and default is not None else default
    settings = {"multiline": multiline or many, "many": many, "high": high, "positional": positional}
    settings |= {"terminal": terminal, "asks_model": asks_model}
    return _field("text", fixed, help, group=group, label=label, **settings)


def file(
    help: str,
    *,
    suffixes: Sequence[str] = (),
    stdin: bool = False,
    many: bool = False,
    positional: bool = False,
    folder: bool = False,
    names: bool = False,
    group: str = "Options",
    label: str = "",
    terminal: bool = False,
) -> Any:
    """A file to read, as a `pathlib.Path` or None; in the browser one that the reader chose or dropped.

    With `stdin` a `-` on the command line means standard input, and comes as `Path("-")`. `many` gives a
    tuple. It may be a `folder` too; with `names` also a word that the tool knows by itself, such as a run's
    name, so nothing is looked for.
    """
    settings: dict[str, Any] = {"suffixes": tuple(suffixes), "stdin": stdin, "terminal": terminal}
    settings |= {"many": many, "positional": positional, "folder": folder, "names": names}
    return _field("file", () if many else None, help, group=group, label=label, **settings)


def parameters_of(declared: type) -> tuple[Parameter, ...]:
    """The parameters of a dataclass, in order, each with its name and a label.

    >>> @dataclass(frozen=True)
    ... class Plan:
    ...     total_tokens: int = integer(10, "tokens to train on")
    >>> [(p.flag, p.label) for p in parameters_of(Plan)]
    [('--total-tokens', 'Total tokens')]
    """
    found = []
    for field in dataclasses.fields(declared):
        parameter = field.metadata["parameter"]
        words = field.name.replace("_", " ")
        label = parameter.label or words[:1].upper() + words[1:]
        found.append(dataclasses.replace(parameter, name=field.name, label=label))
    return tuple(found)


def page_parameters(declared: type) -> tuple[Parameter, ...]:
    """Those that a page has too."""
    return tuple(parameter for parameter in parameters_of(declared) if not parameter.terminal)


def build(declared: type[P], values: Mapping[str, object]) -> P:
    """The parameters for these values, all checked; what is not given keeps its default.

    >>> @dataclass(frozen=True)
    ... class Plan:
    ...     total_tokens: int = integer(10, "tokens to train on")
    >>> build(Plan, {"total_tokens": "2B"})
    Plan(total_tokens=2000000000)
    """
    known = {parameter.name: parameter for parameter in parameters_of(declared)}
    for name in values:
        if name not in known:
            flags = [parameter.flag for parameter in known.values()]
            asked = "--" + name.replace("_", "-")
            raise UsageError(f"there is no {asked}{nearest(asked, flags)}", parameter=name)
    return declared(**{name: parse(known[name], raw) for name, raw in values.items()})


def from_query(declared: type[P], query: Mapping[str, object]) -> tuple[P, list[str]]:
    """Parameters from a page's address or form, and the keys that mean nothing here."""
    known = {parameter.key: parameter.name for parameter in page_parameters(declared)}
    unknown = [key for key in query if key not in known]
    return build(declared, {known[key]: raw for key, raw in query.items() if key in known}), unknown


def to_query(parameters: object) -> dict[str, str | list[str]]:
    """What differs from the defaults, as an address would say it.

    >>> @dataclass(frozen=True)
    ... class Plan:
    ...     total_tokens: int = integer(10, "tokens to train on")
    ...     depth: int = integer(12, "layers")
    >>> to_query(Plan(total_tokens=2000))
    {'total-tokens': '2000'}
    """
    query: dict[str, str | list[str]] = {}
    for parameter in page_parameters(type(parameters)):
        value = getattr(parameters, parameter.name)
        if value != parameter.default:
            query[parameter.key] = [write(one) for one in value] if parameter.many else write(value)
    return query


def to_json(parameters: object) -> dict[str, object]:
    """All values by name, with paths as text."""
    values = {p.name: getattr(parameters, p.name) for p in parameters_of(type(parameters))}
    return {name: _plain(value) for name, value in values.items()}


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return value if isinstance(value, (type(None), bool, int, float, str)) else str(value)
