"""What a page is made of, before it is Markdown or HTML. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nanochat.evaluation.report.chart import Chart


@dataclass(frozen=True)
class Heading:
    """The title (level 1), a part (2) or a part of it (3)."""

    level: int
    text: str


@dataclass(frozen=True)
class Paragraph:
    """A sentence or some."""

    text: str
    lead: bool = False  # the page's first one


@dataclass(frozen=True)
class Items:
    """A list."""

    texts: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """The figures that a reader wants first: (name, value)."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Table:
    """Rows under a head. The first column is what a row is about; a cell may have several lines.

    `name` is for readers who hear the page. Numbers stand to the right, words to the left.
    """

    name: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: bool = False


@dataclass(frozen=True)
class Commands:
    """Commands, each with what it is for."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Samples:
    """What a model wrote: (prompt, text). In a chat the text answers, else it goes on."""

    pairs: Sequence[tuple[str, str]]
    answers: bool


@dataclass(frozen=True)
class Figures:
    """Curves, and some of their points for where no picture can be shown."""

    charts: Sequence[Chart]
    table: Table


Block = Heading | Paragraph | Items | Facts | Table | Commands | Samples | Figures
