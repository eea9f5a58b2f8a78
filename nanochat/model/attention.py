"""Causal self-attention (Vaswani et al. 2017, arXiv 1706.03762, section 3.2) of one layer.

Every token asks with a query; keys say what the tokens up to it have to offer; their values are mixed by how
well key and query agree. Ours differs from the textbook's in this:

- grouped-query attention (Ainslie et al. 2023, arXiv 2305.13245): `n_kv_head` heads of keys and values, each
  serving `n_head / n_kv_head` heads of queries
- queries and keys are normalised (QK norm, Dehghani et al. 2023, arXiv 2302.05442), turned by their position,
  and scaled by `qk_scale`; turning keeps lengths, so the norm may come before it or after
- a window: how many tokens back a layer may look; and documents: a token sees only its own. Both are in the
  plan that `nanochat.model.attending` makes
- value embeddings: on some layers the token's own vector is added to its value through a gate

Shapes: B batch, T time, C channels, H heads of queries, K heads of keys and values, D head width, E = D / 2.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nanochat.model.attending import Plan, attend
from nanochat.model.config import VALUE_GATE_CHANNELS, GPTConfig
from nanochat.model.layers import Linear, norm
from nanochat.model.rotary import rotate

LARGEST_GATE = 3.0  # a value gate lies between 0 and this; a zero weight opens it half


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
        plan: Plan,
        value_embedding_BTC: Tensor | None = None,
    ) -> Tensor:
        """Mix the tokens of `x_BTC`, the normalised stream; `rotary` is cosine and sine, [T, E]."""
        B, T, _ = x_BTC.shape
        q_BTHD, k_BTKD, v_BTKD = self.project(x_BTC, rotary, value_embedding_BTC)
        mixed_BTHD = attend(q_BTHD, k_BTKD, v_BTKD, plan)
        mixed_BTC: Tensor = self.output(mixed_BTHD.reshape(B, T, -1))
        return mixed_BTC

    def project(
        self, x_BTC: Tensor, rotary: tuple[Tensor, Tensor], value_embedding_BTC: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries [B, T, H, D], keys and values [B, T, K, D], ready to be compared: what a KV cache keeps."""
        B, T, _ = x_BTC.shape
        q_BTHD = self.query(x_BTC).view(B, T, self.n_head, self.head_dim)
        k_BTKD = self.key(x_BTC).view(B, T, self.n_kv_head, self.head_dim)
        v_BTKD = self.value(x_BTC).view(B, T, self.n_kv_head, self.head_dim)
        if self.value_gate is not None and value_embedding_BTC is not None:
            gate_BTK = LARGEST_GATE * torch.sigmoid(self.value_gate(x_BTC[..., :VALUE_GATE_CHANNELS]))
            v_BTKD = v_BTKD + gate_BTK[..., None] * value_embedding_BTC.view_as(v_BTKD)
        q_BTHD = rotate(norm(q_BTHD) * self.qk_scale, *rotary)
        k_BTKD = rotate(norm(k_BTKD) * self.qk_scale, *rotary)
        return q_BTHD, k_BTKD, v_BTKD
