"""The model as a page asks it: token ids in, logits out.

The network itself runs elsewhere, in the browser by ONNX Runtime Web and in tests by ONNX Runtime; both are a
`Runner`. It keeps the KV cache of a text under a number, so that a text which goes on from a known one costs
only its new tokens. Caches are never changed: going back and taking another branch is asking for other ids.

Shapes: T time, V vocabulary, L layers, H heads, S tokens seen, C channels. Standard library only.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from nanochat.tokenizer.tokenizer import Tokenizer

NOTHING = 0
"""The number of the cache of an empty text."""
CACHES = 6
"""How many texts' caches are kept. One of 512 tokens takes 2.6 to 13 MB."""


@dataclass(frozen=True)
class Array:
    """Numbers in a shape, the last dimension the closest together.

    >>> Array((2, 2), array("f", [1, 2, 3, 4])).row(1)
    array('f', [3.0, 4.0])
    """

    shape: tuple[int, ...]
    values: array[float]

    def row(self, *places: int) -> array[float]:
        """The numbers at these places of all dimensions but the last."""
        start = 0
        for place, size in zip(places, self.shape, strict=False):
            start = start * size + place
        width = self.shape[-1]
        return self.values[start * width : (start + 1) * width]


class Runner(Protocol):
    """What runs the network."""

    async def run(
        self,
        ids: Sequence[int],
        past: int,
        keep_attention: Sequence[float],
        keep_mlp: Sequence[float],
        outputs: Sequence[str],
    ) -> tuple[int, dict[str, Array]]:
        """Read `ids` behind the text of the cache `past`: the number of the new cache, and the outputs.

        Of the output "last_logits" the runner gives the logits after the last id alone, [V].
        """

    async def lens(self, stream: Sequence[float]) -> Array:
        """The logits [T, V] that the head makes of a stream [T, C]."""

    def forget(self, past: int) -> None:
        """Drop a cache."""


@dataclass(frozen=True)
class Layers:
    """How much of what each layer adds is kept, from 0 to 1: one number a layer for attention and MLP.

    >>> Layers.whole(2)
    Layers(attention=(1.0, 1.0), mlp=(1.0, 1.0))
    """

    attention: tuple[float, ...]
    mlp: tuple[float, ...]

    @classmethod
    def whole(cls, n_layer: int) -> Layers:
        """All of every layer."""
        return cls((1.0,) * n_layer, (1.0,) * n_layer)


class LiveModel:
    """A model that can be asked. `facts` is `model.json`, which the site's build has written."""

    def __init__(self, facts: Mapping[str, Any], tokenizer: Tokenizer, runner: Runner) -> None:
        self.facts, self.tokenizer, self.runner = facts, tokenizer, runner
        self.n_layer = int(facts["model"]["n_layer"])
        self.n_head = int(facts["model"]["n_head"])
        self.context = int(facts["model"]["sequence_len"])
        self.bos = tokenizer.special_id("<|bos|>")
        self.whole = Layers.whole(self.n_layer)
        self._caches: dict[tuple[int, ...], int] = {}  # the text of each, the one used last at the end

    async def logits(self, ids: Sequence[int]) -> array[float]:
        """The logits [V] of the token after `ids`."""
        self._check(ids)
        known = self._longest_known(ids)
        past = self._caches.pop(known) if known else NOTHING
        if known:
            self._caches[known] = past
        present, found = await self.runner.run(
            ids[len(known) :], past, self.whole.attention, self.whole.mlp, ["last_logits"]
        )
        self._keep(tuple(ids), present)
        return found["last_logits"].values

    async def look(
        self, ids: Sequence[int], outputs: Sequence[str], layers: Layers | None = None
    ) -> dict[str, Array]:
        """The named outputs of the graph for a whole text, with parts of layers left out if asked."""
        self._check(ids)
        kept = layers or self.whole
        present, found = await self.runner.run(ids, NOTHING, kept.attention, kept.mlp, outputs)
        self.runner.forget(present)
        return found

    def _check(self, ids: Sequence[int]) -> None:
        if not 0 < len(ids) <= self.context:
            raise ValueError(f"a text of {len(ids):,} tokens; the model reads 1 to {self.context:,}")

    def _longest_known(self, ids: Sequence[int]) -> tuple[int, ...]:
        """The longest text with a cache that `ids` go on from. Something new must be left to read."""
        fit = [one for one in self._caches if len(one) < len(ids) and tuple(ids[: len(one)]) == one]
        return max(fit, key=len, default=())

    def _keep(self, ids: tuple[int, ...], cache: int) -> None:
        if ids in self._caches:
            self.runner.forget(self._caches.pop(ids))
        self._caches[ids] = cache
        while len(self._caches) > CACHES:
            self.runner.forget(self._caches.pop(next(iter(self._caches))))
