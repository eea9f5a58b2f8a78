"""The figures of the page about microGPT: the parts of the file, a letter's way through the model."""

from __future__ import annotations

import ast
import random

from tools.microgpt import NAMES, Model, Table, Vector, alphabet, linear, read_names
from web.figures.svg import Svg
from web.source import read_symbol

WIDTH = 456
OPERATIONS = (
    "look_up", "linear", "plus", "each", "relu_squared", "cap", "norm", "rotate", "compare", "softmax", "mix",
    "join", "surprise",
)  # fmt: skip
# Each part of the file: its symbols, what it does, and the guide that explains the idea.
PARTS = (
    ("read_names, alphabet", ("read_names", "alphabet"), "names become tokens", "guide 2: tokens", 6),
    ("Vector, Table", ("Vector", "Table"), "numbers that find their slopes", "guide 1: autograd", 1),
    (f"{len(OPERATIONS)} operations", OPERATIONS, "softmax, norm, rotate, …", "guide 3: the pieces", 2),
    ("Block, Model", ("Block", "Model"), "attention, MLP, the whole", "guide 3: architecture", 3),
    (
        "Adam, train",
        ("average", "Adam", "train", "mean_surprise"),
        "loss, slopes, steps",
        "guide 4: training",
        4,
    ),
    ("Model.write", ("Model.write",), "one letter after another", "guide 5: inference", 5),
)


