"""The loss in chunks against the logits of all tokens at once."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from nanochat.model import loss as loss_module
from nanochat.model.loss import nats_and_gradient, nats_and_gradient_, nats_of_tokens, summed_nats

N, C, V, WORDS = 300, 16, 128, 100


def whole(x_NC: Tensor, head_VC: Tensor, targets_N: Tensor, cap: float) -> Tensor:
    """All logits at once, as one writes it on a board."""
    logits_NV = cap * torch.tanh(x_NC @ head_VC[:WORDS].T / cap)
    nats_N = F.cross_entropy(logits_NV, targets_N.clamp(min=0), reduction="none")
    return nats_N * (targets_N >= 0)


@pytest.fixture
def case() -> tuple[Tensor, Tensor, Tensor]:
    torch.manual_seed(0)
    x_NC, head_VC = torch.randn(N, C, requires_grad=True), torch.randn(V, C, requires_grad=True)
    targets_N = torch.randint(0, WORDS, (N,))
    targets_N[::7] = -1
    targets_N[3] = -100
    return x_NC, head_VC, targets_N


@pytest.mark.parametrize("cap", [2.0, 15.0, 200.0])
def test_loss_and_gradients_equal_the_plain_ones(case: tuple[Tensor, Tensor, Tensor], cap: float):
    x_NC, head_VC, targets_N = case
    ours = summed_nats(x_NC, head_VC, targets_N, WORDS, cap)
    plain = whole(x_NC, head_VC, targets_N, cap).sum()
    torch.testing.assert_close(ours, plain)
    for one, other in zip(
        torch.autograd.grad(ours / 7, (x_NC, head_VC)),
        torch.autograd.grad(plain / 7, (x_NC, head_VC)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_the_size_of_a_chunk_changes_nothing(case: tuple[Tensor, Tensor, Tensor], monkeypatch):
    x_NC, head_VC, targets_N = case
    one_chunk = torch.autograd.grad(summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0), (x_NC, head_VC))
    monkeypatch.setattr(loss_module, "rows_of_chunk", lambda device, n_words: 37)
    many = torch.autograd.grad(summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0), (x_NC, head_VC))
    for one, other in zip(one_chunk, many, strict=True):
        torch.testing.assert_close(one, other)


def test_every_token_by_itself(case: tuple[Tensor, Tensor, Tensor]):
    x_NC, head_VC, targets_N = case
    ours = nats_of_tokens(x_NC, head_VC, targets_N, WORDS, 15.0)
    torch.testing.assert_close(ours, whole(x_NC, head_VC, targets_N, 15.0).detach())
    with torch.no_grad():
        torch.testing.assert_close(summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0), ours.sum())


def test_rows_that_pad_the_vocabulary_get_no_gradient(case: tuple[Tensor, Tensor, Tensor]):
    x_NC, head_VC, targets_N = case
    (grad_VC,) = torch.autograd.grad(summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0), head_VC)
    assert grad_VC[WORDS:].count_nonzero() == 0


@pytest.mark.parametrize("cap", [15.0, 200.0])
def test_in_place_and_fused_are_the_same(cap: float):
    torch.manual_seed(1)
    products_RV, targets_R = 50 * torch.randn(20, 32), torch.randint(-1, 30, (20,))
    nats_R, grad_RV = nats_and_gradient(products_RV, targets_R, cap, n_words=30, scale=4.0)
    logits_RV = products_RV[:, :30].clone()
    torch.testing.assert_close(nats_and_gradient_(logits_RV, targets_R, cap, torch.empty(20, 30)), nats_R)
    torch.testing.assert_close(4 * logits_RV, grad_RV[:, :30], atol=1e-5, rtol=1e-4)
    assert grad_RV[:, 30:].count_nonzero() == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_fused_loss_gives_the_same(
    case: tuple[Tensor, Tensor, Tensor], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(loss_module, "compiled", lambda: nats_and_gradient)  # compiling changes no number
    x_NC, head_VC, targets_N = case
    x_NC = x_NC.detach().to(dtype).requires_grad_()
    plain, fused = (summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0, fused) for fused in (False, True))
    torch.testing.assert_close(fused, plain)
    for one, other in zip(
        torch.autograd.grad(fused, (x_NC, head_VC)),
        torch.autograd.grad(plain, (x_NC, head_VC)),
        strict=True,
    ):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_small_gradients(case: tuple[Tensor, Tensor, Tensor], dtype: torch.dtype):
    x_NC, head_VC, targets_N = case
    half_NC = x_NC.detach().to(dtype).requires_grad_()
    ours = torch.autograd.grad(summed_nats(half_NC, head_VC, targets_N, WORDS, 15.0), (half_NC, head_VC))
    plain = torch.autograd.grad(whole(half_NC.float(), head_VC, targets_N, 15.0).sum(), (half_NC, head_VC))
    assert ours[0].dtype == dtype
    assert ours[1].dtype == torch.float32
    for one, other in zip(ours, plain, strict=True):
        assert (one.float() - other.float()).norm() < 0.02 * other.float().norm()


@pytest.mark.parametrize("fused", [False, True])
def test_tokens_that_count_differently(case: tuple[Tensor, Tensor, Tensor], fused: bool, monkeypatch):
    """A weight multiplies a token's part of the loss and of the gradient, below zero too."""
    monkeypatch.setattr(loss_module, "rows_of_chunk", lambda device, n_words: 37)
    monkeypatch.setattr(loss_module, "compiled", lambda: nats_and_gradient)
    x_NC, head_VC, targets_N = case
    weights_N = torch.randn(N)
    ours = summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0, fused, weights_N)
    plain = (whole(x_NC, head_VC, targets_N, 15.0) * weights_N).sum()
    torch.testing.assert_close(ours, plain)
    for one, other in zip(
        torch.autograd.grad(ours, (x_NC, head_VC)), torch.autograd.grad(plain, (x_NC, head_VC)), strict=True
    ):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
    with torch.no_grad():
        torch.testing.assert_close(
            summed_nats(x_NC, head_VC, targets_N, WORDS, 15.0, weights_N=weights_N), plain.detach()
        )
