"""The optimizer of a whole model: Muon for the matrices in the blocks, AdamW for all else.

`make_optimizer` asks the model for its groups of parameters and gives each its rule:

- learning rates and betas were tuned at depth 12 (width 768, 2^19 tokens a step) in the public nanochat;
  the training plan's factors carry them over to other batches, and for tables and head to other widths
- with several processes each updates its share (`nanochat.train.sharding`), and one group's new weights
  are handed round while the next group is updated
- the state can be read and written row by row under the parameters' own names, so that a checkpoint of
  two processes can be continued by four or by one
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import torch
import torch.distributed as dist
from torch import Tensor

from nanochat.train import muon
from nanochat.train.adamw import AdamWGroup
from nanochat.train.depth_dial import TrainingPlan
from nanochat.train.muon import MuonStack, gradient_of
from nanochat.train.rate_groups import MATRICES
from nanochat.train.schedule import SchedulePoint, short_run_boost
from nanochat.train.sharding import State, Team


@dataclass(frozen=True)
class Rule:
    """AdamW for one group: its learning rate at the reference, its betas, if the rate follows the width."""

    learning_rate: float
    betas: tuple[float, float]
    by_width: bool = False
    boosted: bool = True  # a short run's boost


# Public nanochat, tuned at depth 12. A long second beta for tables: a rare word's row is seen seldom.
# One scalar moves a whole layer, so it takes no part in a short run's boost (200 steps of 2,048 tokens at
# twice the reference's rates: val bpb 1.729 with all boosted, 1.706 with the scalars at a tenth of that).
RULES = {
    "embedding": Rule(0.2, (0.8, 0.995), by_width=True),
    "value_embeddings": Rule(0.1, (0.8, 0.995), by_width=True),
    "head": Rule(0.004, (0.8, 0.96), by_width=True),
    "residual_scalars": Rule(0.005, (0.8, 0.95), boosted=False),
    "x0_scalars": Rule(0.5, (0.96, 0.95), boosted=False),
    "scalars": Rule(
        0.2, (0.8, 0.95), boosted=False
    ),  # the smear gate and its strength, the backout's strength
}


class Model(Protocol):
    """What the optimizer needs of a model: named groups of named parameters."""

    def parameter_groups(self) -> Mapping[str, Mapping[str, Tensor]]:
        """Every parameter once: group, then name as in the state dict."""


class Part(Protocol):
    """One stack or group that steps together."""

    def start_step(self, point: SchedulePoint) -> None:
        """Update what is this process's own."""

    def finish_step(self) -> None:
        """Have everybody's."""

    def states(self) -> Iterator[State]:
        """Every state kept here."""


def make_optimizer(
    model: Model,
    plan: TrainingPlan,
    *,
    compiled: bool = False,
    process_group: dist.ProcessGroup | None = None,
) -> Optimizer:
    """The optimizer of `model`, with the learning rates of `plan`.

    `compiled` compiles Muon's step on a GPU. `process_group` holds the processes that train
    the model together, each on its own text; None is one process alone.
    """
    team = Team.of(process_group)
    boost = short_run_boost(plan.batch_tokens, plan.steps)
    parts: list[Part] = []
    groups: list[str] = []  # of each part
    named: dict[str, Tensor] = {}
    rates: dict[str, float] = {}
    for group, parameters in model.parameter_groups().items():
        if not parameters:
            continue
        named |= parameters
        factor = plan.group_factors.get(group, 1.0)
        if group == MATRICES:
            rates[group] = muon.LEARNING_RATE * plan.learning_rate_factor * boost * factor
            for same_shape in by_shape(parameters):
                on_gpu = next(iter(same_shape.values())).is_cuda
                parts.append(MuonStack(same_shape, rates[group], team, compiled and on_gpu))
        else:
            rates[group] = adamw_rate(group, plan, boost) * factor
            parts.append(AdamWGroup(dict(parameters), rates[group], RULES[group].betas, team))
        groups += [group] * (len(parts) - len(groups))
    return Optimizer(parts, groups, named, rates, 1 / boost, team)


