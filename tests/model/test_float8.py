"""Products in 8 bits, on a CPU: PyTorch's kernel exists there too, if slowly."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from nanochat.model.config import GPTConfig
from nanochat.model.float8 import GRADIENTS, NUMBERS, Float8Linear, to_float8
from nanochat.model.gpt import GPT

CUDA = torch.cuda.is_available() and torch.cuda.get_device_capability() >= (9, 0)


def layer(n_in: int = 64, n_out: int = 32) -> Float8Linear:
    torch.manual_seed(1)
    made = Float8Linear(n_in, n_out)
    torch.nn.init.normal_(made.weight, std=n_in**-0.5)
    return made


@pytest.mark.parametrize("kind", [NUMBERS, GRADIENTS])
@pytest.mark.parametrize("size", [1e-30, 1e-6, 1.0, 3e4])
def test_a_tensor_of_any_size_keeps_its_relative_precision(kind, size):
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0)) * size
    x8, scale = to_float8(x, kind)
    steps = torch.finfo(kind).eps  # of a number: half of this at most is lost
    large = x.abs() > x.abs().max() / 1000
    if size > 1e-20:
        assert ((x8.float() * scale - x).abs() <= steps / 2 * x.abs() * 1.01)[large].all()
    assert torch.isfinite(x8.float()).all()


def slow_product(x_NI: torch.Tensor, weight_OI: torch.Tensor) -> torch.Tensor:
    """Round both to 8 bits by hand, then multiply in fp64."""

    def rounded(x: torch.Tensor) -> torch.Tensor:
        scale = x.abs().max() / 448
        return (x / scale).to(NUMBERS).double() * scale.double()

    return rounded(x_NI) @ rounded(weight_OI).T


def test_the_product_is_that_of_the_rounded_numbers():
    linear = layer()
    x = torch.randn(2, 16, 64, dtype=torch.bfloat16)
    expected = slow_product(x.flatten(0, 1).float(), linear.weight.detach()).view(2, 16, 32)
    assert torch.allclose(linear(x).double(), expected, rtol=0.01, atol=0.01)


def test_gradients_point_where_the_exact_ones_do():
    linear = layer()
    x = torch.randn(4, 16, 64, dtype=torch.bfloat16, requires_grad=True)
    towards = torch.randn(4, 16, 32, dtype=torch.bfloat16) * 1e-5  # gradients are small
    linear(x).backward(towards)
    got = x.grad.double(), linear.weight.grad.double()
    x_exact, weight_exact = (
        x.detach().double().requires_grad_(),
        linear.weight.detach().double().requires_grad_(),
    )
    F.linear(x_exact, weight_exact).backward(towards.double())
    for one, exact in zip(got, (x_exact.grad, weight_exact.grad), strict=True):
        assert F.cosine_similarity(one.flatten(), exact.flatten(), dim=0) > 0.995
        assert 0.97 < one.norm() / exact.norm() < 1.03
    assert linear.weight.grad.dtype == torch.float32


def test_without_gradients_it_is_the_ordinary_layer():
    linear = layer()
    x = torch.randn(1, 3, 64, dtype=torch.bfloat16)  # three tokens: no multiple of 16
    with torch.no_grad():
        assert torch.equal(linear(x), F.linear(x, linear.weight.bfloat16()))
    with pytest.raises(ValueError, match="3 tokens at a time are no multiple of 16"):
        linear(x)


def test_a_model_in_8_bits_has_the_same_weights_and_learns():
    config = GPTConfig(
        n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=128, sequence_len=32, window_pattern="L"
    )
    device = "cuda" if CUDA else "cpu"
    plain, model = (GPT(config, torch.bfloat16).initialize(0).to(device) for _ in range(2))
    assert model.use_float8() == 2 * 6
    assert list(model.state_dict()) == list(plain.state_dict())
    ids = torch.randint(128, (2, 33), generator=torch.Generator().manual_seed(2)).to(device)
    losses = []
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(12):
        loss = model(ids[:, :-1], ids[:, 1:]) / 64
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[0] == pytest.approx(plain(ids[:, :-1], ids[:, 1:]).item() / 64, rel=0.01)
    assert losses[-1] < 0.7 * losses[0]
