"""The figures of guide 2. Each is computed: the tokens in a picture are what the project's own code makes of its text."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import log2

from nanochat.model.config import GPTConfig
from nanochat.model.counting import EMBEDDING, HEAD, VALUE_EMBEDDING, count_parameters
from nanochat.tokenizer import bpe, split
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import Tokenizer, published_tokenizer, sample_tokenizer
from web.figures import tokenization_data as data
from web.figures.svg import Plot, Svg

# The example of the guide that is worked by hand.
HAND_WORDS = {"rain": 5, "train": 3, "brain": 2, "ran": 2, "rains": 1}
HAND_MERGES = 5

LETTER = 7.9  # how wide a letter of the code font is at size 13
WIDTH = 460


def visible(piece: str) -> str:
    """A piece with its spaces and line ends made visible.

    >>> visible(" the\\n")
    '␣the↵'
    """
    return piece.replace(" ", "␣").replace("\n", "↵")


class Strip:
    """Pieces as boxes in a row, a small note under each, with a new row where the drawing ends.

    The boxes are laid out before there is a drawing, because its height follows from the number of rows.

    >>> strip = Strip(["I", " am"], notes=["40", "716"])
    >>> strip.height
    50
    """

    def __init__(
        self, pieces: Sequence[str], notes: Sequence[str] = (), tones: Sequence[int] = (), left: float = 4
    ) -> None:
        self.boxes: list[tuple[float, float, float, str, str, int]] = []
        step = 58 if notes else 38
        x, y = left, 0.0
        for number, piece in enumerate(pieces):
            text, note = visible(piece), notes[number] if notes else ""
            width = max(LETTER * len(text) + 9, 6.8 * len(note) + 2)
            if x + width > WIDTH - 4 and x > left:
                x, y = left, y + step
            self.boxes.append((x, y, width, text, note, tones[number] if tones else 1 + number % 6))
            x += width + 4
        self.height = int(y) + (50 if notes else 32)

    def draw(self, drawing: Svg, top: float) -> None:
        """Put the boxes into `drawing`, the first row at `top`."""
        for x, y, width, text, note, tone in self.boxes:
            drawing.box(x, top + y, width, 28, text, tone=tone, mono=True, round=4)
            if note:
                drawing.text(
                    x + width / 2, top + y + 43, note, anchor="middle", size=11, kind="muted", mono=True
                )


def strip_figure(
    name: str,
    pieces: Sequence[str],
    notes: Sequence[str] = (),
    *,
    title: str,
    caption: str,
    tones: Sequence[int] = (),
) -> str:
    """A figure that is one strip of pieces.

    >>> "␣am" in strip_figure("am", ["I", " am"], title="Two pieces", caption="Two pieces.")
    True
    """
    strip = Strip(pieces, notes, tones)
    shown = ", ".join(
        repr(piece) + (f" is {note}" if note else "")
        for piece, note in zip(pieces, notes or [""] * len(pieces), strict=True)
    )
    drawing = Svg(name, WIDTH, strip.height + 4, title=title, description=f"{len(pieces)} pieces: {shown}.")
    strip.draw(drawing, 2)
    return drawing.figure(caption)


def three_ways() -> str:
    """Characters, words and learned tokens: how large the vocabulary, how long the text."""
    letters, whole_words = data.characters(), data.words()
    rows = [
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
        largest = max(row[1 + column] for row in rows)
        drawing.text(4, top, heading, kind="strong")
        for number, row in enumerate(rows):
            y, width = top + 12 + 28 * number, 240 * row[1 + column] / largest
            drawing.text(104, y + 11, row[0], anchor="end", middle=True, size=12)
            drawing.bar(110, y, max(width, 1), 20, tone=number + 1)
            drawing.text(116 + width, y + 11, f"{row[1 + column]:,}", middle=True, size=12, kind="muted")
    return drawing.figure(
        "Shorter is better in both halves. Characters need few entries but long sequences; words the "
        "other way round. A learned vocabulary is near the best in both, and nothing is unknown to it."
    )


def utf8_bytes() -> str:
    """Each character with its code point and its bytes; the fixed marker bits apart from the payload."""
    characters = "Aé€🙂"
    drawing = Svg(
        "utf8-bytes",
        WIDTH,
        26 + 56 * len(characters),
        title="One to four bytes for a character",
        description=" ".join(
            f"{letter} is code point {ord(letter)} and bytes {list(letter.encode())}."
            for letter in characters
        ),
    )
    for x, heading in ((24, "character"), (92, "code point"), (140, "bytes: the number, and its eight bits")):
        drawing.text(x, 14, heading, size=11, kind="muted", anchor="start" if x == 140 else "middle")
    for row, letter in enumerate(characters):
        y = 26 + 56 * row
        drawing.text(24, y + 22, letter, anchor="middle", middle=True, size=22)
        drawing.text(92, y + 22, f"U+{ord(letter):04X}", anchor="middle", middle=True, mono=True, size=12)
        for number, byte in enumerate(letter.encode()):
            bits, kept = f"{byte:08b}", _marker_bits(byte)
            x = 140 + 80 * number
            drawing.box(x, y, 74, 44, tone=3 if number else 1, round=4)
            drawing.text(x + 37, y + 17, str(byte), anchor="middle", kind="strong")
            drawing.text(x + 37, y + 35, f"{bits[:kept]} {bits[kept:]}", anchor="middle", mono=True, size=12)
    return drawing.figure(
        "The bits before the gap say what kind of byte it is: <code>0</code> a byte that stands alone, "
        "<code>110</code>, <code>1110</code>, <code>11110</code> the first of two, three, four, and "
        "<code>10</code> one that continues. The bits after it, joined, are the code point."
    )


def _marker_bits(byte: int) -> int:
    """How many leading bits of a UTF-8 byte only say what kind of byte it is.

    >>> [_marker_bits(byte) for byte in "A€".encode()]
    [1, 4, 2, 2]
    """
    return f"{byte:08b}".index("0") + 1


def hand_merges() -> list[bpe.Merge]:
    """The merges of the example by hand: each word alone, so that no merge crosses two words.

    >>> [merge.joined.decode() for merge in hand_merges()]
    ['ra', 'in', 'rain', 'train', 'brain']
    """
    return bpe.train([word for word, times in HAND_WORDS.items() for _ in range(times)], HAND_MERGES)


def hand_tokens(merges: int) -> dict[str, list[str]]:
    """How each word of the example is cut after so many merges.

    >>> hand_tokens(2)["trains"]
    ['t', 'ra', 'in', 's']
    """
    ranks = bpe.ranks_of(hand_merges()[:merges])
    return {
        word: [part.decode() for part in bpe.merge_steps(word.encode(), ranks)[-1].parts]
        for word in (*HAND_WORDS, "trains", "drains")
    }


def hand_steps() -> str:
    """The five words after each merge, with the total number of tokens falling."""
    rows = ["start: every letter is a token"]
    rows += [
        f"merge {number}: {merge.left.decode()} + {merge.right.decode()} → {merge.joined.decode()}, "
        f"{merge.count} times"
        for number, merge in enumerate(hand_merges(), start=1)
    ]
    totals = [
        sum(len(hand_tokens(step)[word]) * times for word, times in HAND_WORDS.items())
        for step in range(len(rows))
    ]
    drawing = Svg(
        "hand-steps",
        WIDTH,
        58 * len(rows),
        title="Byte-pair encoding, five merges by hand",
        description=". ".join(f"{row}; {total} tokens" for row, total in zip(rows, totals, strict=True))
        + ".",
    )
    learned = {merge.joined.decode(): number for number, merge in enumerate(hand_merges(), start=1)}
    for step, (row, total) in enumerate(zip(rows, totals, strict=True)):
        y = 58 * step + 14
        drawing.text(4, y, row, kind="strong" if step else "ink", size=12)
        drawing.text(WIDTH - 4, y, f"{total} tokens", anchor="end", size=12, kind="muted")
        x = 4.0
        for word, times in HAND_WORDS.items():
            for part in hand_tokens(step)[word]:
                width = LETTER * len(part) + 6
                drawing.box(x, y + 8, width, 24, part, tone=learned.get(part, 0), mono=True, round=3)
                x += width + 1
            drawing.text(x + 1, y + 24, f"×{times}", size=11, kind="muted")
            x += 25
    return drawing.figure(
        f"Five merges take {totals[0]} tokens down to {totals[-1]}. Grey boxes are single bytes; a "
        "coloured box is a token that a merge made. At merge 2 two pairs are equally common: the tie "
        "goes to the pair with the lower ids."
    )


def merge_tree() -> str:
    """The merges inside one word as a tree: leaves are bytes, each node is a token."""
    word, ranks = "trains", bpe.ranks_of(hand_merges())
    steps = bpe.merge_steps(word.encode(), ranks)
    left, gap, base = 40, 72, 4 + 52 * (len(steps) - 1)
    drawing = Svg(
        "merge-tree",
        WIDTH,
        base + 60,
        title=f"How {word} is merged",
        description="; ".join(" ".join(part.decode() for part in step.parts) for step in steps) + ".",
    )
    # Each current part is (centre x, top y, text); a merge joins two of them under a new node.
    nodes = [(left + gap * number, base, letter) for number, letter in enumerate(word)]
    leaves = list(nodes)
    for number, step in enumerate(steps[:-1], start=1):
        assert step.at is not None and step.rank is not None
        one, two = nodes[step.at : step.at + 2]
        x, y = (one[0] + two[0]) / 2, base - 52 * number
        for child in (one, two):
            drawing.line(child[0], child[1], x, y + 30, tone=number)
        text = one[2] + two[2]
        drawing.box(x - 34, y, 68, 30, f"{text} {step.rank}", tone=number, mono=True, round=4, size=12)
        drawing.text(x + 40, y + 15, f"step {number}", middle=True, size=11, kind="muted")
        nodes[step.at : step.at + 2] = [(x, y, text)]
    for x, y, letter in leaves:
        drawing.box(x - 16, y, 32, 30, letter, mono=True, round=4)
        drawing.text(x, y + 45, str(ord(letter)), anchor="middle", size=11, kind="muted", mono=True)
    tokens = " and ".join(f"<code>{node[2]}</code>" for node in nodes)
    return drawing.figure(
        f"From the bytes of <code>{word}</code> upwards. No merge reaches further, so the word "
        f"becomes {len(nodes)} tokens: {tokens}."
    )


def split_pieces() -> str:
    """The pieces that the project's split pattern makes of a sentence."""
    pieces = split.NANOCHAT.split("We can't wait: 2026 brought\n12345 new trains!")
    return strip_figure(
        "split-pieces",
        pieces,
        title="A sentence cut by the split pattern",
        caption=(
            f"{len(pieces)} pieces; ␣ is a space and ↵ a line break. Merges happen inside a box and never across two."
        ),
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
            f"{size:,} tokens: {2**0 * data.bytes_per_token(size):.2f} bytes per token" for size in data.SIZES
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
        drawing.text(x, y - 9, f"{point[1]:.2f}", anchor="middle", size=11)
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
        66 + 40 * len(rows),
        title="The share of a model that its vocabulary takes",
        description=". ".join(
            f"Depth {depth}: {total / 1e6:.0f} million parameters, {tables / total:.0%} in embedding and head, "
            f"{values / total:.0%} in value embeddings"
            for depth, tables, values, total in rows
        )
        + ".",
    )
    for x, tone, label in (
        (4, 1, "embedding and head"),
        (158, 6, "value embeddings"),
        (294, 0, "all the rest"),
    ):
        drawing.box(x, 4, 14, 14, tone=tone, round=2)
        drawing.text(x + 20, 11, label, middle=True, size=12)
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


