"""One block: attention, then the MLP, each reading the normalised stream and adding to it.

Shapes: B batch, T time, C channels, K heads of keys and values, D head width.
"""

from __future__ import annotations

from torch import Tensor, nn

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
        rotary: tuple[Tensor, Tensor],
        window: int,
        documents_BT: Tensor | None,
        value_embedding_BTKD: Tensor | None = None,
    ) -> Tensor:
        """Add to the stream what the layer finds."""
        x_BTC = x_BTC + self.attention(norm(x_BTC), rotary, window, documents_BT, value_embedding_BTKD)
        out_BTC: Tensor = x_BTC + self.mlp(norm(x_BTC))
        return out_BTC
