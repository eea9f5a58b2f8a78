"""What stands before the server's own code: who may ask, how much, and how slowly.

- only names of this machine as `Host`: a page elsewhere whose name suddenly means 127.0.0.1 (DNS rebinding)
  is refused. A number cannot be made to mean something else, so every IP address is taken
- no other site's pages: a browser says in `Origin` whose page asks
- a body of at most 1 MiB, counted while it comes and before anything reads it, within a time
- headers that keep a page from doing more than it should
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any
from urllib.parse import urlsplit

from nanochat.serve.metrics import Metrics
from nanochat.serve.openai_forms import ApiError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MOST_BYTES = 2**20  # of a body: 25 times the longest context's worth of English
# A client that is cut off while it sends may never see why; so much more is read and thrown away first.
MOST_THROWN_AWAY = 16 * 2**20
BODY_WITHIN = 30.0  # seconds
# Scripts, styles and pictures of this server alone; nothing is made from text (no innerHTML); no frames.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
SECURITY_HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
PATHS = ("/", "/health", "/metrics", "/v1/models", "/v1/chat/completions")


def may_be_host(header: str, names: Collection[str]) -> bool:
    """Whether a `Host` header names this machine.

    >>> may_be_host("localhost:8000", ()), may_be_host("192.168.1.5", ()), may_be_host("[::1]:80", ())
    (True, True, True)
    >>> may_be_host("evil.example", ()), may_be_host("gpu.lan:8000", {"gpu.lan"}), may_be_host("", ())
    (False, True, False)
    """
    try:
        name = urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class Guards:
    """An ASGI application around another."""

    def __init__(self, app: App, names: Collection[str], origins: Collection[str], metrics: Metrics) -> None:
        self.app, self.names, self.origins, self.metrics = app, names, origins, metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"] if scope["path"] in PATHS else "other"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.metrics.requests[path, message["status"]] += 1
                known = {name for name, _ in message.setdefault("headers", [])}
                more = [one for one in SECURITY_HEADERS if one[0] not in known]
                message["headers"] = [*message["headers"], *more]
            await send(message)

        try:
            self.check(scope)
            if scope["method"] == "POST":
                receive = await read_body(scope, receive)
        except ApiError as error:
            await refuse(error, send_guarded)
            return
        await self.app(scope, receive, send_guarded)

    def check(self, scope: MutableMapping[str, Any]) -> None:
        """Raise `ApiError` for a request that is none of ours."""
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host", ""), headers.get(b"origin")
        if not may_be_host(host, self.names):
            says = f"the name {host[:100]!r} is not one of this server's; start it with --allow-host NAME"
            raise ApiError(403, says, code="host_not_allowed")
        if origin is not None and origin not in self.origins and urlsplit_netloc(origin) != host:
            says = f"pages of {origin[:100]!r} may not ask; start the server with --cors-origin ORIGIN"
            raise ApiError(403, says, code="origin_not_allowed")
        if scope["method"] == "POST":
            kind = headers.get(b"content-type", "").partition(";")[0].strip().lower()
            if kind != "application/json":  # anything else could be sent by a form on another site
                raise ApiError(415, "Content-Type must be application/json", code="unsupported_media_type")


def urlsplit_netloc(origin: str) -> str:
    """The host and port of an origin; nothing for one that is none, such as `null`.

    >>> urlsplit_netloc("http://127.0.0.1:8000"), urlsplit_netloc("null")
    ('127.0.0.1:8000', '')
    """
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""


async def read_body(scope: MutableMapping[str, Any], receive: Receive) -> Receive:
    """Read a body of at most `MOST_BYTES` within `BODY_WITHIN`; a `receive` that gives it again, at once."""
    try:
        async with asyncio.timeout(BODY_WITHIN):
            body = await collect(scope, receive)
    except TimeoutError:
        raise ApiError(408, f"the body did not come within {BODY_WITHIN:.0f} s", code="timeout") from None
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()  # waits until the client leaves
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def collect(scope: MutableMapping[str, Any], receive: Receive) -> bytes:
    """The body, or ApiError 413 when it is too long."""
    length = dict(scope["headers"]).get(b"content-length", b"0")
    pieces: list[bytes] = []
    size, kept = 0, length.isdigit() and int(length) <= MOST_BYTES
    while size <= MOST_THROWN_AWAY:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ApiError(400, "the client left before the whole body had come")
        size += len(message.get("body", b""))
        kept = kept and size <= MOST_BYTES
        if kept:
            pieces.append(message.get("body", b""))
        if not message.get("more_body"):
            break
    if kept:
        return b"".join(pieces)
    raise ApiError(413, f"the body is longer than {MOST_BYTES:,} bytes", code="request_too_large")


async def refuse(error: ApiError, send: Send) -> None:
    """Answer with an error, and end the connection: something may still be coming."""
    body = json.dumps(error.form()).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
        *((name.encode(), value.encode()) for name, value in error.headers.items()),
    ]
    with contextlib.suppress(OSError):
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
