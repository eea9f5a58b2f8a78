"""Text made safe for HTML and SVG."""

from __future__ import annotations

_UNSAFE = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
# HTML forbids these even as references: control characters but tab and line ends, halves of surrogate pairs.
_FORBIDDEN = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160)], "\N{REPLACEMENT CHARACTER}")
_TABLE = str.maketrans(_UNSAFE) | _FORBIDDEN


def escape(text: object) -> str:
    """The text so that HTML shows it as it is, in an element and inside quotes alike.

    >>> escape('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    safe = str(text).translate(_TABLE)
    if safe.isascii():
        return safe
    # A bare "replace" would put a question mark for a lone surrogate; the page should say that something
    # was there.
    return "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= one <= "\udfff" else one for one in safe)
