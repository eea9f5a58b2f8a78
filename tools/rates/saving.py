"""A sweep is written down while it is measured, so what a stopped one leaves can be read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools.core.errors import UsageError


def check_new_sweep(low: float, high: float, save: str | None) -> None:
    """Refuse what no sweep can be made with, before the work begins.

    >>> check_new_sweep(low=2.0, high=1.0, save=None)
    Traceback (most recent call last):
    tools.core.errors.UsageError: --low 2 is not below --high 1
    """
    if not low < high:
        raise UsageError(f"--low {low:g} is not below --high {high:g}", "low")
    if save is not None and Path(save).exists():
        raise UsageError(f"--save: {save} exists; give another name", "save")


@contextmanager
def lines_to(save: str | None) -> Iterator[Callable[[dict[str, Any]], None]]:
    """What writes lines into a new file as they come, or nowhere; says what is there if it is interrupted."""
    if save is None:
        yield lambda data: None
        return
    path = Path(save)
    try:
        file = path.open("x", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--save: {save} cannot be written: {error.strerror}", "save") from None
    count = 0

    def write(data: dict[str, Any]) -> None:
        nonlocal count
        file.write(json.dumps(data, ensure_ascii=False) + "\n")
        file.flush()
        count += 1

    with file:
        try:
            yield write
        except KeyboardInterrupt:
            steps = max(0, count - 1)
            sys.stderr.write(f"\nstopped; {save} has the {steps:,} steps so far: --sweep {save} reads it\n")
            raise
