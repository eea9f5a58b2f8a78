"""A task's score: on models that say what they are told to, and against one plain forward pass a question."""

from __future__ import annotations

import math

import pytest
import torch

from nanochat.data.tasks.catalogue import CATALOGUE, open_task
from nanochat.data.tasks.humaneval import humaneval_example
from nanochat.data.tasks.numbered import NumberedTask
from nanochat.errors import UserError
from nanochat.evaluation import generative
from nanochat.evaluation.choices import choose_letters, letter_ids
from nanochat.evaluation.generative import Asking, grader_of, passes
from nanochat.evaluation.names import CHAT, CLASSROOM, EVERYTHING
from nanochat.evaluation.task_result import KEPT, Alone
from nanochat.evaluation.tasks import evaluate_task, has_choices, questions
from nanochat.inference.engine import Engine
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.toolbox.sandbox import Limits, SandboxUnavailable, available_layers
from nanochat.toolbox.tools import use_calculator
from tests.evaluation.small_tasks import letters, model_that_says, numbers
from tests.inference.small_models import CONTEXT, chance_model

TOKENIZER = sample_tokenizer()
CHANCE_MODEL = chance_model(TOKENIZER.n_vocab)
CALLS = "<|assistant_start|><|python_start|>6*7<|python_end|>"
AFTER = "<|output_end|>42<|assistant_end|>"


def engine_that_says(*replies: str, rows: int = 4) -> Engine:
    return Engine(model_that_says(TOKENIZER, *replies), TOKENIZER, rows=rows, tool=use_calculator)


# ---- letters ----


def test_only_the_letters_of_the_choices_compete() -> None:
    """The model would say Z, then E, then C; where there are two choices, neither of the others helps."""
    model = model_that_says(TOKENIZER, "<|assistant_start|>Z")
    start, ids = TOKENIZER.special_id("<|assistant_start|>"), letter_ids(TOKENIZER, ["E", "C"])
    with torch.no_grad():
        vector_C = torch.nn.functional.normalize(model.embedding.weight[start], dim=0)
        model.head.weight[ids[0]] += 2 * vector_C
        model.head.weight[ids[1]] += 1 * vector_C
    engine = Engine(model, TOKENIZER)
    found = evaluate_task(engine, TOKENIZER, letters("CCCABCD"))
    assert (found.correct, found.total, found.chance) == (4, 7, 0.25)
    assert found.centred == pytest.approx((4 / 7 - 0.25) / 0.75)
    assert found.standard_error == pytest.approx(math.sqrt(4 / 7 * 3 / 7 / 7))
    assert len(found.replies) == KEPT
    assert {reply["reply"] for reply in found.replies} == {"C"}
    assert evaluate_task(engine, TOKENIZER, letters("ABAB", sizes=(2,))).chance == 0.5
    mixed = letters("ABAB", sizes=(2, 4))
    assert evaluate_task(engine, TOKENIZER, mixed).chance == pytest.approx((0.5 + 0.25) / 2)
    chosen = choose_letters(model, TOKENIZER, [mixed[number] for number in range(4)])
    assert [letter in example.choices for letter, example in zip(chosen, mixed, strict=True)] == [True] * 4
    assert chosen[1::2] == ["C", "C"]


def test_letters_are_those_of_a_plain_pass() -> None:
    """Questions of every length, in one batch; those that are too long by their end."""
    task = letters("ABCDABCDABCD")
    long = NumberedTask("long", 12, lambda number: stretched(task[number], number), task.judge)
    examples = [long[number] for number in range(12)]
    expected = []
    for example in examples:
        prompt = render_prompt(TOKENIZER, example.question)[-CONTEXT:]
        with torch.no_grad():
            logits_V = CHANCE_MODEL(torch.tensor([prompt]))[0, -1]
        expected.append("ABCD"[int(logits_V[letter_ids(TOKENIZER, list("ABCD"))].argmax())])
    assert choose_letters(CHANCE_MODEL, TOKENIZER, examples) == expected
    assert len(set(expected)) > 1
    found = evaluate_task(Engine(CHANCE_MODEL, TOKENIZER), TOKENIZER, long)
    assert found.correct == sum(map(str.__eq__, expected, "ABCDABCDABCD"))


