"""Causal self-attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2) of one layer.

Every token asks with a query; keys say what the tokens up to it have to offer; their values are mixed by how
well key and query agree. Ours differs from the textbook's in this:

- grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245): `n_kv_head` heads of keys and values, each
  serving `n_head / n_kv_head` heads of queries
- queries and keys are turned by their position, then normalised (QK norm, Dehghani et al. 2023, arXiv
  2302.05442), then scaled by `qk_scale`
- a window: how many tokens back a layer may look; and documents: a token sees only its own
- value embeddings: on some layers the token's own vector is added to its value through a gate

Shapes: B batch, T time, C channels, H heads of queries, K heads of keys and values, D head width, E = D / 2.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nanochat.model.config import VALUE_GATE_CHANNELS, GPTConfig
from nanochat.model.layers import Linear, norm
from nanochat.model.rotary import rotate

LARGEST_GATE = 3.0  # a value gate lies between 0 and this; a zero weight opens it half


def may_see(documents_BT: Tensor | None, n_time: int, window: int, device: torch.device) -> Tensor:
    """True where a query (row) may look at a key (column): [B or 1, 1, T, T].

    >>> may_see(None, 3, window=2, device=torch.device("cpu"))[0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    position_T = torch.arange(n_time, device=device)
    distance_TT = position_T[:, None] - position_T[None, :]
    seen = ((distance_TT >= 0) & (distance_TT < window))[None, None]
    if documents_BT is None:
        return seen
    return seen & (documents_BT[:, None, :, None] == documents_BT[:, None, None, :])


class Attention(nn.Module):
    """One layer's attention; `has_value_embedding` gives it a gate for one."""

    def __init__(self, config: GPTConfig, has_value_embedding: bool) -> None:
        super().__init__()
        C, H, K, D = config.n_embd, config.n_head, config.n_kv_head, config.head_dim
        self.n_head, self.n_kv_head, self.head_dim = H, K, D
        self.qk_scale = config.qk_scale
        self.query = Linear(C, H * D)
        self.key = Linear(C, K * D)
        self.value = Linear(C, K * D)
        self.output = Linear(H * D, C)
        self.value_gate = Linear(VALUE_GATE_CHANNELS, K) if has_value_embedding else None

    def forward(
        self,
        x_BTC: Tensor,
        rotary: tuple[Tensor, Tensor],
        window: int,
        documents_BT: Tensor | None,
        value_embedding_BTKD: Tensor | None = None,
    ) -> Tensor:
        """Mix the tokens of `x_BTC`, the normalised stream."""
        B, T, _ = x_BTC.shape
        q_BTHD = self.query(x_BTC).view(B, T, self.n_head, self.head_dim)
        k_BTKD = self.key(x_BTC).view(B, T, self.n_kv_head, self.head_dim)
        v_BTKD = self.value(x_BTC).view(B, T, self.n_kv_head, self.head_dim)
        if self.value_gate is not None and value_embedding_BTKD is not None:
            gate_BTK = LARGEST_GATE * torch.sigmoid(self.value_gate(x_BTC[..., :VALUE_GATE_CHANNELS]))
            v_BTKD = v_BTKD + gate_BTK[..., None] * value_embedding_BTKD.view_as(v_BTKD)
        q_BTHD = norm(rotate(q_BTHD, *rotary)) * self.qk_scale
        k_BTKD = norm(rotate(k_BTKD, *rotary)) * self.qk_scale
        mixed_BHTD = F.scaled_dot_product_attention(
            q_BTHD.transpose(1, 2),
            k_BTKD.transpose(1, 2),
            v_BTKD.transpose(1, 2),
            attn_mask=may_see(documents_BT, T, window, x_BTC.device),
            enable_gqa=self.n_head != self.n_kv_head,
        )
        mixed_BTC: Tensor = self.output(mixed_BHTD.transpose(1, 2).reshape(B, T, -1))
        return mixed_BTC
