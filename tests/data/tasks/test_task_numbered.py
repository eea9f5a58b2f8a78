"""Examples by number: always the same ones, and two splits that never meet."""

from __future__ import annotations

import random

import pytest

from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import (
    TEST_SIZE,
    TRAIN_SIZE,
    NumberedTask,
    check_split,
    drawn,
    exchange,
    is_test,
    of_side,
)
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError


def addition(chance: random.Random) -> tuple[str, Example]:
    a, b = chance.randrange(30), chance.randrange(30)
    return f"{a}+{b}", exchange(f"{a}+{b}?", str(a + b), answer=str(a + b))


def question(example: Example) -> str:
    return str(example.question["messages"][-1]["content"])


def test_an_example_is_the_same_whatever_was_asked_before():
    first, second = drawn("sums", "train", addition, grade_text), drawn("sums", "train", addition, grade_text)
    forward = [first[number] for number in range(50)]
    assert [second[number] for number in reversed(range(50))] == forward[::-1]
    assert len(set(map(question, forward))) > 25


def test_the_test_never_asks_what_training_has_shown():
    """Nine hundred problems, drawn three thousand times: without sides every one would be in both."""
    train, test = (drawn("sums", split, addition, grade_text) for split in ("train", "test"))
    shown = {question(train[number]) for number in range(3000)}
    asked = {question(test[number]) for number in range(300)}
    assert len(shown) > 700
    assert len(asked) > 50
    assert not shown & asked


def test_another_name_is_another_order():
    one, two = (drawn(name, "train", addition, grade_text) for name in ("one", "two"))
    assert [question(one[number]) for number in range(20)] != [question(two[number]) for number in range(20)]


def test_sizes():
    assert len(drawn("sums", "train", addition, grade_text)) == TRAIN_SIZE
    assert len(drawn("sums", "test", addition, grade_text)) == TEST_SIZE
    assert len(drawn("sums", "test", addition, grade_text, size=7)) == 7


@pytest.mark.parametrize("number", [-1, 3, 10**9])
def test_no_example_beyond_the_last(number):
    task = NumberedTask("three", 3, lambda number: exchange(str(number), "yes"), grade_text)
    with pytest.raises(IndexError, match=f"three has 3 examples, from 0; there is no number {number}"):
        task[number]


def test_a_task_can_be_read_from_front_to_back():
    task = NumberedTask("three", 3, lambda number: exchange(str(number), "yes"), grade_text)
    assert [question(one) for one in task] == ["0", "1", "2"]


def test_words_of_the_test_come_once_and_mixed():
    words = sorted(f"word{number:03d}" for number in range(600))
    train, test = (
        of_side("echo", split, words, 2, lambda _, word: exchange(word, word), grade_text)
        for split in ("train", "test")
    )
    held_out = [question(test[number]) for number in range(len(test))]
    seen = [question(train[number]) for number in range(len(train))]
    assert held_out != sorted(held_out)
    assert sorted(held_out) == [word for word in words if is_test(word)]
    assert sorted(seen) == sorted(2 * [word for word in words if not is_test(word)])


def test_a_split_that_is_not_there():
    with pytest.raises(UserError, match="the task sums has no split 'dev'; it has: train, test"):
        drawn("sums", "dev", addition, grade_text)
    check_split("mmlu", "validation", ("train", "test", "validation"))


def test_a_problem_that_is_no_text_still_has_a_side():
    assert is_test("\ud800") in (True, False)
