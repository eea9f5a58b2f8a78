"""A checkpoint that is on disk: its names, its hashes, and reading it (`checkpoint.py` says what is in it).

Opening one reads `meta.json` only. Tensors are read when they are asked for, and of the optimizer's state
only the rows that are asked for, whichever process wrote them. A hash says that the numbers are those that
were written; whether they are numbers is looked at as they are read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from nanochat.errors import UserError
from nanochat.train.checkpoint_meta import (
    LOADER,
    META,
    MODEL,
    OPTIMIZER,
    Damaged,
    Slice,
    check_hash,
    paths,
    read_meta,
    step_of,
)


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint on disk. Nothing but `meta.json` is in memory."""

    folder: Path
    step: int
    meta: dict[str, Any]
    hashes: dict[str, str]
    _open_files: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def open(cls, folder: Path) -> Checkpoint:
        """Read `meta.json`. Raises `UserError` naming it if it is not what was written."""
        found = read_meta(folder / META)
        return cls(folder, found.step, found.meta, found.hashes)

    def verify(self) -> None:
        """Check every file against its hash. Raises `UserError` naming the first damaged one."""
        for name, expected in self.hashes.items():
            check_hash(self.folder / name, expected)

    def model_tensors(self) -> dict[str, Tensor]:
        """All weights, in ordinary memory, by name. Raises `UserError` if one is NaN or infinite."""
        file = self._file(MODEL)
        names = file.keys()
        return self._finite(MODEL, {name: file.get_tensor(name) for name in names})

    def loader_states(self) -> list[dict[str, Any]]:
        """Where each process was in the text."""
        names = sorted(name for name in self.hashes if name.startswith(LOADER))
        return [json.loads((self.folder / name).read_bytes()) for name in names]

    def read_rows(self, name: str, first: int, last: int) -> Tensor:
        """Rows `first` to `last` of one state of the optimizer, whichever processes wrote them.

        Raises `UserError` if they are not there, or a number in them is NaN or infinite.

        >>> import tempfile
        >>> from nanochat.train.checkpoint import latest, save
        >>> run = Path(tempfile.mkdtemp())
        >>> state = {"momentum/w@0:2": torch.tensor([5.0, 6]), "momentum/w@2:3": torch.tensor([7.0])}
        >>> _ = save(run, 1, {}, state, {})
        >>> latest(run).read_rows("momentum/w", 1, 3)
        tensor([6., 7.])
        """
        pieces, at = [], first
        for piece in self._slices.get(name, ()):
            if piece.first <= at < min(piece.last, last):
                stop = min(piece.last, last)
                rows = self._file(piece.file).get_slice(piece.key)[at - piece.first : stop - piece.first]
                pieces.append(self._finite(piece.file, {piece.name: rows})[piece.name])
                at = stop
        if at < last or not pieces:
            raise UserError(
                f"{self.folder} has no rows {at} to {last} of {name}; it belongs to another model"
            )
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)

    @cached_property
    def _slices(self) -> dict[str, list[Slice]]:
        found: dict[str, list[Slice]] = {}
        for file in self.hashes:
            if file.startswith(OPTIMIZER):
                keys = self._file(file).keys()
                for key in keys:
                    piece = Slice.of(file, key)
                    found.setdefault(piece.name, []).append(piece)
        return {name: sorted(pieces, key=lambda one: one.first) for name, pieces in found.items()}

    def _finite(self, file: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """The same tensors. Raises `UserError` with the way out if a number in them is none."""
        name = not_finite(tensors)
        if name is None:
            return tensors
        before = [step_of(path) for path in paths(self.folder.parent.parent) if step_of(path) < self.step]
        way = "no older one is left, so the run must begin anew under another --name"
        if before:
            way = f"move the folder {self.folder} away, and step {before[-1]:,} is taken in its place"
        raise UserError(
            f"{self.folder / file} is as it was written, but {name} holds NaN or infinite numbers; {way}"
        )

    def _file(self, name: str) -> Any:
        if name not in self._open_files:
            try:
                self._open_files[name] = safe_open(self.folder / name, framework="pt")
            except (OSError, SafetensorError) as error:
                raise Damaged(f"{self.folder / name} cannot be read ({error})") from None
        return self._open_files[name]


def not_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of the first tensor that holds a NaN or an infinite number; None if there is none.

    >>> not_finite({"a": torch.ones(2), "b": torch.tensor([1.0, torch.nan]), "c": torch.arange(3)})
    'b'
    """
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None
