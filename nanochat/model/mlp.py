"""The MLP of a block: four times as wide inside, ReLU squared between.

The form is Primer's (So et al. 2021, arXiv 2109.08668, section 4.1). Squaring keeps the zeros of ReLU, needs
no exponential, and trains a little better than GELU.

Shapes: B batch, T time, C channels of the stream, F channels inside.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from nanochat.model.config import GPTConfig
from nanochat.model.layers import Linear


class MLP(nn.Module):
    """Each token by itself: up to 4·C channels, ReLU squared, down again.

    >>> import torch
    >>> mlp = MLP(GPTConfig.core(n_embd=8, n_head=2, n_kv_head=2))
    >>> mlp(torch.zeros(1, 3, 8)).shape
    torch.Size([1, 3, 8])
    """

    def __init__(self, config: GPTConfig) -> None:
        super().__init__()
        self.up = Linear(config.n_embd, config.mlp_width)
        self.down = Linear(config.mlp_width, config.n_embd)

    def forward(self, x_BTC: Tensor) -> Tensor:
        """Transform every token of the normalised stream."""
        inside_BTF = F.relu(self.up(x_BTC)).square()
        out_BTC: Tensor = self.down(inside_BTF)
        return out_BTC
