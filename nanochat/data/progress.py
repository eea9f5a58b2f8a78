"""How far a download is: a bar with speed and time left on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

LINE_EVERY = 15.0  # seconds, where there is no terminal


class Meter:
    """Counts bytes and files of a download; any thread may report.

    On a terminal it draws a bar. In a log a bar would be noise: there it says a line every 15 seconds.
    """

    def __init__(self, title: str, total: int, files: int, say: Callable[[str], None]) -> None:
        self._title, self._total, self._files, self._say = title, total, files, say
        self._done = self._files_done = self._fetched = 0
        self._lock = threading.Lock()
        self._start = self._said = time.monotonic()
        console = Console(stderr=True)
        self._bar: Progress | None = None
        if console.is_terminal:
            self._bar = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                DownloadColumn(),
                TransferSpeedColumn(),
                TimeRemainingColumn(),
                console=console,
            )
            self._task = self._bar.add_task(self._words(), total=total)

    def __enter__(self) -> Meter:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar:
            self._bar.stop()

    def advance(self, count: int, fetched: bool = True) -> None:
        """`count` more bytes are there; below 0 if some were thrown away. `fetched`: just now."""
        with self._lock:
            self._done += count
            self._fetched += count if fetched else 0
            if self._bar:
                self._bar.update(self._task, completed=self._done)
            elif time.monotonic() - self._said > LINE_EVERY:
                self._said = time.monotonic()
                self._say(self.line())

    def file_done(self) -> None:
        """One more file is whole and checked."""
        with self._lock:
            self._files_done += 1
            if self._bar:
                self._bar.update(self._task, description=self._words())

    def line(self) -> str:
        """All of it in one line."""
        speed = max(self._fetched, 0) / max(time.monotonic() - self._start, 1e-9)
        left = f", {clock((self._total - self._done) / speed)} left" if speed > 0 else ""
        return (
            f"{self._words()}, {self._done / 1e6:,.0f} of {self._total / 1e6:,.0f} MB, "
            f"{speed / 1e6:.1f} MB/s{left}"
        )

    def _words(self) -> str:
        return f"{self._title}: {self._files_done} of {self._files} files"


def clock(seconds: float) -> str:
    """A duration as people say it.

    >>> clock(8), clock(200), clock(7300)
    ('8 s', '3 min', '2 h 2 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
