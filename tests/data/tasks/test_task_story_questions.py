"""Questions about a very short story: the answer stands in it, and is judged by its deciding words."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.data.tasks.catalogue import CATALOGUE, open_task
from nanochat.data.tasks.story_questions import LONGEST, draw, grade_said
from nanochat.data.tasks.story_scenes import SCENES
from nanochat.data.tasks.task import Example
from nanochat.tokenizer.chat import check_conversation, render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer

MOST = 1_500


def asked(example: Example) -> str:
    return str(example.conversation["messages"][0]["content"])


def said(example: Example) -> str:
    return str(example.conversation["messages"][1]["content"])


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_answer_stands_in_the_story_and_is_worth_one(split):
    task = open_task("story-questions", split)
    tokenizer = FastTokenizer.of(sample_tokenizer())
    for number in range(MOST):
        example = task[number]
        check_conversation(example.conversation)
        assert example.answer
        assert example.answer.lower() in asked(example).lower()
        assert task.grade(example, said(example)) == 1.0
        assert task.grade(example, example.answer) == 1.0
        for wrong in ("", "I do not know.", "?", asked(example)):
            assert task.grade(example, wrong) == 0.0
        assert len(said(example).split()) <= LONGEST
        assert len(render_conversation(tokenizer, example.conversation)[0]) < 512


@pytest.mark.parametrize("split", ["train", "test"])
def test_questions_are_written_well(split):
    task = open_task("story-questions", split)
    for number in range(MOST):
        for text in (asked(task[number]), said(task[number])):
            assert text.isascii()
            assert not re.search(r"[{}|_]|  ", text)
            assert not re.search(r"\ba [aeio]|\ban (?!hour)[^aeiou]", text)
            assert text[0].isupper()
        assert asked(task[number]).endswith("?")
        assert re.fullmatch(r"[A-Z][^.!?]*\.", said(task[number]))


def test_every_scene_can_be_asked_of_and_every_question_comes():
    assert len(SCENES) > 20
    for scene in SCENES:
        assert len(scene.asked) >= 4
        for question, answer, key in scene.asked:
            assert question.endswith("?")
            assert answer.endswith(".")
            assert key


def test_no_story_is_on_both_sides():
    texts = [
        {asked(task[number]) for number in range(2_000)}
        for task in (open_task("story-questions", "train"), open_task("story-questions", "test"))
    ]
    assert not texts[0] & texts[1]
    assert len(texts[0]) > 1_950


def test_the_task_is_judged_and_is_the_same_for_all():
    assert CATALOGUE["story-questions"].judged
    one, other = open_task("story-questions"), open_task("story-questions")
    forward = [one[number] for number in range(30)]
    assert [other[number] for number in reversed(range(30))] == forward[::-1]


@pytest.mark.parametrize(
    ("reply", "worth"),
    [
        ("Tom", 1.0),
        ("It was tom.", 1.0),
        ("Tom found it!", 1.0),
        ("Tommy found it.", 0.0),
        ("Anna found it.", 0.0),
        ("", 0.0),
        ("Tom and " * 20, 0.0),
    ],
)
def test_what_a_reply_is_worth(reply, worth):
    assert grade_said(Example({"messages": []}, answer="Tom"), reply) == worth


@given(st.text(max_size=60))
def test_no_reply_makes_the_judge_fail(reply: str):
    assert grade_said(Example({"messages": []}, answer="under the bed"), reply) in (0.0, 1.0)


@given(st.integers())
@settings(deadline=None, max_examples=150)
def test_any_chance_draws_a_question(seed: int):
    story, example = draw(random.Random(f"q/{seed}"))
    assert story in asked(example)
    assert grade_said(example, said(example)) == 1.0
