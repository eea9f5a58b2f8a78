"""Grades: what is right in whatever words, what is wrong however it looks; no reply breaks a judge."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.tasks.grading import (
    chosen_letter,
    final_number,
    grade_choice,
    grade_number,
    grade_spelling,
    grade_text,
    reply_text,
    spelled_word,
)
from nanochat.data.tasks.task import Example

LETTERS = ("A", "B", "C", "D")


def expecting(answer: str) -> Example:
    return Example({"messages": [{"role": "assistant", "content": answer}]}, answer=answer, choices=LETTERS)


# ---- numbers ----


@given(st.integers(-(10**9), 10**9))
def test_a_number_is_found_in_whatever_words(number):
    forms = [
        f"{number}",
        f"{number}.",
        f"{number}.0",
        f"{number:,}",
        f"37 * 12 = {number}",
        f"37*12={number}",
        f"The answer is {number} apples.",
        f"It costs ${number}!",
        f"**{number}**",
        f"some 12 steps\n#### {number}",
        f"#### {number:,}\nand then 5 more words",
        f"= {number}".replace("-", "−"),
    ]
    for form in forms:
        assert final_number(form) == number, form
        assert grade_number(expecting(str(number)), form) == 1.0
        assert grade_number(expecting(str(number + 1)), form) == 0.0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2.50", Fraction(5, 2)),
        (".5", Fraction(1, 2)),
        ("7-5", 5),
        ("(-3)", -3),
        ("1,2,3", 3),
        ("12,34", 34),
        ("1,234,567.5", Fraction(2469135, 2)),
        ("444 is 37 times 12", 12),
        ("no number", None),
        ("", None),
        ("9" * 5000, None),
        ("٣", None),  # a digit, but not one that anything here writes
    ],
)
def test_numbers_one_by_one(text, number):
    assert final_number(text) == number


# ---- letters of words ----


@pytest.mark.parametrize(
    "reply",
    [
        "a p p l e",
        "a-p-p-l-e",
        "A, P, P, L, E",
        "A.P.P.L.E.",
        "It is spelled a p p l e.",
        "no: a b c\na p p l e",
    ],
)
def test_a_spelled_word(reply):
    assert grade_spelling(expecting("apple"), reply) == 1.0


@pytest.mark.parametrize(
    "reply", ["apple", "a p l e", "a p p l e s", "e l p p a", "a p p le", "", "a a a p p l e"]
)
def test_a_word_that_is_not_spelled(reply):
    assert grade_spelling(expecting("apple"), reply) == 0.0


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2, max_size=12), st.sampled_from([" ", "-", ", "]))
def test_every_word_can_be_spelled(word, between):
    assert spelled_word(between.join(word)) == word
    assert spelled_word(between.join(word.upper())) == word


# ---- choices ----


@pytest.mark.parametrize(
    "reply",
    [
        "B",
        " b ",
        "B.",
        "(B)",
        "B)",
        "**B**",
        "B. Paris",
        "B: Paris",
        "(B) a city",
        "The answer is B.",
        "B\nbecause",
        "Answer: B",
        "The right choice is (B), not A.",
        "I would say B",
    ],
)
def test_the_letter_of_a_choice(reply):
    assert chosen_letter(reply, LETTERS) == "B"
    assert grade_choice(expecting("B"), reply) == 1.0
    assert grade_choice(expecting("A"), reply) == 0.0


@pytest.mark.parametrize("reply", ["", "E", "A or B", "Paris", "ABCD", "A cat and B", "BB", "I don't know"])
def test_no_choice_is_no_letter(reply):
    assert chosen_letter(reply, LETTERS) == ""
    assert all(grade_choice(expecting(letter), reply) == 0.0 for letter in LETTERS)


def test_a_letter_that_is_not_among_the_choices():
    assert chosen_letter("C", ("A", "B")) == ""


# ---- any text at all ----


@given(st.text(st.characters()))
def test_no_reply_breaks_a_judge(reply):
    for judge, answer in (
        (grade_number, "1"),
        (grade_spelling, "apple"),
        (grade_choice, "A"),
        (grade_text, "x"),
    ):
        assert judge(expecting(answer), reply) in (0.0, 1.0)


def test_a_long_reply_is_judged_by_its_end():
    assert final_number("1 " * 100_000 + "7") == 7
    assert spelled_word("a b " * 100_000 + "and then: s u n") == "sun"


def test_the_text_of_a_reply_is_what_is_not_a_call():
    parts = [
        {"type": "text", "text": "It is "},
        {"type": "python", "text": "1+1"},
        {"type": "python_output", "text": "2"},
        {"type": "text", "text": "2."},
    ]
    example = Example({"messages": [{"role": "assistant", "content": parts}]})
    assert reply_text(example) == "It is 2."
    assert grade_text(example, "It is 2.") == 1.0
    assert grade_text(example, "It is 22.") == 0.0
