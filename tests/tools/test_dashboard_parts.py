"""The pure parts of the training dashboard: curves of any length, running averages, spikes, strides, cuts."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.dashboard.curve import Average, Curve
from tools.dashboard.lines import Cuts
from tools.dashboard.trouble import DEVIATIONS, FAR, FEWEST, KEPT, LEAST, WINDOW, SpikeWatch, Strides

VALUES = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, 0.0]))


@given(values=st.lists(VALUES, max_size=300), most=st.sampled_from([2, 4, 10]), block=st.integers(1, 50))
def test_a_curve_is_small_and_keeps_what_matters(values: list[float], most: int, block: int) -> None:
    curve = Curve(most)
    for start in range(0, len(values), block):
        part = values[start : start + block]
        curve.extend(range(start, start + len(part)), part, range(start, start + len(part)))
    points = curve.points()
    finite = [(value, step) for step, value in enumerate(values) if math.isfinite(value)]
    assert len(points) <= 3 * most + 2
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    assert {(x, y) for x, y in points if math.isfinite(y)} <= {(step, value) for value, step in finite}
    assert any(not math.isfinite(y) for _, y in points) == (len(finite) < len(values))
    if not finite:
        assert curve.lowest is curve.highest is None
        return
    assert curve.lowest is not None
    assert curve.highest is not None
    assert (curve.lowest[1], curve.lowest[2]) == min(finite)
    highest = max(value for value, _ in finite)
    assert (curve.highest[1], curve.highest[2]) == (highest, min(s for v, s in finite if v == highest))
    for value, step in (min(finite), (highest, curve.highest[2]), finite[0], finite[-1]):
        assert (step, value) in points


@given(values=st.lists(st.floats(-100, 100), min_size=1, max_size=60))
def test_a_short_curve_is_drawn_whole(values: list[float]) -> None:
    curve = Curve()
    curve.extend(range(len(values)), values, range(len(values)))
    assert curve.points() == list(enumerate(values))


def test_values_so_large_that_their_sum_is_infinite() -> None:
    curve = Curve()
    curve.extend([1, 2], [1.7e308, 1.7e308], [1, 2])
    assert curve.points() == [(1, 1.7e308), (2, 1.7e308)]


@given(values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=50), keep=st.floats(0, 0.99))
def test_the_average_is_a_weighted_mean(values: list[float], keep: float) -> None:
    average = Average(keep)
    now = [average.take(value) for value in values][-1]
    weights = [keep ** (len(values) - 1 - at) for at in range(len(values))]
    expected = sum(w * v for w, v in zip(weights, values, strict=True)) / sum(weights)
    assert now == pytest.approx(expected, abs=1e-6)
    assert average.take(math.nan) == now


def test_an_average_of_nothing_is_no_number() -> None:
    assert math.isnan(Average(0.9).now)


def far_by_the_rule(window: list[float], value: float) -> bool:
    """The rule as it is said, without a shortcut."""
    middle = statistics.median(window)
    mad = statistics.median(abs(one - middle) for one in window)
    return value - middle > max(FAR * DEVIATIONS * mad, LEAST * abs(middle))


@settings(max_examples=60)
@given(
    values=st.lists(
        st.one_of(st.sampled_from([3.0, 3.1, 3.2, 2.9]), st.floats(2, 4), st.floats(0, 50)),
        min_size=1,
        max_size=150,
    )
)
def test_spikes_are_those_of_the_rule(values: list[float]) -> None:
    found, watch = [], SpikeWatch()
    for step, value in enumerate(values):
        before = watch.open.last if watch.open else None, watch.count
        watch.take(step, value)
        if ((watch.open.last if watch.open else None), watch.count) != before:
            found.append(step)
    expected = [
        step
        for step, value in enumerate(values)
        if step >= FEWEST and far_by_the_rule(values[max(0, step - WINDOW) : step], value)
    ]
    assert found == expected


@pytest.mark.parametrize(("value", "count"), [(136.0, 0), (137.5, 1)])
def test_where_a_spike_begins(value: float, count: int) -> None:
    """Of 1 to 50 the median is 25.5 and the MAD 12.5: the border is 25.5 + 6 * 1.4826 * 12.5 = 136.7."""
    watch = SpikeWatch()
    for step in range(50):
        watch.take(step, step + 1.0)
    watch.take(50, value)
    assert watch.count == count


def test_falls_are_spikes_downwards() -> None:
    watch = SpikeWatch(side=-1)
    for step in range(60):
        watch.take(step, 0.1 if step == 50 else 0.8 + step % 5 / 100)
    (spike,) = watch.largest()
    assert (spike.step, spike.value, spike.median) == (50, 0.1, pytest.approx(0.82))


def test_a_trend_is_no_spike_and_neighbours_are_one() -> None:
    watch = SpikeWatch()
    for step in range(500):
        watch.take(step, 8 - step / 100 + step % 7 / 50)
    assert watch.count == 0
    for step in (500, 503, 505):
        watch.take(step, 30.0 + step / 1000)
        watch.take(step + 1, 3.0)
    (spike,) = watch.largest()
    assert (watch.count, spike.first, spike.last, spike.step) == (1, 500, 505, 505)


def test_of_many_spikes_the_largest_are_kept_and_all_are_counted() -> None:
    watch = SpikeWatch()
    for step in range(200 * 60):
        watch.take(step, 10.0 + step if step % 60 == 59 else 1 + step % 3 / 10)
    assert watch.count == 200
    assert len(watch.largest()) <= KEPT + 1
    assert watch.largest()[0].step == 200 * 60 - 1


@given(steps=st.lists(st.integers(0, 8), min_size=1, max_size=40))
def test_later_lines_count(steps: list[int]) -> None:
    """Against the trainer's own way: at each line, take away the steps it overtakes."""
    kept: list[tuple[int, int]] = []
    cuts, last = Cuts(), None
    for line, step in enumerate(steps, 1):
        kept = [(one, at) for one, at in kept if at < step]
        kept.append((line, step))
        if last is not None and step <= last:
            cuts.add(line, last, step)
        last = step
    cuts.finish()
    counted = [(line, step) for line, step in enumerate(steps, 1) if not cuts.overtakes(line, step)]
    assert counted == kept


def test_strides_of_many_kinds_stay_few() -> None:
    strides = Strides(most_kinds=10)
    place = 0
    for stride in range(1, 100):
        strides.take(place, place + stride)
        place += stride
    assert strides.usual == 1
    assert len(strides.gaps()) == 5
