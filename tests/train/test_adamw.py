"""AdamW against loops over single numbers."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from nanochat.train.adamw import AdamWGroup
from nanochat.train.schedule import SchedulePoint
from nanochat.train.sharding import Team


def slow_adam(weight: float, gradients: list[float], rates: list[float], betas: tuple[float, float]) -> float:
    """Kingma and Ba 2015, algorithm 1, for one number."""
    mean = square = 0.0
    for step, (gradient, rate) in enumerate(zip(gradients, rates, strict=True), start=1):
        mean = betas[0] * mean + (1 - betas[0]) * gradient
        square = betas[1] * square + (1 - betas[1]) * gradient**2
        mean_hat, square_hat = mean / (1 - betas[0] ** step), square / (1 - betas[1] ** step)
        weight -= rate * mean_hat / (math.sqrt(square_hat) + 1e-10)
    return weight


@pytest.mark.parametrize("betas", [(0.8, 0.96), (0.96, 0.95)])
def test_several_steps_against_loops(betas: tuple[float, float]) -> None:
    torch.manual_seed(0)
    named = {"table": nn.Parameter(torch.randn(5, 3)), "scalar": nn.Parameter(torch.randn(1))}
    start = {name: weight.detach().clone() for name, weight in named.items()}
    group = AdamWGroup(named, 0.01, betas, Team())
    multipliers = [0.5, 1.0, 1.0, 0.3]
    seen: dict[str, list[torch.Tensor]] = {name: [] for name in named}
    for multiplier in multipliers:
        for name, weight in named.items():
            weight.grad = torch.randn_like(weight)
            seen[name].append(weight.grad.clone())
        with torch.no_grad():
            group.start_step(SchedulePoint(multiplier, 0.9, 0.1))
            group.finish_step()
    rates = [0.01 * multiplier for multiplier in multipliers]
    for name, weight in named.items():
        for place, value in enumerate(start[name].flatten().tolist()):
            gradients = [gradient.flatten()[place].item() for gradient in seen[name]]
            assert weight.flatten()[place].item() == pytest.approx(
                slow_adam(value, gradients, rates, betas), abs=1e-6
            )


def test_the_first_step_is_the_learning_rate_whatever_the_gradient() -> None:
    weight = nn.Parameter(torch.zeros(3))
    weight.grad = torch.tensor([1e-6, -3.0, 0.0])
    group = AdamWGroup({"w": weight}, 0.1, (0.8, 0.95), Team())
    with torch.no_grad():
        group.start_step(SchedulePoint(1.0, 0.9, 0.1))
    assert weight.tolist() == pytest.approx([-0.1, 0.1, 0.0], abs=1e-4)


def test_bf16_tables_keep_bf16_averages() -> None:
    weight = nn.Parameter(torch.ones(4, 2, dtype=torch.bfloat16))
    weight.grad = torch.full_like(weight, 0.5)
    group = AdamWGroup({"w": weight}, 0.25, (0.8, 0.995), Team())
    with torch.no_grad():
        group.start_step(SchedulePoint(1.0, 0.9, 0.1))
    assert weight.dtype == group.means[0].dtype == torch.bfloat16
    assert weight.tolist() == [[0.75, 0.75]] * 4
