"""The groups of parameters that each have a learning rate of their own, how a flag names some of them, and
how a range test multiplies their rates.

Muon steps the matrices inside the blocks; AdamW all other groups (`nanochat.train.optimizer`). Standard
library only.
"""

from __future__ import annotations

import math

from nanochat.errors import UserError

MATRICES = "matrices"
# What is in each, in the order in which the optimizer steps them; a model without an extra lacks its group.
RATE_GROUPS = {
    "embedding": "a vector for every token",
    "value_embeddings": "vectors that attention mixes into its values",
    MATRICES: "the matrices of attention and MLP, stepped by Muon",
    "head": "a row for every token, from which its logit comes",
    "residual_scalars": "a factor for the stream at each layer",
    "x0_scalars": "how much of the embedding each layer sees again",
    "scalars": "gates of the smear and the backout",
}
# Nats above the lowest loss of a range test: no larger rate will be better, so a sweep ends there.
HOPELESS = 3.0
LEAST, MOST = 1e-6, 1e6  # what a rate may be multiplied by


def factor_at(step: int, steps: int, low: float, high: float) -> float:
    """What the rates are multiplied by in step `step` of `steps`, counted from 0: evenly spaced logarithms.

    >>> [round(factor_at(step, 5, 0.01, 100.0), 6) for step in range(5)]
    [0.01, 0.1, 1.0, 10.0, 100.0]
    """
    return low * math.pow(high / low, step / (steps - 1))


def read_factors(words: str) -> dict[str, float]:
    """The factors in `GROUP=X,GROUP=X`; raises `UserError` for what is no group or no factor.

    >>> read_factors("matrices=0.5, x0-scalars=2")
    {'matrices': 0.5, 'x0_scalars': 2.0}
    >>> read_factors("muon=2")
    Traceback (most recent call last):
    nanochat.errors.UserError: --group-lr-scale muon=2: there is no group 'muon'; there is embedding, ...
    """
    found: dict[str, float] = {}
    for word in filter(None, (word.strip() for word in words.split(","))):
        name, sign, number = word.partition("=")
        group, complaint = name.strip().replace("-", "_"), f"--group-lr-scale {word}"
        if not sign:
            raise UserError(f"{complaint} says no factor; write it as GROUP=X, such as {MATRICES}=0.5")
        if group not in RATE_GROUPS:
            known = ", ".join(RATE_GROUPS).replace("_", "-")
            raise UserError(f"{complaint}: there is no group {name.strip()!r}; there is {known}")
        try:
            factor = float(number)
        except ValueError:
            raise UserError(f"{complaint}: {number!r} is not a number") from None
        if not (math.isfinite(factor) and LEAST <= factor <= MOST):
            raise UserError(f"{complaint}: {factor:g} is out of range; it goes from {LEAST:g} to {MOST:,.0f}")
        if group in found:
            raise UserError(f"{complaint}: {group} is named twice")
        found[group] = factor
    return found
