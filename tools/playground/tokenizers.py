"""Find the tokenizers that were asked for, and say which they are."""

from __future__ import annotations

from pathlib import Path

from nanochat.tokenizer import ranks
from nanochat.tokenizer.tokenizer import (
    RANKS_FILE,
    SETTINGS_FILE,
    Tokenizer,
    published_tokenizer,
    sample_tokenizer,
    with_chat_specials,
)
from tools.core.errors import NeedFiles, ToolError
from tools.core.files import MEGABYTE, read_whole
from tools.core.given import given_file
from tools.playground.question import OURS

SAMPLE_NOTE = (
    "nanochat is here the small tokenizer that comes with the code: 2,048 ids, learned from 55 KB of "
    "English. Show your own with --ranks."
)
# The largest published vocabulary, o200k_base, has 3.6 MB.
LARGEST_RANKS = 100 * MEGABYTE


def find(names: list[str], rank_file: Path | None) -> tuple[dict[str, Tokenizer], list[str]]:
    """The tokenizers by name, and notes on where they come from.

    >>> tokenizers, notes = find(["nanochat"], None)
    >>> tokenizers["nanochat"].n_vocab, len(notes)
    (2048, 1)
    """
    own = _from_file(rank_file) if rank_file else None
    found, notes = {}, []
    for name in dict.fromkeys(names):
        if name != OURS:
            found[name] = _published(name)
        elif own:
            found[name] = own
            notes.append(f"nanochat is here {rank_file.name if rank_file else ''}: {own.n_vocab:,} ids.")
        else:
            found[name] = sample_tokenizer()
            notes.append(SAMPLE_NOTE if rank_file is None else _not_own(rank_file))
    return found, notes


def _not_own(path: Path) -> str:
    """A file of a published vocabulary was given, and a tokenizer of the reader's own asked for."""
    size = path.stat().st_size
    name = next(name for name, file in ranks.RANK_FILES.items() if file.size == size)
    return f"{path.name} is the vocabulary of {name}: choose that tokenizer to see it. {SAMPLE_NOTE}"


def _published(name: str) -> Tokenizer:
    """A published tokenizer; on a page its file may have been fetched, or has to be."""
    try:
        return published_tokenizer(name)
    except ranks.RanksMissing as missing:
        address = f"assets/ranks/{missing.stem}.tiktoken"
        fetched = given_file(address)
        if fetched is None:
            raise NeedFiles(f"{missing}, or name it with --ranks", [address]) from None
    except ranks.RanksError as error:
        raise ToolError(str(error)) from None
    try:
        ranks.provide(name, fetched.read_bytes())
    except ranks.RanksError as error:
        raise ToolError(str(error)) from None
    return published_tokenizer(name)


def _from_file(path: Path) -> Tokenizer | None:
    """The tokenizer of a rank file, with the settings beside it, if any; None for a published file."""
    data = read_whole(path, LARGEST_RANKS, "a rank file", "ranks")
    try:
        for name, file in ranks.RANK_FILES.items():
            if len(data) == file.size:
                ranks.provide(name, data)
                return None
        if path.name == RANKS_FILE and (path.parent / SETTINGS_FILE).is_file():
            return Tokenizer.load(path.parent)
        return with_chat_specials(path.stem, ranks.parse(data, str(path)))
    except OSError as error:
        raise ToolError(f"{error.filename} cannot be read: {error.strerror}") from None
    except ValueError as error:
        said = str(error)
        raise ToolError(said if path.name in said else f"{path}: {said}") from None
