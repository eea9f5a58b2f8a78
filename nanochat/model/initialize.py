"""The weights a model starts with.

The stream starts as the token's own vector: output projections are zero, so that every block begins by adding
nothing (Zhang et al. 2019, Fixup, arXiv 1901.09321). Queries, keys and values are uniform with a standard
deviation of 1/sqrt(C), which keeps the size of a normalised input. The head is nearly zero, so the first loss
is that of a uniform guess, ln V. The figures are public nanochat's.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from nanochat.model.gpt import GPT

EMBEDDING_STD = 0.8
HEAD_STD = 0.001
MLP_SHARE = 0.4  # the MLP's first matrix begins at this share of the attention's
GATE_RANGE = 0.02  # value gates begin just above half open, each token's a little different
RESIDUAL_FIRST, RESIDUAL_LAST = 1.15, 1.05
X0_FIRST, X0_LAST = 0.20, 0.05
BACKOUT = 0.2


@torch.no_grad()
def initialize(model: GPT, seed: int) -> None:
    """Fill every parameter of `model`, the same for the same seed on every machine and device.

    Numbers are drawn on the CPU in fp32, in the order of the parameters' names, then moved.
    """
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        value = first_value(name, torch.empty(parameter.shape), generator)
        parameter.copy_(value)


def first_value(name: str, empty: Tensor, generator: torch.Generator) -> Tensor:
    """The first value of the parameter called `name`, in the shape of `empty`.

    >>> generator = torch.Generator().manual_seed(0)
    >>> first_value("blocks.0.mlp.down.weight", torch.empty(2, 2), generator).tolist()
    [[0.0, 0.0], [0.0, 0.0]]
    >>> first_value("x0_scalars", torch.empty(4), generator).tolist()
    [0.20000000298023224, 0.15000000596046448, 0.10000000149011612, 0.05000000074505806]
    """
    bound = math.sqrt(3 / empty.shape[-1])  # uniform on [-bound, bound] has a deviation of bound / sqrt(3)
    kind = name.removesuffix(".weight").split(".")[-1]
    if name.startswith("value_embeddings."):
        return empty.uniform_(-bound, bound, generator=generator)  # small beside the values they join
    if kind == "embedding":
        return empty.normal_(0, EMBEDDING_STD, generator=generator)
    if kind == "head":
        return empty.normal_(0, HEAD_STD, generator=generator)
    if kind in ("query", "key", "value"):
        return empty.uniform_(-bound, bound, generator=generator)
    if kind == "up":
        return empty.uniform_(-MLP_SHARE * bound, MLP_SHARE * bound, generator=generator)
    if kind in ("output", "down", "smear_strength"):
        return empty.zero_()
    if kind == "value_gate":
        return empty.uniform_(0, GATE_RANGE, generator=generator)
    if kind == "smear_gate":
        gate_bound = 1 / math.sqrt(empty.shape[-1])
        return empty.uniform_(-gate_bound, gate_bound, generator=generator)
    if kind == "residual_scalars":
        return torch.linspace(RESIDUAL_FIRST, RESIDUAL_LAST, len(empty))
    if kind == "x0_scalars":
        return torch.linspace(X0_FIRST, X0_LAST, len(empty))
    if kind == "backout_strength":
        return empty.fill_(BACKOUT)
    raise ValueError(f"no first value is known for the parameter {name!r}")
