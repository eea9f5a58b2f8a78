from __future__ import annotations

import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core.charts import HEIGHT, WIDTH, bar_chart, line_chart
from tools.core.report import LineChart, Series
from tools.core.scale import drawable, make_axis, segments, tick_label
from tools.core.terminal_chart import draw_lines

POINTS = st.lists(st.tuples(st.floats(), st.floats()), max_size=30)
SVG = "{http://www.w3.org/2000/svg}"


@given(st.lists(st.floats(), max_size=20), st.booleans())
def test_an_axis_holds_every_value_between_its_ends(values, log):
    axis = make_axis(values, log)
    assert 2 <= len(axis.ticks) <= 12
    assert list(axis.ticks) == sorted(axis.ticks)
    for value in values:
        if drawable(value, log):
            assert -1e-6 <= axis.place(value) <= 1 + 1e-6


@pytest.mark.parametrize("value", [5.0, 0.0, -3e-9, 1e17, 1e289, 5e-324])
def test_one_value_alone_gets_room(value):
    axis = make_axis([value])
    assert axis.low <= value <= axis.high
    assert axis.low < axis.high


@given(POINTS, POINTS, st.booleans(), st.booleans())
def test_charts_are_valid_svg_inside_their_box(first, second, x_log, y_log):
    drawn = line_chart("Loss <&>", [("a <b>", first), ("b", second)], x_label="x", x_log=x_log, y_log=y_log)
    root = ElementTree.fromstring(drawn._repr_svg_())
    assert root.find(f"{SVG}title").text == "Loss <&>"
    assert "a <b>:" in root.find(f"{SVG}desc").text
    for line in root.iter(f"{SVG}polyline"):
        for point in line.get("points").split():
            x, y = map(float, point.split(","))
            assert -1 <= x <= WIDTH + 1
            assert -1 <= y <= HEIGHT + 1


@given(POINTS, POINTS, st.booleans(), st.booleans(), st.booleans())
def test_terminal_charts_have_the_asked_size(first, second, log, color, unicode):
    chart = LineChart("c", "C", [Series("a", first), Series("b", second)], "x", "y", y_log=log)
    lines = list(draw_lines(chart, 60, 8, color, unicode))
    assert lines
    if lines != ["(no points to draw)"]:
        assert sum("│" in line or "|" in line for line in lines) == 8


def test_gaps_stay_gaps():
    points = [(0, 1.0), (1, 2.0), (2, math.nan), (3, 1.0), (4, -1.0), (5, 3.0)]
    assert segments(points, False, True) == [[(0, 1.0), (1, 2.0)], [(3, 1.0)], [(5, 3.0)]]
    drawn = line_chart("Gaps", [("a", points)], y_log=True).svg
    assert drawn.count("<polyline") == 1
    assert drawn.count("<circle") == 2


def test_lines_differ_in_more_than_colour():
    drawn = line_chart("Two", [("a", [(0, 1), (1, 2)]), ("b", [(0, 2), (1, 1)])]).svg
    assert "stroke-dasharray" in drawn
    assert ">a</text>" in drawn


def test_several_lines_without_colour_have_letters():
    chart = LineChart("c", "C", [Series("a", [(0, 1), (1, 2)]), Series("b", [(0, 2), (1, 1)])])
    text = "\n".join(draw_lines(chart, 40, 8, color=False, unicode=True))
    assert "* a" in text
    assert "o b" in text


def test_bars_are_valid_svg():
    root = ElementTree.fromstring(bar_chart("Parts", [("a & b", 3.0, "3 M"), ("c", math.nan, "?")]).svg)
    widths = [float(bar.get("width")) for bar in root.iter(f"{SVG}rect")]
    assert widths == [WIDTH - 2, 0.0]


def test_tick_labels_are_short_and_tell_ticks_apart():
    for values in ([0, 0.003], [1e6, 1.2e6], [0, 5e12], [-2, 7], [1e-9, 3e-9]):
        labels = [tick_label(tick) for tick in make_axis(values).ticks]
        assert len(set(labels)) == len(labels)
        assert max(map(len, labels)) <= 8
