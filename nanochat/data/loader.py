"""From a corpus to batches: read, tokenize, pack, ahead of the training and exactly resumable.

    loader = make_loader(open_corpus("classics"), open_tokenizer("default"), "train", 32, 2048)
    for batch in loader: ...          # endless; a validation loader ends after one pass
    state = loader.state()            # plain data; make_loader(..., state=state) goes on with the next batch

Two threads work ahead of the training. One reads row groups and tokenizes them (tiktoken works outside of the
interpreter's lock, so `workers` threads of its own help it); the other packs rows into batches. Processes
would need their results copied between them, and threads keep up already.

The state belongs to the batch that was handed out last, not to what has been prepared: nothing is lost.
With several processes each has a state of its lanes; all of them together continue on any number.

Shapes: B batch, T time.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nanochat.data.lanes import LANES, Lane, LanePlace, Tokens, lanes_of, with_bos
from nanochat.data.reading import Order, Position, groups
from nanochat.errors import UserError
from nanochat.home import tokenizer_folder
from nanochat.tokenizer.fast import FastTokenizer

AHEAD = 8  # batches that may be ready
VERSION = 1


class Corpus(Protocol):
    """What is needed of a corpus."""

    @property
    def train(self) -> Sequence[Path]:
        """The shards to learn from."""

    @property
    def validation(self) -> Path:
        """The shard to measure on."""

    @property
    def fingerprint(self) -> str:
        """A hash of all shards."""


class Tokenizer(Protocol):
    """What is needed of a tokenizer."""

    @property
    def bos(self) -> int:
        """The id before a document."""

    @property
    def n_vocab(self) -> int:
        """How many ids there are."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the ids."""

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[npt.NDArray[np.int32]]:
        """The ids of several texts."""


@dataclass(frozen=True)
class Batch:
    """A micro-batch of one process."""

    inputs_BT: Tensor  # int64
    targets_BT: Tensor  # int64; the id that follows each, -1 where there is none
    documents_BT: Tensor  # int32; the number of each token's document within its row
    weights_BT: Tensor | None = None  # fp32; what each target counts, where they do not count alike


def open_tokenizer(name_or_path: str) -> FastTokenizer:
    """A trained tokenizer by its name, or by the folder it is in. Raises `UserError` if it is not there."""
    folder = tokenizer_place(name_or_path)
    if folder != Path(name_or_path) and not folder.is_dir():
        name = "" if name_or_path == "default" else f" --name {name_or_path}"
        raise UserError(
            f"there is no tokenizer {name_or_path!r}; train it with: nanochat tokenizer train{name}"
        )
    return FastTokenizer.load(folder)


def tokenizer_place(name_or_path: str) -> Path:
    """Where the tokenizer lies: words with a slash, or a folder's name from here, are a path."""
    if os.sep in name_or_path or Path(name_or_path).is_dir():
        return Path(name_or_path)
    return tokenizer_folder(name_or_path)


def make_loader(
    corpus: Corpus,
    tokenizer: Tokenizer,
    split: str,
    rows_per_step: int,
    seq_len: int,
    *,
    rank: int = 0,
    world: int = 1,
    device_batch: int | None = None,
    packing: str = "documents",
    workers: int | None = None,
    seed: int = 0,
    state: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
) -> Loader:
    """The micro-batches of process `rank` of `world`, `device_batch` rows of `seq_len` tokens each.

    `split` is "train" (shuffled by `seed`, endless) or "validation" (in order, whole documents, one pass).
    `packing` is "documents", which uses every token, or "best-fit", which throws away what it cuts. `workers`
    threads tokenize; 0 does all work when a batch is asked for. `state` is one loader's, or those of all
    processes, which may have been more or fewer than now.
    """
    device_batch = device_batch or rows_per_step // world
    if rows_per_step % (world * device_batch):
        raise ValueError(
            f"{rows_per_step} rows a step are not divisible among {world} processes × {device_batch} rows"
        )
    if split not in ("train", "validation") or packing not in ("documents", "best-fit"):
        raise ValueError(f"no split {split!r} or no packing {packing!r}")
    train = split == "train"
    is_what = {
        "version": VERSION, "split": split, "seed": seed if train else None, "seq_len": seq_len,
        "packing": packing if train else "documents", "corpus": corpus.fingerprint,
        "tokenizer": tokenizer.fingerprint,
    }  # fmt: skip
    states = [state] if isinstance(state, Mapping) else list(state or [])
    start = merge(states, is_what)
    if start.rows % world:
        raise ValueError(f"a state after {start.rows} rows cannot be continued by {world} processes")
    threads = default_workers() if workers is None else workers
    shards = corpus.train if train else [corpus.validation]
    order = Order(seed if train else None)
    source = groups(shards, order, start.position, epochs=None if train else 1)
    packer = Packer(start, rank, world, source, encoder(tokenizer, threads), is_what, ahead=threads > 0)
    make = partial(packer.next_batch, device_batch, seq_len)
    return Loader(make, packer.close, start, is_what, ahead=threads > 0)


