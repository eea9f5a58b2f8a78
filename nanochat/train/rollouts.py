"""What reinforcement learning learns from: the model's own replies, each weighed by how good it was.

For each question several replies are written and graded. A reply better than the average of its group is made
likelier, a worse one less likely, by the loss that fine-tuning has, with the difference as the weight:

    loss = sum over tokens that the model chose of (grade - average grade) · -log p(token)

It is the policy gradient (Williams 1992, REINFORCE) with the group's average as the baseline, as in GRPO
(Shao et al. 2024, arXiv 2402.03300, section 4.1), and simpler than that:

- replies are written by the very weights that learn from them, once: so there is no ratio to clip, and no
  second model that must not be left too far behind
- the difference is not divided by the group's spread, which would weigh easy and hopeless questions most; and
  all tokens of a step count alike, not all replies (Liu et al. 2025, Dr. GRPO, arXiv 2503.20783)
- a group whose replies are all equally good teaches nothing, and costs no learning
- what a tool gave back is in the row but was not chosen, so it is not learnt from

Shapes: B batch, T time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanochat.data.loader import Batch
from nanochat.data.packing import fill_row_whole
from nanochat.data.tasks.mixture import Mixture
from nanochat.inference.request import Generation, Request, Sampling
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.train.distributed import World
from nanochat.train.rl_settings import RlSettings

Generate = Callable[[Sequence[Request]], list[Generation]]


@dataclass(frozen=True)
class Reply:
    """A reply as the loss takes it: a prompt's and a reply's ids, and which of them the model chose."""

    ids: list[int]
    chosen: list[bool]
    advantage: float


class RolloutLoader:
    """The batches of one step at a time: written, graded and packed when the step begins."""

    def __init__(
        self,
        settings: RlSettings,
        questions: Mixture,
        tokenizer: FastTokenizer,
        generate: Generate,
        seq_len: int,
        rows: int,
        world: World,
    ) -> None:
        self.settings, self.questions, self.tokenizer = settings, questions, tokenizer
        self.generate, self.seq_len, self.rows, self.world = generate, seq_len, rows, world
        self.batches: list[Batch] = []
        self.measured: dict[str, float] = {}
        self.number = 0

    def begin_step(self, number: int) -> int:
        """Write and grade the replies of step `number`; how many micro-batches they fill.

        All processes have as many as the one that has most: they exchange gradients in each step's last.
        """
        self.number = number + 1
        settings, world = self.settings, self.world
        asked = [
            number * settings.prompts + index
            for index in range(settings.prompts)
            if index % world.size == world.rank
        ]
        requests = [self.request(one, sample) for one in asked for sample in range(settings.samples)]
        replies = self.generate(requests)
        grades = [
            [
                self.grade(one, replies[place * settings.samples + sample])
                for sample in range(settings.samples)
            ]
            for place, one in enumerate(asked)
        ]
        weighed = [
            weigh(reply, advantage)
            for place, group in enumerate(grades)
            for reply, advantage in zip(replies[place * settings.samples :], advantages(group), strict=False)
            if advantage
        ]
        self.batches = pack(weighed, self.rows, self.seq_len)
        self.measure(grades, replies)
        most = -(world.least(-len(self.batches)) or 0)
        self.batches += [nothing(self.rows, self.seq_len)] * (max(1, most) - len(self.batches))
        return len(self.batches)

    def request(self, number: int, sample: int) -> Request:
        """One sample of a reply to question `number`."""
        settings = self.settings
        question = self.questions[number % len(self.questions)].question
        return Request(
            tuple(render_prompt(self.tokenizer, question)), settings.max_tokens,
            Sampling(temperature=settings.temperature), seed_of(settings.seed, number, sample),
        )  # fmt: skip

    def grade(self, number: int, reply: Generation) -> float:
        """What a reply to question `number` is worth."""
        number %= len(self.questions)
        return self.questions.task_of(number).grade(self.questions[number], reply.text)

    def measure(self, grades: Sequence[Sequence[float]], replies: Sequence[Generation]) -> None:
        """The figures of the step, over all processes."""
        tokens, written = sum(len(one.ids) for one in replies), len(replies)
        mixed = sum(min(group) < max(group) for group in grades)
        sums = [sum(map(sum, grades)), written, tokens, mixed, len(grades)]
        reward, count, length, mixed_sum, groups = self.world.sum([float(one) for one in sums])
        self.measured = {
            "reward": round(reward / count, 6),
            "reply_tokens": round(length / count, 3),
            "mixed_groups": round(mixed_sum / groups, 4),
        }

    def figures(self) -> dict[str, float]:
        """Mean grade, mean length of a reply, and the share of questions with replies of different grades."""
        return dict(self.measured)

    def __next__(self) -> Batch:
        return self.batches.pop(0)

    def waited(self) -> float:
        """Nothing: writing is a part of the step."""
        return 0.0

    def state(self) -> dict[str, Any]:
        """The next step's number decides everything."""
        return {"step": self.number}

    def close(self) -> None:
        """Nothing works ahead."""


