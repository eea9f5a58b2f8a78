"""What stands in a file, record by record: conversations, documents, or pieces of a plain text.

Each record knows where it begins, and either what it says or why the trainer would refuse it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat.data.clean import PIECE
from nanochat.data.tasks.conversations import parse_conversation
from nanochat.errors import UserError
from nanochat.tokenizer.chat import parts_of
from tools.core.errors import ToolError
from tools.core.words import ascii_safe
from tools.inspector.faults import (
    ENCODING,
    REFUSED,
    Fault,
    conversation_faults,
    document_faults,
    row_of,
    too_long,
)
from tools.inspector.lines import CHAT, DOCUMENTS, TEXT, byte_lines, name_of, open_file
from tools.inspector.with_model import parquet_columns, parquet_rows

Place = tuple[int, int]  # which file, and which line of it


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a record: who says it, in which message, as what kind of part, and the words.

    A document is one part of nobody's. `kind` is empty for a content that is an empty list of parts.
    """

    role: str
    message: int
    kind: str
    text: str


@dataclass(slots=True)
class Record:
    """One record. `end` is where it ends in the file, in bytes; `faults` say why it is refused."""

    kind: str
    place: Place
    parts: Sequence[Part] = ()
    faults: Sequence[Fault] = ()
    end: int = 0

    @property
    def words(self) -> str:
        """What it says, with who says it: equal exactly for equal records."""
        if self.kind != CHAT:
            return self.parts[0].text
        return "\x1e".join(f"{part.role}\x1f{part.kind}\x1f{part.text}" for part in self.parts)

    @property
    def messages(self) -> int:
        """How many messages a conversation has."""
        return self.parts[-1].message


def chat_of(messages: Sequence[Any], place: Place, end: int = 0) -> Record:
    """The record of a conversation that the trainer has taken.

    >>> chat_of([{"role": "user", "content": "Hi"}, {"role": "assistant", "content": []}], (0, 1)).parts[1]
    Part(role='assistant', message=2, kind='', text='')
    """
    parts = []
    for number, message in enumerate(messages, 1):
        found = [Part(message["role"], number, one["type"], one["text"]) for one in parts_of(message)]
        parts += found or [Part(message["role"], number, "", "")]
    return Record(CHAT, place, parts, end=end)


def read_records(path: Path, number: int, kind: str, field: str, parquet: bool = False) -> Iterator[Record]:
    """The records of file `number`, good and bad; empty lines are none."""
    try:
        if parquet:
            yield from _parquet(path, number, kind, field)
            return
        with open_file(path) as file:
            if kind == TEXT:
                yield from _pieces(byte_lines(file), number)
                return
            for line_number, end, line in byte_lines(file):
                if line is None:
                    yield Record(kind, (number, line_number), faults=[too_long()], end=end)
                elif line.strip():
                    yield _row(line, kind, (number, line_number), field, end)
    except OSError as error:  # a disk that fails
        raise ToolError(f"{name_of(path)} cannot be read: {error.strerror}", "files") from None


def _row(line: bytes, kind: str, place: Place, field: str, end: int) -> Record:
    return chat_record(line, place, end) if kind == CHAT else document_record(line, place, field, end)


def chat_record(line: bytes, place: Place, end: int = 0) -> Record:
    """A line of conversations: the trainer's own function says whether it is a good one.

    >>> chat_record(b'[{"role": "user", "content": "Hi"}]', (0, 7)).faults[0].kind
    'no reply'
    """
    try:
        return chat_of(parse_conversation(line, "")["messages"], place, end)
    except UserError as error:
        faults = conversation_faults(line) or [Fault(REFUSED, str(error).lstrip(": "))]
        return Record(CHAT, place, faults=faults, end=end)


def document_record(line: bytes, place: Place, field: str, end: int = 0) -> Record:
    """A line of documents, judged as `nanochat data prepare` does."""
    faults = document_faults(line, field)
    if faults:
        return Record(DOCUMENTS, place, faults=faults, end=end)
    row: Any = row_of(line)
    return Record(DOCUMENTS, place, [Part("", 1, "text", row[field])], end=end)


@dataclass
class _Piece:
    """Lines of a plain text that are gathered until there are enough of them."""

    first: int = 0
    lines: list[str] = field(default_factory=list)
    size: int = 0

    def record(self, number: int, end: int) -> Record:
        """What has been gathered."""
        return Record(TEXT, (number, self.first), [Part("", 1, "text", "".join(self.lines))], end=end)


def _pieces(lines: Iterator[tuple[int, int, bytes | None]], number: int) -> Iterator[Record]:
    """A plain text in pieces of about 4,000 characters, cut between paragraphs as the trainer does."""
    piece, end = _Piece(), 0
    for line_number, end, line in lines:
        text = _text(line, line_number == 1)
        if isinstance(text, Fault):
            if piece.lines:  # what comes after the bad line would be counted from a wrong one
                yield piece.record(number, end)
                piece = _Piece()
            yield Record(TEXT, (number, line_number), faults=[text], end=end)
            continue
        if not piece.lines:
            if not text.strip():
                continue
            piece.first = line_number
        piece.lines.append(text)
        piece.size += len(text)
        if piece.size >= 2 * PIECE or (piece.size >= PIECE and not text.strip()):
            yield piece.record(number, end)
            piece = _Piece()
    if piece.lines:
        yield piece.record(number, end)


def _text(line: bytes | None, first: bool) -> str | Fault:
    if line is None:
        return too_long()
    try:
        text = line.decode("utf-8-sig" if first else "utf-8")
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x} at position {error.start + 1:,} of the line"
        return Fault(ENCODING, f"{found} is not UTF-8")
    return Fault(ENCODING, "a zero byte, which is no text") if "\0" in text else text


def _parquet(path: Path, number: int, kind: str, field: str) -> Iterator[Record]:
    """The rows of a parquet file: conversations in a column `messages`, or documents in another."""
    columns = parquet_columns(path)
    column = "messages" if kind == CHAT else field
    if column not in columns:
        has = ", ".join(ascii_safe(one) for one in columns[:8]) or "none"
        raise ToolError(
            f"{name_of(path)} has no column 'messages' and none {field!r}; it has: {has}; choose one with "
            "--field",
            "field",
        )
    for row_number, done, value in parquet_rows(path, column):
        # As a line of JSON would say it, so that one function judges both.
        line = json.dumps({column: value}, default=str).encode()
        yield _row(line, kind, (number, row_number), column, done)
