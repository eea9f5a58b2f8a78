"""The weights written out, against the kernel that the model itself attends with."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from nanochat.model.attending import attend, plan_attention
from nanochat.model.attention_weights import attention_weights
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from tests.model.exported import chance_weights

WITHIN = {"rtol": 0.0, "atol": 1e-5}
N_TIME = 200
SMALL = {"n_layer": 4, "n_embd": 48, "n_head": 4, "vocab_size": 90, "sequence_len": 512}
CONFIGS = {
    "every extra, windows of 128, one head of keys for each": GPTConfig(**SMALL, n_kv_head=4),
    "two heads share keys": GPTConfig(**SMALL, n_kv_head=2),
    "all heads share keys": GPTConfig(**SMALL, n_kv_head=1, window_pattern="SL"),
    "the core, full windows": GPTConfig.core(**SMALL, n_kv_head=2),
    "no value embeddings": GPTConfig(**SMALL, n_kv_head=2, value_embeddings=False, qk_scale=2.0),
}


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def model(request) -> GPT:
    return chance_weights(request.param)


@pytest.fixture(scope="module")
def ids_BT() -> Tensor:
    return torch.randint(0, 90, (2, N_TIME), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def seen_inside(model: GPT, ids_BT: Tensor) -> list[tuple[tuple[Tensor, ...], Tensor]]:
    """For every layer its queries, keys and values, and what its attention gave back."""
    seen = []
    hooks = [
        block.attention.register_forward_hook(
            lambda module, inputs, out_BTC: seen.append((module.project(*inputs[:2], *inputs[3:]), out_BTC))
        )
        for block in model.blocks
    ]
    model(ids_BT)
    for hook in hooks:
        hook.remove()
    return seen


@torch.no_grad()
def test_the_models_own_kernel_gives_these_weights(model, ids_BT):
    """Values that are 1 for one token and 0 for all others come back as the weights themselves."""
    found = attention_weights(model, ids_BT)
    plans = plan_attention(set(model.config.windows()), ids_BT)
    D, K = model.config.head_dim, model.config.n_kv_head
    for layer, ((q_BTHD, k_BTKD, _), _) in enumerate(seen_inside(model, ids_BT)):
        plan = plans[model.config.windows()[layer]]
        parts = []
        for start in range(0, N_TIME, D):
            one_hot_TD = torch.zeros(N_TIME, D)
            for place in range(start, min(start + D, N_TIME)):
                one_hot_TD[place, place - start] = 1
            v_BTKD = one_hot_TD[None, :, None].expand(2, N_TIME, K, D)
            parts.append(attend(q_BTHD, k_BTKD, v_BTKD, plan))
        own_BTHS = torch.cat(parts, dim=-1)[..., :N_TIME]
        torch.testing.assert_close(found[layer], own_BTHS.transpose(1, 2), **WITHIN)


@torch.no_grad()
def test_they_rebuild_what_attention_gave(model, ids_BT):
    found = attention_weights(model, ids_BT)
    for block, weights_BHTS, ((_, _, v_BTKD), out_BTC) in zip(
        model.blocks, found, seen_inside(model, ids_BT), strict=True
    ):
        v_BTHD = v_BTKD.repeat_interleave(model.config.n_head // model.config.n_kv_head, dim=2)
        mixed_BTHD = torch.einsum("bhts,bshd->bthd", weights_BHTS, v_BTHD)
        torch.testing.assert_close(block.attention.output(mixed_BTHD.flatten(2)), out_BTC, **WITHIN)


def test_rows_sum_to_one_and_end_at_the_window(model, ids_BT):
    back_TS = torch.arange(N_TIME)[:, None] - torch.arange(N_TIME)
    for window, weights_BHTS in zip(model.config.windows(), attention_weights(model, ids_BT), strict=True):
        torch.testing.assert_close(weights_BHTS.sum(-1), torch.ones(2, 4, N_TIME))
        assert (weights_BHTS[:, :, (back_TS < 0) | (back_TS >= window)] == 0).all()
        assert (weights_BHTS[:, :, (back_TS >= 0) & (back_TS < window)] > 0).all()


def test_the_model_is_left_as_it_was(model, ids_BT):
    before = model(ids_BT)
    attention_weights(model, ids_BT)
    assert not any(block.attention._forward_pre_hooks for block in model.blocks)
    torch.testing.assert_close(model(ids_BT), before)
