"""Axes: ticks at round numbers and the place of a value between two ends, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LARGEST, SMALLEST = 1e290, 1e-290
"""Beyond these the arithmetic of axes would overflow; such a value is not drawn."""


def drawable(value: float, log: bool) -> bool:
    """Whether an axis can show a value.

    >>> drawable(0.0, log=False), drawable(0.0, log=True), drawable(math.nan, log=False)
    (True, False, False)
    """
    return abs(value) <= LARGEST and (value >= SMALLEST or not log)


@dataclass(frozen=True)
class Axis:
    """One axis from `low` to `high`, with ticks at round numbers between."""

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]

    def place(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        if self.log:
            return (math.log10(value) - math.log10(self.low)) / (math.log10(self.high) - math.log10(self.low))
        return (value - self.low) / (self.high - self.low)


def make_axis(values: Iterable[float], log: bool = False, wanted: int = 5) -> Axis:
    """An axis that holds all values and ends at ticks.

    >>> make_axis([0, 9.2]).ticks
    (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    >>> make_axis([1e-4, 0.05], log=True).ticks
    (0.0001, 0.001, 0.01, 0.1)
    """
    usable = [value for value in values if drawable(value, log)]
    low, high = (min(usable), max(usable)) if usable else (0.1 if log else 0.0, 1.0)
    if log:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        last = max(last, first + 1)
        step = max(1, math.ceil((last - first) / (wanted + 1)))
        last = first + math.ceil((last - first) / step) * step
        ticks = tuple(10.0**power for power in range(first, last + 1, step))
        return Axis(ticks[0], ticks[-1], True, ticks)
    if high - low <= max(abs(high) * 1e-9, SMALLEST):  # one value: give it room on both sides
        room = abs(high) * 0.1 if abs(high) > SMALLEST else 1.0
        low, high = low - room, high + room
    width = _round_step((high - low) / wanted)
    first, last = math.floor(low / width), math.ceil(high / width)
    ticks = tuple(_clean(index * width) for index in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], False, ticks)


def _round_step(raw: float) -> float:
    power = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)


def _clean(value: float) -> float:
    return float(f"{value:.12g}")


def tick_label(value: float) -> str:
    """A tick in few letters.

    >>> [tick_label(value) for value in (0, 0.25, 1500, 2e6, 3.5e9, 1e-05)]
    ['0', '0.25', '1,500', '2M', '3.5B', '1e-05']
    """
    for size, letter in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if size <= abs(value) < size * 1e4:
            return f"{value / size:.4g}{letter}"
    if 1000 <= abs(value) < 1e6 and value == int(value):
        return f"{int(value):,}"
    return f"{value:.4g}"


def segments(
    points: Sequence[tuple[float, float]], x_log: bool, y_log: bool
) -> list[list[tuple[float, float]]]:
    """The points as unbroken runs: what an axis cannot show leaves a gap.

    >>> segments([(0, 1), (1, float("nan")), (2, 3)], False, False)
    [[(0, 1)], [(2, 3)]]
    """
    runs: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if drawable(x, x_log) and drawable(y, y_log):
            runs[-1].append((x, y))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]
