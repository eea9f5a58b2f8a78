"""Rotary position embeddings (Su et al. 2021, RoFormer, arXiv 2104.09864, section 3.4).

Attention compares a query with a key. Turning each by an angle that grows with its position makes their
dot product depend only on how far apart they are. So a document needs no positions of its own: where it
begins in a row makes no difference.

A head's channels are paired first half with second half, and turned clockwise: this is the sign of Hugging
Face's `NanoChatForCausalLM`, which our weights are exported to. Only the difference of two angles counts, so
either sign would serve if it is kept.

Shapes: B batch, T time, H heads, D head width, E = D / 2 pairs of channels.
"""

from __future__ import annotations

import torch
from torch import Tensor


def rotary_table(n_time: int, head_dim: int, base: float = 100_000.0) -> tuple[Tensor, Tensor]:
    """Cosine and sine, [T, E] each, of the angle of every position and pair of channels.

    Pair e turns by base^(-2e/D) radians a token: the first pair tells neighbours apart, the last one
    turns so slowly that it marks the place in a long text.

    >>> cos_TE, sin_TE = rotary_table(n_time=4, head_dim=2)
    >>> round(float(torch.atan2(sin_TE, cos_TE)[3, 0]), 4)  # three tokens on, three radians
    3.0
    """
    # In float64: at position 100,000 a float32 product is wrong in the third digit of the angle.
    exponent_E = torch.arange(0, head_dim, 2, dtype=torch.float64) / head_dim
    angle_TE = torch.arange(n_time, dtype=torch.float64)[:, None] * base**-exponent_E
    return angle_TE.cos().float(), angle_TE.sin().float()


def rotate(x_BTHD: Tensor, cos_TE: Tensor, sin_TE: Tensor) -> Tensor:
    """Turn the pairs of channels of `x_BTHD` by the angles of each position; tables may differ by row.

    >>> cos_TE, sin_TE = rotary_table(n_time=1, head_dim=2)  # position 0 turns nothing
    >>> rotate(torch.ones(1, 1, 1, 2), cos_TE, sin_TE).tolist()
    [[[[1.0, 1.0]]]]
    """
    first, second = x_BTHD.chunk(2, dim=-1)
    cos, sin = cos_TE[..., None, :], sin_TE[..., None, :]  # one table for every head
    return torch.cat([first * cos + second * sin, second * cos - first * sin], dim=-1).type_as(x_BTHD)
