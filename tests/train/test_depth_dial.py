"""The one dial."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.train.depth_dial import best_batch, plan_for, scaling_parameters, turn_dial

depths = st.integers(1, 200)


def test_the_reference_is_unscaled() -> None:
    plan = turn_dial(12)
    assert plan.batch_tokens == 2**19
    assert (plan.learning_rate_factor, plan.width_factor, plan.weight_decay) == (1.0, 1.0, 0.28)
    assert plan.tokens == 12 * scaling_parameters(plan.config)


@given(depths)
def test_laws(depth: int) -> None:
    plan = turn_dial(depth)
    assert plan.tokens == 12 * scaling_parameters(plan.config)
    assert math.log2(plan.batch_tokens).is_integer()
    ideal = 2**19 * (plan.tokens / turn_dial(12).tokens) ** 0.383
    assert ideal / math.sqrt(2) <= plan.batch_tokens * (1 + 1e-9)
    assert plan.batch_tokens <= ideal * math.sqrt(2) * (1 + 1e-9)
    assert plan.learning_rate_factor == math.sqrt(plan.batch_tokens / 2**19)
    # constant T_epoch: weight decay times steps, at a learning rate that follows the batch, stays the same
    memory = plan.weight_decay * plan.learning_rate_factor * plan.tokens / plan.batch_tokens
    assert memory == pytest.approx(0.28 * turn_dial(12).tokens / 2**19)


@given(depths)
def test_deeper_means_more_tokens_and_no_smaller_batch(depth: int) -> None:
    here, deeper = turn_dial(depth), turn_dial(depth + 1)
    assert deeper.tokens > here.tokens
    assert deeper.batch_tokens >= here.batch_tokens
    assert deeper.width_factor <= here.width_factor


def test_the_ratio_moves_tokens_alone_at_the_reference() -> None:
    lean = turn_dial(12, ratio=8)
    assert lean.tokens == 8 * scaling_parameters(lean.config)
    assert lean.batch_tokens == 2**19


@pytest.mark.parametrize("ratio", [0, -1, math.nan, math.inf])
def test_a_ratio_must_be_a_number(ratio: float) -> None:
    with pytest.raises(ValueError, match="must be a positive, finite number"):
        plan_for(GPTConfig(), ratio)


def test_eight_times_the_tokens_doubles_the_batch() -> None:
    assert best_batch(8, 1) == 2 * best_batch(1, 1)
