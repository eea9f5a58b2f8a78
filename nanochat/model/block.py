"""One block: attention, then the MLP, each reading the normalised stream and adding to it.

Before them two extras, if the model has them: the stream is scaled by the layer's residual scalar, and the
first vectors are mixed in again by its x0 scalar (modded-nanogpt speedruns).

Shapes: B batch, T time, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from nanochat.model.attending import Plan
from nanochat.model.attention import Attention
from nanochat.model.config import GPTConfig
from nanochat.model.layers import norm
from nanochat.model.mlp import MLP


class Block(nn.Module):
    """Attention and MLP of one layer."""

    def __init__(self, config: GPTConfig, has_value_embedding: bool) -> None:
        super().__init__()
        self.attention = Attention(config, has_value_embedding)
        self.mlp = MLP(config)

    def forward(
        self,
        x_BTC: Tensor,
        first_BTC: Tensor,
        scalars: tuple[Tensor | None, Tensor | None],
        rotary: tuple[Tensor, Tensor],
        plan: Plan,
        value_embedding_BTC: Tensor | None = None,
    ) -> Tensor:
        """Add to the stream what the layer finds. `scalars` are for the stream and for the first vectors."""
        x_BTC = scaled(x_BTC, first_BTC, scalars)
        x_BTC = x_BTC + self.attention(norm(x_BTC), rotary, plan, value_embedding_BTC)
        out_BTC: Tensor = x_BTC + self.mlp(norm(x_BTC))
        return out_BTC


def scaled(x_BTC: Tensor, first_BTC: Tensor, scalars: tuple[Tensor | None, Tensor | None]) -> Tensor:
    """The stream times the layer's residual scalar, and its first vectors times the x0 scalar.

    >>> import torch
    >>> half = torch.tensor(0.5)
    >>> scaled(torch.tensor([4.0]), torch.tensor([1.0]), (half, half)), scaled(half, half, (None, None))
    (tensor([2.5000]), tensor(0.5000))
    """
    residual_scalar, x0_scalar = scalars
    if residual_scalar is not None:
        x_BTC = x_BTC * residual_scalar.to(x_BTC.dtype)
    if x0_scalar is not None:
        x_BTC = x_BTC + first_BTC * x0_scalar.to(x_BTC.dtype)
    return x_BTC
