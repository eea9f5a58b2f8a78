"""How long a record is in tokens, whole, and which of them the model learns to write.

Nothing is cut off here: a record of a million tokens has a million. Of the tokens only their number is
needed, and most pieces of text come again and again, so each piece's number is remembered: counting takes a
third of the time that ids would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby

from nanochat.data.clean import tidy
from nanochat.tokenizer.chat import PARTS
from nanochat.tokenizer.tokenizer import CACHE_LONGEST, CACHE_SIZE, Tokenizer
from tools.inspector.lines import CHAT
from tools.inspector.records import Part, Record

Count = Callable[[str], int]
# A stretch of tokens, and whether the model learns to write them.
Stretch = tuple[int, bool]
# A document lies between two <|bos|>; the second is the next one's.
DOCUMENT_MARKS = 1


class PieceCounts(dict[str, int]):
    """How many tokens a piece of the split pattern takes; worked out when it is first asked for."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__()
        self.tokenizer = tokenizer

    def __missing__(self, piece: str) -> int:
        count = len(self.tokenizer.encode_piece(piece))
        if len(piece) <= CACHE_LONGEST:
            if len(self) >= CACHE_SIZE:
                self.clear()
            self[piece] = count
        return count

    def count(self, text: str) -> int:
        """How many tokens a text takes.

        >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
        >>> PieceCounts(sample_tokenizer()).count("Call me Ishmael.")
        5
        """
        return sum(map(self.__getitem__, self.tokenizer.pattern.split(text)))


def stretches_of(record: Record, count: Count) -> Iterator[tuple[Part | None, Stretch]]:
    """The tokens of a record in order, each stretch with the part of the record it comes from, if any.

    They are those of `nanochat.tokenizer.chat.render_conversation`, markers included. The text of a system
    message stands in front of the first user message, in one piece with it: what it adds there is its own.

    >>> from tools.inspector.records import chat_of
    >>> turns = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]
    >>> [stretch for _, stretch in stretches_of(chat_of(turns, (0, 1)), len)]
    [(1, False), (1, False), (4, False), (1, False), (1, False), (1, True), (1, True)]
    """
    yield None, (1, False)  # <|bos|>
    if record.kind != CHAT:
        for part in record.parts:
            yield part, (count(tidy(part.text)), True)
        return
    system: Part | None = None
    for _, group in groupby(record.parts, key=lambda part: part.message):
        parts = list(group)
        first = parts[0]
        if first.role == "system":
            system = first
        elif first.role == "user":
            yield None, (1, False)
            if system is not None:
                alone = count(first.text)
                yield system, (count(f"{system.text}\n\n{first.text}") - alone, False)
                yield first, (alone, False)
                system = None
            else:
                yield first, (count(first.text), False)
            yield None, (1, False)
        else:
            yield None, (1, False)
            for part in parts:
                yield from _assistant(part, count)
            yield None, (1, True)


def _assistant(part: Part, count: Count) -> Iterator[tuple[Part | None, Stretch]]:
    if not part.kind:  # a list of parts that is empty
        return
    before, after, learn = PARTS[part.kind]
    if before:
        yield None, (1, learn)
    yield part, (count(part.text), learn)
    if after:
        yield None, (1, learn)


def length_of(stretches: list[Stretch]) -> int:
    """How many tokens there are in all.

    >>> length_of([(3, False), (5, True)])
    8
    """
    return sum(count for count, _ in stretches)


def learned_of(stretches: list[Stretch]) -> int:
    """How many tokens the model learns to write.

    >>> learned_of([(3, False), (5, True)])
    5
    """
    return sum(count for count, learn in stretches if learn)


def learned_within(stretches: list[Stretch], room: int) -> int:
    """How many of the first `room` tokens after the first one it learns to write: the targets of a row.

    >>> learned_within([(3, False), (5, True)], room=4)
    2
    """
    found, left = 0, room + 1  # the first token is no target, but an input
    for count, learn in stretches:
        taken = min(count, left)
        found += taken if learn else 0
        left -= taken
    return found
