"""A corpus on disk: a folder of shards, and `corpus.json` that says what they are.

    corpora/classics/
      corpus.json           name, source, licence, seed; of each shard its SHA-256, size and documents
      shard_00000.parquet   training text, shuffled
      validation.parquet    what no model is trained on

The validation shard is one file and stays the same file, whatever is downloaded later: figures of two runs
can be compared only on the same text. `corpus.json` is written last. A folder without it was never finished,
and is not opened.
"""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nanochat.data.shards import ShardRecord, file_sha256, put_in_place
from nanochat.errors import UserError
from nanochat.home import checked_name, corpora_folder

RECORD = "corpus.json"
FORMAT = 1
PREPARED = ("classics", "climbmix", "fineweb-edu")


@dataclass(frozen=True)
class Corpus:
    """A corpus that is there whole: every shard that `corpus.json` names has its recorded size."""

    name: str
    folder: Path
    train_shards: tuple[ShardRecord, ...]
    validation_shard: ShardRecord
    source: str
    licence: str
    seed: int | None = None
    version: str = ""  # of what made it: the program's, or the commit of a repository on the hub
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def train(self) -> list[Path]:
        """The shards to train on, in their order."""
        return [self.folder / shard.file for shard in self.train_shards]

    @property
    def validation(self) -> Path:
        """The shard that is only ever evaluated on."""
        return self.folder / self.validation_shard.file

    @functools.cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the shards' hashes: equal exactly if the text and its order are."""
        hashes = [shard.sha256 for shard in (*self.train_shards, self.validation_shard)]
        return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

    @property
    def documents(self) -> int:
        """How many documents there are to train on."""
        return sum(shard.documents for shard in self.train_shards)

    @property
    def text_bytes(self) -> int:
        """How many bytes of text there are to train on."""
        return sum(shard.text_bytes for shard in self.train_shards)

    def verify(self) -> None:
        """Read every shard and compare its hash; raises UserError that names a shard which differs."""
        for shard in (*self.train_shards, self.validation_shard):
            path = self.folder / shard.file
            if file_sha256(path) != shard.sha256:
                raise UserError(f"{path}: its bytes have changed since it was prepared; {_again(self.name)}")

    def save(self) -> None:
        """Write `corpus.json`, the last step of preparing a corpus."""
        record = {
            "format": FORMAT,
            "name": self.name,
            "source": self.source,
            "licence": self.licence,
            "seed": self.seed,
            "version": self.version,
            "settings": dict(self.settings),
            "train": [asdict(shard) for shard in self.train_shards],
            "validation": asdict(self.validation_shard),
        }
        beside = self.folder / f".{RECORD}.partial"
        beside.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        put_in_place(beside, self.folder / RECORD)


def open_corpus(name_or_path: str | Path) -> Corpus:
    """The corpus of this name in the base folder, or in this folder.

    Raises UserError with the way out: for a corpus that is not there, was not finished, or lacks a shard.

    >>> open_corpus("tale")
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no corpus 'tale'; prepare it with: nanochat data prepare --corpus ...
    """
    folder = corpus_folder(name_or_path)
    try:
        text = (folder / RECORD).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise _missing(name_or_path, folder) from None
    except UnicodeDecodeError:
        raise UserError(f"{folder / RECORD}: damaged; {_again(folder.name)}") from None
    corpus = _from_record(folder, text)
    for shard in (*corpus.train_shards, corpus.validation_shard):
        _check_size(folder / shard.file, shard, corpus.name)
    return corpus


def corpus_folder(name_or_path: str | Path) -> Path:
    """Where the corpus lies: words with a slash are a path, others a name in the base folder."""
    words = os.fspath(name_or_path)
    if isinstance(name_or_path, Path) or any(mark and mark in words for mark in (os.sep, os.altsep)):
        return Path(words).expanduser()
    return corpora_folder() / checked_name(words)


def _from_record(folder: Path, text: str) -> Corpus:
    path = folder / RECORD
    try:
        record = json.loads(text)
        if record["format"] != FORMAT:
            raise UserError(f"{path}: written by another version of nanochat; {_again(record['name'])}")
        corpus = Corpus(
            name=str(record["name"]),
            folder=folder,
            train_shards=tuple(ShardRecord(**shard) for shard in record["train"]),
            validation_shard=ShardRecord(**record["validation"]),
            source=str(record["source"]),
            licence=str(record["licence"]),
            seed=record["seed"],
            version=str(record["version"]),
            settings=record["settings"],
        )
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: damaged; {_again(folder.name)}") from None
    for shard in (*corpus.train_shards, corpus.validation_shard):
        if not isinstance(shard.file, str) or shard.file != Path(shard.file).name:
            raise UserError(f"{path}: names a shard outside its folder, {shard.file!r}")
    if not corpus.train_shards:
        raise UserError(f"{path}: names no shard to train on; {_again(corpus.name)}")
    return corpus


def _check_size(path: Path, shard: ShardRecord, name: str) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise UserError(f"{path}: the shard is missing; {_again(name)}") from None
    if size != shard.bytes:
        raise UserError(f"{path}: {size:,} bytes where {shard.bytes:,} were written; {_again(name)}")


def _missing(name_or_path: str | Path, folder: Path) -> UserError:
    words = os.fspath(name_or_path)
    if folder.is_dir():
        return UserError(f"{folder}: the corpus was not finished (no {RECORD}); {_again(folder.name)}")
    if folder.parent != corpora_folder():
        return UserError(f"{words}: there is no corpus; nanochat data prepare makes one")
    return UserError(f"there is no corpus {words!r}; prepare it with: {_prepare(words)}")


def _again(name: str) -> str:
    return f"prepare it again with: {_prepare(name)}"


def _prepare(name: str) -> str:
    corpus = name if name in PREPARED else f"folder PATH --name {name}"
    return f"nanochat data prepare --corpus {corpus}"
