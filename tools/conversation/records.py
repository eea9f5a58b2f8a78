"""Records of a file of any size, each with the line it begins on: JSONL, or one JSON array over many lines.

A line that is no record is reported with its number, and the next is read; in an array nobody can say where
the next record would begin, so there the first mistake ends it. Only one record is in memory at a time.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO

from tools.core.errors import ToolError
from tools.core.files import MEGABYTE
from tools.core.progress import Progress

CHUNK = 1 << 20
POSITION = re.compile(r"(?: at)?: line [0-9]+ column ([0-9]+) \(char [0-9]+\)")
PLAIN = json.JSONDecoder()
BOM = b"\xef\xbb\xbf"
LONGEST = 16 * MEGABYTE  # of one record; the longest books have a third of it


@dataclass(frozen=True)
class Lines:
    """A file that can be read several times, from its beginning.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.txt")
    >>> _ = path.write_bytes(b"one\\ntwo")
    >>> list(Lines.of(path))
    [(1, b'one\\n'), (2, b'two')]
    """

    name: str
    path: Path | None
    kept: IO[bytes] | None = None

    @classmethod
    def of(cls, path: Path, parameter: str = "file") -> Lines:
        """The lines of a file. A pipe (`-` is standard input) can be read once, so it is kept in a file."""
        if str(path) == "-":
            return cls("standard input", None, _kept(path))
        try:
            if path.is_fifo() or path.is_socket():
                return cls(path.name, None, _kept(path))
            path.open("rb").close()
        except OSError as error:
            raise ToolError(f"{path} cannot be read: {error.strerror}", parameter) from None
        return cls(path.name, path)

    def open(self) -> IO[bytes]:
        """The file at its beginning."""
        if self.path:
            return self.path.open("rb")
        assert self.kept is not None
        self.kept.seek(0)
        return self.kept

    def __iter__(self) -> Iterator[tuple[int, bytes]]:
        file = self.open()
        try:
            size = self.path.stat().st_size if self.path else 0
            with Progress(f"Reading {self.name}", size) as progress:
                yield from self._lines(file, progress)
        except OSError as error:  # a folder, or a disk that fails
            raise ToolError(f"{self.name} cannot be read: {error.strerror}") from None
        finally:
            if self.path:
                file.close()

    def _lines(self, file: IO[bytes], progress: Progress) -> Iterator[tuple[int, bytes]]:
        number = done = 0
        while line := file.readline(LONGEST + 1):
            number += 1
            done += len(line)
            if number == 1 and b"\0" in line[:CHUNK]:
                raise ToolError(f"{self.name} holds zero bytes, so it is no text file")
            if len(line) > LONGEST:
                size = LONGEST // MEGABYTE
                raise ToolError(f"{self.name}:{number}: a line of more than {size} MB is no conversation")
            progress.at(done)
            yield number, line


@cache
def _kept(path: Path) -> IO[bytes]:
    """What came through a pipe, in a file that goes when the program ends; a second call gives the same."""
    kept = tempfile.TemporaryFile()  # noqa: SIM115  (it is read until the program ends)
    if str(path) == "-":
        shutil.copyfileobj(sys.stdin.buffer, kept)
        return kept
    with path.open("rb") as pipe:
        shutil.copyfileobj(pipe, kept)
    return kept


@dataclass(frozen=True)
class Record:
    """What stands on a line: its value, or what is wrong with it."""

    line: int
    value: object = None
    problem: str = ""


def records_of(lines: Lines) -> Iterator[Record]:
    """The records of a file, a line each or all in one array; empty lines are left out.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "a.json")
    >>> _ = path.write_text('[\\n  {"instruction": "Hi"},\\n  {"instruction": "Ho"}\\n]')
    >>> [(record.line, record.value) for record in records_of(Lines.of(path))]
    [(2, {'instruction': 'Hi'}), (3, {'instruction': 'Ho'})]
    """
    for _, line in lines:
        if line.strip():
            if _begins_one_value(line):
                yield from _values_of(lines)
                return
            break
    for number, line in lines:
        if line.strip():
            yield parsed(number, line)


def parsed(number: int, line: bytes, decoder: json.JSONDecoder = PLAIN) -> Record:
    """A line's value, or why it has none, in the words of the trainer's reader."""
    try:
        return Record(number, decoder.decode(line.decode("utf-8-sig")))
    except UnicodeDecodeError:
        return Record(number, problem="not UTF-8")
    except (ValueError, RecursionError) as error:
        return Record(number, problem=in_one_line(f"not JSON ({error})"))


def in_one_line(problem: str) -> str:
    """A problem without the line 1 that Python's reader counts within the line of the file.

    >>> in_one_line("not JSON (Unterminated string starting at: line 1 column 61 (char 60))")
    'not JSON (Unterminated string starting at column 61)'
    """
    return POSITION.sub(r" at column \1", problem)


def _begins_one_value(line: bytes) -> bool:
    """Whether the first line is not a record by itself but the beginning of a value that has many lines."""
    text = line.strip().removeprefix(BOM)
    return is_one_array(line) or (text.startswith(b"[") and parsed(1, text).value is None)


def is_one_array(line: bytes) -> bool:
    """Whether a file with this first line is surely one JSON value of many records, not a record a line.

    >>> is_one_array(b"[\\n"), is_one_array(b'[{"instruction": "Hi"}]'), is_one_array(b'[{"role": "user"}]')
    (True, True, False)
    """
    text = line.strip().removeprefix(BOM)
    if text in (b"[", b"{", b"[{"):
        return True
    value = parsed(1, text).value if text.startswith(b"[") else None
    first = value[0] if isinstance(value, list) and value else None
    return isinstance(first, dict) and not first.keys() & {"role", "from"}


def _values_of(lines: Lines) -> Iterator[Record]:
    """The values of an array, or a single value, read piece by piece."""
    text = _Growing(lines)
    in_array = text.skip() == "["
    if in_array:
        text.at += 1
    first = True
    while (sign := text.skip()) and not (in_array and sign == "]"):
        if in_array and not first:
            if sign != ",":
                raise text.error("a comma is missing between two records")
            text.at += 1
            text.skip()
        yield Record(text.line, text.value())
        first = False
        if not in_array:
            break
    if in_array and not sign:
        raise text.error("the file ends before its array does")


class _Growing:
    """Text that is read further when it is not enough."""

    def __init__(self, lines: Lines) -> None:
        self.name = lines.name
        self.source = iter(lines)
        self.text, self.at, self.line, self.ended = "", 0, 1, False

    def error(self, problem: str) -> ToolError:
        return ToolError(f"{self.name}:{self.line}: not JSON: {problem}")

    def more(self) -> bool:
        """Read about a chunk more; False at the end."""
        pieces = [self.text[self.at :]]
        size = 0
        while size < CHUNK and not self.ended:
            number, line = next(self.source, (0, b""))
            try:
                pieces.append(line.decode("utf-8-sig" if number == 1 else "utf-8"))
            except UnicodeDecodeError:
                raise ToolError(f"{self.name}:{number}: not UTF-8") from None
            size += len(line)
            self.ended = not line
        self.text, self.at = "".join(pieces), 0
        return size > 0

    def skip(self) -> str:
        """Go on to the next sign that is no white space; the empty text at the end."""
        while True:
            while self.at < len(self.text) and self.text[self.at] in " \t\r\n":
                self.line += self.text[self.at] == "\n"
                self.at += 1
            if self.at < len(self.text):
                return self.text[self.at]
            if not self.more():
                return ""

    def value(self) -> object:
        """The value that begins here."""
        while True:
            try:
                value, end = PLAIN.raw_decode(self.text, self.at)
            except RecursionError:
                raise self.error("brackets inside brackets, too deep to follow") from None
            except ValueError as error:
                if len(self.text) - self.at <= LONGEST and self.more():
                    continue
                found = getattr(error, "msg", "a number with thousands of digits")
                self.line += self.text.count("\n", self.at, getattr(error, "pos", self.at))
                raise self.error(found) from None
            self.line += self.text.count("\n", self.at, end)
            self.at = end
            return value
