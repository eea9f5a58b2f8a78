"""`nanochat bench serve`: how many people a server can talk to at once."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat.commands.measure import machine, result
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

QUESTION = "Tell me who you are and what you can do."
COLUMNS: dict[str, tuple[str, result.Show]] = {
    "clients": ("clients", result.whole),
    "streams": ("answers", result.whole),
    "failed": ("failed", result.whole),
    "lost": ("lost", result.whole),
    "pieces_per_second": ("pieces of text/s", result.whole),
    "first_p50_seconds": ("first text, p50", result.seconds),
    "first_p99_seconds": ("p99", result.seconds),
    "gap_p50_seconds": ("between pieces, p50", result.seconds),
    "gap_p99_seconds": ("p99 ", result.seconds),
}
EXAMPLES = """examples:
  nanochat bench serve --model d4-rl
      50 clients for 60 seconds, who each ask again when they have their answer
  nanochat bench serve --model d4-rl --clients 200 --max-tokens 32
  nanochat bench serve --url http://127.0.0.1:8000
      a server that is up already"""


def make_parser() -> OneLineParser:
    """The flags."""
    parser = OneLineParser(
        prog="nanochat bench serve",
        description="Measure a server under load: clients that stream at the same time.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--model", metavar="RUN", help="the run to serve (default: the newest that answers)")
    parser.add_argument("--url", metavar="URL", help="a server that is up already, instead")
    for flag, default, words in (
        ("clients", 50, "clients at the same time"),
        ("seconds", 60, "seconds during which they begin to ask"),
        ("max-tokens", 64, "tokens of an answer"),
        ("rows", 16, "answers that the server writes at a time"),
    ):
        parser.add_argument(
            f"--{flag}", type=int, default=default, metavar="N", help=f"{words} (default: {default})"
        )
    result.add_output(parser)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense."""
    for name in ("clients", "seconds", "max_tokens", "rows"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)} must be at least 1")
    if options.url and options.model:
        raise UsageError("--url is a server that is up, with its own model; leave --model out")
    if options.url and not options.url.startswith(("http://", "https://")):
        raise UsageError(f"--url {options.url}: an address begins with http://")


def run(options: argparse.Namespace) -> int:
    """Start a server, unless one is up, and put it under load."""
    check(options)
    if options.dry_run:
        print(f"would have {options.clients} clients ask for {options.seconds} seconds")
        return 0
    from nanochat.commands.measure import serving

    if options.url:
        row = measure(options.url, options)
    else:
        chosen = ["--run", options.model] if options.model else []
        queue = str(max(64, 2 * options.clients))
        with serving.server([*chosen, "--rows", str(options.rows), "--queue", queue]) as url:
            row = measure(url, options)
    settings = {name: getattr(options, name) for name in ("clients", "seconds", "max_tokens", "rows")}
    words = result.given_words(options, make_parser())
    made = result.make("serve", words, settings | {"model": row.pop("model")}, [row], machine.describe())
    return result.hand_over(made, COLUMNS, options)


def measure(url: str, options: argparse.Namespace) -> dict[str, Any]:
    """The row of one load."""
    import httpx

    from nanochat.commands.measure import serving

    try:
        models = httpx.get(f"{url}/v1/models", timeout=30).json()["data"]
    except (httpx.HTTPError, ValueError, KeyError) as error:
        raise UserError(f"{url}: no nanochat answers there ({type(error).__name__})") from None
    body = {"messages": [{"role": "user", "content": QUESTION}], "max_tokens": options.max_tokens}
    streams = serving.load(url, options.clients, options.seconds, body)
    found = serving.summary(streams, options.seconds)
    return {"clients": options.clients, **found, "model": models[0]["id"]}
