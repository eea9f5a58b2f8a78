"""The command line of a tool, made from its parameters: argparse makes the help, `parse` reads the values."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn, TypeVar

from tools.core.errors import UsageError
from tools.core.exports import Saving, exports_of
from tools.core.parameters import Parameter, build, parameters_of
from tools.core.parsing import write
from tools.core.tool import Tool
from tools.core.words import LARGEST, nearest, say

P = TypeVar("P")


class OneLineParser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and whose unknown flags come with the nearest known one.

    >>> parser = OneLineParser(prog="demo")
    >>> _ = parser.add_argument("--depth")
    >>> parser.parse_args(["--dept", "3"])
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no --dept; did you mean --depth?
    """

    def __init__(self, **settings: Any) -> None:
        # Abbreviations would break scripts the day a second flag starts the same way.
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)

    def error(self, message: str) -> NoReturn:
        """Raise instead of printing the usage over several lines."""
        flag, _, value = message.removeprefix("argument ").partition(": ignored explicit argument ")
        raise UsageError(f"{flag} takes no value" if value else flag)

    def _print_message(self, message: str, file: Any = None) -> None:
        # argparse's own swallows the error of a full disk, and --help would seem to have worked.
        if message:
            (file or sys.stderr).write(message)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Like argparse's own, but an unknown flag says what it may have meant."""
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            asked = unknown[0].split("=")[0]
            if asked.startswith("-"):
                flags = [option for action in self._actions for option in action.option_strings]
                shown = asked if asked.isprintable() and len(asked) <= 40 else say(asked)
                raise UsageError(f"there is no {shown}{nearest(asked, flags)}")
            raise UsageError(
                f"{say(unknown[0])} is one argument too many; put quotes around text with spaces"
            )
        return found


def help_of(parameter: Parameter) -> str:
    """The help line of a parameter: what it is, its range, its default.

    >>> help_of(Parameter("integer", 12, "layers of the model", low=1, high=1000))
    'layers of the model (1 to 1,000; default: 12)'
    """
    facts = []
    if parameter.kind in ("integer", "number"):
        low, high = parameter.low, parameter.high
        if low is not None and high is not None and high < LARGEST:
            facts.append(f"{say(low)} to {say(high)}")
        elif low is not None:
            facts.append(f"at least {say(low)}")
        elif high is not None:
            facts.append(f"at most {say(high)}")
    if parameter.many:
        facts.append("may be repeated")
    if parameter.kind != "flag" and parameter.default not in (None, "", ()):
        default = parameter.default
        words = [
            say(one) if isinstance(one, (int, float)) else write(one)
            for one in (default if parameter.many else [default])
        ]
        shown = ", ".join(words).replace("\n", " ")
        facts.append("default: " + (shown if len(shown) <= 60 else shown[:59] + "…"))
    return parameter.help + (f" ({'; '.join(facts)})" if facts else "")


def _metavar(parameter: Parameter) -> str | None:
    if parameter.kind == "choice":
        words = ",".join(word for word, _ in parameter.choices)
        return "{" + words + "}" if len(words) <= 60 else "NAME"
    names = {"integer": "N", "number": "X", "text": "TEXT", "file": "PATH" if parameter.folder else "FILE"}
    return names[parameter.kind]


def make_parser(tool: Tool, prog: str) -> OneLineParser:
    """The parser of a tool; `tool.parameters` gives the flags, in their groups."""
    parser = OneLineParser(prog=prog, description=f"{tool.title}: {tool.summary}.\n\n{tool.details}".strip())
    groups: dict[str, Any] = {}
    for parameter in parameters_of(tool.parameters):
        group = groups.get(parameter.group) or parser.add_argument_group(parameter.group)
        groups[parameter.group] = group
        _add(group, parameter)
    output = parser.add_argument_group("Output")
    output.add_argument("--json", action="store_true", help="print raw values as JSON")
    output.add_argument(
        "--explain", action="store_true", help="show the formula of every figure, numbers put in"
    )
    output.add_argument("--no-color", action="store_true", help="no colours (NO_COLOR does the same)")
    for export in exports_of(tool):
        helped = f"write {export.help} to this file (- is standard output)".replace("%", "%%")
        output.add_argument(f"--{export.key}", dest=f"save {export.key}", metavar="FILE", help=helped)
    output.add_argument("--overwrite", action="store_true", help="replace such a file if it is there already")
    if tool.examples:
        lines = [f"  {prog} {arguments}\n      {shows}" for arguments, shows in tool.examples]
        parser.epilog = "examples:\n" + "\n".join(lines).replace("%", "%%")
    return parser


