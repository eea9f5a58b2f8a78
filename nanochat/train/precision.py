"""Which type matrices are multiplied in, and the loss scale that fp16 needs.

Weights are always kept in fp32; what changes is the type of the products:

- bf16 has the range of fp32 and a third of its digits; GPUs from Ampere on (compute capability 8.0) are many
  times faster in it
- fp16 has more digits and little range: small gradients would become 0, so the loss is multiplied by a large
  number first and the gradients divided by it afterwards (Micikevicius et al. 2018, arXiv 1710.03740)
- fp32 on a CPU: the products of most CPUs are hundreds of times slower in bf16
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from nanochat.errors import UserError
from nanochat.model.float8 import MULTIPLE

TYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}
HOPPER = (9, 0)
AMPERE = (8, 0)
FIRST_SCALE, GROW_AFTER = 2.0**16, 2_000  # torch's own GradScaler uses the same


def pick_dtype(asked: str, device: torch.device) -> str:
    """`asked`, or for "auto" what this device is fastest and safe in.

    >>> pick_dtype("auto", torch.device("cpu"))
    'fp32'
    """
    if asked == "fp16" and device.type == "cpu":
        raise UserError("--dtype fp16 needs a GPU; leave --dtype out to use fp32 on this CPU")
    if asked != "auto":
        return asked
    if device.type != "cuda":
        return "fp32"
    return "bf16" if torch.cuda.get_device_capability(device) >= AMPERE else "fp16"


def check_fp8(device: torch.device, dtype: str, tokens_at_a_time: int) -> None:
    """Raise `UserError` where FP8 products are not possible."""
    if device.type != "cuda":
        raise UserError("--fp8 needs an NVIDIA GPU of the Hopper generation or newer; leave it out")
    if torch.cuda.get_device_capability(device) < HOPPER:
        name = torch.cuda.get_device_name(device)
        raise UserError(
            f"--fp8 needs an NVIDIA GPU of the Hopper generation or newer, not {name}; leave it out"
        )
    if dtype != "bf16":
        raise UserError(f"--fp8 goes with --dtype bf16, not {dtype}")
    if tokens_at_a_time % MULTIPLE:
        raise UserError(
            f"--fp8 needs a multiple of {MULTIPLE} tokens at a time, not {tokens_at_a_time}; change "
            "--device-batch-size or --seq-len"
        )


@dataclass
class LossScale:
    """What the loss is multiplied by before the backward pass; always 1 but for fp16.

    >>> scale = LossScale(65536.0, dynamic=True)
    >>> scale.usable(gradient_norm=float("inf")), scale.value  # too large: halve, leave the step out
    (False, 32768.0)
    >>> scale.usable(gradient_norm=1.0)
    True
    """

    value: float = 1.0
    dynamic: bool = False
    good_steps: int = 0

    @classmethod
    def for_dtype(cls, dtype: str) -> LossScale:
        """The one that a type needs.

        >>> LossScale.for_dtype("bf16").value
        1.0
        """
        return cls(FIRST_SCALE, dynamic=True) if dtype == "fp16" else cls()

    def usable(self, gradient_norm: float) -> bool:
        """Whether these gradients are good, and learn from it: halve after bad ones, double after many good.

        Without a dynamic scale every step counts as good; a gradient that is no number is the guard's affair.
        """
        if not self.dynamic:
            return True
        if not math.isfinite(gradient_norm) and self.value > 1.0:
            self.value, self.good_steps = max(1.0, self.value / 2), 0
            return False
        self.good_steps += 1
        if self.good_steps == GROW_AFTER:
            self.value, self.good_steps = self.value * 2, 0
        return True

    def state(self) -> dict[str, float]:
        """For a checkpoint."""
        return {"value": self.value, "good_steps": self.good_steps}

    def restore(self, state: dict[str, float]) -> None:
        """Take up `state()` again."""
        self.value, self.good_steps = state["value"], int(state["good_steps"])
