"""From conversations to batches: rendered, packed whole, exactly resumable.

    loader = make_conversation_loader(mixture, tokenizer, 16, 512)
    for batch in loader: ...          # endless, or one pass

A row is filled with whole conversations, each a document of its own: none is cut that fits a row by itself,
since half an answer teaches nothing. Among those that wait the longest comes that still fits (best fit); what
stays empty at the end of a row has targets of -1 and is never learnt. A target counts only where the mask of
`nanochat.tokenizer.chat` is 1: where the model itself has to write the token.

Rows have one order, which every process packs for itself and takes its share of: so one process and several
learn from the same rows, and all have the same place to go on from. Rendering is little work beside learning.

Shapes: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from nanochat.data.loader import Batch, Loader
from nanochat.data.packing import WAITING, fill_row_whole
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import Tokenizer

VERSION = 1
Ids = npt.NDArray[np.int64]


class Examples(Protocol):
    """Conversations by number: a task, a mixture, a list."""

    def __len__(self) -> int:
        """How many."""

    def __getitem__(self, number: int) -> Example:
        """One of them."""


def make_conversation_loader(
    examples: Examples,
    tokenizer: Tokenizer,
    rows_per_step: int,
    seq_len: int,
    *,
    fingerprint: str = "",
    rank: int = 0,
    world: int = 1,
    device_batch: int | None = None,
    endless: bool = True,
    ahead: bool = True,
    state: Mapping[str, Any] | None = None,
) -> Loader:
    """The micro-batches of process `rank` of `world`, `device_batch` rows of `seq_len` tokens each.

    `fingerprint` says which examples these are; a `state` of others is refused with `UserError`. `endless`
    begins again after the last, else the loader ends. `ahead` prepares batches in a thread.
    """
    device_batch = device_batch or rows_per_step // world
    if rows_per_step % (world * device_batch):
        raise ValueError(
            f"{rows_per_step} rows a step are not divisible among {world} processes × {device_batch} rows"
        )
    if not len(examples):
        raise UserError("there is no conversation to learn from")
    is_what = {"version": VERSION, "seq_len": seq_len, "examples": fingerprint, "count": len(examples)}
    place = Place.read(state, is_what) if state else Place()
    packer = ConversationPacker(examples, tokenizer, seq_len, place, endless)
    make = partial(next_batch, packer, device_batch, rank, world)
    return Loader(make, lambda: None, place, is_what, ahead)


@dataclass(frozen=True)
class Place:
    """How many rows there have been, the next example, and those that wait for a row."""

    rows: int = 0
    next: int = 0
    waiting: tuple[int, ...] = ()

    def to_dict(self, is_what: Mapping[str, Any]) -> dict[str, Any]:
        """As plain data."""
        return {**is_what, "rows": self.rows, "next": self.next, "waiting": list(self.waiting)}

    @classmethod
    def read(cls, state: Mapping[str, Any], is_what: Mapping[str, Any]) -> Place:
        """Read `to_dict`. Raises `UserError` if it is a place among other examples."""
        if any(state.get(name) != value for name, value in is_what.items()):
            raise UserError(
                "the conversations are not the ones that were begun with; give those, or start a new run "
                "with --name"
            )
        return cls(state["rows"], state["next"], tuple(state["waiting"]))


@dataclass(frozen=True)
class Rendered:
    """A conversation as a row takes it: what goes in, and what should come out, -1 where nothing is to."""

    number: int
    inputs: Ids
    targets: Ids


class ConversationPacker:
    """Rows of whole conversations, one after another, the same for every process.

    >>> from nanochat.data.tasks.catalogue import open_task
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> packer = ConversationPacker(open_task("arithmetic"), sample_tokenizer(), 128, Place(), endless=True)
    >>> inputs, targets, documents = packer.next_row()
    >>> len(inputs), int(documents.max()) > 1, int((targets >= 0).sum()) > 10
    (128, True, True)
    """

    def __init__(
        self, examples: Examples, tokenizer: Tokenizer, seq_len: int, place: Place, endless: bool
    ) -> None:
        self.examples, self.tokenizer, self.seq_len, self.endless = examples, tokenizer, seq_len, endless
        self.rows, self.next = place.rows, place.next
        self.waiting = [self.render(number) for number in place.waiting]
        self.cut = 0  # conversations that were longer than a row

    def render(self, number: int) -> Rendered:
        """Example `number`, counted through all rounds; cut to a row's length if it is longer."""
        conversation = self.examples[number % len(self.examples)].conversation
        ids, mask = render_conversation(self.tokenizer, conversation)
        if len(ids) > self.seq_len + 1:
            self.cut += 1
            ids, mask = ids[: self.seq_len + 1], mask[: self.seq_len + 1]
        targets = [token_id if learn else -1 for token_id, learn in zip(ids[1:], mask[1:], strict=True)]
        return Rendered(number, np.array(ids[:-1], dtype=np.int64), np.array(targets, dtype=np.int64))

    def fill_up(self) -> None:
        """Have enough conversations wait. One of which nothing could be learnt is passed over."""
        passed_over = 0
        while len(self.waiting) < WAITING and (self.endless or self.next < len(self.examples)):
            found = self.render(self.next)
            self.next += 1
            if (found.targets >= 0).any():
                self.waiting.append(found)
                passed_over = 0
                continue
            passed_over += 1
            if passed_over > len(self.examples):
                raise UserError(f"no answer of the conversations begins within {self.seq_len} tokens")

    def next_row(self) -> tuple[Ids, Ids, npt.NDArray[np.int32]] | None:
        """Inputs, targets and document numbers of the next row, [T] each; None at the end."""
        self.fill_up()
        if not self.waiting:
            return None
        T = self.seq_len
        inputs_T, targets_T = np.zeros(T, dtype=np.int64), np.full(T, -1, dtype=np.int64)
        documents_T = np.zeros(T, dtype=np.int32)
        chosen = fill_row_whole([len(one.inputs) for one in self.waiting], T)
        at = 0
        for document, index in enumerate(chosen):
            one = self.waiting[index]
            end = at + len(one.inputs)
            inputs_T[at:end], targets_T[at:end], documents_T[at:end] = one.inputs, one.targets, document
            at = end
        documents_T[at:] = len(chosen)
        self.waiting = [one for index, one in enumerate(self.waiting) if index not in set(chosen)]
        self.rows += 1
        return inputs_T, targets_T, documents_T

    @property
    def place(self) -> Place:
        """Where it is now."""
        return Place(self.rows, self.next, tuple(one.number for one in self.waiting))


