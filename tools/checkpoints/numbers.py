"""The numbers in a safetensors file, by the standard library: norms, distances, what is not finite.

A tensor is read in pieces of a million numbers. Python's own loops would take a second for each million, so
the work is left to functions that loop inside: `array` reads fp32 as it lies in the file, and `sum` adds a
piece up. A sum is no number if one of its terms is none, which finds a NaN or an infinity without looking at
each; only a piece that has one is looked through.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import mul, sub
from typing import BinaryIO

from tools.checkpoints.header import WIDTHS, BadFile, Header, Tensor

PIECE = 1 << 20  # numbers at a time
READABLE = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class Measured:
    """One tensor: its length as one long vector; how many numbers are not finite, and the first of them."""

    norm: float
    not_finite: int = 0
    first: int | None = None

    @property
    def is_good(self) -> bool:
        """Whether every number is finite."""
        return not self.not_finite


@dataclass(frozen=True)
class Distance:
    """Two tensors of one shape: both lengths, that of their difference, and the cosine of their angle."""

    first: float
    second: float
    apart: float
    cosine: float

    @property
    def relative(self) -> float:
        """The difference as a share of the first one's length.

        >>> Distance(2.0, 3.0, 1.0, 1.0).relative
        0.5
        """
        return self.apart / self.first if self.first else (math.inf if self.apart else 0.0)


def pieces(file: BinaryIO, header: Header, tensor: Tensor) -> Iterator[Sequence[float]]:
    """The numbers of a tensor, a piece at a time.

    Raises:
        BadFile: the file ends too soon, or holds a type that is not read here.
    """
    if tensor.dtype not in READABLE:
        raise BadFile(
            header.path, f"holds {tensor.name} as {tensor.dtype}; only {', '.join(READABLE)} are read"
        )
    width = WIDTHS[tensor.dtype]
    file.seek(header.header_bytes + tensor.first)
    left = tensor.bytes
    while left:
        data = file.read(min(left, PIECE * width))
        if not data or len(data) % width:
            raise BadFile(header.path, "was cut short while it was read")
        left -= len(data)
        yield numbers_of(data, tensor.dtype)


def numbers_of(data: bytes, dtype: str) -> Sequence[float]:
    """Bytes of a file as numbers.

    >>> list(numbers_of(bytes.fromhex("0000803f000000c0"), "F32"))
    [1.0, -2.0]
    >>> list(numbers_of(bytes.fromhex("803f00c0"), "BF16")), list(numbers_of(bytes.fromhex("003c"), "F16"))
    ([1.0, -2.0], [1.0])
    """
    if dtype == "F16":
        return struct.unpack(f"<{len(data) // 2}e", data)
    if dtype == "BF16":  # the upper half of an fp32 number: the lower one is filled up with zeros
        wide = bytearray(2 * len(data))
        wide[2::4], wide[3::4] = data[0::2], data[1::2]
        data = bytes(wide)
    found = array("d" if dtype == "F64" else "f", data)
    if sys.byteorder == "big":
        found.byteswap()
    return found


def measure(file: BinaryIO, header: Header, tensor: Tensor) -> Measured:
    """The length of a tensor, and what of it is not finite."""
    squares, bad, first, at = 0.0, 0, None, 0
    for piece in pieces(file, header, tensor):
        if not math.isfinite(sum(piece)):
            places = [place for place, number in enumerate(piece) if not math.isfinite(number)]
            if places and first is None:
                first = at + places[0]
            bad += len(places)
        squares += sum(map(mul, piece, piece))
        at += len(piece)
    return Measured(math.sqrt(squares) if math.isfinite(squares) else squares, bad, first)


def distance(files: tuple[BinaryIO, BinaryIO], headers: tuple[Header, Header], name: str) -> Distance:
    """How far a tensor of one file is from the tensor of that name in another; both have one shape."""
    one, two = (header.named[name] for header in headers)
    first = second = both = apart = 0.0
    for left, right in zip(pieces(files[0], headers[0], one), pieces(files[1], headers[1], two), strict=True):
        first += sum(map(mul, left, left))
        second += sum(map(mul, right, right))
        both += sum(map(mul, left, right))
        # Not first + second - 2 * both: of two that are alike, nearly all digits would cancel.
        difference = array("d", map(sub, left, right))
        apart += sum(map(mul, difference, difference))
    lengths = math.sqrt(first * second)
    return Distance(math.sqrt(first), math.sqrt(second), math.sqrt(apart), both / lengths if lengths else 0.0)
