"""How long a vocabulary takes to learn, and how fast text is encoded with it.

- learning is timed as `nanochat tokenizer train` does it, in a process of its own: start, reading, saving
- encoding is timed on the first megabytes of the corpus, with one thread and with more, and with the standard
  library's tokenizer on a smaller piece, since it is some ten times slower
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from nanochat.commands.measure import machine
from nanochat.data.corpus import open_corpus
from nanochat.data.shards import documents
from nanochat.errors import UserError
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import Tokenizer

NAME = "measured"
PURE_BYTES = 200_000  # for the standard library's tokenizer
TRIES = 3  # tries of each; the fastest counts


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Learn one vocabulary and encode with it; see `nanochat.commands.bench_tokenizer` for the question."""
    corpus = open_corpus(question["corpus"])
    texts = some_text(corpus.train, question["megabytes"] * 10**6)
    with tempfile.TemporaryDirectory(prefix="nanochat-bench-") as base:
        found = learn(corpus.folder.resolve(), question["vocab_size"], question["max_bytes"], Path(base))
        folder = Path(base) / "tokenizer" / NAME
        fast, plain = FastTokenizer.load(folder), Tokenizer.load(folder)
    n_bytes = sum(len(text.encode()) for text in texts)
    ids = fast.encode_batch(texts)
    threads = machine.usable_cores()
    pure = shorten(texts, PURE_BYTES)
    return {
        **found,
        "text_bytes": corpus.text_bytes,
        "bytes_per_token": round(n_bytes / sum(map(len, ids)), 4),
        "encode_mb_per_second": speed(n_bytes, lambda: fast.encode_batch(texts)),
        "encode_threads_mb_per_second": speed(n_bytes, lambda: fast.encode_batch(texts, threads)),
        "threads": threads,
        "decode_mb_per_second": speed(n_bytes, lambda: [fast.decode(one.tolist()) for one in ids]),
        "pure_mb_per_second": speed(
            sum(len(text.encode()) for text in pure), lambda: [plain.encode(text) for text in pure]
        ),
        "machine": machine.describe(with_torch=False),
    }


def learn(corpus: Path, vocab_size: int, max_bytes: int | None, base: Path) -> dict[str, float]:
    """Seconds and memory of `nanochat tokenizer train`."""
    words = [sys.executable, "-m", "nanochat", "tokenizer", "train", "--corpus", str(corpus)]
    words += ["--vocab-size", str(vocab_size), "--name", NAME]
    words += ["--max-bytes", str(max_bytes)] if max_bytes else []
    start = time.perf_counter()
    done = subprocess.run(
        words, env={**os.environ, "NANOCHAT_BASE_DIR": str(base)}, capture_output=True, text=True, check=False
    )
    spent = time.perf_counter() - start
    if done.returncode:
        raise UserError(f"learning the vocabulary failed: {(done.stderr.splitlines() or ['in silence'])[-1]}")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {
        "train_seconds": round(spent, 2),
        "train_memory_bytes": most if sys.platform == "darwin" else most * 1_024,
    }


def some_text(shards: Sequence[Path], most: int) -> list[str]:
    """Documents from the beginning of the corpus, up to so many bytes."""
    return take(chain.from_iterable(documents(path) for path in shards), most)


def shorten(texts: Sequence[str], most: int) -> list[str]:
    """The first of some texts, up to so many bytes.

    >>> shorten(["one", "two", "three"], 6)
    ['one', 'two']
    """
    return take(iter(texts), most)


def take(texts: Iterator[str], most: int) -> list[str]:
    """Texts as long as together they have at most so many bytes; always one."""
    found: list[str] = []
    for text in texts:
        most -= len(text.encode())
        if most < 0 and found:
            break
        found.append(text)
    return found


def speed(n_bytes: int, work: Callable[[], object]) -> float:
    """Megabytes a second of the fastest of some tries."""
    best = float("inf")
    for _ in range(TRIES):
        start = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - start)
    return round(n_bytes / 1e6 / best, 3)
