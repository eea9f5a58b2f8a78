"""A worker: a process with an engine, which answers what comes through a pipe until the pipe is closed.

The engine has a process of its own, so the server goes on answering, taking questions and noticing clients
who leave while a long prompt is read; and if the engine dies (a GPU without memory), the server lives and
starts another. With several GPUs there is one worker for each.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from nanochat.errors import UserError
from nanochat.inference.engine import Engine
from nanochat.inference.request import News, Part
from nanochat.serve.letters import Ask, Cancel, Ended, Failed, Ready, Round

MakeEngine = Callable[[int], Engine]  # the worker's number, from 0, to the engine on its device


def work(connection: Connection[Any, Any], make_engine: MakeEngine, number: int) -> None:
    """Be worker `number` at the other end of `connection`."""
    # Ctrl-C in a terminal reaches every process; the server says when it is time.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        engine = make_engine(number)
    except (UserError, OSError) as error:
        connection.send(Failed(str(error)))
        return
    desk = Desk(engine)
    with contextlib.suppress(OSError):  # nobody listens any more
        connection.send(Ready(engine.most_rows, count_gpus()))
        while take_all(connection, desk):
            connection.send(desk.round())
    engine.close()


def take_all(connection: Connection[Any, Any], desk: Desk) -> bool:
    """Take what has come, waiting for something if there is nothing to do; False when it is time to end."""
    try:
        while connection.poll(0 if desk.busy else None):
            letter = connection.recv()
            if letter is None:
                return False
            desk.take(letter)
    except (EOFError, OSError):  # the server has gone
        return False
    return True


def count_gpus() -> int:
    """How many GPUs this machine has."""
    import torch

    return torch.cuda.device_count()


class Desk:
    """An engine and the numbers that the server has given to what it asked.

    >>> from nanochat.inference.request import Request
    >>> from nanochat.model.config import GPTConfig
    >>> from nanochat.model.gpt import GPT
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> model = GPT(GPTConfig(n_layer=1, n_embd=64, n_head=1, n_kv_head=1, vocab_size=2048)).initialize(0)
    >>> desk = Desk(Engine(model, sample_tokenizer()))
    >>> desk.take(Ask(7, Request((2039,), max_tokens=1)))
    >>> desk.round().news[-1]
    (7, Ended(how='length', tokens=1, why=''))
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.numbers: dict[int, int] = {}  # the engine's ticket to the server's number
        self.refused: list[tuple[int, Part | Ended]] = []
        self.changed = False  # something was cancelled, which the server has not been told

    @property
    def busy(self) -> bool:
        """Whether the next round has anything to say."""
        return self.engine.busy or bool(self.refused) or self.changed

    def take(self, letter: Ask | Cancel) -> None:
        """Do what the server says."""
        if isinstance(letter, Ask):
            try:
                self.numbers[self.engine.submit(letter.request)] = letter.number
            except ValueError as error:
                self.refused.append((letter.number, Ended("refused", why=str(error))))
            return
        for ticket, number in self.numbers.items():
            if number == letter.number:
                self.engine.cancel(ticket)
                del self.numbers[ticket]
                self.changed = True
                return

    def round(self) -> Round:
        """One round of the engine."""
        news, self.refused, self.changed = self.refused, [], False
        for one in self.engine.step():
            news += self.read(one)
        return Round(tuple(news), len(self.engine.rows), len(self.engine.waiting))

    def read(self, news: News) -> list[tuple[int, Part | Ended]]:
        """News of the engine, as the server is told."""
        number = self.numbers[news.ticket]
        told: list[tuple[int, Part | Ended]] = [] if news.part is None else [(number, news.part)]
        if news.done is not None:
            told.append((number, Ended(news.done.finish, len(news.done.ids))))
            del self.numbers[news.ticket]
        return told
