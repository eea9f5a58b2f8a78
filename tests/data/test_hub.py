"""Downloads against a server that does what networks do: breaks off, cuts short, refuses, sends nonsense.

The server is a real one, on this machine, and answers as the hub does: the list of files with their hashes,
a redirection to where the bytes lie, parts of files. Each file can be given faults, one a request.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import huggingface_hub.constants
import pytest
import rich.console

from nanochat.data import download, hub, progress
from nanochat.data.corpus import open_corpus
from nanochat.data.download import Patience
from nanochat.data.shards import documents, write_shard
from nanochat.errors import UserError

QUICK = Patience(tries=6, first_wait=0.01)
COMMIT = "c0ffee" * 6 + "c0ff"
REPOSITORY = "karpathy/climbmix-400b-shuffle"
LAST = "shard_06542.parquet"


def shard_of(folder: Path, seed: int) -> bytes:
    """A shard whose bytes cannot be compressed much, so that it is large enough to be cut."""
    chance = random.Random(seed)
    write_shard(folder / "made.parquet", [chance.randbytes(300).hex() for _ in range(1100)])
    return (folder / "made.parquet").read_bytes()


class Hub(ThreadingHTTPServer):
    """A hub with one repository."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files = dict(files)
        self.hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.always: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []  # file and its Range
        self.tokens: list[tuple[str, str | None]] = []  # host and Authorization
        self.delay = 0.0  # seconds between two pieces
        self.open = self.most_open = 0
        self.guard = threading.Lock()
        # Where the bytes lie is another address, as it is for the hub.
        self.hub = self
        self.elsewhere = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.elsewhere.hub = self
        self.elsewhere.daemon_threads = True
        self.elsewhere.handle_error = self.handle_error

    def run(self) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02})
            for one in (self, self.elsewhere)
        ]
        for thread in threads:
            thread.start()
        return threads

    def stop(self) -> None:
        for one in (self, self.elsewhere):
            one.shutdown()
            one.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def next_fault(self, name: str) -> str:
        with self.guard:
            return self.faults[name].pop(0) if self.faults[name] else self.always.get(name, "")

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are what is tested here."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.hub.tokens.append((self.headers["Host"], self.headers.get("Authorization")))
        if self.path.startswith(f"/api/datasets/{REPOSITORY}/revision/"):
            self.describe()
        elif self.path.startswith(f"/datasets/{REPOSITORY}/resolve/{COMMIT}/"):
            port = self.hub.elsewhere.server_port
            there = f"http://127.0.0.1:{port}/cdn/{self.path.rpartition('/')[2]}"
            self.answer(302, Location=there)
        elif self.path.startswith("/cdn/"):
            with self.hub.guard:
                self.hub.open += 1
                self.hub.most_open = max(self.hub.most_open, self.hub.open)
            try:
                self.send_file(self.path.removeprefix("/cdn/"))
            finally:
                with self.hub.guard:
                    self.hub.open -= 1
        else:
            self.answer(404)

    def describe(self) -> None:
        fault = self.hub.next_fault("list")
        if fault.isdigit():
            self.answer(int(fault), Retry_After="0")
            return
        if fault == "page":
            self.answer(200, b"<html>Please log in to the hotel's network</html>")
            return
        siblings = [
            {
                "rfilename": name,
                "size": len(data),
                "blobId": "0" * 40,
                "lfs": {"sha256": self.hub.hashes[name], "size": len(data), "pointerSize": 134},
            }
            for name, data in self.hub.files.items()
        ]
        record = {"id": REPOSITORY, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        self.answer(200, json.dumps(record).encode(), Content_Type="application/json")

    def send_file(self, name: str) -> None:
        asked = self.headers.get("Range")
        self.hub.requests.append((name, asked))
        fault = self.hub.next_fault(name)
        data = self.hub.files[name]
        if fault.startswith("429"):
            self.answer(429, Retry_After=fault.partition(" ")[2])
            return
        if fault == "404 late":
            time.sleep(0.3)
            fault = "404"
        if fault.isdigit():
            self.answer(int(fault))
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and fault != "no range" else 0
        if start >= len(data):
            self.answer(416)
            return
        if fault == "other range":
            start += 1
        body = data[start:]
        if fault == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        if fault == "too long":
            body += b"and more"
        self.send_response(206 if asked and fault != "no range" else 200)
        if asked and fault != "no range":
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        short = fault == "short"
        self.send_header("Content-Length", str(len(body) // 2 if short else len(body)))
        self.end_headers()
        if fault in ("drop", "truncate", "stall", "short"):
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            if fault == "stall":
                time.sleep(1.5)
            if fault == "drop":  # a reset, not a farewell
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if fault != "short":
                self.close_connection = True
                self.connection.close()
            return
        for first in range(0, len(body), 2**16):
            self.wfile.write(body[first : first + 2**16])
            time.sleep(self.hub.delay)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("made")
    names = ["shard_00000.parquet", "shard_00001.parquet", "shard_00002.parquet", LAST]
    return {name: shard_of(folder, number) for number, name in enumerate(names)}


@pytest.fixture
def server(shards: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    running = Hub(shards)
    threads = running.run()
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    use(running.url, monkeypatch)
    yield running
    running.stop()
    for thread in threads:
        thread.join()


def use(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What HF_ENDPOINT does when the package is imported."""
    constants = huggingface_hub.constants
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", template.replace(constants.ENDPOINT, address)
    )
    monkeypatch.setattr(constants, "ENDPOINT", address)


def fetch(shards: int = 2, patience: Patience = QUICK, downloads: int = 2) -> list[str]:
    """Prepare the corpus; returns what was said."""
    said: list[str] = []
    hub.prepare_hub("climbmix", shards, downloads, said.append, patience)
    return said


def folder(tmp_path: Path) -> Path:
    return tmp_path / "corpora" / "climbmix"


def is_whole(tmp_path: Path, server: Hub, shards: int) -> None:
    """The corpus opens, every byte is as on the server, and nothing else lies there."""
    corpus = open_corpus("climbmix")
    corpus.verify()
    names = [f"shard_{number:05d}.parquet" for number in range(shards)]
    assert [path.name for path in corpus.train] == names
    assert corpus.validation.name == LAST
    for name in (*names, LAST):
        assert (folder(tmp_path) / name).read_bytes() == server.files[name]
    assert sorted(os.listdir(folder(tmp_path))) == sorted([*names, LAST, "corpus.json"])


# ---- a good network ----


def test_shards_and_the_validation_shard_are_fetched(server, tmp_path):
    fetch(2)
    is_whole(tmp_path, server, 2)
    corpus = open_corpus("climbmix")
    assert corpus.version == COMMIT
    assert corpus.documents == 2200
    assert corpus.text_bytes == 2200 * 600
    assert sum(1 for _ in documents(corpus.validation)) == 1100


def test_more_shards_fetch_only_these_and_leave_the_validation_shard(server, tmp_path):
    fetch(1)
    before = open_corpus("climbmix").validation_shard
    server.requests.clear()
    fetch(3)
    assert sorted(name for name, _ in server.requests) == ["shard_00001.parquet", "shard_00002.parquet"]
    is_whole(tmp_path, server, 3)
    assert open_corpus("climbmix").validation_shard == before


def test_nothing_is_asked_for_what_is_there(server, tmp_path):
    fetch(2)
    server.tokens.clear()
    assert fetch(2) == []
    assert fetch(1) == ["climbmix: 2 shards are there already; all of them stay"]
    assert server.tokens == []
    is_whole(tmp_path, server, 2)


def test_files_are_fetched_side_by_side(server):
    server.delay = 0.03
    fetch(3, downloads=4)
    assert server.most_open == 4


def test_the_token_goes_to_the_hub_alone(server, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    fetch(1)
    hub_address = f"127.0.0.1:{server.server_port}"
    to_hub = {token for host, token in server.tokens if host == hub_address}
    elsewhere = {token for host, token in server.tokens if host != hub_address}
    assert to_hub == {"Bearer hf_secret"}
    assert elsewhere == {None}


# ---- a bad network ----


@pytest.mark.parametrize(
    "fault", ["drop", "truncate", "short", "500", "503", "429 0", "429 soon", "too long"]
)
def test_a_fault_that_passes_is_outlived(server, tmp_path, fault):
    server.faults["shard_00000.parquet"] = [fault] * 3
    server.faults[LAST] = [fault]
    fetch(1)
    is_whole(tmp_path, server, 1)


def test_all_faults_one_after_another(server, tmp_path):
    server.faults["shard_00000.parquet"] = [
        "500",
        "drop",
        "429 0",
        "other range",
        "no range",
        "truncate",
        "wrong",
    ]
    server.faults["list"] = ["500", "429"]
    fetch(1)
    is_whole(tmp_path, server, 1)


def test_after_a_break_the_rest_is_asked_for_and_no_more(server, shards):
    server.faults["shard_00000.parquet"] = ["truncate"]
    fetch(1)
    half = len(shards["shard_00000.parquet"]) // 2
    asked = [part for name, part in server.requests if name == "shard_00000.parquet"]
    assert asked == [None, f"bytes={half}-"]


def test_a_server_that_ignores_ranges_is_read_from_the_beginning(server, tmp_path):
    server.faults["shard_00000.parquet"] = ["truncate", "no range"]
    fetch(1)
    is_whole(tmp_path, server, 1)


def test_a_server_that_falls_silent_is_left(server, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "SILENCE", 0.2)
    server.faults["shard_00000.parquet"] = ["stall"]
    start = time.monotonic()
    fetch(1)
    assert time.monotonic() - start < 1.4
    is_whole(tmp_path, server, 1)


def test_the_server_says_how_long_to_wait(server, tmp_path):
    server.faults["shard_00000.parquet"] = ["429 1"]
    start = time.monotonic()
    fetch(1)
    assert time.monotonic() - start >= 1
    is_whole(tmp_path, server, 1)


def test_a_line_that_always_breaks_is_used_as_long_as_it_brings_something(server, tmp_path):
    """Each answer is half of what is missing: more requests than tries in a row, and yet it ends."""
    server.always["shard_00000.parquet"] = "truncate"
    server.faults["shard_00000.parquet"] = ["500", "truncate"] * 4 + ["500"] * 4 + [""]
    fetch(1)
    is_whole(tmp_path, server, 1)
    assert len([name for name, _ in server.requests if name == "shard_00000.parquet"]) > QUICK.tries


# ---- what ends it ----


@pytest.mark.parametrize("fault", ["500", "429 0"])
def test_a_fault_that_stays_ends_it_after_some_tries(server, fault):
    server.always["shard_00001.parquet"] = fault
    with pytest.raises(
        UserError, match=r"shard_00001\.parquet: 6 tries without success \(the last: HTTP \d+\)"
    ):
        fetch(2)
    asked = [name for name, _ in server.requests if name == "shard_00001.parquet"]
    assert len(asked) == QUICK.tries
    with pytest.raises(UserError, match="not finished"):
        open_corpus("climbmix")


def test_a_server_that_is_not_there_ends_it(server, monkeypatch):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}"
    use(nowhere, monkeypatch)
    with pytest.raises(UserError, match="6 tries without success"):
        fetch(1)


def test_a_wrong_hash_is_never_given_the_shards_name(server, tmp_path):
    server.always["shard_00000.parquet"] = "wrong"
    with pytest.raises(UserError, match=r"shard_00000\.parquet: came 3 times with other bytes"):
        fetch(1)
    assert len([name for name, _ in server.requests if name == "shard_00000.parquet"]) == 3
    assert not (folder(tmp_path) / "shard_00000.parquet").exists()


def test_bytes_with_the_right_hash_that_are_no_shard(server, tmp_path):
    server.files["shard_00000.parquet"] = b"PAR1 this is no parquet file PAR1"
    server.hashes["shard_00000.parquet"] = hashlib.sha256(server.files["shard_00000.parquet"]).hexdigest()
    with pytest.raises(UserError, match="not a readable parquet file"):
        fetch(1)
    with pytest.raises(UserError, match="not finished"):
        open_corpus("climbmix")


@pytest.mark.parametrize(
    ("fault", "words"),
    [("404", "no such file"), ("401", "log in"), ("403", "log in"), ("418", "answers 418")],
)
def test_a_refusal_that_lasts_is_asked_once(server, fault, words):
    server.always["shard_00000.parquet"] = fault
    with pytest.raises(UserError, match=words):
        fetch(1)
    assert len([name for name, _ in server.requests if name == "shard_00000.parquet"]) == 1


def test_a_server_that_asks_for_an_hour_is_not_waited_for(server):
    server.always["shard_00000.parquet"] = "429 3600"
    with pytest.raises(UserError, match="come back in 3,600 seconds"):
        fetch(1)


def test_one_failure_stops_the_others_and_what_they_have_stays(server, tmp_path):
    server.delay = 0.1
    server.always["shard_00000.parquet"] = "404 late"
    with pytest.raises(UserError, match=r"shard_00000\.parquet"):
        fetch(3, downloads=4)
    left = [path for path in folder(tmp_path).iterdir() if path.name.endswith(".partial")]
    assert left
    server.delay, server.always = 0.0, {}
    server.requests.clear()
    fetch(3, downloads=4)
    assert any(part for _, part in server.requests), "what was there was fetched again"
    is_whole(tmp_path, server, 3)


def test_offline_by_the_readers_wish(server, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        fetch(1)
    assert server.tokens == []


def test_a_page_in_place_of_the_hubs_answer(server):
    server.faults["list"] = ["page"]
    with pytest.raises(UserError, match="answer cannot be read"):
        fetch(1)


def test_a_shard_that_the_hub_does_not_list(server):
    del server.files[LAST]
    with pytest.raises(UserError, match=rf"lists no {re.escape(LAST)}"):
        fetch(1)


def test_a_disk_that_is_too_small_is_seen_before(server, monkeypatch):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 2**28}))
    with pytest.raises(UserError, match=r"to fetch, 0\.27 GB free; choose fewer --shards"):
        fetch(1)
    assert server.requests == []


def test_no_more_shards_than_there_are(server):
    with pytest.raises(UserError, match="6,542 shards"):
        fetch(6543)


# ---- what lies there already ----


def test_a_damaged_shard_is_fetched_again(server, tmp_path):
    fetch(2)
    path = folder(tmp_path) / "shard_00001.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    fetch(2)
    is_whole(tmp_path, server, 2)


def test_what_is_left_of_another_version_is_not_continued(server, tmp_path):
    place = folder(tmp_path) / "shard_00000.parquet"
    place.parent.mkdir(parents=True)
    place.write_bytes(b"old")
    place.with_name(f".{place.name}.{'0' * 16}.partial").write_bytes(b"older")
    fetch(1)
    assert place.read_bytes() == server.files[place.name]


def test_the_corpus_stays_at_its_commit(server, tmp_path):
    fetch(1)
    record = folder(tmp_path) / "corpus.json"
    record.write_text(record.read_text().replace(COMMIT, "0" * 40))
    asked: list[str] = []
    real = Handler.describe

    def describe(self: Handler) -> None:
        asked.append(self.path)
        real(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Handler, "describe", describe)
        fetch(2)
    assert f"/revision/{'0' * 40}" in asked[0]


def test_a_dry_run_says_what_would_be_fetched(server, tmp_path):
    words = hub.plan("climbmix", 2)
    size = sum(len(server.files[name]) for name in ("shard_00000.parquet", "shard_00001.parquet", LAST))
    assert "climbmix: 0 of 3 shards are there" in words
    assert f"{size / 1e9:,.1f} GB to fetch from datasets/{REPOSITORY}" in words
    assert not folder(tmp_path).exists()
    server.always["list"] = "500"
    assert "about 0.3 GB to fetch" in hub.plan("climbmix", 2)


# ---- how far it is ----


def test_in_a_log_a_line_now_and_then(server, monkeypatch):
    monkeypatch.setattr(progress, "LINE_EVERY", 0.0)
    said = fetch(2)
    assert re.fullmatch(r"climbmix: \d of 3 files, \d of 1 MB, \d+\.\d MB/s(, \d+ s left)?", said[-1])


def test_on_a_terminal_a_bar(server, monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(
        progress, "Console", lambda **_: rich.console.Console(file=screen, force_terminal=True, width=120)
    )
    server.faults["shard_00000.parquet"] = ["wrong"]
    assert fetch(2) == []
    assert "climbmix: 3 of 3 files" in screen.getvalue()
    size = sum(len(server.files[name]) for name in ("shard_00000.parquet", "shard_00001.parquet", LAST))
    assert f"{size / 1e6:.1f}/{size / 1e6:.1f} MB" in screen.getvalue()


# ---- the command ----


def command(server: Hub, tmp_path: Path, *words: str) -> subprocess.Popen[str]:
    settings = {
        "NANOCHAT_BASE_DIR": str(tmp_path),
        "HF_ENDPOINT": server.url,
        "HF_HOME": str(tmp_path / "hf"),
    }
    return subprocess.Popen(
        [sys.executable, "-m", "nanochat", "data", "prepare", "--corpus", "climbmix", *words],
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_bytes(tmp_path: Path, least: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(FileNotFoundError):
            if sum(path.stat().st_size for path in folder(tmp_path).glob(".*.partial")) >= least:
                return
        time.sleep(0.01)
    pytest.fail("nothing came")


@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_it_goes_on(server, tmp_path, way):
    server.delay = 0.4  # slow enough that it cannot end before it is killed
    process = command(server, tmp_path, "--shards", "2")
    wait_for_bytes(tmp_path, 150_000)
    process.send_signal(way)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == (-9 if way == signal.SIGKILL else 130), errors
    assert "Traceback" not in errors
    with pytest.raises(UserError, match="not finished"):
        open_corpus("climbmix")
    server.delay = 0.0
    server.requests.clear()
    output, errors = command(server, tmp_path, "--shards", "2").communicate(timeout=60)
    assert "2 shards to train on" in output, errors
    assert any(part for _, part in server.requests), "what was there was fetched again"
    is_whole(tmp_path, server, 2)


def test_an_error_is_one_line(server, tmp_path):
    server.always["list"] = "404"
    process = command(server, tmp_path, "--shards", "2")
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert errors.count("\n") == 1
    assert "the hub has no such file (404); is HF_ENDPOINT right?" in errors


def test_two_at_a_time_do_not_meet(server, tmp_path):
    server.delay = 0.4
    first = command(server, tmp_path, "--shards", "2")
    wait_for_bytes(tmp_path, 1)
    second = command(server, tmp_path, "--shards", "2")
    _, errors = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "another process is preparing the corpus 'climbmix'" in errors
    server.delay = 0.0
    assert first.communicate(timeout=60)
    is_whole(tmp_path, server, 2)
