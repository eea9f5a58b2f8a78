"""Attention against loops over every query and key."""

from __future__ import annotations

import math
from itertools import pairwise, product
from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from nanochat.model import attending
from nanochat.model.attending import Flash, attend, block_mask, document_starts, may_see, plan_attention
from nanochat.model.attention import Attention
from nanochat.model.config import GPTConfig
from nanochat.model.rotary import rotary_table, rotate
from nanochat.model.tiles import plan_tiles

CPU = torch.device("cpu")


def sees(query: int, key: int, window: int, documents: list[int] | None) -> bool:
    inside = documents is None or documents[query] == documents[key]
    return key <= query and query - key < window and inside


def attend_by_loops(
    q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor, window: int, documents: Tensor | None
) -> Tensor:
    """One query at a time: a softmax over the keys it sees, then the weighted sum of their values."""
    B, T, H, D = q_BTHD.shape
    shared = H // k_BTKD.shape[2]
    rows = []
    for b in range(B):
        numbers = None if documents is None else documents[b].tolist()
        for t, h in product(range(T), range(H)):
            seen = [s for s in range(T) if sees(t, s, window, numbers)]
            k, v = k_BTKD[b, seen, h // shared], v_BTKD[b, seen, h // shared]
            weights = torch.softmax(k @ q_BTHD[b, t, h] / math.sqrt(D), dim=0)
            rows.append(weights @ v)
    return torch.stack(rows).view(B, T, H, D)


def documents_with_cuts(n_rows: int, n_time: int, seed: int) -> Tensor:
    cuts = torch.rand(n_rows, n_time, generator=torch.Generator().manual_seed(seed)) < 0.15
    return cuts.cumsum(1).int()


@pytest.mark.parametrize("with_documents", [False, True])
@pytest.mark.parametrize("n_kv_head", [1, 2, 4])
@pytest.mark.parametrize("window", [1, 5, 24])
def test_attention_and_gradients_equal_loops(window: int, n_kv_head: int, with_documents: bool):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 24, heads, 8, requires_grad=True) for heads in (4, n_kv_head, n_kv_head))
    documents_BT = documents_with_cuts(2, 24, seed=window) if with_documents else None
    plan = plan_attention({window}, torch.zeros(2, 24), documents_BT)[window]
    fast, slow = attend(q, k, v, plan), attend_by_loops(q, k, v, window, documents_BT)
    torch.testing.assert_close(fast, slow)
    direction = torch.randn_like(slow)
    for ours, theirs in zip(
        torch.autograd.grad(fast, (q, k, v), direction),
        torch.autograd.grad(slow, (q, k, v), direction),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("with_documents", [False, True])
@pytest.mark.parametrize("window", [50, 128, 400, 700])
def test_many_tiles_equal_the_mask_written_out(window: int, with_documents: bool):
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 700, 2, 16, requires_grad=True) for _ in range(3))
    documents_BT = documents_with_cuts(2, 700, 1) // 20 if with_documents else None
    tiles = plan_attention({window}, torch.zeros(2, 700), documents_BT)[window]
    mask = may_see(window, 700, CPU, documents_BT)
    ours, plain = attend(q, k, v, tiles), attend(q, k, v, mask)
    torch.testing.assert_close(ours, plain)
    direction = torch.randn_like(ours)
    for one, other in zip(
        torch.autograd.grad(ours, (q, k, v), direction),
        torch.autograd.grad(plain, (q, k, v), direction),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@given(st.integers(1, 3), st.integers(1, 300), st.integers(1, 320), st.integers(0, 99), st.booleans())
@settings(deadline=None, max_examples=50)
def test_tiles_hold_every_query_and_key_that_meet(
    n_rows: int, n_time: int, window: int, seed: int, with_documents: bool
):
    documents_BT = documents_with_cuts(n_rows, n_time, seed) // 3 if with_documents else None
    seen = may_see(window, n_time, CPU, documents_BT).expand(n_rows, 1, n_time, n_time)[:, 0]
    for tiles in plan_tiles(n_rows, n_time, window, documents_BT):
        covered = torch.zeros(n_rows, n_time, n_time, dtype=torch.int)
        for first_row, last_row, first, last, first_key, last_key, _ in tiles.tolist():
            here = may_see(window, n_time, CPU)[0, 0, first:last, first_key:last_key]
            covered[first_row:last_row, first:last, first_key:last_key] += here
        assert torch.equal(covered, seen.int()), "each pair once, and no pair that may not meet"


def test_the_mask_written_out_is_the_rule():
    documents_BT = documents_with_cuts(2, 30, seed=4)
    mask = may_see(7, 30, CPU, documents_BT)
    for b, t, s in product(range(2), range(30), range(30)):
        assert mask[b, 0, t, s] == sees(t, s, 7, documents_BT[b].tolist())


@pytest.mark.parametrize("with_documents", [False, True])
def test_the_blocks_of_a_gpu_hold_every_pair_and_skip_the_others(with_documents: bool):
    documents_BT = documents_with_cuts(2, 512, seed=5) // 20 if with_documents else None
    blocks = block_mask(150, 2, 512, CPU, documents_BT).to_dense().bool()
    seen = may_see(150, 512, CPU, documents_BT)
    met = seen.unflatten(2, (4, 128)).unflatten(4, (4, 128)).any(3).any(-1)
    assert torch.equal(blocks.expand_as(met), met)


def test_flex_attention_equals_tiles(monkeypatch):
    monkeypatch.setattr(attending, "compiled_flex_attention", lambda: flex_attention)  # compiling takes long
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 256, heads, 16) for heads in (4, 2, 2))
    documents_BT = documents_with_cuts(2, 256, seed=6) // 10
    flex = attend(q, k, v, block_mask(100, 2, 256, CPU, documents_BT))
    tiles = attend(q, k, v, plan_attention({100}, torch.zeros(2, 256), documents_BT)[100])
    torch.testing.assert_close(flex, tiles, atol=1e-5, rtol=1e-4)


