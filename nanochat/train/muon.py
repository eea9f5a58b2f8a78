"""Muon: the optimizer of the matrices inside the blocks.

AdamW scales every number of a gradient for itself. Muon (Jordan et al. 2024) sees the matrix as a whole:
it averages the gradients over steps (momentum) and then orthogonalizes the average, so that every
direction a matrix can act in is moved equally far, the rare ones too. Around that heart, in the order of
a step:

- Nesterov momentum: the gradient is mixed once more into its own average
- orthogonalization by polynomials: `nanochat.train.polar`
- NorMuon (Li et al. 2025, arXiv 2510.05491): orthogonal as a whole, single rows still differ in size from
  step to step; each is divided by a running average of its size. The size of the whole stays as it was.
- cautious weight decay (Chen et al. 2025, arXiv 2510.12402): a weight decays only where the step makes
  it smaller too, so that decay never works against the gradient

The learning rate of a tall matrix is multiplied by √(R/C), so that what it puts out changes as much as
that of a wide one. Matrices of one shape are stacked and stepped together: a few large products instead
of many small ones.

`torch.optim.Muon` is plain Muon, one matrix at a time, always multiplied in bf16. Measured beside it, at
the same learning rates and momentum: after 120 steps of 2,048 tokens (4 layers of width 128, two seeds)
1.645 and 1.641 bits per byte here, 1.648 and 1.646 there. A step for 4 layers of width 256, on one core:
143 ms here, 140 ms there with its products in fp32, so the Gram matrix pays for all the rest (products
alone: 110 ms, and 149 ms without it). Its bf16 is faster only on CPUs made for that (43 ms), and hundreds
of times slower on others; and with fp32 one process and several get the same result.

Shapes: N matrices in a stack, R rows, C columns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from nanochat.train.polar import orthogonalize
from nanochat.train.schedule import SchedulePoint
from nanochat.train.sharding import State, Team, Work

LEARNING_RATE = 0.02
VARIANCE_BETA = 0.9  # NorMuon's running average: about ten steps long
TINY = 1e-10

Number = float | Tensor


def product_dtype(device: torch.device) -> torch.dtype:
    """What the products of the orthogonalization are computed in: bf16 where a GPU is made for it.

    >>> product_dtype(torch.device("cpu"))
    torch.float32
    """
    fast = device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)
    return torch.bfloat16 if fast else torch.float32


class MuonStack:
    """All matrices of one shape, and the state of those that are this process's own."""

    def __init__(self, named: dict[str, Tensor], learning_rate: float, team: Team, compiled: bool) -> None:
        self.names, self.weights = list(named), list(named.values())
        self.team, self.own = team, team.share(len(named))
        rows, columns = self.weights[0].shape
        self.learning_rate = learning_rate * math.sqrt(max(1.0, rows / columns))
        like = self.weights[0]
        self.products = product_dtype(like.device)
        state_shape = (len(self.own), *like.shape)
        self.momentum_NRC = torch.zeros(state_shape, dtype=torch.float32, device=like.device)
        self.variance_NRC = torch.zeros(reduced(state_shape), dtype=torch.float32, device=like.device)
        self.compiled = compiled
        self.step_stack = torch.compile(step_stack, dynamic=False) if compiled else step_stack
        self.gathered: tuple[Tensor, Work | None] | None = None

    def start_step(self, point: SchedulePoint) -> None:
        """Update the own matrices and begin to hand them round."""
        own = self.own
        weights_NRC = self.weights[0].new_empty(0, *self.weights[0].shape)
        if own:
            weights_NRC = torch.stack([self.weights[index].detach() for index in own])
            gradients_NRC = torch.stack([gradient_of(self.names[i], self.weights[i]) for i in own]).float()
            numbers = self.learning_rate * point.learning_rate, point.momentum, point.weight_decay
            state = self.momentum_NRC, self.variance_NRC
            self.step_stack(weights_NRC, gradients_NRC, *state, *self.fed(numbers), self.products)
        self.gathered = self.team.gather(weights_NRC, len(self.weights))

    def fed(self, numbers: tuple[float, float, float]) -> tuple[Number, Number, Number]:
        """The numbers that change from step to step; as tensors, or each would be compiled for."""
        rate, momentum, decay = numbers
        return (torch.tensor(rate), torch.tensor(momentum), torch.tensor(decay)) if self.compiled else numbers

    def finish_step(self) -> None:
        """Wait for the others' matrices and write all of them into the model."""
        assert self.gathered is not None
        weights_NRC, work = self.gathered
        if work:
            work.wait()
        torch._foreach_copy_(self.weights, list(weights_NRC[: len(self.weights)].unbind()))
        self.gathered = None

    def states(self) -> Iterator[State]:
        """Momentum and variance of the own matrices."""
        for place, index in enumerate(self.own):
            yield State(f"momentum/{self.names[index]}", 0, self.momentum_NRC[place])
            yield State(f"variance/{self.names[index]}", 0, self.variance_NRC[place])


