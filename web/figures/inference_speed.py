"""The figures of guide 5 about many texts at once and about the limits of a GPU."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import log10

from nanochat.model.hardware import GPU, find_gpu
from web.figures.svg import Plot, Svg

WIDTH = 460
# Name, round in which it comes, tokens to write: the example that the guide simulates.
REQUESTS = (("A", 0, 9), ("B", 0, 2), ("C", 0, 4), ("D", 1, 3), ("E", 2, 6), ("F", 4, 2))
ROWS = 3


@dataclass(frozen=True)
class Stay:
    """A request's time in a row."""

    name: str
    row: int
    start: int
    length: int


def schedule(continuous: bool) -> list[Stay]:
    """Who is in which row when: newcomers join as soon as a row is free, or only when all are.

    >>> [max(one.start + one.length for one in schedule(kind)) for kind in (False, True)]
    [15, 10]
    """
    waiting, free_at, found, now = deque(REQUESTS), [0] * ROWS, list[Stay](), 0
    while waiting:
        if continuous or max(free_at) <= now:
            for row in range(ROWS):
                if free_at[row] <= now and waiting and waiting[0][1] <= now:
                    name, _, length = waiting.popleft()
                    found.append(Stay(name, row, now, length))
                    free_at[row] = now + length
        now += 1
    return found


def timelines() -> str:
    """The same requests in batches that wait for their longest, and in rows that are filled at once."""
    kinds = (("wait for the longest", schedule(False)), ("fill a row when it is free", schedule(True)))
    ends = [max(one.start + one.length for one in stays) for _, stays in kinds]
    step, left = (WIDTH - 58) / max(ends), 50
    tones = {name: 1 + number for number, (name, *_) in enumerate(REQUESTS)}
    drawing = Svg(
        "timelines",
        WIDTH,
        2 * (26 + 32 * ROWS) + 40,
        title="Six requests in three rows, in two ways",
        description=" ".join(
            f"{heading}: "
            + ", ".join(f"{one.name} in rounds {one.start} to {one.start + one.length - 1}" for one in stays)
            + "."
            for heading, stays in kinds
        ),
    )
    for number, (heading, stays) in enumerate(kinds):
        top = number * (26 + 32 * ROWS + 8)
        drawing.text(4, top + 14, f"{heading}: {ends[number]} rounds", kind="strong", size=12)
        for row in range(ROWS):
            drawing.text(4, top + 38 + 32 * row, f"row {row}", middle=True, size=12)
            drawing.box(left, top + 24 + 32 * row, step * ends[number], 28, round=2, dashed=True)
        for one in stays:
            drawing.box(
                left + step * one.start, top + 24 + 32 * one.row, step * one.length, 28,
                f"{one.name}: {one.length}" if one.length > 2 else one.name,
                tone=tones[one.name], round=3, size=12,
            )  # fmt: skip
    bottom = 2 * (26 + 32 * ROWS) + 30
    drawing.text(
        left, bottom, "rounds go to the right; dashed parts of a row are idle", size=11, kind="muted"
    )
    return drawing.figure(
        "A letter is a request, the number is how many tokens it wants. Filling a free row at once takes "
        f"{ends[1]} rounds in place of {ends[0]}, and nobody waits for the long request A."
    )


def prefix_reuse() -> str:
    """Three turns of a chat: what is read anew in each, and what is there already."""
    turns = (("question 1", 40), ("answer 1", 60), ("question 2", 30), ("answer 2", 50), ("question 3", 20))
    scale, left = 440 / sum(length for _, length in turns), 10
    rows = [1, 3, 5]  # parts of the prompt in each turn
    drawing = Svg(
        "prefix-reuse",
        WIDTH,
        62 * len(rows),
        title="What each turn of a chat has to read",
        description=" ".join(
            f"Turn {turn}: the prompt has {sum(length for _, length in turns[:parts])} tokens, of which "
            f"the question's {turns[parts - 1][1]} are new."
            for turn, parts in enumerate(rows, start=1)
        ),
    )
    for turn, parts in enumerate(rows, start=1):
        y, x = 62 * (turn - 1) + 4, float(left)
        total = sum(length for _, length in turns[:parts])
        drawing.text(
            left,
            y + 10,
            f"turn {turn}: {total} tokens in the prompt, {turns[parts - 1][1]} of them to read",
            size=12,
        )
        for number, (name, length) in enumerate(turns[:parts]):
            new = number == parts - 1
            span = length * scale
            label = name if 7 * len(name) < span else name.replace("question", "q.").replace("answer", "a.")
            drawing.box(
                x, y + 18, span - 2, 30, label, tone=3 if new else 0, dashed=not new, size=12, round=3
            )
            x += span
    return drawing.figure(
        "Example lengths. A dashed part stands in the cache already: earlier questions were read, and "
        "answers were written by the model itself. Only the new question is read."
    )


def roofline() -> str:
    """What an H100 can do for so many operations a byte, and where decode and prefill stand."""
    gpu = find_gpu("H100")
    ridge = gpu.peak_flops / gpu.bandwidth
    places = (("1 text", 1), ("8 texts", 8), ("64 texts", 64), ("prompt of 2,048", 2_048))
    drawing = Svg(
        "roofline",
        WIDTH,
        286,
        title=f"The roofline of an {gpu.label}",
        description=(
            f"Up to {ridge:.0f} operations a byte, speed grows with them; from there on it stays at "
            f"{gpu.peak_flops / 1e12:.0f} TFLOP/s. "
            + " ".join(f"{name}: at most {_reached(each, gpu) / 1e12:.1f} TFLOP/s." for name, each in places)
        ),
    )
    plot = Plot(
        drawing, x=(-0.3, 4), y=(11, 15.3), area=(58, 30, 372, 200),
        x_label="operations for each byte that is read", y_label="TFLOP/s",
    )  # fmt: skip
    for power in range(11, 16):
        x, y = plot.at(-0.3, power)
        drawing.line(x, y, x + 372, y, grid=True)
        drawing.text(x - 6, y, f"{10 ** (power - 12):,g}", anchor="end", middle=True, size=11, kind="muted")
    for power in range(5):
        x, y = plot.at(power, 11)
        drawing.text(x, y + 16, f"{10**power:,}", anchor="middle", size=11, kind="muted")
    plot.axes(x_ticks=[], y_ticks=[])
    plot.curve(lambda x: log10(_reached(10**x, gpu)), tone=1, steps=86)
    for name, each in places:
        x, y = plot.at(log10(each), log10(_reached(each, gpu)))
        drawing.circle(x, y, 5, tone=3 if each < ridge else 2, solid=True)
        if each < ridge:
            drawing.text(x + 10, y + 6, name, size=12)
        else:
            drawing.text(x, y + 22, name, size=12, anchor="middle")
    x, _ = plot.at(log10(ridge), 11)
    drawing.line(x, 30, x, 230, dashed=True)
    drawing.text(x - 6, 222, f"ridge: {ridge:.0f}", size=12, kind="muted", anchor="end")
    return drawing.figure(
        "Both axes grow by factors of ten. Left of the dashed line memory is the limit, right of it "
        "arithmetic. One text does one operation for each byte of bf16 weights, and uses "
        f"{_reached(1, gpu) / gpu.peak_flops:.1%} of the arithmetic."
    )


def _reached(each: float, gpu: GPU) -> float:
    """Operations a second at so many operations a byte.

    >>> _reached(1, find_gpu("H100")) / 1e12, _reached(10_000, find_gpu("H100")) / 1e12
    (3.35, 989.0)
    """
    return min(gpu.peak_flops, each * gpu.bandwidth)
