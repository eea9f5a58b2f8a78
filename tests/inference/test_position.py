"""A place in a text: its chances are those of the whole vocabulary, and what is not known is said."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.inference.choosing import distributions
from nanochat.inference.position import Moment, Position, Rest, cut_by, removed
from nanochat.inference.recording import TEMPERATURES, position_of
from nanochat.inference.request import Sampling
from nanochat.inference.sampling import choose, distribution, entropy

# Quarters make ties, which rules must not split; a trace keeps them as they are.
LOGITS = st.lists(st.integers(-40, 40).map(lambda n: n / 4), min_size=2, max_size=40)
RULES = st.builds(
    Sampling,
    temperature=st.sampled_from([0.0, *TEMPERATURES]),
    top_k=st.integers(0, 45),
    top_p=st.sampled_from([0.1, 0.5, 0.9, 0.99, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 0.3]),
    repetition_penalty=st.sampled_from([1.0, 1.3, 2.0, 0.7]),
)


@st.composite
def places(draw, rules=RULES):
    """All logits, a position that keeps some of them, rules, and what stands in the text."""
    logits = draw(LOGITS)
    written = draw(st.sets(st.integers(0, len(logits) - 1), max_size=4))
    keep = draw(st.integers(1, len(logits)))
    position = position_of(torch.tensor(logits), keep, written, TEMPERATURES)
    return logits, position, draw(rules), written


@given(places())
def test_known_chances_are_those_of_the_whole_vocabulary(place):
    logits, position, how, written = place
    last = position.stages(how, written)[-1]
    wanted = distribution(logits, how, written)
    if not last.exact:
        return
    assert [wanted[one] for one in position.ids] == pytest.approx(last.chances, abs=1e-9)
    others = sum(chance for one, chance in enumerate(wanted) if one not in position.ids)
    assert last.rest == pytest.approx(others, abs=1e-9)
    assert last.tokens == len(logits) or last.tokens == sum(chance > 0 for chance in wanted)
    assert last.entropy == pytest.approx(entropy(wanted), abs=1e-7)


@given(places())
def test_a_doubt_is_as_large_as_it_says(place):
    logits, position, how, written = place
    last = position.stages(how, written)[-1]
    wanted = distribution(logits, how, written)
    if last.exact or math.isinf(last.off) or how.temperature == 0:
        return
    assert last.unknown
    for one, chance in zip(position.ids, last.chances, strict=True):
        # One at the edge may stay or go; the others are off by no more than was said.
        if wanted[one] > 0 and chance > 0:
            assert abs(wanted[one] - chance) <= last.off * chance + 1e-9


@given(places(st.builds(Sampling, temperature=st.floats(0.2, 6.0))))
def test_between_the_temperatures_that_are_kept_chances_lie_within_what_is_said(place):
    logits, position, how, _ = place
    last = position.stages(how)[-1]
    wanted = distribution(logits, how)
    for one, chance in zip(position.ids, last.chances, strict=True):
        assert abs(wanted[one] - chance) <= last.off * chance * (1 + 1e-6) + 1e-9


@given(
    places(st.builds(Sampling, temperature=st.sampled_from(TEMPERATURES), top_p=st.sampled_from([0.97, 1]))),
    st.floats(0, 1, exclude_max=True),
)
def test_a_token_that_is_named_is_the_one_that_the_sampler_chooses(place, drawn):
    logits, position, how, written = place
    found = position.chosen(position.stages(how, written)[-1], drawn)
    if found is not None:
        wanted = distribution(logits, how, written)
        assert found == choose(wanted, drawn) or math.isclose(*_around(wanted, found, drawn), abs_tol=1e-9)


def _around(chances, found, drawn):
    """The edge of a token's stretch that is nearest to the number drawn, and that number."""
    below = sum(chances[:found])
    return min((below, below + chances[found]), key=lambda edge: abs(edge - drawn)), drawn


@given(LOGITS, RULES)
def test_with_every_logit_the_stages_end_in_the_samplers_distribution(logits, how):
    position = Position(tuple(range(len(logits))), tuple(logits))
    assert list(position.stages(how, {0})[-1].chances) == distribution(logits, how, {0})


