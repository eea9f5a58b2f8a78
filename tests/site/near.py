"""Compare what the browser's model gave with what the same model gave here.

ONNX Runtime Web and ONNX Runtime add up in different orders, so the last digits of a chance differ.
"""

from __future__ import annotations

import re

NUMBER = re.compile(r"-?\d+(?:[.,]\d+)*")
NEAR = 0.02  # relative, or absolute below 1
# A tie in the last digit may change the order of two heads or tokens in a list.
SWAPPED = 0.01


def near(shown: str, expected: str) -> None:
    """The same text, with numbers that differ by rounding alone."""
    assert NUMBER.sub("#", shown) == NUMBER.sub("#", expected)
    pairs = list(zip(NUMBER.findall(shown), NUMBER.findall(expected), strict=True))
    off = [pair for pair in pairs if not _close(*pair)]
    assert len(off) <= SWAPPED * len(pairs), off[:10]


def _close(one: str, other: str) -> bool:
    if one == other:
        return True
    try:
        a, b = (float(text.replace(",", "")) for text in (one, other))
    except ValueError:
        return False
    return abs(a - b) <= NEAR * max(1.0, abs(a))
