"""A trace: the tokens of a text, and the attention weights of every layer and head.

Weights are kept in whole `PARTS`, hundred-thousandths. Each row of them, what one token gives to itself and
to those before it, sums to exactly `PARTS`, so a file can be checked, and no weight is off by a part or more.
The same numbers are used whether a trace was read from a file or was just made by a model, so that both give
the same figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

PARTS = 100_000
MOST_TOKENS = 256
MOST_NUMBERS = 8_000_000  # of a trace; 16 heads in each of 12 layers with 256 tokens are 6.3 million

Row = Sequence[int]
Head = Sequence[Row]  # row t has t + 1 numbers: what token t gives to the tokens 0 to t


@dataclass(frozen=True)
class Token:
    """One token: its id and its exact bytes, which may be a part of a character."""

    token_id: int
    data: bytes
    special: bool = False


@dataclass(frozen=True)
class Repeated:
    """What the heads did with random tokens that come twice: the induction score of each, by layer."""

    n_tokens: int
    n_rows: int
    seed: int
    induction: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Trace:
    """Tokens and weights; `weights[layer][head]` is a triangle of whole numbers.

    `windows` says for each layer how many tokens back it may look, the token itself included. `made_by` is
    the run, its stage and its step; `kind` is `text`, `chat` or `repeat`.
    """

    tokens: Sequence[Token]
    weights: Sequence[Sequence[Head]]
    windows: Sequence[int]
    n_kv_head: int
    kind: str = "text"
    made_by: dict[str, str | int] = field(default_factory=dict)
    repeated: Repeated | None = None

    @property
    def n_layer(self) -> int:
        """How many layers there are."""
        return len(self.weights)

    @property
    def n_head(self) -> int:
        """How many heads a layer has."""
        return len(self.weights[0])

    @property
    def short_window(self) -> int | None:
        """The shortest window, if some layer sees less than another; None if all see the same."""
        shortest = min(self.windows)
        return shortest if shortest < max(self.windows) else None

    def first(self, n_tokens: int) -> Trace:
        """The trace of the first tokens alone. No token sees a later one, so their rows are the same.

        >>> one = Token(1, b"a")
        >>> Trace([one, one], [[[[PARTS], [40_000, 60_000]]]], [2], 1).first(1).weights
        [[[[100000]]]]
        """
        cut = [[head[:n_tokens] for head in layer] for layer in self.weights]
        return replace(self, tokens=self.tokens[:n_tokens], weights=cut)


def in_parts(row: Sequence[float]) -> list[int]:
    """A row of weights in whole parts that sum to exactly `PARTS`; none is off by a part or more.

    Each is rounded down, and what then lacks goes to those that lost most (the method of largest remainders,
    by which parliaments share out seats).

    >>> in_parts([0.25, 0.75]), in_parts([1 / 3, 1 / 3, 1 / 3])
    ([25000, 75000], [33334, 33333, 33333])
    """
    total = sum(row)
    exact = [PARTS * weight / total for weight in row]
    whole = [int(one) for one in exact]
    lacking = PARTS - sum(whole)
    by_loss = sorted(range(len(row)), key=lambda at: (whole[at] - exact[at], at))
    for at in by_loss[:lacking]:
        whole[at] += 1
    return whole
