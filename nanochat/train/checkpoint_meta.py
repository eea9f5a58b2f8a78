"""What a checkpoint says of itself, without its tensors: names, `meta.json`, hashes. Standard library only.

`nanochat.train.checkpoint` says what lies in a checkpoint, `nanochat.train.stored` reads its tensors. What is
here needs no torch, so that tools and pages can look at a checkpoint too.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.files import file_hash

FOLDER = "checkpoints"  # in a run's folder
MODEL, META = "model.safetensors", "meta.json"
OPTIMIZER, LOADER = "optimizer-", "loader-"  # how the names of each process's files begin
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


def paths(run: Path) -> list[Path]:
    """The checkpoints of a run, oldest first; for one step, the old one before the one that replaced it."""
    folder = run / FOLDER
    found = [path for path in folder.iterdir() if NAME.fullmatch(path.name)] if folder.is_dir() else []
    return sorted(found, key=lambda path: (step_of(path), not path.name.endswith(".replaced")))


def hash_of(body: Mapping[str, Any]) -> str:
    """The SHA-256 of plain data, however it is laid out.

    >>> hash_of({"a": 1, "b": 2}) == hash_of({"b": 2, "a": 1})
    True
    """
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Meta:
    """What `meta.json` says: the step, what the run says of itself, the SHA-256 of every file."""

    step: int
    meta: dict[str, Any]
    hashes: dict[str, str]


def read_meta(path: Path) -> Meta:
    """Read a `meta.json`. Raises `Damaged` naming it if it is not what was written.

    >>> read_meta(Path("nowhere/meta.json"))
    Traceback (most recent call last):
    nanochat.train.checkpoint_meta.Damaged: nowhere/meta.json cannot be read (FileNotFoundError)
    """
    try:
        found = json.loads(path.read_bytes())
        written = found.pop("sha256")
        if written != hash_of(found):
            raise Damaged(f"{path} has been changed")
        if found["format"] != FORMAT:
            raise UserError(f"{path} has format {found['format']}; this version of nanochat reads {FORMAT}")
        if any(Path(name).name != name for name in found["files"]):
            raise Damaged(f"{path} names files in other folders")
        return Meta(found["step"], found["meta"], found["files"])
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise Damaged(f"{path} cannot be read ({type(error).__name__})") from None


def check_hash(path: Path, expected: str) -> None:
    """Raises `Damaged` if a file is not there or has another hash than was written down."""
    try:
        found = file_hash(path)
    except OSError as error:
        raise Damaged(f"{path} cannot be read ({error.strerror})") from None
    if found != expected:
        raise Damaged(f"{path} is damaged: it was cut short or changed")


@dataclass(frozen=True)
class Slice:
    """Where some rows of a state of the optimizer are."""

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
