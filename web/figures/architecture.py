"""The figures of guide 3 that show the parts of the model: the whole, a block, heads, curves, parameters."""

from __future__ import annotations

from math import tanh

from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_parameters
from web.figures.svg import Plot, Svg
from web.figures.token_strip import WIDTH

DEPTH = 12  # the depth whose numbers the guide shows
ARCHITECTURE = GPTConfig.from_depth(DEPTH)


def model_overview() -> str:
    """The whole model, from ids to logits, with one block opened."""
    drawing = Svg(
        "model-overview",
        WIDTH,
        470,
        title="The whole model, and one of its blocks opened",
        description="On the left, from top to bottom: token ids, embedding, norm, "
        f"{DEPTH} blocks one after another, norm, head, soft cap, logits. On the right one block: the stream "
        "is normalised, goes through attention, and is added to itself; then it is normalised, goes through "
        "the MLP, and is added to itself again.",
    )
    centre = 92
    steps = [
        ("token ids", "B, T", 0),
        ("embedding", "B, T, C", 1),
        ("norm", "B, T, C", 3),
        ("block 0", "B, T, C", 2),
        ("…", "", 0),
        (f"block {DEPTH - 1}", "B, T, C", 2),
        ("norm", "B, T, C", 3),
        ("head", "B, T, V", 5),
        ("soft cap", "B, T, V", 6),
    ]
    for row, (name, shape, tone) in enumerate(steps):
        y = 8 + 50 * row
        if name == "…":
            drawing.text(centre, y + 18, "⋮", anchor="middle", middle=True, size=18)
        else:
            drawing.box(centre - 60, y, 120, 32, name, tone=tone)
            drawing.text(centre + 66, y + 16, shape, middle=True, size=11, kind="muted", mono=True)
        drawing.arrow(centre, y + 33, centre, y + 49)
    drawing.text(24, 466, "logits: a score for each possible next token", size=12)

    drawing.box(232, 96, 224, 322, tone=2, dashed=True)
    drawing.text(344, 116, "one block, opened", anchor="middle", kind="strong")
    stream = 268
    drawing.text(stream, 140, "stream", anchor="middle", size=12, kind="label", tone=2)
    for top, name, tone in ((152, "attention", 4), (280, "MLP", 5)):
        drawing.arrow(stream, top - 4, stream, top + 82, tone=2)
        drawing.arrow(stream, top + 10, 312, top + 10)
        drawing.box(312, top - 4, 128, 28, "norm", tone=3)
        drawing.arrow(376, top + 25, 376, top + 40)
        drawing.box(312, top + 40, 128, 28, name, tone=tone)
        drawing.path([(376, top + 68), (376, top + 94)], tone=0)
        drawing.arrow(376, top + 94, stream + 13, top + 94)
        drawing.circle(stream, top + 94, 12, "+", tone=2)
    drawing.arrow(stream, 387, stream, 410, tone=2)
    drawing.arrow(stream, 259, stream, 276, tone=2)
    return drawing.figure(
        "Left: the way from ids to logits. B is the number of texts, T of tokens in each, C the width of the "
        "model, V the size of the vocabulary. Right: a block reads the stream twice and adds to it twice."
    )


def soft_lookup() -> str:
    """A dictionary gives one value; attention gives a mixture, by how well each key fits."""
    drawing = Svg(
        "soft-lookup",
        WIDTH,
        176,
        title="A dictionary looks up one value; attention mixes all of them",
        description="Left: the key that equals the query gives its value, all others nothing. Right: every "
        "key fits the query more or less; shares of 0.7, 0.2 and 0.1 of their values are added up.",
    )
    for left, heading, shares in (
        (4, "dictionary", ("0", "1", "0")),
        (240, "attention", ("0.7", "0.2", "0.1")),
    ):
        drawing.text(left + 106, 16, heading, anchor="middle", kind="strong")
        for row, share in enumerate(shares):
            y = 30 + 38 * row
            drawing.box(left, y, 62, 28, f"key {row + 1}", tone=4)
            drawing.arrow(left + 64, y + 14, left + 108, y + 14)
            drawing.text(left + 86, y + 9, share, anchor="middle", size=11, kind="muted")
            drawing.box(left + 110, y, 100, 28, f"value {row + 1}", tone=5)
    drawing.text(110, 164, "takes value 2, and no other", anchor="middle", size=12)
    drawing.text(346, 164, "0.7·v1 + 0.2·v2 + 0.1·v3", anchor="middle", size=12, mono=True)
    return drawing.figure("Attention is a lookup that is not all-or-nothing. The shares add up to 1.")


