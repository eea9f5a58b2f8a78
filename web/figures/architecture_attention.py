"""The figures of guide 3 about attention: one head by hand, masks, windows, rotary positions.

>>> [round(share, 2) for share in weights_of(by_hand()["scores"][3])]
[0.67, 0.16, 0.0, 0.16]
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import cos, exp, pi, sin, sqrt

from nanochat.model.config import GPTConfig
from web.figures.svg import Plot, Svg
from web.figures.token_strip import WIDTH

Matrix = list[list[float]]

# The example that the guide works by hand: four tokens, three channels, one head of width two.
TOKENS = ["cat", "sat", "and", "it"]
X: Matrix = [[2, 0, 0], [0, 2, 0], [-1, -1, 0], [1, 0, 1]]
W_QUERY: Matrix = [[0, 0.5], [1, 0], [2, 0.5]]
W_KEY: Matrix = [[1, 0], [0, 1], [0, 0]]
W_VALUE: Matrix = [[2, 0], [0, 2], [0, 0]]


def product(rows: Matrix, matrix: Matrix) -> Matrix:
    """The matrix product of two lists of rows.

    >>> product([[1, 2]], [[3], [4]])
    [[11]]
    """
    return [
        [sum(x * w for x, w in zip(row, column, strict=True)) for column in zip(*matrix, strict=True)]
        for row in rows
    ]


def by_hand() -> dict[str, Matrix]:
    """Queries, keys, values and scaled scores of the example.

    >>> by_hand()["query"][3], by_hand()["key"][0]
    ([2, 1.0], [2, 0])
    """
    query, key, value = product(X, W_QUERY), product(X, W_KEY), product(X, W_VALUE)
    scale = 1 / sqrt(len(query[0]))
    scores = [[scale * sum(a * b for a, b in zip(q, k, strict=True)) for k in key] for q in query]
    return {"query": query, "key": key, "value": value, "scores": scores}


def weights_of(scores: Sequence[float]) -> list[float]:
    """Softmax.

    >>> weights_of([0, 0])
    [0.5, 0.5]
    """
    powers = [exp(score) for score in scores]
    return [power / sum(powers) for power in powers]


def _vector(numbers: Sequence[float]) -> str:
    return "(" + ", ".join(f"{number:g}".replace("-", "−") for number in numbers) + ")"


def one_query() -> str:
    """The last token's query against all keys: scores, weights, and the mixed value."""
    hand = by_hand()
    shares = weights_of(hand["scores"][3])
    mixed = [
        sum(w * v[c] for w, v in zip(shares, hand["value"], strict=True))
        for c in range(len(hand["value"][0]))
    ]
    drawing = Svg(
        "one-query",
        WIDTH,
        276,
        title="One query, four keys, one mixture of values",
        description=f"The query of it is {_vector(hand['query'][3])}. "
        + " ".join(
            f"{token}: key {_vector(key)}, score {score:.2f}, weight {share:.2f}, value {_vector(value)}."
            for token, key, score, share, value in zip(
                TOKENS, hand["key"], hand["scores"][3], shares, hand["value"], strict=True
            )
        )
        + f" The result is ({mixed[0]:.2f}, {mixed[1]:.2f}).",
    )
    drawing.text(4, 18, "query of “it”", size=12)
    drawing.box(84, 3, 66, 24, _vector(hand["query"][3]), tone=1, mono=True, size=12, round=3)
    columns = ((27, "token"), (96, "key"), (172, "score"), (282, "weight"), (410, "value"))
    for x, heading in columns:
        drawing.text(x, 56, heading, anchor="middle", size=11, kind="muted")
    for row, token in enumerate(TOKENS):
        y = 66 + 40 * row
        key, value = _vector(hand["key"][row]), _vector(hand["value"][row])
        drawing.box(4, y, 46, 28, token, mono=True, round=4)
        drawing.box(60, y, 72, 28, key, tone=4, mono=True, size=12, round=3)
        score = f"{hand['scores'][3][row]:.2f}".replace("-", "−")
        drawing.text(172, y + 14, score, anchor="middle", middle=True, mono=True)
        width = 100 * shares[row]
        drawing.bar(216, y + 4, max(width, 1), 20, tone=2)
        drawing.text(222 + width, y + 14, f"{shares[row]:.3f}", middle=True, mono=True, size=12)
        drawing.box(370, y, 80, 28, value, tone=5, mono=True, size=12, round=3)
    drawing.text(4, 254, "weights × values, added up:", size=12)
    drawing.box(180, 237, 110, 26, f"({mixed[0]:.2f}, {mixed[1]:.2f})", tone=3, mono=True, round=3)
    return drawing.figure(
        f"“it” puts {shares[0]:.0%} of its attention on “cat”, so what it receives is near the value of "
        "“cat”. The score is the dot product of query and key, divided by √2."
    )


