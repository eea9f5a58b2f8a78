"""The groups' names, and the flag that sets the rates of some of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.errors import UserError
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.train.depth_dial import turn_dial
from nanochat.train.optimizer import RULES, make_optimizer
from nanochat.train.rate_groups import MATRICES, RATE_GROUPS, read_factors
from nanochat.train.run_plan import plan_run
from nanochat.train.schedule import SchedulePoint
from nanochat.train.settings import Settings

SMALL = GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=64, sequence_len=16)


def test_the_names_are_those_of_the_model_and_of_the_optimizer() -> None:
    assert list(GPT(SMALL).parameter_groups()) == list(RATE_GROUPS)
    assert {MATRICES, *RULES} == set(RATE_GROUPS)


@given(st.dictionaries(st.sampled_from(list(RATE_GROUPS)), st.floats(1e-6, 1e6)))
def test_what_is_written_is_read_again(factors: dict[str, float]) -> None:
    words = ",".join(f"{group.replace('_', '-')}={factor!r}" for group, factor in factors.items())
    assert read_factors(words) == factors


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("muon=1", "there is no group 'muon'; there is embedding, value-embeddings, matrices"),
        ("matrices", "says no factor"),
        ("matrices=", "'' is not a number"),
        ("matrices=fast", "'fast' is not a number"),
        ("matrices=0", "0 is out of range; it goes from 1e-06 to 1,000,000"),
        ("matrices=nan", "out of range"),
        ("matrices=-1", "out of range"),
        ("matrices=1,matrices=2", "named twice"),
    ],
)
def test_a_bad_word_is_refused_by_name(words: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as caught:
        Settings(depth=4, group_lr_scale=words).checked()
    assert str(caught.value).startswith("--group-lr-scale ")


def test_a_plan_hands_them_to_the_optimizer() -> None:
    settings = Settings(depth=1, head_dim=32, seq_len=16, batch_size=2, steps=10)
    plain = plan_run(settings, vocab_size=64)
    changed = plan_run(
        Settings(**{**settings.to_dict(), "lr_scale": 2.0, "group_lr_scale": "matrices=0.5,x0-scalars=3"}), 64
    )
    model = GPT(plain.config).initialize(0)
    before = make_optimizer(model, plain.training).rates
    after = make_optimizer(model, changed.training).rates
    wanted = {"matrices": 1.0, "x0_scalars": 6.0}
    assert after == pytest.approx({group: rate * wanted.get(group, 2.0) for group, rate in before.items()})


def test_a_step_can_multiply_single_groups() -> None:
    model = GPT(SMALL).initialize(0)
    optimizer = make_optimizer(model, turn_dial(2))
    first = {name: weight.detach().clone() for name, weight in optimizer.named.items()}
    for weight in optimizer.named.values():
        weight.grad = weight.detach().new_ones(weight.shape)
    optimizer.step(SchedulePoint(1.0, 0.9, 0.0), {"matrices": 0.0, "head": 2.0})
    rates = optimizer.learning_rates()
    assert rates["matrices"] == 0.0
    assert rates["head"] == pytest.approx(2 * optimizer.rates["head"])
    assert rates["embedding"] == optimizer.rates["embedding"]
    for group, parameters in model.parameter_groups().items():
        still = all(parameter.equal(first[name]) for name, parameter in parameters.items())
        assert still == (group == "matrices"), group
