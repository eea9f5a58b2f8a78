from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.inference.request import Sampling
from nanochat.inference.sampling import distribution, entropy, softmax
from tools.core.errors import UsageError
from tools.core.json_report import figures
from tools.figures.sampling import OWN, TEXTS, Question, candidates, read_logits, run

QUESTIONS = st.builds(
    Question,
    text=st.sampled_from(sorted(TEXTS)),
    temperature=st.floats(0, 3),
    top_k=st.integers(0, 10),
    top_p=st.floats(0, 1),
    min_p=st.floats(0, 1),
    repetition_penalty=st.floats(1, 3),
)


@given(QUESTIONS)
def test_the_figure_shows_what_the_engine_computes(question):
    _, logits, written = candidates(question)
    how = Sampling(
        question.temperature, question.top_k, question.top_p, question.min_p, question.repetition_penalty
    )
    expected = distribution(logits, how, written)
    shown = figures(run(question))["chances"]
    assert list(shown["chances"].values()) == expected
    assert list(shown["chances_before"].values()) == softmax(logits)
    assert shown["entropy_after"] == entropy(expected)
    assert shown["stay"] == sum(chance > 0 for chance in expected) >= 1
    assert math.isclose(sum(expected), 1)


@given(QUESTIONS)
def test_a_word_is_cut_by_the_first_rule_that_takes_it(question):
    bars = run(question).sections[0].blocks[0].bars
    for bar in bars:
        assert ("cut by" in bar.shown) == (bar.value == 0)
        if question.top_k == 0:
            assert "cut by top-k" not in bar.shown
        if question.top_p == 1:
            assert "cut by top-p" not in bar.shown


def test_own_words():
    chances = figures(run(Question(text=OWN, logits="a 0, b 0", temperature=1)))["chances"]["chances"]
    assert chances == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a", "'a' must be a word and its logit"),
        ("a 1, b nan", "'b nan' must be"),
        ("a 1, b 1e9", "'b 1e9' must be"),
        ("a 1, a 2", "names 'a' twice"),
        ("a 1", "2 to 16 words, not 1"),
        ("", "2 to 16 words, not 0"),
        (",".join(f"w{n} 1" for n in range(17)), "not 17"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_line(text, wrong):
    with pytest.raises(UsageError, match=wrong):
        read_logits(text)
