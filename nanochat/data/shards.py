"""Shards: the files a corpus is made of. Parquet, one column `text`, a row a document.

Documents lie in row groups of 1,024, each compressed by itself (zstd). A row group is the least that can be
read, so a loader holds some megabytes and not a whole shard of 100 MB, and ranks can take different ones.
The large public corpora that this project trains on have the same layout.

A shard is written beside its place, synced, then renamed: where there is a `shard_00007.parquet`,
it is whole.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nanochat.errors import UserError

COLUMN = "text"
ROW_GROUP = 1024  # documents
SCHEMA = pa.schema([pa.field(COLUMN, pa.large_string(), nullable=False)])
# A row group also ends here, so that books in place of web pages do not make one of gigabytes.
ROW_GROUP_BYTES = 64 * 2**20
ZSTD_LEVEL = 3


@dataclass(frozen=True)
class ShardRecord:
    """What a corpus remembers of one of its shards."""

    file: str  # the name within the corpus' folder
    sha256: str
    bytes: int  # of the file
    documents: int
    text_bytes: int  # of the documents as UTF-8


class ShardWriter:
    """Writes one shard; what is under `path` is there only after the block has ended well.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "shard_00000.parquet")
    >>> with ShardWriter(path) as writer:
    ...     writer.write("Call me Ishmael.")
    >>> writer.record.documents, list(documents(path))
    (1, ['Call me Ishmael.'])
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._beside = path.with_name(f".{path.name}.partial")
        self._waiting: list[str] = []
        self._waiting_bytes = 0
        self._documents = 0
        self._text_bytes = 0

    def __enter__(self) -> ShardWriter:
        # Text hardly repeats whole documents, so a dictionary of them would only cost time.
        self._writer = pq.ParquetWriter(
            self._beside,
            SCHEMA,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            use_dictionary=False,
            write_statistics=False,
        )
        return self

    def write(self, document: str) -> None:
        """Add one document."""
        try:
            size = len(document.encode())
        except UnicodeEncodeError:
            raise ValueError("a document holds half of a surrogate pair, which is no text") from None
        if self._waiting and self._waiting_bytes + size > ROW_GROUP_BYTES:
            self._flush()
        self._waiting.append(document)
        self._waiting_bytes += size
        self._documents += 1
        self._text_bytes += size
        if len(self._waiting) == ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._waiting:
            table = pa.table({COLUMN: self._waiting}, schema=SCHEMA)
            self._writer.write_table(table, row_group_size=len(self._waiting))
            self._waiting, self._waiting_bytes = [], 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                if kind is None:
                    self._flush()
            finally:
                self._writer.close()
            if kind is None:
                put_in_place(self._beside, self.path)
                self.record = ShardRecord(
                    self.path.name,
                    file_sha256(self.path),
                    self.path.stat().st_size,
                    self._documents,
                    self._text_bytes,
                )
        except BaseException:
            self._beside.unlink(missing_ok=True)
            # The first error is the one to show: a disk that is full makes closing fail as well.
            if kind is None:
                raise
        if kind is not None:
            self._beside.unlink(missing_ok=True)


def write_shard(path: Path, texts: Iterable[str]) -> ShardRecord:
    """Write one shard from documents."""
    with ShardWriter(path) as writer:
        for text in texts:
            writer.write(text)
    return writer.record


# ---- reading ----


def read_row_groups(path: Path, start: int = 0) -> Iterator[list[str]]:
    """The documents of a shard, a row group at a time, from row group `start` on.

    Raises UserError, naming the file, for one that is no such parquet file or is damaged.
    """
    with _opened(path) as file:
        for number in range(start, file.num_row_groups):
            yield _strings(path, file, number)


def read_row_group(path: Path, number: int) -> list[str]:
    """The documents of one row group; raises UserError like `read_row_groups`."""
    with _opened(path) as file:
        return _strings(path, file, number)


def row_group_sizes(path: Path) -> list[int]:
    """How many documents each row group holds. Reads the file's footer only."""
    with _opened(path) as file:
        return [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]


def documents(path: Path, start: int = 0) -> Iterator[str]:
    """The documents of a shard from number `start` on; skips row groups without reading them.

    Raises UserError like `read_row_groups`.
    """
    for number, size in enumerate(row_group_sizes(path)):
        if start >= size:
            start -= size
            continue
        yield from islice(read_row_group(path, number), start, None)
        start = 0


def inspect_shard(path: Path, name: str, sha256: str) -> ShardRecord:
    """Read a whole shard, and say what it holds: what is recorded of a file that was downloaded.

    `name` is the file's name in its corpus, which may not be its name yet. Raises UserError like
    `read_row_groups`.
    """
    count = text_bytes = 0
    with _opened(path) as file:
        for number in range(file.num_row_groups):
            column = _column(path, file, number)
            count += len(column)
            text_bytes += pc.sum(pc.binary_length(column)).as_py() or 0
    return ShardRecord(name, sha256, path.stat().st_size, count, text_bytes)


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[pq.ParquetFile]:
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise UserError(f"{path}: there is no such shard; prepare the corpus again") from None
    except pa.ArrowException as error:
        raise unreadable(path, error) from None
    with file:
        if COLUMN not in file.schema_arrow.names:
            there = ", ".join(file.schema_arrow.names[:8])
            raise UserError(f"{path}: no column {COLUMN!r}; its columns are: {there}")
        yield file


def _column(path: Path, file: pq.ParquetFile, number: int) -> pa.ChunkedArray:
    try:
        column = file.read_row_group(number, columns=[COLUMN], use_threads=False).column(0)
    except (pa.ArrowException, OSError) as error:
        raise unreadable(path, error) from None
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise UserError(f"{path}: its column {COLUMN!r} is no text but {column.type}")
    return column


def _strings(path: Path, file: pq.ParquetFile, number: int) -> list[str]:
    try:
        texts = _column(path, file, number).to_pylist()
    except UnicodeDecodeError as error:
        raise unreadable(path, error) from None
    return texts if None not in texts else [text or "" for text in texts]


def unreadable(path: Path, error: Exception) -> UserError:
    """One line for a file that pyarrow could not read; its messages may have several."""
    why = " ".join(str(error).split()) or type(error).__name__
    return UserError(f"{path}: not a readable parquet file ({why[:150]}); prepare the corpus again")


# ---- files that are there whole or not at all ----


def put_in_place(beside: Path, path: Path) -> None:
    """Have a finished file on the disk, then give it its name: the one step that cannot be half done."""
    with beside.open("rb+") as file:
        os.fsync(file.fileno())
    beside.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk."""
    if os.name == "nt":  # Windows cannot open a folder, and keeps names without being asked
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
