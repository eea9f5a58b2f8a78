"""The figures of guide 5 about the KV cache: what is computed again, what is kept, and where it lies."""

from __future__ import annotations

from nanochat.model.config import GPTConfig
from web.figures.svg import Svg

WIDTH = 460
PROMPT, WRITTEN = 3, 5  # tokens of the example that is counted by hand in the guide


def work_with_and_without() -> str:
    """The tokens that each round runs through the model, without a cache and with one."""
    size, gap, top = 22, 3, 48
    without = sum(PROMPT + turn for turn in range(WRITTEN))
    with_cache = PROMPT + WRITTEN - 1
    drawing = Svg(
        "work-with-and-without",
        WIDTH,
        top + (size + gap) * WRITTEN + 24,
        title="Tokens read in each round, without and with a cache",
        description=(
            f"A prompt of {PROMPT} tokens and {WRITTEN} to write. Without a cache the rounds read "
            + ", ".join(str(PROMPT + turn) for turn in range(WRITTEN))
            + f" tokens, {without} in all. With a cache they read {PROMPT} and then 1 each, "
            f"{with_cache} in all."
        ),
    )
    for left, heading, total, cached in (
        (38, "without a cache", without, False),
        (262, "with a cache", with_cache, True),
    ):
        drawing.text(left, 14, heading, kind="strong", size=12)
        drawing.text(left, 32, f"{total} tokens in all", size=12, kind="muted")
        for turn in range(WRITTEN):
            y = top + (size + gap) * turn
            for place in range(PROMPT + turn):
                x = left + (size + gap) * place
                kept = cached and turn > 0 and place < PROMPT + turn - 1
                drawing.box(
                    x, y, size, size, "" if kept else str(place), tone=0 if kept else 1, size=11, round=3,
                    dashed=kept,
                )  # fmt: skip
    for turn in range(WRITTEN):
        drawing.text(
            12,
            top + (size + gap) * turn + size / 2,
            str(turn + 1),
            anchor="middle",
            middle=True,
            size=11,
            kind="muted",
        )
    drawing.text(
        38,
        top + (size + gap) * WRITTEN + 16,
        "rows are rounds; a full box is computed, a dashed one is kept",
        size=11,
        kind="muted",
    )
    return drawing.figure(
        f"{PROMPT} tokens are read, {WRITTEN} are written. Without a cache every round computes all "
        "tokens again. With one, the first round reads the prompt, and each later round reads one token."
    )


def one_query() -> str:
    """A new token's query meets the keys that are kept, and its own."""
    tokens = ["the", "cat", "saw", "the"]
    step, left, box = 92, 78, 80
    drawing = Svg(
        "cached-query",
        WIDTH,
        206,
        title="One step of attention with a KV cache",
        description=(
            "The first three tokens have a key and a value in the cache. The fourth token is new: its "
            "query, key and value are computed. Its query is compared with four keys, and the four "
            "values are mixed."
        ),
    )
    y_key, y_value, y_query = 92, 132, 26
    drawing.text(4, y_query + 14, "query", middle=True, size=12)
    drawing.text(4, y_key + 14, "keys", middle=True, size=12)
    drawing.text(4, y_value + 14, "values", middle=True, size=12)
    for place, token in enumerate(tokens):
        x = left + step * place
        new = place == len(tokens) - 1
        drawing.box(x, y_key, box, 28, f"k{place}", tone=3 if new else 2, dashed=not new, mono=True)
        drawing.box(x, y_value, box, 28, f"v{place}", tone=3 if new else 4, dashed=not new, mono=True)
        drawing.text(x + box / 2, 180, token, anchor="middle", mono=True, kind="strong")
        drawing.text(x + box / 2, 198, "new" if new else "kept", anchor="middle", size=11, kind="muted")
    x_query = left + step * (len(tokens) - 1)
    drawing.box(x_query, y_query, box, 28, "q3", tone=3, mono=True)
    for place in range(len(tokens)):
        drawing.arrow(x_query + box / 2, y_query + 28, left + step * place + box / 2, y_key - 2, tone=3)
    drawing.text(left, 14, "one query for the new token, and no query of an older one", size=11, kind="muted")
    return drawing.figure(
        "Dashed boxes come from the cache. Only the last column is computed, for each layer and head. "
        "The queries of older tokens are not needed again, so they are not kept."
    )