def next_batch(
    packer: ConversationPacker, device_batch: int, rank: int, world: int
) -> tuple[Batch, Place] | None:
    """The next micro-batch of a process, and the place after it; None at the end."""
    T = packer.seq_len
    rows: list[tuple[Ids, Ids, npt.NDArray[np.int32]]] = []
    some = False
    for number in range(device_batch * world):
        found = packer.next_row()
        some = some or found is not None
        if number % world == rank:
            nothing = np.zeros(T, dtype=np.int64), np.full(T, -1, dtype=np.int64), np.zeros(T, dtype=np.int32)
            rows.append(found or nothing)
    if not some:
        return None
    tensors = [torch.from_numpy(np.stack(kind)) for kind in zip(*rows, strict=True)]
    if torch.cuda.is_available():
        tensors = [tensor.pin_memory() for tensor in tensors]
    return Batch(*tensors), packer.place


def rows_for(examples: Examples, tokenizer: Tokenizer, seq_len: int, sample: int = 2_000) -> int:
    """About how many rows all examples fill, from the first `sample` of them.

    >>> from nanochat.data.tasks.mixture import open_mixture
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> mixture = open_mixture("arithmetic", size=1_000)
    >>> all_rows, guessed = (rows_for(mixture, sample_tokenizer(), 512, sample=n) for n in (1_000, 500))
    >>> abs(guessed / all_rows - 1) < 0.05
    True
    """
    count = min(len(examples), sample)
    packer = ConversationPacker(First(examples, count), tokenizer, seq_len, Place(), endless=False)
    rows = 0
    while packer.next_row() is not None:
        rows += 1
    return max(1, round(rows * len(examples) / count))


@dataclass(frozen=True)
class First:
    """The first examples of others."""

    examples: Examples
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Example:
        return self.examples[number]
