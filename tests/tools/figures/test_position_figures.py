"""Rotary angles and masks: equal to what the model computes with tensors."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core.errors import UsageError
from tools.core.json_report import figures
from tools.figures import attention_mask, rotary_angles

WIDTHS = st.sampled_from([2, 4, 8, 16, 64, 128])
BASES = st.sampled_from([10.0, 100.0, 10_000.0, 100_000.0])


@given(WIDTHS, BASES, st.integers(0, 64), st.data())
def test_turning_is_what_the_model_does(head_dim, base, position, data):
    torch = pytest.importorskip("torch")
    from nanochat.model.rotary import rotary_table, rotate

    vector = data.draw(st.lists(st.floats(-2, 2), min_size=head_dim, max_size=head_dim))
    table = rotary_table(position + 1, head_dim, base)
    cos, sin = (one[position : position + 1] for one in table)
    expected = rotate(torch.tensor(vector).view(1, 1, 1, -1), cos, sin).flatten().tolist()
    assert rotary_angles.rotate(vector, position, base) == pytest.approx(expected, abs=1e-5)


@given(WIDTHS, BASES, st.integers(0, 64), st.integers(0, 64))
def test_only_the_distance_counts(head_dim, base, position, key_position):
    question = rotary_angles.Question(
        position=position, key_position=key_position, head_dim=str(head_dim), base=f"{base:.0f}"
    )
    shown = figures(rotary_angles.run(question))["dot_product"]
    assert shown["agreement"] == pytest.approx(shown["moved"], abs=1e-9)
    distance = abs(position - key_position)
    cosines = [math.cos(distance * speed) for speed in rotary_angles.speeds(head_dim, base)]
    assert shown["agreement"] == pytest.approx(sum(cosines) / len(cosines), abs=1e-9)
    assert shown["by_distance"]["every distance"][distance][1] == pytest.approx(shown["agreement"], abs=1e-9)


@given(
    st.integers(2, 16),
    st.sampled_from(sorted(attention_mask.PATTERNS)),
    st.integers(1, 12),
    st.integers(1, 12),
    st.lists(st.integers(1, 20), max_size=5),
)
def test_the_mask_is_the_one_of_the_model(positions, pattern, layers, layer, lengths):
    torch = pytest.importorskip("torch")
    from nanochat.model.attending import may_see

    question = attention_mask.Question(
        positions=positions,
        pattern=pattern,
        layers=layers,
        layer=min(layer, layers),
        documents=" ".join(map(str, lengths)),
    )
    found = attention_mask.lengths_of(question)
    assert sum(found) == positions
    documents = torch.tensor([[at for at, length in enumerate(found) for _ in range(length)]])
    window = attention_mask.windows(question)[question.layer - 1]
    expected = may_see(window, positions, torch.device("cpu"), documents).view(positions, positions)
    shown = figures(attention_mask.run(question))["mask"]
    assert [[cell is not None for cell in row] for row in shown["mask"]["values"]] == expected.tolist()
    assert shown["pairs"] == int(expected.sum())


@pytest.mark.parametrize("positions", range(2, 17))
def test_windows_are_the_same_in_tokens_and_in_blocks(positions):
    short, last = attention_mask.windows(attention_mask.Question(positions=positions, pattern="S", layers=2))
    assert (short, last) == (-(-positions // 4), positions)


def test_reach_grows_with_every_layer():
    reach = [
        figures(attention_mask.run(attention_mask.Question(layers=8, layer=layer)))["mask"]["through"]
        for layer in range(1, 9)
    ]
    assert reach == [3, 5, 7, 12, 12, 12, 12, 12]


@pytest.mark.parametrize("documents", ["0", "-1", "a", "5, 1001", "²"])
def test_lengths_must_be_lengths(documents):
    with pytest.raises(UsageError, match="must be a length from 1 to 1,000"):
        attention_mask.lengths_of(attention_mask.Question(documents=documents))


def test_a_layer_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="the model has 4"):
        attention_mask.run(attention_mask.Question(layers=4, layer=5))
