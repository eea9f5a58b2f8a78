"""`nanochat train`: the commands that begin with a word which alone is none."""

from __future__ import annotations

import argparse

from nanochat.cli import COMMANDS
from tools.core.arguments import OneLineParser


def make_parser() -> OneLineParser:
    """Takes the group's name, and `--help`."""
    parser = OneLineParser(prog="nanochat", add_help=False, description="The commands of one kind.")
    parser.add_argument("group")
    parser.add_argument("-h", "--help", action="store_true")
    return parser


def run(options: argparse.Namespace) -> int:
    """List the group's commands."""
    for name, command in COMMANDS.items():
        if name.startswith(f"{options.group} "):
            print(f"nanochat {name:<16} {command.summary}")
    print(f"\nnanochat {options.group} COMMAND --help says more.")
    return 0
