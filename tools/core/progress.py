"""How far long work is: a line on stderr for a person who waits, a message for a page, else nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType

WAIT_SECONDS = 0.5
"""What is over sooner needs no line."""
EVERY_SECONDS = 0.2

# A page puts a function here: what is being done, and which share of it is done, from 0 to 1.
TELL: list[Callable[[str, float], object]] = []


class Progress:
    """Progress of work with a known total, or with 0 for one that nobody knows.

    >>> with Progress("Reading a.jsonl", 100) as progress:
    ...     progress.at(50)
    """

    def __init__(self, what: str, total: float) -> None:
        self.what, self.total = what, total
        self.due = time.monotonic() + WAIT_SECONDS
        self.drawn = 0

    def at(self, done: float, also: str = "") -> None:
        """So much is done. `also` is said after the percentage: a loss, the time that remains."""
        now = time.monotonic()
        if now < self.due:
            return
        self.due = now + EVERY_SECONDS
        share = min(done / self.total, 1) if self.total else 0
        for tell in TELL:
            tell(self.what, share)
        if sys.stderr.isatty():
            line = (
                self.what
                + (f": {share:.0%}" if self.total else f": {done:,.0f}")
                + (f", {also}" if also else "")
            )
            sys.stderr.write(f"\r{line:<{self.drawn}}")
            sys.stderr.flush()
            self.drawn = len(line)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.drawn:  # leave no half line behind
            sys.stderr.write("\r" + " " * self.drawn + "\r")
            sys.stderr.flush()
