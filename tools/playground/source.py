"""Text to look at: given directly, from a file of any size, or from standard input."""

from __future__ import annotations

import codecs
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from tools.core.errors import ToolError

CHUNK = 1 << 20


@dataclass(frozen=True)
class Source:
    """A name to show, and a function that reads the text from its beginning, in chunks.

    >>> list(of_text("hello").chunks())
    ['hello']
    """

    name: str
    chunks: Callable[[], Iterator[str]]


def check_text(text: str, flag: str) -> str:
    r"""The text, if it is one: bytes of a command line that are no UTF-8 come as halves of surrogate pairs.

    >>> check_text("caf\udce9", "--text")
    Traceback (most recent call last):
    tools.core.errors.ToolError: --text is no UTF-8 text: it holds the byte 0xe9 after 'caf'
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        found = f"U+{code:04X}, half of a surrogate pair,"
        if 0xDC80 <= code <= 0xDCFF:
            found = f"the byte 0x{code - 0xDC00:02x}"
        after = text[max(0, error.start - 20) : error.start]
        raise ToolError(f"{flag} is no UTF-8 text: it holds {found} after {after!r}", flag) from None
    return text


def of_text(text: str, name: str = "text", flag: str = "--text") -> Source:
    """A text that is in memory."""
    check_text(text, flag)
    return Source(name, lambda: iter([text]))


def of_file(path: Path) -> Source:
    """A file, read in chunks.

    `-` is standard input. That and other pipes can be read only once, so they are kept in a temporary file.
    """
    if str(path) == "-":
        return Source("standard input", partial(_decoded, "standard input", _kept(sys.stdin.buffer)))
    try:
        if path.is_fifo() or path.is_socket():
            with path.open("rb") as pipe:
                return Source(path.name, partial(_decoded, str(path), _kept(pipe)))
        path.open("rb").close()
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}", "file") from None
    return Source(path.name, lambda: _decoded(str(path), path.open("rb")))


def _kept(pipe: BinaryIO) -> BinaryIO:
    import shutil
    import tempfile

    kept = tempfile.TemporaryFile()  # noqa: SIM115  (it is read until the program ends, and goes with it)
    shutil.copyfileobj(pipe, kept)
    return kept


def _decoded(name: str, file: BinaryIO) -> Iterator[str]:
    """The text of an open file; anything that is no UTF-8 text is refused with its place."""
    file.seek(0)
    decoder = codecs.getincrementaldecoder("utf-8")()
    before = 0
    while True:
        data = file.read(CHUNK)
        waiting = len(decoder.getstate()[0])
        try:
            text = decoder.decode(data, final=not data)
        except UnicodeDecodeError as error:
            place = before - waiting + error.start
            found = error.object[error.start]
            problem = f"byte 0x{found:02x} at position {place:,}"
            raise ToolError(f"{name} is not UTF-8 text: {problem}; convert it to UTF-8 first") from None
        if "\0" in text:
            raise ToolError(f"{name} holds zero bytes, so it is no text file")
        if text:
            yield text
        if not data:
            return
        before += len(data)
