"""The figures of guide 1. Every number in them is computed here, with the same rules the guide teaches.

>>> bigram_counts()["the"]
{'cat': 3, 'mat': 2, 'dog': 2, 'rug': 1}
>>> [round(w, 3) for w in descent_path(rate=0.1, steps=3)]
[0.0, 1.5, 2.25, 2.625]
"""

from __future__ import annotations

import math
from itertools import pairwise

from web.figures.svg import Plot, Svg

TEXT = "the cat sat on the mat . the dog sat on the rug . the cat saw the dog . the cat saw the mat ."
STAGES = (  # what happens, the folder that does it, the guide that teaches it, tone
    ("Collect and pack text", "nanochat/data/", "guide 4", 5),
    ("Cut text into tokens", "nanochat/tokenizer/", "guide 2", 1),
    ("Build the network", "nanochat/model/", "guide 3", 4),
    ("Pretrain on plain text", "nanochat/train/", "guide 4", 2),
    ("Fine-tune on chats", "nanochat/train/", "guide 4", 2),
    ("Improve by rewards", "nanochat/train/", "guide 4", 2),
    ("Measure how good it is", "nanochat/evaluation/", "guide 7", 3),
    ("Write text, token by token", "nanochat/inference/", "guide 5", 6),
    ("Let it use a calculator", "nanochat/toolbox/", "guide 6", 6),
    ("Chat with it", "nanochat/serve/", "guide 8", 6),
)


def bigram_counts() -> dict[str, dict[str, int]]:
    """How often each word of TEXT is followed by each other word."""
    words = TEXT.split()
    counts: dict[str, dict[str, int]] = {}
    for word, following in pairwise(words):
        row = counts.setdefault(word, {})
        row[following] = row.get(following, 0) + 1
    return counts


def loss(w: float) -> float:
    """The taxi example's loss: the mean squared error of `w * x` on (1, 3) and (2, 6)."""
    return ((w * 1 - 3) ** 2 + (w * 2 - 6) ** 2) / 2


def slope(w: float) -> float:
    """The slope of `loss` at `w`."""
    return (2 * 1 * (w * 1 - 3) + 2 * 2 * (w * 2 - 6)) / 2


def descent_path(rate: float, steps: int) -> list[float]:
    """The values of w that gradient descent visits, from 0 on."""
    path = [0.0]
    for _ in range(steps):
        path.append(path[-1] - rate * slope(path[-1]))
    return path


def next_token() -> str:
    """The probabilities of the word after 'the', as bars."""
    row = bigram_counts()["the"]
    total = sum(row.values())
    said = ", ".join(f"{word} {count / total:.1%}" for word, count in row.items())
    pic = Svg(
        "next-token",
        420,
        200,
        title="A guess about the next word",
        description=f"The text 'the cat saw the' goes into a language model. Out comes a probability "
        f"for each next word: {said}.",
    )
    pic.box(10, 10, 150, 36, "the cat saw the …", tone=1, mono=True)
    pic.arrow(160, 28, 190, 28)
    pic.box(192, 10, 128, 36, "language model", tone=4)
    pic.arrow(256, 46, 256, 66)
    for place, (word, count) in enumerate(row.items()):
        y = 72 + 31 * place
        pic.text(92, y + 12, word, anchor="end", middle=True, mono=True)
        pic.bar(102, y, 560 * count / total, 24, tone=1)
        pic.text(110 + 560 * count / total, y + 12, f"{count / total:.1%}", middle=True, kind="strong")
    return pic.figure(
        "A language model gives every possible next word a probability. "
        "These numbers come from the small model you build below."
    )


def bigram_table() -> str:
    """The whole bigram table as a grid of counts."""
    counts, words = bigram_counts(), list(dict.fromkeys(TEXT.split()))
    cell, left, top = 38, 56, 48
    pic = Svg(
        "bigram-table",
        left + cell * len(words) + 10,
        top + cell * len(words) + 10,
        title="The bigram table: which word follows which",
        description="One row for each word, one column for each next word. Most cells are 0. "
        "The row of 'the' holds cat 3, mat 2, dog 2 and rug 1; the row of '.' holds the 3.",
    )
    pic.text(left + cell * len(words) / 2, 14, "next word", anchor="middle", kind="muted", size=12)
    for i, word in enumerate(words):
        pic.text(left + cell * (i + 0.5), top - 10, word, anchor="middle", mono=True, size=12)
        pic.text(left - 8, top + cell * (i + 0.5), word, anchor="end", middle=True, mono=True, size=12)
        for j, following in enumerate(words):
            count = counts.get(word, {}).get(following, 0)
            pic.box(
                left + cell * j + 1,
                top + cell * i + 1,
                cell - 2,
                cell - 2,
                str(count),
                round=3,
                tone=1 if count else 0,
                kind="strong" if count else "muted",
            )
    return pic.figure(
        "The whole model: row = current word, column = next word. Each number is a count from the text."
    )


