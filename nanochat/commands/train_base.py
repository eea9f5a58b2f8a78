"""`nanochat train base`: pretrain a model."""

from __future__ import annotations

import argparse

from nanochat.commands.flag_parser import check_settings, given_settings, training_parser
from nanochat.train.settings import Settings
from tools.core.arguments import OneLineParser

EXAMPLES = """examples:
  nanochat train base --depth 4 --seq-len 512 --batch-size 16 --steps 200
      a small model on a laptop's CPU: some minutes
  nanochat train base --depth 12
      what the depth dial says for depth 12, on one GPU
  torchrun --standalone --nproc_per_node=8 -m nanochat train base --depth 20
      the same on eight GPUs of one machine
  nanochat train base --resume --name d12
      continue a run that was stopped: Ctrl-C and SIGTERM save before they leave
  nanochat train base --config runs/d12/config.json --seed 1
      another run with the same settings, but for the seed

exit codes: 0 trained, 1 the loss went wrong, 2 the question was wrong, 130 Ctrl-C, 143 SIGTERM"""


def make_parser() -> OneLineParser:
    """A flag for every field of `Settings`, in groups, and the few that say how to start."""
    about = "Pretrain a model. --depth sets everything else; each flag changes one thing."
    return training_parser(Settings, "nanochat train base", "--depth N", about, EXAMPLES)


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that no machine and no corpus could make sense of."""
    check_settings(options, Settings)


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    from nanochat.train.start import BASE, begin

    config = getattr(options, "config", None)
    start = begin(BASE, given_settings(options, Settings), "resume" in options, config)
    from nanochat.train.base import train_base

    return train_base(start, dry_run="dry_run" in options)
