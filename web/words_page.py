"""The page on which tokens lie on a map: the drawing, and what the page shows of one word before a search.

The site's build has put every token's place on the map, and its nearest neighbours, into a file
(`embeddings` in `assets/model/model.json`); the script `web/src/words_map.ts` fetches it at the first search.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tools.core.markup import escape
from tools.live.chips import token_text
from web import model_files

WIDTH, HEIGHT, MARGIN = 640, 460, 26
SIZE, LETTER = 11, 6.4  # of a label, and about how wide a letter of it is
MOST_LABELS = 300
WITHOUT_SCRIPT = "Searching needs JavaScript. Without it, the page shows one word."
WORDS = ("king", "sea", "mother", "three", "said", "was", "red", "house", "dog", "day")
EXAMPLES = 6


class Map:
    """The file of embeddings, and where on the drawing a token lies."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.ids: list[int] = data["ids"]
        self.texts: list[str] = data["texts"]
        self.near: list[list[int]] = data["neighbours"]
        self.cosines: list[list[float]] = data["similarity"]
        self.shares: list[float] = data["variance"]
        self.at = {token_id: at for at, token_id in enumerate(self.ids)}
        self.left, self.low = min(data["x"]), min(data["y"])
        self.scale_x = (WIDTH - 2 * MARGIN) / (max(data["x"]) - self.left)
        self.scale_y = (HEIGHT - 2 * MARGIN) / (max(data["y"]) - self.low)
        self.spots = [self._spot(x, y) for x, y in zip(data["x"], data["y"], strict=True)]

    def _spot(self, x: float, y: float) -> tuple[float, float]:
        """Up is up on the drawing, too."""
        return MARGIN + (x - self.left) * self.scale_x, HEIGHT - MARGIN - (y - self.low) * self.scale_y

    def find(self, word: str) -> int | None:
        """The place in the lists of a word, as it stands within a text or at its beginning."""
        return next((self.texts.index(one) for one in (f" {word}", word) if one in self.texts), None)


def words() -> str:
    """The page."""
    folder = model_files.made_files()
    about = json.loads((folder / model_files.LIST).read_text(encoding="utf-8"))
    name = about["files"]["embeddings"]["name"]
    data = json.loads((folder / name).read_text(encoding="utf-8"))
    return "\n".join(_words(Map(data), name, about["files"]["embeddings"]["bytes"]))


def _words(found: Map, name: str, n_bytes: int) -> Iterator[str]:
    there = [word for word in WORDS if found.find(word) is not None][:EXAMPLES]
    chosen = found.find(there[0]) if there else 0
    place = chosen or 0
    numbers = (MARGIN, HEIGHT - MARGIN, found.left, found.low, found.scale_x, found.scale_y)
    scale = " ".join(f"{number:.6g}" for number in numbers)
    yield f'<div class="words-map" data-file="assets/model/{name}" data-scale="{scale}">'
    yield '<form aria-label="A word to find" autocomplete="off">'
    yield f'<noscript><p class="tool-note">{WITHOUT_SCRIPT}</p></noscript>'
    yield '<fieldset class="model-controls look-controls" disabled><div class="model-ask">'
    yield '<label for="words-word">A word, or a piece of one</label>'
    word = escape(found.texts[place].strip())
    yield f'<input type="text" id="words-word" name="word" maxlength="40" value="{word}">'
    yield '<div class="model-row"><button type="submit" class="live-button live-run">Find it</button></div>'
    yield '<div class="model-row model-examples"><span>Try</span>'
    yield "".join(
        f'<button type="button" class="live-button" name="example">{escape(word)}</button>' for word in there
    )
    yield "</div></div></fieldset></form>"
    megabytes = f"{n_bytes / 1e6:.1f} MB"
    yield f'<p class="tool-private">The first search fetches {megabytes}. No model is needed here.</p>'
    yield '<p class="model-status" role="status"></p>'
    near = near_html(found, place)
    yield f'<div class="words-both"><div class="words-place" aria-live="polite">{near}</div>'
    yield '<div class="look-scroll words-drawing" role="region" tabindex="0" aria-label="the map">'
    yield drawing(found, place)
    yield "</div></div>"
    both = sum(found.shares)
    yield (
        f'<p class="model-note">The two directions of the map keep {found.shares[0]:.1%} and '
        f"{found.shares[1]:.1%} of the differences between the {len(found.ids):,} tokens (their variance), "
        f"{both:.1%} together; the other {1 - both:.1%} are not to be seen. So two tokens that lie side by "
        "side here may be far apart, and the list counts in all directions.</p>"
    )
    yield "</div>"


