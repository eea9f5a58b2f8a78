"""From documents to a corpus: drop what comes twice, keep some for validation, shuffle, write the shards.

**Validation is text that was never trained on.** Each document belongs to a work (a speech, a scene, a file's
own row); a work is wholly on one side, since the second half of a speech is easy for whoever knows the first.
Which works are kept for validation is decided by a hash of their names or texts, not by their place or the
seed: so runs with different seeds are evaluated on the same text. A document whose letters have occurred
already is dropped: a copy could stand on both sides.

**Shuffling needs no more memory than a shard.** Each document is dealt to one of the shards at random, then
every shard is shuffled by itself: together that is a shuffle of the whole.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from nanochat import __version__
from nanochat.data.clean import digest
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.shards import ShardRecord, ShardWriter, documents, sync_folder, write_shard
from nanochat.errors import UserError
from nanochat.home import checked_name, corpora_folder

# One shard holds about this much text; compressed it is about 100 MB.
SHARD_TEXT = 250_000_000
# One twentieth for validation, and never more than 20 MB, which is more than an evaluation reads.
VALIDATION_SHARE = 20
VALIDATION_LARGEST = 20_000_000
VALIDATION = "validation.parquet"


@dataclass(frozen=True)
class Document:
    """A text, and the work it is part of; without one it stands by itself."""

    text: str
    work: str = ""


@dataclass(frozen=True)
class Recipe:
    """What a corpus is made of. Two equal recipes make equal files."""

    name: str
    source: str
    licence: str
    seed: int
    settings: dict[str, Any] = field(default_factory=dict)
    version: str = __version__


@dataclass
class Survey:
    """What the first reading has found: which documents are new, how large each work is."""

    new: set[bytes] = field(default_factory=set)
    works: dict[bytes, int] = field(default_factory=dict)  # bytes of text
    read: int = 0
    copies: int = 0

    @property
    def text_bytes(self) -> int:
        """All the text that is kept."""
        return sum(self.works.values())


def build(
    recipe: Recipe, read: Callable[[], Iterable[Document]], say: Callable[[str], None] = lambda _: None
) -> Corpus:
    """Write the corpus of a recipe. `read` is called twice and must give the same documents both times.

    The first reading decides, the second writes: so text of any size passes through, and what cannot be read
    is found before anything is written. Raises UserError if there are fewer than two documents.
    """
    target = corpora_folder() / checked_name(recipe.name)
    with alone(target):
        survey = _survey(read())
        _check_enough(recipe, survey)
        kept = validation_works(survey.works)
        say(
            f"{survey.read:,} documents; {survey.copies:,} of them copies, dropped; "
            f"{survey.text_bytes / 1e6:,.1f} MB of text"
        )
        with _beside(target) as folder:
            shards = max(1, round(survey.text_bytes / SHARD_TEXT))
            train, validation = _write(folder, _once(read(), survey), kept, shards, recipe.seed)
            corpus = Corpus(
                name=recipe.name,
                folder=folder,
                train_shards=tuple(train),
                validation_shard=validation,
                source=recipe.source,
                licence=recipe.licence,
                seed=recipe.seed,
                version=recipe.version,
                settings=recipe.settings,
            )
            corpus.save()
        return open_corpus(target)


def already_built(recipe: Recipe) -> Corpus | None:
    """The corpus on disk, if it was made of this very recipe and is whole."""
    try:
        corpus = open_corpus(recipe.name)
    except UserError:
        return None
    made_of = Recipe(
        corpus.name,
        corpus.source,
        corpus.licence,
        corpus.seed if corpus.seed is not None else -1,
        dict(corpus.settings),
        corpus.version,
    )
    return corpus if made_of == recipe else None


# ---- the first reading ----


def _survey(found: Iterable[Document]) -> Survey:
    survey = Survey()
    for document in found:
        survey.read += 1
        key = digest(document.text)
        if key in survey.new:
            survey.copies += 1
            continue
        survey.new.add(key)
        work = work_key(document, key)
        survey.works[work] = survey.works.get(work, 0) + len(document.text.encode())
    return survey


def work_key(document: Document, text_key: bytes) -> bytes:
    """What decides on which side of the split a document stands."""
    return digest(document.work) if document.work else text_key


def validation_works(works: dict[bytes, int]) -> set[bytes]:
    """The works that are kept for validation: those with the smallest hashes, up to the share.

    At least one, and at least one is left to train on.

    >>> works = {bytes([number]): 10 for number in range(100)}
    >>> len(validation_works(works)), bytes([0]) in validation_works(works)
    (5, True)
    """
    wanted = min(sum(works.values()) // VALIDATION_SHARE, VALIDATION_LARGEST)
    kept: set[bytes] = set()
    for work in sorted(works)[:-1]:
        if kept and wanted <= 0:
            break
        # A work far larger than what is still wanted is left to train on, unless there is no other.
        if works[work] <= max(2 * wanted, 1):
            kept.add(work)
            wanted -= works[work]
    return kept or {min(works, key=lambda work: (works[work], work))}


def _check_enough(recipe: Recipe, survey: Survey) -> None:
    if len(survey.works) < 2:
        raise UserError(
            f"{recipe.source}: {len(survey.works)} document(s) of text, where two are the least: one "
            "to train on, one to validate with"
        )


# ---- the second reading ----


def _once(found: Iterable[Document], survey: Survey) -> Iterator[tuple[Document, bytes, bytes]]:
    """Each document that is new, with the hash of its text and of its work."""
    waiting = survey.new
    for document in found:
        key = digest(document.text)
        if key in waiting:
            waiting.remove(key)
            yield document, key, work_key(document, key)
    if waiting:
        raise UserError("the files have changed while they were read; prepare the corpus again")


def _write(
    folder: Path,
    found: Iterable[tuple[Document, bytes, bytes]],
    kept: set[bytes],
    shards: int,
    seed: int,
) -> tuple[list[ShardRecord], ShardRecord]:
    dealer = random.Random(f"{seed}/deal")
    validation: list[tuple[bytes, str]] = []
    dealt = [folder / f"dealt_{number:05d}.parquet" for number in range(shards)]
    with contextlib.ExitStack() as stack:
        writers = [stack.enter_context(ShardWriter(path)) for path in dealt]
        for document, key, work in found:
            if work in kept:
                validation.append((key, document.text))
            else:
                dealer.choice(writers).write(document.text)
    train: list[ShardRecord] = []
    for number, path in enumerate(dealt):
        texts = list(documents(path))
        random.Random(f"{seed}/{number}").shuffle(texts)
        if texts:
            train.append(write_shard(folder / f"shard_{len(train):05d}.parquet", texts))
        path.unlink()
    # By hash: mixed, and in the same order for every seed.
    return train, write_shard(folder / VALIDATION, (text for _, text in sorted(validation)))


# ---- a folder that is there whole or not at all ----


@contextlib.contextmanager
def alone(target: Path) -> Iterator[None]:
    """Keep other processes from preparing the same corpus, and clear up after one that was killed."""
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(target.parent / f".{target.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError(f"another process is preparing the corpus {target.name!r}; wait for it") from None
    try:
        old = _old(target)
        if old.exists():
            if target.exists():
                shutil.rmtree(old)
            else:  # killed between the two renamings: the old corpus is still the good one
                old.replace(target)
        shutil.rmtree(_partial(target), ignore_errors=True)
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A folder to write in, which takes the place of `target` when the block has ended well."""
    folder = _partial(target)
    folder.mkdir()
    try:
        yield folder
        sync_folder(folder)
        if target.exists():
            target.replace(_old(target))
        folder.replace(target)
        sync_folder(target.parent)
        shutil.rmtree(_old(target), ignore_errors=True)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _partial(target: Path) -> Path:
    return target.parent / f".{target.name}.partial"


def _old(target: Path) -> Path:
    return target.parent / f".{target.name}.old"
