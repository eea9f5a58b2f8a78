"""A text, and what goes on inside the model while it reads it: what each layer would say, and the losses.

The graph of the page gives more than logits (`nanochat.model.export_onnx`): the attention weights of every
head, of which `tools.attention.live_trace` makes a trace, and the stream between the layers. That becomes
what each layer would say, the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"). And the
surprise at each token, with parts of the network left out if asked.

Shapes: T tokens, V vocabulary, C channels, L layers. Standard library only.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass

from tools.attention.trace import Token
from tools.core.errors import UsageError
from tools.live.model import Keep, LiveModel

MOST_TOKENS = 64
"""Of a text, the mark at its beginning among them. Every head has a map with the square of it."""
LEAST_TOKENS = 3
LIKELIEST = 5


@dataclass(frozen=True)
class Reading:
    """A text as the model reads it: the mark of a beginning, and its tokens."""

    text: str
    ids: tuple[int, ...]
    tokens: tuple[Token, ...]

    @property
    def n_bytes(self) -> int:
        """Of the text, without the mark."""
        return sum(len(token.data) for token in self.tokens if not token.special)


def read(model: LiveModel, text: str) -> Reading:
    """Cut a text into tokens. Raises `UsageError` for one that is empty, too short or too long."""
    if not text.strip():
        raise UsageError("write something first", parameter="text")
    text = text.encode("utf-8", "replace").decode("utf-8")  # half of a pair cannot be encoded
    ids = (model.bos, *model.tokenizer.encode(text))
    if len(ids) < LEAST_TOKENS:
        raise UsageError(
            "this is one token; write a little more, so that there is something to look at", "text"
        )
    if len(ids) > MOST_TOKENS:
        long = f"the text has {len(ids) - 1:,} tokens"
        raise UsageError(f"{long}, and this page shows {MOST_TOKENS - 1} at most; shorten it", "text")
    specials = model.tokenizer.special_ids
    tokens = tuple(Token(one, model.tokenizer.token_bytes(one), one in specials) for one in ids)
    return Reading(text, ids, tokens)


# ---- what each layer would say ----


@dataclass(frozen=True)
class Guess:
    """What comes next: the likeliest tokens with their chances, and the chance of the one that did come."""

    likeliest: tuple[tuple[int, float], ...]
    came: float | None

    @property
    def right(self) -> bool:
        """Whether the likeliest is the one that came."""
        return self.came is not None and self.came >= self.likeliest[0][1]


def guess(logits_V: Sequence[float], came: int | None) -> Guess:
    """The likeliest of some logits; of equal ones the first.

    >>> guess([0.0, math.log(3), 0.0], came=2)
    Guess(likeliest=((1, 0.6), (0, 0.2), (2, 0.2)), came=0.2)
    """
    highest = max(logits_V)
    total = math.fsum(math.exp(logit - highest) for logit in logits_V)
    best = heapq.nlargest(LIKELIEST, range(len(logits_V)), key=logits_V.__getitem__)

    def chance(at: int) -> float:
        return round(math.exp(logits_V[at] - highest) / total, 6)

    return Guess(tuple((at, chance(at)) for at in best), None if came is None else chance(came))


async def layers_say(model: LiveModel, reading: Reading) -> list[list[Guess]]:
    """For each token, what would come next: by the stream that enters layer 0, by those that leave the
    layers, and by the model, L + 2 rows.

    The lens is norm, head and soft cap alone, so it sees no backout. The model's own row does.
    """
    names = [f"stream_{layer}" for layer in range(model.n_layer + 1)]
    found = await model.look(reading.ids, [*names, "logits"])
    next_ids = [*reading.ids[1:], None]
    rows = []
    for logits in [*[await model.runner.lens(found[name].values) for name in names], found["logits"]]:
        rows.append([guess(logits.row(place), came) for place, came in enumerate(next_ids)])
    return rows


# ---- losses ----


async def surprises(model: LiveModel, reading: Reading, keep: Keep | None = None) -> list[float]:
    """The loss at every token but the first, in bits: -log2 of the chance that the model gave it."""
    logits = (await model.look(reading.ids, ["logits"], keep))["logits"]
    return [_bits(logits.row(place), came) for place, came in enumerate(reading.ids[1:])]


def _bits(logits_V: Sequence[float], came: int) -> float:
    highest = max(logits_V)
    total = math.fsum(math.exp(logit - highest) for logit in logits_V)
    return (math.log(total) - (logits_V[came] - highest)) / math.log(2)
