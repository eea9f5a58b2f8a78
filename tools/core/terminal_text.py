"""Text measured, padded, wrapped and made harmless for a terminal."""

from __future__ import annotations

import unicodedata

PLAIN = str.maketrans({
    "─": "-", "•": "*", "×": "x", "÷": "/", "·": ".", "…": "...", "–": "-", "—": "-", "≈": "~", "→": "->",
    "█": "#", "│": "|", "⏎": "\\n", "⇥": "\\t", "“": '"', "”": '"', "’": "'", "≤": "<=", "≥": ">=", "²":
    "^2", "−": "-", "░": ":", "▒": "+", "▓": "%", "√": "sqrt ",
})  # fmt: skip


def width_of(text: str) -> int:
    """How many columns a text takes: two for East Asian and emoji, none for what combines.

    >>> width_of("é"), width_of("日本"), width_of("e\\u0301")
    (1, 4, 1)
    """
    if text.isascii():
        return len(text)
    wide = ("W", "F")
    zero = ("Mn", "Me", "Cf")
    return sum(
        0 if unicodedata.category(one) in zero else 2 if unicodedata.east_asian_width(one) in wide else 1
        for one in text
    )


def visible(text: str, newline: str = "⏎") -> str:
    """The text with control characters made visible, so that no text can steer the reader's terminal.

    >>> visible("a\\x1b[31mb\\n")
    'a␛[31mb⏎'
    """
    if text.isprintable():
        return text
    return "".join(_visible(one, newline) for one in text)


def _visible(one: str, newline: str) -> str:
    code = ord(one)
    if one == "\n":
        return newline
    if one == "\t":
        return "⇥"
    if code < 32:
        return chr(0x2400 + code)
    if code == 127:
        return "␡"
    # Also the direction marks, which could make a line read as another one; joiners inside emoji stay.
    if (
        unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")
        or 0x202A <= code <= 0x202E
        or 0x2066 <= code <= 0x2069
    ):
        return f"\\u{code:04x}"
    return one


def pad(text: str, width: int, align: str = "left") -> str:
    """The text in a field of so many columns."""
    space = " " * max(0, width - width_of(text))
    return space + text if align == "right" else text + space


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` columns, broken at spaces; a longer word is cut.

    >>> wrap("one two three", 8)
    ['one two', 'three']
    """
    lines, line = [], ""
    for word in text.split(" "):
        if line and width_of(line) + 1 + width_of(word) > width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
        while width_of(line) > width:
            cut = _fitting(line, width)
            lines.append(line[:cut])
            line = line[cut:]
    return [*lines, line]


def _fitting(text: str, width: int) -> int:
    used = 0
    for index, one in enumerate(text):
        used += width_of(one)
        if used > width:
            return max(1, index)
    return len(text)


def fits(encoding: str) -> bool:
    """Whether an encoding has what the frames, bars and charts are drawn with.

    >>> fits("utf-8"), fits("latin-1"), fits("no such encoding")
    (True, False, False)
    """
    try:
        "─•█📊⣿".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def plain(text: str, encoding: str = "ascii") -> str:
    """The text with ASCII stand-ins for what is drawn, and escapes for what the encoding does not have.

    >>> plain("─ 2×3 → 日")
    '- 2x3 -> \\\\u65e5'
    """
    try:
        "".encode(encoding)
    except LookupError:
        encoding = "ascii"
    return text.translate(PLAIN).encode(encoding, "backslashreplace").decode(encoding)
