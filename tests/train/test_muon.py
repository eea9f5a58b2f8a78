"""Muon, step by step, against loops over single numbers and the SVD."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from nanochat.train.muon import MuonStack, even_out, gradient_of, reduced, step_stack
from nanochat.train.polar import polar_coefficients
from nanochat.train.schedule import SchedulePoint
from nanochat.train.sharding import Team

SHAPES = [(6, 6), (12, 5), (5, 12), (1, 7)]


def slow_polar(X_RC: Tensor) -> Tensor:
    """The same polynomials, on the singular values of an SVD."""
    U, S, Vh = torch.linalg.svd(X_RC.double(), full_matrices=False)
    S = S / S.pow(4).sum().pow(0.25)
    for a, b, c in polar_coefficients(5):
        S = a * S + b * S**3 + c * S**5
    return (U * S) @ Vh


class SlowMuon:
    """One matrix, in float64, number by number."""

    def __init__(self, weight_RC: Tensor) -> None:
        self.weight = weight_RC.double().clone()
        self.rows, self.columns = weight_RC.shape
        self.average = torch.zeros_like(self.weight)
        self.sizes = [0.0] * (self.rows if self.rows >= self.columns else self.columns)

    def step(self, gradient_RC: Tensor, rate: float, momentum: float, decay: float) -> None:
        gradient = gradient_RC.double()
        self.average = momentum * self.average + (1 - momentum) * gradient
        update = slow_polar((1 - momentum) * gradient + momentum * self.average)
        lines = update if self.rows >= self.columns else update.T  # the lines NorMuon evens out
        size_before = update.norm()
        new = torch.zeros_like(lines)
        for i, line in enumerate(lines):
            mean_square = sum(float(x) ** 2 for x in line) / len(line)
            self.sizes[i] = 0.9 * self.sizes[i] + 0.1 * mean_square
            new[i] = line / math.sqrt(max(self.sizes[i], 1e-10))
        new = new * size_before / new.norm()
        update = new if self.rows >= self.columns else new.T
        rate = rate * math.sqrt(max(1.0, self.rows / self.columns))
        for r in range(self.rows):
            for c in range(self.columns):
                agrees = update[r, c] * self.weight[r, c] > 0
                shrink = decay * self.weight[r, c] if agrees else 0.0
                self.weight[r, c] -= rate * (update[r, c] + shrink)


@pytest.mark.parametrize("shape", SHAPES)
def test_several_steps_against_loops(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    named = {f"w{i}": nn.Parameter(torch.randn(shape)) for i in range(3)}
    slow = [SlowMuon(weight.detach()) for weight in named.values()]
    stack = MuonStack(named, 0.02, Team(), compiled=False)
    for step in range(4):
        point = SchedulePoint(learning_rate=1.0 - 0.1 * step, momentum=0.85 + 0.02 * step, weight_decay=0.3)
        for weight, one in zip(named.values(), slow, strict=True):
            weight.grad = torch.randn(shape) * 1e-3
            one.step(weight.grad, 0.02 * point.learning_rate, point.momentum, point.weight_decay)
        with torch.no_grad():
            stack.start_step(point)
            stack.finish_step()
    for weight, one in zip(named.values(), slow, strict=True):
        assert torch.allclose(weight.detach().double(), one.weight, atol=2e-5)


def test_a_step_has_the_size_of_the_learning_rate() -> None:
    torch.manual_seed(0)
    weights = torch.zeros(2, 64, 256)
    step_stack(
        weights, torch.randn(2, 64, 256), torch.zeros(2, 64, 256), torch.zeros(2, 1, 256), 0.02, 0.95, 0.0
    )
    values = torch.linalg.svdvals(weights) / 0.02
    assert values.mean() == pytest.approx(1.0, abs=0.1)
    assert values.max() < 1.6  # columns made even are no longer quite orthogonal


def test_the_scale_of_the_gradient_does_not_matter() -> None:
    torch.manual_seed(0)
    gradient = torch.randn(1, 8, 16)
    results = []
    for scale in (1.0, 1e-9):
        weights = torch.zeros(1, 8, 16)
        step_stack(weights, gradient * scale, torch.zeros(1, 8, 16), torch.zeros(1, 1, 16), 0.1, 0.9, 0.0)
        results.append(weights)
    assert torch.allclose(*results, atol=1e-6)


def test_weights_decay_only_where_the_step_shrinks_them() -> None:
    weights = torch.tensor([[[1.0, -1.0], [1.0, 1.0]]])
    gradient = torch.tensor([[[1.0, 1.0], [1.0, -1.0]]])  # the steps have these signs
    state = torch.zeros(1, 2, 2), torch.zeros(1, 2, 1)
    decayed, plain = weights.clone(), weights.clone()
    step_stack(decayed, gradient, state[0].clone(), state[1].clone(), 0.1, 0.9, 0.5)
    step_stack(plain, gradient, state[0].clone(), state[1].clone(), 0.1, 0.9, 0.0)
    agrees = gradient * weights > 0
    assert torch.allclose(plain - decayed, 0.1 * 0.5 * weights * agrees)


def test_normuon_makes_rows_even_and_keeps_the_size() -> None:
    torch.manual_seed(0)
    update = torch.randn(2, 8, 5) * torch.logspace(-2, 1, 8)[:, None]
    even = update * even_out(update, torch.zeros(2, 8, 1))
    rows = even.norm(dim=-1)
    assert torch.allclose(rows, rows[:, :1].expand_as(rows))
    assert torch.allclose(even.norm(dim=(-2, -1)), update.norm(dim=(-2, -1)))


def test_zero_gradients_change_nothing() -> None:
    # the first step of a model whose output projections are zero
    weights = torch.randn(1, 4, 6)
    before = weights.clone()
    step_stack(weights, torch.zeros(1, 4, 6), torch.zeros(1, 4, 6), torch.zeros(1, 1, 6), 0.1, 0.9, 0.3)
    assert weights.equal(before)


def test_state_is_small() -> None:
    assert reduced((3, 10, 4)) == (3, 10, 1)
    assert reduced((3, 4, 10)) == (3, 1, 10)


def test_a_missing_gradient_is_named() -> None:
    with pytest.raises(RuntimeError, match=r"blocks\.0\.mlp\.up\.weight has no gradient"):
        gradient_of("blocks.0.mlp.up.weight", nn.Parameter(torch.zeros(2)))


def test_compiled_is_the_same() -> None:
    torch.manual_seed(0)
    start, gradient = torch.randn(2, 8, 16), torch.randn(2, 8, 16)
    results = []
    for step in (step_stack, torch.compile(step_stack, dynamic=False)):
        tensors = start.clone(), gradient.clone(), torch.zeros(2, 8, 16), torch.zeros(2, 1, 16)
        step(*tensors, 0.1, 0.9, 0.3)
        results.append(tensors)
    for eager, compiled in zip(*results, strict=True):
        assert torch.allclose(eager, compiled, atol=1e-5)
