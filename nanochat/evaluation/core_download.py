"""Fetching the bundle of CORE: one zip over a network that fails, and unpacking it without trusting it.

Its address announces no hash. So a download that broke off goes on only if the file there is still the same
one (its ETag and `If-Range`, RFC 9110, section 13.1.5), the archive's own checksums decide whether it came
whole, and the hash of what came is written down, for results to name. It is unpacked beside its place and
renamed at the end; a name in it that leads out of the folder is refused, and so is a link.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout
from huggingface_hub import get_session

from nanochat.data.download import PASSING, PROGRESS, RANGE_REFUSED, DamagedError, Patience, retry
from nanochat.data.progress import Meter
from nanochat.data.shards import file_sha256, put_in_place, sync_folder
from nanochat.errors import UserError
from nanochat.evaluation import core_bundle
from nanochat.evaluation.core_bundle import CONFIG, RECORD, VARIABLE, Bundle

SILENCE = 20.0  # seconds without a byte
SPARE = 2**28  # bytes left free on the disk


def fetch_bundle(say: Callable[[str], None] = lambda _: None, patience: Patience | None = None) -> Bundle:
    """Have the bundle on disk, and read it; what is there already is not fetched again.

    Raises `UserError` if it cannot be had; what has come by then is kept for the next call.
    """
    where = core_bundle.source()
    folder = core_bundle.folder_for(where)
    if folder == Path(where) or (folder / RECORD).is_file():
        say(f"core: it is there already, in {folder}")
        return core_bundle.open_bundle()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        if where.startswith(("http://", "https://")):
            archive = folder.parent / f".{folder.name}.zip"
            download(where, archive, say, patience or Patience())
            try:
                unpack(archive, folder, where)
            finally:  # what is no bundle is not wanted either
                archive.unlink()
                etag_file(archive).unlink(missing_ok=True)
        elif Path(where).is_file():
            unpack(Path(where), folder, where)
        else:
            raise UserError(f"{VARIABLE}={where}: there is no such file or folder, and it is no address")
    bundle = core_bundle.open_bundle()
    say(f"core: {len(bundle.tasks)} tasks; {folder}")
    return bundle


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Keep other processes from fetching the same."""
    lock = FileLock(folder.parent / f".{folder.name}.lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise UserError("another process is fetching the tasks of CORE; wait for it") from None
    try:
        yield
    finally:
        lock.release()


# ---- the network ----


def etag_file(archive: Path) -> Path:
    """Where it is kept which version of the file has come so far."""
    return archive.with_suffix(".etag")


def download(url: str, archive: Path, say: Callable[[str], None], patience: Patience) -> None:
    """Have a whole and readable archive on disk; goes on with what an earlier try has left."""
    if size_of(archive) and not fault_of_archive(archive):
        return  # stopped just before it was unpacked
    stop = threading.Event()
    retry(
        lambda: rest_of(url, archive, say), "core", stop, patience, size=lambda: size_of(archive),
        progress=PROGRESS,
    )  # fmt: skip
    fault = fault_of_archive(archive)
    if fault:
        archive.unlink()
        raise UserError(f"{url}: what came is no whole zip ({fault}); is the address in {VARIABLE} right?")


def rest_of(url: str, archive: Path, say: Callable[[str], None]) -> None:
    """Fetch what is missing; raises if the connection ends before the file does."""
    have, etag = size_of(archive), read_text(etag_file(archive))
    headers = {"Accept-Encoding": "identity"}
    if have and etag:
        headers |= {"Range": f"bytes={have}-", "If-Range": etag}
    with get_session().stream("GET", url, headers=headers, timeout=SILENCE) as response:
        status, part = response.status_code, response.headers.get("Content-Range", "")
        if status not in (200, 206, RANGE_REFUSED, *PASSING):
            raise UserError(f"{url}: the server answers {status}; {VARIABLE} can name another address")
        continues = status == 206 and part.startswith(f"bytes {have}-")
        if not continues and status not in PASSING:
            archive.unlink(missing_ok=True)
            have = 0
        if not continues and status != 200:
            raise DamagedError(f"HTTP {status} {part}")
        length = response.headers.get("Content-Length", "")
        total = have + int(length) if length.isdecimal() else 0
        # A weak ETag does not promise the same bytes (RFC 9110, section 8.8.1).
        etag = response.headers.get("ETag", "")
        etag_file(archive).write_text("" if etag.startswith("W/") else etag, encoding="utf-8")
        check_space(archive.parent, total - have)
        with Meter("core", total, 1, say) as meter, archive.open("ab") as file:
            meter.advance(have, fetched=False)
            for chunk in response.iter_raw():
                file.write(chunk)
                meter.advance(len(chunk))


def size_of(path: Path) -> int:
    """Bytes of a file; 0 where there is none."""
    return path.stat().st_size if path.exists() else 0


def read_text(path: Path) -> str:
    """The text of a file; "" where there is none."""
    return path.read_text(encoding="utf-8") if path.exists() else ""


def check_space(folder: Path, needed: int) -> None:
    """Raise `UserError` if the disk is too small."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE > free:
        raise UserError(
            f"{folder}: {needed / 1e9:,.2f} GB are needed, {free / 1e9:,.2f} GB free; choose another disk "
            "with NANOCHAT_BASE_DIR"
        )


# ---- the archive ----


def fault_of_archive(path: Path) -> str:
    """Why a zip cannot be read; "" if all its checksums are right."""
    try:
        with zipfile.ZipFile(path) as archive:
            bad = archive.testzip()
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        return str(error) or type(error).__name__
    return f"{bad} is damaged" if bad else ""


def unpack(path: Path, folder: Path, where: str) -> None:
    """Put the bundle in an archive into `folder`, whole or not at all."""
    beside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    new = beside / "new"  # with the rights of an ordinary folder; mkdtemp's is for its owner alone
    new.mkdir()
    try:
        with zipfile.ZipFile(path) as archive:
            members = members_of(path, archive)
            check_space(folder.parent, sum(one.file_size for one, _ in members))
            for one, place in members:
                target = new / place
                target.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(one) as content, target.open("wb") as file:
                    shutil.copyfileobj(content, file, 2**20)
                    file.flush()
                    os.fsync(file.fileno())
        core_bundle.read_tasks(new)
        record: dict[str, Any] = {"format": 1, "source": where, "sha256": file_sha256(path)}
        partial = new / f".{RECORD}"
        partial.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        put_in_place(partial, new / RECORD)
        new.replace(folder)
        sync_folder(folder.parent)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable zip ({error})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def members_of(path: Path, archive: zipfile.ZipFile) -> list[tuple[zipfile.ZipInfo, PurePosixPath]]:
    """The files of the bundle in an archive, and where each belongs, from the folder of `core.yaml` on."""
    files = {PurePosixPath(one.filename): one for one in archive.infolist() if not one.is_dir()}
    for place, one in files.items():
        if leads_out(place) or stat.S_ISLNK(one.external_attr >> 16):
            raise UserError(f"{path}: it holds {one.filename!r}, which leads out of its folder; not unpacked")
    tops = [place.parent for place in files if place.name == CONFIG]
    if not tops:
        raise UserError(f"{path}: there is no {CONFIG} in it, so it is no bundle of CORE")
    top = min(tops, key=lambda one: len(one.parts))
    return [(one, place.relative_to(top)) for place, one in files.items() if place.is_relative_to(top)]


def leads_out(place: PurePosixPath) -> bool:
    r"""Whether a name in an archive may belong elsewhere than below its folder, on any system.

    >>> [leads_out(PurePosixPath(name)) for name in ("a/b.txt", "../b", "/etc/b", r"a\..\b", "C:b")]
    [False, True, True, True, True]
    """
    return place.is_absolute() or ".." in place.parts or bool(set("\\:") & set(str(place)))
