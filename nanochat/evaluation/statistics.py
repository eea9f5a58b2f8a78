"""What a score says, and how sure of it one may be: means, error bars, chance taken out.

An evaluation asks some questions out of very many that could have been asked. With others the score would
have come out a little different; the standard error says by how much. 100 questions at 50 % are good to five
points, so 50 % and 54 % may be the same model. Everything here is an `Estimate`: a value and its error.

    accuracy     the mean of what the replies are worth: 1 for right, 0 for wrong
    centred      (accuracy - chance) / (1 - chance): 0 for guessing, 1 for perfect (Li et al. 2024, DCLM,
                 arXiv 2406.11794, section 3.5), so that tasks with two and with four choices can be averaged
    bits         nats to bits per byte of text

Standard library only.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

Z95 = 1.96  # of a normal distribution, 95 % lies within so many standard errors


@dataclass(frozen=True)
class Estimate:
    """A value and its standard error.

    >>> print(Estimate(0.5, 0.05))
    0.500 ± 0.050
    """

    value: float
    error: float

    def __str__(self) -> str:
        return f"{self.value:.3f} ± {self.error:.3f}"


def accuracy(correct: float, total: int, squares: float | None = None) -> Estimate:
    """The share of questions answered rightly, and its standard error.

    For answers that are right or wrong the error is the binomial's, sqrt(p(1 - p) / n). Where a question's
    worth may lie between 0 and 1, such as the mean of several replies to it, `squares` is the sum of the
    squared worths, and the error sqrt(variance / n): replies to one question resemble each other, so what
    counts is the number of questions (Miller 2024, Adding Error Bars to Evals, arXiv 2411.00640).
    No question at all gives nan.

    >>> accuracy(50, 100)
    Estimate(value=0.5, error=0.05)
    >>> accuracy(correct=1.0, total=2, squares=0.5)  # two questions, each half right
    Estimate(value=0.5, error=0.0)
    """
    if not total:
        return Estimate(math.nan, math.nan)
    mean = correct / total
    mean_square = mean if squares is None else squares / total
    return Estimate(mean, math.sqrt(max(0.0, mean_square - mean**2) / total))


def wilson_interval(share: float, total: int, z: float = Z95) -> tuple[float, float]:
    """Between which shares the true one lies, 95 times of 100 (Wilson 1927).

    Unlike share ± 1.96 errors it stays within 0 and 1, and 10 right of 10 do not make it certain.

    >>> [round(end, 3) for end in wilson_interval(10 / 10, 10)]
    [0.722, 1.0]
    >>> [round(end, 3) for end in wilson_interval(0.5, 100)]
    [0.404, 0.596]
    """
    if not total:
        return 0.0, 1.0
    shrink = 1 + z**2 / total
    middle = (share + z**2 / (2 * total)) / shrink
    reach = z / shrink * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def centred(found: Estimate, chance: float) -> Estimate:
    """An accuracy with chance taken out: 0 for guessing, 1 for perfect, below 0 for worse than guessing.

    The error is stretched as the value is.

    >>> centred(Estimate(0.5, 0.05), chance=0.25).value
    0.3333333333333333
    >>> centred(Estimate(0.25, 0.03), chance=0.25)
    Estimate(value=0.0, error=0.04)
    """
    if not 0 <= chance < 1:
        raise ValueError(f"chance={chance} must be from 0 to below 1")
    return Estimate((found.value - chance) / (1 - chance), found.error / (1 - chance))


def mean_of(found: Sequence[Estimate]) -> Estimate:
    """The mean over tasks, each counting the same; their errors are independent, so squares add up.

    >>> mean_of([Estimate(0.2, 0.03), Estimate(0.4, 0.04)])
    Estimate(value=0.30000000000000004, error=0.025)
    """
    if not found:
        return Estimate(math.nan, math.nan)
    value = sum(one.value for one in found) / len(found)
    return Estimate(value, math.sqrt(sum(one.error**2 for one in found)) / len(found))


def difference(first: Estimate, second: Estimate) -> Estimate:
    """How much more the first is. Both asked the same questions, then the true error is smaller than this.

    >>> difference(Estimate(0.5, 0.03), Estimate(0.25, 0.04))
    Estimate(value=0.25, error=0.05)
    """
    return Estimate(first.value - second.value, math.hypot(first.error, second.error))


def is_noise(found: Estimate, z: float = Z95) -> bool:
    """Whether a difference may well be chance: it is less than 1.96 of its errors.

    >>> is_noise(difference(accuracy(54, 100), accuracy(50, 100)))
    True
    >>> is_noise(difference(accuracy(5_400, 10_000), accuracy(5_000, 10_000)))
    False
    """
    return abs(found.value) < z * found.error or found.value == 0


def bits(nats: float, n_bytes: float) -> float:
    """Bits per byte from the nats that some text cost and its bytes; nan for no text.

    >>> bits(nats=math.log(2) * 6, n_bytes=3)
    2.0
    """
    return nats / (math.log(2) * n_bytes) if n_bytes else math.nan
