"""The `nanochat` command: `nanochat tools model-calculator --preset gpt2-small`.

Every command is a module of `nanochat.commands`, named by one or two words and imported when it is called,
so that `--help` is quick and needs nothing heavy.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from nanochat import __version__
from nanochat.errors import RunStopped, UserError
from nanochat.home import base_folder
from tools.core.arguments import OneLineParser
from tools.core.command import guarded
from tools.core.errors import ToolError, UsageError
from tools.core.words import nearest

# torch shares a product among threads, and one that is done spins until the slowest is: for 300,000 turns, if
# nobody says otherwise. Beside another program that takes a core, products then took 4.7 s that take 0.3 to
# 1.1 s if a waiting thread soon goes to sleep. On an idle machine nothing changes: 7,970 tokens a second in
# training either way. (Letting it sleep at once halves the speed of writing.)
SPIN = "30000"


class CommandModule(Protocol):
    """What a module of `nanochat.commands` has.

    It may also have `check(options)`, which raises `UsageError` for words that parse but that `run` would
    refuse; the tests of the pages ask it.
    """

    def make_parser(self) -> OneLineParser:
        """The parser of the words after the command's name; imports nothing heavy."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Do it, and return the exit code."""
        ...


@dataclass(frozen=True)
class Command:
    """One command: its words, what `nanochat --help` says of it, the module that holds it."""

    name: str
    summary: str
    module: str

    def load(self) -> CommandModule:
        """Import the module, and with it only what its parser needs."""
        return cast(CommandModule, importlib.import_module(f"nanochat.commands.{self.module}"))


COMMANDS = {
    command.name: command
    for command in (
        Command("data prepare", "put a corpus on disk, as shards", "data_prepare"),
        Command("tokenizer train", "learn a vocabulary from a corpus", "tokenizer_train"),
        Command("tokenizer eval", "compare how well tokenizers compress", "tokenizer_eval"),
        Command("train base", "pretrain a model", "train_base"),
        Command("train sft", "teach a base model to answer", "train_sft"),
        Command("train rl", "let a model learn from grades of its own answers", "train_rl"),
        Command("chat", "talk with a model in the terminal", "chat"),
        Command("serve", "answer chats over HTTP, and serve a chat page", "serve"),
        Command("eval", "say how good a trained model is", "evaluate"),
        Command("report", "write a run's report card", "report"),
        Command("export hf", "write a trained model for Hugging Face", "export_hf"),
        Command("export onnx", "write a trained model for ONNX Runtime", "export_onnx"),
        Command("speedrun", "text to trained model in one command", "speedrun"),
        Command("bench train", "measure training: tokens a second, memory, start-up", "bench_train"),
        Command("bench infer", "measure writing: first token, tokens a second", "bench_infer"),
        Command("bench serve", "put a server under load: many clients that stream", "bench_serve"),
        Command("bench tokenizer", "measure tokenizer training and encoding", "bench_tokenizer"),
        Command("bench loader", "measure how fast batches come", "bench_loader"),
        Command("tools", "list the learning tools, or run one", "learning_tools"),
    )
}


# Packages that only one extra of pyproject.toml brings; all others come with `train`.
EXTRAS = {"serve": ("fastapi", "pydantic", "uvicorn"), "onnx": ("onnx", "onnxruntime")}


def make_parser() -> OneLineParser:
    """The parser of `nanochat` itself, for its help and version."""
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:<{width}}  {command.summary}" for name, command in COMMANDS.items())
    parser = OneLineParser(
        prog="nanochat",
        usage="nanochat [-h] [--version] COMMAND ...",
        description=f"A language model small enough to understand.\n\ncommands:\n{listed}",
        epilog=(
            "examples:\n"
            "  nanochat speedrun --size laptop\n"
            "  nanochat train base --help\n"
            "  nanochat tools model-calculator --preset gpt2-small\n\n"
            "`python -m nanochat` is the same command, so that torchrun can start it. What an error\n"
            "means, and the way out: guide 8 of the site, Troubleshooting."
        ),
    )
    parser.add_argument("--version", action="version", version=f"nanochat {__version__}")
    return parser


def find_command(words: Sequence[str]) -> tuple[Command, Sequence[str]]:
    """The command that these words start with, and the words after its name.

    >>> command, rest = find_command(["train", "base", "--depth", "4"])
    >>> command.module, rest
    ('train_base', ['--depth', '4'])
    """
    for length in (2, 1):
        name = " ".join(words[:length])
        if name in COMMANDS:
            return COMMANDS[name], words[length:]
    first, second = words[0], words[1] if len(words) > 1 else ""
    if first.startswith("-"):
        make_parser().parse_args([first])
    group = {name.split()[1]: name for name in COMMANDS if name.startswith(f"{first} ")}
    if not group:
        firsts = dict.fromkeys(name.split()[0] for name in COMMANDS)
        raise UsageError(f"there is no command {first!r}{nearest(first, firsts)}; see nanochat --help")
    if second in ("", "-h", "--help"):
        return Command(first, "", "groups"), words
    known = _listed(group.values())
    raise UsageError(f"there is no command '{first} {second}'{nearest(second, group)}; there is {known}")


def _listed(names: Iterable[str]) -> str:
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def check(words: Sequence[str]) -> None:
    """Raise `UsageError` if `nanochat` would refuse these words; runs nothing.

    >>> check(["tool"])
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no command 'tool'; did you mean tools?; see nanochat --help
    """
    if words:
        module, options = _parse(words)
        if hasattr(module, "check"):
            module.check(options)


def _parse(words: Sequence[str]) -> tuple[CommandModule, argparse.Namespace]:
    command, rest = find_command(words)
    module = command.load()
    return module, module.make_parser().parse_args(list(rest))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the `nanochat` command and return its exit code.

    0 it worked, 1 the run went wrong, 2 the question was wrong, 130 interrupted.
    """
    words = sys.argv[1:] if argv is None else argv
    os.environ.setdefault("GOMP_SPINCOUNT", SPIN)
    return guarded("nanochat", lambda: _run(words))


def _run(words: Sequence[str]) -> int:
    if not words:
        make_parser().print_help()
        return 0
    try:
        module, options = _parse(words)
        return module.run(options)
    except UserError as error:
        raise UsageError(str(error)) from None
    except RunStopped as error:
        raise ToolError(str(error)) from None
    except ModuleNotFoundError as error:
        raise UsageError(missing_package(error)) from error
    except BrokenPipeError:
        raise
    except OSError as error:  # no space, no permission: the person can mend it
        what = error.strerror or str(error) or type(error).__name__
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and not error.filename:
            what = f"{what} under {base_folder()}; free some, or choose another place by NANOCHAT_BASE_DIR"
        raise UsageError(f"{error.filename}: {what}" if error.filename else what) from None


def missing_package(error: ModuleNotFoundError) -> str:
    """One line for a package that is not installed; raises the error again if it is a module of our own.

    >>> missing_package(ModuleNotFoundError("no", name="torch.nn"))
    "the package torch is not installed; in the folder of the project: pip install -e '.[train]'"
    """
    package = (error.name or "").partition(".")[0]
    if package in ("", "nanochat", "tools"):
        raise error
    extra = next((extra for extra, names in EXTRAS.items() if package in names), "train")
    return (
        f"the package {package} is not installed; in the folder of the project: pip install -e '.[{extra}]'"
    )
