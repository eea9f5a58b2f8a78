"""A run that is still going: its file is looked at now and then, and what is new is taken in.

A file may grow, be cut, be rewritten in its place, or be replaced by another of the same name, as the trainer
does when a run is resumed. What was read last is therefore looked at again before anything after it is
believed; if it is not there any more, the whole file is read anew.
"""

from __future__ import annotations

from tools.core.errors import ToolError
from tools.core.jsonl import Record
from tools.dashboard.history import History, read_history
from tools.dashboard.lines import Steps
from tools.dashboard.runs import Run, read_run


class Tail:
    """One run, and how far its file has been read."""

    def __init__(self, run: Run, x: str = "step", smoothing: float = 0.9) -> None:
        self.run, self.x, self.smoothing = run, x, smoothing
        self.history: History | None = None
        self.seen: tuple[int, int, int] | None = None

    @property
    def done(self) -> bool:
        """Whether the last step is there."""
        return self.history is not None and self.history.steps_left == 0

    def look(self) -> bool:
        """Take in what is new; whether there was anything."""
        try:
            stat = self.run.metrics.stat()
        except FileNotFoundError:  # in the middle of being replaced
            return False
        now = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if now == self.seen:
            return False
        before, self.seen = self.seen, now
        grown = before is not None and now[0] == before[0] and now[1] > before[1]
        if self.history is None or not grown:
            return self.read_all()
        added = read_on(self.history)
        return self.read_all() if added is None else added > 0

    def read_all(self) -> bool:
        """Read the file from its beginning."""
        try:
            if self.run.metrics.stat().st_size == 0:
                had, self.history = self.history is not None, None
                return had
            self.history = read_history(self.fresh(), self.x, self.smoothing)
        except FileNotFoundError:
            self.seen = None
            return False
        return True

    def fresh(self) -> Run:
        """The run with what its config says now: a resumed one may be longer."""
        found = read_run(self.run.metrics)
        return Run(self.run.name, self.run.metrics, found.stage, found.steps or self.run.steps, found.device,
                   found.vocab_size)  # fmt: skip


def read_on(history: History) -> int | None:
    """Take in the whole lines after the last one read: how many; None if the file is another one now."""
    source = history.source
    assert source is not None
    record = source.record
    assert record is not None
    added = 0
    with source.path.open("rb") as file:
        file.seek(record.start)
        if file.readline().rstrip(b"\r\n") != record.text.encode():
            return None
        while (line := file.readline()).endswith(b"\n"):
            start = file.tell() - len(line)
            if not line.strip():
                source.line += 1
                continue
            if not take_line(history, source, line, start):
                return None
            added += 1
    source.cut_line = None
    history.flush()
    return added


def take_line(history: History, source: Steps, line: bytes, start: int) -> bool:
    """One more line; False if its step is not after the one before."""
    place = f"{source.path}:{source.line + 1}"
    try:
        text = line.decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise ToolError(f"{place}: not UTF-8 text") from None
    found = source.parsed(Record(str(source.path), source.line + 1, text, start, cut=False))
    assert found is not None
    if source.last is not None and found["step"] <= source.last:
        return False
    source.last = found["step"]
    history.add(found["step"], found, place)
    return True
