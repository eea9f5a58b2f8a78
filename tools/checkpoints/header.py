"""The header of a safetensors file: which tensors it holds, of which shape and type, and where.

    8 bytes      how long the header is, little-endian
    the header   JSON: name -> dtype, shape, data_offsets [first, last]; __metadata__ is words about the file
    the rest     the bytes of the tensors, one after another, with nothing between and nothing left over

So a file of any size is known from its first kilobytes. Only they are read. What contradicts itself is
refused with the reason, as the package safetensors refuses it; nothing in such a file can run code.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tools.core.errors import ToolError
from tools.core.words import say

SUFFIX, HEADER_SUFFIX = ".safetensors", ".header"
LENGTH_BYTES = 8
LONGEST_HEADER = 100_000_000  # the package's own bound
WIDTHS = {
    "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I64": 8, "I32": 4,
    "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
}  # fmt: skip
METADATA = "__metadata__"


class BadFile(ToolError):
    """A file that contradicts itself. `reason` is the complaint without the file's name."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path} {reason}", "files")
        self.reason = reason


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file. `first` and `last` count bytes from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: int
    last: int

    @property
    def parameters(self) -> int:
        """How many numbers it holds.

        >>> Tensor("w", "F32", (3, 4), 0, 48).parameters
        12
        """
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """How many bytes it takes."""
        return self.last - self.first

    @property
    def shape_text(self) -> str:
        """The shape as people write it.

        >>> Tensor("w", "F32", (3, 4), 0, 48).shape_text, Tensor("one", "F32", (), 0, 4).shape_text
        ('3 × 4', 'a number')
        """
        return " × ".join(f"{side:,}" for side in self.shape) or "a number"


@dataclass(frozen=True)
class Header:
    """All tensors of a file, in the order of their bytes."""

    path: Path
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]
    header_bytes: int  # with the eight before it
    file_bytes: int  # of the file as it lies here

    @cached_property
    def named(self) -> dict[str, Tensor]:
        """The tensors by name."""
        return {tensor.name: tensor for tensor in self.tensors}

    @property
    def data_bytes(self) -> int:
        """Bytes of all tensors together."""
        return self.tensors[-1].last if self.tensors else 0

    @property
    def whole_bytes(self) -> int:
        """How long the whole file is by what its header says."""
        return self.header_bytes + self.data_bytes

    @property
    def has_numbers(self) -> bool:
        """Whether the tensors are there, and not their header alone."""
        return self.file_bytes == self.whole_bytes

    @property
    def parameters(self) -> int:
        """Numbers in all tensors together."""
        return sum(tensor.parameters for tensor in self.tensors)


def read_header(path: Path) -> Header:
    """Read the header of a file, and hold it against the file's length.

    A file whose name ends in `.header` may lack the tensors: it is the header of another one, kept alone.

    Raises:
        BadFile: it cannot be read, is no safetensors file, was cut short, or contradicts itself.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(0)
            start = file.read(LENGTH_BYTES)
            length = header_length(path, start, size)
            text = file.read(length)
    except OSError as error:
        raise BadFile(path, f"cannot be read: {error.strerror}") from None
    tensors, metadata = parse_header(path, text)
    header = Header(path, tensors, metadata, LENGTH_BYTES + length, size)
    alone = path.suffix == HEADER_SUFFIX and size == header.header_bytes
    if not alone:
        check_length(header)
    return header


def header_length(path: Path, start: bytes, size: int) -> int:
    """The header's length from the first eight bytes of a file of `size` bytes."""
    if not size:
        raise BadFile(path, "is empty")
    if len(start) < LENGTH_BYTES:
        raise BadFile(path, f"is cut short: it has {size} bytes, and the header's length alone takes 8")
    length = int.from_bytes(start, "little")
    if length > LONGEST_HEADER:
        raise BadFile(
            path, f"is no safetensors file: its header would have {say(length)} bytes, more than any has"
        )
    if length > size - LENGTH_BYTES:
        raise BadFile(
            path,
            f"is cut short within its header: {size:,} bytes, and the header alone should take "
            f"{length + LENGTH_BYTES:,}; copy it again",
        )
    return length


def parse_header(path: Path, text: bytes) -> tuple[tuple[Tensor, ...], dict[str, str]]:
    """The tensors a header names, in the order of their bytes, and its words about the file."""
    if text[:1] != b"{":
        raise BadFile(path, "is no safetensors file: its header does not begin with {")
    try:
        found = json.loads(text.decode("utf-8"), object_pairs_hook=once_each)
    except UnicodeDecodeError:
        raise BadFile(path, "has a header that is not UTF-8 text") from None
    except RecursionError:
        raise BadFile(path, "has a header that is not JSON: brackets inside brackets") from None
    except json.JSONDecodeError as error:
        raise BadFile(path, f"has a header that is not JSON: {error.msg} at byte {error.pos:,}") from None
    except ValueError as error:
        raise BadFile(path, f"has a header that {error}") from None
    metadata = found.pop(METADATA, {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise BadFile(path, f"has a header whose {METADATA} is not made of texts")
    tensors = [read_tensor(path, name, told) for name, told in found.items()]
    tensors.sort(key=lambda tensor: (tensor.first, tensor.last))
    check_offsets(path, tensors)
    return tuple(tensors), metadata


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, refused if it names one thing twice: readers would differ in which they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"names {say(twice)} twice")
    return found


def read_tensor(path: Path, name: str, told: object) -> Tensor:
    """One entry of a header, its size held against its shape."""
    if not isinstance(told, dict) or not {"dtype", "shape", "data_offsets"} <= set(told):
        raise BadFile(path, f"does not say dtype, shape and data_offsets of tensor {say(name)}")
    dtype, shape, offsets = told["dtype"], told["shape"], told["data_offsets"]
    if not isinstance(dtype, str) or dtype not in WIDTHS:
        raise BadFile(path, f"gives tensor {say(name)} the type {say(dtype)}, which is unknown here")
    if not are_counts(shape):
        raise BadFile(path, f"gives tensor {say(name)} the shape {say(shape)}, which is none")
    if not are_counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise BadFile(path, f"gives tensor {say(name)} the offsets {say(offsets)}, which are none")
    tensor = Tensor(name, dtype, tuple(shape), *offsets)
    needed = tensor.parameters * WIDTHS[dtype]
    if needed != tensor.bytes:
        raise BadFile(
            path,
            f"gives tensor {say(name)} {say(tensor.bytes)} bytes, and its shape {tensor.shape_text} of "
            f"{dtype} needs {say(needed)}",
        )
    return tensor


def are_counts(found: object) -> bool:
    """Whether this is a list of whole numbers from 0 on."""
    return isinstance(found, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in found
    )


def check_offsets(path: Path, tensors: list[Tensor]) -> None:
    """Raise `BadFile` unless each tensor begins where the one before it ends."""
    end = 0
    for tensor in tensors:
        if tensor.first > end:
            raise BadFile(
                path, f"leaves a hole of {say(tensor.first - end)} bytes before tensor {say(tensor.name)}"
            )
        if tensor.first < end:
            raise BadFile(path, f"lets tensor {say(tensor.name)} overlap the one before it")
        end = tensor.last


def check_length(header: Header) -> None:
    """Raise `BadFile` unless the file is as long as its header says."""
    missing = header.whole_bytes - header.file_bytes
    if missing > 0:
        raise BadFile(
            header.path,
            f"is cut short: it has {header.file_bytes:,} of {header.whole_bytes:,} bytes; copy it again",
        )
    if missing < 0:
        raise BadFile(header.path, f"is longer than its header says: {-missing:,} bytes are left over")
