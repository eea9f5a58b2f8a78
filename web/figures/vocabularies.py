"""The figures of guide 2 that compare vocabularies: how large they are, what they cost, whom they serve."""

from __future__ import annotations

from itertools import pairwise
from math import log2

from nanochat.model.config import GPTConfig
from nanochat.model.counting import EMBEDDING, HEAD, VALUE_EMBEDDING, count_parameters
from nanochat.tokenizer.tokenizer import published_tokenizer
from web.figures import tokenization_data as data
from web.figures.svg import Plot, Svg
from web.figures.token_strip import WIDTH, Strip, pieces_and_ids


def three_ways() -> str:
    """Characters, words and learned tokens: how large the vocabulary, how long the text."""
    letters, whole_words = data.characters(), data.words()
    rows: list[tuple[str, int, int]] = [
        ("characters", letters["vocabulary"], letters["tokens"]),
        ("words", whole_words["vocabulary"], whole_words["tokens"]),
        ("learned tokens", 4096, data.token_count(4096)),
    ]
    drawing = Svg(
        "three-ways",
        WIDTH,
        236,
        title="Characters, words and learned tokens compared",
        description="; ".join(
            f"{name}: vocabulary {size:,}, text of {length:,} tokens" for name, size, length in rows
        )
        + ".",
    )
    for column, heading in enumerate(("entries in the vocabulary", "tokens in the held-out text")):
        top = 20 + 112 * column
        values = [(size, length)[column] for _, size, length in rows]
        drawing.text(4, top, heading, kind="strong")
        for number, ((name, *_), value) in enumerate(zip(rows, values, strict=True)):
            y, width = top + 12 + 28 * number, 240 * value / max(values)
            drawing.text(104, y + 11, name, anchor="end", middle=True, size=12)
            drawing.bar(110, y, max(width, 1), 20, tone=number + 1)
            drawing.text(116 + width, y + 11, f"{value:,}", middle=True, size=12, kind="muted")
    return drawing.figure(
        "Shorter is better in both halves. Characters need few entries but long sequences; words the "
        "other way round. A learned vocabulary is near the best in both, and nothing is unknown to it."
    )


def compression_chart() -> str:
    """Bytes per token on the held-out text against the size of the vocabulary."""
    points = [(log2(size), data.bytes_per_token(size)) for size in data.SIZES]
    drawing = Svg(
        "compression",
        WIDTH,
        270,
        title="A larger vocabulary makes text shorter, by less and less",
        description="; ".join(
            f"{size:,} tokens: {data.bytes_per_token(size):.2f} bytes per token" for size in data.SIZES
        )
        + ".",
    )
    plot = Plot(drawing, x=(8, 14.2), y=(0, 5.5), area=(40, 24, 400, 190))
    plot.axes(x_ticks=[], y_ticks=[0, 1, 2, 3, 4, 5])
    drawing.text(4, 12, "bytes per token (held-out text)", size=12)
    drawing.text(240, 262, "entries in the vocabulary (each step doubles it)", size=12, anchor="middle")
    drawing.path([plot.at(*point) for point in points], tone=1)
    plot.points(points, tone=2)
    for size, point in zip(data.SIZES, points, strict=True):
        x, y = plot.at(*point)
        drawing.text(x, 230, f"{size:,}", anchor="middle", size=11, kind="muted")
        # The first label would lie on the axis and the rising line: it goes to the lower right of its point.
        at = (x + 18, y + 14) if size == data.SIZES[0] else (x, y - 9)
        drawing.text(*at, f"{point[1]:.2f}", anchor="middle", size=11)
    gains = [after[1] / before[1] - 1 for before, after in pairwise(points)]
    return drawing.figure(
        f"Measured on the held-out countries. The first doubling makes text {gains[0] + 1:.1f} times "
        f"shorter; the last one shortens it by a further {gains[-1] / (1 + gains[-1]):.0%}."
    )


