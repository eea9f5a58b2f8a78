"""`nanochat tokenizer train`: learn a vocabulary from a corpus."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.errors import UserError
from nanochat.home import tokenizer_folder
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from nanochat.data.corpus import Corpus
    from nanochat.tokenizer.tokenizer import Tokenizer

VOCAB_SIZE = 32_768
MAX_BYTES = 500_000_000
UNSEEN_BYTES = 2_000_000
RECORD = "training.json"  # beside the tokenizer: what it was learned from
EXAMPLES = """examples:
  nanochat tokenizer train --vocab-size 4096 --name small
      4,096 ids from the corpus classics, for small models: some seconds
  nanochat tokenizer train --corpus climbmix
      the default size from web text: minutes
  nanochat train base --depth 4 --tokenizer small
      train a model with it

The size counts everything: 256 bytes, the learned merges, nine special tokens. A larger vocabulary makes
texts shorter, and the model's embedding and head larger."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat tokenizer train`."""
    parser = OneLineParser(
        prog="nanochat tokenizer train",
        description="Learn a vocabulary of byte pairs from the text of a corpus.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "--corpus",
        default="classics",
        metavar="NAME",
        help="a prepared corpus, or its folder (default: classics)",
    )
    parser.add_argument(
        "--vocab-size",
        type=int,
        default=VOCAB_SIZE,
        metavar="N",
        help=f"how many ids (default: {VOCAB_SIZE:,})",
    )
    parser.add_argument("--name", default="default", help="what to call it (default: default)")
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=MAX_BYTES,
        metavar="N",
        help=f"read no more text than this (default: {MAX_BYTES:,})",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a tokenizer of the same name")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but that `run` would refuse."""
    from nanochat.tokenizer.training import check_vocab_size

    try:
        check_vocab_size(options.vocab_size)
        tokenizer_folder(options.name)
    except UserError as error:
        raise UsageError(str(error).replace("vocab_size=", "--vocab-size ")) from None
    if options.max_bytes < 1:
        raise UsageError(f"--max-bytes {options.max_bytes}: at least 1")


def run(options: argparse.Namespace) -> int:
    """Learn, save, and say how well it compresses text that it was not learned from."""
    check(options)
    from nanochat.data.corpus import open_corpus

    folder = tokenizer_folder(options.name)
    if folder.exists() and not options.overwrite:
        raise UserError(f"{folder} is there already; choose another --name, or say --overwrite")
    corpus = open_corpus(options.corpus)
    if options.dry_run:
        size = min(corpus.text_bytes, options.max_bytes)
        print(
            f"would learn {options.vocab_size:,} ids from {size / 1e6:,.2f} MB of {corpus.name} into {folder}"
        )
        return 0
    start = time.perf_counter()
    tokenizer, record = learn(corpus, options.vocab_size, options.name, options.max_bytes)
    seconds = time.perf_counter() - start
    save(tokenizer, record, folder)
    from nanochat.data.shards import documents
    from nanochat.tokenizer.evaluation import compression, take
    from nanochat.tokenizer.fast import FastTokenizer

    unseen = compression(FastTokenizer.of(tokenizer), take(documents(corpus.validation), UNSEEN_BYTES))
    print(
        f"{options.name}: {tokenizer.n_vocab:,} ids from {record['bytes'] / 1e6:,.2f} MB of {corpus.name} in "
        f"{seconds:.1f} s; {unseen.bytes_per_token:.2f} bytes a token on its validation shard\n{folder}"
    )
    return 0


def learn(corpus: Corpus, vocab_size: int, name: str, max_bytes: int) -> tuple[Tokenizer, dict[str, Any]]:
    """The tokenizer, and what it was learned from."""
    from nanochat.data.shards import documents
    from nanochat.tokenizer.evaluation import take
    from nanochat.tokenizer.training import train_tokenizer

    texts = take(chain.from_iterable(documents(path) for path in corpus.train), max_bytes)
    read = {"documents": 0, "bytes": 0}
    try:
        with progress(min(max_bytes, corpus.text_bytes)) as show:
            tokenizer = train_tokenizer(counted(texts, read, show), vocab_size, name)
    except UserError as error:
        raise UserError(str(error).replace("vocab_size=", "--vocab-size ")) from None
    return tokenizer, {"corpus": corpus.name, "corpus_fingerprint": corpus.fingerprint, **read}


def counted(texts: Iterable[str], read: dict[str, int], show: Callable[[int], None]) -> Iterator[str]:
    """The same texts, counted in `read` as they pass."""
    for text in texts:
        read["documents"] += 1
        read["bytes"] += len(text.encode())
        show(read["bytes"])
        yield text


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[int], None]]:
    """A bar on a terminal: first reading, then merging, of which rustbpe tells nothing until its end."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda done: None
        return
    columns = TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("counting pieces", total=total)

        def show(done: int) -> None:
            if done < total:
                bar.update(task, completed=done)
            else:
                bar.update(task, description="learning merges", total=None)

        yield show


def save(tokenizer: Tokenizer, record: dict[str, Any], folder: Path) -> None:
    """Put the tokenizer in its place whole: written beside it, then renamed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        made = beside / "new"
        tokenizer.save(made)
        (made / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        if folder.exists():  # --overwrite: out of the way, and back if the new one cannot take its place
            folder.rename(beside / "old")
        try:
            made.rename(folder)
        except OSError:
            (beside / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)
