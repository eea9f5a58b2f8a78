"""Mixtures: the right share of each task, no repetition before its end, the same for everyone."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.data.tasks.catalogue import CATALOGUE
from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.mixture import NAMED, Mixture, open_mixture, parse_mixture, share_out
from nanochat.data.tasks.numbered import NumberedTask, exchange
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer


def counting(name: str, size: int) -> NumberedTask:
    return NumberedTask(name, size, lambda number: exchange(f"{name} {number}", "yes"), grade_text)


def questions(mixture: Mixture) -> list[str]:
    return [mixture[number].question["messages"][0]["content"] for number in range(len(mixture))]


def test_each_task_has_its_share():
    mixture = Mixture(
        [(counting("a", 1000), 3), (counting("b", 1000), 1), (counting("c", 1000), 0.5)], 450, 0
    )
    assert Counter(one[0] for one in questions(mixture)) == {"a": 300, "b": 100, "c": 50}
    assert mixture.counts == {"a": 300, "b": 100, "c": 50}


def test_shares_are_mixed_all_along():
    mixture = Mixture([(counting("a", 1000), 1), (counting("b", 1000), 1)], 1000, 0)
    names = [one[0] for one in questions(mixture)]
    for first in range(0, 1000, 100):
        assert 30 < names[first : first + 100].count("a") < 70


def test_no_example_comes_twice_before_all_have_come():
    mixture = Mixture([(counting("a", 10), 1), (counting("b", 7), 2)], 90, 3)
    for name, size in (("a", 10), ("b", 7)):
        order = [one for one in questions(mixture) if one[0] == name]
        rounds = [order[first : first + size] for first in range(0, len(order), size)]
        assert len(order) == mixture.counts[name]
        for one in rounds:
            assert len(set(one)) == len(one)
        assert rounds[0] != rounds[1]  # another order the second time
        assert set(rounds[0]) == set(rounds[1])


def test_any_example_can_be_asked_for_first():
    parts = [(counting("a", 50), 1.0), (counting("b", 70), 2.0)]
    forward = questions(Mixture(parts, 300, 5))
    backward = Mixture(parts, 300, 5)
    found = [backward[number].question["messages"][0]["content"] for number in reversed(range(300))]
    assert found[::-1] == forward
    assert questions(Mixture(parts, 300, 6)) != forward


def test_an_example_is_graded_by_its_own_task():
    mixture = Mixture([(counting("a", 5), 1), (counting("b", 5), 1)], 10, 0)
    for number in range(10):
        task, index = mixture.place_of(number)
        assert mixture.task_of(number) is task
        assert mixture[number] == task[index]
        assert mixture[number].question["messages"][0]["content"].startswith(task.name)


@pytest.mark.parametrize("number", [-1, 10])
def test_no_example_beyond_the_last(number):
    with pytest.raises(IndexError, match="the mixture has 10 examples"):
        Mixture([(counting("a", 5), 1)], 10, 0)[number]


def test_what_cannot_be_mixed():
    with pytest.raises(UserError, match="the task empty has no example"):
        Mixture([(counting("empty", 0), 1)], 10, 0)
    with pytest.raises(ValueError, match="different names"):
        Mixture([(counting("a", 1), 1), (counting("a", 2), 1)], 10, 0)
    with pytest.raises(ValueError, match="different names"):
        Mixture([], 10, 0)
    with pytest.raises(ValueError, match="size=0"):
        Mixture([(counting("a", 1), 1)], 0, 0)


@given(st.integers(1, 10_000), st.lists(st.floats(1e-3, 1e3, allow_nan=False), min_size=1, max_size=9))
def test_shares_are_whole_and_all_of_it(size, weights):
    shares = share_out(size, weights)
    assert sum(shares) == size
    for share, weight in zip(shares, weights, strict=True):
        assert abs(share - size * weight / sum(weights)) < 1 + 1e-6


# ---- words ----


def test_words_of_a_mixture():
    assert parse_mixture(" arithmetic : 2 , spelling:0.5,identity") == [
        ("arithmetic", 2.0),
        ("spelling", 0.5),
        ("identity", 1.0),
    ]
    for name in NAMED:
        parts = parse_mixture(name)
        assert len(parts) > 5
        assert {part for part, _ in parts} <= set(CATALOGUE)
    for name in ("classroom", "storybook"):
        assert not any(CATALOGUE[part].needs_download for part, _ in parse_mixture(name))


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("", "has an empty part"),
        ("arithmetic:1,", "has an empty part"),
        (":2", "has an empty part"),
        ("arithmetics:1", "there is no task 'arithmetics'; did you mean arithmetic?"),
        ("arithmetic:-1", "arithmetic:-1: a weight is a number above 0"),
        ("arithmetic:", "a weight is a number above 0"),
        ("arithmetic:many", "a weight is a number above 0"),
        ("arithmetic:nan", "a weight is a number above 0"),
        ("arithmetic:inf", "a weight is a number above 0"),
        ("arithmetic:1,arithmetic:2", "names arithmetic twice"),
        ("classroom:1,arithmetic:1", "classroom is a mixture, not a task"),
    ],
)
def test_words_that_mean_no_mixture(words, complaint):
    with pytest.raises(UserError) as error:
        parse_mixture(words)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_the_storybook_is_the_classroom_and_three_more():
    parts = {name for name, _ in parse_mixture("storybook")}
    assert parts == {name for name, _ in parse_mixture("classroom")} | {
        "stories", "story-questions", "everyday",
    }  # fmt: skip


def test_most_of_the_storybooks_text_is_stories_and_the_rest_talk_and_sums():
    mixture = open_mixture("storybook", size=3_000, seed=0)
    tokenizer = FastTokenizer.of(sample_tokenizer())
    tokens: Counter[str] = Counter()
    for number in range(len(mixture)):
        ids, _ = render_conversation(tokenizer, mixture[number].conversation)
        tokens[mixture.task_of(number).name] += len(ids)
    shares = {name: count / sum(tokens.values()) for name, count in tokens.items()}
    # The sample's few merges make everything longer, words more than numbers and single letters.
    assert 0.4 < shares["stories"] + shares["story-questions"] < 0.6
    assert 0.1 < shares["everyday"] + shares["small-talk"] + shares["identity"] + shares["definitions"] < 0.2


@pytest.mark.parametrize("name", ["classroom", "storybook"])
def test_a_mixture_opens_and_has_every_part(name):
    mixture = open_mixture(name, size=600, seed=0)
    assert set(mixture.counts) == {part for part, _ in parse_mixture(name)}
    assert all(count > 8 for count in mixture.counts.values())
    assert len({str(mixture[number].conversation) for number in range(300)}) > 290


def test_a_mixture_whose_data_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    with pytest.raises(UserError, match="fetch it with: nanochat data prepare --task smoltalk"):
        open_mixture("chat", size=10)
