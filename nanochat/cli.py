"""The `nanochat` command: `nanochat tools model-calculator --preset gpt2-small`.

Every command is a function from its words to an exit code, and is imported when it is called, so that
`--help` is quick and needs nothing heavy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nanochat import __version__
from tools.core.arguments import OneLineParser, read_command
from tools.core.command import guarded
from tools.core.command import main as run_tool
from tools.core.errors import UsageError
from tools.core.words import nearest


@dataclass(frozen=True)
class Command:
    """One command: what `nanochat --help` says of it, how it runs, how its words are checked alone."""

    summary: str
    run: Callable[[Sequence[str]], int]
    check: Callable[[Sequence[str]], None]


def tools_parser() -> OneLineParser:
    """The parser of `nanochat tools` itself; each tool has its own for the words after its name."""
    parser = OneLineParser(
        prog="nanochat tools",
        description="The learning tools. Without a name: list them.",
        epilog="examples:\n  nanochat tools\n  nanochat tools model-calculator --help",
    )
    parser.add_argument("tool", nargs="?", help="the tool to run; the words after it are the tool's own")
    return parser


def run_tools(words: Sequence[str]) -> int:
    """`nanochat tools`: list the tools, or run one."""
    from tools import registry

    if not words:
        for name in registry.NAMES:
            print(f"{name:<22} {registry.load(name).summary}")
        return 0
    if words[0].startswith("-"):
        tools_parser().parse_args(list(words))
        return 0
    return run_tool(registry.load(words[0]), words[1:], prog=f"nanochat tools {words[0]}")


def check_tools(words: Sequence[str]) -> None:
    """Raise `UsageError` if `nanochat tools` would refuse these words."""
    from tools import registry

    if words and words[0].startswith("-"):
        tools_parser().parse_args(list(words))
    elif words:
        read_command(registry.load(words[0]), words[1:], prog=f"nanochat tools {words[0]}")


COMMANDS = {
    "tools": Command("list the learning tools, or run one", run_tools, check_tools),
}


def make_parser() -> OneLineParser:
    """The parser of `nanochat` itself, for its help and version."""
    listed = "\n".join(f"  {name:<10} {command.summary}" for name, command in COMMANDS.items())
    parser = OneLineParser(
        prog="nanochat",
        usage="nanochat [-h] [--version] COMMAND ...",
        description=f"A language model small enough to understand.\n\ncommands:\n{listed}",
        epilog=(
            "examples:\n"
            "  nanochat tools\n"
            "  nanochat tools model-calculator --preset gpt2-small\n\n"
            "`python -m nanochat` is the same command."
        ),
    )
    parser.add_argument("--version", action="version", version=f"nanochat {__version__}")
    return parser


def find_command(words: Sequence[str]) -> Command:
    """The command that these words start with."""
    if words[0] not in COMMANDS:
        if words[0].startswith("-"):
            make_parser().parse_args([words[0]])
        raise UsageError(
            f"there is no command {words[0]!r}{nearest(words[0], COMMANDS)}; see nanochat --help"
        )
    return COMMANDS[words[0]]


def check(words: Sequence[str]) -> None:
    """Raise `UsageError` if `nanochat` would refuse these words; runs nothing.

    >>> check(["tool"])
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no command 'tool'; did you mean tools?; see nanochat --help
    """
    if words:
        find_command(words).check(words[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `nanochat` command and return its exit code."""
    words = sys.argv[1:] if argv is None else argv
    return guarded("nanochat", lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    if not words:
        make_parser().print_help()
        return 0
    return find_command(words).run(words[1:])
