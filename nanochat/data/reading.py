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

import pyarrow as pa
import pyarrow.parquet as pq

from nanochat.errors import UserError

COLUMN = "text"


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
            with Shard(shards[number]) as file:
                for index, group_number in list(enumerate(order.of(file.n_groups, epoch, number)))[group:]:
                    texts = file.read(group_number)
                    ways = order.of(len(texts), epoch, number, group_number)
                    yield Position(epoch, place, index, first), [texts[way] for way in ways]
                    first += len(texts)
            group = 0
        if first == before and not (shard or start.group):
            raise UserError(f"there is no document in {shards[0].parent if shards else 'the corpus'}")
        epoch, shard = epoch + 1, 0


class Shard:
    """A parquet file with a column of texts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.file = pq.ParquetFile(path)
        except (OSError, pa.ArrowException) as error:
            raise self.unreadable(error) from None
        if COLUMN not in self.file.schema_arrow.names:
            self.file.close()
            raise UserError(f"{path} has no column {COLUMN!r}; prepare the corpus again")

    def __enter__(self) -> Shard:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    @property
    def n_groups(self) -> int:
        """How many row groups there are."""
        return int(self.file.metadata.num_row_groups)

    def read(self, group: int) -> list[str]:
        """The texts of one row group."""
        try:
            texts: list[str] = self.file.read_row_group(group, columns=[COLUMN])[COLUMN].to_pylist()
        except (OSError, pa.ArrowException) as error:
            raise self.unreadable(error) from None
        return texts

    def unreadable(self, error: Exception) -> UserError:
        """What to say of a damaged file."""
        first_line = str(error).partition("\n")[0]
        return UserError(f"{self.path} cannot be read ({first_line}); prepare the corpus again")