def generation_loop() -> str:
    """Context, model, probabilities, pick, append: the loop that writes text."""
    pic = Svg(
        "generation-loop",
        440,
        170,
        title="How a model writes",
        description="A loop of four boxes. The text so far goes into the model; the model gives "
        "probabilities; one token is picked; the token is added to the text, and the loop starts again.",
    )
    for x, lines, tone in (
        (8, ["text", "so far"], 1),
        (120, ["model"], 4),
        (232, ["probabi-", "lities"], 3),
        (344, ["pick", "one token"], 2),
    ):
        pic.box(x, 14, 88, 54, lines, tone=tone)
    for x in (96, 208, 320):
        pic.arrow(x, 41, x + 24, 41)
    pic.line(388, 68, 388, 124)
    pic.line(388, 124, 52, 124)
    pic.arrow(52, 124, 52, 70)
    pic.text(
        220, 144, "add the token to the text, and go round again", anchor="middle", kind="muted", size=12
    )
    return pic.figure(
        "A model writes one token at a time. Each new token becomes part of the text for the next guess."
    )


def descent() -> str:
    """The loss of the taxi example as a valley, with the steps of gradient descent on it."""
    path = descent_path(rate=0.1, steps=4)
    said = "; ".join(f"w = {w:g}, loss {loss(w):.2f}" for w in path[:4])
    pic = Svg(
        "descent",
        440,
        280,
        title="Gradient descent walks down the loss curve",
        description=f"A valley-shaped curve of the loss against w, lowest at w = 3. "
        f"Steps from the left: {said}.",
    )
    plot = Plot(
        pic,
        x=(-1, 6.5),
        y=(0, 30),
        area=(46, 26, 380, 206),
        x_label="w, the price per kilometre",
        y_label="loss",
    )
    plot.axes(x_ticks=range(7), y_ticks=(0, 10, 20, 30))
    plot.curve(loss, tone=1, between=(-0.46, 6.46))
    for before, after in pairwise(path[:3]):
        pic.arrow(*plot.at(before, loss(before)), *plot.at(after, loss(after)), tone=2)
    plot.points([(w, loss(w)) for w in path], tone=2, radius=4.5)
    for step, w in enumerate(path[:3]):
        x, y = plot.at(w, loss(w))
        # The first label stands inside the valley, the others in the free corner left of the curve.
        place, anchor = ((x + 10, y + 4), "start") if step == 0 else ((x - 9, y + 8), "end")
        pic.text(*place, f"step {step}: w = {w:g}", size=12, kind="strong", anchor=anchor)
    pic.text(*plot.at(3, 9), "best: w = 3", anchor="middle", size=12, kind="muted")
    pic.arrow(*plot.at(3, 8.2), *plot.at(3, 1.2))
    return pic.figure(
        "Each step goes downhill. Steps shrink by themselves, because the slope gets flatter near the bottom."
    )


def learning_rates() -> str:
    """w over the steps for a small, a good and a too large learning rate."""
    rates = ((0.02, "0.02 slow", 5), (0.1, "0.1 good", 3), (0.42, "0.42 too big", 2))
    ends = {rate: descent_path(rate, 8)[-1] for rate, _, _ in rates}
    pic = Svg(
        "learning-rates",
        440,
        280,
        title="Three learning rates",
        description="The value of w over eight steps; the goal is 3. "
        f"Rate 0.02 creeps up to {ends[0.02]:.2f}. Rate 0.1 reaches {ends[0.1]:.2f}. "
        f"Rate 0.42 jumps back and forth, further each time, and ends at {ends[0.42]:.2f}.",
    )
    plot = Plot(pic, x=(0, 8), y=(-4, 10), area=(40, 26, 292, 206), x_label="step", y_label="w")
    plot.axes(x_ticks=range(9), y_ticks=(-4, 0, 3, 6, 10))
    pic.path([plot.at(0, 3), plot.at(8, 3)], tone=0, dashed=True)
    for rate, _, tone in rates:
        pairs = list(enumerate(descent_path(rate, 8)))
        pic.path((plot.at(*pair) for pair in pairs), tone=tone)
        plot.points(pairs, tone=tone, radius=3)
    for rate, label, tone in rates:
        x, y = plot.at(8, ends[rate])
        pic.text(x + 9, y, label, size=12, kind="label", tone=tone, middle=True)
    return pic.figure("The same problem with three learning rates. The dashed line is the best value, w = 3.")


