"""The report: a small tree that a tool answers with, and that each renderer draws in its own way.

Every figure has a raw `value`, which `--json` prints, and a `text`, which the terminal and the page show;
with a `formula` it can also say how it came about, with the numbers put in.

Nobody compares reports, so these classes go without `==`, which halves the time it takes to import them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Value = int | float | str | bool | None


def format_value(value: Value) -> str:
    """A value as people read it, where a tool gives no text of its own.

    >>> format_value(12288000), format_value(0.123456), format_value(True), format_value(float("nan"))
    ('12,288,000', '0.1235', 'yes', 'not a number')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if math.isnan(value):
            return "not a number"
        if math.isinf(value):
            return "infinite" if value > 0 else "-infinite"
        return f"{value:,.0f}" if abs(value) >= 1e4 and abs(value) < 1e15 else f"{value:.4g}"
    return value


def slug(title: str) -> str:
    """A key from a title.

    >>> slug("Memory & time (per GPU)")
    'memory_time_per_gpu'
    """
    letters = "".join(character.lower() if character.isalnum() else " " for character in title)
    return "_".join(letters.split())


@dataclass(frozen=True, eq=False)
class Row:
    """One labelled figure.

    Without value and text it is a heading for the indented rows after it. With an empty label it says the
    figure above once more (in millions, say). `emphasis` marks a total, under a line. `shift` moves the
    value in the terminal by so many columns.
    """

    key: str
    label: str
    value: Value = None
    text: str | None = None
    indent: int = 0
    formula: str | None = None
    emphasis: bool = False
    shift: int = 0

    @property
    def shown(self) -> str:
        """The text to show."""
        return format_value(self.value) if self.text is None else self.text

    @property
    def is_heading(self) -> bool:
        """Whether it only stands above other rows."""
        return self.value is None and self.text is None


@dataclass(frozen=True, eq=False)
class Rows:
    """Labelled figures in two columns. `align="right"` lines numbers up by their last digit, units after it.

    `column` is where values start (left) or numbers end (right) in the terminal; it grows when something is
    longer.
    """

    rows: Sequence[Row]
    align: str = "left"
    column: int | None = None
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Cell:
    """A table's cell that wants its own text or formula; a plain value does otherwise."""

    value: Value
    text: str | None = None
    formula: str | None = None

    @property
    def shown(self) -> str:
        """The text to show."""
        return format_value(self.value) if self.text is None else self.text


