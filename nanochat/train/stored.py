"""A checkpoint that is on disk: its names, its hashes, and reading it (`checkpoint.py` says what is in it).

Opening one reads `meta.json` only. Tensors are read when they are asked for, and of the optimizer's state
only the rows that are asked for, whichever process wrote them.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from nanochat.errors import UserError
from nanochat.train.safe_files import file_hash

MODEL, META = "model.safetensors", "meta.json"
FORMAT = 1
# A checkpoint, or the old one of a step while a new one takes its place.
NAME = re.compile(r"step_(\d{6,})(\.replaced)?")


class Damaged(UserError):
    """A checkpoint that is not what was written."""


def step_of(path: Path) -> int:
    """The step in a checkpoint's name.

    >>> step_of(Path("checkpoints/step_000100"))
    100
    """
    match = NAME.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path} is no checkpoint; their names are like step_000100")
    return int(match[1])


def hash_of(body: Mapping[str, Any]) -> str:
    """The SHA-256 of plain data, however it is laid out.

    >>> hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


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
        path = folder / META
        try:
            found = json.loads(path.read_bytes())
            written = found.pop("sha256")
            if written != hash_of(found):
                raise Damaged(f"{path} has been changed")
            if found["format"] != FORMAT:
                raise UserError(
                    f"{path} has format {found['format']}; this version of nanochat reads {FORMAT}"
                )
            if any(Path(name).name != name for name in found["files"]):
                raise Damaged(f"{path} names files in other folders")
            return cls(folder, found["step"], found["meta"], found["files"])
        except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
            raise Damaged(f"{path} cannot be read ({type(error).__name__})") from None

    def verify(self) -> None:
        """Check every file against its hash. Raises `UserError` naming the first damaged one."""
        for name, expected in self.hashes.items():
            path = self.folder / name
            try:
                found = file_hash(path)
            except OSError as error:
                raise Damaged(f"{path} cannot be read ({error.strerror})") from None
            if found != expected:
                raise Damaged(f"{path} is damaged: it was cut short or changed")

    def model_tensors(self) -> dict[str, Tensor]:
        """All weights, in ordinary memory, by name."""
        file = self._file(MODEL)
        names = file.keys()
        return {name: file.get_tensor(name) for name in names}

    def loader_states(self) -> list[dict[str, Any]]:
        """Where each process was in the text."""
        names = sorted(name for name in self.hashes if name.startswith("loader-"))
        return [json.loads((self.folder / name).read_bytes()) for name in names]

    def read_rows(self, name: str, first: int, last: int) -> Tensor:
        """Rows `first` to `last` of one state of the optimizer, whichever processes wrote them.

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
                rows = self._file(piece.file).get_slice(piece.key)
                pieces.append(rows[at - piece.first : stop - piece.first])
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
            if file.startswith("optimizer-"):
                keys = self._file(file).keys()
                for key in keys:
                    piece = Slice.of(file, key)
                    found.setdefault(piece.name, []).append(piece)
        return {name: sorted(pieces, key=lambda one: one.first) for name, pieces in found.items()}

    def _file(self, name: str) -> Any:
        if name not in self._open_files:
            try:
                self._open_files[name] = safe_open(self.folder / name, framework="pt")
            except (OSError, SafetensorError) as error:
                raise Damaged(f"{self.folder / name} cannot be read ({error})") from None
        return self._open_files[name]


@dataclass(frozen=True)
class Slice:
    """Where some rows of a state are."""

    file: str
    key: str
    name: str
    first: int
    last: int

    @classmethod
    def of(cls, file: str, key: str) -> Slice:
        """Take a key apart.

        >>> Slice.of("optimizer-00-of-01.safetensors", "momentum/w@0:512").last
        512
        """
        name, _, rows = key.rpartition("@")
        first, _, last = rows.partition(":")
        return cls(file, key, name, int(first), int(last))
