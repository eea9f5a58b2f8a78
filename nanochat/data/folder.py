"""A corpus of the reader's own files: .txt, .md, .jsonl and .parquet, in a folder and the folders below it.

A row of a .jsonl or .parquet file is a document as it stands. A .txt or .md file may be a whole book, so it
is cut; neighbouring pieces of a long one go to the same side of the split. Files are read as UTF-8, and one
that is not is refused by name: to guess an encoding is to train on its mistakes. Names that begin with a dot
are left out, as every tool leaves them out.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nanochat.data.build import Document, Recipe, already_built, build
from nanochat.data.clean import cut, tidy, without_frame
from nanochat.data.corpus import PREPARED, Corpus
from nanochat.errors import UserError
from nanochat.home import checked_name, corpora_folder

KINDS = (".txt", ".md", ".jsonl", ".parquet")
FIELD = "text"
PARQUET_ROWS = 1024  # read at a time
# A .txt file is in memory some times over while it is cleaned.
LARGEST_TEXT = 2**31
# A text of at least 400 pieces is split ten neighbours at a time, a shorter one in smaller steps: enough of
# them that one in twenty can be chosen.
STRETCH, STRETCHES = 10, 40


def prepare_folder(
    path: Path,
    name: str | None = None,
    seed: int = 0,
    field: str = FIELD,
    say: Callable[[str], None] = lambda _: None,
) -> Corpus:
    """Put the texts of a folder on disk as a corpus, or find it there, made of the same bytes.

    `field` is the field of .jsonl rows, or the column of .parquet files, that holds the text. Raises
    UserError that names the file, and the line, for what cannot be read.
    """
    files = find_files(path)
    name = corpus_name(path, name)
    say(f"{path}: {len(files):,} files, {sum(one.stat().st_size for one in files) / 1e6:,.1f} MB")
    recipe = Recipe(
        name=name,
        source=path.resolve().name,
        licence="the reader's own files",
        seed=seed,
        settings={"field": field, "files": len(files), "sha256": hash_of_files(path, files)},
    )
    if there := already_built(recipe):
        return there
    return build(recipe, lambda: (one for file in files for one in read_file(file, field)), say)


def plan(path: Path, name: str | None = None) -> str:
    """What preparing it would do, for a dry run."""
    files = find_files(path)
    size = sum(one.stat().st_size for one in files)
    target = corpora_folder() / corpus_name(path, name)
    return (
        f"{path}: {len(files):,} files, {size / 1e6:,.1f} MB; written to {target}, which takes no more than "
        f"that, and as much again while it is written"
    )


def corpus_name(path: Path, name: str | None) -> str:
    """The name that was given, else the folder's; not one of the public corpora's."""
    if name is None:
        try:
            name = checked_name(path.resolve().name)
        except UserError as error:
            raise UserError(f"{error}; give one with --name") from None
    if name in PREPARED:
        raise UserError(f"{name!r} is the name of a public corpus; give yours another with --name")
    return checked_name(name)


def find_files(path: Path) -> list[Path]:
    """The texts in a folder, sorted. Links are followed to files, not to folders, which could be a circle."""
    if not path.exists():
        raise UserError(f"{path}: there is no such folder")
    if path.is_file():
        files = [path]
    else:
        files = []
        for folder, below, names in os.walk(path, onerror=_refuse):
            below[:] = sorted(one for one in below if not one.startswith("."))
            files += [Path(folder, one) for one in sorted(names) if not one.startswith(".")]
    texts = [one for one in files if one.suffix.lower() in KINDS and one.is_file()]
    if not texts:
        raise UserError(f"{path}: no {', '.join(KINDS[:-1])} or {KINDS[-1]} file in it")
    return texts


def _refuse(error: OSError) -> None:
    raise error


def hash_of_files(path: Path, files: list[Path]) -> str:
    """SHA-256 over the files' places and bytes: equal exactly if the texts are."""
    whole = hashlib.sha256()
    for one in files:
        with one.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        place = one.relative_to(path).as_posix() if path.is_dir() else one.name
        whole.update(f"{place}\n{content}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()


def read_file(path: Path, field: str = FIELD) -> Iterator[Document]:
    """The documents of one file; empty ones are left out."""
    kind = path.suffix.lower()
    if kind == ".jsonl":
        texts = _jsonl(path, field)
    elif kind == ".parquet":
        texts = _parquet(path, field)
    else:
        yield from pieces_of_text(_text(path))
        return
    for text in texts:
        if text.strip():
            yield Document(text)


def pieces_of_text(text: str) -> Iterator[Document]:
    """A book, cut; each stretch of neighbours is one work."""
    pieces = cut(tidy(without_frame(text)))
    size = max(1, min(STRETCH, len(pieces) // STRETCHES))
    for first in range(0, len(pieces), size):
        for piece in pieces[first : first + size]:
            # Named by its own words: a book under another name is the same work.
            yield Document(piece, work=pieces[first])


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST_TEXT:
        raise UserError(f"{path}: more than 2 GiB in one text; split it, or make it .jsonl")
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}, line {line}: not UTF-8 (byte 0x{data[error.start]:02x}); convert it, for instance "
            "with: iconv -f WINDOWS-1252 -t UTF-8"
        ) from None
    if "\0" in text:
        raise UserError(f"{path}: holds NUL bytes, so it is no text; move it elsewhere")
    return text


def _jsonl(path: Path, field: str) -> Iterator[str]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path}, line {number}"
            try:
                row = json.loads(line.decode("utf-8-sig"))
            except UnicodeDecodeError:
                raise UserError(f"{where}: not UTF-8") from None
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where}: not JSON ({error})") from None
            if not isinstance(row, dict):
                raise UserError(f'{where}: not an object, {{"{field}": ...}}')
            if field not in row:
                raise UserError(f"{where}: no field {field!r}{_choose(row)}")
            if not isinstance(row[field], str):
                raise UserError(f"{where}: its field {field!r} is no text")
            yield tidy(_checked(row[field], where))


def _parquet(path: Path, field: str) -> Iterator[str]:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if field not in schema.names:
                raise UserError(f"{path}: no column {field!r}{_choose(schema.names)}")
            kind = schema.field(field).type
            if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
                raise UserError(f"{path}: its column {field!r} is no text but {kind}")
            for batch in file.iter_batches(PARQUET_ROWS, columns=[field]):
                for text in batch.column(0).to_pylist():
                    yield tidy(text or "")
    except (pa.ArrowException, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())[:150]
        raise UserError(f"{path}: not a readable parquet file ({why})") from None


def _choose(names: object) -> str:
    there = [str(name) for name in names][:8] if isinstance(names, (list, dict)) else []
    return f"; choose one with --field: {', '.join(there)}" if there else ""


def _checked(text: str, where: str) -> str:
    """Text that can be written as UTF-8: JSON can spell half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: half of a surrogate pair, which is no text") from None
    return text
