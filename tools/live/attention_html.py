"""The attention of every head as HTML: a button with a small map for each, one head large, and its tokens.

A script shows where a token looks by what its button carries: a shade for each token, and the words. So
pointing costs no question to Python. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tools.attention.drawing import map_cells, short, told
from tools.attention.measures import Scores, measure_all
from tools.attention.patterns import NONE, patterns_of
from tools.attention.tokens import named
from tools.attention.trace import PARTS, Trace
from tools.attention.view import Place, head_name
from tools.core.drawing import heatmap
from tools.core.markup import escape
from tools.core.report import Heatmap
from tools.live.chips import token_chip

MOST_TOLD = 6
MANY = 28  # from so many tokens on a map scrolls, so that its names can be read


class Heads:
    """A trace with what its heads look like, worked out once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self.names = named(trace.tokens)
        self.scores = measure_all(trace, near=min(trace.windows))

    def patterns(self, place: Place) -> list[str]:
        """The named patterns of a head."""
        repeated = self.trace.repeated
        on_random = repeated.induction[place[0]][place[1]] if repeated else None
        return patterns_of(self.scores[place], on_random)

    def first(self) -> Place:
        """The head to begin with: the one that looks most at one kind of place further back."""

        def repeats(place: Place) -> float:
            scores = self.scores[place]
            return max(scores.same or 0, scores.induction or 0, scores.previous)

        return max(self.scores, key=repeats)


def maps_html(heads: Heads, chosen: Place) -> str:
    """A table with a row for each layer: a head's map, its name, the pattern it shows."""
    return "\n".join(_maps(heads, chosen))


def _maps(heads: Heads, chosen: Place) -> Iterator[str]:
    trace = heads.trace
    yield '<table class="look-heads"><caption class="report-hidden">All heads</caption><thead><tr><td></td>'
    yield "".join(f'<th scope="col">head {head + 1}</th>' for head in range(trace.n_head))
    yield "</tr></thead><tbody>"
    for layer in range(trace.n_layer):
        yield f'<tr><th scope="row">layer {layer + 1}</th>'
        yield from (_map(heads, (layer, head), chosen) for head in range(trace.n_head))
        yield "</tr>"
    yield "</tbody></table>"


def _map(heads: Heads, place: Place, chosen: Place) -> str:
    layer, head = place
    pattern = ", ".join(heads.patterns(place)) or NONE
    n_tokens = len(heads.trace.tokens)
    drawn = "".join(map_cells(heads.trace.weights[layer][head], range(n_tokens)))
    pressed = "true" if place == chosen else "false"
    return (
        f'<td><button type="button" class="look-map" data-layer="{layer}" data-head="{head}" '
        f'aria-pressed="{pressed}"><svg viewBox="0 0 {n_tokens} {n_tokens}" aria-hidden="true">{drawn}</svg>'
        f"<span>{head_name(place)}</span> <small>{pattern}</small></button></td>"
    )


def head_html(heads: Heads, place: Place, chosen: int) -> str:
    """One head: its measures in words, its tokens as buttons, and its map with names."""
    return "\n".join(_head(heads, place, chosen))


def _head(heads: Heads, place: Place, chosen: int) -> Iterator[str]:
    trace, names = heads.trace, heads.names
    rows = trace.weights[place[0]][place[1]]
    yield f"<h2>Head {head_name(place)}</h2>"
    yield f'<p class="model-says">{_looks_like(heads, place)}</p>'
    yield '<p class="model-note">Point at a token, or go to it with Tab: the stronger the colour of another, '
    yield "the more it is looked at.</p>"
    yield '<p class="model-line look-line">'
    for at, token in enumerate(trace.tokens):
        row = rows[at]
        says = escape(told(names, row, _most(row)))
        pressed = "true" if at == chosen else "false"
        shade = _shade(rows[chosen][at] if at <= chosen else 0)
        yield token_chip(
            token,
            f'class="model-token look-token" data-shade="{shade}" data-shades="{"".join(map(_shade, row))}" '
            f'data-told="{says}" aria-pressed="{pressed}"',
        )
    yield "</p>"
    said = escape(told(names, rows[chosen], _most(rows[chosen])))
    yield f'<p class="look-told" aria-live="polite">{said}</p>'
    many = " look-many" if len(names) > MANY else ""
    yield f'<div class="report look-heat{many}" role="region" tabindex="0" aria-label="the map of the head">'
    yield f'<figure class="report-chart">{_large(heads, place)}<figcaption>Each row is a token that looks, '
    yield "each column one that is looked at. A token sees itself and what stands before it.</figcaption>"
    yield "</figure></div>"


def _most(row: Sequence[int]) -> list[int]:
    """The places that get most."""
    return sorted(range(len(row)), key=lambda at: -row[at])[:MOST_TOLD]


def _shade(parts: int) -> str:
    """A digit for how dark a token is; what is next to nothing stays white.

    >>> _shade(0), _shade(1_500), _shade(30_000), _shade(PARTS)
    ('0', '0', '3', '9')
    """
    share = parts / PARTS
    return "0" if share < 0.02 else str(min(9, 1 + int(9 * share)))


def _large(heads: Heads, place: Place) -> str:
    trace, names = heads.trace, [short(name) for name in heads.names]
    rows, window = trace.weights[place[0]][place[1]], trace.windows[place[0]]
    places = range(len(names))
    values = [[rows[t][at] / PARTS if at <= t < at + window else None for at in places] for t in places]
    return heatmap(Heatmap("weights", f"Head {head_name(place)}", names, names, values, high=1.0))


def _looks_like(heads: Heads, place: Place) -> str:
    """The measures of a head, in a sentence."""
    found = [f"<b>{escape(one)}</b>" for one in heads.patterns(place)]
    what = " and ".join(found) if found else f"<b>{NONE}</b>: no single pattern"
    return f"What it looks like on this text: {what}. {_shares(heads, place, heads.scores[place])}"


def _shares(heads: Heads, place: Place, scores: Scores) -> str:
    shares: Sequence[tuple[str, float | None]] = (
        ("the token before", scores.previous),
        ("the first token", scores.first),
        ("itself", scores.itself),
        ("earlier tokens that are the same", scores.same),
        ("what followed those", scores.induction),
    )
    said = ", ".join(f"{share:.2f} to {what}" for what, share in shares if share is not None)
    text = f"On average a token gives {said}."
    if heads.trace.repeated is None:
        return text
    random = heads.trace.repeated.induction[place[0]][place[1]]
    return f"{text} On random tokens that come twice it gives {random:.2f} to what followed the first time."
