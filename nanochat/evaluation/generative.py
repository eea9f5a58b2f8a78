"""Questions answered in writing: the engine writes replies, the task says what each is worth.

A question may be answered several times by chance (temperature above 0). Its worth is the mean of its
replies, so the accuracy estimates pass@1: how often one reply is right (Chen et al. 2021, arXiv 2107.03374,
section 2.1). Each reply has a seed of its own, made from the seed that is given, the task, and the numbers of
question and reply: the same reply comes again whatever else is asked, and by however many processes.

Replies that are programs are run in the sandbox, or not at all.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from nanochat.data.tasks import humaneval
from nanochat.data.tasks.task import Example, Task
from nanochat.inference.engine import Engine
from nanochat.inference.request import Generation, Request, Sampling
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.tokenizer import Tokenizer
from nanochat.toolbox import sandbox

MOST_TOKENS = 512  # of a reply; solutions of GSM8K take about 150
LIMITS = sandbox.Limits(seconds=5.0)  # of a program
GRADERS = 4  # replies that are judged at the same time: programs take a while

Grade = Callable[[Example, str], float]


@dataclass(frozen=True)
class Asking:
    """How questions are answered."""

    samples: int = 1  # replies to each question
    temperature: float = 0.0  # 0: always the likeliest token
    seed: int = 0
    max_tokens: int = MOST_TOKENS


GREEDY = Asking()


@dataclass(frozen=True)
class Reply:
    """One reply, and what it is worth."""

    number: int  # of the question
    generation: Generation | None  # None: the question was too long to be asked
    worth: float


def replies_to(
    engine: Engine,
    tokenizer: Tokenizer,
    task: Task,
    numbers: Sequence[int],
    asking: Asking = GREEDY,
    grade: Grade | None = None,
) -> Iterator[Reply]:
    """The replies to some of a task's questions, judged, as they are finished.

    A question that fills the context leaves no room for a reply, and is worth what no reply is.
    """
    grade = grade or task.grade
    waiting: dict[int, tuple[int, Example]] = {}
    judged: list[tuple[int, Generation, Future[float]]] = []
    for number in numbers:
        example = task[number]
        prompt = tuple(render_prompt(tokenizer, example.question))
        if len(prompt) >= engine.context:
            for _ in range(asking.samples):
                yield Reply(number, None, grade(example, ""))
            continue
        for sample in range(asking.samples):
            seed = seed_of(asking.seed, task.name, number, sample)
            request = Request(prompt, asking.max_tokens, Sampling(temperature=asking.temperature), seed)
            waiting[engine.submit(request)] = number, example
    with ThreadPoolExecutor(GRADERS, thread_name_prefix="grader") as graders:
        while waiting:
            for news in engine.step():
                if news.done is not None and news.ticket in waiting:
                    number, example = waiting.pop(news.ticket)
                    judged.append((number, news.done, graders.submit(grade, example, news.done.text)))
            while judged and judged[0][2].done():
                yield reply(*judged.pop(0))
        for one in judged:
            yield reply(*one)


def reply(number: int, generation: Generation, worth: Future[float]) -> Reply:
    """A reply whose worth is known, or soon will be."""
    return Reply(number, generation, worth.result())


def seed_of(seed: int, task: str, number: int, sample: int) -> int:
    """The seed of one reply.

    >>> seed_of(0, "gsm8k", 5, 0) == seed_of(0, "gsm8k", 5, 0) != seed_of(0, "gsm8k", 5, 1)
    True
    """
    name = f"{seed}/{task}/{number}/{sample}"
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big")


# ---- programs ----


def grader_of(task: Task, unsafe_sandbox: bool = False) -> Grade:
    """What judges the replies to a task: the task itself, but programs are run.

    Raises `sandbox.SandboxUnavailable` at once where this machine cannot contain a program, unless
    `unsafe_sandbox` says that it may run all the same.
    """
    if task.name != humaneval.NAME:
        return task.grade
    sandbox.usable_layers(unsafe_sandbox)
    return lambda example, reply: passes(humaneval.program(example, reply), unsafe_sandbox)


def passes(program: str, unsafe_sandbox: bool = False) -> float:
    """1 if a program runs to its end without an error. One that leaves early, by `exit`, has not passed.

    >>> passes("assert 1 + 1 == 2", unsafe_sandbox=True), passes("exit()", unsafe_sandbox=True)
    (1.0, 0.0)
    """
    word = secrets.token_hex(8)  # what the program cannot know
    result = sandbox.run_python(f"{program}\nprint({word!r})", limits=LIMITS, unsafe=unsafe_sandbox)
    return float(result.exit_code == 0 and result.stdout.endswith(f"{word}\n"))
