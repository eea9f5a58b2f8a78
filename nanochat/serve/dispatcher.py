"""The server's side of the workers: who answers what, who waits, and what happens when one dies.

- a request goes to the worker with the least to do; when more wait than the queue may hold, it is refused at
  once with a guess of when to come back
- two threads for each worker read and write its pipe, so that the event loop never waits for one
- a worker that dies fails what it was answering, and another is started in its place
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any

from nanochat.errors import UserError
from nanochat.inference.request import Part, Request
from nanochat.serve.letters import Ask, Cancel, Ended, Failed, Ready, Round
from nanochat.serve.metrics import Metrics
from nanochat.serve.worker import MakeEngine, work

MOST_SECONDS = 60  # that a client is told to wait at most
PATIENCE = 3.0  # seconds that a worker has to end
TRIES = 5  # starts in a row that may fail before a worker is given up
# The same wherever the server runs; fork would copy a process with threads.
PROCESSES = multiprocessing.get_context("spawn")


class QueueFull(Exception):
    """More would wait than the queue may hold; `seconds` until it is worth to ask again."""

    def __init__(self, waiting: int, seconds: int) -> None:
        self.waiting, self.seconds = waiting, seconds
        super().__init__(f"{waiting} requests are waiting already; ask again in {seconds} s")


class Asked:
    """What one client has asked, one or more requests; `news` has what comes, with the request's index."""

    def __init__(self, requests: Sequence[Request]) -> None:
        self.requests = requests
        self.news: asyncio.Queue[tuple[int, Part | Ended]] = asyncio.Queue()
        self.open: dict[int, int] = {}  # number to index, of those without an end yet
        self.since = time.monotonic()
        self.first: dict[int, float] = {}  # index to the time of its first token


@dataclass
class Seat:
    """A worker as the server sees it."""

    number: int
    process: Any  # a process of the spawn context, which has no public name of its own
    connection: Connection[Any, Any]
    ready: asyncio.Future[Ready]
    letters: SimpleQueue[Ask | Cancel | None]
    state: Round
    most_rows: int = 0  # 0: not ready


