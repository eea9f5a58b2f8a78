"""`nanochat tools`: list the learning tools, or run one."""

from __future__ import annotations

import argparse

from tools import registry
from tools.core.arguments import OneLineParser, read_command
from tools.core.command import main as run_tool


def make_parser() -> OneLineParser:
    """The parser of `nanochat tools` itself; each tool has its own for the words after its name."""
    parser = OneLineParser(
        prog="nanochat tools",
        description="The learning tools. Without a name: list them.",
        epilog="examples:\n  nanochat tools\n  nanochat tools model-calculator --help",
    )
    parser.add_argument("tool", nargs="?", help="the tool to run; the words after it are the tool's own")
    parser.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` if the tool would refuse its words."""
    if options.tool:
        read_command(registry.load(options.tool), options.words, prog=f"nanochat tools {options.tool}")


def run(options: argparse.Namespace) -> int:
    """List the tools, or run the one that is named."""
    if options.tool:
        return run_tool(registry.load(options.tool), options.words, prog=f"nanochat tools {options.tool}")
    for name in registry.NAMES:
        print(f"{name:<22} {registry.load(name).summary}")
    return 0
