"""How far a long evaluation is: one line that moves on a terminal, a line now and then elsewhere.

It goes to standard error, so that results alone are on standard output. Standard library only.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

EVERY_ON_TERMINAL, EVERY = 0.2, 15.0  # seconds
CLEAR = "\r\x1b[K"

Said = Callable[[str, int, int], object]  # task, questions done, all questions


def silent(task: str, done: int, total: int) -> None:
    """Say nothing of how far it is."""


class Counter:
    """Tells of a task how many questions are done.

    >>> import io
    >>> written = io.StringIO()
    >>> counter = Counter(written, every=0)
    >>> counter.count("gsm8k", 5, 1_319)
    >>> written.getvalue()
    'gsm8k: 5 of 1,319\\n'
    """

    def __init__(self, stream: TextIO | None = None, every: float | None = None) -> None:
        self.stream = stream or sys.stderr
        self.moves = self.stream.isatty()
        self.every = (EVERY_ON_TERMINAL if self.moves else EVERY) if every is None else every
        self.began = self.said = time.monotonic()
        self.task = ""

    def count(self, task: str, done: int, total: int) -> None:
        """So many are done."""
        now = time.monotonic()
        if task != self.task:
            self.task, self.began = task, now
            self.said = now if self.every else now - 1
        if now - self.said < self.every:
            return
        self.said = now
        seconds = now - self.began
        left = f", {seconds / done * (total - done):,.0f} s left" if done and seconds > 1 else ""
        self.show(f"{task}: {done:,} of {total:,}{left}")

    def show(self, line: str) -> None:
        """One line, in the place of the last one where it can be."""
        self.stream.write(f"{CLEAR}{line}" if self.moves else f"{line}\n")
        self.stream.flush()

    def clear(self) -> None:
        """Take the moving line away."""
        if self.moves:
            self.stream.write(CLEAR)
            self.stream.flush()
