"""What is read from a sweep: the steepest descent, the lowest point, the divergence, and the rate to take.

1. Losses of single batches jump about, so they are smoothed by an exponential moving average. The average is
   late: it stands for the rates of some steps ago. So the logarithms of the rates are averaged with the same
   weights, and each average of losses stands at the average of its rates.
2. The slope of that curve over the logarithm of the rate is steepest where learning is fastest.
3. The lowest point is no rate to take: there the loss has stopped falling, because the steps are too large
   to gain more, and where that is depends on how many steps came before. It is the end of the descent.
4. The curve has diverged where half of what the loss had fallen is lost again (or another share). A fixed
   multiple of the lowest loss, the usual rule, says nothing here: a language model begins at the logarithm of
   its vocabulary, 8.3 for 4,096 tokens, and four times its lowest loss is never reached.
5. The suggestion is halfway between the steepest point and the lowest, by factors: fast, and away from the
   edge. The steepest point itself stands too early in a sweep of tens of steps, since the first steps fall
   steeply at any rate: they learn how frequent each token is.

Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

# Standard deviations that a fall must exceed to be one: of some tens of averages the highest and the lowest
# lie four or five apart by chance alone, and of fifty sweeps of pure noise the largest fall was of six.
NOISE = 7.0
FEWEST = 8  # steps from which anything is read


def smooth(values: Sequence[float], beta: float) -> list[float]:
    """The exponential moving average, corrected for its beginning (Kingma and Ba 2015, section 3).

    Without the correction the first averages would be pulled to zero.

    >>> [round(one, 3) for one in smooth([8.0, 8.0, 2.0], beta=0.5)]
    [8.0, 8.0, 4.571]
    """
    average, weight, found = 0.0, 0.0, []
    for value in values:
        average = beta * average + (1 - beta) * value
        weight = beta * weight + (1 - beta)
        found.append(average / weight)
    return found


@dataclass(frozen=True)
class Mark:
    """A place on the curve: which of its points, the factor there, the smoothed loss, the slope."""

    index: int
    factor: float
    value: float
    slope: float = 0.0


@dataclass(frozen=True)
class Reading:
    """What a sweep says. `curve` are points (factor, smoothed loss); the loss is the rise over the control if
    there is one, so that below zero the group helps.

    `suggestion` is a factor, or None, and `reason` says why, or why there is none.
    """

    curve: list[tuple[float, float]]
    raw: list[tuple[float, float]]
    start: float
    noise: float
    steepest: Mark | None
    lowest: Mark | None
    diverged: Mark | None
    suggestion: float | None
    reason: str


def analyse(
    factors: Sequence[float],
    losses: Sequence[float],
    control: Sequence[float] = (),
    *,
    beta: float = 0.8,
    skip: int = 0,
    share: float = 0.5,
    whole: bool = True,
) -> Reading:
    """Read one sweep; `skip` steps of its beginning are left out, `share` of the fall is lost at divergence.

    With losses of a `control` on the same batches, only what differs from them counts.

    >>> factors = [0.01 * 10 ** (step / 10) for step in range(41)]
    >>> losses = [8.0 - 3.0 / (1 + (0.1 / x) ** 2) + max(0.0, math.log10(x / 4)) * 4 for x in factors]
    >>> found = analyse(factors, losses, beta=0.0)
    >>> round(found.steepest.factor, 2), round(found.lowest.factor, 2), round(found.diverged.factor, 1)
    (0.1, 3.98, 10.0)
    >>> found.suggestion
    0.63
    """
    n = min(len(losses), len(control)) if control else len(losses)
    values = [losses[i] - control[i] for i in range(n)] if control else list(losses)
    raw = list(zip(factors[:n], values, strict=True))
    finite = next((i for i, value in enumerate(values) if not math.isfinite(value)), n)
    used_factors, used = list(factors[skip:finite]), values[skip:finite]
    broken = Mark(finite, factors[finite], math.nan) if finite < n else None
    if len(used) < FEWEST:
        reason = f"{len(used)} steps with a loss are too few to read anything from; {FEWEST} is the least."
        return Reading([], raw, math.nan, math.nan, None, None, broken, None, reason)
    logs = smooth([math.log(factor) for factor in used_factors], beta)
    averages = smooth(used, beta)
    curve = [(math.exp(log), value) for log, value in zip(logs, averages, strict=True)]
    single = noise_of(used)
    chance = [single * one for one in spreads(len(used), beta)]
    top, low, end = descent(averages, chance, share)

    def mark(index: int) -> Mark:
        return Mark(index, curve[index][0], averages[index])

    steepest = steepest_of(logs, averages, top, low)
    diverged = mark(end) if end is not None else broken
    noise = math.hypot(chance[top], chance[low]) / math.sqrt(2)
    reading = Reading(curve, raw, averages[top], noise, steepest, mark(low), diverged, None, "")
    return with_suggestion(reading, averages[top] - averages[low], whole)


def descent(averages: Sequence[float], chance: Sequence[float], share: float) -> tuple[int, int, int | None]:
    """The first fall that is more than chance: its beginning, its lowest point, where `share` of it is lost.

    A curve that is the rise over a control begins at 0 and rises first, while the rates are too small; and
    far beyond divergence anything may happen. So this goes from left to right, and stops where the fall is
    lost. `chance` is the standard deviation of each average.

    >>> descent([0.0, 3.0, 2.0, 1.0, 1.2, 2.5, 0.0], chance=[0.1] * 7, share=0.5)
    (1, 3, 5)
    """
    top = low = 0
    for i, value in enumerate(averages):
        fall = averages[top] - averages[low]
        is_one = fall > NOISE * math.hypot(chance[top], chance[low]) / math.sqrt(2)
        if is_one and value > averages[low] + share * fall:
            return top, low, i
        if not is_one and value > averages[top]:
            top = low = i
        elif value < averages[low]:
            low = i
    return top, low, None


def noise_of(values: Sequence[float]) -> float:
    """How much a single loss is off by chance, as a standard deviation: from the differences of neighbours.

    A steady fall adds nothing to second differences, chance adds all of it: their variance is 6 times its
    own. Of a normal distribution half lies within 0.6745 standard deviations; the median of them, not their
    mean, because a loss that shoots up is no chance.

    >>> noise_of([5.0, 4.0, 3.0, 2.0, 1.0, 99.0])
    0.0
    """
    second = sorted(abs(a - 2 * b + c) for a, b, c in zip(values, values[1:], values[2:], strict=False))
    return second[len(second) // 2] / (0.6745 * math.sqrt(6)) if second else 0.0


def spreads(n: int, beta: float) -> list[float]:
    """The standard deviation of each average, as a share of a single value's; the first are of few values.

    >>> [round(one, 3) for one in spreads(3, beta=0.5)]
    [1.0, 0.745, 0.655]
    """
    weight, squares, found = 0.0, 0.0, []
    for _ in range(n):
        weight = beta * weight + (1 - beta)
        squares = beta * beta * squares + (1 - beta) ** 2
        found.append(math.sqrt(squares) / weight)
    return found


def steepest_of(logs: Sequence[float], averages: Sequence[float], top: int, low: int) -> Mark | None:
    """Where the curve falls fastest on its way from its top to its lowest point; None if it falls nowhere.

    >>> steepest_of([0.0, 1.0, 2.0, 3.0], [8.0, 7.9, 5.0, 4.8], top=0, low=3).index
    2
    """
    found: Mark | None = None
    for i in range(max(1, top), min(low + 1, len(logs) - 1)):
        slope = (averages[i + 1] - averages[i - 1]) / (logs[i + 1] - logs[i - 1])
        if slope < (found.slope if found else 0.0):
            found = Mark(i, math.exp(logs[i]), averages[i], slope)
    return found


def with_suggestion(reading: Reading, fall: float, whole: bool) -> Reading:
    """The same reading with its suggestion, or the reason why there is none."""
    steepest, lowest, diverged = reading.steepest, reading.lowest, reading.diverged
    assert lowest is not None
    if steepest is None or fall <= NOISE * reading.noise:
        reason = (
            f"No rate of this sweep lowers the loss by more than chance does: it falls by {max(fall, 0):.3f} "
            f"and an average is off by about {reading.noise:.3f}. The group matters too little, the sweep is "
            "too short, or its rates are too small."
        )
        return replace(reading, reason=reason)
    if diverged is None and lowest.index >= len(reading.curve) - 1:
        way = "raise --high" if whole else "let it go on to its end"
        reason = f"The loss was still falling where the sweep ended, at {lowest.factor:.3g} times; {way}."
        return replace(reading, reason=reason)
    suggestion = two_digits(math.sqrt(steepest.factor * lowest.factor))
    edge = f"diverges at {diverged.factor:.3g} times" if diverged else "does not diverge in this sweep"
    reason = (
        f"The loss falls fastest at {steepest.factor:.3g} times the configured rate, stops falling at "
        f"{lowest.factor:.3g} times, and {edge}. Halfway between the first two, by "
        f"factors, is {suggestion:g}: learning is fast there, and the edge is not near."
    )
    return replace(reading, suggestion=suggestion, reason=reason)


def two_digits(value: float) -> float:
    """A factor as one would type it.

    >>> two_digits(0.4382), two_digits(12.7)
    (0.44, 13.0)
    """
    return float(f"{value:.2g}")
