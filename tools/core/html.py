"""The report as accessible HTML: tables with headings, charts with titles, formulas to open; no styles inside.

Class names start with `report-`; the site's `tools.css` gives them colours and space. Everything is escaped, so that no
text a reader types becomes markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.core.charts import line_chart
from tools.core.markup import escape
from tools.core.report import Bars, Block, Code, LineChart, Notes, Report, Row, Rows, Section, Table, Text, Tokens

TOKEN_COLORS = 6
POINTS_IN_TABLE = 200


def render_html(report: Report, level: int = 2) -> str:
    """The report with its title as a heading of `level` and sections one below.

    >>> from tools.core.report import Row, Section
    >>> print(render_html(Report("Size", [Section("Model", [Text("a < b")], icon="")])))
    <article class="report">
    <h2 class="report-title">Size</h2>
    <section class="report-section">
    <h3 class="report-heading">Model</h3>
    <p class="report-text">a &lt; b</p>
    </section>
    </article>
    """
    parts = ['<article class="report">', f'<h{level} class="report-title">{escape(report.title)}</h{level}>']
    for section in report.sections:
        parts.extend(_section(section, level + 1))
    if report.notes:
        parts.extend(_section(Section("Notes", [Notes(report.notes)], icon="📝"), level + 1))
    parts.append("</article>")
    return "\n".join(parts)


def _section(section: Section, level: int) -> Iterator[str]:
    icon = f'<span class="report-icon" aria-hidden="true">{escape(section.icon)}</span> ' if section.icon else ""
    yield '<section class="report-section">'
    yield f'<h{level} class="report-heading">{icon}{escape(section.title)}</h{level}>'
    for block in section.blocks:
        yield _block(block, section.title)
    yield "</section>"


def _block(block: Block, title: str) -> str:
    if isinstance(block, Rows):
        return _rows(block, title)
    if isinstance(block, Table):
        return _table(block, title)
    if isinstance(block, Bars):
        return _bars(block, title)
    if isinstance(block, Tokens):
        return _tokens(block, title)
    if isinstance(block, LineChart):
        return _chart(block)
    if isinstance(block, Notes):
        return '<ul class="report-notes">' + "".join(f"<li>{escape(item)}</li>" for item in block.items) + "</ul>"
    if isinstance(block, Code):
        return _code(block, title)
    if isinstance(block, Text):
        paragraphs = [line for line in block.text.split("\n") if line]
        return "\n".join(f'<p class="report-text">{escape(line)}</p>' for line in paragraphs)
    raise TypeError(f"{type(block).__name__} is no block of a report")


def _caption(caption: str, title: str) -> str:
    """A table's caption; without one of its own it repeats the section's title, for screen readers only."""
    if caption:
        return f"<caption>{escape(caption)}</caption>"
    return f'<caption class="report-hidden">{escape(title)}</caption>'


def _scroll(inside: str, label: str) -> str:
    """A region that scrolls sideways on a narrow screen, and by keyboard too."""
    return f'<div class="report-scroll" role="region" tabindex="0" aria-label="{escape(label)}">{inside}</div>'


def _formula(formula: str | None, label: str) -> str:
    if not formula:
        return ""
    hidden = f'<span class="report-hidden"> {escape(label)} comes about</span>'
    return (
        f'<details class="report-formula"><summary>how{hidden}</summary><code>= {escape(formula)}</code></details>'
    )


def _rows(block: Rows, title: str) -> str:
    parts: list[str] = []
    for row, also in _with_repeats(block.rows):
        if row.is_heading:
            if parts:
                parts.append("</tbody><tbody>")
            parts.append(f'<tr><th scope="rowgroup" colspan="2">{escape(row.label)}</th></tr>')
            continue
        classes = f"report-indent-{min(row.indent, 3)}" + (" report-total" if row.emphasis else "")
        values = f'<span class="report-value">{escape(row.shown)}</span>' + "".join(
            f'<span class="report-also">{escape(one.shown)}</span>{_formula(one.formula, row.label)}' for one in also
        )
        parts.append(
            f'<tr class="{classes}"><th scope="row">{escape(row.label)}</th>'
            f"<td>{values}{_formula(row.formula, row.label)}</td></tr>"
        )
    align = "right" if block.align == "right" else "left"
    body = "\n".join(parts)
    return (
        f'<table class="report-rows report-{align}">{_caption(block.caption, title)}<tbody>\n{body}\n</tbody></table>'
    )


def _with_repeats(rows: Sequence[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Each row with the unlabelled ones after it, which say the same figure in another way."""
    held: Row | None = None
    also: list[Row] = []
    for row in rows:
        if not row.label and held is not None and not held.is_heading:
            also.append(row)
            continue
        if held is not None:
            yield held, also
        held, also = row, []
    if held is not None:
        yield held, also


