"""When a run should stop by itself: the loss is no number any more, or has shot up and stays there.

Going on would only spoil the checkpoints. A single bad batch must not end a run, so what is watched is a
running average; a run that has diverged leaves the loss of guessing by chance behind it in a few steps.
Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

MEMORY = 0.9  # of the running average: about ten steps
RISE = 1.0  # nats above the lowest average so far: e times as perplexed as it has been


@dataclass
class Guard:
    """Watches losses, in nats per token.

    >>> guard = Guard()
    >>> [guard.complaint(loss, gradient_norm=1.0) for loss in (8.3, 7.1, 6.4)]
    [None, None, None]
    >>> guard.complaint(float("nan"), gradient_norm=1.0)
    'the loss is nan'
    """

    average: float | None = None
    lowest: float = math.inf

    def complaint(self, loss: float, gradient_norm: float) -> str | None:
        """What is wrong with this step, or None; to be asked before the weights take the step.

        >>> guard, complaints = Guard(), []
        >>> for loss in [4.0] * 20 + [20.0] * 2:
        ...     complaints.append(guard.complaint(loss, gradient_norm=1.0))
        >>> complaints[-1]
        'the loss has shot up to 20.00 from about 4.00'
        """
        if not math.isfinite(loss):
            return f"the loss is {loss}"
        if not math.isfinite(gradient_norm):
            return f"the gradient is {gradient_norm}"
        self.average = loss if self.average is None else MEMORY * self.average + (1 - MEMORY) * loss
        self.lowest = min(self.lowest, self.average)
        if self.average > self.lowest + RISE:
            return f"the loss has shot up to {loss:.2f} from about {self.lowest:.2f}"
        return None

    def state(self) -> dict[str, float | None]:
        """For a checkpoint."""
        return {"average": self.average, "lowest": self.lowest if math.isfinite(self.lowest) else None}

    def restore(self, state: dict[str, float | None]) -> None:
        """Take up `state()` again."""
        self.average = state["average"]
        lowest = state["lowest"]
        self.lowest = math.inf if lowest is None else lowest