class Dispatcher:
    """All workers. Its methods are called in the event loop's thread."""

    def __init__(self, make_engine: MakeEngine, workers: int | None, queue: int, metrics: Metrics) -> None:
        self.make_engine, self.wanted, self.queue, self.metrics = make_engine, workers, queue, metrics
        self.seats: dict[int, Seat] = {}
        self.asked: dict[int, tuple[Asked, Seat]] = {}  # by number
        self.numbers = count(1)
        self.seconds_each = 1.0  # what an answer takes, the newest ones weighing most
        self.closing = False
        self.restarting: set[asyncio.Task[None]] = set()

    # ---- workers ----

    async def start(self) -> None:
        """Start the workers: as many as asked for, else one for each GPU. Raises UserError if one cannot."""
        first = await self.open_seat(0)
        number = self.wanted or max(1, first.gpus)
        await asyncio.gather(*(self.open_seat(one) for one in range(1, number)))

    async def open_seat(self, number: int) -> Ready:
        """Start a worker and wait until its model is there."""
        loop = asyncio.get_running_loop()
        ours, theirs = PROCESSES.Pipe()
        process = PROCESSES.Process(
            target=work, args=(theirs, self.make_engine, number), name=f"worker-{number}", daemon=True
        )
        await loop.run_in_executor(None, process.start)
        theirs.close()
        seat = Seat(number, process, ours, loop.create_future(), SimpleQueue(), Round((), 0, 0))
        self.seats[number] = seat
        threading.Thread(target=self.listen, args=(seat, loop), daemon=True).start()
        threading.Thread(target=self.write, args=(seat,), daemon=True).start()
        return await seat.ready

    def listen(self, seat: Seat, loop: asyncio.AbstractEventLoop) -> None:
        """Hand on what a worker says, in a thread of its own, until there is nobody left to say anything."""
        try:
            while True:
                loop.call_soon_threadsafe(self.hear, seat, seat.connection.recv())
        except (EOFError, OSError):
            seat.process.join()
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self.lost, seat)

    def write(self, seat: Seat) -> None:
        """Send what a worker is to do, in a thread of its own: a full pipe makes only this thread wait."""
        with contextlib.suppress(OSError):
            letter: Ask | Cancel | None = seat.letters.get()
            while letter is not None:
                seat.connection.send(letter)
                letter = seat.letters.get()
            seat.connection.send(None)

    def hear(self, seat: Seat, letter: Ready | Failed | Round) -> None:
        """Take what a worker says."""
        if isinstance(letter, Round):
            seat.state = letter
            for number, what in letter.news:
                self.tell(number, what)
        elif isinstance(letter, Ready):
            seat.most_rows = letter.rows
            seat.ready.set_result(letter)
        else:
            seat.ready.set_exception(UserError(letter.why))

    def lost(self, seat: Seat) -> None:
        """A worker has ended."""
        seat.letters.put(None)
        seat.connection.close()
        was_ready, seat.most_rows, seat.state = seat.ready.done(), 0, Round((), 0, 0)
        for number in [one for one, (_, at) in self.asked.items() if at is seat]:
            self.tell(number, Ended("lost", why="the engine that was writing this ended; ask again"))
        if not was_ready:
            seat.ready.set_exception(UserError(f"worker {seat.number} ended before its model was there"))
        if was_ready and seat.ready.exception() is None and not self.closing:
            print(f"nanochat: worker {seat.number} ended; another is starting", file=sys.stderr, flush=True)
            task = asyncio.ensure_future(self.restart(seat))
            self.restarting.add(task)
            task.add_done_callback(self.restarting.discard)

    async def restart(self, seat: Seat) -> None:
        """Start a worker again, each time after a longer rest, until it is given up."""
        for fails in range(TRIES):
            self.metrics.restarts += 1
            try:
                await self.open_seat(seat.number)
                return
            except UserError as error:
                print(f"nanochat: worker {seat.number}: {error}", file=sys.stderr, flush=True)
            await asyncio.sleep(2**fails)
        print(f"nanochat: worker {seat.number} is given up", file=sys.stderr, flush=True)

    @property
    def ready(self) -> int:
        """How many workers are up."""
        return sum(seat.most_rows > 0 for seat in self.seats.values())

    @property
    def rows(self) -> int:
        """How many answers can be written at the same time."""
        return sum(seat.most_rows for seat in self.seats.values())

    @property
    def rows_in_use(self) -> int:
        """How many answers are being written, as the engines themselves say."""
        return sum(seat.state.rows for seat in self.seats.values())

    @property
    def waiting(self) -> int:
        """How many answers wait for a row."""
        return max(0, len(self.asked) - self.rows)

    def close(self) -> None:
        """End all workers; one that is in the middle of something is given a moment."""
        self.closing = True
        for seat in self.seats.values():
            seat.letters.put(None)
        until = time.monotonic() + PATIENCE
        for seat in self.seats.values():
            seat.process.join(max(0.0, until - time.monotonic()))
            seat.process.terminate()

    # ---- questions ----

    def ask(self, requests: Sequence[Request]) -> Asked:
        """Have requests answered. Raises `QueueFull`."""
        surplus = len(self.asked) + len(requests) - self.rows
        if surplus > self.queue or not self.ready:
            seconds = self.seconds_each * max(1, self.waiting) / max(1, self.rows)
            raise QueueFull(self.waiting, min(MOST_SECONDS, int(seconds) + 1))
        asked = Asked(requests)
        for index, request in enumerate(requests):
            number, seat = next(self.numbers), self.least_busy()
            asked.open[number] = index
            self.asked[number] = asked, seat
            seat.letters.put(Ask(number, request))
        return asked

    def least_busy(self) -> Seat:
        """The worker that would come to one more request first."""
        load = {number: 0 for number, seat in self.seats.items() if seat.most_rows}
        for _, seat in self.asked.values():
            load[seat.number] += 1
        return self.seats[min(load, key=lambda number: load[number] / self.seats[number].most_rows)]

    def tell(self, number: int, what: Part | Ended) -> None:
        """Hand news on to whoever asked; nobody may, if it was cancelled a moment ago."""
        if number not in self.asked:
            return
        asked, _ = self.asked[number]
        index, now = asked.open[number], time.monotonic()
        if index not in asked.first and not (isinstance(what, Ended) and not what.tokens):
            asked.first[index] = now
            self.metrics.first_token.observe(now - asked.since)
        if isinstance(what, Ended):
            self.seconds_each += 0.1 * (now - asked.since - self.seconds_each)
            prompt = len(asked.requests[index].prompt)
            self.metrics.answered(what.how, prompt, what.tokens, now - asked.first.get(index, now))
            self.forget(number)
        asked.news.put_nowait((index, what))

    def forget(self, number: int) -> None:
        """An answer has ended."""
        asked, _ = self.asked.pop(number)
        del asked.open[number]

    def cancel(self, asked: Asked, why: str = "cancelled") -> None:
        """Nobody waits for what is still open of this."""
        for number in list(asked.open):
            self.asked[number][1].letters.put(Cancel(number))
            self.metrics.answers[why] += 1
            self.forget(number)

    def end_all(self, why: str) -> None:
        """End every answer where it is: the server stops."""
        for number, (_, seat) in list(self.asked.items()):
            seat.letters.put(Cancel(number))
            self.tell(number, Ended("late", why=why))
