"""From the words of a command line, a form or an address to a checked value: `parse`, and back: `write`.

A page and a command line share these lines, so they accept the same spellings and refuse with the same words.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from tools.core.errors import UsageError
from tools.core.words import LARGEST, listing, nearest, say, say_path

if TYPE_CHECKING:
    from tools.core.parameters import Parameter

TRUE_WORDS = ("true", "1", "yes", "on")
FALSE_WORDS = ("false", "0", "no", "off")
SUFFIXES = {"": 1, "k": 10**3, "m": 10**6, "b": 10**9, "g": 10**9, "t": 10**12}
NUMBER = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+(?:_[0-9]+)*|(?=\.[0-9]))"
    r"(?P<part>\.[0-9]*)?(?P<power>e[+-]?[0-9]{1,4})?\s*(?P<suffix>[kmbgt]?)",
    re.IGNORECASE,
)


def parse(parameter: Parameter, raw: object) -> Any:
    """The value a person or a page means by `raw`, or a `UsageError` in one line.

    >>> from tools.core.parameters import Parameter
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
        # A form's field holds a line for each; nothing at all is none, not an empty one.
        raw = (raw.split("\n") if raw else []) if parameter.kind == "text" else [raw]
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
    if isinstance(value, float) and not math.isfinite(value):
        raise _refuse(parameter, f"must be a finite number, not {say(raw)}")
    if whole and value != int(value):
        raise _refuse(parameter, f"must be a whole number, not {say(raw)}")
    if value < _low(parameter):
        raise _refuse(parameter, f"must be at least {say(_low(parameter))}, not {say(value)}")
    if value > _high(parameter):
        raise _refuse(parameter, f"must be at most {say(_high(parameter))}, not {say(value)}")
    return int(value) if whole else float(value)


def _low(parameter: Parameter) -> float:
    return -LARGEST if parameter.low is None else parameter.low


def _high(parameter: Parameter) -> float:
    return LARGEST if parameter.high is None else parameter.high


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
        bound = f"at least {say(_low(parameter))}" if exact < 0 else f"at most {say(_high(parameter))}"
        raise _refuse(parameter, f"must be {bound}, not {say(raw)}")
    if parameter.kind == "integer" and exact == exact.to_integral_value():
        return int(exact)
    return float(exact)


def _parse_choice(parameter: Parameter, raw: object) -> str:
    words = [word for word, _ in parameter.choices]
    if isinstance(raw, str) and raw in words:
        return raw
    alike = [word for word in words if word.lower() == str(raw).lower()]
    if len(alike) == 1:  # h100 for H100
        return alike[0]
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
        raise _refuse(
            parameter, f"must be at most {say(int(parameter.high))} characters, not {say(len(raw))}"
        )
    return raw


def _parse_file(parameter: Parameter, raw: object) -> Any:
    from pathlib import Path

    path = Path(str(raw))
    if (parameter.stdin and str(raw) == "-") or (parameter.names and "\0" not in str(raw)):
        return path
    try:
        found, folder = path.exists(), path.is_dir()
    except (OSError, ValueError):  # a name too long, or with a NUL
        found = folder = False
    if not found:
        kinds = "file or folder" if parameter.folder else "file"
        raise _refuse(parameter, f"names no {kinds} here: {say_path(raw)}")
    if folder and not parameter.folder:
        raise _refuse(parameter, f"must be a file, and {say_path(raw)} is a folder")
    return path


_PARSERS = {
    "integer": _parse_number,
    "number": _parse_number,
    "choice": _parse_choice,
    "flag": _parse_flag,
    "text": _parse_text,
    "file": _parse_file,
}


def write(value: object) -> str:
    """A value as flag, form and address write it; `parse` reads it back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return "" if value is None else str(value)