def _grid(
    drawing: Svg,
    left: float,
    top: float,
    cell: float,
    size: int,
    inside: Callable[[int, int], tuple[str, int]],
) -> None:
    """A square of cells; `inside(row, column)` gives the text and the tone of each."""
    for row in range(size):
        for column in range(size):
            text, tone = inside(row, column)
            drawing.box(
                left + cell * column, top + cell * row, cell - 2, cell - 2, text, tone=tone, round=2, size=12
            )


def attention_weights() -> str:
    """The weights of all four tokens, under the causal mask."""
    scores = by_hand()["scores"]
    rows = [weights_of(scores[row][: row + 1]) for row in range(len(TOKENS))]
    drawing = Svg(
        "attention-weights",
        WIDTH,
        226,
        title="The attention matrix of the example",
        description=" ".join(
            f"{TOKENS[row]}: "
            + ", ".join(f"{share:.2f} on {TOKENS[column]}" for column, share in enumerate(shares))
            + "."
            for row, shares in enumerate(rows)
        ),
    )

    def inside(row: int, column: int) -> tuple[str, int]:
        if column > row:
            return "", 0
        share = rows[row][column]
        return f"{share:.2f}", 2 if share >= 0.5 else 4

    for number, token in enumerate(TOKENS):
        drawing.text(120, 66 + 42 * number, token, anchor="end", middle=True, mono=True)
        drawing.text(150 + 48 * number, 34, token, anchor="middle", mono=True)
    drawing.text(222, 14, "looks at (key)", anchor="middle", size=11, kind="muted")
    drawing.text(4, 130, "token (query)", middle=True, size=11, kind="muted")
    for row in range(4):
        for column in range(4):
            text, tone = inside(row, column)
            x, y = 128 + 48 * column, 46 + 42 * row
            drawing.box(x, y, 46, 40, text, tone=tone, round=3, dashed=column > row)
    for row, line in enumerate(("each row", "adds up to 1;", "dashed: the", "future, hidden")):
        drawing.text(340, 70 + 18 * row, line, size=12, kind="muted")
    return drawing.figure(
        "Row by row: who asks. Column by column: who answers. The first token can see only itself."
    )


def masks() -> str:
    """Causal, a window of three, and documents: three rules for who may see whom."""
    size, cell = 8, 16
    documents = [0, 0, 0, 1, 1, 1, 1, 2]
    rules: list[tuple[str, Callable[[int, int], bool]]] = [
        ("causal", lambda q, k: k <= q),
        ("window of 3", lambda q, k: 0 <= q - k < 3),
        ("documents", lambda q, k: k <= q and documents[q] == documents[k]),
    ]
    drawing = Svg(
        "masks",
        WIDTH,
        200,
        title="Three rules for who may see whom",
        description="Eight queries in rows, eight keys in columns. "
        + " ".join(
            f"{name}: {sum(rule(q, k) for q in range(size) for k in range(size))} of {size * size} pairs."
            for name, rule in rules
        ),
    )
    for number, (name, rule) in enumerate(rules):
        left = 8 + 156 * number
        drawing.text(left + size * cell / 2, 16, name, anchor="middle", kind="strong")
        _grid(drawing, left, 28, cell, size, lambda q, k, rule=rule: ("", 2 if rule(q, k) else 0))  # type: ignore[misc]
        seen = sum(rule(q, k) for q in range(size) for k in range(size))
        drawing.text(left + size * cell / 2, 176, f"{seen} pairs", anchor="middle", size=12, kind="muted")
    return drawing.figure(
        "Coloured: the query of this row may see the key of this column. In the third, one row of the batch "
        "holds three documents, of 3, 4 and 1 tokens."
    )


