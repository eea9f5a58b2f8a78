"""`nanochat tokenizer eval`: compare how well tokenizers compress, by kind of text."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat.errors import UserError
from nanochat.home import tokenizer_folder
from tools.core.arguments import OneLineParser

if TYPE_CHECKING:
    from nanochat.tokenizer.evaluation import Compression
    from nanochat.tokenizer.fast import FastTokenizer

MAX_BYTES = 5_000_000
COMPARED = "gpt2,cl100k_base,o200k_base"
EXAMPLES = """examples:
  nanochat tokenizer eval
      the tokenizer called default, beside GPT-2's, GPT-4's and GPT-4o's
  nanochat tokenizer eval --tokenizer small,default --corpus climbmix
      two of your own, on another corpus as well
  nanochat tokenizer eval --text thesis.md --json

A cell is bytes of text a token: more is better. Published vocabularies are 3 to 6 times as large as ours, so
they should win; on the text it was learned from, a small one comes near."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat tokenizer eval`."""
    parser = OneLineParser(
        prog="nanochat tokenizer eval",
        description="Compare how well tokenizers compress, by kind of text.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--tokenizer", default="default", metavar="NAME[,NAME]", help="yours (default: default)"
    )
    parser.add_argument(
        "--against",
        default=COMPARED,
        metavar="NAME[,NAME]",
        help=f"published ones, or none (default: {COMPARED})",
    )
    parser.add_argument(
        "--corpus", metavar="NAME", help="whose validation shard (default: the one it was learned from)"
    )
    parser.add_argument(
        "--text", type=Path, action="append", default=[], metavar="FILE", help="a text of yours"
    )
    parser.add_argument("--json", action="store_true", help="print raw values as JSON")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UserError` for names that no tokenizer has."""
    from nanochat.tokenizer.ranks import rank_file

    try:
        for name in against(options):
            rank_file(name)
    except ValueError as error:
        raise UserError(str(error)) from None


def against(options: argparse.Namespace) -> list[str]:
    """The published tokenizers to compare with."""
    return [] if options.against == "none" else list(filter(None, options.against.split(",")))


def run(options: argparse.Namespace) -> int:
    """Encode every text with every tokenizer, and print the table."""
    check(options)
    from nanochat.data.loader import open_tokenizer
    from nanochat.tokenizer.evaluation import compression, published_if_there

    names = list(filter(None, options.tokenizer.split(",")))
    if not names:
        raise UserError(f"--tokenizer {options.tokenizer!r} names no tokenizer; leave it out for default")
    ours = {name: open_tokenizer(name) for name in names}
    texts = texts_of(options, names)
    theirs, missing = published_if_there(against(options))
    tokenizers = ours | theirs
    found = {
        kind: {name: compression(tokenizer, parts) for name, tokenizer in tokenizers.items()}
        for kind, parts in texts.items()
    }
    print(as_json(tokenizers, found, missing) if options.json else as_table(tokenizers, found))
    for why in missing.values():
        print(why, file=sys.stderr)
    return 0


def texts_of(options: argparse.Namespace, names: list[str]) -> dict[str, list[str]]:
    """The texts, by kind: those that come with the project, the reader's, a validation shard's."""
    from nanochat.data.corpus import open_corpus
    from nanochat.data.shards import documents
    from nanochat.tokenizer.evaluation import kinds_of_text, take

    texts = {kind: [text] for kind, text in kinds_of_text().items()}
    for path in options.text:
        try:
            texts[path.name] = [path.read_text(encoding="utf-8")]
        except UnicodeDecodeError:
            raise UserError(f"{path} is not UTF-8 text") from None
    corpus = options.corpus or learned_from(names)
    if corpus:
        shard = open_corpus(corpus).validation
        texts[f"{Path(corpus).name}, validation"] = list(take(documents(shard), MAX_BYTES))
    return texts


def learned_from(names: list[str]) -> str | None:
    """The corpus that the first of these tokenizers was learned from, if both are here."""
    from nanochat.commands.tokenizer_train import RECORD
    from nanochat.data.corpus import open_corpus

    folder = Path(names[0]) if "/" in names[0] else tokenizer_folder(names[0])
    try:
        corpus = str(json.loads((folder / RECORD).read_bytes())["corpus"])
        open_corpus(corpus)
    except (OSError, ValueError, KeyError, TypeError, UserError):
        return None
    return corpus


def as_json(
    tokenizers: dict[str, FastTokenizer], found: dict[str, dict[str, Compression]], missing: dict[str, str]
) -> str:
    """Raw values."""
    kinds = {
        kind: {
            name: {"bytes": one.text_bytes, "tokens": one.tokens, "bytes_per_token": one.bytes_per_token}
            for name, one in row.items()
        }
        for kind, row in found.items()
    }
    sizes = {name: tokenizer.n_vocab for name, tokenizer in tokenizers.items()}
    return json.dumps({"vocab_size": sizes, "kinds": kinds, "missing": missing}, indent=1, ensure_ascii=False)


def as_table(tokenizers: dict[str, FastTokenizer], found: dict[str, dict[str, Compression]]) -> str:
    """A row a kind of text, a column a tokenizer, bytes a token in the cells."""
    names = list(tokenizers)
    first = max(len("bytes a token"), *(len(kind) for kind in found))
    widths = [max(len(name), 9) for name in names]

    def line(head: str, cells: list[str]) -> str:
        return f"{head:<{first}}" + "".join(
            f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
        )

    rows = [
        line("bytes a token", names),
        line("ids", [f"{one.n_vocab:,}" for one in tokenizers.values()]),
        "",
    ]
    rows += [
        line(kind, [f"{row[name].bytes_per_token:.2f}" for name in names]) for kind, row in found.items()
    ]
    return "\n".join(rows)
