"""How many people a server can talk to at once: clients that stream, each one question after another.

The server is a process of its own, as a reader starts it. A client counts a stream as lost when it ends
without its last line, and as failed when the server refuses it or tells of an error in it.
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import IO, Any

import httpx

from nanochat.errors import UserError

READY = re.compile(r"http://[\w.\[\]:]+:\d+")
TO_START = 120.0  # seconds that a server may take to be ready
PATIENCE = 300.0  # and a client to wait for more


@dataclass
class Stream:
    """One answer as a client saw it."""

    finished: bool = False  # its last line came
    error: str = ""
    came: list[float] = field(default_factory=list)  # seconds from the question to each piece


@contextmanager
def server(words: Sequence[str]) -> Iterator[str]:
    """`nanochat serve` with these words, on a free port; its address. Raises `UserError` if it refuses."""
    command = [sys.executable, "-m", "nanochat", "serve", "--port", "0", *words]
    with tempfile.TemporaryFile("w+", encoding="utf-8") as complaints:  # a pipe that nobody reads fills up
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=complaints, text=True, env=dict(os.environ)
        )
        try:
            yield address(process, complaints)
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def address(process: subprocess.Popen[str], complaints: IO[str]) -> str:
    """Where a server that has just been started answers."""
    assert process.stdout is not None
    until = time.monotonic() + TO_START
    while time.monotonic() < until:
        line = process.stdout.readline()
        if found := READY.search(line):
            return found[0]
        if not line and process.poll() is not None:
            complaints.seek(0)
            complaint = complaints.read().strip()
            raise UserError(complaint.removeprefix("nanochat: error: ") or "the server did not start")
    raise UserError("the server did not say where it answers")


def load(url: str, clients: int, seconds: float, body: dict[str, Any]) -> list[Stream]:
    """All streams of `clients` clients, who ask again and again until the time is up."""

    async def one(number: int, until: float) -> list[Stream]:
        seen: list[Stream] = []
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as client:
            while time.monotonic() < until:
                seen.append(await stream(client, {**body, "seed": 1_000 * number + len(seen)}))
        return seen

    async def everyone() -> list[Stream]:
        until = time.monotonic() + seconds
        every = await asyncio.gather(*(one(number, until) for number in range(clients)))
        return [stream for some in every for stream in some]

    return asyncio.run(everyone())


async def stream(client: httpx.AsyncClient, body: dict[str, Any]) -> Stream:
    """Ask once, and read to the end."""
    seen, began = Stream(), time.monotonic()
    try:
        async with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
            if response.status_code != 200:
                seen.error = f"status {response.status_code}"
                return seen
            async for line in response.aiter_lines():
                if line == "data: [DONE]":
                    seen.finished = True
                elif line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    if "error" in data:
                        seen.error = str(data["error"].get("message", "error"))
                    elif any(choice["delta"].get("content") for choice in data.get("choices", [])):
                        seen.came.append(time.monotonic() - began)
    except httpx.HTTPError as error:
        seen.error = type(error).__name__
    return seen


def summary(streams: Sequence[Stream], seconds: float) -> dict[str, Any]:
    """What came of a load.

    >>> streams = [Stream(True, "", [0.1, 0.2]), Stream(False), Stream(False, "status 429")]
    >>> row = summary(streams, seconds=2.0)
    >>> row["streams"], row["failed"], row["lost"], row["pieces_per_second"], row["first_p50_seconds"]
    (3, 1, 1, 1.0, 0.1)
    """
    first = sorted(one.came[0] for one in streams if one.came)
    gaps = sorted(later - before for one in streams for before, later in pairwise(one.came))
    return {
        "streams": len(streams),
        "failed": sum(bool(one.error) for one in streams),
        "lost": sum(not one.finished and not one.error for one in streams),
        "pieces_per_second": round(sum(len(one.came) for one in streams) / seconds, 1),
        **{f"first_{name}_seconds": percentile(first, share) for name, share in SHARES},
        **{f"gap_{name}_seconds": percentile(gaps, share) for name, share in SHARES},
    }


SHARES = (("p50", 0.50), ("p99", 0.99))


def percentile(ordered: Sequence[float], share: float) -> float | None:
    """The value below which a share of all lies; None of nothing.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 0.5), percentile([], 0.5)
    (2.0, None)
    """
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 5)
