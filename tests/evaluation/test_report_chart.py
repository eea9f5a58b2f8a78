"""The curves: what is drawn of a run, and that it is drawn where it belongs."""

from __future__ import annotations

import math
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.evaluation.report.chart import HEIGHT, LEFT, RIGHT, TOP, WIDTH, Chart, Curve, draw, short, ticks
from nanochat.evaluation.report.curves import MOST_POINTS, charts_of, points_of, smoothed, spread, thinned
from nanochat.evaluation.report.reading import read_report
from nanochat.home import run_folder
from tests.evaluation.reported_runs import STEPS, line, lines_of, put_chain, put_run

SVG = "{http://www.w3.org/2000/svg}"
VALUES = st.floats(-1e200, 1e200)
POINTS = st.lists(st.tuples(st.integers(1, 10**7), VALUES), min_size=1, max_size=40, unique_by=lambda p: p[0])


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))


def titles(run: str) -> list[str]:
    return [chart.title for chart in charts_of(read_report(run_folder(run)).run)]


# ---- which curves ----


def test_each_stage_has_its_curves() -> None:
    put_chain()
    text = ["Loss", "Validation", "Learning rate", "Speed"]
    assert titles("base") == text
    assert titles("sft") == text
    assert titles("rl") == ["Reward", "Validation", "Length of a reply", "Learning rate", "Speed"]


def test_what_was_not_measured_has_no_curve() -> None:
    lines = [line(step, tokens_per_second=None, lr={}) for step in (1, 2, 3)]
    put_run("base", lines=lines)
    assert titles("base") == ["Loss"]


def test_loss_is_drawn_raw_and_smoothed_and_the_rate_as_a_share() -> None:
    put_run("base")
    loss, validation, rate, _ = charts_of(read_report(run_folder("base")).run)
    raw, smooth = loss.curves
    assert (raw.label, smooth.label) == ("each step", "smoothed")
    assert list(raw.points) == [(step, 6.0 - step / 10) for step in range(1, STEPS + 1)]
    assert smooth.points[-1][1] > raw.points[-1][1]
    assert validation.curves[0].points == [(STEPS, 1.5)]
    assert max(value for _, value in rate.curves[0].points) == 1.0
    assert rate.curves[0].points[0] == (1, 0.25)


def test_the_points_of_the_curves_are_a_table_too() -> None:
    lines = lines_of("base")
    lines[9]["val_bpb"] = 1.75
    put_run("base", lines=lines)
    table = points_of(read_report(run_folder("base")).run)
    assert table.head == ["step", "loss", "validation bpb", "tokens per second"]
    assert table.rows == [["1", "5.9", "–", "512"], ["10", "5", "1.75", "512"], ["20", "4", "1.5", "512"]]


# ---- smoothing and thinning ----


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_a_smoothed_curve_stays_between_the_values(values: list[float]) -> None:
    found = [value for _, value in smoothed(list(enumerate(values)))]
    assert len(found) == len(values)
    assert found[0] == pytest.approx(values[0])
    room = 1e-9 * max(map(abs, values)) + 1e-12
    assert min(values) - room <= min(found)
    assert max(found) <= max(values) + room


def test_a_long_run_is_not_smoothed_over_thousands_of_steps() -> None:
    points = [(step, 1.0 if step < 50_000 else 0.0) for step in range(100_000)]
    assert smoothed(points)[52_000][1] < 0.001


@given(st.lists(VALUES, min_size=1, max_size=2_000))
def test_thinned_curves_keep_ends_lowest_and_highest(values: list[float]) -> None:
    points = list(enumerate(values))
    found = thinned(points)
    assert len(found) <= MOST_POINTS + 2
    assert set(found) <= set(points)
    assert (found[0], found[-1]) == (points[0], points[-1])
    assert [step for step, _ in found] == sorted(step for step, _ in found)
    assert min(value for _, value in found) == min(values)
    assert max(value for _, value in found) == max(values)


@given(st.integers(1, 100))
def test_rows_are_spread_over_the_whole(count: int) -> None:
    found = spread(range(count))
    assert len(found) == min(count, 9)
    assert (found[0], found[-1]) == (0, count - 1)


# ---- drawing ----


@given(VALUES, VALUES)
def test_ticks_hold_all_values_and_are_few(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    found = ticks(low, high)
    room = 1e-6 * max(abs(low), abs(high), 1e-300)
    assert found[0] <= low + room
    assert found[-1] >= high - room
    assert 2 <= len(found) <= 8
    assert found == sorted(set(found))


@given(POINTS, POINTS)
def test_all_that_is_drawn_is_in_the_picture(first: list, second: list) -> None:
    curves = [Curve("one", sorted(first), faint=True), Curve("two", sorted(second), dots=True)]
    svg = ElementTree.fromstring(draw(Chart("Loss & <more>", "nats", curves), "figure-1"))
    for path in svg.iter(f"{SVG}polyline"):
        for spot in path.get("points", "").split():
            x, y = map(float, spot.split(","))
            assert LEFT - 0.1 <= x <= WIDTH - RIGHT + 0.1
            assert TOP - 0.1 <= y <= HEIGHT
    assert len(list(svg.iter(f"{SVG}circle"))) == len(second) + (len(first) == 1)


def test_a_picture_is_told_to_who_does_not_see_it() -> None:
    svg = ElementTree.fromstring(draw(Chart("Loss", "nats", [Curve("loss", [(1, 8.3), (200, 4.1)])]), "x"))
    said = {one.get("id"): one.text for one in svg if one.tag in (f"{SVG}title", f"{SVG}desc")}
    assert svg.get("role") == "img"
    assert [said[name] for name in svg.get("aria-labelledby", "").split()] == [
        "Loss", "loss: from 8.3 at step 1 to 4.1 at step 200, lowest 4.1, highest 8.3",
    ]  # fmt: skip


def test_colours_are_those_of_the_page_and_others_where_it_has_none() -> None:
    text = draw(Chart("Loss", "nats", [Curve("loss", [(1, 8.3), (200, 4.1)])]), "x")
    assert "var(--chart-1, #1f8a74)" in text
    assert "currentColor" in text
    assert "style=" not in text  # a strict policy forbids it


@pytest.mark.parametrize("ground", [(255, 255, 255), (0x11, 0x16, 0x14)])
@pytest.mark.parametrize("number", [1, 2])
def test_the_colours_without_a_page_can_be_told_from_light_and_dark(
    ground: tuple[int, ...], number: int
) -> None:
    curves = [Curve("one", [(1, 1.0), (2, 2.0)]), Curve("two", [(1, 1.0), (2, 2.0)])]
    match = re.search(rf"--chart-{number}, #(\w\w)(\w\w)(\w\w)", draw(Chart("a", "b", curves), "x"))
    assert match
    pair = sorted((luminance(ground), luminance(tuple(int(part, 16) for part in match.groups()))))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 3  # WCAG 1.4.11, for graphics


def luminance(colour: tuple[int, ...]) -> float:
    """Of WCAG 2.2."""
    parts = [one / 255 for one in colour]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts]
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@given(st.floats(-1e12, 1e12).filter(lambda value: value == 0 or abs(value) > 1e-9))
def test_numbers_beside_an_axis_are_short(value: float) -> None:
    assert len(short(value)) <= 9
    assert not math.isnan(float(short(value).rstrip("GMk").replace(",", "")))
