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


def of_text(text: str, name: str = "text") -> Source:
    """A text that is in memory."""
    return Source(name, lambda: iter([text]))


def of_file(path: Path) -> Source:
    """A file, read in chunks; `-` is standard input, kept in a temporary file to be read more than once."""
    if str(path) == "-":
        return Source("standard input", partial(_decoded, "standard input", _kept_standard_input()))
    try:
        path.open("rb").close()
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}") from None
    return Source(path.name, lambda: _decoded(str(path), path.open("rb")))


def _kept_standard_input() -> BinaryIO:
    import shutil
    import tempfile

    kept = tempfile.TemporaryFile()  # noqa: SIM115  (it is read until the program ends, and goes with it)
    shutil.copyfileobj(sys.stdin.buffer, kept)
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