def pieces_and_ids(tokenizer: Tokenizer, text: str) -> tuple[list[str], list[str]]:
    """The tokens of a text as pictures show them; a byte that is no whole character shows as its number in hex.

    >>> pieces_and_ids(published_tokenizer("gpt2"), "Hello world")
    (['Hello', ' world'], ['15496', '995'])
    """
    ids = tokenizer.encode(text)
    return [shown(tokenizer.token_bytes(token)) for token in ids], [str(token) for token in ids]


def shown(token: bytes) -> str:
    """The bytes of a token as text, or in hex where they are no whole characters.

    >>> shown(b" the"), shown(b"\\xf0\\x9f")
    (' the', 'f09f')
    """
    try:
        return token.decode()
    except UnicodeDecodeError:
        return token.hex()


def gpt2_sentence() -> str:
    """A sentence as GPT-2 sees it: pieces, and their ids."""
    text = "Tokenizers cut text into pieces."
    pieces, ids = pieces_and_ids(published_tokenizer("gpt2"), text)
    return strip_figure(
        "gpt2-sentence",
        pieces,
        ids,
        title="A sentence as GPT-2 sees it",
        caption=(
            f"{len(text)} characters become {len(ids)} tokens. ␣ is a space: it belongs to the piece after it. The "
            "numbers below are what the model gets."
        ),
    )


