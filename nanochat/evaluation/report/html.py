"""A report as one HTML file that needs nothing else: no script, no request, no font from anywhere.

Its policy (Content-Security-Policy) forbids all of that, too, so that even a mistake in escaping what a model
wrote could load and run nothing. Only the one style sheet is let in, by its hash. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Sequence
from functools import cache
from html import escape as escape_html
from itertools import count
from pathlib import Path

from nanochat.evaluation.report import blocks
from nanochat.evaluation.report.blocks import Block
from nanochat.evaluation.report.chart import draw
from nanochat.evaluation.report.contents import contents
from nanochat.evaluation.report.record import Report
from nanochat.evaluation.report.words import printable

STYLE = Path(__file__).with_name("page.css")


def as_html(report: Report) -> str:
    """The report as a whole HTML page."""
    style, numbers = style_sheet(), count(1)
    body = "\n".join(part for block in contents(report) for part in parts(block, numbers))
    title = f"{report.run.name}: report card"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy(style)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


@cache
def style_sheet() -> str:
    """The looks."""
    return f"\n{STYLE.read_text(encoding='utf-8')}"


def policy(style: str) -> str:
    """Nothing but this style sheet.

    >>> policy("p {}")
    "default-src 'none'; style-src 'sha256-SNJD...'; base-uri 'none'; form-action 'none'"
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def parts(block: Block, numbers: count[int]) -> Iterator[str]:
    """A block as HTML; `numbers` name the charts."""
    match block:
        case blocks.Heading():
            yield f"<h{block.level}>{escape(block.text)}</h{block.level}>"
        case blocks.Paragraph():
            kind = ' class="lead"' if block.lead else ""
            yield f"<p{kind}>{together(escape(block.text))}</p>"
        case blocks.Items():
            yield f"<ul>{''.join(f'<li>{together(escape(text))}</li>' for text in block.texts)}</ul>"
        case blocks.Facts():
            pairs = (
                f"<div><dt>{escape(one)}</dt><dd>{escape(value)}</dd></div>" for one, value in block.pairs
            )
            yield f'<dl class="facts">{"".join(pairs)}</dl>'
        case blocks.Table():
            yield table(block)
        case blocks.Commands():
            yield from (command(*entry) for entry in block.entries)
        case blocks.Samples():
            shown = "".join(sample(*pair, block.answers) for pair in block.pairs)
            yield f'<div class="samples">{shown}</div>'
        case blocks.Figures():
            charts = "".join(
                f"<figure>{draw(one, f'curve-{next(numbers)}')}</figure>" for one in block.charts
            )
            yield f'<div class="curves">{charts}</div>'


def table(block: blocks.Table) -> str:
    """A table that can be moved sideways where it is wider than the page, by the keyboard too."""
    head = "".join(f'<th scope="col">{escape(one)}</th>' if one else "<td></td>" for one in block.head)
    rows = "".join(row(one) for one in block.rows)
    kind = ' class="words"' if block.words else ""
    return (
        f'<div class="wide" role="region" aria-label="{escape(block.name)}" tabindex="0"><table{kind}>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def row(cells: Sequence[str]) -> str:
    """One row; the first line of a cell is its value, what follows is said more quietly."""
    first, *others = cells
    found = [f'<th scope="row">{escape(first)}</th>']
    for cell in others:
        value, *quiet = (together(escape(text)) for text in cell.split("\n"))
        found.append(f"<td>{value}{''.join(f'<small>{text}</small>' for text in quiet)}</td>")
    return f"<tr>{''.join(found)}</tr>"


def command(what: str, words: str) -> str:
    """A command under what it is for."""
    parted = " ".join(f"<span>{escape(word)}</span>" for word in words.split(" "))
    return f'<p class="what">{escape(what)}</p><pre><code>{parted}</code></pre>'


def sample(prompt: str, text: str, answers: bool) -> str:
    """What was asked, and what came of it."""
    if answers:
        asked, answer = escape(prompt.strip()), escape(text)
        return f'<div class="chat"><p class="asked">{asked}</p><p class="answer">{answer}</p></div>'
    return f'<p class="text"><b>{escape(prompt)}</b>{escape(text)}</p>'


def together(text: str) -> str:
    """Text in which a number is not parted from its unit or its error."""
    return text.replace(" ± ", "\u00a0±\u00a0").replace(" %", "\u00a0%")


def escape(text: str) -> str:
    """Text that means nothing in HTML.

    >>> escape('<script>"a" & b</script>')
    '&lt;script&gt;&quot;a&quot; &amp; b&lt;/script&gt;'
    """
    return escape_html(printable(text))
