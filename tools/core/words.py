"""How messages put values and lists into words."""

from __future__ import annotations

from collections.abc import Iterable

LARGEST = 10**18
"""The bound where none is given: no count in machine learning comes near it, and all of them stay exact."""


def say(value: object) -> str:
    """A value as an error message shows it: short, printable, numbers with separators.

    >>> say(1000000), say(0.5), say("x" * 99)
    ('1,000,000', '0.5', "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'")
    >>> say(-(10**29) + 1)
    'about -1e29'
    """
    if isinstance(value, int) and not isinstance(value, bool):
        if abs(value) <= LARGEST:
            return f"{value:,}"
        from decimal import Decimal  # a float has no 1e400

        return "about " + f"{Decimal(value):.0e}".replace("e+", "e")
    if isinstance(value, float):
        return f"{int(value):,}" if value.is_integer() and abs(value) <= 1e12 else f"{value:g}"
    words = str(value)
    return ascii_safe(repr(words if len(words) <= 40 else words[:39] + "…"))


def say_path(path: object) -> str:
    """A path as an error message shows it: a long one loses its beginning, since its end says which it is.

    >>> say_path("/a" + "/folder" * 20 + "/gone.jsonl")
    "'…/folder/folder/folder/folder/folder/folder/gone.jsonl'"
    """
    words = str(path)
    return ascii_safe(repr(words if len(words) <= 60 else "…" + words[-53:]))


def ascii_safe(text: str) -> str:
    """The text with lone surrogates (from bytes that are no UTF-8) as escapes, so that it can be printed."""
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


def whole_characters(text: str) -> str:
    r"""Text without halves of surrogate pairs: a page or a command line can send them, and they say nothing.

    >>> whole_characters("a\ud83d!")
    'a\ufffd!'
    """
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
