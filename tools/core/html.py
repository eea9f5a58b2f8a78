"""The report as accessible HTML: tables with headings, charts with titles, formulas to open; no styles.

Class names start with `report-`; the site's `tools.css` gives them colours and space. Everything is escaped,
so that no text a reader types becomes markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.core.charts import NARROW, WIDTH, line_chart
from tools.core.drawing import heatmap, picture
from tools.core.markup import escape
from tools.core.report import (
    Bar,
    Bars,
    Block,
    Code,
    Heatmap,
    LineChart,
    Notes,
    Picture,
    Report,
    Row,
    Rows,
    Section,
    Table,
    Text,
    Tokens,
)

TOKEN_COLORS = 6
POINTS_IN_TABLE = 200


def render_html(report: Report, level: int = 2) -> str:
    """The report with its title as a heading of `level` and sections one below.

    >>> print(render_html(Report("Size", [Section("Model", [Text("a < b")], icon="")])))
    <article class="report">
    <h2 class="report-title">Size</h2>
    <section class="report-section">
    <h3 class="report-heading">Model</h3>
    <p class="report-text">a &lt; b</p>
    </section>
    </article>
    """
    return "\n".join(Page(level).report(report))


def render_blocks(report: Report) -> str:
    """The blocks of the report alone, for a figure in a page that has headings of its own.

    >>> print(render_blocks(Report("Size", [Section("Model", [Text("a < b")])])))
    <div class="report">
    <p class="report-text">a &lt; b</p>
    </div>
    """
    return "\n".join(Page(2, in_text=True).blocks(report))


class Page:
    """Draws one report; `render_html` and `render_blocks` are the ways in.

    Where it stands `in_text`, charts are narrow, and parts that scroll are groups: a page with several
    figures would have too many landmarks, some of the same name.
    """

    def __init__(self, level: int, in_text: bool = False) -> None:
        self.level = level
        self.role = "group" if in_text else "region"
        self.chart_width = NARROW if in_text else WIDTH
        self.title = ""
        self.named: dict[str, int] = {}

    def report(self, report: Report) -> Iterator[str]:
        """Every element of the report."""
        yield '<article class="report">'
        yield f'<h{self.level} class="report-title">{escape(report.title)}</h{self.level}>'
        if report.says:
            yield self.block(Text(report.says))
        for section in report.sections:
            yield from self.section(section)
        if report.notes:
            yield from self.section(Section("Notes", [Notes(report.notes)], icon="📝"))
        yield "</article>"

    def blocks(self, report: Report) -> Iterator[str]:
        """Every block and the notes, without a heading."""
        yield '<div class="report">'
        for section in report.sections:
            self.title = section.title
            yield from map(self.block, section.blocks)
        if report.notes:
            yield self.block(Notes(report.notes))
        yield "</div>"

    def section(self, section: Section) -> Iterator[str]:
        """A heading and its blocks."""
        self.title = section.title
        level = self.level + 1
        yield '<section class="report-section">'
        # The section's icon is the terminal's ornament; a page has type and lines for that.
        yield f'<h{level} class="report-heading">{escape(section.title)}</h{level}>'
        for block in section.blocks:
            yield self.block(block)
        yield "</section>"

    def block(self, block: Block) -> str:
        """One block."""
        if isinstance(block, Rows):
            return self.rows(block)
        if isinstance(block, Table):
            return self.table(block)
        if isinstance(block, Bars):
            return self.bars(block)
        if isinstance(block, Tokens):
            return self.tokens(block)
        if isinstance(block, LineChart):
            return self.chart(block)
        if isinstance(block, Heatmap):
            return self.heatmap(block)
        if isinstance(block, Picture):
            return _figure(picture(block), block.title)
        if isinstance(block, Notes):
            items = "".join(f"<li>{escape(item)}</li>" for item in block.items)
            return f'<ul class="report-notes">{items}</ul>'
        if isinstance(block, Code):
            return self.code(block)
        if isinstance(block, Text):
            lines = [line for line in block.text.split("\n") if line]
            return "\n".join(f'<p class="report-text">{escape(line)}</p>' for line in lines)
        raise TypeError(f"{type(block).__name__} is no block of a report")

    def region(self, tag: str, kind: str, inside: str, caption: str) -> str:
        """A part that scrolls sideways on a narrow screen, by keyboard too.

        Regions are landmarks, which a screen reader lists by name, so no two may be named alike.
        """
        name = caption or self.title
        self.named[name] = self.named.get(name, 0) + 1
        if self.named[name] > 1:
            name = f"{name} ({self.named[name]})"
        attributes = f'class="{kind}" role="{self.role}" tabindex="0" aria-label="{escape(name)}"'
        return f"<{tag} {attributes}>{inside}</{tag}>"

    def caption(self, caption: str) -> str:
        """A table's caption; without one of its own, the section's title for screen readers."""
        if caption:
            return f"<caption>{escape(caption)}</caption>"
        return f'<caption class="report-hidden">{escape(self.title)}</caption>'

    def rows(self, block: Rows) -> str:
        """Labelled figures: a table with the labels as headings."""
        parts: list[str] = []
        for row, also in _with_repeats(block.rows):
            if row.is_heading:
                # A heading's scope is the group of rows it stands in, so it opens one.
                parts.append(("</tbody><tbody>" if parts else "") + _group(row))
                continue
            kind = f"report-indent-{min(row.indent, 3)}" + (" report-total" if row.emphasis else "")
            parts.append(f'<tr class="{kind}">{_named(row.label)}<td>{_values(row, also)}</td></tr>')
        body = "\n".join(parts)
        return (
            f'<table class="report-rows report-to-{block.align}">{self.caption(block.caption)}'
            f"<tbody>\n{body}\n</tbody></table>"
        )

    def table(self, block: Table) -> str:
        """A table inside a region that scrolls."""
        sides = [block.aligned(index) for index in range(len(block.columns))]
        labels = [column.label for column in block.columns]
        head = "".join(
            f'<th scope="col" class="report-{side}">{escape(label)}</th>'
            for label, side in zip(labels, sides, strict=True)
        )
        body = []
        for row in block.cells():
            cells = []
            for index, (cell, side) in enumerate(zip(row, sides, strict=True)):
                inside = escape(cell.shown) + _formula(cell.formula, f"{labels[index]} of {row[0].shown}")
                # The first cell names its row; an empty heading would name nothing.
                tag, scope = ("th", ' scope="row"') if index == 0 and cell.shown.strip() else ("td", "")
                cells.append(f'<{tag}{scope} class="report-{side}">{inside}</{tag}>')
            body.append("<tr>" + "".join(cells) + "</tr>")
        drawn = (
            f'<table class="report-table">{self.caption(block.caption)}<thead><tr>{head}</tr></thead>'
            "\n<tbody>\n" + "\n".join(body) + "\n</tbody></table>"
        )
        return self.region("div", "report-scroll", drawn, block.caption)

    def bars(self, block: Bars) -> str:
        """A table whose middle column is drawn."""
        parts = []
        for bar in block.bars:
            # The width is an attribute of SVG, no style: a page's security policy may forbid inline styles.
            drawn = (
                '<svg class="report-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
                f"{_bars(block, bar)}</svg>"
            )
            parts.append(
                f'<tr>{_named(bar.label)}<td class="report-bar-cell">{drawn}</td>'
                f'<td class="report-right">{escape(bar.shown)}{_formula(bar.formula, bar.label)}</td></tr>'
            )
        body = "\n".join(parts)
        return f'<table class="report-bars">{self.caption(block.caption)}<tbody>\n{body}\n</tbody></table>'

    def tokens(self, block: Tokens) -> str:
        """Pieces of text, each with a border and maybe a colour; line ends and tabs made visible."""
        parts = []
        for span in block.spans:
            color = "" if span.color is None else f" report-token-{span.color % TOKEN_COLORS}"
            note = f' title="{escape(span.note)}"' if span.note else ""
            inside = escape(span.text.replace("\n", "⏎\n").replace("\t", "⇥\t"))
            tag = "mark" if span.marked else "span"
            parts.append(f'<{tag} class="report-token{color}"{note}>{inside}</{tag}>')
        return _heading(block.caption) + self.region("div", "report-tokens", "".join(parts), block.caption)

    def chart(self, block: LineChart) -> str:
        """Lines as SVG, and where there are not too many points, these as a table to open."""
        drawn = line_chart(
            block.title,
            [(one.label, one.points) for one in block.series],
            x_label=block.x_label,
            y_label=block.y_label,
            x_log=block.x_log,
            y_log=block.y_log,
            width=self.chart_width,
        )
        figure = _figure(drawn.svg, block.title)
        points = [(one.label, x, y) for one in block.series for x, y in one.points]
        if not 0 < len(points) <= POINTS_IN_TABLE:
            return figure
        names = ("line", block.x_label or "x", block.y_label or "y")
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
        body = "".join(
            f"<tr><td>{escape(label)}</td><td>{x:.6g}</td><td>{y:.6g}</td></tr>" for label, x, y in points
        )
        return figure + self.data("points", block.title, head, body)

    def heatmap(self, block: Heatmap) -> str:
        """Cells as SVG, and their values as a table to open."""
        figure = _figure(heatmap(block), block.title)
        if len(block.rows) * len(block.columns) > POINTS_IN_TABLE * 2:
            return figure
        names = (block.row_label, *block.columns)
        head = "".join(f'<th scope="col">{escape(name) or "row"}</th>' for name in names)
        body = "".join(
            f'<tr><th scope="row">{escape(label)}</th>'
            + "".join(f"<td>{escape(block.text(row, at))}</td>" for at in range(len(block.columns)))
            + "</tr>"
            for row, label in enumerate(block.rows)
        )
        return figure + self.data("values", block.title, head, body)

    def data(self, what: str, title: str, head: str, body: str) -> str:
        """The numbers of a drawing as a table to open."""
        table = (
            f'<table class="report-table"><caption class="report-hidden">{escape(title)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )
        summary = f'<summary>the {what}<span class="report-hidden"> of {escape(title)}</span></summary>'
        inside = self.region("div", "report-scroll", table, f"{what} of {title}")
        return f'<details class="report-data">{summary}{inside}</details>'

    def code(self, block: Code) -> str:
        """Text to copy as it stands."""
        inside = f"<code>{escape(block.text)}</code>"
        return _heading(block.caption) + self.region("pre", "report-code", inside, block.caption)


def _bars(block: Bars, bar: Bar) -> str:
    full = f'<rect width="{block.share(bar.value) * 100:.2f}" height="8"/>'
    if bar.before is None:
        return full
    thin = f'<rect class="report-before" width="{block.share(bar.before) * 100:.2f}" height="2"/>'
    return thin + full.replace('height="8"', 'y="3" height="5"')


def _figure(drawn: str, title: str) -> str:
    return f'<figure class="report-chart">{drawn}<figcaption>{escape(title)}</figcaption></figure>'


def _heading(caption: str) -> str:
    return f'<p class="report-caption">{escape(caption)}</p>' if caption else ""


def _named(label: str) -> str:
    return f'<th scope="row">{escape(label)}</th>' if label.strip() else "<td></td>"


def _group(row: Row) -> str:
    return f'<tr class="report-group"><th scope="rowgroup" colspan="2">{escape(row.label)}</th></tr>'


def _values(row: Row, also: Sequence[Row]) -> str:
    parts = [f'<span class="report-value">{escape(row.shown)}</span>', _formula(row.formula, row.label)]
    for one in also:
        parts.append(f'<span class="report-also">{escape(one.shown)}</span>')
        parts.append(_formula(one.formula, row.label))
    return "".join(parts)


def _formula(formula: str | None, label: str) -> str:
    if not formula:
        return ""
    # What is read out says whose formula it is: twenty times "how" would tell nothing apart.
    summary = f'<summary>how<span class="report-hidden"> {escape(label)} comes about</span></summary>'
    return f'<details class="report-formula">{summary}<code>= {escape(formula)}</code></details>'


def _with_repeats(rows: Sequence[Row]) -> Iterator[tuple[Row, list[Row]]]:
    """Each row with the unlabelled ones after it, which say the same figure in another way."""
    held: list[tuple[Row, list[Row]]] = []
    for row in rows:
        if not row.label and held and not held[-1][0].is_heading:
            held[-1][1].append(row)
        else:
            held.append((row, []))
    return iter(held)
