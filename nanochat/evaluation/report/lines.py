"""`metrics.jsonl` and `samples.jsonl` as a report reads them: what cannot be read is left out and counted.

Standard library only.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

METRICS, SAMPLES = "metrics.jsonl", "samples.jsonl"

Found = TypeVar("Found")


@dataclass(frozen=True)
class Line:
    """One step: its figures by name, and the learning rate of each group of parameters."""

    step: int
    figures: Mapping[str, float]
    rates: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.figures[name]

    def __contains__(self, name: str) -> bool:
        return name in self.figures


@dataclass(frozen=True)
class Sample:
    """What the model wrote to a prompt, after some step."""

    step: int
    prompt: str
    text: str


def read_metrics(path: Path) -> tuple[tuple[Line, ...], int]:
    """The lines of a run, in the order of their steps, and how many could not be read.

    Of two lines of one step the later counts. A file that is not there has no lines.
    """
    found, broken = read(path, line_of)
    by_step = {line.step: line for line in found}
    return tuple(by_step[step] for step in sorted(by_step)), broken


def read_samples(path: Path) -> tuple[tuple[Sample, ...], int]:
    """The samples of a run as they were written, and how many lines could not be read."""
    found, broken = read(path, sample_of)
    return tuple(found), broken


def read(path: Path, make: Callable[[Mapping[str, Any]], Found | None]) -> tuple[list[Found], int]:
    """What `make` makes of each line of a file of JSON lines, and how many it makes nothing of."""
    if not path.is_file():
        return [], 0
    found, broken = [], 0
    # Not `splitlines`: that also breaks lines at letters which JSON may hold as they are.
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError):
            record = None
        made = make(record) if isinstance(record, dict) else None
        if made is None:
            broken += 1
        else:
            found.append(made)
    return found, broken


def line_of(record: Mapping[str, Any]) -> Line | None:
    """A step; None if it does not say which.

    >>> line_of({"step": 3, "loss": 2.5, "mfu": None, "lr": {"head": 0.1}})
    Line(step=3, figures={'step': 3, 'loss': 2.5}, rates={'head': 0.1})
    >>> line_of({"loss": 2.5})
    """
    step, rates = record.get("step"), record.get("lr")
    if not is_count(step):
        return None
    return Line(step, numbers(record), numbers(rates) if isinstance(rates, dict) else {})


def sample_of(record: Mapping[str, Any]) -> Sample | None:
    """A sample; None if something of it is missing."""
    step, prompt, text = (record.get(name) for name in ("step", "prompt", "text"))
    if not is_count(step) or not isinstance(prompt, str) or not isinstance(text, str):
        return None
    return Sample(step, prompt, text)


def numbers(record: Mapping[str, Any]) -> dict[str, float]:
    """The entries that are numbers which can be drawn.

    >>> numbers({"a": 1, "b": float("nan"), "c": "x", "d": True})
    {'a': 1}
    """
    return {name: value for name, value in record.items() if is_number(value)}


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number, and a finite one."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < 1e300 and math.isfinite(value)


def is_count(value: object) -> TypeGuard[int]:
    """Whether a value is a whole number above 0."""
    return is_number(value) and isinstance(value, int) and value > 0
