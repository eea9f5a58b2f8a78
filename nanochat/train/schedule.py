"""How learning rate, momentum and weight decay change over a run. Standard library only.

- learning rate: a short linear warm-up, a level stretch, then a long linear warm-down to 5 % (Hu et al. 2024,
  MiniCPM, arXiv 2404.06395, section 4, for the three stretches; Bergsma et al. 2025, arXiv 2502.15938, for
  the straight line)
- Muon's momentum: rises while the first steps are still bad advice, falls again while the learning rate falls
- weight decay: half a cosine wave down to nothing, so that the last steps only fit the text

A long run has fixed stretches of warm-up. A short one cannot afford them, so there each is a share of it.
And a short run needs larger steps to get anywhere: `short_run_boost`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nanochat.train.depth_dial import REFERENCE_BATCH

WARMUP_STEPS = 40
WARMUP_SHARE = 0.1  # of a run too short for WARMUP_STEPS
WARMDOWN_SHARE = 0.65
FINAL_LEARNING_RATE = 0.05  # of the full one
FIRST_MOMENTUM, FULL_MOMENTUM, LAST_MOMENTUM = 0.85, 0.97, 0.90
MOMENTUM_STEPS = 400
MOMENTUM_SHARE = 0.2  # of a run too short for MOMENTUM_STEPS
REFERENCE_STEPS = 2520  # of the run at the reference depth, where the learning rates were tuned
HORIZON_EXPONENT = 0.32  # the best learning rate falls as steps^-0.32 (Bjorck et al. 2024, arXiv 2409.19913)
FEWEST_STEPS = 100  # below that a run is a trial of the machine, and gets no more boost
NOISY_BATCH = 4096  # tokens; below, gradients are mostly noise, and rates fall as the root of the batch again


def short_run_boost(batch_tokens: int, steps: int) -> float:
    """How many times larger the learning rates of a short run are than its batch alone says.

    Rates tuned at the reference and scaled by the square root of the batch are right for runs whose batch
    shrinks with their length, so that there are steps enough. A laptop's run is short in steps too, and
    there the best rate grows again, as steps^-0.32, while it hardly depends on the batch. The larger of the
    two is taken: full-length runs stay as they were tuned.

    Measured on 4 layers of width 256, 200 steps of 8,192 tokens of English, val bits per byte: following
    the batch alone (0.125 of the reference's rates) 1.79; 0.5 of them 1.61, all of them 1.55, twice 1.51.
    This rule, 2.25 times for matrices and tables and 0.125 for scalars: 1.47.

    >>> short_run_boost(2**19, 2520), short_run_boost(2**20, 8352)
    (1.0, 1.0)
    >>> round(0.125 * short_run_boost(2**13, 200), 2)  # times what the batch says: of the reference
    2.25
    """
    by_batch = math.sqrt(batch_tokens / REFERENCE_BATCH)
    by_steps = math.pow(REFERENCE_STEPS / max(steps, FEWEST_STEPS), HORIZON_EXPONENT)
    by_steps *= math.sqrt(min(1.0, batch_tokens / NOISY_BATCH))
    return max(1.0, by_steps / by_batch)


@dataclass(frozen=True)
class SchedulePoint:
    """What one step uses."""

    learning_rate: float  # times the learning rate of every group
    momentum: float  # Muon's
    weight_decay: float  # Muon's, for the matrices


@dataclass(frozen=True)
class Schedule:
    """The course of a run of `steps` steps, numbered from 0.

    >>> schedule = Schedule(steps=1000, weight_decay=0.28)
    >>> [round(schedule.learning_rate(step), 3) for step in (0, 19, 40, 349, 675, 999)]
    [0.025, 0.5, 1.0, 1.0, 0.525, 0.051]
    >>> schedule.at(0)
    SchedulePoint(learning_rate=0.025, momentum=0.85, weight_decay=0.28)
    """

    steps: int
    weight_decay: float
    warmup_steps: int | None = None  # None: 40, or a tenth of a short run
    warmdown_share: float = WARMDOWN_SHARE
    final_learning_rate: float = FINAL_LEARNING_RATE

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps={self.steps} must be at least 1")
        if self.warmup_steps is not None and not 0 <= self.warmup_steps <= self.steps:
            raise ValueError(
                f"warmup_steps={self.warmup_steps} must be from 0 to the run's {self.steps} steps"
            )
        for name in ("warmdown_share", "final_learning_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)} must be from 0 to 1")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay={self.weight_decay} must be 0 or a positive, finite number")

    def at(self, step: int) -> SchedulePoint:
        """What step number `step` uses.

        >>> Schedule(steps=100, weight_decay=0.28).at(100)
        Traceback (most recent call last):
            ...
        ValueError: step=100 is outside a run of 100 steps, numbered from 0
        """
        if not 0 <= step < self.steps:
            raise ValueError(f"step={step} is outside a run of {self.steps} steps, numbered from 0")
        return SchedulePoint(
            self.learning_rate(step), self.momentum(step), self.weight_decay * self.decay_left(step)
        )

    @property
    def warmup(self) -> int:
        """Steps of warm-up.

        >>> Schedule(steps=200, weight_decay=0).warmup, Schedule(steps=5000, weight_decay=0).warmup
        (20, 40)
        """
        if self.warmup_steps is not None:
            return self.warmup_steps
        return min(WARMUP_STEPS, math.ceil(WARMUP_SHARE * self.steps))

    @property
    def warmdown(self) -> int:
        """Steps of warm-down, at the end of the run; never any of the warm-up's.

        >>> Schedule(steps=200, weight_decay=0).warmdown
        130
        """
        return min(round(self.warmdown_share * self.steps), self.steps - self.warmup)

    def learning_rate(self, step: int) -> float:
        """The multiplier of every learning rate: up to 1, level, down to the final one.

        >>> Schedule(steps=4, weight_decay=0, warmup_steps=0).learning_rate(0)
        1.0
        """
        if step < self.warmup:
            return (step + 1) / self.warmup
        return 1.0 - (1.0 - self.final_learning_rate) * self.warmed_down(step)

    def warmed_down(self, step: int) -> float:
        """How much of the warm-down is done: 0 before it, just below 1 at the last step.

        >>> Schedule(steps=100, weight_decay=0, warmdown_share=0.5).warmed_down(75)
        0.5
        """
        return max(0, step - (self.steps - self.warmdown)) / self.warmdown if self.warmdown else 0.0

    def momentum(self, step: int) -> float:
        """Muon's momentum: 0.85 to 0.97 over the first 400 steps, and to 0.90 over the warm-down.

        >>> schedule = Schedule(steps=2000, weight_decay=0)
        >>> [round(schedule.momentum(step), 3) for step in (0, 200, 400, 700, 1350, 1999)]
        [0.85, 0.91, 0.97, 0.97, 0.935, 0.9]
        """
        rising = max(1, min(MOMENTUM_STEPS, round(MOMENTUM_SHARE * self.steps)))
        risen = min(1.0, step / rising)
        full = FIRST_MOMENTUM + (FULL_MOMENTUM - FIRST_MOMENTUM) * risen
        return full + (min(full, LAST_MOMENTUM) - full) * self.warmed_down(step)

    def decay_left(self, step: int) -> float:
        """The share of weight decay still on: half a cosine wave from 1 to 0.

        >>> Schedule(steps=100, weight_decay=0).decay_left(50)
        0.5
        """
        return 0.5 * (1.0 + math.cos(math.pi * step / self.steps))
