"""A tool's parameters: one frozen dataclass, declared once, from which flags, form and address all follow.

    @dataclass(frozen=True)
    class Plan:
        depth: int = integer(12, "layers of the model", low=1, high=1000, group="Model")
        optimizer: str = choice("muon", ["muon", "adamw"], "who updates the weights")
        budget: float | None = number(None, "what it may cost", low=0, unit="USD")   # None: may be left out

The flag, the form's field and the key in a page's address are the field's name with dashes: `--total-tokens`. All
values pass through `parse`, so a page and a command line refuse the same things with the same words.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar

from tools.core.errors import UsageError

P = TypeVar("P")

LARGEST = 10**18
"""The bound where none is given: no count in machine learning comes near it, and all of them stay exact."""

TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")
SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9][0-9_]*|(?=\.[0-9]))"
    r"(?P<part>\.[0-9]*)?(?P<power>e[+-]?[0-9]{1,4})?\s*(?P<suffix>[kmbgt]?)",
    re.IGNORECASE,
)


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
) -> Any:
    """A whole number. People may write 10B, 32k, 1e9, 50_000 or 50,000."""
    return _field("integer", default, help, low=low, high=high, unit=unit, group=group, label=label)


def number(
    default: float | None,
    help: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    group: str = "Options",
    label: str = "",
) -> Any:
    """A finite number with a fraction."""
    return _field("number", default, help, low=low, high=high, unit=unit, group=group, label=label)


def choice(
    default: str | Sequence[str] | None,
    choices: Sequence[str] | Mapping[str, str],
    help: str,
    *,
    many: bool = False,
    group: str = "Options",
    label: str = "",
) -> Any:
    """One of several words (`many`: any number of them, as a tuple). A mapping gives each word its label."""
    pairs = choices.items() if isinstance(choices, Mapping) else ((word, word) for word in choices)
    fixed = tuple(default) if many and default is not None else default
    return _field("choice", fixed, help, choices=tuple(pairs), many=many, group=group, label=label)


def flag(help: str, *, default: bool = False, group: str = "Options", label: str = "") -> Any:
    """Yes or no. A flag that is on by default is turned off with `--no-NAME`."""
    return _field("flag", default, help, group=group, label=label)


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
) -> Any:
    """Free text of at most `high` characters. `many` gives a tuple: the flag repeated, or a line each in the form.

    A `positional` one may also be given on the command line without its flag.
    """
    fixed = tuple(default) if many and default is not None else default
    settings = {"multiline": multiline or many, "many": many, "high": high, "positional": positional}
    return _field("text", fixed, help, group=group, label=label, **settings)


def file(help: str, *, suffixes: Sequence[str] = (), group: str = "Options", label: str = "") -> Any:
    """A file to read, as a `pathlib.Path` or None; in the browser one that the reader chose or dropped."""
    return _field("file", None, help, suffixes=tuple(suffixes), group=group, label=label)


@lru_cache(maxsize=64)
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


def say(value: object) -> str:
    """A value as an error message shows it: short, printable, numbers with separators.

    >>> say(1000000), say(0.5), say("x" * 99)
    ('1,000,000', '0.5', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}" if abs(value) <= LARGEST else f"about 1e{len(str(abs(value))) - 1}"
    if isinstance(value, float):
        return f"{value:g}"
    words = str(value)
    return ascii_safe(repr(words if len(words) <= 40 else words[:39] + "…"))


