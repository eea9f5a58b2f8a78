"""Reinforcement learning from beginning to end: `nanochat train rl`.

Fine-tuning shows what an answer looks like; here the model finds out which of its own answers are right. It
writes several to each question, they are graded by the task itself (no other model judges them), and it
learns from the grades: `nanochat.train.rollouts` says how.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.mixture import Mixture, parse_mixture
from nanochat.inference.engine import Engine
from nanochat.inference.packed import pack
from nanochat.inference.request import GREEDY, Generation, Request
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.toolbox.tools import use_calculator
from nanochat.train import describe
from nanochat.train.conversation_lesson import sampled_replies
from nanochat.train.distributed import World, join_world
from nanochat.train.origin import open_origin
from nanochat.train.parts import ACCURACY, Loader
from nanochat.train.rl_plan import plan_rl
from nanochat.train.rl_settings import RlSettings
from nanochat.train.rollouts import RolloutLoader
from nanochat.train.run_plan import RunPlan
from nanochat.train.sft import name_after
from nanochat.train.stage import Stage, checked_plan, record, run_stage, settings_here
from nanochat.train.start import Kind, Start
from nanochat.train.stored import Checkpoint

RL = Kind("rl", RlSettings, name_after("rl"))
ROWS = 64  # replies that are written at the same time


def train_rl(start: Start[RlSettings], dry_run: bool = False) -> int:
    """Learn from grades, or with `dry_run` say what would be done; returns the exit code."""
    with join_world() as world:
        settings, place, dtype = settings_here(start, world)
        origin = open_origin(start)
        before, tokenizer, config = origin.run, origin.tokenizer, origin.run.model_config
        settings = replace(settings, from_step=origin.step)
        plan = checked_plan(plan_rl(settings, config, place, dtype), world)
        learnt, held_out = open_questions(settings, plan.steps)
        found = record(
            RL.stage, plan, start.asked, tokenizer, world, text={"mixture": learnt.counts},
            origin=origin.record,
        )  # fmt: skip
        lesson = GradedLesson(plan, settings, learnt, held_out, tokenizer, world, origin.weights)
        parts = ", ".join(f"{describe.short(count)} {name}" for name, count in learnt.counts.items())
        text, device = f"{len(learnt):,} questions: {parts}", found["machine"]["device"]
        step = f"{describe.plural(settings.prompts, 'question')} × {settings.samples:,} replies"
        facts = [origin.fact, *describe.facts(plan, text, tokenizer.name, device, step=step)]
        usual = str(RL.name_for({"from_run": before.name}))
        return run_stage(Stage(plan, lesson, found, facts, usual), start, world, dry_run)


def open_questions(settings: RlSettings, steps: int) -> tuple[Mixture, Mixture]:
    """The questions to learn from, and those that are held out."""
    parts = parse_mixture(settings.tasks)
    learnt = [(open_task(name, "train"), weight) for name, weight in parts]
    held_out = [(open_task(name, "test"), weight) for name, weight in parts]
    size = steps * settings.prompts
    return (
        Mixture(learnt, size, settings.seed),
        Mixture(held_out, settings.eval_examples, settings.seed),
    )


@dataclass
class GradedLesson:
    """Questions whose answers are graded, beginning with the weights of another run."""

    plan: RunPlan
    settings: RlSettings
    learnt: Mixture
    held_out: Mixture
    tokenizer: FastTokenizer
    world: World
    weights: Checkpoint | None  # None for a run that goes on from its own
    model: GPT | None = field(default=None, init=False)
    writer: GPT | None = field(default=None, init=False)

    measure = ACCURACY

    def first_weights(self, model: GPT) -> None:
        """Those of the run it starts from, where they are needed."""
        if self.weights is not None:
            model.load_state_dict(self.weights.model_tensors())
        self.model = model

    def loader(self, states: Sequence[Mapping[str, Any]] | None) -> Loader:
        """The replies of each step, written by the model as it is then."""
        return RolloutLoader(
            self.settings, self.learnt, self.tokenizer, self.generate, self.plan.config.sequence_len,
            self.plan.device_batch_size, self.world,
        )  # fmt: skip

    def generate(self, requests: Sequence[Request]) -> list[Generation]:
        """Replies by the model as it is now.

        On a CPU a second model writes, with the same weights laid out for it; laying out the one that learns
        would have it compiled anew.
        """
        assert self.model is not None
        writer, packed = self.model, self.world.device.type == "cpu"
        if packed:
            if self.writer is None:
                self.writer = GPT(self.plan.config, self.model.compute_dtype)
            self.writer.load_state_dict(self.model.state_dict())
            pack(self.writer)
            writer = self.writer
        engine = Engine(writer, self.tokenizer, rows=ROWS, tool=use_calculator, packed=packed)
        with torch.compiler.set_stance("force_eager"):  # every length of text would be compiled for itself
            found = engine.generate(requests)
        engine.close()
        return found

    def evaluate(self, model: GPT) -> float:
        """The mean grade of replies to held-out questions, the likeliest token always taken."""
        mine = range(self.world.rank, len(self.held_out), self.world.size)
        replies = self.generate(
            [
                Request(
                    tuple(render_prompt(self.tokenizer, self.held_out[number].question)),
                    self.settings.max_tokens, GREEDY,
                )
                for number in mine
            ]
        )  # fmt: skip
        grades = [
            self.held_out.task_of(number).grade(self.held_out[number], reply.text)
            for number, reply in zip(mine, replies, strict=True)
        ]
        total, count = self.world.sum([sum(grades), float(len(grades))])
        return total / count

    def write_samples(self, model: GPT, step: int) -> list[tuple[str, str]]:
        """A reply to each question of a few; the same step of the same run writes the same."""
        return sampled_replies(self.generate, self.tokenizer, self.plan.settings.seed + step)
