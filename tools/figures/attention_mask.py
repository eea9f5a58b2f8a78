"""Interactive figure: which position may see which, by causality, windows and documents.

Windows come from `GPTConfig.windows()`, which works in blocks of `WINDOW_MULTIPLE` tokens: the model behind
the figure has a block for each of the figure's positions. So the picture of twelve tokens is that of 1,536.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nanochat.model.config import WINDOW_MULTIPLE, GPTConfig
from tools.core import parameters as ask
from tools.core.report import Heatmap, Report, Row, Rows, Section
from tools.core.tool import Tool, UsageError
from tools.core.words import say

LONGEST = 16
NAMES = "ABCDEFGHIJKLMNOP"
PATTERNS = {"SSSL": "SSSL", "SL": "SL", "S": "S: all short", "L": "L: all long"}


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    positions: int = ask.integer(12, "how many tokens the model reads at once", low=2, high=LONGEST)
    pattern: str = ask.choice(
        "SSSL", PATTERNS, "short and long layers, over and over", label="Window pattern"
    )
    layers: int = ask.integer(8, "of the model; the last one always sees all", low=1, high=12)
    layer: int = ask.integer(1, "the one to look at, counted from 1", low=1, high=12)
    documents: str = ask.text("7, 5", "lengths of the texts that stand in one row", high=60)


def lengths_of(question: Question) -> list[int]:
    """The lengths of the documents, cut or filled up to the row.

    >>> lengths_of(Question(positions=12, documents="5, 3"))
    [5, 3, 4]
    """
    found: list[int] = []
    for part in question.documents.replace(",", " ").split():
        if not part.isdecimal() or not 1 <= int(part) <= 1_000:
            raise UsageError(
                f"--documents: {say(part)} must be a length from 1 to 1,000, as in 7, 5",
                parameter="documents",
            )
        found.append(min(int(part), question.positions - sum(found)))
    rest = question.positions - sum(found)
    return [length for length in [*found, rest] if length > 0]


def windows(question: Question) -> list[int]:
    """How many tokens each layer sees, itself included.

    >>> windows(Question(positions=12, layers=5))
    [3, 3, 3, 12, 12]
    """
    whole = GPTConfig.core(
        n_layer=question.layers,
        sequence_len=question.positions * WINDOW_MULTIPLE,
        window_pattern=question.pattern,
    )
    return [window // WINDOW_MULTIPLE for window in whole.windows()]


def sees(place: int, other: int, window: int, document: Sequence[int]) -> bool:
    """Whether the token at `place` may see the `other`: not later, inside the window, in the same document.

    >>> [sees(3, other, 2, [0, 0, 1, 1]) for other in range(4)]
    [False, False, True, True]
    """
    return 0 <= place - other < window and document[place] == document[other]


def run(question: Question) -> Report:
    """The mask of one layer.

    >>> run(Question()).says
    'Layer 1 is short: a token sees itself and at most 2 before it. 30 of 144 pairs remain.'
    """
    if question.layer > question.layers:
        raise UsageError(
            f"--layer is {question.layer}, and the model has {question.layers}", parameter="layer"
        )
    reach = windows(question)
    window = reach[question.layer - 1]
    document = [number for number, length in enumerate(lengths_of(question)) for _ in range(length)]
    places = range(question.positions)
    grid = [[1.0 if sees(place, other, window, document) else None for other in places] for place in places]
    named = [f"{NAMES[document[place]]}{place}" for place in places]
    texts = [["✓" if cell else "" for cell in row] for row in grid]
    pairs = sum(cell is not None for row in grid for cell in row)
    through = min(question.positions, 1 + sum(one - 1 for one in reach[: question.layer]))
    kind = "short" if window < question.positions else "long"
    title = "The letter is the document, the number the position; ✓: the row's token sees the column's"
    rows = [
        Row("windows", "Windows of all layers", ", ".join(map(str, reach))),
        Row("pairs", "Pairs that are computed", pairs, f"{pairs} of {question.positions**2}"),
        Row("through", f"Reach through layers 1 to {question.layer}", through,
            f"{through} tokens",
            formula="1 + (window - 1) of each layer up to this, at most all"),
    ]  # fmt: skip
    before = f"at most {window - 1} before it" if window > 1 else "none before it"
    return Report(
        "Attention mask",
        [Section("Mask", [Heatmap("mask", title, named, named, grid, "sees", "is seen", texts), Rows(rows)])],
        says=(
            f"Layer {question.layer} is {kind}: a token sees itself and {before}. "
            f"{pairs} of {question.positions**2} pairs remain."
        ),
    )


TOOL = Tool(
    name="figures/attention-mask",
    title="Attention mask",
    summary="Choose a window pattern and documents, and see which position may look at which.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        f"A short window is a quarter of the row. In a real model it is rounded up to a multiple of "
        f"{WINDOW_MULTIPLE} tokens: take each cell for {WINDOW_MULTIPLE} of them."
    ),
)
