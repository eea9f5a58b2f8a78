"""Rows of one length, filled with records by the trainer's own rules, of which only lengths are known.

What it would cost to give each record a row of its own is counted beside it, since that is what the simplest
trainers do: they cut what is too long, and pad what is too short.
"""

from __future__ import annotations

from nanochat.data.packing import WAITING, fill_row, fill_row_whole

# Documents that wait in one of the trainer's lanes (`nanochat.data.lanes`).
LANE_WAITING = 16


class Rows:
    """Rows of `room` tokens. `add` takes the records one after another, `finish` empties what waits.

    Whole conversations (`whole`) or documents that may go on in the next row. The trainer mixes first; here
    they come in the file's order, which changes the numbers by little.

    >>> rows = Rows(room=100, whole=True)
    >>> for length in (50, 30, 90, 40, 20):
    ...     rows.add(length)
    >>> rows.finish()
    >>> rows.rows, f"{rows.filled:.1%}"
    (3, '76.7%')
    """

    def __init__(self, room: int, whole: bool) -> None:
        self.room, self.whole = room, whole
        self.rows = 0
        self.tokens = 0  # those that stand in rows
        self.split = 0  # documents that go on in another row
        self.waiting: list[int] = []
        self._begun: list[bool] = []
        self._most = WAITING if whole else LANE_WAITING

    def add(self, length: int) -> None:
        """A record of so many inputs; a row is filled when enough of them wait."""
        self.waiting.append(min(length, self.room) if self.whole else length)
        self._begun.append(False)
        while len(self.waiting) >= self._most:
            self._fill()

    def finish(self) -> None:
        """No more records come."""
        while self.waiting:
            self._fill()

    def _fill(self) -> None:
        self.rows += 1
        if self.whole:
            chosen = set(fill_row_whole(self.waiting, self.room))
            self.tokens += sum(self.waiting[index] for index in chosen)
            left = [index for index in range(len(self.waiting)) if index not in chosen]
        else:
            for index, taken in fill_row(self.waiting, self.room):
                self.tokens += taken
                self.waiting[index] -= taken
                if self.waiting[index] and not self._begun[index]:
                    self._begun[index] = True
                    self.split += 1
            left = [index for index in range(len(self.waiting)) if self.waiting[index]]
        self.waiting = [self.waiting[index] for index in left]
        self._begun = [self._begun[index] for index in left]

    @property
    def filled(self) -> float:
        """The share of all places in rows that hold a token."""
        return self.tokens / (self.rows * self.room) if self.rows else 0.0
