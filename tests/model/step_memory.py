"""One process that takes training steps and says how much memory they took; test_memory.py starts it."""

from __future__ import annotations

import json
import resource
import sys

import torch

from nanochat.commands.measure.training import make_trainer, take_steps
from nanochat.train.fitting import Place, bytes_needed
from nanochat.train.run_plan import plan_run
from nanochat.train.settings import Settings

KIB = 2**10


def main(checkpointing: bool) -> None:
    settings = Settings(
        depth=6, seq_len=512, batch_size=12, device_batch_size=12, steps=10, compile=False,
        checkpointing=checkpointing,
    )  # fmt: skip
    plan = plan_run(settings, vocab_size=16_384, place=Place(), dtype="fp32")
    torch.ones(4, 4) @ torch.ones(4, 4)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    take_steps(make_trainer(plan, document_tokens=0, device=torch.device("cpu")), 2)
    taken = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * KIB
    counted = bytes_needed(plan.config, plan.device_batch_size, plan.place, True, checkpointing)
    print(json.dumps({"measured": taken, "counted": counted}))


if __name__ == "__main__":
    main("--checkpointing" in sys.argv)