def grouped_queries() -> str:
    """Six query heads that share six, two or one head of keys and values."""
    n_head, kinds = 6, (6, 2, 1)
    drawing = Svg(
        "grouped-queries",
        WIDTH,
        214,
        title="Heads of queries share heads of keys and values",
        description=f"{n_head} heads of queries each. With {kinds[0]} heads of keys and values every query "
        f"head has its own; with {kinds[1]}, three share one; with {kinds[2]}, all share one.",
    )
    for column, n_kv_head in enumerate(kinds):
        left = 6 + 154 * column
        shared = n_head // n_kv_head
        drawing.text(left + 68, 16, f"n_kv_head = {n_kv_head}", anchor="middle", mono=True, size=12)
        for head in range(n_head):
            x, group = left + 23.0 * head, head // shared
            target = left + 23 * (group * shared + (shared - 1) / 2)
            drawing.box(x, 32, 20, 34, "q", tone=1 + group, round=3, size=12)
            drawing.line(x + 10, 66, target + 10, 108, tone=1 + group)
        for group in range(n_kv_head):
            x = left + 23 * (group * shared + (shared - 1) / 2)
            drawing.box(x, 108, 20, 34, "k", tone=1 + group, round=3, size=12)
            drawing.box(x, 146, 20, 34, "v", tone=1 + group, round=3, size=12)
        drawing.text(
            left + 68, 202, f"{2 * n_kv_head} keys and values", anchor="middle", size=11, kind="muted"
        )
    return drawing.figure(
        "Left: ordinary attention, one head of keys and values for each head of queries. Middle: grouped "
        "queries, three share. Right: all share. Below: how many vectors a layer keeps for each token."
    )


def relu_curves() -> str:
    """ReLU and ReLU squared."""
    drawing = Svg(
        "relu-curves",
        WIDTH,
        250,
        title="ReLU and ReLU squared",
        description="Both are 0 below 0. Above, ReLU is the line 1, 2 at 1, 2; ReLU squared is the curve 1, "
        "4 at 1, 2: flatter than ReLU near 0 and steeper beyond.",
    )
    plot = Plot(drawing, x=(-2, 2.2), y=(0, 4.4), area=(44, 24, 400, 180), x_label="what comes in")
    plot.axes(x_ticks=[-2, -1, 0, 1, 2], y_ticks=[0, 1, 2, 3, 4])
    plot.curve(lambda x: max(0.0, x), tone=1, dashed=True, steps=84)
    plot.curve(lambda x: max(0.0, x) ** 2, tone=2, steps=84, between=(-2, 2.09))
    drawing.text(*plot.at(1.62, 1.2), "ReLU", kind="label", tone=1)
    drawing.text(*plot.at(1.0, 3.2), "ReLU²", kind="label", tone=2, anchor="middle")
    return drawing.figure("Squaring keeps the zeros, smooths the corner, and lets large inputs count more.")


