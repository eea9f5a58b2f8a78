"""Sampling: the reference against the definitions, the fast one against the reference."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nanochat.inference.choosing import choose_tokens, distributions, numbers_drawn
from nanochat.inference.request import GREEDY, Sampling
from nanochat.inference.sampling import choose, distribution, draw, entropy

samplings = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, 0.3, 1.0, 1.7]),
    top_k=st.sampled_from([0, 1, 2, 5, 1000]),
    top_p=st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    repetition_penalty=st.sampled_from([0.5, 1.0, 1.3, 3.0]),
)
# A sixteenth apart, so that no two chances are equal but for rounding, and exact ties come up too.
logit_lists = st.lists(st.integers(-80, 80).map(lambda n: n / 16), min_size=1, max_size=40)


@given(logit_lists, samplings, st.floats(0, 1, exclude_max=True), st.data())
def test_many_rows_get_what_the_reference_gives(logits, how, drawn, data):
    written = data.draw(st.sets(st.integers(0, len(logits) - 1)))
    other = data.draw(samplings)
    expected = [distribution(logits, one, written) for one in (how, other)]
    logits_BV = torch.tensor([logits, logits])
    written_BV = torch.zeros(2, len(logits), dtype=torch.bool)
    written_BV[:, list(written)] = True
    found_BV = distributions(logits_BV, [how, other], written_BV)
    torch.testing.assert_close(found_BV, torch.tensor(expected, dtype=torch.float64), atol=1e-9, rtol=1e-9)
    edges = [abs(sum(expected[0][: i + 1]) - drawn) for i in range(len(logits))]
    if min(edges) > 1e-9:  # else rounding decides between two neighbours
        chosen = choose_tokens(logits_BV, [how, other], [drawn, drawn], written_BV)
        assert chosen[0] == choose(expected[0], drawn)


def test_a_nucleus_wider_than_the_short_order():
    """More words than are looked at first, all needed."""
    logits_BV = torch.linspace(0, 1, 5_000)[None].double()
    how = Sampling(temperature=1.0, top_p=0.9)
    expected = distribution(logits_BV[0].tolist(), how)
    found = distributions(logits_BV, [how])[0]
    assert int((found > 0).sum()) == sum(chance > 0 for chance in expected) > 1_024
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


@given(logit_lists, samplings)
def test_the_kept_are_the_likeliest_and_share_all(logits, how):
    chances = distribution(logits, how)
    assert sum(chances) == pytest.approx(1)
    kept = [logit for logit, chance in zip(logits, chances, strict=True) if chance > 0]
    gone = [logit for logit, chance in zip(logits, chances, strict=True) if chance == 0]
    if how.temperature > 0:
        assert not gone or min(kept) > max(gone)
        if how.top_k:
            assert len([logit for logit in kept if logit > min(kept)]) < how.top_k
    else:
        assert kept == [max(logits)]


def test_top_p_keeps_the_fewest_that_reach_it():
    logits = [math.log(p) for p in (0.4, 0.3, 0.2, 0.1)]
    for top_p, kept in {0: 1, 0.39: 1, 0.41: 2, 0.71: 3, 0.95: 4}.items():
        chances = distribution(logits, Sampling(temperature=1, top_p=top_p))
        assert sum(chance > 0 for chance in chances) == kept


def test_chance_follows_the_distribution():
    """20,000 draws: each frequency within four standard errors of its probability."""
    logits = [1.0, 0.0, -1.0, 2.0]
    how, n = Sampling(temperature=1.3), 20_000
    expected = distribution(logits, how)
    drawn = numbers_drawn([3] * n, list(range(n)))
    counts = Counter(choose_tokens(torch.tensor([logits] * n), [how] * n, drawn))
    for token_id, chance in enumerate(expected):
        error = math.sqrt(chance * (1 - chance) / n)
        assert counts[token_id] / n == pytest.approx(chance, abs=4 * error)


def test_seeds_and_places_are_all_different():
    numbers = {draw(seed, place) for seed in (-1, 0, 1, 2**70) for place in range(100)}
    assert len(numbers) == 400
    assert all(0 <= number < 1 for number in numbers)


def test_the_last_stretch_catches_what_rounding_leaves():
    assert choose([0.1] * 10, 0.9999999999999999) == 9
    assert choose_tokens(torch.zeros(1, 10), [Sampling()], [0.9999999999999999]) == [9]


@pytest.mark.parametrize("what", [
    {"temperature": -0.1}, {"temperature": float("nan")}, {"temperature": float("inf")}, {"top_k": -1},
    {"top_p": 1.1}, {"min_p": -0.1}, {"repetition_penalty": 0},
])  # fmt: skip
def test_settings_that_make_no_sense(what):
    with pytest.raises(ValueError, match=next(iter(what))):
        Sampling(**what)


def test_greedy_ignores_chance():
    assert {choose(distribution([0.0, 2.0, 1.0], GREEDY), n / 10) for n in range(10)} == {1}


def test_entropy_of_a_fair_die():
    assert entropy([1 / 8] * 8) == pytest.approx(3)