def spelling() -> str:
    """One word with and without a space, in capitals: other tokens each time."""
    word = "strawberry"
    variants = [word, f" {word}", word.capitalize(), word.upper()]
    drawing = Svg(
        "spelling",
        WIDTH,
        62 * len(variants) + 6,
        title=f"Four ways to write {word}",
        description=" ".join(
            f"{variant!r} is {pieces_and_ids(published_tokenizer('cl100k_base'), variant)}."
            for variant in variants
        ),
    )
    for row, variant in enumerate(variants):
        pieces, ids = pieces_and_ids(published_tokenizer("cl100k_base"), variant)
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
        "the United Nations' translations. Newer vocabularies are larger and were learned from more languages."
    )


def chat_mask() -> str:
    """A question and an answer with a tool call as tokens, coloured by who writes them."""
    tokenizer = sample_tokenizer()
    answer = [{"type": "text", "text": "It is "}, {"type": "python", "text": "12*7"},
              {"type": "python_output", "text": "84"}, {"type": "text", "text": "84 miles."}]
    ids, mask = render_conversation(tokenizer, {"messages": [
        {"role": "user", "content": "Is it far?"}, {"role": "assistant", "content": answer}]})
    pieces = [tokenizer.decode([token]) for token in ids]
    strip = Strip(pieces, [str(learn) for learn in mask], [3 if learn else 0 for learn in mask])
    drawing = Svg("chat-mask", WIDTH, strip.height + 34, title="A chat as tokens, with its mask",
                  description=", ".join(f"{piece} {learn}" for piece, learn in zip(pieces, mask, strict=True)) + ".")
    for x, tone, label in ((4, 3, "1: the model learns to write it"), (232, 0, "0: others write it")):
        drawing.box(x, 4, 14, 14, tone=tone, round=2)
        drawing.text(x + 20, 11, label, middle=True, size=12)
    strip.draw(drawing, 30)
    return drawing.figure(f"The mask stands under each token. Of {len(mask)} tokens the model learns {sum(mask)}: the "
                          "assistant's words, its code with the markers, and the end of its turn.")
