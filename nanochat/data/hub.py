"""The large corpora, from the Hugging Face hub: hundreds of billions of tokens in shards of about 90 MB.

Both repositories hold text that is shuffled already, in the layout of this project. The last shard is the
validation shard: it is always fetched, whatever else is, so any two runs are evaluated on the same text.

The hub says the size and the SHA-256 of each file, and at which commit. The corpus stays at the commit it
began with: later shards come from the same state of the repository. A shard takes its name only after its
bytes have their hash and have been read through once, so a corpus that opens can be trained on.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import HfApi, hf_hub_url

from nanochat.data.build import alone
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.download import Patience, RemoteFile, Stopped, fetch, partial_of, retry
from nanochat.data.progress import Meter
from nanochat.data.shards import ShardRecord, file_sha256, inspect_shard
from nanochat.errors import UserError
from nanochat.home import corpora_folder

ABOUT_A_SHARD = 92_000_000  # bytes, for a dry run that cannot ask the hub
ANSWER = 60.0  # seconds for the list of files
SPARE = 2**28  # bytes left free on the disk


@dataclass(frozen=True)
class HubCorpus:
    """A repository on the hub that holds a corpus."""

    name: str
    repository: str
    train_shards: int
    licence: str

    def shard(self, number: int) -> str:
        """The name of one shard; they count from 0."""
        return f"shard_{number:05d}.parquet"

    @property
    def validation(self) -> str:
        """The last shard."""
        return self.shard(self.train_shards)


CORPORA = {
    corpus.name: corpus
    for corpus in (
        # The licence of NVIDIA's ClimbMix, which this is a shuffle of, forbids commercial use.
        HubCorpus("climbmix", "karpathy/climbmix-400b-shuffle", 6542, "CC BY-NC 4.0"),
        HubCorpus("fineweb-edu", "karpathy/fineweb-edu-100b-shuffle", 1822, "ODC-By 1.0"),
    )
}


def prepare_hub(
    name: str,
    shards: int,
    downloads: int = 8,
    say: Callable[[str], None] = lambda _: None,
    patience: Patience = Patience(),  # noqa: B008 - frozen
) -> Corpus:
    """Have the first `shards` shards and the validation shard on disk; fetches only what is missing.

    Raises UserError, with what is already there kept, if the hub cannot be reached or the disk is too small.
    """
    hub_corpus = known(name, shards)
    folder = corpora_folder() / name
    with alone(folder):
        before = _before(folder)
        if before is not None and len(before.train) >= shards:
            if len(before.train) > shards:
                say(f"{name}: {len(before.train)} shards are there already; all of them stay")
            return before
        folder.mkdir(parents=True, exist_ok=True)
        stop = threading.Event()
        commit, remote = describe(hub_corpus, before.version if before else None, stop, patience)
        names = [hub_corpus.shard(number) for number in range(shards)]
        records = fetch_all(
            folder,
            [_listed(remote, one, hub_corpus) for one in (hub_corpus.validation, *names)],
            {one.file: one for one in (*before.train_shards, before.validation_shard)} if before else {},
            Work(name, downloads, say, stop, patience),
        )
        corpus = Corpus(
            name=name,
            folder=folder,
            train_shards=tuple(records[one] for one in names),
            validation_shard=records[hub_corpus.validation],
            source=f"datasets/{hub_corpus.repository} on the Hugging Face hub",
            licence=hub_corpus.licence,
            version=commit,
        )
        corpus.save()
        return open_corpus(folder)


def known(name: str, shards: int) -> HubCorpus:
    """The corpus of this name, if it has that many shards."""
    corpus = CORPORA[name]
    if not 1 <= shards <= corpus.train_shards:
        raise UserError(
            f"{name} has {corpus.train_shards:,} shards to train on; --shards 1 to {corpus.train_shards}"
        )
    return corpus


def plan(name: str, shards: int) -> str:
    """What preparing it would fetch, and the space it needs; asks the hub for the sizes, once."""
    hub_corpus = known(name, shards)
    folder = corpora_folder() / name
    wanted = [hub_corpus.validation, *map(hub_corpus.shard, range(shards))]
    missing = [one for one in wanted if not (folder / one).exists()]
    try:
        _, remote = describe(hub_corpus, None, threading.Event(), Patience(tries=1)) if missing else ("", {})
        size, about = sum(_listed(remote, one, hub_corpus).size for one in missing), ""
    except UserError:
        size, about = len(missing) * ABOUT_A_SHARD, "about "
    free = shutil.disk_usage(_existing(folder)).free
    enough = "" if free > size + SPARE else ": too little"
    there = len(wanted) - len(missing)
    return (
        f"{name}: {there} of {len(wanted)} shards are there; {about}{size / 1e9:,.1f} GB to fetch from "
        f"datasets/{hub_corpus.repository}\n"
        f"{folder}: needs {about}{size / 1e9:,.1f} GB, {free / 1e9:,.1f} GB are free{enough}"
    )


def describe(
    corpus: HubCorpus, commit: str | None, stop: threading.Event, patience: Patience
) -> tuple[str, dict[str, RemoteFile]]:
    """The commit, and what the hub says of each file at it. Raises UserError if it cannot be asked."""
    api = HfApi()

    def ask() -> tuple[str, dict[str, RemoteFile]]:
        info = api.dataset_info(
            corpus.repository, revision=commit or "main", timeout=ANSWER, files_metadata=True
        )
        if info.sha is None or info.siblings is None:
            raise UserError(f"{corpus.repository}: the hub's answer names no files; is HF_ENDPOINT right?")
        files = {}
        for one in info.siblings:
            if one.lfs is not None and one.size is not None:
                url = hf_hub_url(
                    corpus.repository,
                    one.rfilename,
                    repo_type="dataset",
                    revision=info.sha,
                    endpoint=api.endpoint,
                )
                files[one.rfilename] = RemoteFile(one.rfilename, url, one.size, one.lfs.sha256)
        return info.sha, files

    try:
        return retry(ask, f"datasets/{corpus.repository}", stop, patience)
    except (ValueError, KeyError, TypeError):
        raise UserError(
            f"{corpus.repository}: the hub's answer cannot be read; is HF_ENDPOINT right?"
        ) from None


def _listed(remote: dict[str, RemoteFile], name: str, corpus: HubCorpus) -> RemoteFile:
    if name not in remote:
        raise UserError(f"{corpus.repository}: the hub lists no {name} with a hash; it may have been renamed")
    return remote[name]


# ---- many files ----


@dataclass(frozen=True)
class Work:
    """How the files of one corpus are fetched."""

    name: str
    downloads: int  # at a time
    say: Callable[[str], None]
    stop: threading.Event
    patience: Patience


def fetch_all(
    folder: Path, files: list[RemoteFile], known_records: dict[str, ShardRecord], work: Work
) -> dict[str, ShardRecord]:
    """Have all these files in the folder, some at a time; returns what each holds.

    The first failure stops the others where they are. What they have fetched stays, for the next call.
    """
    _check_space(folder, files)
    total = sum(one.size for one in files)
    with (
        Meter(work.name, total, len(files), work.say) as meter,
        ThreadPoolExecutor(work.downloads, thread_name_prefix="download") as pool,
    ):
        futures: dict[str, Future[ShardRecord]] = {
            one.name: pool.submit(_one, folder, one, known_records.get(one.name), work, meter)
            for one in files
        }
        try:
            done, _ = wait(futures.values(), return_when=FIRST_EXCEPTION)
            failed = [one.exception() for one in done if one.exception()]
            for error in sorted(failed, key=lambda error: isinstance(error, Stopped)):
                assert error is not None
                raise error
        finally:  # also for Ctrl-C: the threads look at `stop` between two pieces
            work.stop.set()
            pool.shutdown(cancel_futures=True)
    return {name: future.result() for name, future in futures.items()}


def _one(
    folder: Path, remote: RemoteFile, record: ShardRecord | None, work: Work, meter: Meter
) -> ShardRecord:
    if work.stop.is_set():
        raise Stopped
    target = folder / remote.name
    size = target.stat().st_size if target.exists() else -1
    if size == remote.size and (
        (record is not None and record.sha256 == remote.sha256) or file_sha256(target) == remote.sha256
    ):
        meter.advance(size, fetched=False)
    else:
        target.unlink(missing_ok=True)
        record = None
        fetch(remote, target, meter.advance, work.stop, work.patience)
    if record is None:
        record = inspect_shard(target, remote.name, remote.sha256)
    meter.file_done()
    return record


def _check_space(folder: Path, files: list[RemoteFile]) -> None:
    missing = 0
    for one in files:
        target = folder / one.name
        there = max(
            (path.stat().st_size for path in (target, partial_of(one, target)) if path.exists()), default=0
        )
        missing += max(0, one.size - there)
    free = shutil.disk_usage(folder).free
    if missing and missing + SPARE > free:
        raise UserError(
            f"{folder}: {missing / 1e9:,.2f} GB to fetch, {free / 1e9:,.2f} GB free; choose fewer --shards, "
            "or another disk with NANOCHAT_BASE_DIR"
        )


def _before(folder: Path) -> Corpus | None:
    """The corpus that is there already; None if it is not whole."""
    try:
        return open_corpus(folder)
    except UserError:
        return None


def _existing(folder: Path) -> Path:
    return next(one for one in (folder, *folder.parents) if one.exists())
