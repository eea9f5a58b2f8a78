"""The gallery of the tools: for each a small picture of its real answer to its example, made at build.

A tool is asked what its own page asks first (`Tool.page`). Of the report, the block that shows most is drawn
small: fewer points, bars or cells than on the page, and so a few kilobytes each. Nothing here knows a tool
by name: a tool that is added to `tools.registry.NAMES` stands in the gallery.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tools import registry
from tools.core.drawing import describe
from tools.core.html import TOKEN_COLORS
from tools.core.markup import escape
from tools.core.parameters import from_query
from tools.core.report import (
    Bars,
    Block,
    Cell,
    Heatmap,
    LineChart,
    Picture,
    Report,
    Rows,
    Section,
    Series,
    Table,
    Tokens,
)
from tools.core.scale import Axis, make_axis, segments, tick_label
from tools.core.tool import Tool

GUIDES = Path(__file__).resolve().parent.parent / "site_docs" / "guides"

# What shows most comes first; of several blocks of one kind, the first of the report.
TELLING: tuple[tuple[type, ...], ...] = ((LineChart, Heatmap, Picture), (Bars,), (Tokens,), (Table,), (Rows,))
WIDTH, HEIGHT = 320, 180
POINTS, LINES, BARS, CELLS, LETTERS, ROWS, COLUMNS = 100, 4, 6, 12, 200, 5, 3
LONGEST_CAPTION = 90
LARGEST_PICTURE = 20_000  # letters of SVG; a larger drawing is left to the tool's own page
LETTER = 6.6  # how wide a letter of size 12 is, about


def gallery() -> str:
    """The cards of all tools, as HTML.

    >>> gallery().count('<article class="gallery-card">') == len(registry.NAMES)
    True
    """
    return f'<div class="gallery">{"".join(map(card, map(registry.load, registry.NAMES)))}</div>'


def card(tool: Tool) -> str:
    """One tool: its picture, what it answers, the way to its example, and to the chapter that builds it.

    >>> 'href="model-calculator/?preset=nanochat-tiny"' in card(registry.load("model-calculator"))
    True
    """
    example = f"{tool.name}/?{urlencode(tool.page)}" if tool.page else f"{tool.name}/"
    links = f'<a class="gallery-open" href="{escape(example)}">Open it with an example</a>'
    if (GUIDES / f"build-{tool.name}.md").exists():
        said = f'<span class="report-hidden">: {escape(tool.title)}</span>'
        links += f' <a class="gallery-build" href="../guides/build-{tool.name}/">Build it yourself{said}</a>'
    return (
        f'<article class="gallery-card"><h2 class="gallery-title" id="{tool.name}">{escape(tool.title)}</h2>'
        f'<p class="gallery-says">{escape(sentence(tool.summary))}</p>'
        f'<div class="gallery-picture">{picture(answer(tool))}</div>'
        f'<p class="gallery-links">{links}</p></article>'
    )


def sentence(summary: str) -> str:
    """A summary as a sentence.

    >>> sentence("see how text becomes tokens")
    'See how text becomes tokens.'
    """
    return summary[:1].upper() + summary[1:].rstrip(".") + "."


def answer(tool: Tool) -> Report:
    """The tool's report on what its page asks first."""
    parameters: Any
    parameters, _ = from_query(tool.parameters, dict(tool.page))
    return tool.report(parameters)


def picture(report: Report) -> str:
    """The block that shows most, drawn small.

    >>> from tools.core.report import Bar
    >>> report = Report("R", [Section("S", [Tokens("t", []), Bars("b", [Bar("a", 1)])])])
    >>> "<svg" in picture(report)
    True
    """
    section, block = telling(report)
    title = getattr(block, "title", "") or getattr(block, "caption", "") or section.title
    if isinstance(block, LineChart) and 1 < len(block.series) <= LINES:
        title += f" ({', '.join(one.label for one in block.series)})"
    caption = f'<p class="gallery-caption">{escape(shortened(title, LONGEST_CAPTION))}</p>'
    return drawing(block, f"{report.title}: {title}") + caption


def drawing(block: Any, name: str) -> str:
    """The block itself, by its kind."""
    if isinstance(block, LineChart):
        return chart(block, name)
    if isinstance(block, Heatmap):
        return heat(block, name)
    if isinstance(block, Picture):
        return svg(name, block.description, block.width, block.height, block.parts)
    if isinstance(block, Bars):
        return bars(block, name)
    if isinstance(block, Tokens):
        return tokens(block, name)
    return table(block, name)


