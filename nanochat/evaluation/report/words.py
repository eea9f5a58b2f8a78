"""Numbers and text as a report writes them. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence

WORDS = ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"))
SUPERSCRIPT = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
NONE = "–"  # of a table's cell that has nothing to say


def large(number: float) -> str:
    """A large number with three digits.

    >>> large(7_340_162), large(8_192), large(4.117e13), large(2.31e19)
    ('7.34 million', '8,192', '41.2 trillion', '2.31 × 10¹⁹')
    """
    if number >= 999.5e12:
        power = math.floor(math.log10(number))
        return f"{number / 10**power:.2f} × 10{str(power).translate(SUPERSCRIPT)}"
    for size, word in WORDS:
        if number >= 0.9995 * size:
            return f"{three_digits(number / size)} {word}"
    return f"{number:,.0f}"


def three_digits(number: float) -> str:
    """A number with three digits that count, and never with an exponent that a table does not need.

    >>> three_digits(1234.5), three_digits(4.05831), three_digits(0.00363248), three_digits(3.6e-05)
    ('1,234', '4.06', '0.00363', '3.6e-05')
    """
    return f"{number:,.0f}" if abs(number) >= 999.5 else f"{number:.3g}"


def duration(seconds: float) -> str:
    """How long something took.

    >>> duration(0.4), duration(59.7), duration(431), duration(3_725), duration(200_000)
    ('0.4 s', '1 min', '7 min 11 s', '1 h 2 min', '2 d 7 h')
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole >= 3_600:
        whole -= whole % 60
    units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)]
    parts = []
    for name, size in units:
        count, whole = divmod(whole, size)
        parts.append((count, name))
    first = next(place for place, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count)


def plural(count: int, word: str) -> str:
    """A count with its word.

    >>> plural(1, "layer"), plural(2_000, "step")
    ('1 layer', '2,000 steps')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def listing(words: Sequence[str]) -> str:
    """Words in a sentence.

    >>> listing(["a"]), listing(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def points(share: float) -> str:
    """A share as a percentage.

    >>> points(0.665)
    '66.5 %'
    """
    return f"{100 * share:.1f} %"


def printable(text: str) -> str:
    """Text without a letter that could move a cursor or turn what follows round; line breaks stay.

    A model may write anything, and reports are printed on terminals.

    >>> printable("a\\nb\\x1b[31m")
    'a\\nb·[31m'
    """
    return "".join(letter if letter.isprintable() or letter == "\n" else "·" for letter in text)


def one_line(text: str) -> str:
    """The same in one line.

    >>> one_line("a\\n b")
    'a b'
    """
    return " ".join(printable(text).split())
