"""What a head does, in numbers: how much attention goes where, on average.

All are means over the tokens from the third on. The first token sees only itself, and for the second the
token before is the first token as well. A weight that the layer's window does not reach counts as 0.

- previous token: the weight on the token just before
- first token: the weight on token 1, the attention sink of Xiao et al. 2023 (arXiv 2309.17453)
- itself: the weight on the token itself
- same token: the weight on earlier tokens with the same id, over the tokens that have any
- induction: the weight on the tokens that came right after those, Olsson et al. 2022 (arXiv 2209.11895): what
  followed the last time? Measured on random tokens that come twice, where nothing but looking back can help,
  and on the text itself, if tokens repeat in it
- entropy: how spread out a row is, in bits; n tokens that get the same weight have log2(n)
- distance: how many tokens back, on average
- near: the weight inside a window of so many tokens, the token itself included
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.attention.trace import PARTS, Token, Trace

FIRST_ROW = 2  # the third token
LOCAL = 4  # itself and the three before


@dataclass(frozen=True)
class Scores:
    """The measures of one head; shares from 0 to 1. None: the text has no token to measure it on."""

    previous: float
    first: float
    itself: float
    same: float | None
    induction: float | None
    entropy: float
    spread: float  # entropy, as a share of the largest that each row could have
    distance: float
    near: float
    local: float


@dataclass(frozen=True)
class Places:
    """For each token the earlier places with the same id, and the places right after these."""

    same: Sequence[Sequence[int]]
    following: Sequence[Sequence[int]]


def places_of(tokens: Sequence[Token]) -> Places:
    """Where each token has been before, and what came next. What came next may not be the token itself.

    >>> places_of([Token(one, b"x") for one in (5, 6, 7, 5, 5)])
    Places(same=[[], [], [], [0], [0, 3]], following=[[], [], [], [1], [1]])
    """
    seen: dict[int, list[int]] = {}
    same, following = [], []
    for at, token in enumerate(tokens):
        earlier = seen.setdefault(token.token_id, [])
        same.append(list(earlier))
        following.append([place + 1 for place in earlier if place + 1 < at])
        earlier.append(at)
    return Places(same, following)


def measure(head: Sequence[Sequence[float]], places: Places, window: int, near: int) -> Scores:
    """All measures of a head in a layer with this window.

    >>> looks_back = [[PARTS], [PARTS, 0], [0, PARTS, 0], [0, 0, PARTS, 0]]
    >>> found = measure(looks_back, places_of([Token(one, b"x") for one in (5, 6, 7, 8)]), window=4, near=1)
    >>> found.previous, found.first, found.same, found.entropy, found.distance, found.near
    (1.0, 0.0, None, 0.0, 1.0, 0.0)
    """
    rows = range(FIRST_ROW, len(head))
    entropies = [entropy(head[t]) for t in rows]
    most = [math.log2(min(t + 1, window)) or 1.0 for t in rows]
    return Scores(
        previous=mean([head[t][t - 1] / PARTS for t in rows]),
        first=mean([head[t][0] / PARTS for t in rows]),
        itself=mean([head[t][t] / PARTS for t in rows]),
        same=share_on(head, places.same),
        induction=share_on(head, places.following),
        entropy=mean(entropies),
        spread=mean([found / largest for found, largest in zip(entropies, most, strict=True)]),
        distance=mean([sum(w * (t - at) for at, w in enumerate(head[t]) if w) / PARTS for t in rows]),
        near=mean([sum(head[t][max(0, t + 1 - near) :]) / PARTS for t in rows]),
        local=mean([sum(head[t][max(0, t + 1 - LOCAL) :]) / PARTS for t in rows]),
    )


def share_on(head: Sequence[Sequence[float]], places: Sequence[Sequence[int]]) -> float | None:
    """The mean weight on given places, over the rows from the third on that have any; None if no row has.

    >>> share_on([[PARTS], [0, PARTS], [25_000, 0, 75_000]], [[], [], [0, 1]])
    0.25
    """
    shares = [sum(head[t][at] for at in places[t]) / PARTS for t in range(FIRST_ROW, len(head)) if places[t]]
    return mean(shares) if shares else None


def entropy(row: Sequence[float]) -> float:
    """How spread out a row of parts is, in bits (Shannon 1948).

    >>> entropy([PARTS // 4] * 4), entropy([0, PARTS])
    (2.0, 0.0)
    """
    return sum(-w / PARTS * math.log2(w / PARTS) for w in row if w) or 0.0


def mean(numbers: Sequence[float]) -> float:
    """The mean of some numbers."""
    return math.fsum(numbers) / len(numbers)


def even_head(n_tokens: int, window: int) -> list[list[float]]:
    """A head that looks at all it can see alike: what to compare others with.

    >>> even_head(3, window=2)
    [[100000.0], [50000.0, 50000.0], [0, 50000.0, 50000.0]]
    """
    rows = []
    for length in range(1, n_tokens + 1):
        seen = min(length, window)
        rows.append([0] * (length - seen) + [PARTS / seen] * seen)
    return rows


def all_heads(trace: Trace) -> Iterator[tuple[int, int]]:
    """Layer and head of each, from 0."""
    for layer in range(trace.n_layer):
        for head in range(trace.n_head):
            yield layer, head


def measure_all(trace: Trace, near: int) -> dict[tuple[int, int], Scores]:
    """The measures of every head, by layer and head from 0."""
    places = places_of(trace.tokens)
    return {
        (layer, head): measure(trace.weights[layer][head], places, trace.windows[layer], near)
        for layer, head in all_heads(trace)
    }
