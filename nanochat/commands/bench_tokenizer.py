"""`nanochat bench tokenizer`: how long a vocabulary takes to learn, how fast text is encoded."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat.commands.measure import result, worker
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError


def speed(value: float) -> str:
    """Megabytes a second.

    >>> speed(6.543)
    '6.5 MB/s'
    """
    return f"{value:.1f} MB/s"


COLUMNS: dict[str, tuple[str, result.Show]] = {
    "vocab_size": ("vocabulary", result.whole),
    "train_seconds": ("learning", result.seconds),
    "train_memory_bytes": ("memory", result.size),
    "bytes_per_token": ("bytes a token", lambda value: f"{value:.2f}"),
    "encode_mb_per_second": ("encoding", speed),
    "encode_threads_mb_per_second": ("on all cores", speed),
    "decode_mb_per_second": ("decoding", speed),
    "pure_mb_per_second": ("standard library", speed),
}
EXAMPLES = """examples:
  nanochat bench tokenizer
      vocabularies of 4,096 and 32,768 from the corpus classics
  nanochat bench tokenizer --corpus climbmix --vocab-size 32768 --max-bytes 100000000
      from the first 100 MB of another corpus"""


def make_parser() -> OneLineParser:
    """The flags."""
    parser = OneLineParser(
        prog="nanochat bench tokenizer",
        description="Measure learning a vocabulary, and encoding and decoding with it.",
        epilog=EXAMPLES,
    )
    parser.add_argument("--corpus", default="classics", metavar="NAME", help="(default: classics)")
    parser.add_argument(
        "--vocab-size", default="4096,32768", metavar="N,…", help="one or more sizes (default: 4096,32768)"
    )
    parser.add_argument("--max-bytes", type=int, metavar="N", help="text to learn from (default: all)")
    parser.add_argument("--megabytes", type=int, default=8, metavar="N", help="text to encode (default: 8)")
    result.add_output(parser)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense."""
    sizes(options.vocab_size)
    for name in ("max_bytes", "megabytes"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name.replace('_', '-')} {value} must be at least 1")


def sizes(words: str) -> list[int]:
    """The sizes in a list with commas.

    >>> sizes("4096,32768")
    [4096, 32768]
    """
    if not all(word.isdecimal() for word in words.split(",")):
        raise UsageError(f"--vocab-size {words}: use whole numbers with commas between, such as 4096,32768")
    return [int(word) for word in words.split(",")]


def run(options: argparse.Namespace) -> int:
    """Measure each size in a process of its own."""
    check(options)
    asked = sizes(options.vocab_size)
    if options.dry_run:
        print(
            f"would learn {len(asked)} vocabularies from {options.corpus} and encode {options.megabytes} MB"
        )
        return 0
    settings: dict[str, Any] = {name: getattr(options, name) for name in ("corpus", "max_bytes", "megabytes")}
    rows = []
    for vocab_size in asked:
        row = worker.ask("tokenizing", settings | {"vocab_size": vocab_size})
        machine = row.pop("machine")
        rows.append({"vocab_size": vocab_size, **row})
    words = result.given_words(options, make_parser())
    return result.hand_over(result.make("tokenizer", words, settings, rows, machine), COLUMNS, options)
