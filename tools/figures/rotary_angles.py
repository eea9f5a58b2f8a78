"""Interactive figure: the angles of rotary positions, and what they make of a dot product.

The formulas of `nanochat.model.rotary`, without tensors: pair e of a head's channels turns by base^(-2e/D)
radians a token. A test holds the two equal. The query and the key are all ones before they are turned, so
their dot product shows the turning alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tools.core import parameters as ask
from tools.core.charts import NARROW
from tools.core.drawing import circle, line, words
from tools.core.report import (
    Cell,
    Column,
    LineChart,
    Picture,
    Report,
    Row,
    Rows,
    Section,
    Series,
    Table,
    Value,
)
from tools.core.tool import Tool

DIALS_IN_A_ROW = 4
MOST_DIALS = 8
RADIUS = 38.0
FARTHEST = 64


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    position: int = ask.integer(5, "of the query in the text", low=0, high=FARTHEST)
    key_position: int = ask.integer(3, "of the key it is compared with", low=0, high=FARTHEST)
    head_dim: str = ask.choice(
        "8", ["2", "4", "8", "16", "64", "128"], "D, two channels a pair", label="Head width"
    )
    base: str = ask.choice(
        "100000",
        {"10": "10", "100": "100", "1000": "1,000", "10000": "10,000", "100000": "100,000, as this project"},
        "the larger, the slower the last pairs turn",
    )


def speeds(head_dim: int, base: float) -> list[float]:
    """Radians a token for each pair.

    >>> [round(speed, 4) for speed in speeds(8, 10_000)]
    [1.0, 0.1, 0.01, 0.001]
    """
    return [base ** -(pair / head_dim) for pair in range(0, head_dim, 2)]


def rotate(vector: Sequence[float], position: int, base: float) -> list[float]:
    """Turn each pair, one channel of the first half with one of the second, clockwise by its angle.

    >>> rotate([1.0, 0.0], 0, 10.0)
    [1.0, 0.0]
    >>> [round(number, 3) for number in rotate([1.0, 0.0], 1, 10.0)]
    [0.54, -0.841]
    """
    half = len(vector) // 2
    angles = [position * speed for speed in speeds(len(vector), base)]
    pairs = list(zip(vector[:half], vector[half:], angles, strict=True))
    first = [x * math.cos(angle) + y * math.sin(angle) for x, y, angle in pairs]
    return first + [y * math.cos(angle) - x * math.sin(angle) for x, y, angle in pairs]


def agreement(head_dim: int, base: float, position: int, key_position: int) -> float:
    """The dot product of a query and a key of ones at two positions, divided by the width: at most 1.

    >>> agreement(8, 10_000, 5, 5)
    1.0
    >>> math.isclose(agreement(8, 10_000, 7, 5), agreement(8, 10_000, 102, 100))
    True
    """
    ones = [1.0] * head_dim
    query, key = rotate(ones, position, base), rotate(ones, key_position, base)
    return round(sum(q * k for q, k in zip(query, key, strict=True)) / head_dim, 12)


def run(question: Question) -> Report:
    """The angles of each pair, and the dot product by distance.

    >>> run(Question()).says
    'The query stands 2 tokens after the key; turned, their dot product is 0.64 of what it was.'
    """
    head_dim, base = int(question.head_dim), float(question.base)
    now = agreement(head_dim, base, question.position, question.key_position)
    moved = agreement(head_dim, base, question.position + 100, question.key_position + 100)
    apart = question.position - question.key_position
    curve = [(distance, agreement(head_dim, base, distance, 0)) for distance in range(FARTHEST + 1)]
    lines = [Series("every distance", curve), Series("the two chosen", [(abs(apart), now)])]
    rows = [
        Row("agreement", "Dot product, of the most possible", now, f"{now:.4f}"),
        Row("moved", "Both 100 tokens further on", moved, f"{moved:.4f}"),
    ]
    where = "at the place of" if apart == 0 else f"{abs(apart)} tokens {'after' if apart > 0 else 'before'}"
    return Report(
        "Rotary angles",
        [
            Section("Angles", [dials(question), table(question)]),
            Section(
                "Dot product",
                [
                    LineChart(
                        "by_distance", "Dot product by distance", lines, "tokens between them", "share"
                    ),
                    Rows(rows),
                ],
            ),
        ],
        says=f"The query stands {where} the key; turned, their dot product is {now:.2f} of what it was.",
    )


def dials(question: Question) -> Picture:
    """A dial for each of the first pairs: how far it has turned at the query's position."""
    angles = [question.position * speed for speed in speeds(int(question.head_dim), float(question.base))]
    shown = angles[:MOST_DIALS]
    parts = []
    for at, angle in enumerate(shown):
        row, column = divmod(at, DIALS_IN_A_ROW)
        x, y = (column + 0.5) * NARROW / DIALS_IN_A_ROW, 46 + row * 118
        # From the right, clockwise: down on a page is clockwise.
        tip = (x + RADIUS * math.cos(angle), y + RADIUS * math.sin(angle))
        parts += [circle(x, y, RADIUS), line(x, y, x + RADIUS, y), line(x, y, *tip, "hand")]
        parts += [circle(*tip, 4, "dot"), words(x, y + RADIUS + 22, f"pair {at}: {degrees(angle)}")]
    said = ", ".join(f"pair {at} by {degrees(angle)}" for at, angle in enumerate(shown))
    which = "The pairs" if len(shown) == len(angles) else f"The first {len(shown)} of {len(angles)} pairs"
    return Picture(
        "dials",
        f"{which} at position {question.position}, turned clockwise from the faint line",
        f"Turned {said}.",
        parts,
        NARROW,
        118 * -(-len(shown) // DIALS_IN_A_ROW),
    )


def degrees(angle: float) -> str:
    """An angle in degrees, whole turns left out.

    >>> degrees(1.0), degrees(2 * math.pi + 0.001)
    ('57°', '0.057°')
    """
    part = math.degrees(angle) % 360
    return f"{part:.0f}°" if part >= 10 or part == 0 else f"{part:.2g}°"


def table(question: Question) -> Table:
    """Each pair's speed and its angles; of many pairs the first and the last."""
    found = list(enumerate(speeds(int(question.head_dim), float(question.base))))
    shown = found if len(found) <= MOST_DIALS else [*found[: MOST_DIALS - 2], *found[-2:]]
    rows: list[list[Cell | Value]] = [
        [
            pair,
            Cell(speed, f"{speed:.4g}"),
            Cell(question.position * speed, f"{question.position * speed:.4g}"),
            Cell(2 * math.pi / speed, f"{2 * math.pi / speed:,.1f}"),
        ]
        for pair, speed in shown
    ]
    columns = [
        Column("pair", "Pair"),
        Column("speed", "Radians a token"),
        Column("angle", f"Radians at {question.position}"),
        Column("turn", "Tokens for a turn"),
    ]
    return Table("pairs", columns, rows)


TOOL = Tool(
    name="figures/rotary-angles",
    title="Rotary angles",
    summary="Move the query and the key through the text and watch the pairs turn.",
    parameters=Question,
    run=run,
    headings=False,
    details="Query and key are all ones before they are turned. Moving both changes no dot product.",
)
