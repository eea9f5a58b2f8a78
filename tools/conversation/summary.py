"""What a file's records add up to. However many they are, only so much is kept of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nanochat.tokenizer.chat import parts_of
from tools.conversation.check import doubts
from tools.conversation.source import Item

MOST_KINDS = 100
MOST_RANGES = 1_000
LONGEST_REASON = 200
EXCERPT = 60


@dataclass
class LineList:
    """Numbers of lines, as ranges; beyond `MOST_RANGES` of these they are only counted.

    >>> lines = LineList()
    >>> for number in (4, 9, 10, 11, 20):
    ...     lines.add(number)
    >>> str(lines), lines.count
    ('4, 9-11, 20', 5)
    """

    count: int = 0
    ranges: list[list[int]] = field(default_factory=list)
    more: int = 0

    def add(self, line: int) -> None:
        """One more line; they come in their order."""
        self.count += 1
        if not self.more and self.ranges and line == self.ranges[-1][1] + 1:
            self.ranges[-1][1] = line
        elif len(self.ranges) < MOST_RANGES:
            self.ranges.append([line, line])
        else:
            self.more += 1

    def __str__(self) -> str:
        shown = ", ".join(str(one) if one == last else f"{one}-{last}" for one, last in self.ranges)
        return shown + (f" and {self.more:,} more" if self.more else "")


@dataclass
class Kinds:
    """How often each of a few sayings occurs, and on which line first; of many, the first `MOST_KINDS`."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)

    def add(self, what: str, line: int) -> None:
        """One more. Numbers in it do not make it another one."""
        kind = clipped(re.sub(r"\d+", "N", what))
        if kind not in self.counts and len(self.counts) >= MOST_KINDS:
            kind = "others"
        self.counts[kind] += 1
        self.first.setdefault(kind, line)


def clipped(reason: str) -> str:
    """A reason of bearable length: it may quote what stands in the file."""
    return reason if len(reason) <= LONGEST_REASON else reason[: LONGEST_REASON - 1] + "…"


def excerpt(message: Mapping[str, Any]) -> str:
    """The beginning of a message in one line.

    >>> excerpt({"role": "user", "content": "Hi,\\nhow are you?"})
    'Hi, how are you?'
    """
    shown = " ".join(word for part in parts_of(message) for word in part["text"].split())
    return shown if len(shown) <= EXCERPT else shown[: EXCERPT - 1] + "…"


@dataclass
class Summary:
    """All records so far: counts of every kind, the first problems, and the one conversation to show."""

    keep: int = 20
    wanted: int | None = None  # the line to show; else the first valid one, else the first that can be shown
    records: int = 0
    valid: int = 0
    messages: int = 0
    with_system: int = 0
    with_tools: int = 0
    turns: Counter[int] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    invalid_formats: Counter[str] = field(default_factory=Counter)
    invalid: LineList = field(default_factory=LineList)
    problems: list[tuple[int, str]] = field(default_factory=list)
    reasons: Kinds = field(default_factory=Kinds)
    lost: Kinds = field(default_factory=Kinds)
    doubts: Kinds = field(default_factory=Kinds)
    first: list[tuple[int, str, str]] = field(default_factory=list)  # line, question, answer
    shown: Item | None = None

    def add(self, item: Item) -> None:
        """One more record."""
        self.records += 1
        self.formats[item.format] += 1
        self._show(item)
        if item.problem:
            self.invalid.add(item.line)
            self.invalid_formats[item.format] += 1
            self.reasons.add(item.problem, item.line)
            if len(self.problems) < self.keep:
                self.problems.append((item.line, clipped(item.problem)))
            return
        self.valid += 1
        for lost in item.lost:
            self.lost.add(lost, item.line)
        self._count(item)

    def _show(self, item: Item) -> None:
        if self.wanted is not None:
            self.shown = item if item.line == self.wanted else self.shown
        elif self.shown is None or (self.shown.problem and not item.problem):
            self.shown = item

    def _count(self, item: Item) -> None:
        assert item.conversation is not None
        messages = item.conversation["messages"]
        if len(self.first) < self.keep:
            question = next(one for one in messages if one["role"] == "user")
            self.first.append((item.line, excerpt(question), excerpt(messages[-1])))
        self.messages += len(messages)
        self.with_system += messages[0]["role"] == "system"
        self.turns[sum(message["role"] == "user" for message in messages)] += 1
        self.with_tools += any(part["type"] == "python" for one in messages for part in parts_of(one))
        for doubt in dict.fromkeys(doubts(item.conversation)):
            self.doubts.add(doubt, item.line)


def summarise(items: Iterable[Item], keep: int, wanted: int | None = None) -> Summary:
    """Go through all records once."""
    summary = Summary(keep, wanted)
    for item in items:
        summary.add(item)
    return summary
