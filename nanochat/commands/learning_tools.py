"""`nanochat tools`: list the learning tools, or run one."""

from __future__ import annotations

import argparse
from textwrap import shorten

from tools import registry
from tools.core.arguments import OneLineParser, read_command
from tools.core.command import main as run_tool
from tools.core.command import terminal_width


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
    for line in listing(terminal_width()):
        print(line)
    return 0


def listing(width: int) -> list[str]:
    """A line for each tool, at most so wide: its name, and as much of its summary as there is room for.

    >>> lines = listing(80)
    >>> len(lines) == len(registry.NAMES), max(map(len, lines)) <= 80
    (True, True)
    """
    names = max(map(len, registry.NAMES)) + 2
    room = max(20, width - names)
    return [
        f"{name:<{names}}{shorten(registry.load(name).summary, room, placeholder=' ...')}"
        for name in registry.NAMES
    ]