def soft_cap() -> str:
    """The cap on the logits: nearly the line near 0, and never beyond 15."""
    cap = ARCHITECTURE.logit_softcap
    drawing = Svg(
        "soft-cap",
        WIDTH,
        260,
        title="The soft cap on the logits",
        description=f"The curve {cap:g} times tanh of z over {cap:g}. At 5 it is {cap * tanh(5 / cap):.2f}, "
        f"at 15 {cap * tanh(15 / cap):.2f}, at 40 {cap * tanh(40 / cap):.2f}; it never passes {cap:g}.",
    )
    plot = Plot(
        drawing, x=(-45, 45), y=(-20, 20), area=(44, 20, 400, 190), x_label="raw logit z", y_label="capped"
    )
    plot.axes(x_ticks=[-40, -20, 0, 20, 40], y_ticks=[-cap, 0, cap])
    plot.curve(lambda z: z, tone=1, dashed=True, between=(-20, 20))
    plot.curve(lambda z: cap * tanh(z / cap), tone=2, steps=90)
    drawing.text(*plot.at(21, 17.4), "no cap", kind="label", tone=1)
    drawing.text(*plot.at(28, 10.4), f"{cap:g}·tanh(z/{cap:g})", kind="label", tone=2, size=12)
    return drawing.figure(
        f"Small logits pass almost unchanged; large ones bend towards ±{cap:g}, smoothly, so that slopes "
        "never vanish all at once."
    )


def layer_map() -> str:
    """Which layers look far and which have a value embedding."""
    config, windows = ARCHITECTURE, ARCHITECTURE.windows()
    longest = max(windows)
    drawing = Svg(
        "layer-map",
        WIDTH,
        196,
        title=f"The layers of depth {DEPTH}: windows and value embeddings",
        description="Windows, layer by layer: "
        + ", ".join(f"{window:,}" for window in windows)
        + ". Value embeddings in layers "
        + ", ".join(map(str, config.value_layers))
        + ".",
    )
    left, step = 84, 31
    drawing.text(4, 84, "window", middle=True, size=12)
    drawing.text(4, 140, "layer", middle=True, size=12)
    drawing.text(4, 176, "value emb.", middle=True, size=12)
    for layer, window in enumerate(windows):
        x, height = left + step * layer, 100 * window / longest
        drawing.bar(x, 124 - height, 24, height, tone=1 if window == longest else 4)
        drawing.text(x + 12, 140, str(layer), anchor="middle", middle=True, size=12)
        drawing.text(
            x + 12, 116 - height, "L" if window == longest else "S", anchor="middle", size=11, kind="muted"
        )
        if layer in config.value_layers:
            drawing.box(x + 1, 164, 22, 24, "v", tone=5, round=3, size=12)
    return drawing.figure(
        f"<code>S</code> looks back {min(windows):,} tokens, <code>L</code> all {longest:,}. Every second "
        "layer has a value embedding, the last one always."
    )


def parameter_parts() -> str:
    """Where the parameters of the model are."""
    count = count_parameters(ARCHITECTURE)
    shown = [part for part in count.parts if part.total > count.total / 1000]
    rest = [part for part in count.parts if part not in shown]
    rows = [(part.name, part.total) for part in shown]
    rows.append(("all else", sum(part.total for part in rest)))
    drawing = Svg(
        "parameter-parts",
        WIDTH,
        24 + 30 * len(rows),
        title=f"Where the parameters of depth {DEPTH} are",
        description="; ".join(f"{name}: {total:,}" for name, total in rows) + f"; {count.total:,} in all.",
    )
    for number, (name, total) in enumerate(rows):
        y, width = 10 + 30 * number, 180 * total / max(total for _, total in rows)
        drawing.text(124, y + 11, name, anchor="end", middle=True, size=12)
        drawing.bar(132, y, max(width, 1), 22, tone=1 + number % 6)
        label = f"{total / 1e6:.1f} M, {total / count.total:.0%}" if total > 1e5 else f"{total:,}"
        drawing.text(138 + width, y + 11, label, middle=True, size=12, kind="muted")
    return drawing.figure(
        f"{count.total:,} parameters at depth {DEPTH}, with a vocabulary of {ARCHITECTURE.vocab_size:,}. "
        "Tables that are only looked up make up the larger part; they cost next to no arithmetic."
    )
