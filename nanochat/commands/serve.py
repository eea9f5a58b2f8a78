"""`nanochat serve`: the model on a port of this machine, for programs and for people."""

from __future__ import annotations

import argparse

from nanochat.commands import chat_model
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

EXAMPLES = """examples:
  nanochat serve
      then open http://127.0.0.1:8000 in a browser, or ask as one asks OpenAI:
      curl http://127.0.0.1:8000/v1/chat/completions -H 'Content-Type: application/json' \\
        -d '{"messages": [{"role": "user", "content": "What is 37 * 12?"}]}'
  nanochat serve --run d12-rl --workers 2 --port 8080
  nanochat serve --host 0.0.0.0 --allow-host gpu.lan
      for the whole network; there is no password

Addresses: /v1/chat/completions, /v1/models, /health, /metrics (Prometheus), and the chat page at /."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat serve`."""
    parser = OneLineParser(
        prog="nanochat serve",
        description="Answer chats over HTTP, in OpenAI's form, and serve a page to chat on.",
        epilog=EXAMPLES,
    )
    chat_model.add_flags(parser)
    group = parser.add_argument_group("server")
    group.add_argument("--host", default="127.0.0.1", metavar="H", help="address (default: 127.0.0.1)")
    group.add_argument("--port", type=int, default=8000, metavar="N", help="(default: 8000)")
    group.add_argument(
        "--workers", type=int, metavar="N", help="engines (default: one for each GPU; one on a CPU)"
    )
    group.add_argument(
        "--rows",
        type=int,
        metavar="N",
        help=f"answers that an engine writes at a time (default: {chat_model.ROWS_CPU} on a CPU, "
        f"{chat_model.ROWS_GPU} on a GPU)",
    )
    group.add_argument(
        "--queue", type=int, default=64, metavar="N", help="answers that may wait for a row (default: 64)"
    )
    group.add_argument(
        "--deadline", type=float, default=300, metavar="S", help="seconds an answer may take (default: 300)"
    )
    group.add_argument(
        "--grace",
        type=float,
        default=20,
        metavar="S",
        help="seconds that answers may go on when the server is to stop (default: 20)",
    )
    group.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="another name of this machine"
    )
    group.add_argument(
        "--cors-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a site whose pages may ask, such as https://example.org",
    )
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but make no sense together."""
    chat_model.check(options)
    if not 0 <= options.port <= 65_535:
        raise UsageError(f"--port {options.port}: from 0 (any that is free) to 65535")
    for flag, least in (("workers", 1), ("rows", 1), ("queue", 0), ("deadline", 1), ("grace", 0)):
        value = getattr(options, flag)
        if value is not None and not least <= value < 1e6:
            raise UsageError(f"--{flag} {value}: at least {least}, below a million")
    for origin in options.cors_origin:
        if not origin.startswith(("http://", "https://")) or origin.count("/") != 2:
            raise UsageError(f"--cors-origin {origin}: a scheme and a host, such as https://example.org")


def run(options: argparse.Namespace) -> int:
    """Load the model and serve it until Ctrl-C."""
    check(options)
    try:
        from nanochat.serve.server import Where, serve
    except ModuleNotFoundError as error:
        raise UserError(f"nanochat serve needs {error.name}; pip install 'nanochat[serve]'") from None
    from nanochat.serve.app import Served

    run = chat_model.choose_run(options.run)
    checkpoint, tokenizer = run.checkpoint(options.step), run.tokenizer()
    maker = chat_model.EngineMaker(
        str(run.folder), checkpoint.step, options.device, options.python, options.unsafe_sandbox,
        options.rows, options.workers or 1,
    )  # fmt: skip
    maker.tool()  # where Python cannot be contained, it is said now
    served = Served(
        run.name,
        f"{run.name}@{checkpoint.step}",
        int(checkpoint.folder.stat().st_mtime),
        run.model_config.sequence_len,
        tokenizer,
        ("calculator", "python") if options.python else ("calculator",),
        options.deadline,
        (options.host, *options.allow_host),
        options.cors_origin,
    )
    serve(
        served, maker, Where(options.host, options.port, options.workers, options.queue, options.grace), say
    )
    return 0


def say(text: str) -> None:
    """A line at once, also into a file."""
    print(text, flush=True)
