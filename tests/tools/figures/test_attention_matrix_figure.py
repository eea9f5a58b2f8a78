from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core.errors import UsageError
from tools.core.json_report import figures
from tools.figures.attention_matrix import HEADS, WIDTH, Question, read_words, run, value, vectors, weights

WORDS = st.lists(st.sampled_from(["the", "cat", "banana", "é", "x1"]), min_size=1, max_size=10)
QUESTIONS = st.builds(
    Question,
    head=st.sampled_from(sorted(HEADS)),
    scale=st.floats(0, 2),
    divide=st.booleans(),
    causal=st.booleans(),
)


@given(QUESTIONS, WORDS)
def test_rows_sum_to_one_and_nobody_sees_the_future(question, words):
    found = weights(question, words)
    for place, row in enumerate(found):
        assert math.isclose(sum(row), 1)
        assert not question.causal or all(one == 0 for one in row[place + 1 :])


@given(WORDS, st.booleans())
def test_the_weights_are_those_of_torch(words, causal):
    torch = pytest.importorskip("torch")
    question = Question(head="content", causal=causal)
    queries, keys = (torch.tensor(one, dtype=torch.float64) for one in vectors(words, "content"))
    eye = torch.eye(len(words), dtype=torch.float64)
    expected = torch.nn.functional.scaled_dot_product_attention(queries, keys, eye, is_causal=causal)
    assert torch.allclose(torch.tensor(weights(question, words), dtype=torch.float64), expected)


@given(WORDS)
def test_each_head_looks_where_its_rule_says(words):
    before = weights(Question(head="previous-token"), words)
    assert all(row.index(max(row)) == place - 1 for place, row in enumerate(before) if place)
    same = weights(Question(head="same-word", divide=False), words)
    for place, row in enumerate(same):
        alike = [at for at in range(place + 1) if words[at] == words[place]]
        assert math.isclose(sum(row[at] for at in alike), 1, abs_tol=1e-9)


@given(WORDS)
def test_keys_are_as_long_as_qk_norm_makes_them(words):
    for head in HEADS:
        assert all(math.isclose(math.hypot(*key), math.sqrt(WIDTH)) for key in vectors(words, head)[1])


def test_the_output_is_the_mix_of_values():
    shown = figures(run(Question(words="a banana", head="content", place=2)))["weights"]
    row = shown["weights"]["values"][1]
    assert shown["letters"] == pytest.approx(row[0] * value("a")[0] + row[1] * value("banana")[0])
    assert shown["sum"] == 1


@pytest.mark.parametrize("text", ["", "...", "a " * 11])
def test_words_are_one_to_ten(text):
    with pytest.raises(UsageError, match="must be 1 to 10 words"):
        read_words(text)


def test_a_word_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="there are 2 words"):
        run(Question(words="a b", place=3))