def _table(block: Table, title: str) -> str:
    sides = [block.aligned(index) for index in range(len(block.columns))]
    head = "".join(
        f'<th scope="col" class="report-{side}">{escape(column.label)}</th>'
        for column, side in zip(block.columns, sides)
    )
    body = []
    for row in block.cells():
        name = row[0].shown if row else ""
        cells = []
        for index, (cell, side) in enumerate(zip(row, sides)):
            inside = escape(cell.shown) + _formula(cell.formula, f"{block.columns[index].label} of {name}")
            # An empty heading names nothing, and checkers rightly object to it.
            tag = ("th", ' scope="row"') if index == 0 and cell.shown.strip() else ("td", "")
            cells.append(f'<{tag[0]}{tag[1]} class="report-{side}">{inside}</{tag[0]}>')
        body.append("<tr>" + "".join(cells) + "</tr>")
    table = (
        f'<table class="report-table">{_caption(block.caption, title)}'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n" + "\n".join(body) + "\n</tbody></table>"
    )
    return _scroll(table, block.caption or title)


def _bars(block: Bars, title: str) -> str:
    largest = max((abs(bar.value) for bar in block.bars if bar.value == bar.value), default=0) or 1
    parts = []
    for bar in block.bars:
        share = min(abs(bar.value) / largest, 1) * 100 if bar.value == bar.value else 0
        # A width in an attribute of SVG, not in a style: a page's security policy may forbid inline styles.
        drawn = (
            '<svg class="report-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect width="{share:.2f}" height="8"/></svg>'
        )
        parts.append(
            f'<tr><th scope="row">{escape(bar.label)}</th><td class="report-bar-cell">{drawn}</td>'
            f'<td class="report-right">{escape(bar.shown)}{_formula(bar.formula, bar.label)}</td></tr>'
        )
    body = "\n".join(parts)
    return f'<table class="report-bars">{_caption(block.caption, title)}<tbody>\n{body}\n</tbody></table>'


def _tokens(block: Tokens, title: str) -> str:
    parts = []
    for span in block.spans:
        color = "" if span.color is None else f" report-token-{span.color % TOKEN_COLORS}"
        note = f' title="{escape(span.note)}"' if span.note else ""
        inside = escape(span.text.replace("\n", "⏎\n").replace("\t", "⇥\t"))
        parts.append(f'<span class="report-token{color}"{note}>{inside}</span>')
    caption = f'<p class="report-caption">{escape(block.caption)}</p>' if block.caption else ""
    label = block.caption or title
    return caption + _scroll(f'<div class="report-tokens">{"".join(parts)}</div>', label)


def _chart(block: LineChart) -> str:
    drawn = line_chart(
        block.title,
        [(one.label, one.points) for one in block.series],
        x_label=block.x_label,
        y_label=block.y_label,
        x_log=block.x_log,
        y_log=block.y_log,
    )
    return (
        f'<figure class="report-chart">{drawn.svg}<figcaption>{escape(block.title)}</figcaption></figure>'
        + _chart_data(block)
    )


def _chart_data(block: LineChart) -> str:
    """The chart's points as a table to open, for whoever cannot see the lines."""
    count = sum(len(one.points) for one in block.series)
    if not 0 < count <= POINTS_IN_TABLE:
        return ""
    rows = [
        f"<tr><td>{escape(one.label)}</td><td>{x:g}</td><td>{y:g}</td></tr>" for one in block.series for x, y in one.points
    ]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("line", block.x_label or "x", block.y_label or "y"))
    table = (
        f'<table class="report-table">{_caption("", block.title)}<thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )
    hidden = f'<span class="report-hidden"> of {escape(block.title)}</span>'
    return f'<details class="report-data"><summary>the points{hidden}</summary>{_scroll(table, block.title)}</details>'


def _code(block: Code, title: str) -> str:
    caption = f'<p class="report-caption">{escape(block.caption)}</p>' if block.caption else ""
    label = escape(block.caption or title)
    return (
        f'{caption}<pre class="report-code" tabindex="0" role="region" aria-label="{label}">'
        f"<code>{escape(block.text)}</code></pre>"
    )
