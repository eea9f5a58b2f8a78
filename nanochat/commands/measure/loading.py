"""How fast batches come, and how much of the text is used, by way of packing.

The loader is asked for batches as fast as it can give them. A training that takes fewer tokens a second than
that never waits. Reading starts at the beginning of the corpus, so a second run finds it in the disk's cache.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from nanochat.commands.measure import machine
from nanochat.data.corpus import open_corpus
from nanochat.data.lanes import LANES
from nanochat.data.loader import Loader, Tokenizer, make_loader, open_tokenizer

FIRST_BATCHES = 4  # not timed: threads and queues fill


class Counting:
    """A tokenizer that remembers how long each document was, in the order in which they are numbered."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.bos, self.n_vocab, self.fingerprint = tokenizer.bos, tokenizer.n_vocab, tokenizer.fingerprint
        self.lengths: list[int] = []

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[npt.NDArray[np.int32]]:
        """The ids of several texts."""
        found = self.tokenizer.encode_batch(texts, threads)
        self.lengths += [len(ids) + 1 for ids in found]  # and a <|bos|>
        return found


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Time a loader; see `nanochat.commands.bench_loader` for what the question holds."""
    corpus, tokenizer = open_corpus(question["corpus"]), open_tokenizer(question["tokenizer"])
    counting = Counting(tokenizer)
    start = time.perf_counter()
    loader = make_loader(
        corpus, counting, "train", question["batch_size"], question["seq_len"], packing=question["packing"],
        workers=question["workers"],
    )  # fmt: skip
    with loader:
        next(loader)
        first = time.perf_counter() - start
        for _ in islice(loader, FIRST_BATCHES):
            pass
        start, targets = time.perf_counter(), 0
        for batch in islice(loader, question["batches"]):
            targets += int((batch.targets_BT >= 0).sum())
        spent = time.perf_counter() - start
    given = (1 + FIRST_BATCHES + question["batches"]) * question["batch_size"] * question["seq_len"]
    return {
        "tokens_per_second": round(targets / spent, 1),
        "first_batch_seconds": round(first, 4),
        "used_share": round(min(1.0, given / taken(loader, counting.lengths)), 4),
        "vocab_size": tokenizer.n_vocab,
        "machine": machine.describe(),
    }


def taken(loader: Loader, lengths: Sequence[int]) -> int:
    """Tokens of the documents that the batches so far were made of, but for what still waits in the lanes."""
    total = 0
    for text, lane in loader.state()["lanes"].items():
        for number in range(int(text), lane["next"], LANES):
            total += lengths[number]
        total -= sum(lengths[number] - used for number, used in lane["waiting"])
    return max(1, total)
