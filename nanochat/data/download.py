"""One large file over a network that fails: resumed, checked, and there only when it is whole.

The bytes go to a file beside the place, named after the hash they should have. When the connection breaks,
or the program is killed, the next try asks for the rest (`Range`, RFC 9110 section 14.2). When all are there,
their SHA-256 decides. Who waits for the network must also stop waiting: six tries in a row that bring nothing
end it, as do three files with a wrong hash and every refusal that waiting will not mend.

The package huggingface_hub opens the connections: it knows the reader's token, proxies and hub. Its own
download is not used, because it begins again from nothing after an error.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TypeVar

from huggingface_hub import get_session
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import build_hf_headers, hf_raise_for_status  # type: ignore[attr-defined]

from nanochat.data.shards import file_sha256, put_in_place
from nanochat.errors import UserError

T = TypeVar("T")
# The base of all errors of the HTTP library, whichever of its names (httpx, httpx2) the hub's package uses.
HTTP_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]
# Too many requests, a time-out, and what a server answers when it is the one in trouble.
PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
RANGE_REFUSED = 416
# Tries count anew once a twentieth of the file has come, or a megabyte: a bad line is not given up.
PROGRESS = 2**20
PROGRESS_SHARE = 20
SILENCE = 20.0  # seconds without a byte
LONGEST_PAUSE = 600.0  # seconds that a server may ask us to wait
WRONG_FILES = 3


@dataclass(frozen=True)
class RemoteFile:
    """A file as the hub describes it."""

    name: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Patience:
    """How often to try, and how long to wait: 1, 2, 4, 8, 16 seconds, each up to a half longer by chance.

    Chance keeps many clients from coming back at the same moment.
    """

    tries: int = 6
    first_wait: float = 1.0

    def waits(self) -> Iterator[float]:
        """The pauses between the tries.

        >>> all(first <= wait <= 1.5 * first for first, wait in zip([1, 2, 4], Patience(tries=4).waits()))
        True
        """
        for number in range(self.tries - 1):
            yield self.first_wait * 2**number * (1 + random.random() / 2)


class Stopped(Exception):
    """Another file has failed, or the reader has pressed Ctrl-C."""


class DamagedError(Exception):
    """What came cannot be part of the file."""


def fetch(
    remote: RemoteFile,
    target: Path,
    advance: Callable[[int], None],
    stop: threading.Event,
    patience: Patience,
) -> None:
    """Have `target` on disk with the hash of `remote`, and nothing under that name before.

    `advance` is told how many more bytes are there. Raises UserError when it is given up; what has come by
    then is kept, and the next call goes on from it.
    """
    partial = partial_of(remote, target)
    advance(_size(partial))
    for number in range(1, WRONG_FILES + 1):
        retry(
            lambda: _rest(remote, partial, advance, stop),
            remote.name,
            stop,
            patience,
            size=lambda: _size(partial),
            progress=min(PROGRESS, remote.size // PROGRESS_SHARE + 1),
        )
        if file_sha256(partial) == remote.sha256:
            put_in_place(partial, target)
            return
        advance(-_size(partial))
        partial.unlink()
        if number < WRONG_FILES:
            _pause(patience.first_wait, stop)
    raise UserError(
        f"{remote.name}: came {WRONG_FILES} times with other bytes than the hub announces (wrong SHA-256); "
        "a proxy may be changing them; try again later"
    )


def partial_of(remote: RemoteFile, target: Path) -> Path:
    """Where a file grows. Its hash is in the name: what is left of another version is never continued."""
    return target.with_name(f".{target.name}.{remote.sha256[:16]}.partial")


def retry(
    action: Callable[[], T],
    what: str,
    stop: threading.Event,
    patience: Patience,
    size: Callable[[], int] = lambda: 0,
    progress: int = 1,
) -> T:
    """Do it until it works, or until `patience` is spent without `size` having grown by `progress`.

    Raises UserError at once for a refusal that lasts, such as 404.
    """
    waits = patience.waits()
    before = size()
    while True:
        try:
            return action()
        except OfflineModeIsEnabled:
            raise UserError(f"{what}: HF_HUB_OFFLINE is set, so nothing is fetched; unset it") from None
        except (HTTP_ERROR, DamagedError) as error:
            if lasting := _lasting(error, what):
                raise lasting from None
            if size() - before >= progress:
                waits, before = patience.waits(), size()
            wait = next(waits, None)
            if wait is None:
                raise UserError(
                    f"{what}: {patience.tries} tries without success (the last: {_why(error)}); check the "
                    "network and run the same command again, which goes on from what is there"
                ) from None
            _pause(max(wait, _asked_to_wait(error, what)), stop)


# ---- one try ----


def _rest(remote: RemoteFile, partial: Path, advance: Callable[[int], None], stop: threading.Event) -> None:
    """Fetch what is missing of a file; raises if the connection breaks before the end."""
    have = _size(partial)
    if have == remote.size:
        return
    headers = build_hf_headers() | {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    with get_session().stream("GET", remote.url, headers=headers, timeout=SILENCE) as response:
        if response.status_code == RANGE_REFUSED:
            _drop(partial, advance)
            raise DamagedError("the server has no such part of the file")
        hf_raise_for_status(response)
        if have and not _continues(response.headers.get("Content-Range", ""), response.status_code, have):
            _drop(partial, advance)  # the server sends the whole file, and this is its beginning
            if response.status_code == 206:
                raise DamagedError("the server sent another part than was asked for")
        _append(response.iter_raw(), partial, remote, advance, stop)
    if _size(partial) != remote.size:
        raise DamagedError(f"the connection ended after {_size(partial):,} of {remote.size:,} bytes")


def _append(
    chunks: Iterator[bytes],
    partial: Path,
    remote: RemoteFile,
    advance: Callable[[int], None],
    stop: threading.Event,
) -> None:
    with partial.open("ab", buffering=0) as file:
        room = remote.size - file.tell()
        for chunk in chunks:
            if stop.is_set():
                raise Stopped
            if len(chunk) > room:
                advance(-file.tell())
                file.truncate(0)
                raise DamagedError("more bytes came than the file has")
            view = memoryview(chunk)
            while len(view):  # a disk that is nearly full takes a part only, and the next write says why
                view = view[file.write(view) :]
            advance(len(chunk))
            room -= len(chunk)


def _continues(content_range: str, status: int, have: int) -> bool:
    return status == 206 and content_range.startswith(f"bytes {have}-")


def _drop(partial: Path, advance: Callable[[int], None]) -> None:
    advance(-_size(partial))
    partial.unlink(missing_ok=True)


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


# ---- what an error means ----


def _status(error: Exception) -> int | None:
    return error.response.status_code if isinstance(error, HfHubHTTPError) else None


def _lasting(error: Exception, what: str) -> UserError | None:
    """What to say of a refusal that waiting will not mend; None for one that may pass."""
    status = _status(error)
    if status is None or status in PASSING:
        return None
    if status in (401, 403):
        return UserError(
            f"{what}: the hub refuses it ({status}); log in with: hf auth login, or set HF_TOKEN"
        )
    if status == 404:
        return UserError(f"{what}: the hub has no such file (404); is HF_ENDPOINT right?")
    return UserError(f"{what}: the hub answers {status}, {_why(error)}")


def _asked_to_wait(error: Exception, what: str) -> float:
    """Seconds from the header Retry-After, given as a number or a date (RFC 9110, section 10.2.3)."""
    if not isinstance(error, HfHubHTTPError):
        return 0.0
    seconds = retry_after(error.response.headers.get("Retry-After", ""))
    if seconds > LONGEST_PAUSE:
        raise UserError(f"{what}: the hub asks to come back in {seconds:,.0f} seconds; try again then")
    return seconds


def retry_after(words: str) -> float:
    """Seconds to wait; 0 for words that say nothing.

    >>> retry_after("120"), retry_after("soon"), retry_after("Wed, 21 Oct 2015 07:28:00 GMT")
    (120.0, 0.0, 0.0)
    """
    if words.strip().isdecimal():
        return float(words)
    try:
        then = parsedate_to_datetime(words)
    except ValueError:
        return 0.0
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _why(error: Exception) -> str:
    status = _status(error)
    words = str(error).strip().partition("\n")[0][:150] or type(error).__name__
    return f"HTTP {status}" if status is not None and status in PASSING else words


def _pause(seconds: float, stop: threading.Event) -> None:
    if stop.wait(seconds):
        raise Stopped
