"""Records that occur more than once, in bounded memory.

Of every record 40 bytes are kept: a hash of its words as a reader takes them (16 bytes; case, spaces and the
marks of sentences left out), a hash of it as it stands (16), and its place (8). Two equal records have equal
hashes, so they fall into the same of 64 parts, and the parts are looked through one after another at the end.
Beyond `IN_MEMORY` records the parts move to temporary files: memory stays the same for a file of any size.
"""

from __future__ import annotations

import hashlib
import heapq
import re
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

HASH = 16
ENTRY = 2 * HASH + 8
PARTS = 64
# 40 MB. What is kept while one part is looked through comes on top: some hundred bytes a record of it.
IN_MEMORY = 1_000_000

Place = tuple[int, int]  # which file, and which line of it
LINES = 2**40  # more than any file has
_MARKS = re.compile(r"""\s+|[.,;:!?…'"“”‘’`]+(?![0-9])""")


@dataclass(frozen=True)
class Repeat:
    """A record, an earlier one that says the same, and whether it says it in the same letters."""

    place: Place
    first: Place
    exact: bool


@dataclass
class Found:
    """How many records repeat an earlier one, exactly or but for case, spaces and marks of sentences."""

    exact: int = 0
    near: int = 0


class Duplicates:
    """Collects hashes of records; at the end it says which of them repeat an earlier one.

    >>> found = Duplicates()
    >>> for line, text in enumerate(["Call me.", "call me", "Me too.", "Call me."], 1):
    ...     found.add(text, (0, line))
    >>> for repeat in sorted(found.repeats(), key=lambda one: one.place):
    ...     print(repeat)
    Repeat(place=(0, 2), first=(0, 1), exact=False)
    Repeat(place=(0, 4), first=(0, 1), exact=True)
    """

    def __init__(self, in_memory: int = IN_MEMORY) -> None:
        self.records = 0
        self.in_memory = in_memory
        self._parts = [bytearray() for _ in range(PARTS)]
        self._waiting = 0
        self._files: list[BinaryIO] = []

    def add(self, text: str, place: Place) -> None:
        """Remember a record by its hashes."""
        like, same = _hash(alike(text)), _hash(text)
        file, line = place
        self._parts[like[0] % PARTS] += like + same + (file * LINES + line).to_bytes(8, "big")
        self.records += 1
        self._waiting += 1
        if self._waiting >= self.in_memory:
            self._move_to_files()

    def _move_to_files(self) -> None:
        if not self._files:
            # They are read until the program ends, and go with it.
            self._files = [tempfile.TemporaryFile() for _ in range(PARTS)]  # noqa: SIM115
        for part, file in zip(self._parts, self._files, strict=True):
            file.write(part)
            part.clear()
        self._waiting = 0

    @property
    def kept_bytes(self) -> int:
        """How many bytes the hashes take, in memory and in files."""
        return self.records * ENTRY

    @property
    def on_disk(self) -> bool:
        """Whether there were so many that they went to temporary files."""
        return bool(self._files)

    def repeats(self) -> Iterator[Repeat]:
        """Every record that repeats an earlier one, in no order."""
        for number in range(PARTS):
            yield from _repeats_of(self._part(number))

    def _part(self, number: int) -> bytes:
        before = b""
        if self._files:
            self._files[number].seek(0)
            before = self._files[number].read()
        return before + bytes(self._parts[number])

    def first_repeats(self, most: int) -> tuple[Found, list[Repeat]]:
        """How many there are, and the first of them by their places."""
        found = Found()
        first = heapq.nsmallest(most, self._counted(found), key=lambda repeat: repeat.place)
        return found, first

    def _counted(self, found: Found) -> Iterator[Repeat]:
        for repeat in self.repeats():
            if repeat.exact:
                found.exact += 1
            else:
                found.near += 1
            yield repeat


def _hash(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=HASH).digest()


def _repeats_of(entries: bytes) -> Iterator[Repeat]:
    """The repeats among entries that were made one after another, so the earlier place comes first."""
    first: dict[bytes, int] = {}  # hash of the words → where the first entry with it begins
    others: dict[bytes, int] = {}  # both hashes → the same, for records in other letters than that first one
    for start in range(0, len(entries), ENTRY):
        like, both = entries[start : start + HASH], entries[start : start + 2 * HASH]
        earlier = first.setdefault(like, start)
        if earlier == start:
            continue
        exact = entries[earlier : earlier + 2 * HASH] == both
        if not exact:
            same = others.setdefault(both, start)
            if same != start:
                earlier, exact = same, True
        yield Repeat(_place(entries, start), _place(entries, earlier), exact)


def _place(entries: bytes, start: int) -> Place:
    return divmod(int.from_bytes(entries[start + 2 * HASH : start + ENTRY], "big"), LINES)


def alike(text: str) -> str:
    """What is left of a text when its case, its spaces and the marks of its sentences are taken away.

    Signs of arithmetic stay, and so does a point before a digit: 2+2 is not 2-2, and 3.5 is not 35.

    >>> alike("What is 3.5 + 2?") == alike("what is  3.5+2"), alike("2 - 2?") == alike("2 + 2?")
    (True, False)
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return _MARKS.sub("", text.casefold()) or text
