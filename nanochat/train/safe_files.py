"""Files that are either there whole, or not at all: also when the power fails at the worst moment.

A system keeps what is written in memory for a while and writes it to the disk in any order. `fsync` waits
until it is there. To put a folder in its place safely:

1. write every file beside the place, in a folder with another name, and `fsync` each
2. `fsync` that folder, which holds the files' names
3. rename it: the one step that makes it visible, and it cannot be half done
4. `fsync` the folder above, which holds the new name

Tensors are written in the safetensors format: a header in JSON that says where each begins, then their bytes.
It is written here, tensor by tensor, so that no second copy of a model is in memory and the hash is made on
the way. The package safetensors reads it; no pickle, so loading a file never runs code from it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from nanochat.data.shards import sync_folder

# The names of the safetensors format.
DTYPES = {
    torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
    torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8",
    torch.bool: "BOOL",
}  # fmt: skip
ONE_WRITE = 2**24  # bytes handed over at a time


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing, and have their names on the disk."""
    missing = [folder, *folder.parents]
    missing = missing[: next(i for i, one in enumerate(missing) if one.exists())]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        sync_folder(one.parent)


def write_synced(path: Path, chunks: Iterator[bytes | memoryview]) -> str:
    """Write a new file and have it on the disk; returns the SHA-256 of what was written."""
    digest = hashlib.sha256()
    with path.open("wb", buffering=0) as file:
        for chunk in chunks:
            rest = memoryview(chunk)
            while len(rest):  # a disk that is nearly full takes a part only, and the next write says why
                rest = rest[file.write(rest) :]
            digest.update(chunk)
        os.fsync(file.fileno())
    return digest.hexdigest()


def write_tensors(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None) -> str:
    """Write a safetensors file, with a few words about it in its header; returns its SHA-256.

    >>> import tempfile, safetensors.torch
    >>> from nanochat.files import file_hash
    >>> path = Path(tempfile.mkdtemp(), "a.safetensors")
    >>> hash_of_file = write_tensors(path, {"x": torch.arange(3)})
    >>> safetensors.torch.load_file(path), hash_of_file == file_hash(path)
    ({'x': tensor([0, 1, 2])}, True)
    """
    return write_synced(path, tensor_file(tensors, about))


def tensor_file(
    tensors: Mapping[str, Tensor], about: Mapping[str, str] | None = None
) -> Iterator[bytes | memoryview]:
    """The bytes of a safetensors file, in pieces."""
    # Widest type first: then every tensor begins at a multiple of its own width, as memory maps want it.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": dict(about)} if about else {}
    end = 0
    for name in names:
        tensor = tensors[name]
        start, end = end, end + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little") + text
    for name in names:
        plain = tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8)
        data = plain.numpy().data
        for first in range(0, len(data), ONE_WRITE):
            yield data[first : first + ONE_WRITE]
