"""In which order documents are read: another one in each epoch, and the same again for the same seed.

Shards are read one after another, so that no more than one is open. The order of the shards, of the row
groups within a shard and of the documents within a row group is drawn from the seed and the epoch. The big
corpora are shuffled on disk already; a small one is one shard, and is shuffled well by this.

A place in this order is four numbers, so a reader can be put anywhere at once, without reading what lies
before.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanochat.data.shards import read_row_group, row_group_sizes
from nanochat.errors import UserError


@dataclass(frozen=True)
class Position:
    """A row group in the order of reading, and the number of its first document, counted from the start."""

    epoch: int = 0
    shard: int = 0
    group: int = 0
    first: int = 0


@dataclass(frozen=True)
class Order:
    """The order of reading. `seed` None is the order on disk."""

    seed: int | None

    def of(self, count: int, *where: int) -> list[int]:
        """The numbers below `count` in the order for one place: an epoch, a shard in it, a group in that.

        >>> Order(seed=1).of(5, 0) == Order(seed=1).of(5, 0), Order(seed=None).of(3, 7)
        (True, [0, 1, 2])
        """
        numbers = list(range(count))
        if self.seed is not None:
            # A text as the seed: whole numbers would be used without their sign.
            random.Random("/".join(map(str, (self.seed, *where)))).shuffle(numbers)
        return numbers


def groups(
    shards: Sequence[Path], order: Order, start: Position, epochs: int | None = None
) -> Iterator[tuple[Position, list[str]]]:
    """The documents of one row group after another from `start` on, for some epochs or for ever.

    Raises `UserError` naming the shard if it cannot be read, or if there is no document in all of them.
    """
    epoch, shard, group, first = start.epoch, start.shard, start.group, start.first
    while epochs is None or epoch < epochs:
        before = first
        for place, number in list(enumerate(order.of(len(shards), epoch)))[shard:]:
            path = shards[number]
            n_groups = len(row_group_sizes(path))
            for index, group_number in list(enumerate(order.of(n_groups, epoch, number)))[group:]:
                texts = read_row_group(path, group_number)
                ways = order.of(len(texts), epoch, number, group_number)
                yield Position(epoch, place, index, first), [texts[way] for way in ways]
                first += len(texts)
            group = 0
        if first == before and not (shard or start.group):
            raise UserError(f"there is no document in {shards[0].parent if shards else 'the corpus'}")
        epoch, shard = epoch + 1, 0