def stretched(example, number):
    """The example with a question that grows."""
    content = "word " * 9 * number + example.question["messages"][0]["content"]
    messages = [{"role": "user", "content": content}, example.conversation["messages"][1]]
    return type(example)({"messages": messages}, example.answer, example.choices)


# ---- writing ----


def test_replies_go_through_the_calculator_and_are_graded() -> None:
    found = evaluate_task(engine_that_says(CALLS, AFTER), TOKENIZER, numbers([42, 3, 42, 42, 5]))
    assert (found.correct, found.total, found.chance) == (3, 5, 0)
    first = found.replies[0]
    assert first["reply"] == "42"
    assert first["parts"] == [
        {"type": "python", "text": "6*7"},
        {"type": "python_output", "text": "42"},
        {"type": "text", "text": "42"},
    ]


@pytest.mark.parametrize("rows", [1, 3, 16])
@pytest.mark.parametrize("size", [1, 2, 7])
def test_the_same_score_for_any_number_of_rows_and_processes(rows: int, size: int) -> None:
    asking = Asking(samples=3, temperature=1.0, seed=5, max_tokens=6)
    task = numbers([1, 2, 3, 4, 5])
    parts = [
        evaluate_task(
            Engine(CHANCE_MODEL, TOKENIZER, rows=rows), TOKENIZER, task, None, asking, digits,
            Alone(rank, size),
        )
        for rank in range(size)
        if rank < 5
    ]  # fmt: skip
    assert sum(one.total for one in parts) == 5
    assert sum(one.correct for one in parts) == pytest.approx(TOGETHER.correct)
    assert sum(one.squares or 0 for one in parts) == pytest.approx(TOGETHER.squares)


def digits(example, reply: str) -> float:
    """Something that differs from reply to reply."""
    return sum(reply.encode()) % 7 / 7


TOGETHER = evaluate_task(
    Engine(CHANCE_MODEL, TOKENIZER), TOKENIZER, numbers([1, 2, 3, 4, 5]), None,
    Asking(samples=3, temperature=1.0, seed=5, max_tokens=6), digits,
)  # fmt: skip


def test_samples_are_averaged_within_a_question() -> None:
    """The error comes from the questions, not from all replies as if they were apart."""
    worths: dict[str, list[float]] = {}

    def grade(example, reply: str) -> float:
        worths.setdefault(example.answer, []).append(digits(example, reply))
        return worths[example.answer][-1]

    asking = Asking(samples=4, temperature=1.5, max_tokens=5)
    found = evaluate_task(Engine(CHANCE_MODEL, TOKENIZER), TOKENIZER, numbers([1, 2, 3]), None, asking, grade)
    means = [sum(some) / 4 for some in worths.values()]
    assert [len(some) for some in worths.values()] == [4, 4, 4]
    assert len({one for some in worths.values() for one in some}) > 3
    mean = sum(means) / 3
    assert found.accuracy == pytest.approx(mean)
    assert found.standard_error == pytest.approx(math.sqrt(sum((one - mean) ** 2 for one in means) / 3 / 3))


def test_another_seed_gives_other_replies() -> None:
    def replies(seed: int) -> list[str]:
        asking = Asking(temperature=1.0, seed=seed, max_tokens=8)
        found = evaluate_task(Engine(CHANCE_MODEL, TOKENIZER), TOKENIZER, numbers([1, 2]), None, asking)
        return sorted(one["reply"] for one in found.replies)

    assert replies(0) == replies(0) != replies(1)


