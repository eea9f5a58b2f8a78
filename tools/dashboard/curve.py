"""A line of any length in a few hundred points: min/max decimation, and the running average.

A chart is some hundred columns wide, so of many steps in one column only two can be told apart: the lowest
and the highest. These two are kept, each at its own step. So a spike of a single step among a million is
still there, at its height, and the least and the greatest value of the whole line are exact.

The number of steps is not known beforehand. Each bucket holds one value at first; when there are too many
buckets, neighbours are joined, two by two, and new buckets hold twice as many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

BUCKETS = 200
"""At most: two points each, so a line has at most 400, and where values are missing a gap."""

# (x, value, step): x is the step too, or tokens, or seconds.
Point = tuple[float, float, int]


@dataclass(slots=True)
class Bucket:
    """Some neighbouring values: the lowest, the highest, and where the first was that is no number."""

    low: Point | None = None
    high: Point | None = None
    hole: float | None = None

    def joined(self, later: Bucket) -> Bucket:
        """This bucket and the next in one; of equal values the earlier stays."""
        low, high = self.low, self.high
        if low is None or (later.low is not None and later.low[1] < low[1]):
            low = later.low
        if high is None or (later.high is not None and later.high[1] > high[1]):
            high = later.high
        return Bucket(low, high, later.hole if self.hole is None else self.hole)


@dataclass
class Curve:
    """A line that grows, in bounded memory.

    >>> curve = Curve(most=4)
    >>> curve.extend(range(100), [float(step == 57) for step in range(100)], range(100))
    >>> len(curve.points()) <= 2 * 4 + 2, max(curve.points(), key=lambda point: point[1])
    (True, (57, 1.0))
    """

    most: int = BUCKETS
    buckets: list[Bucket] = field(default_factory=list)
    per_bucket: int = 1
    room: int = 0  # values that the last bucket still takes
    first: Point | None = None
    last: Point | None = None

    def extend(self, xs: Sequence[float], values: Sequence[float], steps: Sequence[int]) -> None:
        """More values, in order."""
        start = 0
        while start < len(values):
            if not self.room:
                self._open()
            end = min(start + self.room, len(values))
            self._take(xs[start:end], values[start:end], steps[start:end])
            self.room -= end - start
            start = end

    def _open(self) -> None:
        if len(self.buckets) == self.most:
            pairs = zip(self.buckets[::2], self.buckets[1::2], strict=True)
            self.buckets = [left.joined(right) for left, right in pairs]
            self.per_bucket *= 2
        self.buckets.append(Bucket())
        self.room = self.per_bucket

    def _take(self, xs: Sequence[float], values: Sequence[float], steps: Sequence[int]) -> None:
        hole = None
        if not math.isfinite(sum(values)):  # a quick look; the sum of finite values may be infinite, too
            hole = next((x for x, value in zip(xs, values, strict=True) if not math.isfinite(value)), None)
            finite = [at for at, value in enumerate(values) if math.isfinite(value)]
            xs, steps = [xs[at] for at in finite], [steps[at] for at in finite]
            values = [values[at] for at in finite]
        new = Bucket(hole=hole)
        if values:
            low, high = values.index(min(values)), values.index(max(values))
            new.low = (xs[low], values[low], steps[low])
            new.high = (xs[high], values[high], steps[high])
            self.last = (xs[-1], values[-1], steps[-1])
            self.first = self.first or (xs[0], values[0], steps[0])
        self.buckets[-1] = self.buckets[-1].joined(new)

    @property
    def lowest(self) -> Point | None:
        """The least value of all, the earliest of equal ones."""
        found = [bucket.low for bucket in self.buckets if bucket.low is not None]
        return min(found, key=lambda point: point[1], default=None)

    @property
    def highest(self) -> Point | None:
        """The greatest value of all, the earliest of equal ones."""
        found = [bucket.high for bucket in self.buckets if bucket.high is not None]
        return max(found, key=lambda point: point[1], default=None)

    def points(self) -> list[tuple[float, float]]:
        """What to draw: (x, value), with `nan` where the line has a gap; first and last value are always
        there."""
        found: list[tuple[float, float]] = []
        for bucket in self.buckets:
            inside = {(point[0], point[1]) for point in (bucket.low, bucket.high) if point is not None}
            holes = [] if bucket.hole is None else [(bucket.hole, math.nan)]
            found += sorted([*inside, *holes], key=lambda point: point[0])
        ends = [(point[0], point[1]) for point in (self.first, self.last) if point is not None]
        return sorted([*found, *(set(ends) - set(found))], key=lambda point: point[0])


@dataclass
class Average:
    """A running average that remembers `keep` of itself at each value, corrected for its beginning.

    It starts from nothing, so without the correction it would begin far too low: it is divided by the weight
    of the values it has seen (Kingma and Ba 2015, arXiv 1412.6980, section 3).

    >>> average = Average(0.9)
    >>> [round(average.take(value), 3) for value in (4.0, 4.0, 2.0)]
    [4.0, 4.0, 3.262]
    """

    keep: float
    value: float = 0.0
    missing: float = 1.0  # the weight of the nothing it started from

    def take(self, value: float) -> float:
        """The average with one more value; what is no number leaves it as it is."""
        if math.isfinite(value):
            self.value = self.keep * self.value + (1 - self.keep) * value
            self.missing *= self.keep
        return self.now

    @property
    def now(self) -> float:
        """The average so far; `nan` before the first value."""
        return self.value / (1 - self.missing) if self.missing < 1 else math.nan
