"""The lines of a file of any size, as bytes, and what kind of file it is.

Lines are the trainer's: they end at a line feed and nowhere else. What is wrong with one line is that line's
affair, and the next is read all the same. Only what is no text at all is refused whole.

Standard input and other pipes come once. They are kept in a temporary file, because kinds are told by a first
look and some answers take a second reading.
"""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from tools.core.errors import ToolError
from tools.core.jsonl import LONGEST_LINE

CHAT, DOCUMENTS, TEXT = "chat", "documents", "text"
PARQUET = "parquet"
# A line is in memory several times over while it is judged: one of emoji and no more takes 400 MB then.
LONGEST = LONGEST_LINE
# What a first look takes in. The first record decides whether a file holds conversations or documents.
LOOK = 2**20
TEXT_SUFFIXES = (".txt", ".md")
ROW_SUFFIXES = (".jsonl", ".ndjson", ".json")
# What the trainer reads of a folder; a lone .json there is seldom data.
SUFFIXES = (*TEXT_SUFFIXES, ".jsonl", ".parquet")
_KNOWN = (
    (b"PAR1", PARQUET),
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"PK\x03\x04", "a zip file; unpack it first"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it first"),
    (b"\xff\xfe", "UTF-16 text; convert it to UTF-8 first"),
    (b"\xfe\xff", "UTF-16 text; convert it to UTF-8 first"),
)


def open_file(path: Path) -> BinaryIO:
    """A file to read from its beginning; ToolError says why it cannot be."""
    try:
        if str(path) == "-":
            return _again(_kept("-"))
        if path.is_dir():
            raise ToolError(f"{path} is a folder; name the files in it", "files")
        if path.is_fifo() or path.is_socket():
            return _again(_kept(str(path)))
        return path.open("rb")
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}", "files") from None


def _again(kept: BinaryIO) -> BinaryIO:
    import os

    # A descriptor of its own, so that closing it leaves the kept file open.
    again = os.fdopen(os.dup(kept.fileno()), "rb")
    again.seek(0)
    return again


@functools.cache
def _kept(name: str) -> BinaryIO:
    import shutil
    import tempfile

    kept = tempfile.TemporaryFile()  # noqa: SIM115  (it is read until the program ends, and goes with it)
    if name == "-":
        shutil.copyfileobj(sys.stdin.buffer, kept)
    else:
        with open(name, "rb") as pipe:
            shutil.copyfileobj(pipe, kept)
    kept.flush()
    return kept


def name_of(path: Path) -> str:
    """How a file is called in words."""
    return "standard input" if str(path) == "-" else str(path)


def size_of(path: Path) -> int:
    """The bytes of a file."""
    with open_file(path) as file:
        return file.seek(0, 2)


def kind_of(path: Path, field: str) -> str:
    """What a file holds: conversations, documents in JSON lines, plain text, or parquet.

    Raises ToolError for one that is no text, and for one with nothing in it.
    """
    with open_file(path) as file:
        try:
            beginning = file.read(LOOK)
        except OSError as error:
            raise ToolError(f"{name_of(path)} cannot be read: {error.strerror}", "files") from None
    for magic, what in _KNOWN:
        if beginning.startswith(magic):
            if what == PARQUET:
                return PARQUET
            raise ToolError(f"{name_of(path)} is {what}", "files")
    if b"\0" in beginning:
        line = beginning.count(b"\n", 0, beginning.index(b"\0")) + 1
        raise ToolError(f"{name_of(path)}, line {line:,}: a zero byte, so it is a binary file", "files")
    if not beginning.strip():
        raise ToolError(f"{name_of(path)} is empty: there is no record in it", "files")
    suffix = path.suffix.lower()
    if suffix in TEXT_SUFFIXES:
        return TEXT
    if suffix not in ROW_SUFFIXES and beginning.lstrip()[:1] not in (b"{", b"["):
        return TEXT
    return _kind_of_rows(beginning, field)


def _kind_of_rows(beginning: bytes, field: str) -> str:
    """Of conversations or of documents? The first row that is JSON decides."""
    for line in beginning.split(b"\n"):
        try:
            row = json.loads(line.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            continue
        if isinstance(row, dict) and field in row and "messages" not in row:
            return DOCUMENTS
        if isinstance(row, (dict, list)):
            return CHAT
    return CHAT


def byte_lines(file: BinaryIO) -> Iterator[tuple[int, int, bytes | None]]:
    """Each line with its number from 1 and where it ends; None for one that is longer than `LONGEST`.

    >>> import io
    >>> list(byte_lines(io.BytesIO(b"one\\ntwo")))
    [(1, 4, b'one\\n'), (2, 7, b'two')]
    """
    number, end = 0, 0
    while line := file.readline(LONGEST):
        number += 1
        end += len(line)
        if len(line) < LONGEST or line.endswith(b"\n"):
            yield number, end, line
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(LONGEST)
            end += len(line)
        yield number, end, None
