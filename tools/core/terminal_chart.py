"""Line charts in the terminal: Braille dots, two by four to a letter, or plain letters without them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from tools.core.report import LineChart
from tools.core.scale import Axis, make_axis, segments, tick_label
from tools.core.terminal_text import visible

MARKS = "*o+x#@"
LINE_COLORS = (36, 33, 35, 32, 34, 31)
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""Unicode's numbers for the eight dots of a Braille letter, by row and column."""


def draw_lines(chart: LineChart, width: int, height: int, color: bool, unicode: bool) -> Iterator[str]:
    """The chart's lines of text: y ticks, canvas, x ticks, legend."""
    runs = [segments(one.points, chart.x_log, chart.y_log) for one in chart.series]
    points = [point for series in runs for run in series for point in run]
    if not points:
        yield "(no points to draw)"
        return
    x_axis = make_axis((x for x, _ in points), chart.x_log)
    y_axis = make_axis((y for _, y in points), chart.y_log)
    labels = {round((1 - y_axis.place(tick)) * (height - 1)): tick_label(tick) for tick in y_axis.ticks}
    margin = max(map(len, labels.values()))
    # Braille dots of several lines look alike without colours, so letters stand in for them.
    braille = unicode and (color or len(runs) == 1)
    columns = max(8, width - margin - 2)
    canvas = _canvas(runs, x_axis, y_axis, columns, height, braille, color)
    side, corner, floor = ("│", "└", "─") if unicode else ("|", "+", "-")
    if chart.y_label:
        yield visible(chart.y_label)
    for index, line in enumerate(canvas):
        yield f"{labels.get(index, ''):>{margin}} {side}{line}"
    yield " " * (margin + 1) + corner + floor * columns
    yield " " * (margin + 2) + _x_labels(x_axis, columns)
    if chart.x_label:
        yield " " * (margin + 2) + visible(chart.x_label)
    if len(runs) > 1:
        for index, one in enumerate(chart.series):
            mark = MARKS[index % len(MARKS)]
            yield " " * (margin + 2) + (_colored("──", index) if braille else mark) + " " + visible(one.label)


def _x_labels(axis: Axis, columns: int) -> str:
    line = [" "] * columns
    free = 0
    for tick in axis.ticks:
        words = tick_label(tick)
        middle = round(axis.place(tick) * (columns - 1)) - len(words) // 2
        start = max(0, min(middle, columns - len(words)))
        if start >= free:
            line[start : start + len(words)] = words
            free = start + len(words) + 1
    return "".join(line).rstrip()


def _colored(text: str, index: int) -> str:
    return f"\x1b[{LINE_COLORS[index % len(LINE_COLORS)]}m{text}\x1b[0m"


def _canvas(
    runs: list[list[list[tuple[float, float]]]],
    x_axis: Axis,
    y_axis: Axis,
    columns: int,
    height: int,
    braille: bool,
    color: bool,
) -> list[str]:
    wide, tall = (2, 4) if braille else (1, 1)
    cells: dict[tuple[int, int], tuple[int, int]] = {}
    for index, series in enumerate(runs):
        for run in series:
            spots = [
                (
                    round(x_axis.place(x) * (columns * wide - 1)),
                    round((1 - y_axis.place(y)) * (height * tall - 1)),
                )
                for x, y in run
            ]
            for x, y in _joined(spots):
                at = (y // tall, x // wide)
                cells[at] = (cells.get(at, (0, 0))[0] | (DOTS[y % 4][x % 2] if braille else 0), index)
    lines = []
    for row in range(height):
        line = []
        for column in range(columns):
            if (row, column) not in cells:
                line.append(" ")
                continue
            dots, index = cells[row, column]
            mark = chr(0x2800 + dots) if braille else MARKS[index % len(MARKS)]
            line.append(_colored(mark, index) if color else mark)
        lines.append("".join(line))
    return lines


def _joined(spots: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """All dots on the straight lines between the spots."""
    yield spots[0]
    for (x0, y0), (x1, y1) in pairwise(spots):
        steps = max(abs(x1 - x0), abs(y1 - y0))
        for step in range(1, steps + 1):
            yield x0 + round((x1 - x0) * step / steps), y0 + round((y1 - y0) * step / steps)
