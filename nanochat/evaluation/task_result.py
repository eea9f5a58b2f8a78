"""What came of one task, and the mean over several: plain numbers, and a few replies to read.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nanochat.evaluation.statistics import Estimate, accuracy, centred, mean_of, wilson_interval

KEPT = 5  # replies of a task that are kept, for a person to read


class Processes(Protocol):
    """The processes that share an evaluation, seen from one of them; `nanochat.train.distributed.World`."""

    @property
    def rank(self) -> int:
        """The number of this one, from 0."""

    @property
    def size(self) -> int:
        """How many there are."""

    def sum(self, numbers: list[float]) -> list[float]:
        """Each number added up over all of them."""


@dataclass(frozen=True)
class Alone:
    """One process by itself.

    >>> Alone().sum([1.0, 2.5])
    [1.0, 2.5]
    """

    rank: int = 0
    size: int = 1

    def sum(self, numbers: list[float]) -> list[float]:
        """The numbers themselves."""
        return list(numbers)


ALONE = Alone()


@dataclass(frozen=True)
class TaskResult:
    """The score of one task.

    >>> result = TaskResult("arc-easy", correct=50.0, total=100, chance=0.25)
    >>> result.accuracy, result.standard_error, round(result.centred, 3)
    (0.5, 0.05, 0.333)
    """

    name: str
    correct: float  # the sum of what the replies were worth; of several replies to a question, their mean
    total: int  # questions
    chance: float  # what guessing would have got, as a share
    squares: float | None = None  # the sum of the questions' squared worths; None: each is 0 or 1
    seconds: float = 0.0
    replies: tuple[Mapping[str, Any], ...] = ()  # some of this process's

    @property
    def estimate(self) -> Estimate:
        """Accuracy and its standard error."""
        return accuracy(self.correct, self.total, self.squares)

    @property
    def accuracy(self) -> float:
        """The share that was right."""
        return self.estimate.value

    @property
    def standard_error(self) -> float:
        """Of the accuracy."""
        return self.estimate.error

    @property
    def centred_estimate(self) -> Estimate:
        """Accuracy with chance taken out, and its error."""
        return centred(self.estimate, self.chance)

    @property
    def centred(self) -> float:
        """Accuracy with chance taken out."""
        return self.centred_estimate.value

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true accuracy lies, 95 times of 100; a little too wide for worths between 0 and 1."""
        return wilson_interval(self.accuracy, self.total)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without replies."""
        return {
            "task": self.name, "n": self.total, "correct": self.correct, "accuracy": self.accuracy,
            "error": self.standard_error, "interval": list(self.interval), "chance": self.chance,
            "centred": self.centred, "centred_error": self.centred_estimate.error,
        }  # fmt: skip


def mean_centred(results: Sequence[TaskResult]) -> Estimate:
    """CORE of the tasks of CORE, ChatCORE of the chat tasks: the mean of the centred accuracies.

    >>> half = TaskResult("one", correct=50.0, total=100, chance=0.0)
    >>> guess = TaskResult("other", correct=25.0, total=100, chance=0.25)
    >>> print(mean_centred([half, guess]))
    0.250 ± 0.038
    """
    return mean_of([one.centred_estimate for one in results])


def share(count: int, processes: Processes) -> range:
    """Which of so many questions a process takes: every n-th.

    >>> list(share(5, Alone(rank=1, size=2)))
    [1, 3]
    """
    return range(processes.rank, count, processes.size)