def computation_graph() -> str:
    """The loss of one example as a graph: values flow right, gradients flow back left."""
    w, x, y = 0.0, 2.0, 6.0
    product = w * x
    error = product - y
    up_error = 2 * error  # the slope of error squared
    up_w = up_error * x  # subtraction passes it on unchanged, multiplication multiplies by the other factor
    pic = Svg(
        "computation-graph",
        440,
        210,
        title="A loss as a graph of small steps",
        description=f"w = {w:g} times x = {x:g} gives {product:g}; minus y = {y:g} gives {error:g}; squared "
        f"gives the loss {error**2:g}. Backwards, the slopes are 1 at the loss, {up_error:g} at the "
        f"difference, {up_error:g} at the product and {up_w:g} at w.",
    )
    boxes = (
        ("w", w, up_w, 8, 30, 1),
        ("x", x, None, 8, 118, 0),
        ("w · x", product, up_error, 122, 74, 4),
        ("y", y, None, 122, 160, 0),
        ("w·x − y", error, up_error, 236, 74, 4),
        ("loss", error**2, 1.0, 350, 74, 2),
    )
    for name, value, gradient, left, top, tone in boxes:
        pic.box(left, top, 82, 40, [name, f"{value:g}"], tone=tone, mono=True, size=12.5)
        if gradient is not None:
            pic.text(
                left + 41, top - 7, f"slope {gradient:g}", anchor="middle", size=12, kind="label", tone=3
            )
    for start, end in (
        ((90, 50), (121, 86)),
        ((90, 138), (121, 102)),
        ((204, 94), (235, 94)),
        ((204, 174), (247, 116)),
        ((318, 94), (349, 94)),
    ):
        pic.arrow(*start, *end)
    pic.text(334, 136, "squared", size=11, kind="muted", anchor="middle")
    return pic.figure(
        "Values are computed from left to right. Slopes (the green numbers above the boxes) are computed "
        "from right to left."
    )


def tiny_network() -> str:
    """One input, four hidden neurons, one output."""
    pic = Svg(
        "tiny-network",
        440,
        250,
        title="A tiny neural network",
        description="One input is joined to four hidden neurons, and these to one output. Each of the eight "
        "lines is a weight; each of the five neurons has a bias: 13 parameters in all.",
    )
    hidden = [(220, 50 + 50 * row) for row in range(4)]
    for x, y in hidden:
        pic.line(72, 125, x - 20, y)
        pic.line(x + 20, y, 368, 125)
    pic.circle(52, 125, 20, "x", tone=1)
    for x, y in hidden:
        pic.circle(x, y, 20, "relu", tone=4, size=11)
    pic.circle(388, 125, 20, "y", tone=2)
    for x, label in ((52, "input"), (220, "hidden layer"), (388, "output")):
        pic.text(x, 238, label, anchor="middle", kind="muted", size=12)
    pic.text(118, 44, "4 weights", anchor="middle", size=12)
    pic.text(330, 44, "4 weights", anchor="middle", size=12)
    return pic.figure(
        "Each line carries one weight. Each circle after the input adds its own bias: "
        "8 weights + 5 biases = 13 parameters."
    )


def softmax_steps() -> str:
    """Three logits become three probabilities."""
    words, logits = ("cat", "mat", "rug"), (2.0, 1.0, 0.0)
    powers = [math.exp(z) for z in logits]
    shares = [power / sum(powers) for power in powers]
    said = ", ".join(f"{word} {share:.3f}" for word, share in zip(words, shares, strict=True))
    pic = Svg(
        "softmax",
        440,
        190,
        title="Softmax: from scores to probabilities",
        description="The scores 2, 1 and 0 become e to their power, 7.39, 2.72 and 1, and divided by "
        f"their sum, {sum(powers):.2f}, the probabilities {said}.",
    )
    for x, label in ((108, "score"), (238, "e to the score"), (370, "probability")):
        pic.text(x, 18, label, anchor="middle", kind="muted", size=12)
    for row, (word, z, power, share) in enumerate(zip(words, logits, powers, shares, strict=True)):
        y = 30 + 42 * row
        pic.text(12, y + 16, word, middle=True, mono=True)
        for x, text, tone in ((68, f"{z:g}", 1), (198, f"{power:.2f}", 5), (330, f"{share:.3f}", 3)):
            pic.box(x, y, 80, 32, text, tone=tone)
        pic.arrow(148, y + 16, 197, y + 16)
        pic.arrow(278, y + 16, 329, y + 16)
    pic.text(238, 174, f"sum {sum(powers):.2f}", anchor="middle", size=12)
    pic.text(370, 174, f"sum {sum(shares):.0f}", anchor="middle", size=12)
    return pic.figure("Softmax makes every score positive, then divides by the sum. The results add up to 1.")


def pipeline() -> str:
    """Every stage of this repository, from raw text to a chat, with its folder and guide."""
    pic = Svg(
        "pipeline",
        440,
        44 * len(STAGES) + 10,
        title="The pipeline of this repository",
        description="Ten stages from top to bottom: "
        + "; ".join(f"{what} ({folder}, {guide})" for what, folder, guide, _ in STAGES)
        + ".",
    )
    for place, (what, folder, guide, tone) in enumerate(STAGES):
        y = 6 + 44 * place
        pic.box(8, y, 424, 32, tone=tone)
        pic.text(18, y + 16, what, middle=True, size=12.5, kind="strong")
        pic.text(220, y + 16, folder, middle=True, size=12, mono=True)
        pic.text(424, y + 16, guide, anchor="end", middle=True, size=12, kind="label", tone=tone)
        if place < len(STAGES) - 1:
            pic.arrow(30, y + 32, 30, y + 44)
    return pic.figure(
        "From raw text to a chat: what happens, in which folder, and in which guide you learn it."
    )