def ascii_safe(text: str) -> str:
    """The text with lone surrogates (bytes that were no UTF-8) written as escapes, so that it can be printed."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def listing(words: Iterable[str], last: str = "or") -> str:
    """Words as a person lists them.

    >>> listing(["a", "b", "c"])
    'a, b or c'
    """
    *first, final = list(words)
    return f"{', '.join(first)} {last} {final}" if first else final


def nearest(word: str, known: Iterable[str]) -> str:
    """`"; did you mean X?"`, or nothing when no known word is near."""
    from difflib import get_close_matches

    close = get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def parse(parameter: Parameter, raw: object) -> Any:
    """The value a person or a page means by `raw`, or a `UsageError` in one line.

    >>> depth = Parameter("integer", 12, "layers", name="depth", low=1)
    >>> parse(depth, "10k")
    10000
    >>> parse(depth, "0")
    Traceback (most recent call last):
    tools.core.errors.UsageError: --depth must be at least 1, not 0
    """
    if parameter.many:
        return _parse_many(parameter, raw)
    if isinstance(raw, (list, tuple)):
        if len(raw) != 1:
            raise _refuse(parameter, f"takes one value, not {len(raw)}")
        raw = raw[0]
    if raw is None or (raw == "" and (parameter.optional or parameter.kind in ("integer", "number", "flag"))):
        return parameter.default
    return _PARSERS[parameter.kind](parameter, raw)


def _refuse(parameter: Parameter, problem: str) -> UsageError:
    return UsageError(f"{parameter.flag} {problem}", parameter=parameter.name)


def _parse_many(parameter: Parameter, raw: object) -> Any:
    if raw is None:
        return parameter.default
    if isinstance(raw, str):
        raw = raw.split("\n") if parameter.kind == "text" else [raw]
    if not isinstance(raw, (list, tuple)):
        raise _refuse(parameter, f"must be a list, not {say(raw)}")
    given = [item for item in raw if item != "" or parameter.kind == "text"]
    values = tuple(dict.fromkeys(_PARSERS[parameter.kind](parameter, item) for item in given))
    if not values:
        return parameter.default
    return values


def _parse_number(parameter: Parameter, raw: object) -> int | float:
    whole = parameter.kind == "integer"
    noun = "a whole number" if whole else "a number"
    value: int | float
    if isinstance(raw, bool) or not isinstance(raw, (int, float, str)):
        raise _refuse(parameter, f"must be {noun}, not {say(raw)}")
    if isinstance(raw, str):
        value = _read_number(parameter, raw, noun)
    else:
        value = raw
    if not math.isfinite(value):
        raise _refuse(parameter, f"must be a finite number, not {say(raw)}")
    if whole and value != int(value):
        raise _refuse(parameter, f"must be a whole number, not {say(raw)}")
    low = -LARGEST if parameter.low is None else parameter.low
    high = LARGEST if parameter.high is None else parameter.high
    if value < low:
        raise _refuse(parameter, f"must be at least {say(low)}, not {say(value)}")
    if value > high:
        raise _refuse(parameter, f"must be at most {say(high)}, not {say(value)}")
    return int(value) if whole else float(value)


def _read_number(parameter: Parameter, raw: str, noun: str) -> int | float:
    stripped = raw.strip()
    match = NUMBER.fullmatch(stripped) if len(stripped) <= 400 else None
    if match is None:
        raise _refuse(parameter, f"must be {noun}, not {say(raw)}")
    digits = match["whole"].replace(",", "").replace("_", "")
    if match["part"] is None and match["power"] is None:
        return int(match["sign"] + digits) * SUFFIXES[match["suffix"].lower()]
    from decimal import Decimal  # exact: int(float("1.1e18")) would round

    exact = Decimal(f"{match['sign']}{digits or '0'}{match['part'] or ''}{match['power'] or ''}")
    exact *= SUFFIXES[match["suffix"].lower()]
    if exact and exact.adjusted() > 30:  # int() of 1e9999 would build all its digits
        raise _refuse(parameter, f"must be at most {say(parameter.high or LARGEST)}, not {say(raw)}")
    if parameter.kind == "integer" and exact == exact.to_integral_value():
        return int(exact)
    return float(exact)


def _parse_choice(parameter: Parameter, raw: object) -> str:
    words = [word for word, _ in parameter.choices]
    if isinstance(raw, str) and raw in words:
        return raw
    hint = nearest(str(raw), words)
    raise _refuse(parameter, f"must be {listing(words)}, not {say(raw)}{hint}")


def _parse_flag(parameter: Parameter, raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise _refuse(parameter, f"must be true or false, not {say(raw)}")


def _parse_text(parameter: Parameter, raw: object) -> str:
    if not isinstance(raw, str):
        raise _refuse(parameter, f"must be text, not {say(raw)}")
    if parameter.high is not None and len(raw) > parameter.high:
        raise _refuse(parameter, f"must be at most {say(int(parameter.high))} characters, not {say(len(raw))}")
    return raw


def _parse_file(parameter: Parameter, raw: object) -> Any:
    from pathlib import Path

    path = Path(str(raw))
    try:
        found, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name too long, or with a NUL
        found = folder = False
    if not found:
        raise _refuse(parameter, f"names no file here: {say(raw)}")
    if folder:
        raise _refuse(parameter, f"must be a file, and {say(raw)} is a folder")
    return path


_PARSERS = {
    "integer": _parse_number,
    "number": _parse_number,
    "choice": _parse_choice,
    "flag": _parse_flag,
    "text": _parse_text,
    "file": _parse_file,
}


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
    """Parameters from a page's address or form, and the keys that mean nothing here (a page mentions them)."""
    known = {parameter.key: parameter.name for parameter in parameters_of(declared)}
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
    for parameter in parameters_of(type(parameters)):
        value = getattr(parameters, parameter.name)
        if value != parameter.default:
            query[parameter.key] = [write(one) for one in value] if parameter.many else write(value)
    return query


def write(value: object) -> str:
    """A value as flag, form and address write it; `parse` reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)


def to_json(parameters: object) -> dict[str, object]:
    """All values by name, with paths as text."""
    values = {p.name: getattr(parameters, p.name) for p in parameters_of(type(parameters))}
    plain = (type(None), bool, int, float, str, tuple)
    return {name: value if isinstance(value, plain) else str(value) for name, value in values.items()}
