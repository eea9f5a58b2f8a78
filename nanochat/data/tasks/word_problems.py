"""The task `word-problems`: a short story with numbers, answered by one or two calls of the calculator.

    Mia has 12 apples. She buys 30 more. How many apples does she have now?   →  12+30 → 42, and the reply 42

A story is a template: sentences with names, things and numbers to fill in, and the steps to the result. In a
step, `x` is the result of the step before. As in `arithmetic`, the reply is code and number and nothing else.
A problem's template and numbers decide its side, so the test has numbers that training has never seen in that
story. For longer problems in the form of GSM8K there is the task `gsm-symbolic`. Standard library only.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from fractions import Fraction

from nanochat.data.tasks.calls import Part, call, sum_up, text
from nanochat.data.tasks.grading import grade_number
from nanochat.data.tasks.numbered import NumberedTask, drawn, exchange
from nanochat.data.tasks.task import Example

NAME = "word-problems"
NAMES = {  # and the word for each
    "she": ("Anna", "Mia", "Emma", "Lucy", "Sara", "Nina", "Rosa", "Ella", "Kate", "Maya", "Ines", "Zoe"),
    "he": ("Tom", "Ben", "Max", "Leo", "Sam", "Noah", "Paul", "Omar", "Jack", "Adam", "Luis", "Finn"),
}
THINGS: tuple[str, ...] = (
    "apples",
    "books",
    "coins",
    "cards",
    "pens",
    "stamps",
    "shells",
    "cookies",
    "marbles",
)
THINGS += ("balls", "stones", "flowers", "eggs", "oranges", "pears", "nuts", "tickets", "toys", "photos")
BOXES = ("boxes", "bags", "baskets", "jars", "bowls")
MOST = 99  # numbers that are drawn are from 2 to this


@dataclass(frozen=True)
class Story:
    """Words with gaps, and the steps: number, operator, number, where `a`, `b`, `c` are drawn numbers.

    Where `a` is to be divided or shared, it is drawn as a multiple, so that every result is whole.
    """

    words: str
    steps: tuple[tuple[str, str, str], ...]


def _story(words: str, *steps: str) -> Story:
    return Story(words, tuple(tuple(step.split()) for step in steps))  # type: ignore[misc]


STORIES = (
    _story("{name} has {a} {things}. {She} buys {b} more. How many {things} does {she} have now?", "a + b"),
    _story("{name} has {a} {things} and finds {b} more. How many {things} are there now?", "a + b"),
    _story(
        "There are {a} {things} in one box and {b} in another. How many {things} are there in all?", "a + b"
    ),
    _story("{name} read {a} pages on Monday and {b} on Tuesday. How many pages did {she} read?", "a + b"),
    _story("A train carries {a} people. {b} more get on. How many people are on the train?", "a + b"),
    _story("{name} is {a} years old. How old will {she} be in {b} years?", "a + b"),
    _story("{name} had {a} {things}. {She} gave away {b}. How many {things} does {she} have left?", "a - b"),
    _story("{name} has {a} {things} and loses {b} of them. How many {things} are left?", "a - b"),
    _story("There were {a} birds in a tree. {b} flew away. How many birds are still there?", "a - b"),
    _story("A book has {a} pages. {name} has read {b}. How many pages are left to read?", "a - b"),
    _story("{name} has {a} dollars and spends {b}. How many dollars does {she} have left?", "a - b"),
    _story(
        "{name} has {a} {things} and {other} has {b}. How many more {things} does {name} have than {other}?",
        "a - b",
    ),
    _story("There are {a} {boxes} with {b} {things} in each. How many {things} are there?", "a * b"),
    _story("{name} buys {a} {things} for {b} dollars each. How many dollars does {she} pay?", "a * b"),
    _story("{name} reads {a} pages a day. How many pages does {she} read in {b} days?", "a * b"),
    _story("A room has {a} rows of {b} chairs. How many chairs are in the room?", "a * b"),
    _story("A car drives {a} miles in an hour. How many miles does it drive in {b} hours?", "a * b"),
    _story("{name} earns {a} dollars an hour and works {b} hours. How much does {she} earn?", "a * b"),
    _story("{name} shares {a} {things} among {b} friends. How many {things} does each friend get?", "a / b"),
    _story("{name} puts {a} {things} into {b} {boxes}. How many {things} go into each?", "a / b"),
    _story("{b} tickets cost {a} dollars. How many dollars does one ticket cost?", "a / b"),
    _story("{name} packs {a} {things}, {b} to a box. How many boxes does {she} need?", "a / b"),
    _story("{name} walks {a} miles in {b} days. How many miles is that a day?", "a / b"),
    _story(
        "{name} has {a} {things}. {She} buys {b} and then gives away {c}. How many does {she} have now?",
        "a + b",
        "x - c",
    ),
    _story(
        "{name} has {a} {things}, {other} has {b} and their teacher has {c}. How many is that together?",
        "a + b",
        "x + c",
    ),
    _story(
        "There are {a} {boxes} with {b} {things} in each. {name} takes {c} {things}. How many are left?",
        "a * b",
        "x - c",
    ),
    _story(
        "{name} buys {a} {things} for {b} dollars each and a bag for {c} dollars. What does {she} pay?",
        "a * b",
        "x + c",
    ),
    _story(
        "{name} works {a} hours for {b} dollars an hour and spends {c} dollars. How many are left?",
        "a * b",
        "x - c",
    ),
    _story(
        "{name} has {a} {things} in each of {b} {boxes} and {c} more on the table. How many {things} has "
        "{she} in all?",
        "a * b",
        "x + c",
    ),
    _story(
        "{name} and {other} pick {a} {things} and {b} {things}. They put them all into {boxes} of {c}. How "
        "many {boxes} do they fill?",
        "a + b",
        "x / c",
    ),
)


def word_problems(split: str = "train") -> NumberedTask:
    """The task; its examples are drawn.

    >>> example = word_problems()[1]
    >>> print(example.question["messages"][0]["content"])
    Emma has 35 pens and finds 61 more. How many pens are there now?
    >>> [part["text"] for part in example.conversation["messages"][1]["content"]]
    ['35+61', '96', '96']
    """
    return drawn(NAME, split, draw, grade_number)


def draw(chance: random.Random) -> tuple[str, Example]:
    """One problem: its key, and the example."""
    number = chance.randrange(len(STORIES))
    story = STORIES[number]
    numbers = _numbers(chance, story)
    steps, result = solve(story, numbers)
    key = f"{number}/" + "/".join(f"{numbers[letter]}" for letter in sorted(numbers))
    return key, exchange(_tell(chance, story, numbers), [*steps, text(result)], answer=result)


def solve(story: Story, numbers: dict[str, int]) -> tuple[list[Part], str]:
    """The calls of the calculator, and the result.

    >>> solve(STORIES[23], {"a": 5, "b": 7, "c": 2})[1]
    '10'
    """
    known = {letter: Fraction(value) for letter, value in numbers.items()}
    parts: list[Part] = []
    for first, operator, second in story.steps:
        result = sum_up(known[first], operator, known[second])
        parts += call(f"{known[first]}{operator}{known[second]}", str(result))
        known["x"] = result
    return parts, str(known["x"])


def _numbers(chance: random.Random, story: Story) -> dict[str, int]:
    """Numbers with which every step has a whole result that is above zero."""
    letters = [letter for letter in "abc" if f"{{{letter}}}" in story.words]
    while True:
        numbers = {letter: chance.randint(2, MOST) for letter in letters}
        if "/" in story.steps[0]:
            numbers["b"] = chance.randint(2, 12)
            numbers["a"] = numbers["b"] * chance.randint(2, 40)
        elif "/" in story.steps[-1]:
            numbers["c"] = chance.randint(2, 12)
            numbers["b"] += -(numbers["a"] + numbers["b"]) % numbers["c"]
        _, result = solve(story, numbers)
        if Fraction(result) > 0 and Fraction(result).denominator == 1:
            return numbers


def _tell(chance: random.Random, story: Story, numbers: dict[str, int]) -> str:
    she = chance.choice(("she", "he"))
    name, other = chance.sample(NAMES[she], 2)
    return story.words.format(
        **numbers,
        name=name,
        other=other,
        she=she,
        She=she.capitalize(),
        things=chance.choice(THINGS),
        boxes=chance.choice(BOXES),
    )
