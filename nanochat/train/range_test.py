"""A learning-rate range test (Smith 2017, arXiv 1506.01186, section 3.3) on the real model and the real text.

The rate of one group of parameters, or of all by a common factor, rises from step to step by a constant
factor, from far too small to far too large, and the loss is written down. Everything else is as `nanochat
train base` would begin: the same weights by the same seed, the same batches in the same order, the other
groups at the rates that the plan gives them. What differs from a run: no warm-up and no warm-down, which
would hide the rate that is measured, and no guard, because a loss that shoots up is what is looked for.

In a sweep of one group the others learn, so the loss falls whatever that group does. So there is a control:
the same batches with every group at its configured rate. The difference of the two is what the group's rate
did. (A control in which the group stands still would be no use: with matrices that stay at zero a model
becomes unstable in ways that no run does.)

Nothing is written to disk here; `tools.rates.with_model` writes what this yields.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from nanochat.data.corpus import open_corpus
from nanochat.data.loader import open_tokenizer
from nanochat.errors import UserError
from nanochat.model.gpt import GPT
from nanochat.train.assemble import make_model, restore
from nanochat.train.base import CorpusLesson, check_same_text
from nanochat.train.distributed import World, join_world
from nanochat.train.finished import open_run
from nanochat.train.guard import Guard
from nanochat.train.loop import Trainer
from nanochat.train.machine import name_of
from nanochat.train.optimizer import make_optimizer
from nanochat.train.precision import LossScale
from nanochat.train.rate_groups import HOPELESS, factor_at
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.schedule import Schedule, SchedulePoint
from nanochat.train.settings import Settings
from nanochat.train.stage import checked_plan, settings_here
from nanochat.train.start import Start
from nanochat.train.stored import Checkpoint

ALL = "all"


@dataclass(frozen=True)
class Measured:
    """One step of a sweep: the loss of its batch before the step was taken, in nats per token."""

    step: int
    factor: float
    loss: float
    seconds: float


@dataclass
class RangeTest:
    """A model, its text and its plan, ready to be swept. Made by `open_range_test`."""

    start: Start[Settings]
    plan: RunPlan
    lesson: CorpusLesson
    world: World
    checkpoint: Checkpoint | None = None  # where the sweeps begin; None: at weights by chance
    model: GPT = field(init=False)

    def __post_init__(self) -> None:
        self.model = make_model(self.plan, self.world.device, self.lesson.first_weights)
        self.rates = make_optimizer(self.model, self.plan.training).rates
        if self.plan.settings.compile:
            self.model.compile_blocks()

    def asked(self) -> dict[str, Any]:
        """The settings as they were asked for, before the plan filled in the rest."""
        return self.start.settings.to_dict()

    def facts(self) -> dict[str, Any]:
        """What is tested, as plain data: settings, rates of every group, text, machine."""
        plan = self.plan
        return {
            "asked": self.asked(),
            "settings": plan.settings.to_dict(),
            "rates": dict(self.rates),
            "batch_tokens": plan.batch_tokens,
            "corpus": {"name": self.lesson.corpus.name, "fingerprint": self.lesson.corpus.fingerprint},
            "tokenizer": {"name": self.lesson.tokenizer.name, "n_vocab": self.lesson.tokenizer.n_vocab},
            "start_step": self.checkpoint.step if self.checkpoint else 0,
            "device": name_of(self.world.device, 1),
            "torch": torch.__version__,
        }

    def groups(self, name: str) -> list[str]:
        """The groups that a sweep changes: one, or with `all` every one. `UserError` if there is no such."""
        if name == ALL:
            return list(self.rates)
        group = name.replace("-", "_")
        if group not in self.rates:
            there = ", ".join([ALL, *self.rates]).replace("_", "-")
            raise UserError(f"--group {name}: this model has no such group; there is {there}")
        return [group]

    def sweep(self, name: str, low: float, high: float, steps: int) -> Iterator[Measured]:
        """The steps of one sweep, each as soon as it is measured; ends early where all is lost."""
        groups, lowest = self.groups(name), math.inf
        for one in self.run(steps, lambda step: (factor_at(step, steps, low, high), groups)):
            yield one
            lowest = min(lowest, one.loss)
            if not one.loss <= lowest + HOPELESS:  # written so that nan ends it too
                return

    def control(self, steps: int) -> Iterator[Measured]:
        """The same steps with every group at its configured rate."""
        return self.run(steps, lambda step: (1.0, []))

    def run(self, steps: int, rule: Any) -> Iterator[Measured]:
        """Steps from the beginning; `rule(step)` gives a factor and the groups it is for."""
        plan = self.plan
        trainer = self.trainer()
        try:
            for step in range(steps):
                began = time.perf_counter()
                factor, groups = rule(step)
                nats, targets = trainer.accumulate_gradients(plan.micro_batches)
                loss = nats.item() / max(1.0, targets)
                yield Measured(step, factor, loss, time.perf_counter() - began)
                self.take(trainer, point_at(plan, step, steps), dict.fromkeys(groups, factor))
        finally:
            trainer.loader.close()

    def trainer(self) -> Trainer:
        """Everything at the beginning again: weights, optimizer, text."""
        plan, world, found = self.plan, self.world, self.checkpoint
        optimizer = make_optimizer(self.model, plan.training)
        guard, loss_scale = Guard(), LossScale.for_dtype(plan.settings.dtype)
        if found is not None:
            restore(found, self.model, optimizer, guard, loss_scale)
        else:
            self.lesson.first_weights(self.model)
        optimizer.zero_grad()
        return Trainer(
            plan=plan, model=self.model, optimizer=optimizer,
            loader=self.lesson.loader(found.loader_states() if found else None), device=world.device,
            sum_over_processes=world.sum, peak_flops=None, loss_scale=loss_scale, guard=guard,
        )  # fmt: skip

    def take(self, trainer: Trainer, point: SchedulePoint, factors: Mapping[str, float]) -> None:
        """Change the weights by the gradients that are there, unless these are no numbers."""
        optimizer, scale = trainer.optimizer, trainer.loss_scale
        if scale.value != 1.0:
            optimizer.scale_gradients(1.0 / scale.value)
        if scale.usable(optimizer.gradient_norm()):
            optimizer.step(point, factors)
        optimizer.zero_grad()
        trainer.synchronize()


def point_at(plan: RunPlan, step: int, steps: int) -> SchedulePoint:
    """What a step of a sweep uses besides its factor: full rates and decay, momentum as it rises in a run."""
    level = Schedule(steps=steps, weight_decay=0.0, warmup_steps=0, warmdown_share=0.0).at(step)
    return replace(level, weight_decay=plan.training.weight_decay)


@contextmanager
def open_range_test(
    start: Start[Settings], from_run: str | None = None, from_step: int | None = None
) -> Iterator[RangeTest]:
    """The test of the run that `start` would begin, or of one that has a checkpoint to begin at.

    Raises `UserError` for what `nanochat train base` would refuse too, and for more than one process.
    """
    with join_world() as world:
        if world.size > 1:
            raise UserError("a range test is made by one process; start it without torchrun")
        corpus, tokenizer = open_corpus(start.settings.corpus), open_tokenizer(start.settings.tokenizer)
        check_same_text(start, corpus, tokenizer)
        settings, place, dtype = settings_here(start, world)
        plan = checked_plan(plan_run(settings, tokenizer.n_vocab, place, dtype), world)
        found = open_run(from_run).checkpoint(from_step) if from_run else None
        lesson = CorpusLesson(plan, corpus, tokenizer, world, settings.packing)
        yield RangeTest(start, plan, lesson, world, found)
