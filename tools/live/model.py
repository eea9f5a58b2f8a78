"""The model as a page asks it: token ids in, logits out.

The network itself runs elsewhere, in the browser by ONNX Runtime Web and in tests by ONNX Runtime; both are a
`Runner`. It keeps the KV cache of a text under a number, so that a text which goes on from a known one costs
only its new tokens. Caches are never changed: going back and taking another branch is asking for other ids.

Shapes: T time, V vocabulary, L layers, H heads, S tokens seen, C channels. Standard library only.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
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


Keep = Mapping[str, Sequence[float]]
"""How much of each part is kept, from 0 to 1, by the graph's input; the last dimension closest together."""


class Runner(Protocol):
    """What runs the network."""

    async def run(
        self,
        ids: Sequence[int],
        past: int,
        keep: Keep,
        outputs: Sequence[str],
    ) -> tuple[int, dict[str, Array]]:
        """Read `ids` behind the text of the cache `past`: the number of the new cache, and the outputs.

        Of the output "last_logits" the runner gives the logits after the last id alone, [V].
        """

    async def lens(self, stream: Sequence[float]) -> Array:
        """The logits [T, V] that norm, head and soft cap make of a stream [T, C]; nothing is backed out."""

    def forget(self, past: int) -> None:
        """Drop a cache."""


@dataclass(frozen=True)
class Switches:
    """The graph's inputs `keep_...`, which leave parts of the network out, and their shapes.

    `nanochat.model.export_onnx.switches` says which there are: heads [L, H], MLPs [L], and the extras.

    >>> switches = Switches({"keep_attention": (2, 2), "keep_smear": (1,)})
    >>> switches.without([("keep_attention", (1, 0))])
    {'keep_attention': [1.0, 1.0, 0.0, 1.0], 'keep_smear': [1.0]}
    """

    shapes: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Switches:
        """Those that `model.json` names."""
        inputs = facts["inputs"]
        return cls({name: tuple(inputs[name]["shape"]) for name in inputs if name.startswith("keep_")})

    def whole(self) -> dict[str, list[float]]:
        """All of every part."""
        return {name: [1.0] * math.prod(shape) for name, shape in self.shapes.items()}

    def without(self, parts: Iterable[tuple[str, Sequence[int]]]) -> dict[str, list[float]]:
        """All but these, each an input and a place in it."""
        kept = self.whole()
        for name, place in parts:
            at = 0
            for index, size in zip(place, self.shapes[name], strict=True):
                if not 0 <= index < size:
                    raise ValueError(f"{name} has no place {tuple(place)}; its shape is {self.shapes[name]}")
                at = at * size + index
            kept[name][at] = 0.0
        return kept


class LiveModel:
    """A model that can be asked. `facts` is `model.json`, which the site's build has written."""

    def __init__(self, facts: Mapping[str, Any], tokenizer: Tokenizer, runner: Runner) -> None:
        self.facts, self.tokenizer, self.runner = facts, tokenizer, runner
        self.n_layer = int(facts["model"]["n_layer"])
        self.n_head = int(facts["model"]["n_head"])
        self.context = int(facts["model"]["sequence_len"])
        self.bos = tokenizer.special_id("<|bos|>")
        self.switches = Switches.of(facts)
        self._caches: dict[tuple[int, ...], int] = {}  # the text of each, the one used last at the end

    async def logits(self, ids: Sequence[int]) -> array[float]:
        """The logits [V] of the token after `ids`."""
        self._check(ids)
        known = self._longest_known(ids)
        past = self._caches.pop(known) if known else NOTHING
        if known:
            self._caches[known] = past
        present, found = await self.runner.run(
            ids[len(known) :], past, self.switches.whole(), ["last_logits"]
        )
        self._keep(tuple(ids), present)
        return found["last_logits"].values

    async def look(
        self, ids: Sequence[int], outputs: Sequence[str], keep: Keep | None = None
    ) -> dict[str, Array]:
        """The named outputs of the graph for a whole text, with parts of the network left out if asked."""
        self._check(ids)
        present, found = await self.runner.run(ids, NOTHING, keep or self.switches.whole(), outputs)
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