def adamw_rate(group: str, plan: TrainingPlan, boost: float = 1.0) -> float:
    """The learning rate of an AdamW group under `plan`, in a short run with its boost.

    >>> from nanochat.train.depth_dial import turn_dial
    >>> adamw_rate("head", turn_dial(12)), round(adamw_rate("head", turn_dial(24)), 4)
    (0.004, 0.004)
    """
    if group not in RULES:
        raise ValueError(f"no rule for the parameter group {group!r}; the groups are {', '.join(RULES)}")
    rule = RULES[group]
    width_factor = plan.width_factor if rule.by_width else 1.0
    return rule.learning_rate * plan.learning_rate_factor * width_factor * (boost if rule.boosted else 1.0)


def by_shape(parameters: Mapping[str, Tensor]) -> list[dict[str, Tensor]]:
    """The parameters of each shape, in the model's order.

    >>> [
    ...     list(same)
    ...     for same in by_shape({"a": torch.zeros(2, 3), "b": torch.zeros(4), "c": torch.zeros(2, 3)})
    ... ]
    [['a', 'c'], ['b']]
    """
    found: dict[torch.Size, dict[str, Tensor]] = {}
    for name, parameter in parameters.items():
        found.setdefault(parameter.shape, {})[name] = parameter
    return list(found.values())


class Optimizer:
    """All parts together. Made by `make_optimizer`."""

    def __init__(
        self,
        parts: list[Part],
        groups: list[str],
        named: dict[str, Tensor],
        rates: dict[str, float],
        decay_factor: float,
        team: Team,
    ) -> None:
        self.parts, self.groups, self.named, self.rates, self.team = parts, groups, named, rates, team
        self.decay_factor = decay_factor
        self.last_multipliers = dict.fromkeys(rates, 0.0)

    def zero_grad(self) -> None:
        """Forget the gradients; backward() makes new ones."""
        for parameter in self.named.values():
            parameter.grad = None

    @torch.no_grad()
    def step(self, point: SchedulePoint, factors: Mapping[str, float] | None = None) -> None:
        """Update every weight from its gradient, which must be the same on all processes.

        `factors` multiply the learning rates of some groups in this step: what a range test changes.
        """
        factors = factors or {}
        self.last_multipliers = {group: point.learning_rate * factors.get(group, 1.0) for group in self.rates}
        # Decay acts times the learning rate; how much of a weight is forgotten in all is to stay the same.
        point = replace(point, weight_decay=point.weight_decay * self.decay_factor)
        before: Part | None = None
        for group, part in zip(self.groups, self.parts, strict=True):
            factor = factors.get(group, 1.0)
            part.start_step(replace(point, learning_rate=point.learning_rate * factor))
            # One part's new weights travel while the next is worked on.
            if before:
                before.finish_step()
            before = part
        if before:
            before.finish_step()

    @torch.no_grad()
    def gradient_norm(self) -> float:
        """The length of all gradients taken as one vector; inf or nan when one of them is."""
        norms = torch._foreach_norm(self.gradients(), 2, torch.float32)
        return float(torch.stack(norms).norm())

    @torch.no_grad()
    def scale_gradients(self, factor: float) -> None:
        """Multiply every gradient, for example by one over the loss scale of fp16."""
        torch._foreach_mul_(self.gradients(), factor)

    def gradients(self) -> list[Tensor]:
        """The gradient of every parameter."""
        return [gradient_of(name, parameter) for name, parameter in self.named.items()]

    def learning_rates(self) -> dict[str, float]:
        """The learning rate each group used in the last step; 0 before the first."""
        return {group: rate * self.last_multipliers[group] for group, rate in self.rates.items()}

    def state_slices(self) -> dict[str, Tensor]:
        """This process's part of the state, no copy, under `state/parameter@first:last`, the rows it holds.

        What several processes keep alike is in the first one's answer alone.
        """
        return {
            f"{state.name}@{state.first}:{state.last}": state.rows
            for part in self.parts
            for state in part.states()
            if len(state.rows) and (self.team.rank == 0 or not state.everywhere)
        }

    @torch.no_grad()
    def load_state(self, read_rows: Callable[[str, int, int], Tensor]) -> None:
        """Take the state from `read_rows("state/parameter", first, last)`, whoever wrote which rows."""
        for part in self.parts:
            for state in part.states():
                if len(state.rows):
                    state.rows.copy_(read_rows(state.name, state.first, state.last))