def test_documents_start_where_their_number_changes_and_where_a_row_begins():
    documents_BT = documents_with_cuts(3, 40, seed=7)
    expected = [
        b * 40 + t
        for b, t in product(range(3), range(40))
        if t == 0 or documents_BT[b, t] != documents_BT[b, t - 1]
    ]
    assert document_starts(documents_BT).tolist() == [*expected, 120]


def test_a_layer_equals_its_definition():
    """Projections, value embedding through its gate, rotation, then the norm, written out for one layer."""
    config = GPTConfig(n_layer=1, n_embd=32, n_head=4, n_kv_head=2, vocab_size=64, sequence_len=16)
    layer = Attention(config, has_value_embedding=True)
    torch.manual_seed(0)
    for parameter in layer.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    x_BTC, value_BTC = torch.randn(2, 16, 32), torch.randn(2, 16, 16)
    rotary = rotary_table(16, 8, config.rope_base)
    plan = plan_attention({16}, torch.zeros(2, 16))[16]

    def unit(x: Tensor) -> Tensor:
        return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()

    q, k, v = (x_BTC @ m.weight.T for m in (layer.query, layer.key, layer.value))
    q, k, v = q.view(2, 16, 4, 8), k.view(2, 16, 2, 8), v.view(2, 16, 2, 8)
    assert layer.value_gate is not None
    gate = 3 / (1 + torch.exp(-(x_BTC[..., :12] @ layer.value_gate.weight.T)))
    v = v + gate[..., None] * value_BTC.view(2, 16, 2, 8)
    q, k = unit(rotate(q, *rotary)) * 1.2, unit(rotate(k, *rotary)) * 1.2
    expected = attend_by_loops(q, k, v, 16, None).flatten(2) @ layer.output.weight.T
    torch.testing.assert_close(layer(x_BTC, rotary, plan, value_BTC), expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("with_documents", [False, True])
@pytest.mark.parametrize("window", [3, 16])
def test_flash_attention_is_asked_for_the_same(window: int, with_documents: bool):
    """Its kernels run on Hopper only; here loops stand in for them, behind the interface it documents."""

    def varlen(q, k, v, q_starts, k_starts, *, max_seqlen_q, max_seqlen_k, causal, window_size):
        assert causal
        assert q_starts.dtype == torch.int32
        assert q_starts.equal(k_starts)
        pieces = list(pairwise(q_starts.tolist()))
        assert max(stop - start for start, stop in pieces) <= min(max_seqlen_q, max_seqlen_k)
        parts = [(q[None, a:b], k[None, a:b], v[None, a:b]) for a, b in pieces]
        return torch.cat([attend_by_loops(*part, window_size[0] + 1, None)[0] for part in parts])

    def fixed(q, k, v, *, causal, window_size):
        assert causal
        assert window_size[1] == 0
        return attend_by_loops(q, k, v, window_size[0] + 1, None)

    torch.manual_seed(1)
    q, k, v = (torch.randn(2, 16, heads, 8) for heads in (4, 2, 2))
    documents_BT = documents_with_cuts(2, 16, seed=3) if with_documents else None
    kernels = SimpleNamespace(flash_attn_func=fixed, flash_attn_varlen_func=varlen)
    starts_N = None if documents_BT is None else document_starts(documents_BT)
    found = attend(q, k, v, Flash(kernels, window, starts_N))
    torch.testing.assert_close(found, attend_by_loops(q, k, v, window, documents_BT))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="these kernels run on an NVIDIA GPU")
@pytest.mark.parametrize("with_documents", [False, True])
@pytest.mark.parametrize("window", [128, 512])
def test_the_gpu_gives_what_the_cpu_gives(window: int, with_documents: bool):
    torch.manual_seed(0)
    inputs = [torch.randn(2, 512, heads, 64, requires_grad=True) for heads in (4, 2, 2)]
    documents_BT = documents_with_cuts(2, 512, seed=8) // 20 if with_documents else None
    results = []
    for device in ("cpu", "cuda"):
        there = [x.detach().to(device).requires_grad_() for x in inputs]
        documents = None if documents_BT is None else documents_BT.to(device)
        plan = plan_attention({window}, torch.zeros(2, 512, device=device), documents)[window]
        out = attend(*there, plan)
        grads = torch.autograd.grad(out.square().sum(), there)
        results.append([x.cpu() for x in (out, *grads)])
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-2, rtol=2e-2)
