"""The figures of guide 5 about choosing a token; every probability comes from "
"`nanochat.inference.sampling`."""

from __future__ import annotations

from itertools import pairwise

from nanochat.inference.request import Sampling
from nanochat.inference.sampling import choose, distribution, draw, entropy, softmax
from web.figures.svg import Svg

WIDTH = 460

# The example of the guide: what may come after "The sea was".
WORDS = ("calm", "rough", "cold", "blue", "warm", "empty", "loud", "cheese")
LOGITS = (3.0, 2.5, 2.2, 1.5, 1.0, 0.5, -0.5, -2.0)
CUTS = (
    ("all", Sampling(temperature=1.0)),
    ("top-k 3", Sampling(temperature=1.0, top_k=3)),
    ("top-p 0.9", Sampling(temperature=1.0, top_p=0.9)),
    ("min-p 0.2", Sampling(temperature=1.0, min_p=0.2)),
)


def one_at_a_time() -> str:
    """A text that grows by one token in each round of the loop."""
    text, rounds = ["the", "cat", "saw", "the", "dog", "."], 4
    start = len(text) - rounds
    drawing = Svg(
        "one-at-a-time",
        WIDTH,
        16 + 42 * rounds,
        title="One token at a time",
        description=". ".join(
            f"Round {number}: the model reads {' '.join(text[: start + number - 1])} and "
            f"{text[start + number - 1]} is chosen"
            for number in range(1, rounds + 1)
        )
        + ".",
    )
    drawing.text(4, 14, "round", size=11, kind="muted")
    drawing.text(50, 14, "what the model reads", size=11, kind="muted")
    for number in range(rounds):
        y, x = 26 + 42 * number, 50.0
        drawing.text(20, y + 14, str(number + 1), anchor="middle", middle=True, kind="strong")
        for place, word in enumerate(text[: start + number + 1]):
            width = 8 * len(word) + 16
            new = place == start + number
            if new:
                drawing.arrow(x + 2, y + 14, x + 34, y + 14, tone=3)
                x += 40
            drawing.box(x, y, width, 28, word, tone=3 if new else 1 if place < start else 0, mono=True)
            x += width + 6
    return drawing.figure(
        "The prompt is <code>the cat</code>. Each round reads all that is there and adds one token: the "
        "one after the arrow. In the next round it is read like any other."
    )


def temperatures() -> str:
    """The same logits at three temperatures."""
    shown = (0.5, 1.0, 2.0)
    tables = [softmax(LOGITS, temperature) for temperature in shown]
    return _columns(
        "temperatures",
        [(f"T = {temperature:g}", chances) for temperature, chances in zip(shown, tables, strict=True)],
        title="One list of logits at three temperatures",
        caption=(
            f"Temperature 0.5 gives <em>calm</em> {tables[0][0]:.0%}, temperature 2 only "
            f"{tables[2][0]:.0%}. The order of the words never changes. Entropy, how open the choice is: "
            + ", ".join(f"{entropy(chances):.2f}" for chances in tables)
            + " bits."
        ),
    )


def cuts() -> str:
    """The same distribution, cut in three ways."""
    tables = [(name, distribution(LOGITS, how)) for name, how in CUTS]
    kept = {name: sum(chance > 0 for chance in chances) for name, chances in tables}
    return _columns(
        "cuts",
        tables,
        title="Three ways to cut off the unlikely words",
        caption=(
            f"Top-k 3 keeps {kept['top-k 3']} words, top-p 0.9 keeps {kept['top-p 0.9']}, min-p 0.2 keeps "
            f"{kept['min-p 0.2']}. A dash is a word that is out. The others share its probability, so "
            "each column adds up to 100 %."
        ),
    )


def _columns(name: str, tables: list[tuple[str, list[float]]], *, title: str, caption: str) -> str:
    """Words as rows, one column of bars for each distribution."""
    left, step = 62, (WIDTH - 62) / len(tables)
    longest = step - 46  # room for the figure at the end of a bar
    most = max(max(chances) for _, chances in tables)
    drawing = Svg(
        name,
        WIDTH,
        26 + 24 * len(WORDS),
        title=title,
        description=" ".join(
            f"{heading}: "
            + ", ".join(f"{word} {chance:.0%}" for word, chance in zip(WORDS, chances, strict=True) if chance)
            + "."
            for heading, chances in tables
        ),
    )
    for row, word in enumerate(WORDS):
        drawing.text(left - 8, 37 + 24 * row, word, anchor="end", middle=True)
    for column, (heading, chances) in enumerate(tables):
        x = left + step * column
        drawing.text(x, 14, heading, kind="strong", size=12)
        for row, chance in enumerate(chances):
            y = 28 + 24 * row
            if chance == 0:
                drawing.text(x, y + 9, "–", middle=True, kind="muted")
                continue
            width = max(2, longest * chance / most)
            drawing.bar(x, y, width, 18, tone=1 + column)
            drawing.text(x + width + 4, y + 9, f"{100 * chance:.1f}", middle=True, size=11, kind="muted")
    return drawing.figure(caption)


def stretches() -> str:
    """All probabilities end to end, and four drawn numbers that fall into them."""
    chances = softmax(LOGITS)
    edges = [0.0]
    for chance in chances:
        edges.append(edges[-1] + chance)
    drawn = [draw(seed, 3) for seed in (1, 2, 3, 5)]
    left, width, top = 10, 440, 74
    drawing = Svg(
        "stretches",
        WIDTH,
        132,
        title="From a drawn number to a word",
        description="Stretches from 0 to 1: "
        + ", ".join(
            f"{word} {low:.3f} to {high:.3f}"
            for word, (low, high) in zip(WORDS, pairwise(edges), strict=True)
        )
        + ". "
        + " ".join(f"{number:.2f} falls into {WORDS[choose(chances, number)]}." for number in drawn),
    )
    for number, (word, low) in enumerate(zip(WORDS, edges, strict=False)):
        size = chances[number] * width
        label = word if 8 * len(word) < size else ""
        drawing.box(left + low * width, top, size, 34, label, tone=1 + number % 6, round=2, size=12)
    for one in drawn:
        x = left + one * width
        drawing.text(x, 32, f"{one:.2f}", anchor="middle", mono=True, size=12)
        drawing.arrow(x, 40, x, top - 3)
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = left + tick * width
        drawing.line(x, top + 34, x, top + 40)
        anchor = "start" if tick == 0 else "end" if tick == 1 else "middle"
        drawing.text(x, top + 54, f"{tick:g}", anchor=anchor, size=11, kind="muted")
    drawing.text(left, 14, "numbers drawn by chance", size=11, kind="muted")
    return drawing.figure(
        "Each word owns a stretch as long as its probability. A number drawn from 0 to 1 picks the word "
        "whose stretch it falls into. The narrow stretches at the right belong to the unlikely words."
    )
