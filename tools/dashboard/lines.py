"""The steps of a `metrics.jsonl` that count, read line by line.

A run that is resumed goes back to a checkpoint and takes some steps again. The trainer removes the lines that
are overtaken so; a file that was joined from parts, or written by something else, may still have them. The
rule here is the trainer's: what was written later counts, and everything from that step on that was written
before does not.

A file is read once. Only where steps go back is it read again, because the lines that do not count stand
before the line that says so.
"""

from __future__ import annotations

import dataclasses
import math
import stat
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.core.errors import ToolError
from tools.core.jsonl import Record, records
from tools.core.words import say
from tools.dashboard.names import BY_KEY

LAST_STEP = 10**15
MOST_KEYS = 1_000
NULL_IS_NAN = ("loss", "grad_norm")
"""JSON has no NaN, so some writers put null; in `mfu` a null says that the machine's peak is not known."""
Found = dict[str, Any]


@dataclass
class Cuts:
    """Where steps go back: after line `lines[i]` no earlier line of step `steps[i]` or later counts."""

    lines: array[int] = field(default_factory=lambda: array("q"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    repeats: int = 0  # the same step again right away
    resumes: int = 0  # back by more than that
    first_resumes: list[tuple[int, int, int]] = field(default_factory=list)  # (line, last step, step)

    def add(self, line: int, last: int, step: int) -> None:
        """At this line, step `step` follows step `last`, which is not before it."""
        self.lines.append(line)
        self.steps.append(step)
        if step == last:
            self.repeats += 1
        else:
            self.resumes += 1
            if len(self.first_resumes) < 10:
                self.first_resumes.append((line, last, step))

    def finish(self) -> Cuts:
        """Make each entry the least step of all cuts from there on."""
        for at in range(len(self.steps) - 2, -1, -1):
            self.steps[at] = min(self.steps[at], self.steps[at + 1])
        return self

    def overtakes(self, line: int, step: int) -> bool:
        """Whether a later line went back to this step or before it.

        >>> cuts = Cuts()
        >>> cuts.add(4, 3, 2)  # steps 1 2 3, then in line 4 step 2 again
        >>> [cuts.finish().overtakes(line, line) for line in (1, 2, 3)]
        [False, True, True]
        """
        at = bisect_right(self.lines, line)
        return at < len(self.lines) and self.steps[at] <= step


class WentBack(Exception):
    """A step is not after the one before it, and what it overtakes is not known yet."""


@dataclass
class Steps:
    """The steps of a file that count, in order; what was seen on the way stands in the fields."""

    path: Path
    cuts: Cuts | None = None
    last_line: int | None = None  # read no further: what came later was not there the first time
    line: int = 0
    record: Record | None = None  # the last one
    last: int | None = None  # step of the last line
    cut_line: int | None = None  # the file ends within this line
    overtaken: int = 0

    def __iter__(self) -> Iterator[tuple[int, Found]]:
        """Each step and what its line says.

        Raises:
            ToolError: a line is no JSON object with a step.
            WentBack: a step goes back, and `cuts` are not given.
        """
        for record in named_records(self.path):
            if self.last_line is not None and record.line > self.last_line:
                return
            found = self.parsed(record)
            if found is None:
                return
            step = found["step"]
            if self.last is not None and step <= self.last and self.cuts is None:
                raise WentBack
            self.last = step
            if self.cuts is not None and self.cuts.overtakes(record.line, step):
                self.overtaken += 1
                continue
            yield step, found

    def parsed(self, record: Record) -> Found | None:
        """What a line says; None for the beginning of one that is still being written."""
        try:
            found = record.parse()
        except ToolError:
            if record.cut and self.line:
                self.cut_line = record.line
                return None
            dataclasses.replace(record, name=str(self.path)).parse()
            raise
        self.line, self.record = record.line, record
        return with_step(found, f"{self.path}:{record.line}")


def named_records(path: Path) -> Iterator[Record]:
    """The lines of a file; a complaint names the whole path, since the files of all runs are called alike."""
    try:
        yield from records(path)
    except ToolError as error:
        said = str(error)
        raise ToolError(
            str(path) + said.removeprefix(path.name) if said.startswith(path.name) else said
        ) from None


def with_step(found: object, place: str) -> Found:
    """The line as an object whose `step` is a whole number."""
    if not isinstance(found, dict):
        raise ToolError(f"{place}: no object with a step and its figures, but {say(found)}")
    if "step" not in found:
        keys = ", ".join(map(str, list(found)[:6])) or "nothing"
        raise ToolError(f'{place}: there is no "step" in this line; it has {keys}')
    step = found["step"]
    if isinstance(step, float) and step.is_integer():
        step = found["step"] = int(step)
    if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step <= LAST_STEP:
        raise ToolError(f"{place}: the step must be a whole number from 0 on, not {say(step)}")
    return found


def find_cuts(path: Path) -> Cuts:
    """Every place where steps go back."""
    check_again(path, "its steps go back")
    cuts = Cuts()
    steps = Steps(path)
    for record in named_records(path):
        found = steps.parsed(record)
        if found is None:
            break
        step = found["step"]
        if steps.last is not None and step <= steps.last:
            cuts.add(record.line, steps.last, step)
        steps.last = step
    return cuts.finish()


def check_again(path: Path, why: str) -> None:
    """Refuse what cannot be read twice."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise ToolError(
            f"{path} is a pipe, and it must be read twice, because {why}; save it to a file first"
        )


def figures_of(found: Found, place: str) -> dict[str, float]:
    """The numbers of a line by name, groups as `lr/head`.

    >>> figures_of({"step": 3, "loss": 2.5, "lr": {"head": 0.1}, "mfu": None, "note": "x"}, "m.jsonl:3")
    {'loss': 2.5, 'lr/head': 0.1}
    """
    values: dict[str, float] = {}
    for key, value in found.items():
        kind = type(value)
        if kind is float:
            values[key] = value
        elif kind is int:
            values[key] = as_float(value)
        elif kind is dict:
            for name, one in value.items():
                if type(one) is float:
                    values[f"{key}/{name}"] = one
                elif type(one) is int:
                    values[f"{key}/{name}"] = as_float(one)
        elif value is None:
            if key in NULL_IS_NAN:
                values[key] = math.nan
        elif key in BY_KEY:
            raise ToolError(f"{place}: {key} must be a number, not {say(value)}")
    del values["step"]
    return values


def as_float(value: int) -> float:
    """A whole number; one beyond all floats is infinite.

    >>> as_float(10**400), as_float(3)
    (inf, 3.0)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
