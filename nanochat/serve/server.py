"""Serving: take the port, start the workers, answer until a signal comes, let what is being written end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import signal
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from nanochat.errors import UserError
from nanochat.serve.app import Served, make_app
from nanochat.serve.dispatcher import Dispatcher
from nanochat.serve.metrics import Metrics
from nanochat.serve.worker import MakeEngine

HEADERS_WITHIN = 15.0  # seconds that a new connection has to say what it wants
BACKLOG = 512  # connections that the system keeps while the server is busy
LAST_WORDS = 2.0  # seconds for telling clients that their answer ends here


@dataclass(frozen=True)
class Where:
    """Where to listen, with how many engines, and how long an answer may go on when the server is to stop."""

    host: str = "127.0.0.1"
    port: int = 8000
    workers: int | None = None  # None: one for each GPU, one on a CPU
    queue: int = 64  # answers that may wait for a row
    grace: float = 20.0


class PatientProtocol(H11Protocol):
    """HTTP/1.1, for clients that may be slow but not for ever."""

    def connection_made(self, transport: Any) -> None:
        """Expect a request within some seconds; uvicorn alone would wait without end."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(HEADERS_WITHIN, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a request that is not yet whole do not stop the clock."""
        clock, self.timeout_keep_alive_task = self.timeout_keep_alive_task, None
        cycle = self.cycle
        super().data_received(data)
        if clock is not None and self.cycle is cycle and not self.transport.is_closing():
            self.timeout_keep_alive_task = clock
        elif clock is not None:
            clock.cancel()


class Server(uvicorn.Server):
    """uvicorn's, which ends with code 0 and tells clients when time is up."""

    def __init__(self, config: uvicorn.Config, dispatcher: Dispatcher, grace: float) -> None:
        super().__init__(config)
        self.dispatcher, self.grace = dispatcher, grace

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take no new connections, and wait for the answers that are being written."""
        why = "the server stops"
        clock = asyncio.get_running_loop().call_later(self.grace, self.dispatcher.end_all, why)
        await super().shutdown(sockets)
        clock.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGINT or SIGTERM; a second one does not wait."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGINT, signal.SIGTERM)
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C ends it, without waiting
            for one in signals:
                loop.add_signal_handler(one, self.stop)
        yield

    def stop(self) -> None:
        """Stop; asked a second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True


def serve(served: Served, make_engine: MakeEngine, where: Where, say: Callable[[str], None] = print) -> None:
    """Serve until a signal comes. Raises `UserError` if the port is taken or a model cannot be loaded.

    `make_engine` is called in each worker, a process of its own, so it must be something that can be pickled.
    """
    with take_port(where.host, where.port) as listener:
        asyncio.run(run(served, make_engine, where, listener, say))


async def run(
    served: Served,
    make_engine: MakeEngine,
    where: Where,
    listener: socket.socket,
    say: Callable[[str], None],
) -> None:
    """Start everything, serve, end everything."""
    dispatcher = Dispatcher(make_engine, where.workers, where.queue, Metrics())
    config = uvicorn.Config(
        make_app(served, dispatcher),
        http=PatientProtocol,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=int(where.grace + LAST_WORDS),
    )
    try:
        await dispatcher.start()
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        say(f"{served.fingerprint} answers on http://{shown}:{port} (Ctrl-C ends it)")
        if not ipaddress.ip_address(host.partition("%")[0]).is_loopback:
            say("warning: whoever can reach this machine can use the model; there is no password")
        await Server(config, dispatcher, where.grace).serve([listener])
    finally:
        dispatcher.close()


def take_port(host: str, port: int) -> socket.socket:
    """A socket bound to this address, before anything that takes long.

    >>> with take_port("127.0.0.1", 0) as listener:
    ...     listener.getsockname()[0]
    '127.0.0.1'
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise UserError(
            f"--host {host}: no machine has this name; use an address such as 127.0.0.1"
        ) from None
    listener = socket.socket(family, kind)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise UserError(f"port {port} of {host} is taken; choose another with --port") from None
        if error.errno == errno.EACCES:
            raise UserError(f"this user may not listen on port {port}; use one from 1024 on") from None
        raise UserError(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    return listener
