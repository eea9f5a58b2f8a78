"""The one way tasks are made here: a length, and a function from a number to an example.

Some tasks have their examples on disk, and the number is a row. Others draw an example when it is asked for,
and here they learn how to do it safely:

- The draw of example 17 begins from the text `arithmetic/train/17`. Another number, another split or another
  task is another text, so no two share their chance, and no order of asking changes an example.
- The test must not ask what training has shown, and with enough draws any small problem comes up twice. So
  the problems themselves are divided: a hash of the problem, such as `37*12`, says on which side it stands,
  and a draw that falls on the other side is drawn again.

Standard library only.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nanochat.data.tasks.task import Example
from nanochat.errors import UserError

TEST_SHARE = 10  # one problem in ten is the test's
TRAIN_SIZE, TEST_SIZE = 100_000, 2_000  # examples that a drawn task says it has


@dataclass(frozen=True)
class NumberedTask:
    """A task whose examples are made when they are asked for.

    >>> from nanochat.data.tasks.grading import grade_text
    >>> squares = NumberedTask(
    ...     "squares", 3, lambda number: exchange(f"{number}²?", f"{number**2}"), grade_text
    ... )
    >>> len(squares), squares[2].conversation["messages"][1]["content"], squares.grade(squares[2], "4")
    (3, '4', 1.0)
    """

    name: str
    size: int
    make: Callable[[int], Example]
    judge: Callable[[Example, str], float]

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, number: int) -> Example:
        """Example `number`, from 0; IndexError for any other."""
        if not 0 <= number < self.size:
            raise IndexError(f"{self.name} has {self.size:,} examples, from 0; there is no number {number}")
        return self.make(number)

    def grade(self, example: Example, reply: str) -> float:
        """What a reply is worth, from 0 to 1."""
        return self.judge(example, reply)


def exchange(
    question: str,
    reply: str | list[dict[str, str]],
    answer: str = "",
    details: Mapping[str, object] | None = None,
) -> Example:
    """One question and the right reply to it, as an example.

    >>> exchange("2+2?", "4", answer="4").conversation["messages"][0]
    {'role': 'user', 'content': '2+2?'}
    """
    messages = [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return Example({"messages": messages}, answer=answer, details=details or {})


# ---- two sides that never meet ----


def is_test(problem: str) -> bool:
    """Whether a problem belongs to the test: one in ten does, by its hash.

    >>> sum(is_test(f"{a}+{b}") for a in range(100) for b in range(100)) / 10_000
    0.0988
    """
    digest = hashlib.blake2b(problem.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % TEST_SHARE == 0


def check_split(name: str, split: str, splits: Sequence[str] = ("train", "test")) -> None:
    """Raises UserError for a split that the task does not have.

    >>> check_split("humaneval", "train", ["test"])
    Traceback (most recent call last):
    nanochat.errors.UserError: the task humaneval has no split 'train'; it has: test
    """
    if split not in splits:
        raise UserError(f"the task {name} has no split {split!r}; it has: {', '.join(splits)}")


def drawn(
    name: str,
    split: str,
    draw: Callable[[random.Random], tuple[str, Example]],
    judge: Callable[[Example, str], float],
    size: int | None = None,
) -> NumberedTask:
    """A task of examples that `draw` makes up; it gives the problem's key too, which decides the side.

    >>> from nanochat.data.tasks.grading import grade_number
    >>> def addition(chance: random.Random) -> tuple[str, Example]:
    ...     a, b = chance.randrange(100), chance.randrange(100)
    ...     return f"{a}+{b}", exchange(f"{a} + {b} = ?", str(a + b), answer=str(a + b))
    >>> train, test = (drawn("addition", split, addition, grade_number) for split in ("train", "test"))
    >>> train[17] == train[17], train[17] == test[17], len(train), len(test)
    (True, False, 100000, 2000)
    """
    check_split(name, split)
    wanted = split == "test"

    def make(number: int) -> Example:
        chance = random.Random(f"{name}/{split}/{number}")
        while True:
            problem, example = draw(chance)
            if is_test(problem) == wanted:
                return example

    return NumberedTask(name, size or (TEST_SIZE if wanted else TRAIN_SIZE), make, judge)


def of_side(
    name: str,
    split: str,
    items: Sequence[str],
    rounds: int,
    make: Callable[[random.Random, str], Example],
    judge: Callable[[Example, str], float],
) -> NumberedTask:
    """A task about each of some words: the test has its own, each once; training meets each `rounds` times.

    >>> from nanochat.data.tasks.grading import grade_text
    >>> words = [f"word{number}" for number in range(100)]
    >>> def echo(chance: random.Random, word: str) -> Example:
    ...     return exchange(f"Say {word}!", word)
    >>> train, test = (of_side("echo", split, words, 3, echo, grade_text) for split in ("train", "test"))
    >>> len(train) == 3 * (100 - len(test)), 0 < len(test) < 30
    (True, True)
    """
    check_split(name, split)
    wanted = split == "test"
    chosen = [one for one in items if is_test(one) == wanted]
    # An evaluation may ask the first hundred only: they should not all begin with an a.
    random.Random(f"{name}/{split}").shuffle(chosen)

    def example(number: int) -> Example:
        return make(random.Random(f"{name}/{split}/{number}"), chosen[number % len(chosen)])

    return NumberedTask(name, len(chosen) * (1 if wanted else rounds), example, judge)
