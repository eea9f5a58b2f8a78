"""Files of weights measured by torch, tensor by tensor: how long, how far apart, what is no number.

Only one tensor of each file is in memory at a time. Everything is added up in fp64.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from safetensors import safe_open
from torch import Tensor


def tensors_of(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a safetensors file that holds fractions, by name, one at a time."""
    with safe_open(path, framework="pt") as file:
        names = file.keys()
        for name in names:
            tensor = file.get_tensor(name)
            if tensor.is_floating_point():
                yield name, tensor.double().flatten()


def measured(path: Path) -> Iterator[tuple[str, float, int, int | None]]:
    """Of every tensor: name, length, how many numbers are not finite, the place of the first.

    >>> import tempfile, torch
    >>> from nanochat.train.safe_files import write_tensors
    >>> path = Path(tempfile.mkdtemp(), "a.safetensors")
    >>> _ = write_tensors(path, {"w": torch.tensor([[3.0, 4.0], [0.0, 0.0]])})
    >>> list(measured(path))
    [('w', 5.0, 0, None)]
    """
    for name, numbers_N in tensors_of(path):
        bad_N = ~numbers_N.isfinite()
        bad = int(bad_N.sum())
        yield name, float(numbers_N.norm()), bad, int(bad_N.nonzero()[0]) if bad else None


def distances(first: Path, second: Path) -> Iterator[tuple[str, float, float, float, float]]:
    """Of every tensor that both files have in one shape: name, both lengths, distance, cosine."""
    with safe_open(second, framework="pt") as file:
        others = set(file.keys())
        for name, one_N in tensors_of(first):
            if name not in others:
                continue
            two_N = file.get_tensor(name).double().flatten()
            if two_N.shape != one_N.shape:
                continue
            lengths = float(one_N.norm()), float(two_N.norm())
            cosine = float(one_N @ two_N) / (lengths[0] * lengths[1]) if all(lengths) else 0.0
            yield name, *lengths, float((one_N - two_N).norm()), cosine