def default_workers() -> int:
    """Threads that tokenize: a few. One keeps up with a million tokens a second."""
    return max(1, min(4, (os.cpu_count() or 1) // 2))


def encoder(tokenizer: Tokenizer, threads: int) -> Callable[[list[str]], Iterator[Tokens]]:
    """What turns texts into ids between two `<|bos|>`."""
    small, bos = tokenizer.n_vocab <= 2**16, tokenizer.bos

    def encode(texts: list[str]) -> Iterator[Tokens]:
        return (with_bos(ids, bos, small) for ids in tokenizer.encode_batch(texts, max(1, threads)))

    return encode


class Somewhere(Protocol):
    """Where a loader is."""

    def to_dict(self, is_what: Mapping[str, Any]) -> dict[str, Any]:
        """As plain data."""


class Loader:
    """Batches, prepared ahead. Made by `make_loader` or by `make_conversation_loader`."""

    def __init__(
        self,
        make: Callable[[], tuple[Batch, Somewhere] | None],
        end: Callable[[], None],
        start: Somewhere,
        is_what: Mapping[str, Any],
        ahead: bool,
    ) -> None:
        self.make, self.end, self.place, self.is_what = make, end, start, is_what
        self.wait_seconds = 0.0  # that `next` took, all together
        self.told = 0.0  # of these, how many `waited` has told
        self.over: Exception | None = None  # the end of the text, or what went wrong
        self.ready: queue.Queue[Prepared] = queue.Queue(AHEAD)
        self.closed = threading.Event()
        self.thread: threading.Thread | None = None
        if ahead:
            self.thread = threading.Thread(target=self.work_ahead, name="packer", daemon=True)
            self.thread.start()

    def __iter__(self) -> Loader:
        return self

    def __next__(self) -> Batch:
        if self.over is None:
            start = time.perf_counter()
            found = self.ready.get() if self.thread else self.prepare()
            self.wait_seconds += time.perf_counter() - start
            if not isinstance(found, Exception):
                batch, self.place = found
                return batch
            self.over = found
            self.close()
        raise self.over

    def prepare(self) -> Prepared:
        """The next batch, or why there is none."""
        try:
            return self.make() or StopIteration()
        except Exception as error:
            return error

    def state(self) -> dict[str, Any]:
        """What goes on with the batch after the last one that was handed out; plain data."""
        return self.place.to_dict(self.is_what)

    def begin_step(self, number: int) -> None:
        """Nothing: every step has as many micro-batches as the plan says."""

    def figures(self) -> dict[str, float]:
        """Nothing more to measure."""
        return {}

    def waited(self) -> float:
        """Seconds that asking for batches took since this was last asked."""
        since, self.told = self.wait_seconds - self.told, self.wait_seconds
        return since

    def work_ahead(self) -> None:
        """What the packing thread does; an error goes to whoever asks for the next batch."""
        found: Prepared | None = None
        while not self.closed.is_set() and not isinstance(found, Exception):
            found = self.prepare()
            while not self.closed.is_set():
                try:
                    self.ready.put(found, timeout=0.1)
                    break
                except queue.Full:
                    continue

    def close(self) -> None:
        """Stop working ahead."""
        self.closed.set()
        if self.thread:
            self.thread.join()
        self.end()

    def __enter__(self) -> Loader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# ---- where a loader is ----


@dataclass(frozen=True)
class Place:
    """Where all lanes are after `rows` rows of the whole training, and which row groups they still need."""

    rows: int
    lanes: tuple[tuple[int, LanePlace], ...]
    groups: tuple[Position, ...]

    @property
    def position(self) -> Position:
        """The row group with the oldest document that some lane needs."""
        oldest = min((place.oldest for _, place in self.lanes), default=0)
        return max((one for one in self.groups if one.first <= oldest), key=lambda one: one.first)

    def to_dict(self, is_what: Mapping[str, Any]) -> dict[str, Any]:
        """As plain data."""
        lanes = {
            str(number): {
                "rows": lane.rows,
                "next": lane.next,
                "waiting": [list(one) for one in lane.waiting],
            }
            for number, lane in self.lanes
        }
        return {**is_what, "rows": self.rows, "position": asdict(self.position), "lanes": lanes}


def merge(states: Sequence[Mapping[str, Any]], is_what: Mapping[str, Any]) -> Place:
    """One place from the states of all processes. Raises `UserError` if they are of something else."""
    if not states:
        return Place(0, (), (Position(),))
    lanes: dict[int, LanePlace] = {}
    for state in states:
        for name, value in is_what.items():
            if state.get(name) != value:
                raise UserError(
                    f"the text cannot be continued: its {name} was {state.get(name)}, now {value}"
                )
        for text, lane in state["lanes"].items():
            waiting = tuple((number, used) for number, used in lane["waiting"])
            found = LanePlace(lane["rows"], lane["next"], waiting)
            known = lanes.get(int(text), found)  # two processes that share a lane may be at different rows
            lanes[int(text)] = max(known, found, key=lambda one: one.rows)
    rows = {state["rows"] for state in states}
    if len(rows) > 1:
        raise UserError(f"the text cannot be continued: the processes were at different rows, {sorted(rows)}")
    positions = [Position(**state["position"]) for state in states]
    return Place(rows.pop(), tuple(lanes.items()), (min(positions, key=lambda one: one.first),))


# ---- the work ----


class Packer:
    """Reads, tokenizes and packs; one thread uses it."""

    def __init__(
        self,
        start: Place,
        rank: int,
        world: int,
        source: Iterator[tuple[Position, list[str]]],
        encode: Callable[[list[str]], Iterator[Tokens]],
        is_what: Mapping[str, Any],
        ahead: bool,
    ) -> None:
        self.rank, self.world, self.source, self.encode, self.is_what = rank, world, source, encode, is_what
        known = dict(start.lanes)
        keep_rest = is_what["packing"] == "documents"
        self.lanes = {
            number: Lane(known.get(number, LanePlace()), keep_rest) for number in lanes_of(rank, world)
        }
        self.rows, self.groups, self.ended = start.rows, start.groups, False
        self.reader = ThreadPoolExecutor(1, thread_name_prefix="reader") if ahead else None
        self.reading: Future[Group | None] | None = None

    def next_batch(self, B: int, T: int) -> tuple[Batch, Place] | None:
        """The next micro-batch and where the lanes are after it; None at the end of the text."""
        inputs_BT, targets_BT = np.empty((B, T), dtype=np.int64), np.empty((B, T), dtype=np.int64)
        documents_BT = np.empty((B, T), dtype=np.int32)
        for row in range(B):
            number = self.rows + row * self.world + self.rank
            lane = self.lanes[number % LANES]
            while lane.rows <= number // LANES:  # a row before is that of another process
                while not lane.ready and not self.ended:
                    self.read_more()
                lane.fill(inputs_BT[row], targets_BT[row], documents_BT[row])
        if self.ended and (targets_BT < 0).all() and all(lane.empty for lane in self.lanes.values()):
            return None
        self.rows += B * self.world
        place = Place(self.rows, tuple((n, lane.place) for n, lane in self.lanes.items()), self.groups)
        tensors = [torch.from_numpy(array) for array in (inputs_BT, targets_BT, documents_BT)]
        if torch.cuda.is_available():  # copied to the GPU while it works
            tensors = [tensor.pin_memory() for tensor in tensors]
        return Batch(*tensors), place

    def read_more(self) -> None:
        """Deal the next row group to the lanes, and have the one after it read meanwhile."""
        found = self.reading.result() if self.reading else self.read_group()
        if found is None:
            self.ended = True
            return
        position, documents = found
        for number, ids in documents:
            self.lanes[number % LANES].deal(number, ids)
        oldest = min(lane.place.oldest for lane in self.lanes.values())
        needed = [one for one in self.groups if one.first > oldest]
        before = [one for one in self.groups if one.first <= oldest]
        self.groups = tuple(before[-1:] + needed + ([position] if position not in self.groups else []))
        if self.reader:
            self.reading = self.reader.submit(self.read_group)

    def read_group(self) -> Group | None:
        """The next row group's documents that the lanes want, as ids; None when there is none."""
        found = next(self.source, None)
        if found is None:
            return None
        position, texts = found
        wanted = [
            (number, text)
            for number, text in enumerate(texts, position.first)
            if text and (lane := self.lanes.get(number % LANES)) and lane.wants(number)
        ]
        return position, list(
            zip((number for number, _ in wanted), self.encode([text for _, text in wanted]), strict=True)
        )

    def close(self) -> None:
        """Let the reading thread end."""
        if self.reader:
            self.reader.shutdown(cancel_futures=True)


Group = tuple[Position, list[tuple[int, Tokens]]]
Prepared = tuple[Batch, Somewhere] | Exception
