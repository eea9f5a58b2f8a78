"""The real `nanochat serve` as a process on a free port, and ways to ask it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parents[2]
QUESTION = [{"role": "user", "content": "hi"}]


@dataclass
class Running:
    """A server that is up."""

    url: str
    process: subprocess.Popen[str]
    log: Path  # what it says on stderr

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    def post(self, body: object, **settings: Any) -> httpx.Response:
        """Ask for a completion."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **settings.pop("headers", {})}
        return httpx.post(
            f"{self.url}/v1/chat/completions", content=data, headers=headers, timeout=60, **settings
        )

    def ask(self, **more: Any) -> dict[str, Any]:
        """A completion of the usual question."""
        response = self.post({"messages": QUESTION, **more})
        assert response.status_code == 200, response.text
        return dict(response.json())

    def metric(self, name: str) -> float:
        """One figure of /metrics."""
        text = httpx.get(f"{self.url}/metrics").text
        found = re.search(rf"^nanochat_{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    def workers(self) -> list[psutil.Process]:
        """The processes of its engines."""
        children = psutil.Process(self.process.pid).children()
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]

    def stop(self, how: int = signal.SIGTERM) -> int:
        """Stop it and wait; the exit code."""
        self.process.send_signal(how)
        return self.process.wait(30)


@contextlib.contextmanager
def serving(base: Path, *words: str, log: Path, program: str = "nanochat") -> Iterator[Running]:
    """`nanochat serve` with these flags, from its first line to its end."""
    environment = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", program, "serve", "--port", "0", *words]
    with (
        log.open("w", encoding="utf-8") as errors,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            first = process.stdout.readline()
            found = re.search(r"http://\S+", first)
            assert found, first + log.read_text(encoding="utf-8")
            yield Running(found[0].replace("0.0.0.0", "127.0.0.1"), process, log)
        finally:
            process.kill()


def eventually(holds: Callable[[], object], seconds: float = 20) -> None:
    """Wait until something is true."""
    latest = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < latest, f"in {seconds} s it never became true"
        time.sleep(0.02)


def events(response: httpx.Response) -> Iterator[Any]:
    """What a stream says, to its `[DONE]`."""
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield line if line == "data: [DONE]" else json.loads(line.removeprefix("data: "))
