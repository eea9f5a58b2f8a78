"""What is measured of each step: the line that goes into `metrics.jsonl`.

| key | what |
| --- | --- |
| `step`, `tokens` | steps and tokens so far, this one included |
| `loss` | nats per token of this step's batch, before the step was taken |
| `lr` | learning rate of each group of parameters |
| `grad_norm` | length of the whole gradient |
| `seconds`, `tokens_per_second` | of this step |
| `mfu` | share of the machine's peak that did useful work (PaLM, arXiv 2204.02311, appendix B), or null |
| `memory_bytes` | most memory held so far: of the GPU, or of the process |
| `wait_share` | share of the step spent waiting for text |
| `val_bpb` | bits per byte on what is kept for validation, in the steps that evaluate |

Reinforcement learning has some of its own:

| key | what |
| --- | --- |
| `loss` | of the policy gradient, which means little by itself |
| `reward` | mean grade of the step's replies |
| `reply_tokens` | mean length of a reply |
| `mixed_groups` | share of the questions with replies of different grades, from which it learns |
| `val_accuracy` | mean grade on held-out questions, in the steps that evaluate |
"""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nanochat.model.hardware import GPUS

PEAK_SIDE, PEAK_REPEATS = 1_024, 12


@dataclass(frozen=True)
class Step:
    """One step, measured."""

    step: int
    tokens: int
    loss: float
    learning_rates: dict[str, float]
    gradient_norm: float
    seconds: float
    tokens_per_second: float
    mfu: float | None
    memory_bytes: int
    wait_share: float
    more: dict[str, float] = field(default_factory=dict)  # what the stage measures besides

    def record(self, **more: Any) -> dict[str, Any]:
        """As a line of `metrics.jsonl`."""
        return {
            "step": self.step,
            "tokens": self.tokens,
            "loss": self.loss,
            "lr": self.learning_rates,
            "grad_norm": self.gradient_norm,
            "seconds": round(self.seconds, 6),
            "tokens_per_second": round(self.tokens_per_second, 1),
            "mfu": None if self.mfu is None else round(self.mfu, 4),
            "memory_bytes": self.memory_bytes,
            "wait_share": round(self.wait_share, 4),
            **self.more,
            **more,
        }


def peak_flops(device: torch.device) -> float | None:
    """Operations a second one device can do at best: the maker's figure for bf16, or on a CPU a measured one.

    None for a GPU that is not in the table of `nanochat.model.hardware`.
    """
    if device.type == "cpu":
        return measured_peak()
    if device.type != "cuda":
        return None
    return listed_peak(torch.cuda.get_device_name(device))


def listed_peak(name: str) -> float | None:
    """The peak of a GPU from the name that its driver reports.

    >>> listed_peak("NVIDIA H100 80GB HBM3"), listed_peak("NVIDIA H100 PCIe"), listed_peak("Z80")
    (989000000000000.0, 756000000000000.0, None)
    """
    words = name.replace("GeForce ", "").upper()
    for gpu in sorted(GPUS, key=lambda gpu: len(gpu.name), reverse=True):
        parts = gpu.name.upper().replace("RTX", "RTX ").split("-")
        if all(f" {part}" in words.replace("-", " ") for part in parts):
            return gpu.peak_flops
    return None


def measured_peak() -> float:
    """Operations a second of the best of a few fp32 products, on as many cores as torch uses."""
    left, right = torch.rand(2, PEAK_SIDE, PEAK_SIDE)
    best = float("inf")
    with torch.no_grad():
        for _ in range(PEAK_REPEATS):
            start = time.perf_counter()
            left @ right
            best = min(best, time.perf_counter() - start)
    return float(2 * PEAK_SIDE**3 / best)


def memory_held(device: torch.device) -> int:
    """The most bytes held so far: of the GPU, else of this process."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    status = Path("/proc/self/status")
    if status.is_file():  # Linux; its getrusage would also count the program that started this one
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
        if found:
            return int(found[1]) * 1_024
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1_024
