"""The figures of guide 2 that show the method; the tokens in each are what the project's own code makes."""

from __future__ import annotations

from nanochat.tokenizer import bpe, split
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import published_tokenizer, sample_tokenizer
from web.figures.svg import Svg
from web.figures.token_strip import LETTER, WIDTH, Strip, pieces_and_ids, strip_figure

# The example of the guide that is worked by hand.
HAND_WORDS = {"rain": 5, "train": 3, "brain": 2, "ran": 2, "rains": 1}
HAND_MERGES = 5


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
            f"{len(text)} characters become {len(ids)} tokens. ␣ is a space: it belongs to the piece after "
            "it. The numbers below are what the model gets."
        ),
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
    nodes = [(float(left + gap * number), base, letter) for number, letter in enumerate(word)]
    leaves = list(nodes)
    for number, step in enumerate(steps[:-1], start=1):
        assert step.at is not None  # only the last step has no merge
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
            f"{len(pieces)} pieces; ␣ is a space and ↵ a line break. Merges happen inside a box, "
            "never across two."
        ),
    )


def chat_mask() -> str:
    """A question and an answer with a tool call as tokens, coloured by who writes them."""
    tokenizer = sample_tokenizer()
    answer = [
        {"type": "text", "text": "It is "},
        {"type": "python", "text": "12*7"},
        {"type": "python_output", "text": "84"},
        {"type": "text", "text": "84 miles."},
    ]
    ids, mask = render_conversation(
        tokenizer,
        {"messages": [{"role": "user", "content": "Is it far?"}, {"role": "assistant", "content": answer}]},
    )
    pieces = [tokenizer.decode([token]) for token in ids]
    strip = Strip(pieces, [str(learn) for learn in mask], [3 if learn else 0 for learn in mask])
    drawing = Svg(
        "chat-mask",
        WIDTH,
        strip.height + 34,
        title="A chat as tokens, with its mask",
        description=", ".join(f"{piece} {learn}" for piece, learn in zip(pieces, mask, strict=True)) + ".",
    )
    for x, tone, label in ((4, 3, "1: the model learns to write it"), (232, 0, "0: others write it")):
        drawing.box(x, 4, 14, 14, tone=tone, round=2)
        drawing.text(x + 20, 11, label, middle=True, size=12)
    strip.draw(drawing, 30)
    return drawing.figure(
        f"The mask stands under each token. Of {len(mask)} tokens the model learns {sum(mask)}: the "
        "assistant's words, its code with the markers, and the end of its turn."
    )
