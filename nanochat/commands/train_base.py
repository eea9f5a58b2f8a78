"""`nanochat train base`: pretrain a model."""

from __future__ import annotations

import argparse
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.train.settings import Settings, check_value, flag_of, kind_of
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

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
    parser = OneLineParser(
        prog="nanochat train base",
        description="Pretrain a model. --depth sets everything else; each flag changes one thing.",
        epilog=EXAMPLES,
        argument_default=argparse.SUPPRESS,
        usage="nanochat train base --depth N [flags]",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for one in fields(Settings):
        facts = one.metadata
        group = groups.get(facts["group"]) or parser.add_argument_group(facts["group"])
        groups[facts["group"]] = group
        kind = kind_of(one.name)
        if kind is bool:
            action = "store_false" if one.default else "store_true"
            words = f"do not {facts['help']}" if one.default else facts["help"]
            group.add_argument(flag_of(one.name), dest=one.name, action=action, help=words)
            continue
        default = f" (default: {one.default})" if one.default not in (None, "") else ""
        metavar = facts["metavar"] or ("{" + ",".join(facts["choices"]) + "}" if facts["choices"] else "TEXT")
        group.add_argument(
            flag_of(one.name),
            dest=one.name,
            type=reader(one.name, kind),
            metavar=metavar,
            help=facts["help"] + default,
        )
    start = parser.add_argument_group("Start")
    start.add_argument("--resume", action="store_true", help="continue the run where it was stopped")
    start.add_argument("--config", type=Path, metavar="FILE", help="settings from another run's config.json")
    start.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def reader(name: str, kind: type) -> Any:
    """What turns a word of the command line into the value of a setting."""
    facts = next(one.metadata for one in fields(Settings) if one.name == name)

    def read(word: str) -> Any:
        value: Any = word
        if kind in (int, float):
            try:
                # 1_000 and 1,000 are how people write them; 1e9 is a whole number too.
                plain = re.sub(r"(?<=\d)[_,](?=\d{3})", "", word)
                value = int(plain) if kind is int and "e" not in plain.lower() else float(plain)
                if kind is int and int(value) == value:
                    value = int(value)
            except (ValueError, OverflowError):
                value = word
        try:
            check_value(name, value, facts)
        except UserError as error:
            raise UsageError(str(error)) from None
        return value

    return read


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that no machine and no corpus could make sense of."""
    try:
        Settings(**given_settings(options)).checked()
    except UserError as error:
        raise UsageError(str(error)) from None


def given_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The settings among the flags that were given."""
    names = {one.name for one in fields(Settings)}
    return {name: value for name, value in vars(options).items() if name in names}


def run(options: argparse.Namespace) -> int:
    """Train; returns the exit code."""
    from nanochat.train.start import begin

    start = begin(given_settings(options), "resume" in options, getattr(options, "config", None))
    from nanochat.train.base import train_base

    return train_base(start, dry_run="dry_run" in options)
