"""The attention weights of every layer and head, written out: who looks at whom, and how much.

No kernel of `nanochat.model.attending` ever holds them: weights are T x T for each head, and a model needs
only what they mix. To look at them, the model runs as always; at each layer its own queries and keys are
taken, compared, masked by the layer's window, and softmax makes a row for each token.

Shapes: B batch, T time of the token that looks, S time of the token looked at, H heads of queries, K heads of
keys and values, D head width.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from nanochat.model.attending import may_see
from nanochat.model.attention import Attention
from nanochat.model.gpt import GPT


@torch.no_grad()
def attention_weights(model: GPT, ids_BT: Tensor) -> list[Tensor]:
    """For every layer its weights, [B, H, T, S] in fp32; rows sum to 1.

    A head of keys that several heads of queries share is compared with each. Memory: 4·B·H·T² bytes a layer.

    >>> from nanochat.model.config import GPTConfig
    >>> config = GPTConfig.core(n_layer=2, n_embd=32, n_head=4, n_kv_head=2, vocab_size=64)
    >>> model = GPT(config).initialize(0)
    >>> first, second = attention_weights(model, torch.tensor([[1, 2, 3]]))
    >>> first.shape, first[0, 0, 0].tolist()  # the first token sees itself alone
    (torch.Size([1, 4, 3, 3]), [1.0, 0.0, 0.0])
    """
    found: list[Tensor] = []
    layers = [layer for layer in model.modules() if isinstance(layer, Attention)]
    hooks = [
        layer.register_forward_pre_hook(partial(_take, found, window))
        for layer, window in zip(layers, model.config.windows(), strict=True)
    ]
    try:
        model.stream(ids_BT)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _take(found: list[Tensor], window: int, layer: Attention, inputs: tuple[Any, ...]) -> None:
    """Before a layer attends, compute what it is about to do from the same inputs."""
    x_BTC, rotary, _, value_embedding_BTC = inputs
    q_BTHD, k_BTKD, _ = layer.project(x_BTC, rotary, value_embedding_BTC)
    found.append(weights_of(q_BTHD, k_BTKD, window))


def weights_of(q_BTHD: Tensor, k_BTKD: Tensor, window: int) -> Tensor:
    """Softmax of the scores of all pairs that may see each other, [B, H, T, S].

    >>> q_BTHD = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> weights_of(q_BTHD, 0 * q_BTHD, window=2)[0, 0].tolist(), weights_of(q_BTHD, q_BTHD, window=1)[0, 0, 1]
    ([[1.0, 0.0], [0.5, 0.5]], tensor([0., 1.]))
    """
    T, H, D = q_BTHD.shape[1:]
    k_BTHD = k_BTKD.repeat_interleave(H // k_BTKD.shape[2], dim=2)
    scores_BHTS = torch.einsum("bthd,bshd->bhts", q_BTHD.float(), k_BTHD.float()) * D**-0.5
    unseen = ~may_see(window, T, q_BTHD.device)
    weights_BHTS: Tensor = scores_BHTS.masked_fill(unseen, -torch.inf).softmax(dim=-1)
    return weights_BHTS
