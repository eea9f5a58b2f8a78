"""From logits to the next tokens of many rows at once, each with its own settings and seed.

The same steps as `nanochat.inference.sampling`, in the same order, with the same numbers drawn; a test holds
the two equal. What no row asks for is not computed: without top-k and top-p nothing is sorted.

Shapes: B rows, V vocabulary, K the largest top-k.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from nanochat.inference.request import Sampling
from nanochat.inference.sampling import draw

NUCLEUS = 1024  # the likeliest words that nearly always hold the nucleus: cheaper to find than a full order


def choose_tokens(
    logits_BV: Tensor, hows: Sequence[Sampling], drawn: Sequence[float], written_BV: Tensor | None = None
) -> list[int]:
    """The next id of every row. `drawn` is a number from 0 to 1 for each, `written_BV` true for words used.

    >>> logits_BV = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, 2.0]])
    >>> choose_tokens(logits_BV, [Sampling(temperature=0)] * 2, [0.5, 0.5])
    [0, 2]
    """
    if all(how.temperature == 0 and how.repetition_penalty == 1 for how in hows):
        return likeliest(logits_BV)
    chances_BV = distributions(logits_BV, hows, written_BV)
    sums_BV = chances_BV.cumsum(dim=1)
    drawn_B1 = torch.tensor(drawn, dtype=sums_BV.dtype, device=sums_BV.device)[:, None]
    chosen_B1 = torch.searchsorted(sums_BV, drawn_B1 * sums_BV[:, -1:], right=True)
    chosen: list[int] = chosen_B1.clamp(max=logits_BV.shape[1] - 1).flatten().tolist()
    return chosen


def likeliest(logits_BV: Tensor) -> list[int]:
    """The id of the highest logit of every row.

    >>> likeliest(torch.tensor([[0.0, 3.0], [1.0, 0.5]]))
    [1, 0]
    """
    found: list[int] = logits_BV.argmax(dim=1).tolist()
    return found


def distributions(logits_BV: Tensor, hows: Sequence[Sampling], written_BV: Tensor | None = None) -> Tensor:
    """The probability of every word in every row, [B, V] in float64.

    >>> distributions(torch.tensor([[1.0, 1.0, 0.0]]), [Sampling(temperature=1.0, top_k=1)]).tolist()
    [[0.5, 0.5, 0.0]]
    """
    logits_BV = logits_BV.double()  # the sums of a large vocabulary's chances, exact enough to compare
    penalty_B1 = column([how.repetition_penalty for how in hows], logits_BV)
    if written_BV is not None and bool((penalty_B1 != 1).any()):
        moved_BV = torch.where(logits_BV > 0, logits_BV / penalty_B1, logits_BV * penalty_B1)
        logits_BV = torch.where(written_BV, moved_BV, logits_BV)
    greedy = [how.temperature == 0 for how in hows]
    temperature_B1 = column([how.temperature or 1.0 for how in hows], logits_BV)
    chances_BV = torch.softmax(logits_BV / temperature_B1, dim=1)
    if any(0 < how.top_k < logits_BV.shape[1] for how in hows):
        chances_BV = at_least(top_k_edge(chances_BV, [how.top_k for how in hows]), chances_BV)
    if any(how.top_p < 1 for how in hows):
        chances_BV = at_least(nucleus_edge(chances_BV, [how.top_p for how in hows]), chances_BV)
    if any(how.min_p > 0 for how in hows):
        edge_B1 = column([how.min_p for how in hows], chances_BV) * chances_BV.amax(dim=1, keepdim=True)
        chances_BV = at_least(edge_B1, chances_BV)
    if any(greedy):
        one_hot_BV = torch.zeros_like(chances_BV).scatter_(1, logits_BV.argmax(dim=1, keepdim=True), 1.0)
        chances_BV = torch.where(column(greedy, chances_BV) > 0, one_hot_BV, chances_BV)
    return chances_BV


def column(numbers: Sequence[float], like: Tensor) -> Tensor:
    """One number for each row, [B, 1], where `like` is.

    >>> column([1, 2], torch.zeros(1)).tolist()
    [[1.0], [2.0]]
    """
    return torch.tensor(numbers, dtype=torch.float64, device=like.device)[:, None]


def at_least(edge_B1: Tensor, chances_BV: Tensor) -> Tensor:
    """Chances below a row's edge become 0, and the others share what is free."""
    kept_BV = chances_BV.where(chances_BV >= edge_B1, 0.0)
    return kept_BV / kept_BV.sum(dim=1, keepdim=True)


def top_k_edge(chances_BV: Tensor, ks: Sequence[int]) -> Tensor:
    """The chance of each row's K-th likeliest word, [B, 1]; 0 where K is 0 or the whole vocabulary.

    >>> top_k_edge(torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.1, 0.8]]), [2, 0]).flatten().tolist()
    [0.30000001192092896, 0.0]
    """
    V = chances_BV.shape[1]
    used = [k if 0 < k < V else 0 for k in ks]
    best_BK = chances_BV.topk(max(1, *used), dim=1).values
    place_B1 = torch.tensor(used, device=chances_BV.device)[:, None]
    edge_B1 = best_BK.gather(1, (place_B1 - 1).clamp(min=0))
    return edge_B1.where(place_B1 > 0, 0.0)


def nucleus_edge(chances_BV: Tensor, ps: Sequence[float]) -> Tensor:
    """The chance of the last word that each row needs to reach its p, [B, 1]; 0 where p is 1.

    >>> nucleus_edge(torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64), [0.6]).tolist()
    [[0.3]]
    """
    V = chances_BV.shape[1]
    p_B1 = column(ps, chances_BV)
    for most in (min(NUCLEUS, V), V):
        best_BK = chances_BV.topk(most, dim=1).values
        reached_BK = best_BK.cumsum(dim=1)
        if most == V or bool(((reached_BK[:, -1:] >= p_B1) | (p_B1 == 1)).all()):
            break
    needed_B1 = (reached_BK < p_B1).sum(dim=1, keepdim=True)  # words before the one that reaches p
    edge_B1 = best_BK.gather(1, needed_B1.clamp(max=best_BK.shape[1] - 1))
    return edge_B1.where((p_B1 < 1) & (needed_B1 < best_BK.shape[1]), 0.0)


def numbers_drawn(seeds: Sequence[int], places: Sequence[int]) -> list[float]:
    """The number drawn for each row at its place in its text.

    >>> len(numbers_drawn([0, 0], [7, 8]))
    2
    """
    return [draw(seed, place) for seed, place in zip(seeds, places, strict=True)]
