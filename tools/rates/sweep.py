"""A range test as it is saved: JSON lines, the first of which says what was tested.

    {"kind": "lr-range-test", "version": 1, "low": 0.01, "high": 100.0, "steps": 60, "rates": {…}, …}
    {"group": "matrices", "step": 1, "factor": 0.01, "loss": 8.319, "seconds": 1.8}

A line is written as soon as its step is measured, so what a stopped test leaves can be read. `factor` is what
the configured rates of the group were multiplied by. `all` is every group by a common factor; `control` are
the same batches with every group at its configured rate. A first line with `"program": "microgpt"` tells
that microGPT was swept, whose one rate is that of `all`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat.train.rate_groups import HOPELESS
from tools.core.errors import ToolError
from tools.core.jsonl import Record, records

KIND, VERSION = "lr-range-test", 1
ALL, CONTROL = "all", "control"
MICROGPT = "microgpt"  # the program that was tested, where it was not the real model
MOST_STEPS = 200_000  # no range test is so long; what has more lines is something else

Data = dict[str, Any]


@dataclass
class Sweep:
    """One group's steps: what its rates were multiplied by, and the loss before each step, in nats a
    token."""

    group: str
    factors: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0


@dataclass
class RangeTest:
    """What a file holds: its first line, the sweeps by their groups' names, and the control if there is
    one."""

    header: Data
    sweeps: dict[str, Sweep] = field(default_factory=dict)
    control: Sweep = field(default_factory=lambda: Sweep(CONTROL))
    cut: bool = False  # whether the last line was left out, because it is not whole

    @property
    def rates(self) -> Mapping[str, float]:
        """The configured rate of every group."""
        found: Mapping[str, float] = self.header["rates"]
        return found

    @property
    def is_microgpt(self) -> bool:
        """Whether microGPT was tested, and not the real model."""
        return self.header.get("program") == MICROGPT

    @property
    def steps(self) -> int:
        """How many steps a sweep was to have."""
        return int(self.header["steps"])

    def is_whole(self, sweep: Sweep) -> bool:
        """Whether a sweep went to its end: the highest rate, or a loss beyond hope."""
        last, lowest = sweep.losses[-1], min(sweep.losses)
        return len(sweep.losses) >= self.steps or not last <= lowest + HOPELESS


def header_of(facts: Mapping[str, Any], low: float, high: float, steps: int) -> Data:
    """The first line of a file."""
    return {"kind": KIND, "version": VERSION, "low": low, "high": high, "steps": steps, **facts}


def line_of(group: str, step: int, factor: float, loss: float, seconds: float) -> Data:
    """One step as a line; a loss that is no number is null, which JSON can hold.

    >>> line_of("all", 1, 0.01, float("nan"), 1.75)["loss"] is None
    True
    """
    return {
        "group": group, "step": step, "factor": float(f"{factor:.6g}"),
        "loss": round(loss, 5) if math.isfinite(loss) else None, "seconds": round(seconds, 3),
    }  # fmt: skip


def read(path: Path) -> RangeTest:
    """A saved range test.

    Raises:
        ToolError: it is something else, or a line of it is damaged; the line is named.
    """
    lines = records(path)
    first = next(lines, None)
    if first is None:
        raise ToolError(f"{path.name} is empty; a range test that is saved begins with what was tested")
    test = RangeTest(_header(first))
    for number, record in enumerate(lines):
        if number >= MOST_STEPS:
            place = f"{record.name}:{record.line}"
            raise ToolError(f"{place}: more than {MOST_STEPS:,} steps; no range test has as many")
        try:
            data = _object(record)
        except ToolError:
            if not record.cut:
                raise
            test.cut = True
            break
        add(test, data, f"{record.name}:{record.line}")
    return test


def _object(record: Record) -> Data:
    found = record.parse()
    if not isinstance(found, dict):
        raise ToolError(
            f"{record.name}:{record.line}: a line must be an object in braces, not {_kind(found)}"
        )
    return found


def _kind(value: object) -> str:
    names = {str: "text", list: "a list", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _header(record: Record) -> Data:
    place, found = f"{record.name}:{record.line}", _object(record)
    if found.get("kind") != KIND:
        hint = ""
        if "step" in found and "lr" in found:
            hint = (
                ": it is the metrics of a run, whose rates follow a schedule; see it with training-dashboard"
            )
        raise ToolError(f"{place}: this is no saved range test{hint}; make one with --save")
    if found.get("version") != VERSION:
        raise ToolError(
            f"{place}: version {found.get('version')!r} of a range test; this tool reads {VERSION}"
        )
    for key in ("low", "high"):
        _number(found, key, place, low=0.0)
    if not found["low"] < found["high"]:
        raise ToolError(f"{place}: low {found['low']} is not below high {found['high']}")
    if not isinstance(found.get("steps"), int) or not 2 <= found["steps"] <= MOST_STEPS:
        raise ToolError(f"{place}: steps must be a whole number from 2 to {MOST_STEPS:,}")
    if not isinstance(found.get("rates"), dict) or not found["rates"]:
        raise ToolError(f"{place}: rates must say the learning rate of every group")
    for group in found["rates"]:
        _number(found["rates"], group, f"{place}: rates", low=0.0)
    if found.get("program") not in (None, MICROGPT):
        said = json.dumps(found["program"])[:40]
        raise ToolError(f"{place}: program {said} is none that this tool knows; it knows {MICROGPT!r}")
    if "program" in found and ALL not in found["rates"]:
        raise ToolError(f"{place}: rates must say the one rate of {MICROGPT}, as {ALL!r}")
    for key in ("asked", "settings", "corpus", "tokenizer"):
        if not isinstance(found.get(key, {}), dict):
            raise ToolError(f"{place}: {key} must be an object in braces")
    return found


def _number(data: Mapping[str, Any], key: str, place: str, low: float) -> float:
    value = data.get(key)
    if key not in data:
        raise ToolError(f"{place}: there is no {key!r}")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ToolError(f"{place}: {key} must be a number, not {json.dumps(value)[:40]}")
    if not value > low:
        raise ToolError(f"{place}: {key} must be above {low:g}, not {value}")
    return float(value)


def add(test: RangeTest, data: Data, place: str) -> None:
    """Add what a line says to a test; `place` is where the line stands, for complaints."""
    group = data.get("group")
    if not isinstance(group, str) or group not in (ALL, CONTROL, *test.rates):
        known = ", ".join([ALL, CONTROL, *test.rates])
        raise ToolError(f"{place}: group must be one of {known}, not {json.dumps(group)[:40]}")
    sweep = test.control if group == CONTROL else test.sweeps.setdefault(group, Sweep(group))
    if data.get("step") != len(sweep.losses) + 1:
        wanted = len(sweep.losses) + 1
        raise ToolError(
            f"{place}: step {json.dumps(data.get('step'))[:40]} of {group} where {wanted} should follow"
        )
    factor = _number(data, "factor", place, low=0.0)
    if group != CONTROL and sweep.factors and factor <= sweep.factors[-1]:
        raise ToolError(f"{place}: factor {factor:g} is not above the one before, {sweep.factors[-1]:g}")
    if "loss" not in data:
        raise ToolError(f"{place}: there is no 'loss'")
    loss = math.nan if data["loss"] is None else _number(data, "loss", place, low=-1.0)
    sweep.factors.append(factor)
    sweep.losses.append(loss)
    seconds = data.get("seconds", 0.0)
    sweep.seconds += seconds if isinstance(seconds, (int, float)) and math.isfinite(seconds) else 0.0


def csv_lines(test: RangeTest) -> Iterator[str]:
    """Every step as a line of a table that spreadsheets read."""
    yield "group,step,factor,rate,loss,control_loss\n"
    for sweep in test.sweeps.values():
        rate = test.rates.get(sweep.group)
        for index, (factor, loss) in enumerate(zip(sweep.factors, sweep.losses, strict=True)):
            control = f"{test.control.losses[index]}" if index < len(test.control.losses) else ""
            absolute = "" if rate is None else f"{rate * factor:.6g}"
            yield f"{sweep.group},{index + 1},{factor},{absolute},{loss},{control}\n"
