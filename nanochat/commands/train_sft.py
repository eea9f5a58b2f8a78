"""`nanochat train sft`: teach a base model to answer."""

from __future__ import annotations

import argparse

from nanochat.commands.flag_parser import check_settings, given_settings, training_parser
from nanochat.train.sft_settings import SftSettings
from tools.core.arguments import OneLineParser

EXAMPLES = """mixtures:
  classroom     for a small model, needs no download: sums through the calculator, word problems, spelling,
                counting letters, definitions, small talk, who it is
  storybook     the same for a model that is to talk: short stories and questions about them, what everybody
                knows, and the classroom's tasks; needs no download
  chat          SmolTalk, MMLU, GSM8K, ARC, spelling, identity; fetch them once with
                nanochat data prepare --task NAME

examples:
  nanochat train sft --from-run d4
      the classroom, for the model of the run d4; the new run is called d4-sft
  nanochat train sft --from-run d4 --mixture arithmetic:2,spelling:1 --examples 20000
      tasks by name, with weights
  nanochat train sft --from-run d4 --conversations mine.jsonl --share 0.3
      your own conversations, three in ten; one JSON a line: {"messages": [{"role": "user", ...}, ...]}
  torchrun --standalone --nproc_per_node=8 -m nanochat train sft --from-run d24 --mixture chat
      on eight GPUs of one machine
  nanochat train sft --resume --from-run d4
      continue a run that was stopped

exit codes: 0 trained, 1 the loss went wrong, 2 the question was wrong, 130 Ctrl-C, 143 SIGTERM"""


def make_parser() -> OneLineParser:
    """A flag for every field of `SftSettings`, in groups, and the few that say how to start."""
    about = "Fine-tune a model on conversations, so that it answers. --from-run says which model."
    return training_parser(SftSettings, "nanochat train sft", "--from-run RUN", about, EXAMPLES)


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that no machine and no run could make sense of."""
    check_settings(options, SftSettings)


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    from nanochat.train.sft import SFT, train_sft
    from nanochat.train.start import begin

    given = given_settings(options, SftSettings)
    start = begin(SFT, given, "resume" in options, getattr(options, "config", None))
    return train_sft(start, dry_run="dry_run" in options)