def parameter_bars() -> str:
    """How much of a model of each depth is there only because of its vocabulary."""
    rows = []
    for depth in (4, 8, 12, 20):
        count = count_parameters(GPTConfig.from_depth(depth))
        rows.append((depth, count.of_kind(EMBEDDING, HEAD), count.of_kind(VALUE_EMBEDDING), count.total))
    drawing = Svg(
        "parameter-bars",
        WIDTH,
        44 + 40 * len(rows),
        title="The share of a model that its vocabulary takes",
        description=". ".join(
            f"Depth {depth}: {total / 1e6:.0f} million parameters, {tables / total:.0%} in embedding and "
            f"head, {values / total:.0%} in value embeddings"
            for depth, tables, values, total in rows
        )
        + ".",
    )
    for left, tone, label in (
        (4, 1, "embedding and head"),
        (158, 6, "value embeddings"),
        (294, 0, "all the rest"),
    ):
        drawing.box(left, 4, 14, 14, tone=tone, round=2)
        drawing.text(left + 20, 11, label, middle=True, size=12)
    for number, (depth, tables, values, total) in enumerate(rows):
        y, x = 34 + 40 * number, 62.0
        drawing.text(4, y + 13, f"depth {depth}", middle=True, size=12)
        for part, tone in ((tables, 1), (values, 6), (total - tables - values, 0)):
            width = 300 * part / total
            drawing.box(
                x, y, width, 26, f"{part / total:.0%}" if width > 24 else "", tone=tone, round=2, size=11
            )
            x += width
        drawing.text(370, y + 13, f"{total / 1e6:,.0f} million", middle=True, size=12, kind="muted")
    return drawing.figure(
        "Counted for this project's model with 32,768 tokens. Everything but the last part of a bar grows "
        "with the vocabulary. The deeper the model, the smaller that share."
    )


def spelling() -> str:
    """One word with and without a space, in capitals: other tokens each time."""
    word = "strawberry"
    variants = [word, f" {word}", word.capitalize(), word.upper()]
    cut = {variant: pieces_and_ids(published_tokenizer("cl100k_base"), variant) for variant in variants}
    drawing = Svg(
        "spelling",
        WIDTH,
        62 * len(variants) + 6,
        title=f"Four ways to write {word}",
        description=" ".join(
            f"{variant!r} is "
            + ", ".join(f"{piece!r} {token}" for piece, token in zip(*tokens, strict=True))
            + "."
            for variant, tokens in cut.items()
        ),
    )
    for row, (variant, (pieces, ids)) in enumerate(cut.items()):
        Strip(pieces, ids, left=140).draw(drawing, 62 * row + 4)
        drawing.text(4, 62 * row + 18, f'"{variant}"', middle=True, mono=True, size=12)
    return drawing.figure(
        f"The tokens of <code>{word}</code> in cl100k_base, the vocabulary of GPT-4. The model sees only "
        "the numbers. Nothing in them says which letters a token holds."
    )


def languages() -> str:
    """Tokens that the same sentence takes in ten languages, with three published vocabularies."""
    names = {"gpt2": "GPT-2 (2019)", "cl100k_base": "cl100k_base (2022)", "o200k_base": "o200k_base (2024)"}
    counts = {
        language: [len(published_tokenizer(name).encode(sentence)) for name in names]
        for language, sentence in data.ARTICLE_1.items()
    }
    largest = max(max(row) for row in counts.values())
    drawing = Svg(
        "languages",
        WIDTH,
        34 + 50 * len(counts),
        title="What the same sentence costs in ten languages",
        description=" ".join(
            f"{language}: "
            + ", ".join(
                f"{count} tokens with {name}" for count, name in zip(row, names.values(), strict=True)
            )
            + "."
            for language, row in counts.items()
        ),
    )
    for column, label in enumerate(names.values()):
        drawing.box(4 + 152 * column, 6, 14, 14, tone=(2, 5, 3)[column], round=2)
        drawing.text(24 + 152 * column, 13, label, middle=True, size=12)
    for number, (language, row) in enumerate(counts.items()):
        top = 34 + 50 * number
        drawing.text(74, top + 21, language, anchor="end", middle=True, size=12)
        for column, count in enumerate(row):
            y, width = top + 14 * column, 330 * count / largest
            drawing.bar(82, y, width, 12, tone=(2, 5, 3)[column])
            drawing.text(88 + width, y + 6, str(count), middle=True, size=11, kind="muted")
    return drawing.figure(
        "Tokens for the first sentence of Article 1 of the Universal Declaration of Human Rights (1948), in "
        "the United Nations' translations. Newer vocabularies are larger and learned from more languages."
    )