def _add(group: Any, parameter: Parameter) -> None:
    settings: dict[str, Any] = {"dest": parameter.name, "default": argparse.SUPPRESS}
    settings["help"] = help_of(parameter).replace("%", "%%")
    if parameter.kind == "flag":
        if parameter.default:
            off = settings | {"help": "do not: " + settings["help"]}
            group.add_argument("--no-" + parameter.key, action="store_false", **off)
            settings["help"] = argparse.SUPPRESS
        group.add_argument(parameter.flag, action="store_true", **settings)
        return
    settings["metavar"] = _metavar(parameter)
    # Choices are not given to argparse: its words for a wrong one differ from ours.
    group.add_argument(parameter.flag, action="append" if parameter.many else "store", **settings)
    if parameter.positional:
        settings.update(
            dest=parameter.name + " ", nargs="*" if parameter.many else "?", metavar=parameter.name
        )
        settings["help"] = f"the same as {parameter.flag}"
        group.add_argument(**settings)


def _joined(parser: OneLineParser, argv: Sequence[str]) -> Iterator[str]:
    """`--text -x` as `--text=-x`: argparse would take the value for a flag. A known flag stays one."""
    flags = {option: action for action in parser._actions for option in action.option_strings}
    words = iter(argv)
    for word in words:
        if word == "--":
            yield word
            yield from words
        elif word in flags and flags[word].nargs is None:
            value = next(words, None)
            if value is None or value in flags:
                raise UsageError(f"{word} needs a value")
            yield f"{word}={value}"
        else:
            yield word


def read_arguments(parser: OneLineParser, argv: Sequence[str]) -> argparse.Namespace:
    """The raw words of a command line."""
    found: argparse.Namespace = parser.parse_args(list(_joined(parser, argv)))
    return found


def from_arguments(declared: type[P], found: argparse.Namespace) -> P:
    """The checked parameters for what `read_arguments` found."""
    values = dict(vars(found))
    for parameter in parameters_of(declared):
        plain = values.pop(parameter.name + " ", None)
        if plain not in (None, []):
            if parameter.name in values:
                raise UsageError(
                    f"{parameter.flag} is given twice: with the flag and without", parameter.name
                )
            values[parameter.name] = plain
    known = {parameter.name: parameter for parameter in parameters_of(declared)}
    given = {name: raw for name, raw in values.items() if name in known}
    for name, raw in given.items():
        parameter = known[name]
        # A form's empty field is one left out. On a command line it is a variable somebody forgot to set.
        if "" in (raw if parameter.many else [raw]) and (parameter.kind != "text" or parameter.optional):
            raise UsageError(f"{parameter.flag} needs a value, not ''", name)
    return build(declared, given)


def read_command(tool: Tool, argv: Sequence[str], prog: str) -> tuple[Any, argparse.Namespace]:
    """The checked parameters of a command line, and the flags about output: `json`, `explain`, `no_color`."""
    found = read_arguments(make_parser(tool, prog), argv)
    return from_arguments(tool.parameters, found), found


def savings(tool: Tool, found: argparse.Namespace) -> list[Saving]:
    """The files that a command line asks for; refused before the work begins if they cannot be written."""
    from pathlib import Path

    asked = [(export, getattr(found, f"save {export.key}")) for export in exports_of(tool)]
    wanted = [Saving(export, Path(word), found.overwrite) for export, word in asked if word is not None]
    for one in wanted:
        one.check()
    if sum(one.to_stdout for one in wanted) + bool(found.json) > 1:
        raise UsageError("only one thing can go to standard output; give the others a file")
    if len({one.path for one in wanted}) < len(wanted):
        raise UsageError("two files of one name are asked for; give each its own")
    return wanted


def to_command(tool: Tool, parameters: object) -> str:
    """The command that asks the same, ready to paste: quoted, and only what differs from the defaults."""
    from shlex import quote

    words = ["python", tool.script]
    for parameter in parameters_of(type(parameters)):
        value = getattr(parameters, parameter.name)
        if value == parameter.default:
            continue
        if parameter.kind == "flag":
            words.append(parameter.flag if value else "--no-" + parameter.key)
            continue
        for one in value if parameter.many else [value]:
            word = write(one)
            # A value that looks like a flag must be tied to its own.
            tied = word.startswith("-")
            if parameter.kind == "file" and parameter.positional and not tied:
                words.append(quote(word))
                continue
            words += [quote(f"{parameter.flag}={word}")] if tied else [parameter.flag, quote(word)]
    return " ".join(words)
