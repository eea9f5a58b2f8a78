"""From logits to the next token, for one list of logits: the reference that pages run.

The model gives every word of the vocabulary a number, its logit. To choose a word:

1. repetition penalty (Keskar et al. 2019, CTRL, arXiv 1909.05858, section 4.1): the logits of words that
   stand in the text already are moved down
2. temperature: logits are divided by it, then softmax makes probabilities of them; below 1 the likely
   become likelier, at 0 the likeliest is taken
3. top-k (Fan et al. 2018, arXiv 1805.04833): only the K likeliest stay
4. top-p, or nucleus sampling (Holtzman et al. 2019, arXiv 1904.09751): only the likeliest that together
   reach the probability p stay
5. min-p (Nguyen et al. 2024, arXiv 2407.01082): only words with at least that share of the likeliest one's
   probability stay
6. a number from 0 to 1, drawn by chance, falls into one word's stretch when all stretches are laid end to end

Words as likely as the last one that stays, stay too: which of equals goes would depend on a sort's mood. The
number drawn depends on the seed and the place in the text alone, so the same request gives the same text, in
whatever company it is answered. `nanochat.inference.choosing` does the same for many rows at once.

Standard library only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Sequence

from nanochat.inference.request import Sampling


def distribution(logits: Sequence[float], how: Sampling, written: Collection[int] = ()) -> list[float]:
    """The probability of every word under `how`; `written` are the ids in the text so far.

    >>> [round(p, 3) for p in distribution([2.0, 1.0, 0.0], Sampling(temperature=1.0))]
    [0.665, 0.245, 0.09]
    >>> [round(p, 3) for p in distribution([2.0, 1.0, 0.0], Sampling(temperature=1.0, top_k=2))]
    [0.731, 0.269, 0.0]
    >>> distribution([2.0, 1.0, 0.0], Sampling(temperature=0))
    [1.0, 0.0, 0.0]
    """
    logits = penalized(logits, how.repetition_penalty, written)
    if how.temperature == 0:
        likeliest = max(range(len(logits)), key=logits.__getitem__)
        return [float(token_id == likeliest) for token_id in range(len(logits))]
    chances = softmax(logits, how.temperature)
    if 0 < how.top_k < len(chances):
        chances = at_least(sorted(chances, reverse=True)[how.top_k - 1], chances)
    if how.top_p < 1:
        chances = at_least(nucleus_edge(chances, how.top_p), chances)
    if how.min_p > 0:
        chances = at_least(how.min_p * max(chances), chances)
    return chances


def penalized(logits: Sequence[float], penalty: float, written: Collection[int]) -> list[float]:
    """Logits of written words, divided by the penalty if above 0, multiplied by it if below.

    >>> penalized([2.0, -2.0, 1.0], 2.0, written={0, 1})
    [1.0, -4.0, 1.0]
    """
    found = list(logits)
    if penalty != 1:
        for token_id in set(written):
            found[token_id] = found[token_id] / penalty if found[token_id] > 0 else found[token_id] * penalty
    return found


def softmax(logits: Sequence[float], temperature: float = 1.0) -> list[float]:
    """exp(logit / temperature), divided by the sum of all: positive, and 1 together.

    The highest logit is taken from all first; the result is the same, and exp cannot overflow.

    >>> [round(p, 3) for p in softmax([0.0, math.log(3)])]
    [0.25, 0.75]
    """
    highest = max(logits)
    exponentials = [math.exp((logit - highest) / temperature) for logit in logits]
    total = sum(exponentials)
    return [one / total for one in exponentials]


def at_least(edge: float, chances: Sequence[float]) -> list[float]:
    """Chances below `edge` become 0, and the others share what is free.

    >>> at_least(0.2, [0.5, 0.3, 0.2])
    [0.5, 0.3, 0.2]
    >>> at_least(0.25, [0.375, 0.375, 0.25 - 1e-9])
    [0.5, 0.5, 0.0]
    """
    kept = [chance if chance >= edge else 0.0 for chance in chances]
    total = sum(kept)
    return kept if total == 1 else [chance / total for chance in kept]


def nucleus_edge(chances: Sequence[float], top_p: float) -> float:
    """The chance of the last word needed to reach `top_p`, counted from the likeliest.

    >>> nucleus_edge([0.2, 0.5, 0.3], 0.6)
    0.3
    """
    reached = 0.0
    for chance in sorted(chances, reverse=True):
        reached += chance
        if reached >= top_p:
            return chance
    return 0.0


def choose(chances: Sequence[float], drawn: float) -> int:
    """The word whose stretch the number `drawn`, from 0 to below 1, falls into.

    >>> choose([0.25, 0.5, 0.25], 0.1), choose([0.25, 0.5, 0.25], 0.7), choose([0.25, 0.5, 0.25], 0.8)
    (0, 1, 2)
    """
    total, reached = sum(chances), 0.0
    for token_id, chance in enumerate(chances):
        reached += chance
        if drawn * total < reached:
            return token_id
    return max(range(len(chances)), key=chances.__getitem__)  # rounding left `reached` just below


def draw(seed: int, place: int) -> float:
    """The number, from 0 to below 1, for one place in a text.

    >>> draw(seed=1, place=5) == draw(seed=1, place=5), draw(seed=1, place=5) == draw(seed=1, place=6)
    (True, False)
    """
    # A text as the seed: whole numbers would be used without their sign.
    return random.Random(f"{seed}/{place}").random()


def entropy(chances: Sequence[float]) -> float:
    """How open the choice is, in bits: 0 when one word is certain, 1 for a fair coin.

    >>> entropy([0.5, 0.5]), entropy([1.0, 0.0])
    (1.0, 0.0)
    """
    return -sum(chance * math.log2(chance) for chance in chances if chance > 0) + 0.0