def telling(report: Report) -> tuple[Section, Any]:
    """The section and the block that show most of a report.

    Raises:
        ValueError: there is nothing in it to show.
    """
    blocks = [(section, block) for section in report.sections for block in section.blocks if shows(block)]
    for kinds in TELLING:
        for section, block in blocks:
            if isinstance(block, kinds):
                return section, block
    raise ValueError(f"the report {report.title!r} has nothing that a picture could be made of")


def shows(block: Block) -> bool:
    """Whether a block has something in it, and not too much."""
    if isinstance(block, LineChart):
        return any(segments(one.points, block.x_log, block.y_log) for one in block.series)
    if isinstance(block, Heatmap):
        return any(value is not None for row in block.values for value in row)
    if isinstance(block, Picture):
        return 0 < sum(map(len, block.parts)) <= LARGEST_PICTURE
    inside = getattr(block, "bars", None) or getattr(block, "spans", None) or getattr(block, "rows", None)
    return bool(inside)


# ---- one small drawing for each kind of block ----


def chart(block: LineChart, name: str) -> str:
    """Its first lines, each with at most `POINTS` points, and the ends of both axes."""
    series = [Series(one.label, thinned(one.points)) for one in block.series[:LINES]]
    runs = [segments(one.points, block.x_log, block.y_log) for one in series]
    points = [point for line in runs for run in line for point in run]
    x_axis = make_axis((x for x, _ in points), block.x_log, wanted=3)
    y_axis = make_axis((y for _, y in points), block.y_log, wanted=3)
    left = 10 + LETTER * max(len(tick_label(tick)) for tick in y_axis.ticks)
    area = (left, 10.0, WIDTH - left - 12, HEIGHT - 46.0)
    parts = list(axes(x_axis, y_axis, area))
    if block.x_label:
        middle = area[0] + area[2] / 2
        parts.append(
            f'<text x="{middle:.0f}" y="{HEIGHT - 5}" text-anchor="middle">{escape(block.x_label)}</text>'
        )
    for index, line in enumerate(runs):
        for run in line:
            spots = " ".join("{:.1f},{:.1f}".format(*place(x, y, x_axis, y_axis, area)) for x, y in run)
            parts.append(f'<polyline class="gallery-line gallery-line-{index % 6 + 1}" points="{spots}"/>')
    ends = [f"{one.label} {line[-1][-1][1]:.4g}" for one, line in zip(series, runs, strict=True) if line]
    what = f"{block.y_label or 'values'} over {block.x_label or 'x'}"
    return svg(name, f"Lines of {what}. Where they end: {', '.join(ends)}.", WIDTH, HEIGHT, parts)


def thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points evenly taken, the first and the last among them.

    >>> len(thinned([(x, 0.0) for x in range(1000)])), thinned([(1, 2.0), (2, 3.0)])
    (100, [(1, 2.0), (2, 3.0)])
    """
    if len(points) <= POINTS:
        return list(points)
    return [points[round(at * (len(points) - 1) / (POINTS - 1))] for at in range(POINTS)]


def place(
    x: float, y: float, x_axis: Axis, y_axis: Axis, area: tuple[float, float, float, float]
) -> tuple[float, float]:
    """Where a point lies in the drawing."""
    left, top, width, height = area
    return left + x_axis.place(x) * width, top + (1 - y_axis.place(y)) * height


def axes(x_axis: Axis, y_axis: Axis, area: tuple[float, float, float, float]) -> Iterator[str]:
    """A faint line for each value of the y axis, and numbers at the ends of the x axis."""
    left, top, width, height = area
    for tick in y_axis.ticks:
        y = top + (1 - y_axis.place(tick)) * height
        yield (
            f'<line class="gallery-grid" x1="{left:.1f}" x2="{left + width:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        yield f'<text x="{left - 6:.1f}" y="{y + 4:.1f}" text-anchor="end">{tick_label(tick)}</text>'
    for tick, anchor in ((x_axis.ticks[0], "start"), (x_axis.ticks[-1], "end")):
        where = f'x="{left + x_axis.place(tick) * width:.1f}" y="{top + height + 17:.1f}"'
        yield f'<text {where} text-anchor="{anchor}">{tick_label(tick)}</text>'


def heat(block: Heatmap, name: str) -> str:
    """Its first rows and columns, without what the cells say."""
    rows, columns = block.rows[:CELLS], block.columns[:CELLS]
    names = [shortened(row, 9) for row in rows]
    left = 8 + LETTER * max(map(len, names))
    size = min(28.0, (WIDTH - left) / len(columns))
    tall = min(size, 18.0)
    if len(rows) * tall > HEIGHT:
        tall = max(11.0, HEIGHT / len(rows))
    parts = []
    for at, row in enumerate(names):
        y = at * tall
        if tall >= 11:
            parts.append(
                f'<text x="{left - 6:.0f}" y="{y + tall / 2 + 4:.1f}" text-anchor="end">{escape(row)}</text>'
            )
        for column in range(len(columns)):
            value = block.values[at][column]
            if value is not None:
                parts.append(
                    f'<rect class="gallery-heat" x="{left + column * size:.1f}" y="{y:.1f}" '
                    f'width="{size:.1f}" height="{tall:.1f}" fill-opacity="{block.share(value):.2f}"/>'
                )
    small = Heatmap(
        "small", "", rows, columns, [row[:CELLS] for row in block.values[:CELLS]], high=block.high
    )
    return svg(name, describe(small), WIDTH, tall * len(rows), parts)


def bars(block: Bars, name: str) -> str:
    """Its first bars."""
    shown = block.bars[:BARS]
    parts = []
    for at, bar in enumerate(shown):
        y = at * 30
        parts.append(f'<text x="0" y="{y + 12}">{escape(shortened(bar.label, 24))}</text>')
        parts.append(f'<text x="{WIDTH}" y="{y + 12}" text-anchor="end">{escape(bar.shown)}</text>')
        parts.append(
            f'<rect class="gallery-bar" x="0" y="{y + 17}" width="{block.share(bar.value) * WIDTH:.1f}" '
            'height="7" rx="2"/>'
        )
    said = "; ".join(f"{bar.label}: {bar.shown}" for bar in shown)
    return svg(name, said, WIDTH, 30 * len(shown), parts)


def tokens(block: Tokens, name: str) -> str:
    """Its first tokens, in their colours."""
    parts, said, used = [], "", 0
    for span in block.spans:
        if used + len(span.text) > LETTERS:
            parts.append("…")
            break
        used += len(span.text)
        said += span.text
        color = "" if span.color is None else f" report-token-{span.color % TOKEN_COLORS}"
        tag = "mark" if span.marked else "span"
        text = span.text.replace("\n", "⏎\n").replace("\t", "⇥\t")
        parts.append(f'<{tag} class="report-token{color}">{escape(text)}</{tag}>')
    words = " ".join(said.split())
    label = f"{name}. Text cut into {len(block.spans):,} coloured pieces: {words}"
    kind = f'class="report-tokens gallery-tokens" role="img" aria-label="{escape(label)}"'
    return f"<div {kind}>{''.join(parts)}</div>"


def table(block: Table | Rows, name: str) -> str:
    """The first rows of a table, or of labelled figures."""
    head, body = "", []
    if isinstance(block, Table):
        cells = [f'<th scope="col">{escape(column.label)}</th>' for column in block.columns[:COLUMNS]]
        head = f"<thead><tr>{''.join(cells)}</tr></thead>"
        body = [row[:COLUMNS] for row in block.cells()[:ROWS]]
    else:
        valued = [row for row in block.rows if row.label and not row.is_heading]
        body = [[Cell(row.label), Cell(row.value, row.shown)] for row in valued[:ROWS]]
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(shortened(cell.shown, 28))}</td>" for cell in row) + "</tr>"
        for row in body
    )
    caption = f'<caption class="report-hidden">{escape(name)}</caption>'
    return f'<table class="gallery-table">{caption}{head}<tbody>{lines}</tbody></table>'


def shortened(text: str, most: int) -> str:
    """The text, cut where it is too long for a small picture.

    >>> shortened("a very long name", 8)
    'a very …'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def svg(name: str, description: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A drawing with its name and what a reader sees in it."""
    return (
        '<svg class="gallery-svg" xmlns="http://www.w3.org/2000/svg" role="img" fill="currentColor" '
        f'font-size="12" viewBox="0 0 {width:.0f} {height:.0f}" '
        f'aria-label="{escape(name)}. {escape(description)}">{"".join(parts)}</svg>'
    )
