"""Lanes: documents side by side, so that any number of processes reads the same rows.

Documents are dealt like cards: number i of the order of reading goes to lane i mod 64. Each lane packs its
own documents into rows. Row n of the whole training comes from lane n mod 64, and of every step process r of
w takes the rows r, r + w, r + 2w, ...: so the rows of a step are the same for any number of processes, and a
process tokenizes only the documents of its lanes (all of them, where w has no factor in common with 64).

A lane's place is the number of its next document and, for each that waits, how much of it is used. From that
and nothing else it goes on exactly.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nanochat.data.packing import fill_row, longest, shortest

LANES = 64
# Documents a lane chooses from. Rows of 2,048 that cut the classics' documents (935 tokens each) as a plain
# stream would, cut 46 % of them somewhere; with 4 to choose from it is 41 %, with 16 37 %, with 64 35 %.
WAITING = 16

Tokens = npt.NDArray[np.generic]
Row = npt.NDArray[np.int64]


def lanes_of(rank: int, world: int, lanes: int = LANES) -> list[int]:
    """The lanes that process `rank` of `world` takes rows from.

    >>> lanes_of(1, world=32), len(lanes_of(0, world=3)), lanes_of(65, world=128)
    ([1, 33], 64, [1])
    """
    step = math.gcd(world, lanes)
    return list(range(rank % step, lanes, step))


@dataclass
class Document:
    """A document's ids with `<|bos|>` before and after them, and how many have been used."""

    number: int
    ids: Tokens
    used: int = 0

    @property
    def left(self) -> int:
        """Tokens still to be used as inputs; the `<|bos|>` at the end is only the last one's target."""
        return len(self.ids) - 1 - self.used


@dataclass(frozen=True)
class LanePlace:
    """Where a lane is: rows it has given, its next document, and what waits as (number, tokens used)."""

    rows: int = 0
    next: int = 0
    waiting: tuple[tuple[int, int], ...] = ()

    @property
    def oldest(self) -> int:
        """The first document that is still needed."""
        return min([number for number, _ in self.waiting], default=self.next)


class Lane:
    """One lane. Made at a place; documents are dealt to it from the oldest that the place needs."""

    def __init__(self, place: LanePlace, keep_rest: bool) -> None:
        self.rows, self.next, self.keep_rest = place.rows, place.next, keep_rest
        self.wanted = dict(place.waiting)
        self.order = [number for number, _ in place.waiting]
        self.waiting: list[Document] = []
        self.dealt: deque[Document] = deque()
        self._place: LanePlace | None = place

    def wants(self, number: int) -> bool:
        """Whether a document has not been used up."""
        return number >= self.next or number in self.wanted

    def deal(self, number: int, ids: Tokens) -> None:
        """Take a document that it wants."""
        if number in self.wanted:
            self.waiting.append(Document(number, ids, self.wanted.pop(number)))
            self.waiting.sort(key=lambda one: self.order.index(one.number))
        else:
            self.dealt.append(Document(number, ids))

    @property
    def ready(self) -> bool:
        """Whether it has enough documents to choose from."""
        return not self.wanted and len(self.waiting) + len(self.dealt) >= WAITING

    @property
    def empty(self) -> bool:
        """Whether it holds no document."""
        return not self.waiting and not self.dealt

    @property
    def place(self) -> LanePlace:
        """Where it is now."""
        if self._place is None:
            waiting = tuple((one.number, one.used) for one in self.waiting)
            self._place = LanePlace(self.rows, self.next, waiting)
        return self._place

    def fill(self, inputs_T: Row, targets_T: Row, documents_T: npt.NDArray[np.int32]) -> None:
        """Write the next row. What stays empty at the very end of the text has targets of -1."""
        while self.dealt and len(self.waiting) < WAITING:
            self.waiting.append(self.dealt.popleft())
            self.next = self.waiting[-1].number + 1
        lengths = [one.left for one in self.waiting]
        at, number = 0, 0
        for number, (index, count) in enumerate(
            fill_row(lengths, len(inputs_T), longest if self.keep_rest else shortest)
        ):
            one, end = self.waiting[index], at + count
            inputs_T[at:end] = one.ids[one.used : one.used + count]
            targets_T[at:end] = one.ids[one.used + 1 : one.used + count + 1]
            documents_T[at:end] = number
            one.used += count if self.keep_rest else one.left
            at = end
        if at < len(inputs_T):
            inputs_T[at:], targets_T[at:], documents_T[at:] = 0, -1, number + 1
        self.waiting = [one for one in self.waiting if one.left]
        self.rows += 1
        self._place = None


def with_bos(ids: npt.NDArray[np.int32], bos: int, small: bool) -> Tokens:
    """A document's ids between two `<|bos|>`, in two bytes each where the vocabulary allows it.

    >>> with_bos(np.array([5, 6], dtype=np.int32), 99, small=True)
    array([99,  5,  6, 99], dtype=uint16)
    """
    found = np.empty(len(ids) + 2, dtype=np.uint16 if small else np.int32)
    found[0] = found[-1] = bos
    found[1:-1] = ids
    return found
