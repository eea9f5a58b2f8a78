"""AdamW: the optimizer of everything that is no matrix inside a block.

Every number keeps two running averages: of its gradient, and of its gradient squared. A step is the first
over the root of the second, so a number that is rarely touched, in a rare word's vector, moves as far as
the others (Loshchilov and Hutter 2019, arXiv 1711.05101; no weight decay is used here).

The arithmetic is torch's own fused kernel, one pass over memory on CPU and GPU alike; there is nothing
left to compile. What is here is the division of labour: each process keeps the averages of its own rows
of every table. Tensors too small to divide (scalars, gates) are updated by all processes alike, and the
first one's state goes into the checkpoint. The averages have the dtype of the weights, as
`nanochat.model.memory` counts; the kernel computes in fp32.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.optim.adamw import adamw

from nanochat.train.muon import gradient_of
from nanochat.train.schedule import SchedulePoint
from nanochat.train.sharding import State, Team, Work

EPSILON = 1e-10
SMALLEST_SHARED = 2**16  # below this many numbers, handing shares round costs more than the whole update


class AdamWGroup:
    """Parameters with one learning rate and one pair of betas, and the state of this process's own rows."""

    def __init__(
        self, named: dict[str, Tensor], learning_rate: float, betas: tuple[float, float], team: Team
    ) -> None:
        self.names, self.weights = list(named), list(named.values())
        self.learning_rate, self.betas, self.team = learning_rate, betas, team
        self.shared = [team.size > 1 and weight.numel() >= SMALLEST_SHARED for weight in self.weights]
        self.own = [
            team.share(len(weight)) if shared else range(len(weight))
            for weight, shared in zip(self.weights, self.shared, strict=True)
        ]
        self.means = [torch.zeros_like(rows) for rows in self.own_rows(self.weights)]
        self.squares = [torch.zeros_like(rows) for rows in self.means]
        device = self.weights[0].device
        self.steps = [torch.zeros((), device=device) for _ in self.weights]
        self.gathered: list[tuple[Tensor, Tensor, Work | None]] = []

    def own_rows(self, tensors: list[Tensor]) -> list[Tensor]:
        """The rows of each tensor that are this process's own."""
        return [tensor.detach()[own.start : own.stop] for tensor, own in zip(tensors, self.own, strict=True)]

    def start_step(self, point: SchedulePoint) -> None:
        """Update the own rows and begin to hand them round."""
        weights = self.own_rows(self.weights)
        gradients = self.own_rows(
            [gradient_of(name, weight) for name, weight in zip(self.names, self.weights, strict=True)]
        )
        adamw(
            weights, gradients, self.means, self.squares, [], self.steps,
            fused=True, amsgrad=False, beta1=self.betas[0], beta2=self.betas[1],
            lr=self.learning_rate * point.learning_rate, weight_decay=0.0, eps=EPSILON, maximize=False,
        )  # fmt: skip
        for weight, rows, shared in zip(self.weights, weights, self.shared, strict=True):
            if shared:
                self.gathered.append((weight, *self.team.gather(rows, len(weight))))

    def finish_step(self) -> None:
        """Wait for the others' rows and write them into the model."""
        for weight, rows, work in self.gathered:
            if work:
                work.wait()
            weight.detach().copy_(rows[: len(weight)])
        self.gathered.clear()

    def states(self) -> Iterator[State]:
        """Both averages of the own rows, and the number of steps taken."""
        for index, name in enumerate(self.names):
            first, everywhere = self.own[index].start, not self.shared[index]
            yield State(f"mean/{name}", first, self.means[index], everywhere)
            yield State(f"square/{name}", first, self.squares[index], everywhere)
            yield State(f"steps/{name}", 0, self.steps[index].view(1), everywhere=True)
