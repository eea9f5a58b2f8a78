"""A command line made from a dataclass of settings: a flag for every field, in groups."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.train.flags import Flags, check_value, flag_of, kind_of
from nanochat.train.settings import GROUPS
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError


def training_parser(settings: type[Flags], prog: str, needs: str, about: str, examples: str) -> OneLineParser:
    """The parser of a command that trains: a flag for every setting, and the few that say how to start.

    `needs` are the words of the usage line that no run goes without.
    """
    parser = OneLineParser(
        prog=prog, description=about, epilog=examples, argument_default=argparse.SUPPRESS,
        usage=f"{prog} {needs} [flags]",
    )  # fmt: skip
    add_flags(parser, settings, GROUPS)
    start = parser.add_argument_group("Start")
    start.add_argument("--resume", action="store_true", help="continue the run where it was stopped")
    start.add_argument("--config", type=Path, metavar="FILE", help="settings from another run's config.json")
    start.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def add_flags(parser: argparse.ArgumentParser, settings: type[Flags], groups: Sequence[str]) -> None:
    """Add a flag for every field of `settings`; those that are not given stay out of the answer."""
    known = fields(settings)
    for title in groups:
        some = [one for one in known if one.metadata["group"] == title]
        group = parser.add_argument_group(title) if some else parser
        for one in some:
            add_flag(group, one)


def add_flag(group: argparse._ActionsContainer, one: Field[Any]) -> None:
    """One flag."""
    kind, facts = kind_of(one), one.metadata
    if kind is bool:
        action = "store_false" if one.default else "store_true"
        words = f"do not {facts['help']}" if one.default else facts["help"]
        group.add_argument(flag_of(one.name), dest=one.name, action=action, help=words)
        return
    default = f" (default: {one.default})" if one.default not in (None, "") else ""
    metavar = facts["metavar"] or ("{" + ",".join(facts["choices"]) + "}" if facts["choices"] else "TEXT")
    group.add_argument(
        flag_of(one.name), dest=one.name, type=reader(one), metavar=metavar, help=facts["help"] + default
    )


def reader(one: Field[Any]) -> Any:
    """What turns a word of the command line into the value of a setting."""
    kind = kind_of(one)

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
            check_value(one, value)
        except UserError as error:
            raise UsageError(str(error)) from None
        return value

    return read


def given_settings(options: argparse.Namespace, settings: type[Flags]) -> dict[str, Any]:
    """The settings among the flags that were given."""
    names = {one.name for one in fields(settings)}
    return {name: value for name, value in vars(options).items() if name in names}


def check_settings(options: argparse.Namespace, settings: type[Flags]) -> None:
    """Raise `UsageError` for flags that no machine and no text could make sense of."""
    try:
        settings(**given_settings(options, settings)).checked()
    except UserError as error:
        raise UsageError(str(error)) from None
