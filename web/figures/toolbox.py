"""The figures of guide 6 that show calls of tools; tokens and values in each are what the code makes."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field

from nanochat.inference.request import Generation, Request
from nanochat.inference.writing import Writing
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.split import NANOCHAT
from nanochat.tokenizer.tokenizer import sample_tokenizer
from nanochat.toolbox.calculator import calculate
from nanochat.toolbox.tool_use import ToolUse
from nanochat.toolbox.tools import use_calculator
from web.figures.svg import Svg
from web.figures.token_strip import LETTER, WIDTH, Strip, visible

QUESTION = "What is 37 * 12?"
CALL = "<|python_start|>37*12<|python_end|>"
OTHERS, MODEL, ENGINE = 0, 3, 5  # the hue of who wrote a token


def special_ids(text: str) -> list[int]:
    """The ids of a text in which special tokens are written out.

    >>> len(special_ids(CALL))
    7
    """
    tokenizer = sample_tokenizer()
    return tokenizer.encode(text, allowed_special=list(tokenizer.special_tokens))


def reply(call: str = CALL, rest: str = "444", question: str = QUESTION) -> Generation:
    """A reply as the engine has it when a model wrote `call`, and `rest` after the result.

    >>> [part.text for part in reply().parts]
    ['37*12', '444', '444']
    """
    tokenizer = sample_tokenizer()
    prompt = render_prompt(tokenizer, {"messages": [{"role": "user", "content": question}]})
    writing = Writing(Request(tuple(prompt), max_tokens=200), tokenizer)
    for token_id in special_ids(call):
        writing.accept(token_id)
    if writing.call is not None:
        writing.put_in(use_calculator(writing.call))
    for token_id in special_ids(rest + "<|assistant_end|>"):
        writing.accept(token_id)
    return writing.generation()


def carry() -> str:
    """Two sums that differ in their last digit only, and whose results differ from the first one on."""
    sums = [("4999 + 5000", 1), ("4999 + 5001", 2)]
    results = [calculate(written) for written, _ in sums]
    drawing = Svg(
        "carry",
        WIDTH,
        150,
        title="The first token of a result can depend on the last digit of the question",
        description="; ".join(
            f"{written} = {result}, written as {' '.join(NANOCHAT.split(result))}"
            for (written, _), result in zip(sums, results, strict=True)
        )
        + ".",
    )
    drawing.text(4, 14, "it reads", size=12, kind="muted")
    drawing.text(250, 14, "and writes, from left to right", size=12, kind="muted")
    for row, ((written, tone), result) in enumerate(zip(sums, results, strict=True)):
        y, x = 34 + 62 * row, 4.0
        pieces = NANOCHAT.split(written)
        for number, piece in enumerate(pieces):
            width = LETTER * len(visible(piece)) + 9
            last = number == len(pieces) - 1
            drawing.box(x, y, width, 28, visible(piece), tone=tone if last else 0, mono=True, round=4)
            x += width + 4
        drawing.arrow(x + 8, y + 14, 244, y + 14, tone=tone)
        x = 250.0
        for number, piece in enumerate(NANOCHAT.split(result)):
            width = LETTER * len(piece) + 9
            drawing.box(x, y, width, 28, piece, tone=0 if number else tone, mono=True, round=4)
            if not number:
                drawing.text(x, y + 44, "this one comes first", size=11, kind="muted")
            x += width + 4
    return drawing.figure(
        "One digit differs, at the very end of the question. The first token of the result differs too. "
        "To write it, the model would have to do the whole sum at once, in its head."
    )


def whose_tokens() -> str:
    """One row of tokens, and who wrote each: the question's program, the model, the engine."""
    tokenizer, one = sample_tokenizer(), reply()
    end = one.ended_with
    assert end is not None
    ids = [*one.prompt, *one.ids, end]
    writers = ["q"] * len(one.prompt) + ["m" if chosen else "e" for chosen in one.sampled] + ["m"]
    tones = {"q": OTHERS, "m": MODEL, "e": ENGINE}
    pieces = [tokenizer.decode([token_id]) for token_id in ids]
    strip = Strip(pieces, writers, [tones[writer] for writer in writers])
    drawing = Svg(
        "whose-tokens",
        WIDTH,
        strip.height + 34,
        title="Who writes which token",
        description=", ".join(f"{piece} {writer}" for piece, writer in zip(pieces, writers, strict=True))
        + ". q is the question, m the model, e the engine.",
    )
    legend = (
        (4, OTHERS, "q: the question"),
        (140, MODEL, "m: the model chose it"),
        (304, ENGINE, "e: the engine put it in"),
    )
    for x, tone, label in legend:
        drawing.box(x, 4, 14, 14, tone=tone, round=2)
        drawing.text(x + 19, 11, label, middle=True, size=12)
    strip.draw(drawing, 30)
    return drawing.figure(
        f"One row of {len(ids)} tokens. The model chose {writers.count('m')} of them. The engine put in "
        f"{writers.count('e')}: the result, and the markers around it."
    )


