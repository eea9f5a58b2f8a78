"""Line and bar charts as SVG, for reports and for live cells.

    from tools.core.charts import line_chart
    line_chart("Loss over steps", [("train", [(0, 5.5), (100, 3.2)])], x_label="step")

Colours come from the page (`--chart-1` … `--chart-6`), with a fallback for where there is none; lines
differ in their dashes too, so that no one needs to tell colours apart. Text takes the colour of the text
around.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.core.markup import escape
from tools.core.scale import Axis, make_axis, segments, tick_label

COLORS = ("#1565c0", "#c2410c", "#2e7d32", "#8e24aa", "#00838f", "#b71c1c")
DASHES = ("", "7 4", "2 3", "10 3 2 3", "5 2", "1 2")
WIDTH, NARROW, HEIGHT = 640, 420, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 16, 48
LETTER = 7.5  # how wide a digit is at the charts' font size

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """A drawn chart; notebooks and live cells show it by itself."""

    title: str
    svg: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        return f"<chart: {self.title}>"


def line_chart(
    title: str,
    series: Sequence[tuple[str, Points]],
    *,
    x_label: str = "",
    y_label: str = "",
    x_log: bool = False,
    y_log: bool = False,
    width: int = WIDTH,
) -> Chart:
    """Lines over a common x axis.

    >>> line_chart("Loss", [("train", [(0, 5.5), (100, 3.2)])])
    <chart: Loss>
    """
    runs = [(label, segments(points, x_log, y_log)) for label, points in series]
    points = [point for _, parts in runs for run in parts for point in run]
    x_axis = make_axis((x for x, _ in points), x_log)
    y_axis = make_axis((y for _, y in points), y_log)
    parts = [*_grid(x_axis, y_axis, width), *_axis_labels(x_label, y_label, width)]
    for index, (_, line) in enumerate(runs):
        parts += [_line(run, x_axis, y_axis, index, width) for run in line]
    if len(runs) > 1:
        parts += _legend([label for label, _ in runs])
    height = HEIGHT + (22 * len(runs) if len(runs) > 1 else 0)
    return Chart(title, _svg(title, _describe(runs), height, parts, width))


def bar_chart(title: str, bars: Sequence[tuple[str, float, str]]) -> Chart:
    """Bars that lie, each with its label above and its figure at the right: (label, value, text).

    >>> bar_chart("Parts", [("attention", 3.0, "3 M"), ("MLP", 6.0, "6 M")])
    <chart: Parts>
    """
    largest = max((abs(value) for _, value, _ in bars if value == value), default=0.0) or 1.0
    parts = []
    for index, (label, value, text) in enumerate(bars):
        top = 8 + index * 44
        length = (WIDTH - 2) * min(abs(value) / largest, 1) if value == value else 0.0
        parts.append(f'<text x="0" y="{top + 12}">{escape(label)}</text>')
        parts.append(f'<text x="{WIDTH}" y="{top + 12}" text-anchor="end">{escape(text)}</text>')
        parts.append(
            f'<rect x="0" y="{top + 18}" width="{length:.1f}" height="14" rx="2" fill="{_color(0)}"/>'
        )
    described = "; ".join(f"{label}: {text}" for label, _, text in bars)
    return Chart(title, _svg(title, described, 12 + 44 * len(bars), parts))


def _color(index: int) -> str:
    place = index % len(COLORS)
    return f"var(--chart-{place + 1}, {COLORS[place]})"


def _svg(title: str, description: str, height: int, parts: Sequence[str], width: int = WIDTH) -> str:
    inside = "".join(parts)
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" viewBox="0 0 {width} {height}" '
        f'font-family="inherit" font-size="13" fill="currentColor" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{inside}</svg>"
    )


def _describe(runs: Sequence[tuple[str, list[list[tuple[float, float]]]]]) -> str:
    said = []
    for label, parts in runs:
        line = [point for run in parts for point in run]
        if line:
            (x0, y0), (x1, y1) = line[0], line[-1]
            said.append(f"{label}: from {y0:.4g} at {x0:.4g} to {y1:.4g} at {x1:.4g}")
        else:
            said.append(f"{label}: no points")
    return "; ".join(said)


def _x(axis: Axis, value: float, width: int) -> float:
    return LEFT + axis.place(value) * (width - LEFT - RIGHT)


def _y(axis: Axis, value: float) -> float:
    return HEIGHT - BOTTOM - axis.place(value) * (HEIGHT - TOP - BOTTOM)


def _grid(x_axis: Axis, y_axis: Axis, width: int) -> list[str]:
    parts = []
    floor = HEIGHT - BOTTOM
    for tick in y_axis.ticks:
        y = _y(y_axis, tick)
        parts.append(f'<line x1="{LEFT}" x2="{width - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {_FAINT}/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick_label(tick)}</text>')
    for tick in x_axis.ticks:
        x = _x(x_axis, tick, width)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{floor}" y2="{floor + 5}" {_FAINT}/>')
        words = tick_label(tick)
        middle = min(x, width - len(words) * LETTER / 2)  # the last one stays inside
        parts.append(f'<text x="{middle:.1f}" y="{floor + 19}" text-anchor="middle">{words}</text>')
    return parts


_FAINT = 'stroke="currentColor" stroke-opacity="0.2"'


def _axis_labels(x_label: str, y_label: str, width: int) -> list[str]:
    parts = []
    if x_label:
        middle = (LEFT + width - RIGHT) / 2
        parts.append(f'<text x="{middle:.0f}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>')
    if y_label:
        middle = (TOP + HEIGHT - BOTTOM) / 2
        turned = f'transform="rotate(-90 14 {middle:.0f})"'
        parts.append(f'<text x="14" y="{middle:.0f}" text-anchor="middle" {turned}>{escape(y_label)}</text>')
    return parts


def _line(run: Sequence[tuple[float, float]], x_axis: Axis, y_axis: Axis, index: int, width: int) -> str:
    spots = [(_x(x_axis, x, width), _y(y_axis, y)) for x, y in run]
    if len(spots) == 1:
        return f'<circle cx="{spots[0][0]:.1f}" cy="{spots[0][1]:.1f}" r="3" fill="{_color(index)}"/>'
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    return f'<polyline points="{path}" fill="none" {_stroke(index)}/>'


def _stroke(index: int) -> str:
    dashes = DASHES[index % len(DASHES)]
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'stroke="{_color(index)}" stroke-width="2" stroke-linejoin="round"{dashed}'


def _legend(labels: Sequence[str]) -> list[str]:
    parts = []
    for index, label in enumerate(labels):
        y = HEIGHT + 12 + 22 * index
        parts.append(f'<line x1="{LEFT}" x2="{LEFT + 36}" y1="{y - 4}" y2="{y - 4}" {_stroke(index)}/>')
        parts.append(f'<text x="{LEFT + 44}" y="{y}">{escape(label)}</text>')
    return parts
