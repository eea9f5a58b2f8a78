"""What fine-tuning learns from: a mixture of tasks, a reader's own conversations; and its first weights.

Beside the mixture to learn stands one of examples that are held out: of each task its test's side, of a
reader's own conversations every twentieth. On them bits per byte are measured, of the assistant's words only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from nanochat.data.conversation_loader import make_conversation_loader
from nanochat.data.loader import Loader
from nanochat.data.tasks.catalogue import entry_of, open_task
from nanochat.data.tasks.conversations import conversations
from nanochat.data.tasks.mixture import Mixture, parse_mixture
from nanochat.data.tasks.numbered import NumberedTask
from nanochat.data.tasks.task import Task
from nanochat.errors import UserError
from nanochat.evaluation.bits_per_byte import bits_per_byte
from nanochat.inference.engine import Engine
from nanochat.inference.request import Generation, Request, Sampling
from nanochat.model.gpt import GPT
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.toolbox.tools import use_calculator
from nanochat.train.distributed import World
from nanochat.train.parts import BITS_PER_BYTE
from nanochat.train.run_plan import RunPlan
from nanochat.train.sft_settings import SftSettings
from nanochat.train.stored import Checkpoint

QUESTIONS = (
    "Who are you?", "What is 37 * 12?", "Spell the word apple.", "How many r are in strawberry?", "Hello!",
)  # fmt: skip
REPLY_TOKENS = 64
HELD_OUT = 20  # of a reader's own conversations every so many is kept for validation
VALIDATION_EXAMPLES = 1_000

Parts = list[tuple[Task, float]]


def open_texts(settings: SftSettings, size: int) -> tuple[Mixture, Mixture]:
    """The conversations to learn from, `size` of them, and those held out.

    Raises `UserError` for data that is not there and conversations that are none.
    """
    learnt: Parts = []
    held_out: Parts = []
    if settings.share < 1 or not settings.conversations:
        for name, weight in parse_mixture(settings.mixture):
            splits = entry_of(name).splits
            learnt.append((open_task(name, "train"), weight))
            held_out.append((open_task(name, "test" if "test" in splits else splits[-1]), weight))
    if settings.conversations:
        weight = 1.0
        if learnt:
            weight = sum(one for _, one in learnt) * settings.share / (1 - settings.share)
        mine, kept = divided(Path(settings.conversations))
        learnt.append((mine, weight))
        held_out.append((kept, weight))
    return Mixture(learnt, size, settings.seed), Mixture(held_out, VALIDATION_EXAMPLES, settings.seed)


def divided(path: Path) -> tuple[NumberedTask, NumberedTask]:
    """A reader's own conversations, to learn and held out."""
    every = conversations(path)
    kept = range(0, len(every), HELD_OUT)
    if len(every) < 2:
        raise UserError(f"{path}: one conversation is too few; one is kept for validation")
    learnt = [number for number in range(len(every)) if number % HELD_OUT]
    return (
        replace(every, size=len(learnt), make=lambda number: every[learnt[number]]),
        replace(every, size=len(kept), make=lambda number: every[kept[number]]),
    )


@dataclass(frozen=True)
class ConversationLesson:
    """Conversations to learn from, beginning with the weights of another run."""

    plan: RunPlan
    learnt: Mixture
    held_out: Mixture
    tokenizer: FastTokenizer
    world: World
    weights: Checkpoint | None  # None for a run that goes on from its own
    fingerprint: str

    measure = BITS_PER_BYTE

    def first_weights(self, model: GPT) -> None:
        """Those of the run it starts from, where they are needed."""
        if self.weights is not None:
            model.load_state_dict(self.weights.model_tensors())

    def loader(self, states: Sequence[Mapping[str, Any]] | None) -> Loader:
        """Rows of whole conversations; all processes have the same state."""
        workers = self.plan.settings.workers
        return self.rows_of(self.learnt, ahead=workers != 0, state=states[0] if states else None)

    def evaluate(self, model: GPT) -> float:
        """Bits per byte of the assistant's words in the conversations that are held out."""
        plan = self.plan
        steps = -(-plan.eval_tokens // plan.batch_tokens)
        lengths_V = torch.tensor(self.tokenizer.byte_lengths())
        with self.rows_of(self.held_out) as loader:
            batches = islice(loader, steps * plan.micro_batches)
            return bits_per_byte(model.nats_per_token, batches, lengths_V, self.world.device, self.world.sum)

    def rows_of(
        self, examples: Mixture, ahead: bool = True, state: Mapping[str, Any] | None = None
    ) -> Loader:
        """Batches of a mixture, cut as the plan says."""
        plan, world = self.plan, self.world
        return make_conversation_loader(
            examples, self.tokenizer, plan.batch_size, plan.config.sequence_len,
            fingerprint=self.fingerprint, rank=world.rank, world=world.size,
            device_batch=plan.device_batch_size, ahead=ahead, state=state,
        )  # fmt: skip

    def write_samples(self, model: GPT, step: int) -> list[tuple[str, str]]:
        """A reply to each question, with the calculator; the same step of the same run writes the same."""
        engine = Engine(model, self.tokenizer, rows=len(QUESTIONS), tool=use_calculator, packed=False)
        with torch.compiler.set_stance("force_eager"):  # every length of text would be compiled for itself
            found = sampled_replies(engine.generate, self.tokenizer, self.plan.settings.seed + step)
        engine.close()
        return found


def sampled_replies(
    generate: Callable[[Sequence[Request]], list[Generation]], tokenizer: FastTokenizer, seed: int
) -> list[tuple[str, str]]:
    """Some questions, and the replies to them in words."""
    asked = [
        Request(
            tuple(render_prompt(tokenizer, {"messages": [{"role": "user", "content": question}]})),
            REPLY_TOKENS, Sampling(temperature=0.6), seed,
        )
        for question in QUESTIONS
    ]  # fmt: skip
    return [
        (f"{question} ", reply_in_words(reply))
        for question, reply in zip(QUESTIONS, generate(asked), strict=True)
    ]


def reply_in_words(reply: Generation) -> str:
    """A reply with its calls of tools, for a person to read."""
    marks = {"text": "{}", "python": "[{} = ", "python_output": "{}] "}
    return " ".join("".join(marks[part.type].format(part.text) for part in reply.parts).split())
