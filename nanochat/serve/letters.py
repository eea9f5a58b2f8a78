"""What the server and its workers say to each other, over a pipe. Standard library only.

A worker is a process of its own with an engine in it. The server numbers what it asks; whatever a worker says
of it bears that number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nanochat.inference.request import Part, Request

# How an answer ends: by itself, at its number of tokens, refused by the engine, with the worker's own end,
# or because time was up.
Ending = Literal["stop", "length", "refused", "lost", "late"]


@dataclass(frozen=True)
class Ask:
    """To a worker: answer this."""

    number: int
    request: Request


@dataclass(frozen=True)
class Cancel:
    """To a worker: nobody waits for this any more."""

    number: int


@dataclass(frozen=True)
class Ready:
    """From a worker, once: its model is there."""

    rows: int  # answers that it writes at the same time
    gpus: int  # that this machine has


@dataclass(frozen=True)
class Failed:
    """From a worker, instead of `Ready`: why not."""

    why: str


@dataclass(frozen=True)
class Ended:
    """The end of an answer."""

    how: Ending
    tokens: int = 0  # of the answer, tool output included
    why: str = ""


@dataclass(frozen=True)
class Round:
    """From a worker, after every round of its engine: what came, and how full it is."""

    news: tuple[tuple[int, Part | Ended], ...]
    rows: int  # answers being written
    waiting: int  # answers that wait for a row