def test_a_question_that_fills_the_context_is_worth_what_no_reply_is() -> None:
    task = numbers([42, 42])
    long = NumberedTask("long", 2, lambda number: stretched(task[number], 40 * number), task.judge)
    found = evaluate_task(engine_that_says(CALLS, AFTER), TOKENIZER, long, asking=Asking(samples=2))
    assert (found.correct, found.total) == (1, 2)


def test_a_judge_that_fails_is_not_taken_for_a_wrong_reply() -> None:
    def grade(example, reply: str) -> float:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        evaluate_task(engine_that_says(CALLS, AFTER), TOKENIZER, numbers([1, 2]), grade=grade)


def test_a_limit_asks_the_same_ones_every_time() -> None:
    task = open_task("arithmetic", "test")
    assert questions(task, 50) == questions(task)[:50]
    assert sorted(questions(task)) == list(range(2_000))
    assert questions(task, 50) != list(range(50))
    told: list[tuple[str, int, int]] = []
    found = evaluate_task(
        engine_that_says(CALLS, AFTER), TOKENIZER, task, 3, say=lambda *words: told.append(words)
    )
    assert found.total == 3
    assert told == [("arithmetic", done, 3) for done in (1, 2, 3)]


def test_a_task_without_questions_is_refused() -> None:
    with pytest.raises(UserError, match="the task numbers has no questions"):
        evaluate_task(engine_that_says(CALLS, AFTER), TOKENIZER, numbers([]))


# ---- programs ----

CODE = {
    "task_id": "T/0",
    "prompt": "def one():\n",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
    "entry_point": "one",
}
PROBLEM = NumberedTask("humaneval", 1, lambda number: humaneval_example(CODE), lambda example, reply: 0.0)


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("```python\ndef one():\n    return 1\n```", 1.0),
        ("return 1", 1.0),
        ("```python\ndef one():\n    return 2\n```", 0.0),
        ("def one(:", 0.0),
        ("", 0.0),
        ("```python\nimport os\nos._exit(0)\n```", 0.0),
        ("```python\ndef one():\n    raise SystemExit(0)\n```", 0.0),
        ("```python\nimport atexit, os\natexit.register(os._exit, 0)\ndef one():\n    return 2\n```", 0.0),
        ("```python\ndef one():\n    while True: pass\n```", 0.0),
    ],
)
def test_a_program_is_run(reply: str, worth: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generative, "LIMITS", Limits(seconds=1.0))
    grade = grader_of(PROBLEM, unsafe_sandbox=True)
    assert grade(PROBLEM[0], reply) == worth


def test_real_problems_are_solved_by_their_own_solutions() -> None:
    task = open_task("humaneval", "test")
    grade = grader_of(task, unsafe_sandbox=True)
    for number in (0, 38, 163):
        example = task[number]
        assert grade(example, example.conversation["messages"][-1]["content"]) == 1.0
        assert grade(example, "return None") == 0.0


def test_without_a_sandbox_programs_are_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layers = available_layers(frozenset({"seccomp", "landlock", "namespaces"}))
    monkeypatch.setattr("nanochat.toolbox.sandbox.available_layers", lambda without: layers)
    with pytest.raises(SandboxUnavailable, match="--unsafe-sandbox"):
        grader_of(PROBLEM)
    assert grader_of(PROBLEM, unsafe_sandbox=True)(PROBLEM[0], "return 1") == 1.0
    assert grader_of(numbers([1])) is not None  # needs none
    with pytest.raises(SandboxUnavailable):
        passes("1")


# ---- the lists ----


def test_the_chat_tasks_and_the_classrooms_are_in_the_catalogue_and_are_judged() -> None:
    assert all(CATALOGUE[name].judged and "test" in CATALOGUE[name].splits for name in EVERYTHING[2:])
    assert set(EVERYTHING) > {*CHAT, *CLASSROOM}
    assert CLASSROOM == ("arithmetic", "word-problems", "spelling", "letter-counting", "larger-arithmetic")
    assert not any(has_choices(open_task(name, "test")) for name in CLASSROOM)
