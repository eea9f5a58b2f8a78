"""`nanochat bench loader`: how fast batches come."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat.commands.measure import result, worker
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

PACKINGS = ("documents", "best-fit")
COLUMNS: dict[str, tuple[str, result.Show]] = {
    "packing": ("packing", str),
    "tokens_per_second": ("tokens/s", result.whole),
    "used_share": ("of the text used", result.percent),
    "first_batch_seconds": ("first batch", result.seconds),
}
EXAMPLES = """examples:
  nanochat bench loader
      batches of 8 x 512 from the corpus classics, both ways of packing
  nanochat bench loader --corpus climbmix --batch-size 32 --seq-len 2048 --workers 8
      what a large GPU asks for"""


def make_parser() -> OneLineParser:
    """The flags are those of `nanochat train base`, where they mean the same."""
    parser = OneLineParser(
        prog="nanochat bench loader",
        description=(
            "Measure how many tokens a second the loader reads, tokenizes and packs, and how much of the\n"
            "text it uses. A training that takes fewer tokens a second never waits for text."
        ),
        epilog=EXAMPLES,
    )
    parser.add_argument("--corpus", default="classics", metavar="NAME", help="(default: classics)")
    parser.add_argument("--tokenizer", default="default", metavar="NAME", help="(default: default)")
    for flag, default, words in (
        ("batch-size", 8, "sequences a batch"),
        ("seq-len", 512, "tokens a sequence"),
        ("batches", 100, "batches to time"),
        ("repeats", 3, "processes for each way of packing"),
    ):
        parser.add_argument(
            f"--{flag}", type=int, default=default, metavar="N", help=f"{words} (default: {default})"
        )
    parser.add_argument("--workers", type=int, metavar="N", help="threads that tokenize ahead")
    result.add_output(parser)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense."""
    for name in ("batch_size", "seq_len", "batches", "repeats"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)} must be at least 1")
    if options.workers is not None and options.workers < 0:
        raise UsageError(f"--workers {options.workers} must be at least 0")


def run(options: argparse.Namespace) -> int:
    """Measure both ways of packing several times in turn, and keep the fastest of each."""
    check(options)
    if options.dry_run:
        shape = f"{options.batch_size} x {options.seq_len} tokens"
        print(f"would time {options.batches} batches of {shape}, packed as {' and '.join(PACKINGS)}")
        return 0
    names = ("corpus", "tokenizer", "batch_size", "seq_len", "batches", "workers")
    settings: dict[str, Any] = {name: getattr(options, name) for name in names}
    runs: dict[str, list[dict[str, Any]]] = {packing: [] for packing in PACKINGS}
    for _ in range(options.repeats):
        for packing in PACKINGS:
            runs[packing].append(worker.ask("loading", settings | {"packing": packing}))
    rows = []
    for packing in PACKINGS:
        best = dict(max(runs[packing], key=lambda run: float(run["tokens_per_second"])))
        best["tokens_per_second_of_each"] = [run["tokens_per_second"] for run in runs[packing]]
        machine, settings["vocab_size"] = best.pop("machine"), best.pop("vocab_size")
        rows.append({"packing": packing, **best})
    words = result.given_words(options, make_parser())
    return result.hand_over(result.make("loader", words, settings, rows, machine), COLUMNS, options)