@settings(max_examples=30)
@given(LOGITS, st.sampled_from(TEMPERATURES))
def test_chances_are_torch_s_to_a_millionth(logits, temperature):
    logits_V = torch.tensor(logits) + torch.linspace(0, 1e-3, len(logits))
    position = position_of(logits_V, max(1, len(logits) // 2), set(), TEMPERATURES)
    last = position.stages(Sampling(temperature=temperature))[-1]
    wanted = torch.softmax(logits_V.double() / temperature, dim=0)[list(position.ids)].tolist()
    assert last.chances == pytest.approx(wanted, abs=1e-6)
    tensor_part = distributions(logits_V[None], [Sampling(temperature=temperature)])[0, list(position.ids)]
    assert last.chances == pytest.approx(tensor_part.tolist(), abs=1e-6)


def test_equal_logits_are_kept_by_the_lowest_id_and_greedy_takes_it():
    position = position_of(torch.tensor([0.0, 5.0, 5.0, 5.0]), 2, set(), [1.0])
    assert position.ids == (1, 2)
    greedy = position.stages(Sampling(temperature=0))[-1]
    # The third is as likely as the two that were kept, and might have had a lower id.
    assert (greedy.chances, greedy.exact) == ((1.0, 0.0), False)
    whole = position_of(torch.tensor([0.0, 5.0, 5.0]), 2, set(), [1.0])
    assert whole.chosen(whole.stages(Sampling(temperature=0))[-1], 0.99) == 1


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (Sampling(temperature=1, top_k=3), "top-k 3 keeps more than the 2 likeliest tokens"),
        (Sampling(temperature=1, top_p=0.99), "top-p 0.99 needs more than the 2 likeliest tokens"),
        (Sampling(temperature=1, min_p=0.01), "min-p 0.01 keeps some of the tokens without a logit"),
        (Sampling(temperature=0.9), "only the sums at temperatures 1 were kept"),
    ],
)
def test_a_rule_that_would_need_more_says_so(how, words):
    position = position_of(torch.tensor([3.0, 2.0, 1.0, 0.5]), 2, set(), [1.0])
    last = position.stages(how)[-1]
    assert words in last.unknown
    assert not last.exact
    assert 0 < last.off < 1


@pytest.mark.parametrize("how", [Sampling(1, top_k=2), Sampling(1, top_p=0.31), Sampling(1, min_p=0.149)])
def test_the_doubt_of_a_rule_is_tight_where_it_keeps_little_of_the_rest(how):
    logits = [3.0, *(1.1 - n / 100 for n in range(60))]
    last = position_of(torch.tensor(logits), 1, set(), [1.0]).stages(how)[-1]
    error = distribution(logits, how)[0] / last.chances[0] - 1
    assert 0.8 * last.off < error <= last.off


def test_rules_that_cut_all_of_the_rest_are_exact():
    position = position_of(torch.tensor([3.0, 2.0, 1.0, 0.5]), 2, set(), [1.0])
    for how in (Sampling(0.9, top_k=2), Sampling(0.9, top_p=0.5), Sampling(0.9, min_p=0.12)):
        last = position.stages(how)[-1]
        assert (last.exact, last.rest) == (True, 0.0)
        wanted = distribution([3.0, 2.0, 1.0, 0.5], how)
        assert last.chances == pytest.approx(wanted[:2], abs=1e-12)


def test_what_a_rule_takes_away_is_counted_with_the_rest():
    position = position_of(torch.tensor([3.0, 2.0, 1.0, 0.5]), 2, set(), [1.0])
    before, after = position.stages(Sampling(temperature=1, top_k=1))
    wanted = torch.softmax(torch.tensor([3.0, 2.0, 1.0, 0.5]).double(), dim=0)
    assert removed(before, after) == (3, pytest.approx(float(wanted[1:].sum())))
    assert cut_by([before, after]) == ["", "top-k"]


def test_a_penalty_needs_the_logits_of_the_text():
    position = Position((4,), (1.0,), Rest(1, 0.0, (Moment(1.0, 0.0, 0.0),)))
    with pytest.raises(ValueError, match="the logit of token 7, which stands in the text, was not kept"):
        position.stages(Sampling(repetition_penalty=1.5), {7})
