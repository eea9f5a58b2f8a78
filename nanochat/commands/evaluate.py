"""`nanochat eval`: how good a trained model is."""

from __future__ import annotations

import argparse
from pathlib import Path

from nanochat.evaluation.names import names_in
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

SPLITS = ("test", "train", "validation")
TEMPERATURE = 0.0
EXAMPLES = """tasks:
  bpb          bits per byte on the validation shard of the corpus
  core         CORE, the 22 tasks of DCLM
  NAME         a task: arc-easy, arc-challenge, mmlu, mmlu-offline, gsm8k, gsm-symbolic, humaneval,
               arithmetic, larger-arithmetic, word-problems, spelling, letter-counting, chain-sum,
               letters-in-text, spell-backward
  base         bpb and core
  chat         the six tasks of ChatCORE: arc-easy, arc-challenge, mmlu, gsm8k, humaneval, letter-counting
  classroom    arithmetic, word-problems, spelling, letter-counting, larger-arithmetic: no download
  all          everything

examples:
  nanochat eval --run d4
      a base model: base; a chat model: classroom, and what is on disk of chat
  nanochat eval --run d4 --tasks bpb
  nanochat eval --run d4-sft --tasks classroom --limit 200
      the same 200 questions of each task every time
  nanochat eval --run d4-sft --tasks arithmetic --samples 8 --temperature 0.8
      eight replies to each question, by chance: how often one is right
  torchrun --standalone --nproc_per_node=8 -m nanochat eval d24 --tasks core
      the same figures, by eight GPUs; here without --run, which torchrun would take for its own --run-path

Each result is kept in the run's folder, under evaluations/, with the command that computes it again. Errors
(±) are one standard error. Exit codes: 0 evaluated, 2 the question was wrong or data is missing."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat eval`."""
    parser = OneLineParser(
        prog="nanochat eval", description="Say how good a trained model is, with error bars.", epilog=EXAMPLES
    )
    parser.add_argument("named", nargs="?", metavar="RUN", help="the same as --run RUN")
    parser.add_argument("--run", metavar="NAME", help="the run's name, or its folder")
    parser.add_argument("--step", type=int, metavar="N", help="which checkpoint (default: the last)")
    parser.add_argument(
        "--tasks", metavar="NAME[,NAME]", help="what to evaluate (default: what suits the run)"
    )
    parser.add_argument("--limit", type=int, metavar="N", help="questions of each task (default: all)")
    parser.add_argument("--split", default="test", metavar="{" + ",".join(SPLITS) + "}",
                        help="of tasks (default: test)")  # fmt: skip
    parser.add_argument(
        "--samples", type=int, default=1, metavar="K", help="replies to each question (default: 1)"
    )
    parser.add_argument(
        "--temperature", type=float, default=TEMPERATURE, metavar="T",
        help="of replies; 0 takes the likeliest token (default: 0)",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of replies by chance (default: 0)")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="replies written at a time (default: 8, on a GPU 64)"
    )
    parser.add_argument(
        "--unsafe-sandbox",
        action="store_true",
        help="run programs of the model (humaneval) where this machine cannot contain them, too",
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write all results into one file as well")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` or `UserError` for words that parse but make no sense."""
    if (options.run is None) == (options.named is None):
        raise UsageError("say which run to evaluate, once: nanochat eval --run NAME")
    if options.tasks is not None:
        names_in(options.tasks)
    for flag in ("limit", "samples", "rows"):
        value = getattr(options, flag)
        if value is not None and value < 1:
            raise UsageError(f"--{flag} {value}: at least 1")
    if options.split not in SPLITS:
        raise UsageError(f"--split {options.split}: use {', '.join(SPLITS)}")
    if not 0 <= options.temperature <= 100:
        raise UsageError(f"--temperature {options.temperature}: from 0 to 100")
    if options.samples > 1 and options.temperature == 0:
        raise UsageError(
            f"--samples {options.samples} without --temperature: all would be the same; add --temperature 0.8"
        )


def run(options: argparse.Namespace) -> int:
    """Evaluate; returns the exit code."""
    check(options)
    options.run = options.run or options.named
    from nanochat.commands.evaluate_run import evaluate

    return evaluate(options)
