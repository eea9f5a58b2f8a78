"""Parts of the model that a page can leave out, and what that does to the loss on a text.

Leaving out a part and looking at the loss shows what the model uses it for (of heads: Michel et al. 2019,
"Are sixteen heads really better than one?", arXiv 1905.10650). A part is an input of the graph and a place in
it: see `tools.live.model.Switches`. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nanochat.model.config import GPTConfig
from tools.core.errors import UsageError
from tools.live.model import LiveModel

HEADS, MLP, VALUE, X0, SMEAR, BACKOUT = (
    f"keep_{what}" for what in ("attention", "mlp", "value_embeddings", "x0", "smear", "backout")
)
OF_LAYER = {MLP: "MLP", VALUE: "value embeddings", X0: "x0"}
OF_MODEL = {SMEAR: "smear", BACKOUT: "backout"}


@dataclass(frozen=True)
class Part:
    """One switch: the graph's input, and the place in it.

    >>> Part("keep_attention", (1, 0)).key, Part("keep_attention", (1, 0)).label
    ('keep_attention.1.0', 'head 2.1')
    """

    name: str
    place: tuple[int, ...]

    @property
    def key(self) -> str:
        """How a page calls it."""
        return ".".join([self.name, *map(str, self.place)])

    @property
    def label(self) -> str:
        """How a reader calls it; layers and heads count from 1."""
        if self.name == HEADS:
            return f"head {self.place[0] + 1}.{self.place[1] + 1}"
        if self.name in OF_MODEL:
            return OF_MODEL[self.name]
        return f"{OF_LAYER[self.name]} of layer {self.place[0] + 1}"


def parts_of(model: LiveModel) -> list[Part]:
    """Every switch that does something, in the order of the layers."""
    value_layers = GPTConfig.from_dict(model.facts["model"]).value_layers
    found = []
    for name, shape in model.switches.shapes.items():
        if name == HEADS:
            found += [Part(name, (layer, head)) for layer in range(shape[0]) for head in range(shape[1])]
        elif name == VALUE:
            found += [Part(name, (layer,)) for layer in value_layers]
        else:
            found += [Part(name, (place,)) for place in range(shape[0])]
    return found


def chosen_parts(model: LiveModel, keys: Iterable[object]) -> list[Part]:
    """The parts with these keys. Raises `UsageError` for one that is none."""
    known = {part.key: part for part in parts_of(model)}
    try:
        return [known[str(key)] for key in keys]
    except KeyError as error:
        raise UsageError(f"the model has no part {error}", parameter="off") from None


@dataclass(frozen=True)
class Group:
    """What is left out in one go."""

    label: str
    parts: Sequence[Part]


def alone(model: LiveModel) -> dict[str, list[Group]]:
    """All that can be left out one after another: whole attentions and MLPs of the layers, extras, heads."""
    every = parts_of(model)
    layers = []
    for layer in range(model.n_layer):
        heads = [one for one in every if one.name == HEADS and one.place[0] == layer]
        layers.append(Group(f"attention of layer {layer + 1}", heads))
        layers += [Group(one.label, [one]) for one in every if one.name == MLP and one.place == (layer,)]
    extras = [Group(one.label, [one]) for one in every if one.name not in (HEADS, MLP)]
    heads = [one for one in every if one.name == HEADS]
    return {
        "A whole part of a layer": layers,
        "An extra": extras,
        "A single head": [Group(one.label, [one]) for one in heads],
    }


@dataclass(frozen=True)
class Loss:
    """The surprise at each token of a text, in bits."""

    bits: Sequence[float]
    n_bytes: int

    @property
    def per_token(self) -> float:
        """The mean."""
        return sum(self.bits) / len(self.bits)

    @property
    def per_byte(self) -> float:
        """All bits, by the bytes of the text."""
        return sum(self.bits) / self.n_bytes
