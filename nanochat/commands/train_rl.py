"""`nanochat train rl`: let a model learn from grades of its own answers."""

from __future__ import annotations

import argparse

from nanochat.commands.flag_parser import check_settings, given_settings, training_parser
from nanochat.train.rl_settings import RlSettings
from tools.core.arguments import OneLineParser

EXAMPLES = """tasks:
  arithmetic, word-problems, letter-counting, spelling
                for a small model, need no download
  gsm8k         school problems; fetch it once with: nanochat data prepare --task gsm8k

examples:
  nanochat train rl --from-run d4-sft
      the classroom's graded tasks, for the model of the run d4-sft; the new run is called d4-rl
  nanochat train rl --from-run d4-sft --tasks arithmetic --steps 100 --samples 32
      one task, more replies to each question
  torchrun --standalone --nproc_per_node=8 -m nanochat train rl --from-run d24-sft --tasks gsm8k
      on eight GPUs of one machine
  nanochat train rl --resume --from-run d4-sft
      continue a run that was stopped

exit codes: 0 trained, 1 the loss went wrong, 2 the question was wrong, 130 Ctrl-C, 143 SIGTERM"""


def make_parser() -> OneLineParser:
    """A flag for every field of `RlSettings`, in groups, and the few that say how to start."""
    about = "Reinforcement learning: a model answers, and learns from the grades of its answers."
    return training_parser(RlSettings, "nanochat train rl", "--from-run RUN", about, EXAMPLES)


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that no machine and no run could make sense of."""
    check_settings(options, RlSettings)


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    from nanochat.train.rl import RL, train_rl
    from nanochat.train.start import begin

    given = given_settings(options, RlSettings)
    start = begin(RL, given, "resume" in options, getattr(options, "config", None))
    return train_rl(start, dry_run="dry_run" in options)
