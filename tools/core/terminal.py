"""The report as terminal text: frames, headings with an icon, aligned columns, bars, charts.

The frame is 70 columns wide, or the terminal's width where that is less. Colours are only added, never
needed: without them the same text says the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.core.report import (
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
from tools.core.terminal_chart import draw_lines
from tools.core.terminal_text import fits, pad, plain, visible, width_of, wrap

FRAME = 70
RULE = 60
VALUES_START = 25
BOLD, FAINT, RED, RESET = "\x1b[1m", "\x1b[2m", "\x1b[31m", "\x1b[0m"
SHADES = "·░▒▓█"
PARTS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
TOKEN_COLORS = (153, 223, 157, 225, 229, 195)
"""Pale backgrounds of the 256-colour table, on which black text is easy to read."""


class Terminal:
    """Draws one report with given settings; `render_terminal` is the way in."""

    def __init__(self, width: int, color: bool, explain: bool, unicode: bool) -> None:
        self.width = max(20, width)
        self.frame = min(FRAME, self.width)
        self.color, self.explain, self.unicode = color, explain, unicode

    def paint(self, text: str, code: str) -> str:
        """The text in a colour, when there are colours."""
        return f"{code}{text}{RESET}" if self.color and text else text

    def report(self, report: Report) -> Iterator[str]:
        """Every line of the report."""
        double = "=" * self.frame
        yield double
        yield self.paint(visible(report.title).upper(), BOLD)
        yield double
        yield from self.text(report.says) if report.says else ()
        sections = list(report.sections)
        if report.notes:
            sections.append(Section("Notes", [Notes(report.notes)], icon="📝", key="report_notes"))
        for section in sections:
            yield ""
            yield self.paint(self.heading(section), BOLD)
            yield "-" * self.frame
            above: Block | None = None
            for block in section.blocks:
                if above is not None and not (isinstance(above, Rows) and isinstance(block, Rows)):
                    yield ""
                yield from self.block(block)
                above = block
        yield double

    def heading(self, section: Section) -> str:
        """A section's icon and title; one with U+FE0F is drawn too narrow, hence the second space."""
        if not self.unicode or not section.icon:
            return visible(section.title).upper()
        space = "  " if section.icon.endswith("\ufe0f") else " "
        return visible(section.icon) + space + visible(section.title).upper()

    def block(self, block: Block) -> Iterator[str]:
        """The lines of one block."""
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
            return self.text(f"{block.title}: {block.description}")
        if isinstance(block, Notes):
            return self.notes(block.items)
        if isinstance(block, Code):
            return self.code(block)
        if isinstance(block, Text):
            return self.text(block.text)
        raise TypeError(f"{type(block).__name__} is no block of a report")

    def caption(self, text: str) -> Iterator[str]:
        """The line above a table or chart."""
        if text:
            yield from ("  " + line for line in wrap(visible(text), self.width - 2))

    def formula(self, formula: str | None) -> Iterator[str]:
        """The line that says how a figure came about, when asked."""
        if self.explain and formula:
            for line in wrap(visible(formula), self.width - 8):
                yield self.paint(f"      = {line}", FAINT)

    def rows(self, block: Rows) -> Iterator[str]:
        """Label and value in two columns."""
        yield from self.caption(block.caption)
        labels = [self.label(row) for row in block.rows]
        valued = [(label, row) for label, row in zip(labels, block.rows, strict=True) if not row.is_heading]
        if block.align == "right":
            needed = [width_of(label) + 2 + width_of(_number(row)[0]) for label, row in valued]
        else:
            needed = [width_of(label) + 2 for label, _ in valued]
        column = max([block.column or (0 if block.align == "right" else VALUES_START), *needed])
        for label, row in zip(labels, block.rows, strict=True):
            if row.emphasis:
                yield "  " + "─" * min(RULE, self.width - 2)
            if row.is_heading:
                yield label
            else:
                yield from self.row(label, row, column, block.align)
            yield from self.formula(row.formula)

    def label(self, row: Row) -> str:
        """`  Label:`, or `    - Label:` one step in."""
        if not row.label:
            return ""
        words = visible(row.label).upper() if row.emphasis else visible(row.label)
        return "  " + "  " * row.indent + ("- " if row.indent else "") + words + ":"

    def row(self, label: str, row: Row, column: int, align: str) -> Iterator[str]:
        """One figure; what does not fit beside its label goes on below, under its own beginning."""
        column += row.shift
        number, unit = _number(row) if align == "right" else (visible(row.shown), "")
        space = max(1, column - width_of(label) - (width_of(number) if align == "right" else 0))
        if align == "left":
            first, *rest = wrap(number, max(10, self.width - column))
            yield self.emphasized(label + " " * space + first, row)
            yield from (" " * column + line for line in rest)
        else:
            yield self.emphasized(label + " " * space + number + unit, row)

    def emphasized(self, line: str, row: Row) -> str:
        """A total in bold."""
        return self.paint(line, BOLD) if row.emphasis else line

    def table(self, block: Table) -> Iterator[str]:
        """Headings, a rule, rows. Where it is too wide, its widest columns break their cells over lines."""
        yield from self.caption(block.caption)
        if not block.columns:
            return
        sides = [block.aligned(index) for index in range(len(block.columns))]
        head = [visible(column.label) for column in block.columns]
        body = [[visible(cell.shown) for cell in row] for row in block.cells()]
        widths = self.fit([max(width_of(row[i]) for row in [head, *body]) for i in range(len(head))])
        yield from self.line(head, widths, sides)
        yield "  " + "─" * (sum(widths) + 2 * (len(widths) - 1))
        for row, cells in zip(body, block.cells(), strict=True):
            yield from self.line(row, widths, sides)
            for cell in cells:
                yield from self.formula(cell.formula)

    def fit(self, widths: Sequence[int]) -> list[int]:
        """Column widths that fit the terminal: the widest gives way first, none below 6."""
        fitted = [max(1, width) for width in widths]
        while sum(fitted) + 2 * len(fitted) > self.width and max(fitted) > 6:
            fitted[fitted.index(max(fitted))] -= 1
        return fitted

    def line(self, cells: Sequence[str], widths: Sequence[int], sides: Sequence[str]) -> Iterator[str]:
        """A table's row, over as many lines as its longest cell takes."""
        wrapped = [wrap(cell, width) for cell, width in zip(cells, widths, strict=True)]
        for index in range(max(len(lines) for lines in wrapped)):
            parts = [lines[index] if index < len(lines) else "" for lines in wrapped]
            yield "  " + "  ".join(pad(*one) for one in zip(parts, widths, sides, strict=True))

    def bars(self, block: Bars) -> Iterator[str]:
        """Label, bar, figure; the longest bar is the largest value."""
        yield from self.caption(block.caption)
        if not block.bars:
            return
        labels = [visible(bar.label) for bar in block.bars]
        shown = [visible(bar.shown) for bar in block.bars]
        left = min(max(map(width_of, labels)), self.width // 3)
        right = max(map(width_of, shown))
        room = max(4, self.frame - 2 - left - 1 - right - 2)
        for label, text, bar in zip(labels, shown, block.bars, strict=True):
            *above, last = wrap(label, left)
            yield from ("  " + line for line in above)
            drawn = self.bar(block.share(bar.value) * room)
            yield f"  {pad(last, left)} {pad(drawn, room)} {pad(text, right, 'right')}"
            yield from self.formula(bar.formula)

    def bar(self, length: float) -> str:
        """A bar of so many columns, to an eighth of one; something that is not zero shows."""
        if not self.unicode:
            return "#" * max(round(length), 1 if length > 0 else 0)
        eighths = max(round(length * 8), 1 if length > 0 else 0)
        return "█" * (eighths // 8) + PARTS[eighths % 8]

    def tokens(self, block: Tokens) -> Iterator[str]:
        """Pieces in colours, or with a line between them where there are none."""
        yield from self.caption(block.caption)
        line, used = "  ", 2
        for index, span in enumerate(block.spans):
            piece = visible(span.text, "⏎\n")
            for part in piece.splitlines(keepends=True) or [""]:
                words = f"[{part}]" if span.marked and not part.endswith("\n") else part.rstrip("\n")
                mark = "" if self.color or index == 0 or used == 2 else "│"
                taken = width_of(mark + words)
                if used > 2 and used + taken > self.width:
                    yield line
                    line, used, mark = "  ", 2, ""
                line += mark + self.tinted(words, span.color)
                used += taken
                if part.endswith("\n"):
                    yield line
                    line, used = "  ", 2
        if used > 2:
            yield line

    def tinted(self, words: str, color: int | None) -> str:
        """A piece on its background."""
        if color is None:
            return words
        return self.paint(words, f"\x1b[30;48;5;{TOKEN_COLORS[color % len(TOKEN_COLORS)]}m")

    def chart(self, block: LineChart) -> Iterator[str]:
        """A line chart."""
        yield from self.caption(block.title)
        for line in draw_lines(block, self.frame - 2, 12, self.color, self.unicode):
            yield "  " + line

    def heatmap(self, block: Heatmap) -> Iterator[str]:
        """Cells as shaded blocks, with what they say beside them where there is room."""
        yield from self.caption(block.title)
        labels = [visible(label) for label in block.rows]
        left = min(max(map(width_of, [*labels, visible(block.row_label)]), default=0), self.width // 4)
        texts = [
            [visible(block.text(row, at)) for at in range(len(block.columns))] for row in range(len(labels))
        ]
        longest = max((width_of(text) for row in texts for text in row), default=0)
        room = (self.width - 2 - left) // max(1, len(block.columns)) - 1
        told = longest + 2 if longest + 2 <= room else 2
        wide = min(max(told, max((width_of(visible(one)) for one in block.columns), default=0)), max(room, 2))
        head = " ".join(pad(visible(label)[:wide], wide) for label in block.columns)
        yield f"  {pad(visible(block.row_label)[:left], left)} {head}"
        for row, label in enumerate(labels):
            cells = []
            for at, value in enumerate(block.values[row]):
                shade = SHADES[round(block.share(value) * (len(SHADES) - 1))] if value is not None else " "
                cells.append(pad(shade * 2 if told == 2 else f"{shade} {texts[row][at]}", wide))
            yield f"  {pad(wrap(label, max(1, left))[0], left)} " + " ".join(cells)

    def notes(self, items: Sequence[str]) -> Iterator[str]:
        """A list with bullets."""
        for item in items:
            first, *rest = wrap(visible(item), self.width - 4)
            yield "  • " + first
            yield from ("    " + line for line in rest)

    def code(self, block: Code) -> Iterator[str]:
        """Something to copy: never wrapped, since a broken command does not work."""
        yield from self.caption(block.caption)
        yield from ("  " + visible(line) for line in block.text.split("\n"))

    def text(self, text: str) -> Iterator[str]:
        """A paragraph."""
        for paragraph in text.split("\n"):
            yield from ("  " + line for line in wrap(visible(paragraph), self.width - 2))


def _number(row: Row) -> tuple[str, str]:
    """A figure and its unit: `12,288,000` and ` params`."""
    number, space, unit = visible(row.shown).partition(" ")
    return number, space + unit


def render_terminal(
    report: Report, width: int = 80, color: bool = False, explain: bool = False, encoding: str = "utf-8"
) -> str:
    """The report as text with a newline at its end; plain ASCII where `encoding` has no box-drawing letters.

    >>> from tools.core.report import Row, Section
    >>> print(
    ...     render_terminal(Report("Size", [Section("Model", [Rows([Row("depth", "Depth", 6)])])]), width=30),
    ...     end="",
    ... )
    ==============================
    SIZE
    ==============================
    <BLANKLINE>
    📊 MODEL
    ------------------------------
      Depth:                 6
    ==============================
    """
    unicode = fits(encoding)
    lines = (line.rstrip() for line in Terminal(width, color, explain, unicode).report(report))
    drawn = "\n".join(lines) + "\n"
    return drawn if unicode else plain(drawn, encoding)