def window_reach() -> str:
    """How far back a token can reach through several layers with a window of three."""
    layers, tokens, window = 3, 9, 3
    drawing = Svg(
        "window-reach",
        WIDTH,
        206,
        title="Windows reach further through several layers",
        description=f"With a window of {window}, layer 1 looks back 2 tokens, so through two layers a token "
        "depends on 4 earlier ones, and through three on 6.",
    )
    left, bottom = 104, 176
    for layer in range(layers + 1):
        y = bottom - 50 * layer
        label = "embedding" if layer == 0 else f"after layer {layer}"
        drawing.text(4, y, label, middle=True, size=12)
        reach = (layers - layer) * (window - 1)
        for token in range(tokens):
            lit = tokens - 1 - reach <= token
            x = left + 40 * token
            if layer and lit:
                for back in range(window):
                    if token - back >= 0:
                        drawing.line(x, y + 9, x - 40 * back, y + 41, tone=2)
            drawing.circle(x, y, 9, tone=2 if lit else 0)
    return drawing.figure(
        f"The last token at the top, and all that it depends on, with a window of {window}. Each layer adds "
        f"{window - 1} tokens: three layers reach {layers * (window - 1)} tokens back."
    )


def rotation() -> str:
    """A query and a key turned by their positions; the angle between them stays where the distance stays."""
    drawing = Svg(
        "rotation",
        WIDTH,
        226,
        title="Turned by their positions",
        description="A query and a key that point the same way. At positions 3 and 1 the query is turned by "
        "3 and the key by 1 steps of 30 degrees: 60 degrees lie between them. At positions 6 and 4 they are "
        "turned by 180 and 120 degrees: again 60 degrees lie between them.",
    )
    for centre, query_at, key_at in ((86, 0, 0), (230, 3, 1), (374, 6, 4)):
        drawing.circle(centre, 92, 62)
        for position, name, tone in ((query_at, "q", 1), (key_at, "k", 4)):
            # Clockwise, from "east": in a drawing y grows downwards, so a positive angle turns clockwise.
            angle = pi / 6 * position
            length = 58 if name == "q" else 44
            x, y = centre + length * cos(angle), 92 + length * sin(angle)
            drawing.arrow(centre, 92, x, y, tone=tone)
            place = length + 14 if name == "q" or query_at else length - 6
            away = 0 if query_at else (9 if name == "k" else 0)
            drawing.text(
                centre + place * cos(angle), 92 + place * sin(angle) - away, name,
                anchor="middle", middle=True, kind="label", tone=tone,
            )  # fmt: skip
        drawing.text(centre, 196, f"q at {query_at}, k at {key_at}", anchor="middle", size=12)
        between = 30 * (query_at - key_at)
        drawing.text(centre, 214, f"{between}° between", anchor="middle", size=12, kind="muted")
    return drawing.figure(
        "Each position turns by 30° here. The middle and the right pair stand two tokens apart, so the angle "
        "between query and key is the same, and so is their dot product."
    )


def _tokens(number: float) -> str:
    return f"{number:.1f} tokens" if number < 10 else f"{number:,.0f} tokens"


def rotary_speeds() -> str:
    """The cosine of three pairs' angles over the position: one fast, one slow, one that hardly moves."""
    config = GPTConfig()
    pairs = (0, 16, 32)
    speeds = [config.rope_base ** (-2 * pair / config.head_dim) for pair in pairs]
    drawing = Svg(
        "rotary-speeds",
        WIDTH,
        250,
        title="Pairs of channels turn at different speeds",
        description="; ".join(
            f"pair {pair}: {speed:.4f} radians a token, a full turn in {2 * pi / speed:,.0f} tokens"
            for pair, speed in zip(pairs, speeds, strict=True)
        )
        + ".",
    )
    plot = Plot(
        drawing, x=(0, 100), y=(-1.1, 1.1), area=(44, 40, 400, 160),
        x_label="position (tokens)", y_label="cosine",
    )  # fmt: skip
    plot.axes(x_ticks=[0, 25, 50, 75, 100], y_ticks=[-1, 0, 1])
    for tone, (pair, speed) in enumerate(zip(pairs, speeds, strict=True), start=1):
        plot.curve(lambda t, speed=speed: cos(speed * t), tone=tone, steps=400 if pair == 0 else 60)  # type: ignore[misc]
        drawing.text(
            (60, 196, 330)[tone - 1], 16, f"pair {pair}: {_tokens(2 * pi / speed)}", size=12, kind="label",
            tone=tone,
        )  # fmt: skip
    return drawing.figure(
        f"A head has {config.head_dim // 2} pairs; three are shown, with the length of a full turn. The "
        f"slowest needs {2 * pi * config.rope_base ** ((config.head_dim - 2) / config.head_dim):,.0f} tokens."
    )
