"""The course of learning rate, momentum and weight decay."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.train.depth_dial import turn_dial
from nanochat.train.schedule import REFERENCE_STEPS, Schedule, short_run_boost

runs = st.integers(1, 20_000)


def test_a_long_run_by_hand() -> None:
    schedule = Schedule(steps=4000, weight_decay=0.2)
    assert (schedule.warmup, schedule.warmdown) == (40, 2600)
    assert schedule.learning_rate(0) == 1 / 40
    assert schedule.learning_rate(39) == schedule.learning_rate(1400) == 1.0
    assert schedule.learning_rate(2700) == pytest.approx(0.525)  # half-way from 1 to 0.05
    assert schedule.learning_rate(3999) == pytest.approx(0.05, abs=1e-3)
    assert schedule.at(2000).weight_decay == pytest.approx(0.1)


@given(runs)
def test_every_point_is_in_range(steps: int) -> None:
    schedule = Schedule(steps=steps, weight_decay=0.28)
    for step in {0, 1, steps // 10, steps // 3, steps // 2, steps - 2, steps - 1} & set(range(steps)):
        point = schedule.at(step)
        assert 0 < point.learning_rate <= 1
        assert 0.85 <= point.momentum <= 0.97
        assert 0 < point.weight_decay <= 0.28


@given(st.integers(2, 3000))
def test_the_learning_rate_rises_then_falls(steps: int) -> None:
    schedule = Schedule(steps=steps, weight_decay=0.0)
    rates = [schedule.learning_rate(step) for step in range(steps)]
    top = rates.index(max(rates))
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)


@given(runs)
def test_the_last_steps_are_small(steps: int) -> None:
    # the final rate is reached one step after the last, so no step is spent on learning nothing
    schedule = Schedule(steps=steps, weight_decay=0.28)
    one_step = 0.95 / max(1, schedule.warmdown)
    assert schedule.learning_rate(steps - 1) <= 0.05 + one_step + 1e-9 or steps < 4
    last = schedule.at(steps - 1).weight_decay
    assert last == pytest.approx(0.14 * (1 - math.cos(math.pi / steps)))


def test_shares_can_be_chosen() -> None:
    flat = Schedule(steps=10, weight_decay=0.0, warmup_steps=0, warmdown_share=0.0)
    assert [flat.learning_rate(step) for step in range(10)] == [1.0] * 10
    all_down = Schedule(
        steps=10, weight_decay=0.0, warmup_steps=0, warmdown_share=1.0, final_learning_rate=0.0
    )
    assert [round(all_down.learning_rate(step), 6) for step in range(10)] == [
        1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 0}, "steps=0 must be at least 1"),
        ({"warmup_steps": 11}, "warmup_steps=11 must be from 0 to the run's 10 steps"),
        ({"warmdown_share": 1.5}, "warmdown_share=1.5 must be from 0 to 1"),
        ({"final_learning_rate": -0.1}, "final_learning_rate=-0.1"),
        ({"weight_decay": math.nan}, "weight_decay=nan must be 0 or a positive, finite number"),
    ],
)
def test_nonsense_is_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("'", ".")):
        Schedule(**({"steps": 10, "weight_decay": 0.1} | settings))  # type: ignore[arg-type]


def test_steps_outside_the_run_are_refused() -> None:
    with pytest.raises(ValueError, match="step=-1 is outside a run of 5 steps"):
        Schedule(steps=5, weight_decay=0.0).at(-1)


@given(st.integers(12, 60))
def test_full_length_runs_get_no_boost(depth: int) -> None:
    plan = turn_dial(depth)
    assert short_run_boost(plan.batch_tokens, plan.steps) == 1.0


def test_the_reference_is_the_dial_s() -> None:
    assert turn_dial(12).steps == REFERENCE_STEPS


@given(st.integers(256, 2**21), st.integers(1, 20_000))
def test_a_shorter_run_gets_no_smaller_rate(batch_tokens: int, steps: int) -> None:
    boost = short_run_boost(batch_tokens, steps)
    assert 1.0 <= short_run_boost(batch_tokens, steps + 1) <= boost
    rate = boost * math.sqrt(batch_tokens / 2**19)
    larger = short_run_boost(2 * batch_tokens, steps) * math.sqrt(2 * batch_tokens / 2**19)
    assert rate <= larger * (1 + 1e-9)  # nor does a larger batch
    assert rate <= max(2.81, math.sqrt(batch_tokens / 2**19))  # and no run gets rates nobody has tried
