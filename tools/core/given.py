"""Files that a page was given: those the reader chose or dropped, and those it fetched from this site.

What a reader gives lies in a folder that the browser's worker has mounted: nothing is copied, and Python
reads it in slices as it would from a disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from tools.core.errors import UsageError

GIVEN: dict[str, Path] = {}
"""Files given to this page, by the names they were given under."""
MOUNTED: dict[str, str] = {}
"""The folder in which the files of a field lie, by the field's key."""


_ASKED: list[bool] = []


@contextmanager
def asked_by_page() -> Iterator[None]:
    """While this lasts, a page asks: it has no folders but those it was given, and no home folder.

    >>> with asked_by_page():
    ...     is_page()
    True
    >>> is_page()
    False
    """
    _ASKED.append(True)
    try:
        yield
    finally:
        _ASKED.pop()


def is_page() -> bool:
    """Whether a page asks."""
    return bool(_ASKED)


@lru_cache(maxsize=1)
def files_folder() -> Path:
    """Where fetched files lie (in the browser a folder in memory)."""
    import tempfile

    return Path(tempfile.mkdtemp(prefix="nanochat-page-"))


def inside(folder: Path, name: str) -> Path:
    """Where a name lies in a folder: a name from a page must not lead out of it.

    >>> str(inside(Path("/given"), "../../etc/passwd"))
    '/given/etc/passwd'
    """
    parts = [part for part in re.split(r"[/\\]", name) if part not in ("", ".", "..")]
    if not parts:
        raise UsageError(f"a file needs a name, not {name!r}")
    return folder.joinpath(*parts)


def put_file(name: str, data: object) -> str:
    """Keep a file under a name and say where it lies. `data` is bytes, or anything that `bytes()` takes."""
    path = inside(files_folder(), name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(data))  # type: ignore[call-overload]
    GIVEN[name] = path
    return str(path)


def give(key: str, folder: str, names: Sequence[str]) -> None:
    """The reader gave the field `key` these files or folders, which lie in `folder`.

    >>> give("runs", "/given/1", ["metrics.jsonl"])
    >>> str(given_file("metrics.jsonl", "runs"))
    '/given/1/metrics.jsonl'
    """
    take_back(key)
    MOUNTED[key] = folder
    GIVEN.update({f"{key}:{name}": inside(Path(folder), name) for name in names})


def take_back(key: str) -> None:
    """The reader has taken the files of a field away."""
    MOUNTED.pop(key, None)
    for name in [name for name in GIVEN if name.startswith(f"{key}:")]:
        del GIVEN[name]


def given_file(name: str, key: str = "") -> Path | None:
    """Where the file lies that was given under this name (to the field with this key), or None."""
    return GIVEN.get(f"{key}:{name}") or GIVEN.get(name)


def without_folder(text: str) -> str:
    """The text with names of given files as the reader knows them."""
    folders = [*MOUNTED.values(), *([str(files_folder())] if GIVEN else [])]
    for folder in folders:
        text = text.replace(f"{folder}/", "")
    return text