@dataclass(frozen=True, eq=False)
class Column:
    """A table's column: its key in JSON, its heading, `left` or `right` (numbers go right by themselves)."""

    key: str
    label: str
    align: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of cells under headings; the first column names each row. JSON gets a list of objects."""

    key: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell | Value]]
    caption: str = ""

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.key}: a row has {len(row)} cells, not {len(self.columns)}: {row!r}"
                )

    def cells(self) -> list[list[Cell]]:
        """Every row as `Cell`s."""
        return [[cell if isinstance(cell, Cell) else Cell(cell) for cell in row] for row in self.rows]

    def aligned(self, index: int) -> str:
        """`left` or `right` for a column."""
        if self.columns[index].align:
            return self.columns[index].align
        values = [row[index].value for row in self.cells()]
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values)
        return "right" if numbers and values else "left"


@dataclass(frozen=True, eq=False)
class Bar:
    """One bar of a bar chart. With `before`, what the value was, a page draws a thin bar above it."""

    label: str
    value: float
    text: str | None = None
    formula: str | None = None
    before: float | None = None

    @property
    def shown(self) -> str:
        """The text to show."""
        return format_value(self.value) if self.text is None else self.text


@dataclass(frozen=True, eq=False)
class Bars:
    """A bar chart, each bar with its figure. JSON gets label to value, and the same for `KEY_before`."""

    key: str
    bars: Sequence[Bar]
    caption: str = ""

    def share(self, value: float) -> float:
        """How much of the width a bar of this value takes, from 0 to 1: the longest takes all.

        >>> Bars("sizes", [Bar("a", 1), Bar("b", -4)]).share(1)
        0.25
        """
        values = [value for bar in self.bars for value in (bar.value, bar.before or 0)]
        largest = max((abs(one) for one in values if math.isfinite(one)), default=0) or 1
        return abs(value) / largest if math.isfinite(value) else 0


@dataclass(frozen=True, eq=False)
class Span:
    """A piece of coloured text: `color` picks one of six, None leaves it plain; pointing shows the `note`.

    What is `marked` differs by more than colour: a line under it on a page, brackets in a terminal.
    """

    text: str
    value: Value = None
    color: int | None = None
    note: str = ""
    marked: bool = False


@dataclass(frozen=True, eq=False)
class Tokens:
    """Text cut into coloured pieces. JSON gets the values of the spans."""

    key: str
    spans: Sequence[Span]
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Series:
    """One line of a chart: points (x, y); those that are not finite leave a gap."""

    label: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, eq=False)
class LineChart:
    """Lines over a common x axis; `x_log` and `y_log` make an axis logarithmic. JSON gets label to points."""

    key: str
    title: str
    series: Sequence[Series]
    x_label: str = ""
    y_label: str = ""
    x_log: bool = False
    y_log: bool = False


@dataclass(frozen=True, eq=False)
class Heatmap:
    """A grid of cells, each darker the larger its value; None stands for a cell that is not there.

    `texts` are what the cells say, else their values with two decimals. `high` is the value of the darkest
    shade, else the largest is. JSON gets labels and values.
    """

    key: str
    title: str
    rows: Sequence[str]
    columns: Sequence[str]
    values: Sequence[Sequence[float | None]]
    row_label: str = ""
    column_label: str = ""
    texts: Sequence[Sequence[str]] | None = None
    high: float | None = None

    def __post_init__(self) -> None:
        for row in self.values:
            if len(row) != len(self.columns) or len(self.values) != len(self.rows):
                raise ValueError(
                    f"heatmap {self.key}: values must be {len(self.rows)} rows of {len(self.columns)}"
                )

    def share(self, value: float | None) -> float:
        """How dark a cell is, from 0 to 1.

        >>> Heatmap("h", "H", ["a"], ["b", "c"], [[1.0, 4.0]]).share(1.0)
        0.25
        """
        finite = [one for row in self.values for one in row if one is not None and math.isfinite(one)]
        high = self.high or max(finite, default=0) or 1
        return min(max(value / high, 0), 1) if value is not None and math.isfinite(value) else 0

    def text(self, row: int, column: int) -> str:
        """What a cell says."""
        if self.texts is not None:
            return self.texts[row][column]
        value = self.values[row][column]
        return "" if value is None else f"{value:.2f}"


@dataclass(frozen=True, eq=False)
class Picture:
    """A drawing for pages: the parts of an SVG, made by `tools.core.drawing`.

    The terminal and JSON get the `description`, which says what a reader sees, with the numbers that matter.
    """

    key: str
    title: str
    description: str
    parts: Sequence[str]
    width: int
    height: int


@dataclass(frozen=True, eq=False)
class Text:
    """A paragraph. It is in JSON only when it has a key."""

    text: str
    key: str = ""


@dataclass(frozen=True, eq=False)
class Code:
    """Something to copy as it stands: a command, a config."""

    key: str
    text: str
    caption: str = ""


@dataclass(frozen=True, eq=False)
class Notes:
    """A list of sentences."""

    items: Sequence[str]
    key: str = "notes"


Block = Rows | Table | Bars | Tokens | LineChart | Heatmap | Picture | Text | Code | Notes


@dataclass(frozen=True, eq=False)
class Section:
    """A heading with blocks under it. Its `key` in JSON comes from the title unless given.

    >>> Section("Memory requirements", [], icon="💾").key
    'memory_requirements'
    """

    title: str
    blocks: Sequence[Block]
    icon: str = "📊"
    key: str = ""

    def __post_init__(self) -> None:
        if not self.key:
            object.__setattr__(self, "key", slug(self.title))
        seen: set[str] = set()
        for key in self.keys():
            if key in seen:
                raise ValueError(f"section {self.key} has two figures named {key}; give each its own key")
            seen.add(key)

    def keys(self) -> list[str]:
        """The keys of all figures, in order."""
        keys: list[str] = []
        for block in self.blocks:
            if isinstance(block, Rows):
                keys.extend(row.key for row in block.rows if row.key)
            elif block.key:
                keys.append(block.key)
        return keys


@dataclass(frozen=True, eq=False)
class Report:
    """What a tool answers: a title, sections, notes at the end. The core fills in `tool` and `parameters`.

    `says` is the answer in one sentence: what an interactive figure reads out when its controls change.
    A report that is not `ok` found that the data is bad: the command's exit code is then 1.
    """

    title: str
    sections: Sequence[Section]
    notes: Sequence[str] = ()
    says: str = ""
    ok: bool = True
    tool: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        keys = [section.key for section in self.sections]
        for key in keys:
            if keys.count(key) > 1:
                raise ValueError(f"the report has two sections named {key}; give each its own key")
