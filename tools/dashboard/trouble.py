"""What can go wrong in a run, and how it is noticed: spikes, divergence, values that are no numbers.

A spike is judged by its neighbours, with figures that a spike itself cannot move: the median of the 50 steps
before, and the median distance from it (MAD). In a bell curve 1.4826 MAD are one standard deviation
(Rousseeuw and Croux 1993, section 1); a step that lies more than six of them away, and more than 1 % of the
median, is called a spike. Divergence is judged by the trainer's own rule (`nanochat.train.guard`), which
would stop such a run.
"""

from __future__ import annotations

import heapq
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from statistics import median

WINDOW = 50
"""Steps before the one that is judged."""
FEWEST = 20
"""With fewer before it nothing can be said."""
FAR = 6.0
DEVIATIONS = 1.4826
LEAST = 0.01
"""Of the median: where a line is nearly flat, a hair's breadth would be many deviations."""
APART = 10
"""Far values with fewer steps between them are one spike."""
KEPT = 100
"""The largest spikes are kept; all are counted."""
RULE = (
    f"more than {FAR:g} robust standard deviations ({DEVIATIONS} MAD), and {LEAST:.0%}, from the median of "
    f"the {WINDOW} steps before"
)


@dataclass(order=True)
class Spike:
    """Steps that lie far from those before them."""

    deviations: float  # at the peak
    first: int
    last: int = field(compare=False)
    step: int = field(compare=False)  # of the peak
    value: float = field(compare=False)
    median: float = field(compare=False)  # before it


@dataclass
class SpikeWatch:
    """Finds the spikes of one line; `side` is 1 for those upwards, -1 for those downwards.

    >>> watch = SpikeWatch()
    >>> for step in range(60):
    ...     watch.take(step, 9.0 if step == 40 else 4.0 + step % 3 / 10)
    >>> [(spike.step, spike.value) for spike in watch.largest()]
    [(40, 9.0)]
    """

    side: int = 1
    count: int = 0
    window: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))
    ordered: list[float] = field(default_factory=list)
    open: Spike | None = None
    heap: list[Spike] = field(default_factory=list)

    def take(self, step: int, value: float) -> None:
        """One more finite value."""
        seen = value * self.side
        if len(self.ordered) >= FEWEST:
            far = self._deviations(seen)
            if far > FAR:
                self._found(step, value, far)
        if len(self.window) == WINDOW:
            del self.ordered[bisect_left(self.ordered, self.window[0])]
        self.window.append(seen)
        insort(self.ordered, seen)

    def _deviations(self, seen: float) -> float:
        """How far above the window's median a value lies, in robust standard deviations; 0 if not far."""
        ordered = self.ordered
        n = len(ordered)
        middle = (ordered[n // 2] + ordered[(n - 1) // 2]) / 2
        # The MAD is at least the distance to the nearer quartile, so most values need no more than this.
        near = min(ordered[n - 1 - n // 4] - middle, middle - ordered[n // 4])
        least = LEAST * abs(middle)
        if seen <= middle + max(FAR * DEVIATIONS * near, least):
            return 0.0
        mad = median(abs(one - middle) for one in ordered)
        return (seen - middle) / max(DEVIATIONS * mad, least / FAR, 1e-12)

    def _found(self, step: int, value: float, far: float) -> None:
        middle = median(self.ordered) * self.side
        if self.open is not None and step - self.open.last <= APART:
            self.open.last = step
            if far > self.open.deviations:
                self.open.deviations, self.open.step, self.open.value = far, step, value
            return
        self._close()
        self.count += 1
        self.open = Spike(far, step, step, step, value, middle)

    def _close(self) -> None:
        if self.open is not None:
            heapq.heappush(self.heap, self.open)
            if len(self.heap) > KEPT:
                heapq.heappop(self.heap)
            self.open = None

    def largest(self) -> list[Spike]:
        """The largest spikes, the farthest first."""
        return sorted([*self.heap, *([self.open] if self.open else [])], reverse=True)


@dataclass
class NoNumbers:
    """Steps at which a value is NaN or infinite: how many, the first and the last."""

    count: int = 0
    first: int = 0
    last: int = 0

    def take(self, step: int) -> None:
        """One more."""
        self.first = self.first if self.count else step
        self.last = step
        self.count += 1


@dataclass
class Strides:
    """How far a step is from the one before: what is usual, and where steps are missing.

    A run may write every tenth step only; then ten is usual, and no gap.

    >>> strides = Strides()
    >>> for before, after in [(10, 20), (20, 30), (30, 70)]:
    ...     strides.take(before, after)
    >>> strides.usual, strides.gaps()
    (10, [(30, 70)])
    """

    places: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)
    most_kinds: int = 200
    most_places: int = 5

    def take(self, before: int, after: int) -> None:
        """One step follows another."""
        stride = after - before
        if stride not in self.counts:
            if len(self.counts) >= self.most_kinds:
                return
            self.counts[stride], self.places[stride] = 0, []
        self.counts[stride] += 1
        if len(self.places[stride]) < self.most_places:
            self.places[stride].append((before, after))

    @property
    def usual(self) -> int:
        """The commonest stride, of equally common ones the smallest; 1 if there is none."""
        return min(self.counts, key=lambda stride: (-self.counts[stride], stride), default=1)

    @property
    def n_gaps(self) -> int:
        """How often steps are missing."""
        return sum(count for stride, count in self.counts.items() if stride > self.usual)

    def gaps(self) -> list[tuple[int, int]]:
        """The first few places: (last step before, first step after)."""
        found = [place for stride, places in self.places.items() if stride > self.usual for place in places]
        return sorted(found)[: self.most_places]