def code_lines() -> int:
    """How many lines of the file are code of the model and its training: no comments, docstrings, command.

    >>> 200 < code_lines() < 300
    True
    """
    text = NAMES.with_name("microgpt.py").read_text(encoding="utf-8")
    text = text[: text.index("# ---- names, and the command")]
    skipped: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            skipped.update(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate((line.strip() for line in text.splitlines()), start=1)
    return sum(bool(line) and not line.startswith("#") and number not in skipped for number, line in lines)


def lines_of(symbols: tuple[str, ...]) -> int:
    """How many lines these symbols of the file have.

    >>> lines_of(("plus",)) == lines_of(("plus", "plus")) // 2
    True
    """
    return sum(len(read_symbol(f"tools.microgpt:{name}").code.splitlines()) for name in symbols)


def microgpt_parts() -> str:
    """The parts of the file in their order, each with its lines and its guide."""
    rows = [(name, lines_of(symbols), what, guide, tone) for name, symbols, what, guide, tone in PARTS]
    drawing = Svg(
        "microgpt-parts",
        WIDTH,
        52 * len(rows) + 22,
        title="The parts of the file, and the guides they come from",
        description="; ".join(
            f"{name}: {what}, {lines} lines, {guide}" for name, lines, what, guide, _ in rows
        )
        + ".",
    )
    for x, heading in ((4, "in the file"), (194, "what it does"), (332, "where you met it")):
        drawing.text(x, 12, heading, size=11, kind="muted")
    for number, (name, lines, what, guide, tone) in enumerate(rows):
        y = 22 + 52 * number
        drawing.box(4, y, 172, 44, [name, f"{lines} lines"], tone=tone, mono=True, size=11, round=4)
        for row, part in enumerate(two_lines(what)):
            drawing.text(194, y + 18 + 16 * row, part, size=12)
        drawing.box(332, y + 7, 120, 30, guide, tone=tone, size=11, dashed=True)
    return drawing.figure(
        "Six parts. Lines are counted with their docstrings. <code>Model.write</code> is a part of "
        "<code>Model</code>, shown apart because it is a guide of its own."
    )


def two_lines(text: str) -> list[str]:
    """A short text in two lines of about the same length.

    >>> two_lines("names become tokens")
    ['names become', 'tokens']
    """
    words = text.split()
    best = min(range(1, len(words)), key=lambda at: max(len(" ".join(words[:at])), len(" ".join(words[at:]))))
    return [" ".join(words[:best]), " ".join(words[best:])]


def microgpt_letter() -> str:
    """One letter's way through the model: every operation with the length of the row that comes out."""
    model = Model(alphabet(read_names()))
    block = model.blocks[0]
    width, size = len(model.embedding.rows[0]), len(block.query[0].rows)
    inside, words = len(block.up.rows), len(model.head.rows)
    drawing = Svg(
        "microgpt-letter",
        WIDTH,
        476,
        title="The way of one letter through microGPT",
        description=(
            f"The letter's row of {width} numbers is looked up and normalised. Attention, in "
            f"{model.n_head} heads of {size}, adds to it; the MLP, {inside} wide inside, adds to it; "
            f"the head gives {words} logits."
        ),
    )
    middle = 228
    drawing.box(middle - 90, 4, 180, 30, f"look_up → {width}", tone=1, mono=True, size=12)
    drawing.arrow(middle, 34, middle, 50)
    drawing.box(middle - 90, 50, 180, 30, f"norm → {width}", tone=1, mono=True, size=12)
    drawing.line(middle, 80, middle, 384)
    # attention, on the left of the stream
    drawing.box(4, 92, 190, 176, tone=2, dashed=True)
    drawing.text(14, 110, f"attention, {model.n_head} heads", kind="strong", size=12)
    drawing.box(14, 120, 170, 26, f"norm; q, k, v → {size}", tone=2, mono=True, size=11, round=3)
    drawing.box(14, 150, 170, 26, "norm, rotate", tone=2, mono=True, size=11, round=3)
    drawing.box(14, 180, 170, 26, "compare, softmax", tone=2, mono=True, size=11, round=3)
    drawing.box(14, 210, 170, 26, f"mix → {size}, join → {width}", tone=2, mono=True, size=11, round=3)
    drawing.text(14, 255, f"output → {width}", mono=True, size=11)
    drawing.arrow(middle, 104, 194, 104, tone=2)
    drawing.arrow(194, 252, middle - 14, 268, tone=2)
    drawing.circle(middle, 268, 13, "+", tone=2)
    drawing.box(262, 150, 190, 60, ["past: keys and values", "of the letters before"], tone=5, size=12)
    drawing.arrow(262, 190, 184, 193, tone=5)
    # the MLP, on the right
    drawing.box(262, 262, 190, 112, tone=3, dashed=True)
    drawing.text(272, 280, "MLP", kind="strong", size=12)
    drawing.box(272, 290, 170, 26, f"norm, up → {inside}", tone=3, mono=True, size=11, round=3)
    drawing.box(272, 320, 170, 26, "relu_squared", tone=3, mono=True, size=11, round=3)
    drawing.text(272, 366, f"down → {width}", mono=True, size=11)
    drawing.arrow(middle, 296, 262, 296, tone=3)
    drawing.arrow(262, 362, middle + 14, 384, tone=3)
    drawing.circle(middle, 384, 13, "+", tone=3)
    drawing.arrow(middle, 397, middle, 412)
    drawing.box(middle - 90, 412, 180, 30, f"norm, head → {words}", tone=4, mono=True, size=12)
    drawing.text(middle, 462, "cap: logits of the next letter", anchor="middle", size=12)
    return drawing.figure(
        "The stream runs down the middle. Attention and MLP read it and add to it. Only attention sees "
        "other letters: it keeps this letter's key and value in the past, and takes from all that lie "
        "there. Numbers are lengths of rows."
    )


def microgpt_nodes() -> str:
    """How large the graph of one name is, with a node a number and with a node a row."""
    as_rows, as_numbers = nodes_of("emma")
    as_numbers = round(as_numbers, -3)
    drawing = Svg(
        "microgpt-nodes",
        WIDTH,
        104,
        title="The graph of one name: nodes that are numbers, nodes that are rows",
        description=f"For emma about {as_numbers:,} if each number is one, {as_rows:,} if each row is one.",
    )
    longest = 330
    for number, (what, about, count, tone) in enumerate(
        (("a node is a number", "about ", as_numbers, 6), ("a node is a row", "", as_rows, 1))
    ):
        y = 6 + 48 * number
        length = max(2.0, longest * count / as_numbers)
        drawing.text(4, y + 12, what, size=12)
        drawing.bar(4, y + 18, length, 18, tone=tone)
        drawing.text(12 + length, y + 27, f"{about}{count:,} nodes", middle=True, size=12, kind="strong")
    return drawing.figure(
        f"The graph of <code>emma</code>, counted. With a node for each sum or product of two numbers it has "
        f"about {round(as_numbers / as_rows, -1):,.0f} times as many."
    )


def nodes_of(name: str) -> tuple[int, int]:
    """Nodes of the graph of a name as rows, and the sums and products of two numbers inside them.

    The products of a table: one for each weight, and as many sums less one a row. The rest is counted as
    one operation for each number that comes out.

    >>> rows, numbers = nodes_of("emma")
    >>> rows < 300 and numbers > 30_000
    True
    """
    model = Model(alphabet(read_names()))
    seen: set[Vector] = set()
    todo = [model.surprise(name)]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo += node.parents
    weights = sum(len(table.rows) * len(table.rows[0]) for table in model.tables()) - len(
        model.embedding.rows
    ) * len(model.embedding.rows[0])
    through_tables = (len(name) + 1) * 2 * weights
    return len(seen), through_tables + sum(len(node.data) for node in seen)


def table_slopes() -> str:
    """A table of two rows, what went in, the slopes of what came out, and the slopes of its weights."""
    table = Table(random.Random(1), 2, 3, 1.0)
    inputs = [[1.0, 2.0, 0.0], [0.0, 1.0, 1.0]]
    outs = [[1.0, -1.0], [2.0, 0.0]]
    for row, out in zip(inputs, outs, strict=True):
        made = linear(table, Vector(row))
        assert made.push is not None
        made.push(out)
    slopes = table.slopes()
    drawing = Svg(
        "microgpt-table",
        WIDTH,
        190,
        title="Slopes of a table, made from its notes",
        description=(
            f"Inputs {inputs}, slopes of outputs {outs}, and the slopes of the weights {slopes}: "
            "each is one dot product over the letters."
        ),
    )
    cell = 34

    def grid(x: float, y: float, rows: list[list[float]], tone: int) -> None:
        for i, row in enumerate(rows):
            for j, value in enumerate(row):
                place = (x + cell * j, y + cell * i)
                drawing.box(*place, cell, cell, f"{value:g}", tone=tone, mono=True, size=13, round=2)

    drawing.text(150, 14, "what went in", size=12, kind="muted")
    grid(150, 22, inputs, 1)
    drawing.text(262, 44, "letter 1", middle=False, size=11, kind="muted")
    drawing.text(262, 78, "letter 2", middle=False, size=11, kind="muted")
    drawing.text(4, 92, ["slopes of", "what came out"], size=12, kind="muted")
    # turned on its side, so that a letter is a column
    grid(24, 120, [list(row) for row in zip(*outs, strict=True)], 2)
    grid(150, 120, slopes, 3)
    drawing.text(262, 142, "slopes of the weights:", size=12)
    drawing.text(262, 160, "2 outputs × 3 inputs", size=12, kind="muted")
    return drawing.figure(
        "Two letters went through a table of two rows and three columns. Each slope is one dot product: a "
        "row on the left, with a letter in each column, times a column above."
    )
