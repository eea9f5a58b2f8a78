"""A hub on this machine that serves data sets: the list of files with their hashes, and the files.

It is a real server and can be told to fail: to break off in the middle of a file, to send other bytes, to
answer with an error. `nanochat.data.download` meets every fault in tests/data/test_hub.py; here are those
that tell whether tasks use it rightly.
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import huggingface_hub.constants
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COMMIT = "bead" * 10


def parquet(rows: list[dict[str, Any]]) -> bytes:
    """Rows as the hub serves them."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), file)
    return file.getvalue()


class TaskHub(ThreadingHTTPServer):
    """Repositories by name, each with its files."""

    daemon_threads = True

    def __init__(self, repositories: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories = repositories
        self.faults: dict[str, list[str]] = defaultdict(list)  # of a file, one a request
        self.always: dict[str, str] = {}
        self.requests: list[tuple[str, str | None]] = []  # file and Range
        self.asked = 0  # requests of any kind

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that go away are no error of the test's."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: TaskHub

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
        self.server.asked += 1
        for repository, files in self.server.repositories.items():
            if self.path.startswith(f"/api/datasets/{repository}/revision/"):
                self.describe(repository, files)
                return
            start = f"/datasets/{repository}/resolve/{COMMIT}/"
            if self.path.startswith(start) and self.path.removeprefix(start) in files:
                self.send_file(self.path.removeprefix(start), files)
                return
        self.answer(404)

    def describe(self, repository: str, files: dict[str, bytes]) -> None:
        siblings: list[dict[str, Any]] = [{"rfilename": "README.md", "size": 5, "blobId": "0" * 40}]
        for name, data in files.items():
            lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
            siblings.append({"rfilename": name, "size": len(data), "blobId": "0" * 40, "lfs": lfs})
        record = {"id": repository, "sha": COMMIT, "private": False, "tags": [], "siblings": siblings}
        self.answer(200, json.dumps(record).encode(), Content_Type="application/json")

    def send_file(self, name: str, files: dict[str, bytes]) -> None:
        asked = self.headers.get("Range")
        self.server.requests.append((name, asked))
        faults = self.server.faults[name]
        fault = faults.pop(0) if faults else self.server.always.get(name, "")
        if fault.isdigit():
            self.answer(int(fault))
            return
        data = files[name]
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        body = data[start:]
        if fault == "wrong":
            body = bytes(byte ^ 1 for byte in body)
        self.send_response(206 if asked else 200)
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "truncate":
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
            return
        self.wfile.write(body)


@contextmanager
def running(repositories: dict[str, dict[str, bytes]], monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskHub]:
    """A hub that the downloads go to."""
    hub = TaskHub(repositories)
    thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    address = f"http://127.0.0.1:{hub.server_port}"
    constants = huggingface_hub.constants
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    try:
        yield hub
    finally:
        hub.shutdown()
        hub.server_close()
        thread.join()
