"""Drawings in reports beside charts: the grid of a heatmap, and the parts of a plain picture.

No colour is written here: classes name what a part is, and `tools.css` gives it one for each scheme. A
drawing is at most `NARROW` units wide, so that text of size 13 stays readable on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.core.charts import NARROW
from tools.core.markup import escape
from tools.core.report import Heatmap, Picture

LETTER = 7.2  # about how wide a letter of size 13 is
LARGEST_CELL, SMALLEST_CELL = 44.0, 14.0
SMALLEST_WITH_TEXT = 26.0
MOST_LETTERS = 12


def heatmap(block: Heatmap) -> str:
    """The cells, darker the larger, with labels at the left and above; pointing at a cell says its value.

    >>> drawn = heatmap(Heatmap("h", "Who sees whom", ["a"], ["b", "c"], [[0.5, None]]))
    >>> drawn.count("<rect"), "a, b: 0.50" in drawn
    (2, True)
    """
    rows, columns = ([_short(one) for one in labels] for labels in (block.rows, block.columns))
    left = 8 + LETTER * max(map(len, rows), default=0)
    cell = min(LARGEST_CELL, max(SMALLEST_CELL, (NARROW - left - 2) / max(1, len(columns))))
    longest = LETTER * max(map(len, columns), default=0)
    turned = longest > cell - 2
    top = (longest if turned else 13) + 8 + (18 if block.column_label else 0)
    # A few cells on a wide screen would be drawn several times as large as all that stands around them.
    width, height = max(NARROW, left + cell * len(columns) + 2), top + cell * len(rows) + 2
    parts = []
    if block.column_label:
        parts.append(f'<text x="{left:.1f}" y="13">{escape(block.column_label)} →</text>')
    for at, label in enumerate(columns):
        x, y = left + cell * (at + 0.5) + (4 if turned else 0), top - 6
        anchor, turn = ("start", -90) if turned else ("middle", 0)
        place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" transform="rotate({turn} {x:.1f} {y:.1f})"'
        parts.append(f"<text {place}>{escape(label)}</text>")
    for at, label in enumerate(rows):
        y = top + cell * (at + 0.5) + 4
        parts.append(f'<text x="{left - 6:.1f}" y="{y:.1f}" text-anchor="end">{escape(label)}</text>')
    cells = "".join(
        _cell(block, row, at, left + cell * at, top + cell * row, cell)
        for row in range(len(rows))
        for at in range(len(columns))
    )
    parts.append(f'<g class="report-heat" font-size="{min(11.0, cell / 2.8):.1f}">{cells}</g>')
    return _svg(block.title, describe(block), width, height, parts)


def _cell(block: Heatmap, row: int, at: int, x: float, y: float, size: float) -> str:
    value, text = block.values[row][at], block.text(row, at)
    place = f'x="{x:.1f}" y="{y:.1f}" width="{size:.1f}" height="{size:.1f}"'
    if value is None:
        return f'<rect class="report-none" {place}/>'
    says = f"<title>{escape(f'{block.rows[row]}, {block.columns[at]}: {text}')}</title>"
    drawn = f'<rect {place} fill-opacity="{block.share(value):.2f}">{says}</rect>'
    if size < SMALLEST_WITH_TEXT or len(text) * 6.2 > size:
        return drawn
    return f'{drawn}<text x="{x + size / 2:.1f}" y="{y + size / 2 + 4:.1f}">{escape(text)}</text>'


def describe(block: Heatmap) -> str:
    """A heatmap in words: its size and the largest cell of each row.

    >>> describe(Heatmap("h", "H", ["a"], ["b", "c"], [[0.25, 0.75]]))
    '1 row and 2 columns; the largest of each row: a: c 0.75'
    """
    said = []
    for row, label in enumerate(block.rows):
        there = [at for at, value in enumerate(block.values[row]) if value is not None]
        if there:
            best = max(there, key=lambda at: block.values[row][at] or 0)
            said.append(f"{label}: {block.columns[best]} {block.text(row, best)}")
    shape = f"{_count(len(block.rows), 'row')} and {_count(len(block.columns), 'column')}"
    return f"{shape}; the largest of each row: {', '.join(said)}"


def picture(block: Picture) -> str:
    """A plain picture from its parts."""
    return _svg(block.title, block.description, block.width, block.height, block.parts)


def circle(x: float, y: float, radius: float, kind: str = "line") -> str:
    """A circle: `line` is its rim, `dot` is filled.

    >>> circle(10, 10, 4, "dot")
    '<circle class="report-dot" cx="10.0" cy="10.0" r="4.0"/>'
    """
    return f'<circle class="report-{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "line") -> str:
    """A straight line: a faint `line`, or a strong `hand`.

    >>> line(0, 0, 3, 4)
    '<line class="report-line" x1="0.0" y1="0.0" x2="3.0" y2="4.0"/>'
    """
    return f'<line class="report-{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def words(x: float, y: float, text: str) -> str:
    """Words centred at x, on the line y.

    >>> words(5, 5, "a < b")
    '<text x="5.0" y="5.0" text-anchor="middle">a &lt; b</text>'
    """
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{escape(text)}</text>'


def _svg(title: str, description: str, width: float, height: float, parts: Sequence[str]) -> str:
    inside = "".join(parts)
    return (
        '<svg class="chart" xmlns="http://www.w3.org/2000/svg" role="img" font-family="inherit" '
        f'font-size="13" fill="currentColor" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{inside}</svg>"
    )


def _short(label: str) -> str:
    return label if len(label) <= MOST_LETTERS else label[: MOST_LETTERS - 1] + "…"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
