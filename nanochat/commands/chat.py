"""`nanochat chat`: talk with a model in the terminal."""

from __future__ import annotations

import argparse
import contextlib
import secrets
import sys
from typing import TYPE_CHECKING, Any

from nanochat.commands import chat_model
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.command import wants_color
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from nanochat.serve.terminal import Chat
    from nanochat.train.finished import FinishedRun

EXAMPLES = """examples:
  nanochat chat
      the newest run of sft or rl; /help lists what can be typed besides questions
  nanochat chat --run d12-rl --temperature 0
  nanochat chat --prompt 'What is 37 * 12?'
      one answer, and nothing else, on standard output
  echo 'What is 37 * 12?' | nanochat chat

Ctrl-C stops an answer and keeps the chat; Ctrl-D leaves. NO_COLOR=1 leaves the colours out."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat chat`."""
    parser = OneLineParser(
        prog="nanochat chat", description="Talk with a model in the terminal.", epilog=EXAMPLES
    )
    parser.add_argument("--prompt", metavar="TEXT", help="answer this and leave")
    parser.add_argument("--system", default="", metavar="TEXT", help="what the model is told first")
    chat_model.add_flags(parser)
    group = parser.add_argument_group("sampling")
    for flag, kind, metavar, says in (
        ("temperature", float, "X", "0: always the likeliest token (default: 0.8)"),
        ("top-k", int, "N", "only the N likeliest tokens"),
        ("top-p", float, "P", "only the likeliest tokens that together have this probability"),
        ("min-p", float, "P", "only tokens with at least this share of the likeliest one's probability"),
        ("seed", int, "N", "the same seed and questions give the same answers"),
        ("max-tokens", int, "N", "of one answer (default: 512)"),
    ):
        group.add_argument(f"--{flag}", type=kind, metavar=metavar, help=says)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but make no sense."""
    from nanochat.inference.request import Sampling

    chat_model.check(options)
    if options.max_tokens is not None and options.max_tokens < 1:
        raise UsageError(f"--max-tokens {options.max_tokens}: at least 1")
    try:
        Sampling(**sampling_of(options))
    except ValueError as error:
        name, _, rest = str(error).partition("=")
        raise UsageError(f"--{name.replace('_', '-')} {rest}") from None


def sampling_of(options: argparse.Namespace) -> dict[str, Any]:
    """What the flags say about sampling."""
    names = ("temperature", "top_k", "top_p", "min_p")
    return {name: value for name in names if (value := getattr(options, name)) is not None}


def run(options: argparse.Namespace) -> int:
    """Load the model, then talk."""
    check(options)
    run = chat_model.choose_run(options.run)
    checkpoint = run.checkpoint(options.step)
    chat = make_chat(options, run, checkpoint.step)
    try:
        if options.prompt is not None:
            return answer_once(chat, options.prompt)
        kind = "" if run.stage in chat_model.CHATS else "; it has learned no conversations: expect nonsense"
        chat.screen.aside(
            f"{run.name}, step {checkpoint.step:,}, reads {chat.engine.context:,} tokens{kind}\n"
            "/help lists the commands, Ctrl-D leaves"
        )
        prepare_readline()
        chat.talk(input)
        return 0
    finally:
        chat.engine.close()


def make_chat(options: argparse.Namespace, run: FinishedRun, step: int) -> Chat:
    """The chat that the flags describe."""
    from nanochat.inference.request import Sampling
    from nanochat.serve.conversation import Conversation
    from nanochat.serve.screen import Screen
    from nanochat.serve.terminal import MAX_TOKENS, Chat

    maker = chat_model.EngineMaker(
        str(run.folder), step, options.device, options.python, options.unsafe_sandbox, rows=1
    )
    terminal = sys.stdout.isatty()
    return Chat(
        maker(),
        run.tokenizer(),
        Screen(lambda text: print(text, end="", flush=True), terminal, wants_color()),
        Sampling(**sampling_of(options)),
        options.max_tokens or MAX_TOKENS,
        secrets.randbits(48) if options.seed is None else options.seed,
        Conversation(options.system),
    )


def answer_once(chat: Chat, prompt: str) -> int:
    """Answer one question. 130 if it was stopped."""
    text = prompt.encode(errors="surrogateescape").decode(errors="replace")
    try:
        return 0 if chat.ask(text) else 130
    except ValueError as error:
        raise UserError(str(error)) from None


def prepare_readline() -> None:
    """Arrow keys, history and Tab for commands, where Python has readline."""
    with contextlib.suppress(ImportError):
        import readline

        from nanochat.serve.terminal import COMMANDS

        names = [f"/{one.split()[0]}" for one in COMMANDS]

        def complete(begun: str, number: int) -> str | None:
            fitting = [name for name in names if begun.startswith("/") and name.startswith(begun)]
            return fitting[number] if number < len(fitting) else None

        readline.set_completer_delims(" ")
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")
