"""CORE: 22 tasks by which small base models can be told apart (Li et al. 2024, DCLM, arXiv 2406.11794).

Each task gives an accuracy; chance is taken out of it, and CORE is the mean over the tasks. GPT-2 of 1.5
billion parameters has 0.2565. How a question is asked is in `core_prompts`, what the bundle holds in
`core_bundle`.

Processes take every n-th question each, and their counts are added up: the result is the same for any number.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from nanochat.evaluation.core_bundle import Bundle, CoreTask
from nanochat.evaluation.core_prompts import Item, Prompt, Tokenizer, order, prompts_of, shots_for
from nanochat.evaluation.progress import Said, silent
from nanochat.evaluation.reading import Thought, thoughts_on
from nanochat.evaluation.task_result import ALONE, Processes, TaskResult, share
from nanochat.model.gpt import GPT

CPU_QUESTIONS, GPU_QUESTIONS = 32, 512  # whose prompts are made and sorted together
KEPT = 1  # questions of each task that are kept, to read


def evaluate_core(
    model: GPT,
    tokenizer: Tokenizer,
    bundle: Bundle,
    limit: int | None = None,
    processes: Processes = ALONE,
    say: Said = silent,
) -> list[TaskResult]:
    """The score of every task of a bundle, of `limit` questions each or of all.

    CORE is `mean_centred` of these. Raises `UserError` naming file and line for a damaged task.
    """
    return [evaluate_core_task(model, tokenizer, task, limit, processes, say) for task in bundle.tasks]


def evaluate_core_task(
    model: GPT,
    tokenizer: Tokenizer,
    task: CoreTask,
    limit: int | None = None,
    processes: Processes = ALONE,
    say: Said = silent,
) -> TaskResult:
    """The score of one task."""
    began = time.perf_counter()
    items = task.read()
    items = [items[number] for number in order(len(items))]
    total = min(limit or len(items), len(items))
    mine = iter(share(total, processes))
    at_a_time = CPU_QUESTIONS if model.head.weight.device.type == "cpu" else GPU_QUESTIONS
    correct = done = 0
    replies: list[dict[str, Any]] = []
    while numbers := list(islice(mine, at_a_time)):
        asked = [prompts_for(task, items, number, tokenizer, model.config.sequence_len) for number in numbers]
        thoughts = iter(thoughts_on(model, [prompt for prompts in asked for prompt in prompts]))
        for number, prompts in zip(numbers, asked, strict=True):
            chosen = choice(task.kind, list(islice(thoughts, len(prompts))))
            right = chosen == right_choice(task.kind, items[number])
            correct += right
            if len(replies) < KEPT:
                replies.append(in_words(task, items[number], chosen, right))
        done += len(numbers)
        say(task.label, done * processes.size, total)
    all_correct, all_done = processes.sum([float(correct), float(done)])
    return TaskResult(
        task.label, all_correct, int(all_done), task.chance, seconds=time.perf_counter() - began,
        replies=tuple(replies),
    )  # fmt: skip


def prompts_for(
    task: CoreTask, items: Sequence[Item], number: int, tokenizer: Tokenizer, context: int
) -> list[Prompt]:
    """What has to be read for example `number`."""
    shots = [items[one] for one in shots_for(number, len(items), task.shots)]
    return prompts_of(task.kind, items[number], shots, task.delimiter, tokenizer, context)


def choice(kind: str, thoughts: Sequence[Thought]) -> int:
    """The number of the least surprising prompt; of language modelling 0 if the model would write the same.

    >>> choice("schema", [Thought(3.0, False), Thought(2.0, False)])
    1
    """
    if kind == "language_modeling":
        return 0 if thoughts[0].as_written else -1
    return min(range(len(thoughts)), key=lambda number: thoughts[number].mean_nats)


def right_choice(kind: str, item: Item) -> int:
    """What `choice` should be."""
    return 0 if kind == "language_modeling" else int(item["gold"])


def in_words(task: CoreTask, item: Item, chosen: int, right: bool) -> dict[str, Any]:
    """A question and what came of it, for a person to read."""
    if task.kind == "language_modeling":
        asked, reply = item["context"], item["continuation"] if right else "(something else)"
    elif task.kind == "schema":
        asked, reply = item["continuation"], item["context_options"][chosen]
    else:
        asked, reply = item["query"], item["choices"][chosen]
    return {"task": task.label, "question": asked, "reply": reply, "right": right}
