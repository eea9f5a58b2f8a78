"""Ablation as HTML: a grid of switches, what they do to the loss, and a chart of each part left out alone.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tools.attention.tokens import named
from tools.core.markup import escape
from tools.live.ablation import HEADS, MLP, OF_LAYER, OF_MODEL, Group, Loss, Part, parts_of
from tools.live.chips import token_chip
from tools.live.looking import Reading
from tools.live.model import LiveModel

MOST_CHANGED = 6


def grid_html(model: LiveModel) -> str:
    """A box for each part, a row for each layer; a part that is ticked is kept."""
    return "\n".join(_grid(model))


def _grid(model: LiveModel) -> Iterator[str]:
    parts = {part.key: part for part in parts_of(model)}
    extras = [name for name in OF_LAYER if name != MLP and any(one.name == name for one in parts.values())]
    yield '<table class="look-switches"><caption class="report-hidden">Parts of the model; a tick keeps one'
    yield "</caption><thead><tr><td></td>"
    yield "".join(f'<th scope="col">head {head + 1}</th>' for head in range(model.n_head))
    yield "".join(f'<th scope="col">{OF_LAYER[name]}</th>' for name in (MLP, *extras))
    yield "</tr></thead><tbody>"
    for layer in range(model.n_layer):
        yield f'<tr><th scope="row">layer {layer + 1}</th>'
        row = [Part(HEADS, (layer, head)) for head in range(model.n_head)]
        for part in [*row, *(Part(name, (layer,)) for name in (MLP, *extras))]:
            yield f"<td>{_box(part) if part.key in parts else ''}</td>"
        yield "</tr>"
    yield "</tbody></table>"
    rest = [one for one in parts.values() if one.name in OF_MODEL]
    if rest:
        yield '<p class="model-row">Of the whole model:'
        yield "".join(f"<label>{_box(one, named_here=True)} {one.label}</label>" for one in rest)
        yield "</p>"


def _box(part: Part, named_here: bool = False) -> str:
    name = "" if named_here else f' aria-label="{part.label}"'
    return f'<input type="checkbox" name="keep" value="{part.key}" checked{name}>'


def loss_html(reading: Reading, whole: Loss, now: Loss, off: Sequence[Part]) -> str:
    """The loss with all parts and without some, in numbers and on the text."""
    return "\n".join(_loss(reading, whole, now, off))


def _loss(reading: Reading, whole: Loss, now: Loss, off: Sequence[Part]) -> Iterator[str]:
    without = "without " + ", ".join(part.label for part in off) if off else "nothing is left out"
    title = escape(without[0].upper() + without[1:])
    yield f'<p class="model-says"><b>{title}.</b> {_in_words(whole, now, off)}</p>'
    yield '<table class="look-loss"><caption class="report-hidden">The loss</caption><thead><tr><td></td>'
    yield '<th scope="col">bits per token</th><th scope="col">bits per byte</th></tr></thead><tbody>'
    for label, loss in (("whole model", whole), ("as ticked", now)):
        numbers = f"<td>{loss.per_token:.3f}</td><td>{loss.per_byte:.3f}</td>"
        yield f'<tr><th scope="row">{label}</th>{numbers}</tr>'
    token, byte = now.per_token - whole.per_token, now.per_byte - whole.per_byte
    yield f'<tr><th scope="row">change</th><td>{token:+.3f}</td><td>{byte:+.3f}</td></tr></tbody></table>'
    changes = [after - before for before, after in zip(whole.bits, now.bits, strict=True)]
    yield '<p class="model-line look-line"><span class="model-who">The text: amber tokens became harder to '
    yield "foresee, green ones easier</span>"
    for at, token_read in enumerate(reading.tokens):
        change = changes[at - 1] if at else 0.0
        title = f"{change:+.2f} bits" if at else "the beginning: nothing foresees it"
        yield token_chip(token_read, f'class="model-token {_tone(change)}" title="{title}"', "span")
    yield "</p>"
    yield from _most_changed(reading, whole, now, changes)


def _in_words(whole: Loss, now: Loss, off: Sequence[Part]) -> str:
    change = now.per_token - whole.per_token
    if not off:
        return "Untick a part to leave it out."
    if abs(change) < 0.005:
        return "On this text that changes next to nothing."
    chance = 2.0 ** -abs(change)
    if change > 0:
        return f"On average the right token gets {chance:.2f} times the chance that it had before."
    return (
        f"On average the right token gets {1 / chance:.2f} times the chance: this text goes better without."
    )


def _tone(change: float) -> str:
    """A class for how much a loss changed.

    >>> _tone(0.1), _tone(1.2), _tone(-9)
    ('look-same', 'look-worse-2', 'look-better-4')
    """
    size = abs(change)
    if size < 0.25:
        return "look-same"
    step = sum(size >= bound for bound in (0.25, 1, 2, 4))
    return f"look-{'worse' if change > 0 else 'better'}-{step}"


def _most_changed(reading: Reading, whole: Loss, now: Loss, changes: Sequence[float]) -> Iterator[str]:
    names = named(reading.tokens)
    order = sorted(range(len(changes)), key=lambda at: -abs(changes[at]))[:MOST_CHANGED]
    order = [at for at in order if abs(changes[at]) >= 0.005]
    if not order:
        return
    yield '<table class="look-loss"><caption>The tokens whose loss changed most, in bits</caption><thead><tr>'
    yield '<th scope="col">token</th><th scope="col">whole</th><th scope="col">as ticked</th>'
    yield '<th scope="col">change</th></tr></thead><tbody>'
    for at in order:
        yield (
            f'<tr><th scope="row">{escape(names[at + 1])}</th><td>{whole.bits[at]:.2f}</td>'
            f"<td>{now.bits[at]:.2f}</td><td>{changes[at]:+.2f}</td></tr>"
        )
    yield "</tbody></table>"


def alone_html(
    reading: Reading, groups: Mapping[str, Sequence[Group]], whole: Loss, found: Mapping[str, Loss]
) -> str:
    """A bar for each part left out alone: how many bits a token more (or fewer) it costs."""
    says = f'<h2>Each part left out alone</h2><p class="model-says">On the text “{escape(reading.text)}”.</p>'
    return "\n".join([says, *_alone(groups, whole, found)])


def _alone(groups: Mapping[str, Sequence[Group]], whole: Loss, found: Mapping[str, Loss]) -> Iterator[str]:
    changes = {label: loss.per_token - whole.per_token for label, loss in found.items()}
    largest = max((abs(change) for change in changes.values()), default=0) or 1
    for title, members in groups.items():
        there = [one for one in members if one.label in changes]
        if not there:
            continue
        yield f'<table class="look-bars"><caption>{escape(title)}: bits per token that leaving it out '
        yield "costs</caption><tbody>"
        for one in sorted(there, key=lambda one: -changes[one.label]):
            change = changes[one.label]
            yield (
                f'<tr><th scope="row">{escape(one.label)}</th><td>{_bar(change / largest)}</td>'
                f"<td>{change:+.3f}</td></tr>"
            )
        yield "</tbody></table>"


def _bar(share: float) -> str:
    """A bar to the right of the middle for what costs, to the left for what helps when it is gone."""
    width = 50 * abs(share)
    kind, x = ("look-worse", 50.0) if share > 0 else ("look-better", 50 - width)
    return (
        '<svg class="look-bar" viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true">'
        f'<rect class="{kind}" x="{x:.2f}" width="{width:.2f}" height="8"/>'
        '<path d="M50 0v8" stroke="currentColor" stroke-width="0.5"/></svg>'
    )
