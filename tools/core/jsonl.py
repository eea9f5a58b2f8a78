"""Lines of JSON, read from a file of any size: one line is in memory at a time.

    for record in records(Path("metrics.jsonl")):
        print(record.line, record.parse()["loss"])

What is wrong with a file is said with its line: bytes that are no UTF-8, zero bytes, a line without end,
JSON that stops in its middle.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tools.core.errors import ToolError
from tools.core.files import parse_json
from tools.core.progress import Progress

LONGEST_LINE = 16 << 20
"""Bytes of one line. The longest conversations people train on have some hundred thousand."""
BUFFER = 1 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Record:
    """One line that is not empty: its number from 1, its text, where it begins in the file, in bytes.

    `cut` says that no line break follows: the last line of a file that is still being written, perhaps.
    """

    name: str
    line: int
    text: str
    start: int
    cut: bool

    def parse(self) -> object:
        """What the line says.

        >>> Record("a.jsonl", 7, '{"loss": 2.5', 0, False).parse()
        Traceback (most recent call last):
        tools.core.errors.ToolError: a.jsonl:7: not JSON: Expecting ',' delimiter at column 13
        """
        try:
            return parse_json(self.text)
        except ValueError as error:
            said = str(error).replace(" line 1, column", " column")
            end = "; the file ends within this line" if self.cut else ""
            raise ToolError(f"{self.name}:{self.line}: not JSON: {said}{end}") from None


def records(path: Path) -> Iterator[Record]:
    """Every line of a file that is not empty; `-` is standard input.

    Raises:
        ToolError: the file cannot be read, is no text, or has a line of more than 16 MB.
    """
    name = "standard input" if str(path) == "-" else path.name
    opened: BinaryIO
    try:
        opened = sys.stdin.buffer if str(path) == "-" else path.open("rb", buffering=BUFFER)
        size = path.stat().st_size if str(path) != "-" else 0
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}") from None
    with opened, Progress(f"Reading {name}", size) as progress:
        try:
            yield from _lines(opened, name, progress)
        except OSError as error:  # a folder, or a disk that fails
            raise ToolError(f"{path} cannot be read: {error.strerror}") from None


def _lines(opened: BinaryIO, name: str, progress: Progress) -> Iterator[Record]:
    start = number = 0
    while True:
        # One byte more than is allowed tells a line that is too long from one that just fits.
        data = opened.readline(LONGEST_LINE + 1)
        if not data:
            return
        number += 1
        if len(data) > LONGEST_LINE:
            raise ToolError(
                f"{name}:{number}: a line of more than {LONGEST_LINE >> 20} MB; records stand one a line"
            )
        if number == 1 and data.startswith(BOM):
            start, data = len(BOM), data[len(BOM) :]
        text = _decoded(data, name, number)
        if text.strip():
            yield Record(name, number, text.rstrip("\r\n"), start, not data.endswith(b"\n"))
        start += len(data)
        progress.at(start)


def _decoded(data: bytes, name: str, number: int) -> str:
    if b"\0" in data:
        raise ToolError(f"{name}:{number}: holds zero bytes, so this is a binary file and no text")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at position {error.start + 1:,} of the line"
        raise ToolError(
            f"{name}:{number}: not UTF-8 text: {found}; convert the file to UTF-8 first"
        ) from None