@dataclass
class Node:
    """A part of an expression, as the tree shows it."""

    text: str
    result: str
    children: list[Node] = field(default_factory=list)
    x: float = 0.0
    depth: int = 0


def syntax_nodes(expression: str) -> Node:
    """The tree of an expression with what each part is worth.

    >>> top = syntax_nodes("37*12 + 5")
    >>> top.text, top.result, [child.text for child in top.children]
    ('BinOp Add', '449', ['BinOp Mult', 'Constant'])
    """

    def node_of(node: ast.expr, depth: int) -> Node:
        result = calculate(ast.unparse(node))
        if isinstance(node, ast.BinOp):
            children = [node_of(node.left, depth + 1), node_of(node.right, depth + 1)]
            return Node(f"BinOp {type(node.op).__name__}", result, children, depth=depth)
        return Node(type(node).__name__, result, depth=depth)

    return node_of(ast.parse(expression, mode="eval").body, 0)


def syntax_tree() -> str:
    """The tree that Python's parser makes of a sum, with the value that each part gets on the way up."""
    expression = "37*12 + 5"
    top = syntax_nodes(expression)
    nodes: list[Node] = []
    leaves = 0

    def place(node: Node) -> None:
        nonlocal leaves
        for child in node.children:
            place(child)
        if node.children:
            node.x = sum(child.x for child in node.children) / len(node.children)
        else:
            node.x, leaves = 80 + 150 * leaves, leaves + 1
        nodes.append(node)

    place(top)
    depth = max(node.depth for node in nodes)
    drawing = Svg(
        "syntax-tree",
        WIDTH,
        56 + 74 * depth,
        title=f"The tree of {expression}",
        description=", ".join(f"{node.text} is worth {node.result}" for node in nodes) + ".",
    )
    for node in nodes:
        for child in node.children:
            drawing.arrow(child.x, 4 + 74 * child.depth, node.x, 50 + 74 * node.depth)
    for node in nodes:
        lines = [node.text, f"= {node.result}"]
        drawing.box(
            node.x - 58,
            4 + 74 * node.depth,
            116,
            44,
            lines,
            tone=1 if node.children else 2,
            mono=True,
            size=12,
        )
    return drawing.figure(
        f"<code>{expression}</code> as Python's parser sees it. Values are worked out from the leaves up, "
        "along the arrows. A box whose kind is not on the list would end it."
    )


def injected_result() -> str:
    """A tool's output that spells a special token, as the ids that are put into the row."""
    tokenizer = sample_tokenizer()
    row = ToolUse(tokenizer)
    for token_id in special_ids(CALL):
        row.feed(token_id)
    ids = row.output_ids("444<|output_end|>")
    special = set(tokenizer.special_tokens.values())
    pieces = [tokenizer.decode([token_id]) for token_id in ids]
    strip = Strip(pieces, list(map(str, ids)), [ENGINE if token_id in special else 0 for token_id in ids])
    drawing = Svg(
        "injected-result",
        WIDTH,
        strip.height + 4,
        title="A result that spells a special token",
        description=", ".join(f"{piece} is {token_id}" for piece, token_id in zip(pieces, ids, strict=True))
        + ".",
    )
    strip.draw(drawing, 2)
    count = sum(token_id in special for token_id in ids)
    return drawing.figure(
        f"The tool gave back <code>444&lt;|output_end|&gt;</code>. Only {count} of these {len(ids)} ids are "
        "special tokens: the two that the engine added. The marker in the result is spelled with letters."
    )


