"""Sizes and counts in words."""

from __future__ import annotations

from tools.core.report import Cell, Value

Lines = list[list[Cell | Value]]  # of a table

UNITS = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def in_bytes(size: float) -> str:
    """Bytes in the unit that shows them best.

    >>> in_bytes(75_598_200), in_bytes(3 * 2**30), in_bytes(512)
    ('72.1 MiB', '3.0 GiB', '512 bytes')
    """
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size:,.0f} bytes"


def plural(number: int, word: str) -> str:
    """A count with its noun.

    >>> plural(1, "run"), plural(3, "run")
    ('1 run', '3 runs')
    """
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def cut_off(shown: int, every: int, what: str) -> str:
    """What a reader is told when a table does not show all.

    >>> cut_off(60, 100, "tensors")
    'Only the first 60 of 100 tensors are shown; --rows shows more.'
    """
    return f"Only the first {shown:,} of {every:,} {what} are shown; --rows shows more."
