"""Error bars: against the textbook's sums, and against chance itself."""

from __future__ import annotations

import math
import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.evaluation.statistics import (
    Estimate,
    accuracy,
    bits,
    centred,
    difference,
    is_noise,
    mean_of,
    wilson_interval,
)
from nanochat.evaluation.task_result import Alone, TaskResult, mean_centred, share

shares = st.floats(0, 1)


@given(st.lists(st.booleans(), min_size=1, max_size=200))
def test_the_error_of_right_and_wrong_is_the_binomials(answers: list[bool]) -> None:
    found = accuracy(sum(answers), len(answers))
    p = statistics.fmean(answers)
    assert found.value == pytest.approx(p)
    assert found.error == pytest.approx(math.sqrt(p * (1 - p) / len(answers)))
    squares = sum(one**2 for one in answers)
    assert accuracy(sum(answers), len(answers), squares).error == pytest.approx(found.error)


@given(st.lists(shares, min_size=1, max_size=50))
def test_the_error_of_worths_is_their_spread(worths: list[float]) -> None:
    found = accuracy(sum(worths), len(worths), sum(one**2 for one in worths))
    assert found.error == pytest.approx(statistics.pstdev(worths) / math.sqrt(len(worths)), abs=1e-7)


def test_the_error_is_how_much_scores_scatter() -> None:
    """Two thousand evaluations of 50 questions each, of a model that is right three times of ten."""
    chance = random.Random("scatter")
    scores = [accuracy(sum(chance.random() < 0.3 for _ in range(50)), 50) for _ in range(2_000)]
    scatter = statistics.pstdev(one.value for one in scores)
    assert statistics.fmean(one.error for one in scores) == pytest.approx(scatter, rel=0.05)
    inside = statistics.fmean(
        low <= 0.3 <= high for low, high in (wilson_interval(s.value, 50) for s in scores)
    )
    assert 0.93 < inside < 0.98


@given(st.integers(1, 2_000), st.data())
def test_the_interval_holds_the_share_and_shrinks(total: int, data: st.DataObject) -> None:
    p = data.draw(st.integers(0, total)) / total
    low, high = wilson_interval(p, total)
    assert 0 <= low <= p + 1e-12
    assert p - 1e-12 <= high <= 1
    closer, nearer = wilson_interval(p, 4 * total)
    assert nearer - closer < high - low


def test_of_no_question_nothing_is_known() -> None:
    assert math.isnan(accuracy(0, 0).value)
    assert wilson_interval(0.0, 0) == (0.0, 1.0)
    assert math.isnan(mean_of([]).value)
    assert math.isnan(bits(0.0, 0))


@given(shares, st.floats(0, 0.5), st.floats(0, 0.9))
def test_centring_is_a_straight_line(value: float, error: float, chance: float) -> None:
    assert centred(Estimate(chance, error), chance).value == 0
    assert centred(Estimate(1.0, error), chance).value == pytest.approx(1)
    found = centred(Estimate(value, error), chance)
    assert found.value * (1 - chance) + chance == pytest.approx(value, abs=1e-9)
    assert found.error == pytest.approx(error / (1 - chance))


@pytest.mark.parametrize("chance", [-0.1, 1.0, 62.0])
def test_a_chance_that_is_no_share_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="must be from 0 to below 1"):
        centred(Estimate(0.5, 0.1), chance)


def test_the_error_of_a_mean_is_how_much_means_scatter() -> None:
    chance = random.Random("means")
    tasks = [Estimate(0.3, 0.05), Estimate(0.6, 0.02), Estimate(0.1, 0.1)]
    means = [statistics.fmean(chance.gauss(one.value, one.error) for one in tasks) for _ in range(5_000)]
    assert mean_of(tasks).value == pytest.approx(1 / 3)
    assert mean_of(tasks).error == pytest.approx(statistics.pstdev(means), rel=0.05)


def test_equal_models_differ_by_noise_nineteen_times_of_twenty() -> None:
    chance = random.Random("equal")

    def score(p: float) -> Estimate:
        return accuracy(sum(chance.random() < p for _ in range(200)), 200)

    equal = [is_noise(difference(score(0.5), score(0.5))) for _ in range(1_000)]
    other = [is_noise(difference(score(0.5), score(0.7))) for _ in range(1_000)]
    assert statistics.fmean(equal) == pytest.approx(0.95, abs=0.02)
    assert statistics.fmean(other) < 0.05


def test_two_scores_without_error_differ_if_they_differ() -> None:
    assert is_noise(difference(Estimate(1.0, 0.0), Estimate(1.0, 0.0)))
    assert not is_noise(difference(Estimate(1.0, 0.0), Estimate(0.0, 0.0)))


def test_a_task_says_all_of_itself() -> None:
    found = TaskResult("one", correct=30.0, total=40, chance=0.5).to_dict()
    assert found["accuracy"] == 0.75
    assert found["centred"] == 0.5
    assert found["centred_error"] == pytest.approx(2 * found["error"])
    assert found["interval"][0] < 0.75 < found["interval"][1]


def test_core_is_the_mean_of_centred_accuracies_not_of_accuracies() -> None:
    tasks = [TaskResult("two", 50.0, 100, 0.5), TaskResult("four", 50.0, 100, 0.25)]
    assert mean_centred(tasks).value == pytest.approx((0 + 1 / 3) / 2)


@given(st.integers(0, 50), st.integers(1, 9))
def test_every_question_is_one_processs(count: int, size: int) -> None:
    taken = [number for rank in range(size) for number in share(count, Alone(rank, size))]
    assert sorted(taken) == list(range(count))
