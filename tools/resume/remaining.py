"""What remains of a run: steps, tokens, time; and what has to be done again."""

from __future__ import annotations

import statistics
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tools.checkpoints.runs import Run
from tools.checkpoints.scores import is_number, is_whole
from tools.core.errors import ToolError
from tools.core.jsonl import Record, records
from tools.core.report import Series

SPEED_OF = 50  # steps whose median time is taken: the first ones compile, and any may be disturbed
POINTS = 400  # of a curve


@dataclass
class Lines:
    """What the lines of a run say of its course."""

    last: int = 0  # the newest step that has a line
    count: int = 0
    tokens: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=SPEED_OF))
    evaluated: tuple[int, str, float] | None = None
    losses: list[tuple[float, float]] = field(default_factory=list)
    problem: str = ""

    @property
    def seconds_a_step(self) -> float | None:
        """The median of the last steps; evaluations and saving come on top."""
        return statistics.median(self.seconds) if self.seconds else None


def read_lines(run: Run) -> Lines:
    """The lines of a run, read one at a time; broken ones are left out, with a complaint of the first."""
    found = Lines()
    if run.metrics is None:
        found.problem = "metrics.jsonl is not there" if run.folder else "metrics.jsonl was not given"
        return found
    stride = 1
    try:
        for record in records(run.metrics):
            if record.cut and not is_whole(record.text):
                break  # the run was killed while it wrote; resuming takes the line away
            try:
                line = parsed(record)
            except ToolError as error:
                found.problem = found.problem or str(error)
                continue
            add_line(found, line, stride)
            if len(found.losses) > 2 * POINTS:
                found.losses, stride = found.losses[::2], 2 * stride
    except ToolError as error:  # what cannot be read at all
        found.problem = found.problem or str(error)
    return found


def parsed(record: Record) -> dict[str, Any]:
    """What a line says. Raises `ToolError` if it is no object with a step."""
    line = record.parse()
    if not isinstance(line, dict) or not isinstance(line.get("step"), int):
        raise ToolError(f"{record.name}:{record.line}: this line has no step")
    return line


def add_line(found: Lines, line: dict[str, Any], stride: int) -> None:
    """Take up one line."""
    step = line["step"]
    found.last, found.count = step, found.count + 1
    if is_number(line.get("tokens")):
        found.tokens = int(line["tokens"])
    if is_number(line.get("seconds")):
        found.seconds.append(float(line["seconds"]))
    if is_number(line.get("loss")) and found.count % stride == 0:
        found.losses.append((step, line["loss"]))
    for key, value in line.items():
        if key.startswith("val_") and is_number(value):
            found.evaluated = (step, key, value)


def curves(lines: Lines, step: int) -> list[Series]:
    """The loss up to the checkpoint, and of the steps that are done again."""
    kept = [point for point in lines.losses if point[0] <= step]
    again = [point for point in lines.losses if point[0] > step]
    found = [Series("kept", kept)] if kept else []
    # Joined, so that the line does not break where the checkpoint is.
    return [*found, Series("done again", kept[-1:] + again)] if again else found


def in_words(seconds: float) -> str:
    """A time as people say it.

    >>> in_words(45), in_words(600), in_words(7_200), in_words(3 * 86_400)
    ('45 seconds', '10 minutes', '2.0 hours', '3.0 days')
    """
    if seconds < 100:
        return f"{seconds:.0f} second{'' if round(seconds) == 1 else 's'}"
    if seconds < 5_400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3_600:.1f} hours" if seconds < 2 * 86_400 else f"{seconds / 86_400:.1f} days"