def near_html(found: Map, place: int) -> str:
    """A token's nearest, as the script shows them, too."""
    pairs = zip(found.near[place], found.cosines[place], strict=True)
    rows = "".join(_near(found, token_id, cosine) for token_id, cosine in pairs)
    name = f'<span class="model-token">{_name(found, found.ids[place])}</span>'
    return (
        f'<p class="model-says">{name} is token {found.ids[place]}. Most like '
        "it are, by the cosine of the angle between them (1 is the same direction, 0 a right angle):</p>"
        f'<table class="look-bars look-near"><tbody>{rows}</tbody></table>'
    )


def _near(found: Map, token_id: int, cosine: float) -> str:
    return (
        f'<tr><th scope="row"><button type="button" class="model-token" data-token="{token_id}">'
        f'{_name(found, token_id)}</button></th><td><svg class="look-bar" viewBox="0 0 100 8" '
        f'preserveAspectRatio="none" aria-hidden="true"><rect class="look-worse" '
        f'width="{100 * max(0, cosine):.0f}" height="8"/></svg></td><td>{cosine:.2f}</td></tr>'
    )


def _name(found: Map, token_id: int) -> str:
    return token_text({"text": found.texts[found.at[token_id]], "special": False})


def drawing(found: Map, chosen: int) -> str:
    """All tokens as dots, frequent words that have room by name, one word with lines to its nearest."""
    dots = "".join(f"M{x:.0f} {y:.0f}h0" for x, y in found.spots)
    labels = "".join(
        f'<text x="{x:.0f}" y="{y:.0f}">{escape(text.strip())}</text>' for x, y, text in _labels(found)
    )
    near = ", ".join(found.texts[found.at[one]].strip() for one in found.near[chosen])
    said = f"{len(found.ids):,} tokens in two dimensions; {found.texts[chosen].strip()} has lines to {near}"
    return (
        f'<svg class="words" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Words on a map" '
        f'font-size="{SIZE}"><desc>{escape(said)}</desc><path class="words-dots" d="{dots}"/>'
        f'<g class="words-names">{labels}</g>'
        f'<g class="words-found">{marked(found, chosen)}</g></svg>'
    )


def marked(found: Map, chosen: int) -> str:
    """A word, its nearest, and the lines between."""
    x, y = found.spots[chosen]
    near = [found.at[one] for one in found.near[chosen]]
    lines = "".join(f"M{x:.1f} {y:.1f}L{found.spots[at][0]:.1f} {found.spots[at][1]:.1f}" for at in near)
    names = "".join(_mark(found, at, "words-near") for at in near) + _mark(found, chosen, "words-chosen")
    return f'<path class="words-lines" d="{lines}"/>{names}'


def _mark(found: Map, at: int, kind: str) -> str:
    x, y = found.spots[at]
    anchor = "end" if x > WIDTH * 0.8 else "start"
    return (
        f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/><text class="{kind}" '
        f'x="{x + (-5 if anchor == "end" else 5):.1f}" y="{y + 4:.1f}" text-anchor="{anchor}">'
        f"{escape(found.texts[at].strip())}</text>"
    )


def _labels(found: Map) -> Iterator[tuple[float, float, str]]:
    """Whole words, the most frequent first (a tokenizer learns them first), where no other stands."""
    taken: list[tuple[float, float, float, float]] = []
    for (x, y), text in zip(found.spots, found.texts, strict=True):
        word = text[1:]
        if not (text.startswith(" ") and word.isalpha() and len(word) > 2) or len(taken) == MOST_LABELS:
            continue
        wide = LETTER * len(word)
        box = (x - wide / 2, y - SIZE, x + wide / 2, y + 2)
        inside = box[0] > 0 and box[2] < WIDTH and box[1] > 0
        if inside and not any(_meet(box, other) for other in taken):
            taken.append(box)
            yield x, y, text


def _meet(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
