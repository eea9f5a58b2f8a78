"""Have the model of the page write, and keep what it said at every place: the trace that tools look at.

It writes as `nanochat.inference.recording` does with PyTorch, and gives the same trace: the same tokens, the
same places, the same figures up to rounding; a test holds the two equal. Here each place is asked of the
model once, however many texts come by it.

Shapes: V vocabulary. Standard library only.
"""

from __future__ import annotations

import heapq
import math
from array import array
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from nanochat.inference.position import Moment, Position, Rest
from nanochat.inference.request import Request, Sampling
from nanochat.inference.sampling import choose, distribution, draw
from nanochat.inference.trace import DIGITS, TEMPERATURES, Prompt, Run, Trace
from nanochat.inference.writing import Writing
from tools.live.model import LiveModel

Logits = dict[tuple[int, ...], "array[float]"]
"""What the model said after a text, by the text's ids."""


def position_of(
    logits_V: Sequence[float], keep: int, written: Collection[int], temperatures: Sequence[float]
) -> Position:
    """The `keep` likeliest tokens and those written, and the sums over the rest; of equals the lowest ids.

    >>> position = position_of([0.0, 2.0, 1.0, 0.0], 1, {3}, [1.0])
    >>> position.ids, position.rest.count, position.rest.highest
    ((1, 3), 2, 1.0)
    """
    likeliest = heapq.nsmallest(keep, range(len(logits_V)), key=lambda one: (-logits_V[one], one))
    kept = {*likeliest, *written}
    ids = tuple(sorted(kept))
    known = tuple(float(f"{logits_V[one]:.{DIGITS}g}") for one in ids)
    if len(ids) == len(logits_V):
        return Position(ids, known)
    rest_V = [logit for one, logit in enumerate(logits_V) if one not in kept]
    moments = tuple(moment_of(rest_V, temperature) for temperature in temperatures)
    return Position(ids, known, Rest(len(rest_V), float(f"{max(rest_V):.{DIGITS}g}"), moments))


def moment_of(rest_V: Sequence[float], temperature: float) -> Moment:
    """The sum of exponentials at a temperature, as its logarithm, and the mean logit.

    >>> moment_of([0.0, 0.0], 1.0)
    Moment(temperature=1.0, log_sum_exp=0.69314718056, mean=0.0)
    """
    highest = max(rest_V)
    weights = [math.exp((logit - highest) / temperature) for logit in rest_V]
    total = sum(weights)
    mean = sum(weight * logit for weight, logit in zip(weights, rest_V, strict=True)) / total
    log_sum_exp = highest / temperature + math.log(total)
    return Moment(temperature, float(f"{log_sum_exp:.12g}"), float(f"{mean:.12g}"))


@dataclass
class _Place:
    """A place of the tree that grows, before its figures are worked out."""

    after: int | None
    ids: tuple[int, ...]
    logits: array[float]
    wanted: set[int]
    branches: dict[int, int] = field(default_factory=dict)


class LiveRecorder:
    """A model, and what it writes after one prompt.

    `known` holds what the model said before; what it says now is added. `tell` hears of every token.
    """

    def __init__(
        self,
        model: LiveModel,
        prompt: Prompt,
        max_tokens: int,
        *,
        about: dict[str, Any] | None = None,
        keep: int = 64,
        temperatures: Collection[float] = TEMPERATURES,
        tool: Callable[[str], str] | None = None,
        known: Logits | None = None,
        tell: Callable[[], object] = lambda: None,
    ) -> None:
        self.model, self.prompt, self.max_tokens, self.about = model, prompt, max_tokens, about or {}
        self.keep, self.tool, self.tell = keep, tool, tell
        self.temperatures = tuple(sorted({1.0, *temperatures}))
        self.known: Logits = {} if known is None else known
        self.places: list[_Place] = []
        self.runs: list[Run] = []

    async def write(self, how: Sampling, seed: int = 0) -> Run:
        """Write one text, and keep every place of it."""
        request = Request(self.prompt.ids, self.max_tokens, how, seed, use_tools=self.prompt.chat)
        writing = Writing(request, self.model.tokenizer)
        place: int | None = None
        new, chosen = list(self.prompt.ids), []
        while writing.finish is None:
            text = [*self.prompt.ids, *writing.ids]
            logits_V = await self._logits(tuple(text))
            chosen.append(choose(distribution(logits_V, how, text), draw(seed, len(text))))
            place = self._keep(place, new, logits_V, {*text, chosen[-1]})
            writing.accept(chosen[-1])
            new = [chosen[-1]]
            if writing.finish is None and writing.call is not None:
                new += writing.put_in(self.tool(writing.call) if self.tool else "error: there is no tool")
            if writing.finish is None and len(self.prompt.ids) + len(writing.ids) >= self.model.context:
                writing.end("length")
            self.tell()
        run = Run(how, seed, tuple(chosen), writing.finish)
        self.runs.append(run)
        return run

    async def _logits(self, text: tuple[int, ...]) -> array[float]:
        if text not in self.known:
            self.known[text] = await self.model.logits(text)
        return self.known[text]

    def _keep(self, after: int | None, ids: Sequence[int], logits_V: array[float], wanted: set[int]) -> int:
        """The place that `ids` lead to, `wanted` among the ids whose logits it will hold."""
        there = (0 if self.places else None) if after is None else self.places[after].branches.get(ids[0])
        if there is not None:
            self.places[there].wanted |= wanted
            return there
        self.places.append(_Place(after, () if after is None else tuple(ids), logits_V, wanted))
        if after is not None:
            self.places[after].branches[ids[0]] = len(self.places) - 1
        return len(self.places) - 1

    def trace(self) -> Trace:
        """All of it. The figures of each place are worked out now."""
        tokenizer = self.model.tokenizer
        trace = Trace(
            self.about, self.prompt, self.max_tokens, {}, dict(tokenizer.special_tokens), self.temperatures
        )
        for place in self.places:
            position = position_of(place.logits, self.keep, place.wanted, self.temperatures)
            trace.grow(place.after, place.ids, position)
        trace.runs = list(self.runs)
        trace.pieces = {one: tokenizer.token_bytes(one) for one in trace.named_ids()}
        return trace