def seed_of(seed: int, question: int, sample: int) -> int:
    """A seed for each reply of a run.

    >>> seed_of(0, 1, 2) == seed_of(0, 1, 2), seed_of(0, 1, 2) == seed_of(0, 2, 1)
    (True, False)
    """
    return int.from_bytes(hashlib.sha256(f"{seed}/{question}/{sample}".encode()).digest()[:7])


def advantages(grades: Sequence[float]) -> list[float]:
    """How much better each reply is than the average of its group.

    >>> advantages([1.0, 0.0, 0.0, 1.0]), advantages([1.0, 1.0])
    ([0.5, -0.5, -0.5, 0.5], [0.0, 0.0])
    """
    average = sum(grades) / len(grades)
    return [grade - average for grade in grades]


def weigh(reply: Generation, advantage: float) -> Reply:
    """A reply with its prompt before it, and the token that ended it, which was chosen too.

    >>> weigh(Generation((1, 2), (3, 4), (True, False), (), "stop", ended_with=5), 0.5)
    Reply(ids=[1, 2, 3, 4, 5], chosen=[False, False, True, False, True], advantage=0.5)
    """
    end = [] if reply.ended_with is None else [reply.ended_with]
    ids = [*reply.prompt, *reply.ids, *end]
    chosen = [False] * len(reply.prompt) + [*reply.sampled] + [True] * len(end)
    return Reply(ids, chosen, advantage)


def pack(replies: Sequence[Reply], rows: int, seq_len: int) -> list[Batch]:
    """All replies, whole, in batches of `rows` rows.

    >>> (batch,) = pack([Reply([7, 8, 9], [False, True, True], 0.5)], rows=1, seq_len=4)
    >>> batch.inputs_BT.tolist(), batch.targets_BT.tolist(), batch.weights_BT.tolist()
    ([[7, 8, 0, 0]], [[8, 9, -1, -1]], [[0.5, 0.5, 0.0, 0.0]])
    """
    waiting = [Reply(one.ids[: seq_len + 1], one.chosen[: seq_len + 1], one.advantage) for one in replies]
    packed: list[list[Reply]] = []
    while waiting:
        taken = fill_row_whole([len(one.ids) - 1 for one in waiting], seq_len)
        packed.append([waiting[index] for index in taken])
        waiting = [one for index, one in enumerate(waiting) if index not in set(taken)]
    return [batch_of(packed[at : at + rows], rows, seq_len) for at in range(0, len(packed), rows)]


def batch_of(packed: Sequence[Sequence[Reply]], rows: int, seq_len: int) -> Batch:
    """One batch: each reply a document of its own, its tokens' weight the advantage."""
    batch = nothing(rows, seq_len)
    weights_BT = batch.weights_BT
    assert weights_BT is not None
    for row, replies in enumerate(packed):
        at = 0
        for document, one in enumerate(replies):
            end = at + len(one.ids) - 1
            ids, chosen = torch.tensor(one.ids), torch.tensor(one.chosen[1:])
            batch.inputs_BT[row, at:end] = ids[:-1]
            batch.targets_BT[row, at:end] = ids[1:].where(chosen, -1)
            batch.documents_BT[row, at:end] = document
            weights_BT[row, at:end] = one.advantage
            at = end
        batch.documents_BT[row, at:] = len(replies)
    return batch


def nothing(rows: int, seq_len: int) -> Batch:
    """A batch of which nothing is learnt."""

    def filled(value: float, dtype: torch.dtype) -> Tensor:
        return torch.full((rows, seq_len), value, dtype=dtype)

    return Batch(
        filled(0, torch.int64), filled(-1, torch.int64), filled(0, torch.int32), filled(0, torch.float32)
    )
