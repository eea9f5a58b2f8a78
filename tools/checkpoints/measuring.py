"""Whole files measured: by the standard library, or by torch where it is there and the file is large."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from tools.checkpoints import numbers, with_model
from tools.checkpoints.header import Header
from tools.checkpoints.numbers import Distance, Measured
from tools.checkpoints.runs import Step, size_of
from tools.core.errors import ToolError
from tools.core.progress import Progress

AUTO, TORCH, STDLIB = "auto", "torch", "python"
LARGE = 200_000_000  # bytes: above it importing torch takes less time than it saves
PIECE = 1 << 20


def engine(asked: str, size: int) -> str:
    """Who measures: what was asked, else torch for a large file where it is installed.

    >>> engine("auto", 1_000), engine("torch", 1_000)
    ('python', 'torch')
    """
    if asked != AUTO:
        return asked
    return TORCH if size > LARGE and with_model.has_torch() else STDLIB


def in_words(who: str) -> str:
    """Who measured, for a report."""
    return "torch" if who == TORCH else "Python's standard library"


def measure_file(header: Header, who: str) -> Iterator[tuple[str, Measured]]:
    """Every tensor of a file that holds fractions, in the order of the file."""
    need_numbers(header)
    if who == TORCH:
        yield from with_model.measures(header.path)
        return
    with header.path.open("rb") as file, Progress(f"Reading {header.path.name}", header.data_bytes) as told:
        for tensor in header.tensors:
            if tensor.dtype in numbers.READABLE:
                yield tensor.name, numbers.measure(file, header, tensor)
            told.at(tensor.last)


def measure_distances(first: Header, second: Header, who: str) -> Iterator[tuple[str, Distance]]:
    """How far apart the tensors are that both files have in one shape, in the order of the first."""
    need_numbers(first)
    need_numbers(second)
    if who == TORCH:
        yield from with_model.distances(first.path, second.path)
        return
    with (
        first.path.open("rb") as one,
        second.path.open("rb") as two,
        Progress("Comparing the weights", first.data_bytes) as told,
    ):
        for tensor in first.tensors:
            other = second.named.get(tensor.name)
            if other is None or other.shape != tensor.shape or unreadable(tensor.dtype, other.dtype):
                continue
            yield tensor.name, numbers.distance((one, two), (first, second), tensor.name)
            told.at(tensor.last)


def unreadable(*dtypes: str) -> bool:
    """Whether one of these types holds no fractions."""
    return any(dtype not in numbers.READABLE for dtype in dtypes)


def need_numbers(header: Header) -> None:
    """Refuse to measure a header that was kept alone."""
    if not header.has_numbers:
        raise ToolError(f"{header.path.name} is a header alone: the tensors' numbers are not in it", "files")


def sha256_of(path: Path, told: Progress, before: int = 0) -> str:
    """The SHA-256 of a file, read in pieces; of what `told` counts, `before` bytes were read before."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(PIECE):
            digest.update(data)
            before += len(data)
            told.at(before)
    return digest.hexdigest()


def check_hashes(step: Step) -> dict[str, str]:
    """What is wrong with each file that `meta.json` names, "" for a good one.

    Files of which only the header was kept cannot be checked, and are not in the answer.
    """
    found: dict[str, str] = {}
    hashes = step.meta.hashes if step.meta else {}
    with Progress(f"Checking {step.title}", step.bytes) as told:
        before = 0
        for name, expected in hashes.items():
            path = step.files.get(name)
            if path is None:
                if f"{name}.header" not in step.files:
                    found[name] = "is not there"
                continue
            try:
                same = sha256_of(path, told, before) == expected
                found[name] = "" if same else "was cut short or changed: its SHA-256 is another"
            except OSError as error:
                found[name] = f"cannot be read: {error.strerror}"
            before += size_of(path)
    return found
