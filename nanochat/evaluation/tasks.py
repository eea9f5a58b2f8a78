"""A task's score: its questions chosen, asked, and the worths of the replies added up over all processes.

Questions with choices are answered by their letters (`choices`), all others in writing (`generative`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nanochat.data.tasks.task import Example, Task
from nanochat.errors import UserError
from nanochat.evaluation.choices import choose_letters
from nanochat.evaluation.core_prompts import order
from nanochat.evaluation.generative import GREEDY, Asking, Grade, Reply, replies_to
from nanochat.evaluation.progress import Said, silent
from nanochat.evaluation.task_result import ALONE, KEPT, Processes, TaskResult, share
from nanochat.inference.engine import Engine
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import Tokenizer

AT_A_TIME = 128  # questions with choices that are rendered and sorted together


@dataclass(frozen=True)
class Judged:
    """A question that is answered."""

    worth: float
    chance: float  # what guessing gets
    to_read: dict[str, Any]


def evaluate_task(
    engine: Engine,
    tokenizer: Tokenizer,
    task: Task,
    limit: int | None = None,
    asking: Asking = GREEDY,
    grade: Grade | None = None,
    processes: Processes = ALONE,
    say: Said = silent,
) -> TaskResult:
    """The score of a task.

    Of `limit` questions the same ones are asked every time, a fair sample. `grade` judges replies in the
    task's place (`generative.grader_of`). Raises `UserError` for a task without questions.
    """
    numbers = questions(task, limit)
    began = time.perf_counter()
    mine = [numbers[place] for place in share(len(numbers), processes)]
    if has_choices(task):
        answers = chosen(engine.decoder.model, tokenizer, task, mine)
    else:
        answers = written(engine, tokenizer, task, mine, asking, grade)
    found: list[Judged] = []
    for one in answers:
        found.append(one)
        say(task.name, min(len(found) * processes.size, len(numbers)), len(numbers))
    worths = [one.worth for one in found]
    sums = [sum(worths), sum(one**2 for one in worths), sum(one.chance for one in found), float(len(found))]
    correct, squares, chances, total = processes.sum(sums)
    return TaskResult(
        task.name, correct, int(total), chances / total, squares, time.perf_counter() - began,
        tuple(one.to_read for one in found[:KEPT]),
    )  # fmt: skip


def questions(task: Task, limit: int | None = None) -> list[int]:
    """The numbers of the questions to ask. Raises `UserError` if there are none.

    >>> from nanochat.data.tasks.catalogue import open_task
    >>> questions(open_task("arithmetic", "test"), limit=3) == questions(open_task("arithmetic", "test"))[:3]
    True
    """
    if not len(task):
        raise UserError(f"the task {task.name} has no questions")
    return order(len(task))[:limit]


def has_choices(task: Task) -> bool:
    """Whether its questions are answered by a letter."""
    return bool(task[0].choices)


def chosen(model: GPT, tokenizer: Tokenizer, task: Task, numbers: Sequence[int]) -> Iterator[Judged]:
    """The answers to questions with choices."""
    for first in range(0, len(numbers), AT_A_TIME):
        examples = [task[number] for number in numbers[first : first + AT_A_TIME]]
        for example, letter in zip(examples, choose_letters(model, tokenizer, examples), strict=True):
            worth = float(letter == example.answer)
            yield Judged(worth, 1 / len(example.choices), to_read(example, letter, [], worth))


def written(
    engine: Engine, tokenizer: Tokenizer, task: Task, numbers: Sequence[int], asking: Asking,
    grade: Grade | None,
) -> Iterator[Judged]:  # fmt: skip
    """The answers to questions that are answered in writing; of several replies the mean worth."""
    so_far: dict[int, list[Reply]] = {}
    for reply in replies_to(engine, tokenizer, task, numbers, asking, grade):
        replies = so_far.setdefault(reply.number, [])
        replies.append(reply)
        if len(replies) == asking.samples:
            worth = sum(one.worth for one in so_far.pop(reply.number)) / asking.samples
            yield Judged(worth, 0.0, to_read(task[reply.number], *in_words(reply), reply.worth))


def in_words(reply: Reply) -> tuple[str, list[dict[str, str]]]:
    """A reply's text, and its parts if tools were called in it."""
    if reply.generation is None:
        return "", []
    parts = reply.generation.parts
    called = any(part.type != "text" for part in parts)
    return reply.generation.text, [asdict(part) for part in parts] if called else []


def to_read(example: Example, reply: str, parts: list[dict[str, str]], worth: float) -> dict[str, Any]:
    """A question and a reply to it, for a person."""
    question = example.question["messages"][-1]["content"]
    found = {"question": question, "reply": reply, "answer": example.answer, "worth": worth}
    return {**found, "parts": parts} if parts else found