def step_stack(
    weights_NRC: Tensor,
    gradients_NRC: Tensor,
    momentum_NRC: Tensor,
    variance_NRC: Tensor,
    learning_rate: Number,
    momentum: Number,
    weight_decay: Number,
    products: torch.dtype = torch.float32,
) -> None:
    """One step of Muon on a stack, in place: weights, momentum and variance change.

    >>> weights, momentum, variance = torch.zeros(1, 2, 2), torch.zeros(1, 2, 2), torch.zeros(1, 2, 1)
    >>> step_stack(weights, torch.eye(2)[None], momentum, variance, 0.1, 0.9, 0.0)
    >>> (weights + 0.1 * torch.eye(2)).abs().max() < 0.03  # a step of the learning rate in every direction
    tensor(True)
    """
    momentum_NRC.lerp_(gradients_NRC, 1 - momentum)
    ahead_NRC = gradients_NRC.lerp(momentum_NRC, momentum)
    update_NRC = orthogonalize(ahead_NRC.to(products)).float()
    update_NRC.mul_(even_out(update_NRC, variance_NRC))
    agrees_NRC = (update_NRC * weights_NRC).gt_(0)
    update_NRC.add_(agrees_NRC.mul_(weights_NRC).mul_(weight_decay))
    weights_NRC.sub_(update_NRC.mul_(learning_rate))


def even_out(update_NRC: Tensor, variance_NRC: Tensor) -> Tensor:
    """NorMuon's factor for every row (every column of a wide matrix); updates the running average in place.

    >>> even_out(torch.tensor([[[3.0, 4.0], [0.3, 0.4]]]), torch.zeros(1, 2, 1)).flatten().tolist()
    [0.7106335163116455, 7.106335639953613]
    """
    side = -1 if variance_NRC.size(-1) == 1 else -2
    size_NRC: Tensor = torch.linalg.vector_norm(update_NRC, dim=side, keepdim=True)
    square_NRC = size_NRC.square() / update_NRC.size(side)
    variance_NRC.lerp_(square_NRC, 1 - VARIANCE_BETA)
    factor_NRC = variance_NRC.clamp_min(TINY).rsqrt()
    before = square_NRC.sum(dim=(-2, -1), keepdim=True)
    after = (square_NRC * factor_NRC.square()).sum(dim=(-2, -1), keepdim=True)
    return factor_NRC * (before / after.clamp_min(TINY)).sqrt()


def reduced(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of NorMuon's state: one number a row, or one a column where the matrix is wide.

    >>> reduced((4, 1024, 256)), reduced((4, 256, 1024))
    ((4, 1024, 1), (4, 1, 1024))
    """
    *stack, rows, columns = shape
    return (*stack, rows, 1) if rows >= columns else (*stack, 1, columns)


def gradient_of(name: str, weight: Tensor) -> Tensor:
    """The gradient, which must be there.

    >>> gradient_of("head", torch.zeros(1))
    Traceback (most recent call last):
        ...
    RuntimeError: head has no gradient: call backward() before step()
    """
    if weight.grad is None:
        raise RuntimeError(f"{name} has no gradient: call backward() before step()")
    return weight.grad
