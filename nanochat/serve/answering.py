"""From a checked request to its answer: whole, or as a stream of server-sent events.

Both watch the client at the same time. When it leaves, what it asked is cancelled and its row is free for the
next in the queue; so it is when time is up.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from nanochat.inference.request import Part
from nanochat.serve.dispatcher import Asked, Dispatcher
from nanochat.serve.letters import Ended
from nanochat.serve.openai_forms import ApiError, Forms, delta_of, usage_of

SIGN_OF_LIFE = 10.0  # seconds without news after which a stream says that it is still there
DONE = b"data: [DONE]\n\n"
LEFT = Response(status_code=499)  # nobody reads it; the number is nginx's, for the count of requests


@dataclass
class Answering:
    """One request under way."""

    dispatcher: Dispatcher
    asked: Asked
    forms: Forms
    seconds: float  # until time is up
    left_out: int  # turns that no longer fitted

    def __post_init__(self) -> None:
        self.until = asyncio.get_running_loop().time() + self.seconds
        self.tokens = 0
        self.begun: set[int] = set()  # answers of which something has come

    async def news(self) -> AsyncIterator[tuple[int, Part | Ended] | None]:
        """What comes, until every answer has its end; None as a sign of life. At last what is late."""
        loop = asyncio.get_running_loop()
        missing = set(range(len(self.asked.requests)))
        while missing:
            wait = min(SIGN_OF_LIFE, self.until - loop.time())
            try:
                index, what = await asyncio.wait_for(self.asked.news.get(), max(0.0, wait))
            except TimeoutError:
                if loop.time() < self.until:
                    yield None
                    continue
                self.dispatcher.cancel(self.asked, "late")
                for index in missing:
                    yield index, Ended("late", why=f"there was no whole answer within {self.seconds:.0f} s")
                return
            if isinstance(what, Ended):
                missing.discard(index)
                self.tokens += what.tokens
            else:
                self.begun.add(index)
            yield index, what

    def usage(self) -> dict[str, int]:
        """Tokens read and written; one prompt, however many answers."""
        return usage_of(len(self.asked.requests[0].prompt), self.tokens)

    def finish(self, index: int, end: Ended) -> str:
        """OpenAI's word for an end. Raises `ApiError` for one that is no answer at all.

        An answer that time or the server's own end cut short is one of that `length`, if anything of it came.
        """
        if end.how in ("stop", "length"):
            return end.how
        if end.how == "late" and index in self.begun:
            return "length"
        if end.how == "refused":
            raise ApiError(400, end.why, "messages", "invalid_value")
        late = end.how == "late"
        raise ApiError(503 if late else 500, end.why, code="timeout" if late else "engine_lost")

    async def whole(self, receive: Receive) -> Response:
        """The answer when it has come, unless the client leaves before."""
        collecting = asyncio.ensure_future(self.collect())
        await first_of(collecting, receive, self.cancel)
        return collecting.result() if collecting.done() and not collecting.cancelled() else LEFT

    async def collect(self) -> Response:
        """Wait for everything."""
        parts: list[list[Part]] = [[] for _ in self.asked.requests]
        finishes = [""] * len(parts)
        async for one in self.news():
            if one is None:
                continue
            index, what = one
            if isinstance(what, Part):
                parts[index].append(what)
            else:
                finishes[index] = self.finish(index, what)
        answers = list(zip(parts, finishes, strict=True))
        return JSONResponse(self.forms.completion(answers, self.usage(), self.left_out))

    def cancel(self) -> None:
        """Nobody waits any more; nothing happens if all is there."""
        self.dispatcher.cancel(self.asked)

    async def events(self, include_usage: bool) -> AsyncIterator[bytes]:
        """The answer as server-sent events."""
        for index in range(len(self.asked.requests)):
            delta: dict[str, Any] = {"role": "assistant", "content": ""}
            if self.left_out:
                delta["nanochat"] = {"type": "turns_left_out", "turns": self.left_out}
            yield event(self.forms.chunk(index, delta))
        try:
            async for one in self.news():
                if one is None:
                    yield b": still here\n\n"
                    continue
                index, what = one
                if isinstance(what, Part):
                    yield event(self.forms.chunk(index, delta_of(what)))
                else:
                    yield event(self.forms.chunk(index, {}, self.finish(index, what)))
        except ApiError as error:
            yield event(error.form())
            return
        if include_usage:
            yield event(self.forms.usage_chunk(self.usage()))
        yield DONE


class EventStream(Response):
    """A response that is sent while it is made."""

    media_type = "text/event-stream"

    def __init__(self, answering: Answering, include_usage: bool) -> None:
        self.answering, self.include_usage = answering, include_usage
        self.status_code, self.background = 200, None
        self.body = b""
        self.init_headers({"cache-control": "no-store", "x-accel-buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, until all is sent or the client leaves."""
        sending = asyncio.ensure_future(self.send_all(send))
        await first_of(sending, receive, self.answering.cancel)

    async def send_all(self, send: Send) -> None:
        """Send the events; time is up for a client, too, that does not read them."""
        headers = [one for one in self.raw_headers if one[0] != b"content-length"]
        async with asyncio.timeout(self.answering.seconds + 2 * SIGN_OF_LIFE):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            async for piece in self.answering.events(self.include_usage):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def first_of(work: asyncio.Future[Any], receive: Receive, cancel: Callable[[], None]) -> None:
    """Do the work, and raise what it raises, until it is done or the client leaves; cancel what is left."""
    leaving = asyncio.ensure_future(disconnected(receive))
    try:
        await asyncio.wait({work, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        cancel()
        for task in (work, leaving):
            task.cancel()
        await asyncio.gather(work, leaving, return_exceptions=True)


async def disconnected(receive: Receive) -> None:
    """Wait until the client leaves."""
    while (await receive())["type"] != "http.disconnect":
        pass


def event(data: Any) -> bytes:
    """One server-sent event.

    >>> event({"a": "é\\n"})
    b'data: {"a":"\\xc3\\xa9\\\\n"}\\n\\n'
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"data: {text}\n\n".encode(errors="replace")
