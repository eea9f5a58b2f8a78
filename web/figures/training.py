"""The figures of guide 4 that show a method: packing, document masks, matrices, GPUs, checkpoints, "
"number formats."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch

from nanochat.data.packing import fill_row, longest, shortest
from web.figures.svg import Plot, Svg

WIDTH = 440

# The documents of the packing example: name and length in tokens; rows have room for 100.
DOCUMENTS = (
    ("A", 83), ("B", 38), ("C", 49), ("D", 64), ("E", 51), ("F", 62), ("G", 86), ("H", 89), ("I", 22),
    ("J", 56),
)  # fmt: skip
ROOM, WAITING, SHOWN_ROWS = 100, 5, 4

Piece = tuple[str, int, bool]  # document, tokens, whether it begins in the middle of the document
Chooser = Callable[[Sequence[int], Sequence[int]], int]


def stream_rows() -> tuple[list[list[Piece]], int]:
    """Rows of a plain stream, cut every 100; nothing is thrown away.

    >>> stream_rows()[0][0]
    [('A', 83, False), ('B', 17, False)]
    """
    rows: list[list[Piece]] = [[]]
    room = ROOM
    for name, length in DOCUMENTS:
        left = length
        while left:
            if not room:
                rows.append([])
                room = ROOM
            taken = min(left, room)
            rows[-1].append((name, taken, left < length))
            left, room = left - taken, room - taken
    return rows[:SHOWN_ROWS], 0


def packed_rows(keep_rest: bool) -> tuple[list[list[Piece]], int]:
    """Rows as `fill_row` makes them, and how many tokens are thrown away.

    >>> packed_rows(keep_rest=True)[0][0], packed_rows(keep_rest=False)[1] > 0
    ([('A', 83, False), ('D', 17, False)], True)
    """
    to_cut: Chooser = longest if keep_rest else shortest
    dealt = list(DOCUMENTS)
    waiting: list[list[object]] = []
    rows: list[list[Piece]] = []
    lost = 0
    for _ in range(SHOWN_ROWS):
        while dealt and len(waiting) < WAITING:
            name, length = dealt.pop(0)
            waiting.append([name, length, False])
        row: list[Piece] = []
        for index, taken in fill_row([int(str(one[1])) for one in waiting], ROOM, to_cut):
            one = waiting[index]
            left = int(str(one[1])) - taken
            row.append((str(one[0]), taken, bool(one[2])))
            lost += 0 if keep_rest else left
            one[1], one[2] = (left if keep_rest else 0), True
        rows.append(row)
        waiting = [one for one in waiting if one[1]]
    return rows, lost


def cut_documents(rows: Sequence[Sequence[Piece]]) -> int:
    """How many documents are not whole in one piece.

    >>> cut_documents([[("A", 10, False)], [("B", 71, False)]])
    1
    """
    lengths = dict(DOCUMENTS)
    return len({name for row in rows for name, taken, _ in row if taken < lengths[name]})


def packing_ways() -> str:
    """Three ways to fill rows with the same documents."""
    ways = (
        ("a plain stream, cut every 100", *stream_rows()),
        ("best fit, rests thrown away", *packed_rows(keep_rest=False)),
        ("this project: best fit, the rest waits on", *packed_rows(keep_rest=True)),
    )
    tones = {name: 1 + number % 6 for number, (name, _) in enumerate(DOCUMENTS)}
    said = []
    for title, rows, lost in ways:
        said.append(f"{title}: {lost} tokens lost, {cut_documents(rows)} documents cut")
    drawing = Svg(
        "packing-ways", WIDTH, 14 + 146 * len(ways), title="Three ways to fill rows",
        description=f"Ten documents of 22 to 89 tokens fill rows of {ROOM}. {'; '.join(said)}.",
    )  # fmt: skip
    for number, (title, rows, lost) in enumerate(ways):
        top = 14 + 146 * number
        drawing.text(4, top, title, kind="strong", size=12)
        for line, row in enumerate(rows):
            x, y = 4.0, top + 9 + 27 * line
            for name, taken, begun in row:
                width = 4.3 * taken
                text = f"…{name} {taken}" if begun else f"{name} {taken}"
                drawing.box(
                    x,
                    y,
                    width - 1,
                    23,
                    text if taken >= 12 else "",
                    tone=tones[name],
                    round=3,
                    size=11,
                    dashed=begun,
                )
                x += width
        lost_words = f"{lost} tokens lost" if lost else "nothing lost"
        drawing.text(
            436, top, f"{lost_words}, {cut_documents(rows)} cut", anchor="end", size=11, kind="muted"
        )
    return drawing.figure(
        f"Ten documents, A to J, in rows of {ROOM} tokens; the first {SHOWN_ROWS} rows of each way. A "
        "dashed piece "
        "begins in the middle of its document. Packing cuts fewer documents. The project's way loses "
        "nothing of them."
    )


def document_mask() -> str:
    """Who may look at whom in a row of three documents."""
    lengths = (("A", 3, 1), ("B", 2, 2), ("C", 3, 3))
    of = [(name, tone) for name, length, tone in lengths for _ in range(length)]
    size, left, top = 26, 150, 40
    drawing = Svg(
        "document-mask", WIDTH, top + size * len(of) + 10, title="A document mask",
        description=(
            "Eight positions hold three documents of 3, 2 and 3 tokens. Each position sees itself and "
            "earlier "
            "positions of its own document: three triangles along the diagonal."
        ),
    )  # fmt: skip
    drawing.text(left + size * len(of) / 2, 14, "looks at", anchor="middle", size=12)
    drawing.text(left - 40, top + size * len(of) / 2, "position of", anchor="end", middle=True, size=12)
    for row, (name, tone) in enumerate(of):
        drawing.text(left + size * row + size / 2, top - 8, name, anchor="middle", kind="label", tone=tone)
        drawing.text(
            left - 12,
            top + size * row + size / 2,
            name,
            anchor="middle",
            middle=True,
            kind="label",
            tone=tone,
        )
        for column, (other, _) in enumerate(of):
            sees = column <= row and other == name
            mark = "✓" if sees else ""
            drawing.box(
                left + size * column,
                top + size * row,
                size - 2,
                size - 2,
                mark,
                tone=tone if sees else 0,
                round=3,
                size=12,
            )
    return drawing.figure(
        "One row of a batch with three documents. A token sees the earlier tokens of its own document "
        "only. Without this "
        "mask, B would be read as if A were its beginning."
    )


def number_formats() -> str:
    """How five number formats spend their bits."""
    kinds = (
        ("fp32", torch.float32, 8, 23), ("bf16", torch.bfloat16, 8, 7), ("fp16", torch.float16, 5, 10),
        ("fp8 e4m3", torch.float8_e4m3fn, 4, 3), ("fp8 e5m2", torch.float8_e5m2, 5, 2),
    )  # fmt: skip
    said = "; ".join(
        f"{name}: 1 sign, {exponent} exponent, {mantissa} mantissa, up to {torch.finfo(dtype).max:.3g}"
        for name, dtype, exponent, mantissa in kinds
    )
    drawing = Svg(
        "number-formats",
        WIDTH,
        22 + 48 * len(kinds),
        title="Five number formats",
        description=f"Bits: {said}.",
    )
    for x, tone, words in ((70, 0, "sign"), (130, 1, "exponent: range"), (260, 2, "mantissa: digits")):
        drawing.box(x, 2, 12, 12, tone=tone, round=2)
        drawing.text(x + 17, 8, words, middle=True, size=11)
    for row, (name, dtype, exponent, mantissa) in enumerate(kinds):
        y = 26 + 48 * row
        drawing.text(4, y + 12, name, middle=True, kind="strong", size=12)
        at = 70.0
        for tone, many in ((0, 1), (1, exponent), (2, mantissa)):
            for _ in range(many):
                drawing.box(at, y, 10, 22, tone=tone, round=2)
                at += 11.3
        info = torch.finfo(dtype)
        drawing.text(
            70, y + 37,
            f"largest {info.max:.3g}, smallest normal {info.tiny:.2g}, step after 1: {info.eps:.2g}",
            size=11, kind="muted",
        )  # fmt: skip
    return drawing.figure(
        "A floating-point number has a sign, an exponent and a mantissa. More exponent bits reach "
        "further; more mantissa "
        "bits give more digits. bf16 is fp32 with the last 16 bits cut off."
    )


STRETCH = ((1.9, 0.8), (0.5, 0.45))  # the update of the example


def polar_factor() -> tuple[tuple[float, float], tuple[float, float]]:
    """The orthogonal matrix nearest to the example.

    >>> (a, b), (c, d) = polar_factor()
    >>> abs(a * b + c * d) < 1e-6, round(a * a + c * c, 6)
    (True, 1.0)
    """
    u, _, vt = torch.linalg.svd(torch.tensor(STRETCH, dtype=torch.float64))
    (a, b), (c, d) = (u @ vt).tolist()
    return (a, b), (c, d)


def ellipses() -> str:
    """What a matrix does to a circle, before and after its stretches are made equal."""
    s1, s2 = torch.linalg.svdvals(torch.tensor(STRETCH)).tolist()
    drawing = Svg(
        "ellipses", WIDTH, 210, title="A matrix turns a circle into an ellipse",
        description=(
            f"The update stretches one direction by {s1:.2f} and the other by {s2:.2f}: the circle "
            "becomes a thin "
            "ellipse. The orthogonal matrix nearest to it turns the circle into a circle."
        ),
    )  # fmt: skip
    identity = ((1.0, 0.0), (0.0, 1.0))
    shown = (
        ("all directions", identity, 0, "radius 1"),
        ("after the update", STRETCH, 2, f"{s1:.2f} long, {s2:.2f} wide"),
        ("orthogonalized", polar_factor(), 1, "1 long, 1 wide"),
    )
    for number, (title, ((a, b), (c, d)), tone, words) in enumerate(shown):
        plot = Plot(drawing, x=(-2.2, 2.2), y=(-2.2, 2.2), area=(5 + 146 * number, 26, 138, 138))
        x0, y0 = plot.at(0, 0)
        drawing.line(*plot.at(-2.1, 0), *plot.at(2.1, 0), grid=True)
        drawing.line(*plot.at(0, -2.1), *plot.at(0, 2.1), grid=True)
        ring = [(math.cos(t * math.pi / 24), math.sin(t * math.pi / 24)) for t in range(49)]
        drawing.path((plot.at(a * x + b * y, c * x + d * y) for x, y in ring), tone=tone)
        for x, y in ring[:-1:8]:
            drawing.line(x0, y0, *plot.at(a * x + b * y, c * x + d * y), tone=tone)
            drawing.circle(*plot.at(a * x + b * y, c * x + d * y), 3, tone=tone, solid=True)
        drawing.text(x0, 14, title, anchor="middle", kind="label" if tone else "ink", tone=tone)
        drawing.text(x0, 186, words, anchor="middle", size=12)
    return drawing.figure(
        "Left: six directions. Middle: where an update sends them. It moves nearly all of them along one "
        "line. Right: the "
        "same update with both stretches made 1. Its turn is kept, and no direction is neglected."
    )


def group_of_four() -> str:
    """Four replies to one question, their grades and advantages."""
    replies = (("[37*12 = 444] 444", 1.0), ("[37+12 = 49] 49", 0.0), ("4444", 0.0), ("[37*12 = 444] 4", 0.0))
    average = sum(grade for _, grade in replies) / len(replies)
    drawing = Svg(
        "group-of-four", WIDTH, 40 + 44 * len(replies), title="Four replies to one question",
        description="; ".join(
            f"{text}: grade {grade:.0f}, advantage {grade - average:+.2f}" for text, grade in replies
        ) + ".",
    )  # fmt: skip
    drawing.text(4, 14, "reply to: what is 37 × 12?", size=12, kind="muted")
    drawing.text(222, 14, "grade", size=12, kind="muted", anchor="middle")
    drawing.text(340, 14, "advantage", size=12, kind="muted", anchor="middle")
    drawing.line(340, 24, 340, 30 + 44 * len(replies), grid=True)
    for row, (text, grade) in enumerate(replies):
        y, difference = 28 + 44 * row, grade - average
        tone = 3 if difference > 0 else 2
        drawing.box(4, y, 176, 32, text, tone=0, mono=True, size=12)
        drawing.text(222, y + 16, f"{grade:.0f}", anchor="middle", middle=True, kind="strong")
        length = 66 * abs(difference)
        drawing.bar(340 if difference > 0 else 340 - length, y + 6, length, 20, tone=tone)
        where = 340 + length + 6 if difference > 0 else 340 - length - 6
        drawing.text(
            where,
            y + 16,
            f"{difference:+.2f}",
            anchor="start" if difference > 0 else "end",
            middle=True,
            size=12,
        )
    return drawing.figure(
        f"The average grade of the group is {average}. The right reply is above it, and becomes likelier. "
        "The others are below "
        "it, and become a little less likely. The advantages of a group add up to 0."
    )


def four_gpus() -> str:
    """One step on four GPUs: own text, averaged gradients, shared update, gathered weights."""
    drawing = Svg(
        "four-gpus", WIDTH, 290, title="One step on four GPUs",
        description=(
            "Four GPUs each hold the whole model. Each makes gradients of its own rows. The gradients "
            "are averaged "
            "over all. Each updates a quarter of the weights. The quarters are handed round, so that all "
            "hold the "
            "same new model."
        ),
    )  # fmt: skip
    for gpu in range(4):
        x = 4 + 110 * gpu
        drawing.text(x + 50, 14, f"GPU {gpu}", anchor="middle", kind="strong", size=12)
        drawing.box(x, 22, 100, 40, ["its own rows,", "its gradients"], tone=1, size=12)
        drawing.arrow(x + 50, 64, x + 50, 84)
        drawing.arrow(x + 50, 118, x + 50, 138)
        drawing.box(x, 140, 100, 40, ["updates its", f"quarter {gpu + 1} of 4"], tone=3, size=12)
        drawing.arrow(x + 50, 182, x + 50, 202)
        drawing.arrow(x + 50, 236, x + 50, 256)
        drawing.text(x + 50, 274, "same weights", anchor="middle", size=12)
    drawing.box(4, 86, 430, 30, "all-reduce: every GPU gets the average of all gradients", tone=2, size=12)
    drawing.box(4, 204, 430, 30, "gather: every GPU gets all quarters of the new weights", tone=2, size=12)
    return drawing.figure(
        "Data parallelism with a shared-out optimizer. The two wide boxes are the only times the GPUs "
        "talk. Each GPU "
        "keeps the optimizer's memory for its own quarter only."
    )


def safe_save() -> str:
    """The steps of saving, and what a kill leaves at each."""
    steps = (
        ("write all files into .step_000135.writing", "step 90 is there, whole"),
        ("wait until they are on the disk", "step 90 is there, whole"),
        ("write meta.json with every file's hash", "step 90 is there, whole"),
        ("rename the folder to step_000135", "old or new, both whole"),
        ("remove the oldest checkpoint", "step 135 is there, whole"),
    )
    drawing = Svg(
        "safe-save", WIDTH, 26 + 46 * len(steps), title="How a checkpoint is saved",
        description="; ".join(f"{what}. Killed here: {then}" for what, then in steps) + ".",
    )  # fmt: skip
    drawing.text(130, 14, "what happens", anchor="middle", size=12, kind="muted")
    drawing.text(354, 14, "killed here, you have", anchor="middle", size=12, kind="muted")
    for row, (what, then) in enumerate(steps):
        y = 24 + 46 * row
        rename = row == 3
        drawing.box(4, y, 262, 32, what, tone=2 if rename else 0, size=12)
        drawing.text(354, y + 16, then, anchor="middle", middle=True, size=12)
        if row < len(steps) - 1:
            drawing.arrow(135, y + 32, 135, y + 46)
    return drawing.figure(
        "Step 90 was saved before, and now step 135 is. Only the renaming makes it visible, and a "
        "renaming cannot be half done."
    )