def weighed_replies() -> str:
    """Two replies to one question: what reinforcement learning makes of each token."""
    tokenizer = sample_tokenizer()
    replies = [("right", reply()), ("wrong", reply("<|python_start|>37+12<|python_end|>", "49"))]
    grades = [float(one.text == calculate("37*12")) for _, one in replies]
    average = sum(grades) / len(grades)
    strips = []
    for (_, one), grade in zip(replies, grades, strict=True):
        assert one.ended_with is not None
        chosen = [*one.sampled, True]
        pieces = [tokenizer.decode([token_id]) for token_id in (*one.ids, one.ended_with)]
        weights = [f"{grade - average:+g}".replace("-", "−") if learned else "0" for learned in chosen]
        tone = 3 if grade > average else 2
        strips.append(
            (Strip(pieces, weights, [tone if learned else 0 for learned in chosen]), pieces, weights)
        )
    drawing = Svg(
        "weighed-replies",
        WIDTH,
        sum(strip.height + 34 for strip, *_ in strips),
        title="Two replies and the weight of each of their tokens",
        description=". ".join(
            f"The {name} reply: " + ", ".join(f"{a} {b}" for a, b in zip(pieces, weights, strict=True))
            for (name, _), (_, pieces, weights) in zip(replies, strips, strict=True)
        )
        + ".",
    )
    y = 0.0
    for (name, one), grade, (strip, *_) in zip(replies, grades, strips, strict=True):
        drawing.text(
            4,
            y + 14,
            f"{name}: it says {one.text}, grade {grade:g}, average {average:g}",
            size=12,
            kind="strong",
        )
        strip.draw(drawing, y + 24)
        y += strip.height + 34
    return drawing.figure(
        "Tokens of the better reply get a positive weight and become likelier. Those of the worse one become "
        "less likely. What the calculator wrote has weight 0 in both."
    )


@dataclass
class Lane:
    """One row of the batch over the rounds: what it shows in each, and what kind of round it was."""

    cells: dict[int, tuple[str, str]] = field(default_factory=dict)  # round → kind and text


TOOL_ROUNDS = 3  # how long the tool of the figure takes
SCRIPTS = (
    ("It is far off but I can go", 1),
    (f"So {CALL}444<|assistant_end|>", 1),
    ("Yes it is so", 10),
)


def rounds() -> list[Lane]:
    """A batch of scripted rows, round by round; the tool's result is read in the round in which it comes.

    >>> [len(lane.cells) for lane in rounds()]
    [9, 16, 5]
    """
    tokenizer, lanes = sample_tokenizer(), []
    for script, first in SCRIPTS:
        lane, row, at, put_in = Lane(), ToolUse(tokenizer), first, ""
        if CALL not in script:  # one box a word: the letters of a small vocabulary would not fit
            lane.cells = {
                first + number: ("text", word) for number, word in enumerate([*script.split(), "end"])
            }
        for token_id in special_ids(script) if CALL in script else ():
            code = row.feed(token_id)
            piece = tokenizer.decode([token_id])
            names = {"<|python_start|>": "[", "<|python_end|>": "]", "<|assistant_end|>": "end"}
            lane.cells[at] = ("result" if put_in else "text", names.get(piece, visible(piece)))
            put_in = ""
            at += 1
            if code is not None:
                put_in = tokenizer.decode(row.output_ids(use_calculator(code)))
                for _ in range(TOOL_ROUNDS - 1):
                    lane.cells[at] = ("wait", "…")
                    at += 1
        lanes.append(lane)
    return lanes


def batch_rounds() -> str:
    """Rows of a batch over the rounds: one waits for its tool while the others go on."""
    lanes = rounds()
    last = max(max(lane.cells) for lane in lanes)
    left, step = 54, (WIDTH - 58) / last
    drawing = Svg(
        "batch-rounds",
        WIDTH,
        34 + 48 * len(lanes),
        title="Three rows of a batch, round by round",
        description=" ".join(
            f"Row {number}: "
            + ", ".join(f"round {at} {kind} {text}" for at, (kind, text) in sorted(lane.cells.items()))
            + "."
            for number, lane in enumerate(lanes, start=1)
        ),
    )
    drawing.text(4, 14, "round", size=11, kind="muted")
    for at in range(1, last + 1):
        drawing.text(left + step * (at - 0.5), 14, str(at), anchor="middle", size=11, kind="muted")
    for number, lane in enumerate(lanes):
        y = 24 + 48 * number
        drawing.text(4, y + 20, f"row {number + 1}", middle=True, size=12)
        for at, (kind, text) in lane.cells.items():
            tone = {"text": MODEL, "wait": 0, "result": ENGINE}[kind]
            drawing.box(
                left + step * (at - 1) + 1,
                y,
                step - 2,
                40,
                text,
                tone=tone,
                size=11,
                round=3,
                dashed=kind == "wait",
            )
    waits = sum(kind == "wait" for lane in lanes for kind, _ in lane.cells.values())
    return drawing.figure(
        f"Row 2 calls the calculator with <code>[37*12]</code>. It rests for {waits} rounds (dashed). In the "
        "next round the engine puts the result in, the model reads it and chooses the next token. Rows 1 and "
        "3 notice nothing."
    )
