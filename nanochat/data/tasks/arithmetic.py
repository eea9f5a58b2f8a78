"""The task `arithmetic`: one sum of whole numbers, in many words, answered through the calculator.

    What is 37 * 12?      →  37*12 → 444, and the reply 444
    Subtract 95 from 408. →  408-95 → 313, and the reply 313

All variety is in the question. The reply is always the bare code without spaces and then the bare result:
both are repetitions of tokens that stand in the text already, which is what a small model learns first. It
never has to compute anything, and that is the point.

`larger-arithmetic` is the same with a number of four digits in each sum. No mixture has it: a model that was
fine-tuned on the classroom gets some of these right, and can learn the rest from its rewards.

A problem is on the test's side by its numbers, whatever words it comes in, and `12+30` with `30+12`.
Standard library only.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

from nanochat.data.tasks.calls import call, sum_up, text
from nanochat.data.tasks.grading import grade_number
from nanochat.data.tasks.numbered import NumberedTask, drawn, exchange
from nanochat.data.tasks.task import Example

NAME, LARGER = "arithmetic", "larger-arithmetic"
Numbers = Callable[[random.Random, str], tuple[int, int]]

# How a sum is written, and how it is said.
SIGNS = {
    "+": ("{a} + {b}", "{a} + {b}", "{a}+{b}", "{a} plus {b}"),
    "-": ("{a} - {b}", "{a} - {b}", "{a}-{b}", "{a} minus {b}"),
    "*": ("{a} * {b}", "{a} * {b}", "{a}*{b}", "{a} times {b}", "{a} x {b}", "{a} × {b}"),
    "/": ("{a} / {b}", "{a} / {b}", "{a}/{b}", "{a} divided by {b}", "{a} ÷ {b}"),
}
FRAMES = (
    "What is {sum}?",
    "What is {sum}?",
    "What is {sum}?",
    "What's {sum}?",
    "what is {sum}",
    "How much is {sum}?",
    "Calculate {sum}.",
    "Calculate {sum}",
    "Compute {sum}.",
    "{sum} = ?",
    "{sum} =",
    "{sum}",
    "{sum}?",
    "Please calculate {sum}.",
    "Can you calculate {sum}?",
    "Can you tell me what {sum} is?",
    "Tell me what {sum} is.",
    "What does {sum} equal?",
    "What is the result of {sum}?",
    "Work out {sum}.",
    "Evaluate {sum}.",
    "Solve {sum}.",
    "I need to know {sum}.",
    "Hi! What is {sum}?",
)
# Sentences of their own for each operation; in one of them the numbers come the other way round.
SENTENCES = {
    "+": (
        "Add {a} and {b}.",
        "Add {b} to {a}.",
        "What is the sum of {a} and {b}?",
        "What do you get if you add {a} and {b}?",
    ),
    "-": (
        "Subtract {b} from {a}.",
        "Take {b} away from {a}.",
        "What is the difference of {a} and {b}?",
        "What is left of {a} if you take away {b}?",
    ),
    "*": (
        "Multiply {a} by {b}.",
        "Multiply {a} and {b}.",
        "What is the product of {a} and {b}?",
        "What do you get if you multiply {a} by {b}?",
    ),
    "/": (
        "Divide {a} by {b}.",
        "What is {a} split into {b} equal parts?",
        "What do you get if you divide {a} by {b}?",
        "How many times does {b} go into {a}?",
    ),
}
SENTENCE_SHARE = 0.2
NEGATIVE_SHARE = 0.1  # of subtractions may end below zero


def arithmetic(split: str = "train") -> NumberedTask:
    """The task; its examples are drawn, so there is no end of them in training.

    >>> arithmetic()[1].question["messages"][0]["content"]
    'Can you tell me what 73 minus 54 is?'
    >>> [part["text"] for part in arithmetic()[1].conversation["messages"][1]["content"]]
    ['73-54', '19', '19']
    """
    return drawn(NAME, split, draw, grade_number)


def larger_arithmetic(split: str = "train") -> NumberedTask:
    """The task with larger numbers.

    >>> larger_arithmetic()[0].question["messages"][0]["content"]
    'Compute 7417 * 3226.'
    """
    return drawn(LARGER, split, partial(draw, numbers=_larger_numbers), grade_number)


def draw(chance: random.Random, numbers: Numbers | None = None) -> tuple[str, Example]:
    """One problem: its key, and the example; `numbers` draws the two numbers."""
    operator = chance.choice("+-*/")
    a, b = (numbers or _numbers)(chance, operator)
    if chance.random() < SENTENCE_SHARE:
        question = chance.choice(SENTENCES[operator]).format(a=a, b=b)
    else:
        written = chance.choice(SIGNS[operator]).format(a=a, b=b)
        question = chance.choice(FRAMES).format(sum=written)
    code, result = f"{a}{operator}{b}", str(sum_up(a, operator, b))
    return problem_key(a, operator, b), exchange(question, [*call(code, result), text(result)], answer=result)


def problem_key(a: int, operator: str, b: int) -> str:
    """What decides the side: the same for both orders where the order does not matter.

    >>> problem_key(30, "+", 12), problem_key(12, "+", 30), problem_key(30, "-", 12)
    ('12+30', '12+30', '30-12')
    """
    first, second = sorted((a, b)) if operator in "+*" else (a, b)
    return f"{first}{operator}{second}"


def _numbers(chance: random.Random, operator: str) -> tuple[int, int]:
    """Two numbers of one to three digits, whose result is whole. Each length comes as often as the others."""
    if operator == "/":
        by = chance.randrange(2, 10 ** chance.randint(1, 2))
        return by * chance.randint(1, 999 // by), by
    a, b = (chance.randrange(10 ** chance.randint(1, 3)) for _ in range(2))
    if operator == "-" and a < b and chance.random() > NEGATIVE_SHARE:
        a, b = b, a
    return a, b


def _larger_numbers(chance: random.Random, operator: str) -> tuple[int, int]:
    """One number of four digits and one of one to four, in any order; the result is whole."""
    if operator == "/":
        by = chance.randrange(2, 10 ** chance.randint(1, 2))
        return by * chance.randint(-(-1_000 // by), 9_999 // by), by
    a, b = chance.randrange(1_000, 10_000), chance.randrange(10 ** chance.randint(1, 4))
    if operator == "-":
        return (b, a) if (a < b) != (chance.random() < NEGATIVE_SHARE) else (a, b)
    return (a, b) if chance.random() < 0.5 else (b, a)
