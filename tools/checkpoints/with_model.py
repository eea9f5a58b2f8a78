"""The door to torch: the same measurements as `numbers`, for files so large that plain Python takes long."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from tools.checkpoints.numbers import Distance, Measured
from tools.core.errors import ToolError

NEEDED = "torch is not installed here; pip install -e '.[train]', or leave --measure-with out"


def has_torch() -> bool:
    """Whether torch and safetensors can be imported; neither is."""
    return find_spec("torch") is not None and find_spec("safetensors") is not None


def measures(path: Path) -> Iterator[tuple[str, Measured]]:
    """Every tensor of a file measured by torch, by name."""
    if not has_torch():
        raise ToolError(NEEDED, "measure-with")
    from nanochat.train.weights import measured

    for name, norm, bad, first in measured(path):
        yield name, Measured(norm, bad, first)


def distances(first: Path, second: Path) -> Iterator[tuple[str, Distance]]:
    """How far the tensors of two files are apart, by torch."""
    if not has_torch():
        raise ToolError(NEEDED, "measure-with")
    from nanochat.train import weights

    for name, *found in weights.distances(first, second):
        yield name, Distance(*found)
