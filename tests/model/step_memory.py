"""One process that takes training steps and says how much memory they took; test_memory.py starts it."""

from __future__ import annotations

import json
import sys

import torch

from nanochat.commands.measure.training import make_trainer, take_steps
from nanochat.train.fitting import Place, bytes_needed
from nanochat.train.metrics import memory_held
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.settings import Settings


def plan_of(depth: int, checkpointing: bool) -> RunPlan:
    settings = Settings(
        depth=depth, seq_len=512, batch_size=12, device_batch_size=12, steps=10, compile=False,
        checkpointing=checkpointing,
    )  # fmt: skip
    return plan_run(settings, vocab_size=8_192, place=Place(), dtype="fp32")


def take(plan: RunPlan) -> int:
    """Two steps; the most memory this process has held so far."""
    take_steps(make_trainer(plan, document_tokens=0, device=torch.device("cpu")), 2)
    return memory_held(torch.device("cpu"))


def main(checkpointing: bool) -> None:
    before = take(plan_of(1, checkpointing))  # libraries load what they need
    small, plan = plan_of(1, checkpointing), plan_of(5, checkpointing)
    counted = [
        bytes_needed(one.config, one.device_batch_size, one.place, True, checkpointing)
        for one in (small, plan)
    ]
    # What the small model took is free again: the large one begins where the small one did.
    print(json.dumps({"measured": take(plan) - before, "counted": counted[1] - counted[0]}))


if __name__ == "__main__":
    main("--checkpointing" in sys.argv)
