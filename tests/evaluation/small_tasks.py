"""Tasks whose every answer the model below knows, or does not."""

from __future__ import annotations

from nanochat.data.tasks.choice import choice_example
from nanochat.data.tasks.grading import grade_choice, grade_number
from nanochat.data.tasks.numbered import NumberedTask, exchange
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import Tokenizer
from tests.inference.small_models import script, scripted_model


def letters(right: str, sizes: tuple[int, ...] = (4,)) -> NumberedTask:
    """Questions whose right letters are those of `right`, with as many choices as `sizes` says in turn."""

    def make(number: int):
        texts = [f"{name}{number}" for name in "wxyz"[: sizes[number % len(sizes)]]]
        return choice_example(f"Question {number}", texts, "ABCD".index(right[number]))

    return NumberedTask("letters", len(right), make, grade_choice)


def numbers(answers: list[int], name: str = "numbers") -> NumberedTask:
    """Questions that are answered by these numbers."""
    return NumberedTask(
        name, len(answers),
        lambda number: exchange(f"Question {number}?", str(answers[number]), answer=str(answers[number])),
        grade_number,
    )  # fmt: skip


def model_that_says(tokenizer: Tokenizer, *replies: str) -> GPT:
    """A model that begins every reply in the same way, and goes on as `replies` say."""
    return scripted_model(tokenizer, script(tokenizer, *replies))
