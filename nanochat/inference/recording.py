"""Have a model write, and keep what it said at every place: the trace that tools look at.

It writes as the engine does, one row at a time: the same logits, the same numbers drawn, the same calls of
tools; a test holds the two equal. `nanochat.inference.trace` says what is kept.

Shapes: V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from nanochat.inference.choosing import choose_tokens
from nanochat.inference.decoder import Decoder
from nanochat.inference.position import Moment, Position, Rest
from nanochat.inference.request import Request, Sampling
from nanochat.inference.sampling import draw
from nanochat.inference.trace import DIGITS, TEMPERATURES, Prompt, Run, Trace
from nanochat.inference.writing import Tokenizer, Writing
from nanochat.model.gpt import GPT


def position_of(
    logits_V: Tensor, keep: int, written: Collection[int], temperatures: Sequence[float]
) -> Position:
    """The `keep` likeliest tokens and those written, and the sums over the rest; of equals the lowest ids.

    >>> position = position_of(torch.tensor([0.0, 2.0, 1.0, 0.0]), 1, {3}, [1.0])
    >>> position.ids, position.rest.count, position.rest.highest
    ((1, 3), 2, 1.0)
    """
    logits_V = logits_V.detach().double().cpu()
    order = torch.argsort(logits_V, descending=True, stable=True).tolist()
    ids = sorted({*order[:keep], *written})
    known = tuple(float(f"{logit:.{DIGITS}g}") for logit in logits_V[ids].tolist())
    if len(ids) == len(order):
        return Position(tuple(ids), known)
    others = torch.ones(len(order), dtype=torch.bool)
    others[ids] = False
    rest_V = logits_V[others]
    moments = tuple(moment_of(rest_V, temperature) for temperature in temperatures)
    highest = float(f"{rest_V.max().item():.{DIGITS}g}")
    return Position(tuple(ids), known, Rest(len(rest_V), highest, moments))


def moment_of(rest_V: Tensor, temperature: float) -> Moment:
    """The sum of exponentials at a temperature, as its logarithm, and the mean logit.

    >>> moment_of(torch.zeros(2), 1.0)
    Moment(temperature=1.0, log_sum_exp=0.69314718056, mean=0.0)
    """
    scaled_V = rest_V.double() / temperature
    total = torch.logsumexp(scaled_V, dim=0)
    mean = (torch.exp(scaled_V - total) * rest_V.double()).sum()
    return Moment(temperature, float(f"{total.item():.12g}"), float(f"{mean.item():.12g}"))


class Recorder:
    """A model, and the trace of what it writes after one prompt.

    >>> from nanochat.model.config import GPTConfig
    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> model = GPT(GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=tokenizer.n_vocab))
    >>> recorder = Recorder(model.initialize(0), tokenizer, Prompt("C", False, (2039, 67)), max_tokens=3)
    >>> recorder.write(Sampling(temperature=0)).finish, len(recorder.trace.places)
    ('length', 3)
    """

    def __init__(
        self,
        model: GPT,
        tokenizer: Tokenizer,
        prompt: Prompt,
        max_tokens: int,
        *,
        about: dict[str, Any] | None = None,
        keep: int = 64,
        temperatures: Collection[float] = TEMPERATURES,
        tool: Callable[[str], str] | None = None,
    ) -> None:
        self.tokenizer, self.keep, self.tool = tokenizer, keep, tool
        self.decoder = Decoder(model, rows=1)
        self.trace = Trace(
            about or {}, prompt, max_tokens, {}, dict(tokenizer.special_tokens),
            tuple(sorted({1.0, *temperatures})),
        )  # fmt: skip

    def write(self, how: Sampling, seed: int = 0) -> Run:
        """Write one text, and keep every place of it that is not in the trace yet."""
        trace, prompt = self.trace, self.trace.prompt
        request = Request(prompt.ids, trace.max_tokens, how, seed, use_tools=prompt.chat)
        writing = Writing(request, self.tokenizer)
        self.decoder.forget(0)
        place: int | None = None
        new, chosen = list(prompt.ids), []
        while True:
            alone = place is not None and len(new) == 1
            logits_V = self.decoder.step(new)[0] if alone else self.decoder.read({0: new})[0]
            text = [*prompt.ids, *writing.ids]
            chosen += choose_next(logits_V, how, text, seed)
            place = self.keep_place(place, new, logits_V, {*text, chosen[-1]})
            writing.accept(chosen[-1])
            new = [chosen[-1]]
            if writing.finish is None and writing.call is not None:
                new += writing.put_in(self.tool(writing.call) if self.tool else "error: there is no tool")
            if writing.finish is None and len(prompt.ids) + len(writing.ids) >= self.decoder.context:
                writing.end("length")
            if writing.finish is not None:
                break
        run = Run(how, seed, tuple(chosen), writing.finish)
        trace.runs.append(run)
        trace.pieces = {one: self.tokenizer.token_bytes(one) for one in trace.named_ids()}
        return run

    def keep_place(self, after: int | None, ids: Sequence[int], logits_V: Tensor, wanted: set[int]) -> int:
        """The place that `ids` lead to, with the logits of the ids `wanted` among those it keeps."""
        trace = self.trace
        there = (0 if trace.places else None) if after is None else trace.branch(after, ids[0])
        if there is None:
            position = position_of(logits_V, self.keep, wanted, trace.temperatures)
            return trace.grow(after, () if after is None else ids, position)
        place = trace.places[there]
        if not wanted <= set(place.position.ids):
            wanted |= set(place.position.ids)
            position = position_of(logits_V, self.keep, wanted, trace.temperatures)
            trace.places[there] = replace(place, position=position)
        return there


def choose_next(logits_V: Tensor, how: Sampling, text: Sequence[int], seed: int) -> list[int]:
    """The next id, as the engine chooses it.

    >>> choose_next(torch.tensor([0.0, 1.0]), Sampling(temperature=0), [0], seed=0)
    [1]
    """
    written_BV = torch.zeros((1, len(logits_V)), dtype=torch.bool, device=logits_V.device)
    written_BV[0, list(text)] = True
    return choose_tokens(logits_V[None], [how], [draw(seed, len(text))], written_BV)
