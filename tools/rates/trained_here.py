"""A sweep made here and now: microGPT learns names while its rate rises, and trains twice at one rate.

The model is the one of the guide, `tools.microgpt`, with the guide's own settings; so nothing has to be
installed, and a page can do it too. One Adam steps all its weights, so there is one rate and one sweep. It
goes as a sweep of the real model does (`nanochat.train.range_test`): the same weights and names by the same
seed, no warm-up and no warm-down, which would hide the rate that is measured. The trainings that are compared
go without them for the same reason.

Standard library only.
"""

from __future__ import annotations

import math
import platform
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nanochat.train.rate_groups import HOPELESS, factor_at
from tools.core.errors import UsageError
from tools.core.progress import Progress
from tools.microgpt import Adam, Model, alphabet, learn, mean_surprise, read_names
from tools.rates.question import Question
from tools.rates.saving import check_new_sweep, lines_to
from tools.rates.sweep import ALL, MICROGPT, RangeTest, add, header_of, line_of

RATE = 0.02  # at which the guide trains it; a sweep multiplies this one
BATCH = 8  # names in a step, as in the guide
COMPARED_STEPS = 100
N_WRITTEN, TEMPERATURE = 6, 0.8  # names that a trained model makes up, and how daring they are
SEED = 1


class Lesson:
    """microGPT before its first step, names to learn from, and names that it never sees.

    >>> lesson = Lesson(seed=1)
    >>> round(lesson.step(rate=0.02), 2), round(math.log(27), 2)  # it begins with a blind guess
    (3.3, 3.3)
    """

    def __init__(self, seed: int) -> None:
        names = read_names()
        random.Random(seed).shuffle(names)
        self.held_out, self.known = names[: len(names) // 10], names[len(names) // 10 :]
        self.model = Model(alphabet(names), seed=seed)
        self.adam = Adam(self.model.tables())
        self.chance = random.Random(seed)

    def step(self, rate: float) -> float:
        """Learn from some names; the loss before it, in nats a letter."""
        return learn(self.model, self.adam, self.chance.sample(self.known, BATCH), rate)

    def facts(self) -> dict[str, Any]:
        """What is tested, as plain data."""
        version = ".".join(platform.python_version_tuple()[:2])
        where = ", in a browser" if sys.platform == "emscripten" else ""
        return {
            "program": MICROGPT,
            "rates": {ALL: RATE},
            "corpus": {"name": f"{len(self.known):,} first names"},
            "tokenizer": {"name": "letters", "n_vocab": len(self.model.letters)},
            "weights": sum(len(row) for table in self.model.tables() for row in table.rows),
            "batch_names": BATCH,
            "device": f"plain Python {version}{where}",
        }


@dataclass(frozen=True)
class Trained:
    """What a training at one rate came to: the loss of every step, that of unseen names, names it made up."""

    rate: float
    losses: list[float]
    held_out: float
    written: list[str]


def sweep_of(question: Question) -> RangeTest:
    """The sweep that a question asks for; one that was made before is not made again."""
    if strangers := [group for group in question.groups if group != ALL]:
        name = strangers[0].replace("_", "-")
        raise UsageError(f"--group {name}: microGPT has one rate for all its weights; it has all", "group")
    return measure(question.low, question.high, question.sweep_steps, seed_of(question), question.save)


def seed_of(question: Question) -> int:
    """The seed of the weights and the names."""
    return SEED if question.seed is None else question.seed


@lru_cache(maxsize=8)
def measure(low: float, high: float, steps: int, seed: int, save: str | None) -> RangeTest:
    """Train once while the rate rises; every step is written down as it is measured."""
    check_new_sweep(low, high, save)
    lesson = Lesson(seed)
    facts = lesson.facts() | {"settings": {"depth": len(lesson.model.blocks), "seed": seed}}
    test = RangeTest(header_of(facts, low, high, steps))
    with lines_to(save) as write, Progress("Training microGPT on a sweep", steps) as progress:
        write(test.header)
        for data in steps_of(lesson, low, high, steps):
            write(data)
            add(test, data, ALL)
            said = "no number" if data["loss"] is None else f"{data['loss']:.3f}"
            progress.at(data["step"], f"at {data['factor']:.3g} times the rate, loss {said}")
    return test


def steps_of(lesson: Lesson, low: float, high: float, steps: int) -> Iterator[dict[str, Any]]:
    """The steps of a sweep as lines of a file; it ends early where all is lost."""
    lowest = math.inf
    for step in range(steps):
        factor, began = factor_at(step, steps, low, high), time.perf_counter()
        loss = lesson.step(RATE * factor)
        yield line_of(ALL, step + 1, factor, loss, time.perf_counter() - began)
        lowest = min(lowest, loss)
        if not loss <= lowest + HOPELESS:  # written so that nan ends it too
            return


@lru_cache(maxsize=8)
def train_at(rate: float, seed: int) -> Trained:
    """Train from the beginning at one rate, and see what came of it."""
    lesson, losses = Lesson(seed), []
    with Progress(f"Training microGPT at a rate of {rate:.3g}", COMPARED_STEPS) as progress:
        for step in range(COMPARED_STEPS):
            losses.append(lesson.step(rate))
            progress.at(step + 1, f"loss {losses[-1]:.3f}")
    chance, held_out = random.Random(seed), mean_surprise(lesson.model, lesson.held_out)
    written = [lesson.model.write(chance, TEMPERATURE) for _ in range(N_WRITTEN)]
    return Trained(rate, losses, held_out, written)
