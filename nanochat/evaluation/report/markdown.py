"""A report as Markdown: the file in a run's folder, and the body of a page of the site.

What a model wrote stands in fences, where nothing is markup; a fence is longer than any row of backticks in
it. Other text is escaped. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from nanochat.evaluation.report import blocks
from nanochat.evaluation.report.blocks import Block
from nanochat.evaluation.report.chart import draw
from nanochat.evaluation.report.contents import contents, summary
from nanochat.evaluation.report.record import Report
from nanochat.evaluation.report.words import printable

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
YOU, MODEL = "> ", ""  # before a question and before its answer

Figures = Callable[[blocks.Figures], str]


def as_markdown(report: Report) -> str:
    """The report as a file that can be read as it is; curves as tables, for pictures are in `report.html`."""
    return written(contents(report), lambda figures: table(figures.table))


def as_summary(report: Report) -> str:
    """What a person wants to know at once: what it is, how good it is, what is wrong with it."""
    return written(summary(report), lambda figures: "")


def as_site_body(report: Report) -> str:
    """The report as the body of a page: curves drawn in place, and no title, which the page has."""
    numbers = count(1)

    def drawn(figures: blocks.Figures) -> str:
        # One line: a blank one would end the HTML.
        charts = "".join(
            f"<figure>{draw(chart, f'curve-{next(numbers)}')}</figure>" for chart in figures.charts
        )
        return f'<div class="report-curves">{charts}</div>'

    return written(contents(report)[1:], drawn, new_line="<br>")


def written(page: Sequence[Block], figures: Figures, new_line: str = ", ") -> str:
    """Blocks as Markdown; `new_line` stands between the lines of a table's cell."""
    return "\n\n".join(text for block in page for text in parts(block, figures, new_line)) + "\n"


def parts(block: Block, figures: Figures, new_line: str) -> Iterator[str]:
    """A block as paragraphs of Markdown."""
    match block:
        case blocks.Heading():
            yield f"{'#' * block.level} {escape(block.text)}"
        case blocks.Paragraph():
            yield escape(block.text)
        case blocks.Items():
            yield "\n".join(f"- {escape(text)}" for text in block.texts)
        case blocks.Facts():
            yield "\n".join(f"- {escape(name)}: {escape(value)}" for name, value in block.pairs)
        case blocks.Table():
            yield table(block, new_line)
        case blocks.Commands():
            yield fence("\n".join(f"# {what}\n{command}" for what, command in block.entries), "bash")
        case blocks.Samples():
            yield fence("\n\n".join(sample(*pair, block.answers) for pair in block.pairs), "text")
        case blocks.Figures():
            yield figures(block)


def table(block: blocks.Table, new_line: str = ", ") -> str:
    """A table; numbers stand to the right, and a column without a heading gets the table's name.

    >>> print(table(blocks.Table("", ["task", "BASE"], [["bpb", "1.5\\n9 bytes"]])))
    | task | BASE |
    | --- | ---: |
    | bpb | 1.5, 9 bytes |
    """
    rule = ["---", *["---" if block.words else "---:"] * (len(block.head) - 1)]
    rows = [row([escape(one or block.name) for one in block.head]), row(rule)]
    return "\n".join(
        [*rows, *(row([escape(cell).replace("\n", new_line) for cell in one]) for one in block.rows)]
    )


def row(cells: Sequence[str]) -> str:
    """One row."""
    return f"| {' | '.join(cells)} |"


def sample(prompt: str, text: str, answers: bool) -> str:
    """What was asked, and what came of it."""
    if answers:
        return f"> {printable(prompt).strip()}\n{printable(text)}"
    return printable(prompt + text)


def fence(text: str, language: str) -> str:
    """Text as it is.

    >>> print(fence("a ``` b", "text"))
    ````text
    a ``` b
    ````
    """
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    mark = "`" * max(3, longest + 1)
    return f"{mark}{language}\n{text}\n{mark}"


def escape(text: str) -> str:
    """Text that means nothing in Markdown and nothing in HTML.

    >>> escape("a_b <script> | *c*")
    'a\\\\_b &lt;script&gt; \\\\| \\\\*c\\\\*'
    """
    plain = "".join(ENTITIES.get(letter, letter) for letter in printable(text))
    return re.sub(r"([\\`*_{}\[\]|#])", r"\\\1", plain)
