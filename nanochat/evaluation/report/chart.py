"""Curves over the steps of a run, drawn as SVG. Standard library only.

Colours are variables of the page (`--chart-1`, `--chart-2`), which has some for light and some for dark; the
ones written here, for a page that has none, can be told from white and from black. Text has the colour of the
text around. Lines differ in their strength too, so that no one needs to tell colours apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from nanochat.evaluation.report.words import three_digits

# As wide as a phone: there it is shown as large as it is drawn, so that its text can be read.
WIDTH, HEIGHT = 360, 220
LEFT, RIGHT, TOP, BOTTOM = 44, 52, 34, 30
TICKS = 4
SMALLEST = 1e-290  # below, the arithmetic of axes has no digits left
WIDTH_OF_A_LETTER = 7.2  # at most, in the fonts of systems
FAINT = 'stroke="currentColor" stroke-opacity="0.18"'

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Curve:
    """A line of a chart."""

    label: str
    points: Points
    faint: bool = False  # a line in the background, for the one that is looked at
    dots: bool = False  # few points, of which each is seen


@dataclass(frozen=True)
class Chart:
    """One picture: what is drawn, in what unit, over steps."""

    title: str
    unit: str
    curves: Sequence[Curve]

    @property
    def description(self) -> str:
        """The picture in words, for who does not see it."""
        return "; ".join(described(curve) for curve in self.curves)


def described(curve: Curve) -> str:
    """A curve in words.

    >>> described(Curve("loss", [(1, 8.3), (100, 4.0), (200, 4.1)]))
    'loss: from 8.3 at step 1 to 4.1 at step 200, lowest 4, highest 8.3'
    """
    (first, begin), (last, end) = curve.points[0], curve.points[-1]
    values = [value for _, value in curve.points]
    ends = f"from {three_digits(begin)} at step {first:,} to {three_digits(end)} at step {last:,}"
    return f"{curve.label}: {ends}, lowest {three_digits(min(values))}, highest {three_digits(max(values))}"


def ticks(low: float, high: float) -> list[float]:
    """Round numbers that reach from at most `low` to at least `high`.

    >>> ticks(0.3, 8.2), ticks(5, 5)
    ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], [4.0, 4.5, 5.0, 5.5, 6.0])
    """
    if high - low <= max(1e-9 * abs(high), SMALLEST):  # one value: give it room on both sides
        room = 0.2 * abs(high) if abs(high) > SMALLEST else 1.0
        low, high = low - room, high + room
    raw = (high - low) / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= 0.999 * raw)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [float(f"{place * step:.10g}") for place in range(first, last + 1)]


def short(value: float) -> str:
    """A number beside an axis.

    >>> [short(one) for one in (0.0, 0.25, 180, 2_500, 120_000, 3e6)]
    ['0', '0.25', '180', '2,500', '120k', '3M']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            unit = 1e3 if letter == "k" else size
            return f"{value / unit:.4g}{letter}"
    return f"{value:,.0f}" if value == int(value) else f"{value:.3g}"


@dataclass(frozen=True)
class Axes:
    """Where steps and values lie in the picture."""

    first: float
    last: float
    ticks: Sequence[float]

    @classmethod
    def of(cls, curves: Iterable[Curve]) -> Axes:
        """Axes that hold all curves; steps begin at 1, so that the pictures of a run can be compared."""
        points = [point for curve in curves for point in curve.points]
        steps, values = [step for step, _ in points], [value for _, value in points]
        return cls(1, max(steps), ticks(min(values), max(values)))

    def x(self, step: float) -> float:
        """From the left."""
        share = (step - self.first) / (self.last - self.first) if self.last > self.first else 0.5
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """From the top."""
        low, high = self.ticks[0], self.ticks[-1]
        return HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def draw(chart: Chart, name: str) -> str:
    """The chart as an SVG element; `name` is one that nothing else on the page has.

    >>> svg = draw(Chart("Loss", "nats per token", [Curve("loss", [(1, 8.3), (200, 4.1)])]), "figure-1")
    >>> svg.startswith(
    ...     '<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 220" role="img"'
    ... )
    True
    """
    axes = Axes.of(chart.curves)
    parts = [*grid(axes), *heading(chart)]
    for number, curve in enumerate(chart.curves, start=1):
        parts += line(curve, axes, color_of(number, len(chart.curves)))
    parts += last_value(chart.curves[-1], axes)
    labelled = f'aria-labelledby="{name}-title {name}-text"'
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'{labelled} font-family="inherit" font-size="11.5" fill="currentColor">'
        f'<title id="{name}-title">{escape(chart.title)}</title>'
        f'<desc id="{name}-text">{escape(chart.description)}</desc>{"".join(parts)}</svg>'
    )


def color_of(number: int, count: int) -> str:
    """The last curve of a chart has the first colour: it is the one to look at."""
    return "var(--chart-1, #1f8a74)" if number == count else "var(--chart-2, #c2703a)"


def heading(chart: Chart) -> list[str]:
    """What is drawn, and which line is which."""
    parts = [
        f'<text x="0" y="12" font-weight="600">{escape(chart.title)}'
        f'<tspan font-weight="400" fill-opacity="0.75" dx="6">{escape(chart.unit)}</tspan></text>'
    ]
    if len(chart.curves) > 1:
        end = float(WIDTH)
        for number in range(len(chart.curves), 0, -1):
            curve = chart.curves[number - 1]
            stroke = stroke_of(curve, color_of(number, len(chart.curves)))
            start = end - WIDTH_OF_A_LETTER * len(curve.label)
            place = f'x="{end:.0f}" y="12" text-anchor="end" fill-opacity="0.75"'
            parts.append(f"<text {place}>{escape(curve.label)}</text>")
            parts.append(f'<line x1="{start - 18:.0f}" x2="{start - 3:.0f}" y1="8" y2="8" {stroke}/>')
            end = start - 28
    return parts


def grid(axes: Axes) -> list[str]:
    """Lines at round numbers, and what they stand for."""
    parts = []
    for tick in axes.ticks:
        y = axes.y(tick)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" {FAINT}/>')
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{short(tick)}</text>')
    floor = HEIGHT - BOTTOM
    whole = [
        tick for tick in ticks(axes.first, axes.last) if axes.first < tick <= axes.last and tick % 1 == 0
    ]
    for step in [axes.first, *whole]:
        parts.append(
            f'<text x="{axes.x(step):.1f}" y="{floor + 15}" text-anchor="middle">{short(step)}</text>'
        )
    parts.append(f'<text x="{WIDTH - RIGHT + 4}" y="{floor + 15}" fill-opacity="0.75" dx="14">step</text>')
    return parts


def line(curve: Curve, axes: Axes, color: str) -> list[str]:
    """A curve; a single point is a dot."""
    spots = [(axes.x(step), axes.y(value)) for step, value in curve.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    parts = [f'<polyline points="{path}" fill="none" stroke-linejoin="round" {stroke_of(curve, color)}/>']
    if curve.dots or len(spots) == 1:
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" fill="{color}"/>' for x, y in spots]
    return parts


def stroke_of(curve: Curve, color: str) -> str:
    """How a line is drawn."""
    width = 'stroke-width="1" stroke-opacity="0.55"' if curve.faint else 'stroke-width="2"'
    return f'stroke="{color}" {width}'


def last_value(curve: Curve, axes: Axes) -> list[str]:
    """Where it ended, beside the end of the line."""
    step, value = curve.points[-1]
    y = axes.y(value) + 4
    return [f'<text x="{axes.x(step) + 5:.1f}" y="{y:.1f}" font-weight="600">{three_digits(value)}</text>']
