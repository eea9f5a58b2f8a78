"""Many clients that stream at the same time, and what each of them saw."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass
class Seen:
    """One stream: its text, when its tokens came, and how it ended."""

    text: str = ""
    finish: str | None = None
    done: bool = False  # `[DONE]` came
    error: str = ""
    came: list[float] = field(default_factory=list)  # seconds after the request


async def stream(client: httpx.AsyncClient, body: dict[str, Any]) -> Seen:
    """Ask once, and read to the end."""
    seen, began = Seen(), time.monotonic()
    async with client.stream("POST", "/v1/chat/completions", json={**body, "stream": True}) as response:
        if response.status_code != 200:
            seen.error = f"{response.status_code}: {(await response.aread()).decode()}"
            return seen
        async for line in response.aiter_lines():
            if line == "data: [DONE]":
                seen.done = True
            elif line.startswith("data: "):
                data = json.loads(line.removeprefix("data: "))
                seen.error = seen.error or data.get("error", {}).get("message", "")
                for choice in data.get("choices", []):
                    seen.finish = choice["finish_reason"] or seen.finish
                    if content := choice["delta"].get("content"):
                        seen.text += content
                        seen.came.append(time.monotonic() - began)
    return seen


async def client_of(url: str, bodies: list[dict[str, Any]]) -> list[Seen]:
    """One client, who asks one question after another."""
    async with httpx.AsyncClient(base_url=url, timeout=120) as client:
        return [await stream(client, body) for body in bodies]


def load(url: str, bodies_of_each: list[list[dict[str, Any]]]) -> list[list[Seen]]:
    """All clients at once; for each the streams it saw."""

    async def everyone() -> list[list[Seen]]:
        return await asyncio.gather(*(client_of(url, bodies) for bodies in bodies_of_each))

    return asyncio.run(everyone())
