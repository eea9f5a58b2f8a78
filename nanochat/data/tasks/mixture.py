"""Several tasks in one: how much of each, in what order, the same for everyone who asks.

A mixture has a size. Each task gets its share of the places, to the nearest whole number; which places is
drawn from the seed. Within a task the examples come in a shuffled order without repetition, and when all have
been seen, in another one. Everything is known from the beginning, so any example can be asked for by its
number, by any process, and a run that is resumed goes on where it was.

Standard library only.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

from nanochat.data.tasks.catalogue import entry_of, open_task
from nanochat.data.tasks.task import Example, Task
from nanochat.errors import UserError

# Weights are shares of the examples. Sums are learned quickly, spelling slowly: each word has to be met.
CLASSROOM = (
    "arithmetic:1,word-problems:0.5,spelling:6,letter-counting:3,definitions:1,small-talk:1.5,identity:1.5"
)
# Everything once, as far as it goes: 460,000 conversations, 100,000 questions with choices, and of the small
# sets so much that they are seen some times.
CHAT = (
    "smoltalk:460,mmlu:100,gsm8k:16,arc-easy:4.5,arc-challenge:2.2,spelling:40,letter-counting:20,"
    "arithmetic:10,identity:2"
)
# For a small model that is to be shown: with the 4,096 tokens of the corpus classics, 45 of 100 tokens are in
# stories and questions about them, 15 in talk, 40 in sums and letters. A story has 190 tokens, a spelling 20.
STORYBOOK = (
    "stories:4.9,story-questions:4,everyday:6.4,small-talk:1,identity:2.6,definitions:2,arithmetic:6,"
    "word-problems:2.6,spelling:18,letter-counting:7"
)
NAMED = {"classroom": CLASSROOM, "chat": CHAT, "storybook": STORYBOOK}


def parse_mixture(words: str) -> list[tuple[str, float]]:
    """Names and weights, from words such as `arithmetic:2,spelling:1` or the name of a mixture.

    A name without a weight has weight 1. Raises UserError for what cannot be meant.

    >>> parse_mixture("arithmetic:2,spelling")
    [('arithmetic', 2.0), ('spelling', 1.0)]
    >>> parse_mixture("classroom")[0]
    ('arithmetic', 1.0)
    >>> parse_mixture("arithmetic:0")
    Traceback (most recent call last):
    nanochat.errors.UserError: arithmetic:0: a weight is a number above 0
    """
    parts: list[tuple[str, float]] = []
    for one in NAMED.get(words.strip(), words).split(","):
        name, colon, weight = (word.strip() for word in one.partition(":"))
        if not name:
            raise UserError(f"the mixture {words!r} has an empty part; write NAME:WEIGHT,NAME:WEIGHT")
        if name in NAMED:
            raise UserError(f"{name} is a mixture, not a task; it stands alone")
        entry_of(name)
        if name in dict(parts):
            raise UserError(f"the mixture {words!r} names {name} twice")
        parts.append((name, _weight(one.strip(), weight if colon else "1")))
    return parts


def _weight(part: str, words: str) -> float:
    try:
        weight = float(words)
    except ValueError:
        weight = 0.0
    if not 0 < weight < float("inf"):
        raise UserError(f"{part}: a weight is a number above 0")
    return weight


def open_mixture(words: str, size: int, seed: int = 0, split: str = "train") -> Mixture:
    """The mixture that these words name, with its tasks opened; UserError as for the tasks.

    >>> open_mixture("arithmetic:3,identity:1", size=8).counts
    {'arithmetic': 6, 'identity': 2}
    """
    return Mixture([(open_task(name, split), weight) for name, weight in parse_mixture(words)], size, seed)


class Mixture:
    """`size` examples of several tasks, by number.

    >>> tasks = [(open_task("arithmetic"), 3.0), (open_task("identity"), 1.0)]
    >>> mixture = Mixture(tasks, size=8, seed=1)
    >>> [mixture.task_of(number).name[0] for number in range(8)]
    ['i', 'i', 'a', 'a', 'a', 'a', 'a', 'a']
    >>> mixture[3] == Mixture(tasks, size=8, seed=1)[3]
    True
    """

    def __init__(self, parts: Sequence[tuple[Task, float]], size: int, seed: int) -> None:
        names = [task.name for task, _ in parts]
        if not parts or len(set(names)) < len(names):
            raise ValueError(f"a mixture is of tasks with different names, not of {names}")
        if size < 1:
            raise ValueError(f"size={size} must be 1 or more")
        for task, _ in parts:
            if not len(task):
                raise UserError(f"the task {task.name} has no example")
        self.tasks = [task for task, _ in parts]
        self.size, self.seed = size, seed
        shares = share_out(size, [weight for _, weight in parts])
        self.counts = dict(zip(names, shares, strict=True))
        self._part = array("H", (part for part, count in enumerate(shares) for _ in range(count)))
        random.Random(f"mixture/{seed}/parts").shuffle(self._part)
        # How many examples of the same task have come before each place.
        self._before = array("L", [0]) * size
        seen = [0] * len(parts)
        for place, part in enumerate(self._part):
            self._before[place] = seen[part]
            seen[part] += 1
        self._orders: dict[tuple[int, int], array[int]] = {}

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: int) -> Example:
        """Example `number`, from 0; IndexError for any other."""
        task, index = self.place_of(number)
        return task[index]

    def task_of(self, number: int) -> Task:
        """The task that example `number` is from: it is graded there."""
        return self.place_of(number)[0]

    def place_of(self, number: int) -> tuple[Task, int]:
        """The task that example `number` is from, and its number there."""
        if not 0 <= number < self.size:
            raise IndexError(f"the mixture has {self.size:,} examples, from 0; there is no number {number}")
        part = self._part[number]
        task = self.tasks[part]
        epoch, place = divmod(self._before[number], len(task))
        return task, self._order(part, epoch)[place]

    def _order(self, part: int, epoch: int) -> array[int]:
        """The order of a task's examples in one round through them."""
        if (part, epoch) not in self._orders:
            task = self.tasks[part]
            order = array("L", range(len(task)))
            random.Random(f"mixture/{self.seed}/{task.name}/{epoch}").shuffle(order)
            self._orders[part, epoch] = order
        return self._orders[part, epoch]


def share_out(size: int, weights: Sequence[float]) -> list[int]:
    """`size` places by weight, in whole numbers; what is left goes to the largest remainders.

    >>> share_out(10, [1, 1, 1]), share_out(8, [3, 1])
    ([4, 3, 3], [6, 2])
    """
    exact = [size * weight / sum(weights) for weight in weights]
    shares = [int(one) for one in exact]
    largest = sorted(range(len(exact)), key=lambda part: shares[part] - exact[part])
    for part in largest[: size - sum(shares)]:
        shares[part] += 1
    return shares