def segments() -> str:
    """How a layer's cache grows: each new segment as long as all before it."""
    import torch

    from nanochat.inference.kv_cache import LayerCache

    layer = LayerCache(rows=1, window=2_048, n_kv_head=1, head_dim=1, like=torch.zeros(0))
    steps: list[tuple[int, list[int]]] = []
    for tokens in (200, 300, 600, 1_100):
        layer.make_room(tokens)
        steps.append((tokens, [keys.shape[2] for keys, _ in layer.segments]))
    drawing = Svg(
        "segments",
        WIDTH,
        26 + 44 * len(steps),
        title="A cache that grows in segments",
        description=". ".join(
            f"{tokens:,} tokens: segments of {', '.join(map(str, sizes))}" for tokens, sizes in steps
        )
        + ".",
    )
    left, width = 66, 386
    drawing.text(4, 14, "tokens", size=11, kind="muted")
    drawing.text(left, 14, "slots", size=11, kind="muted")
    for row, (tokens, sizes) in enumerate(steps):
        y, x = 24 + 44 * row, float(left)
        drawing.text(50, y + 15, f"{tokens:,}", anchor="end", middle=True)
        for number, size in enumerate(sizes):
            new = number >= len(steps[row - 1][1]) if row else True
            span = size / 2_048 * width
            drawing.box(x, y, span - 2, 30, str(size), tone=1 + number, round=3, size=12, dashed=not new)
            x += span
    return drawing.figure(
        "A full outline is new memory, a dashed one was there before and stays where it is. The second "
        "segment is as long as the first, the next as long as both, and so on up to the window or the "
        "context."
    )


def ring() -> str:
    """The slots of a window of four tokens, as token after token comes."""
    window, last = 4, 6
    drawing = Svg(
        "ring",
        WIDTH,
        30 + 36 * (last - window + 2),
        title="A sliding window keeps its last tokens in place",
        description=". ".join(
            f"After token {token} the slots hold {', '.join(map(str, _slots(token, window)))}"
            for token in range(window - 1, last + 1)
        )
        + ".",
    )
    left, step = 150, 74
    for slot in range(window):
        drawing.text(left + step * slot + 33, 16, f"slot {slot}", anchor="middle", size=11, kind="muted")
    for row, token in enumerate(range(window - 1, last + 1)):
        y = 26 + 36 * row
        drawing.text(4, y + 14, f"after token {token}", middle=True)
        for slot, holds in enumerate(_slots(token, window)):
            new = holds == token
            drawing.box(
                left + step * slot, y, 66, 28, f"token {holds}", tone=3 if new else 0, size=12, round=4
            )
    return drawing.figure(
        "Token number p goes into slot p modulo 4 (the rest of p divided by 4). There it writes over the "
        "token that has just left the window. Nothing is moved."
    )


def _slots(token: int, window: int) -> list[int]:
    """Which token lies in each slot once `token` is kept.

    >>> _slots(5, 4)
    [4, 5, 2, 3]
    """
    return [token - (token - slot) % window for slot in range(window)]


def window_memory() -> str:
    """The cache of each layer of a model with windows, as bars against full layers."""
    config = GPTConfig.from_depth(12)
    windows, context = config.windows(), config.sequence_len
    share = sum(windows) / (len(windows) * context)
    drawing = Svg(
        "window-memory",
        WIDTH,
        24 + 20 * len(windows) + 6,
        title="What each layer keeps of a full context",
        description=f"Depth 12, context {context:,}. Kept tokens by layer: {', '.join(map(str, windows))}.",
    )
    drawing.text(4, 14, "layer", size=11, kind="muted")
    drawing.text(46, 14, f"tokens kept, of {context:,}", size=11, kind="muted")
    for layer, window in enumerate(windows):
        y = 22 + 20 * layer
        drawing.text(30, y + 8, str(layer), anchor="end", middle=True, size=12)
        drawing.box(46, y, 340, 16, round=2, dashed=True)
        drawing.bar(46, y, 340 * window / context, 16, tone=2 if window < context else 1)
        drawing.text(396, y + 8, f"{window:,}", middle=True, size=12)
    return drawing.figure(
        f"Depth 12: three layers of four look back {min(windows)} tokens and keep no more. The whole "
        f"cache has {share:.0%} of the size that full layers would need."
    )
