"""The figures of guide 7 about chance: exams, errors, pairs, seeds, and leaked questions."""

from __future__ import annotations

import functools
import random
import re
import statistics
from collections import Counter
from math import log10, sqrt

from nanochat.evaluation.report.weaknesses import GPT2_CORE
from nanochat.evaluation.statistics import Z95, accuracy
from web.figures.svg import Plot, Svg

WIDTH = 460
SKILL, QUESTIONS, EXAMS = 0.6, 100, 1_000
# CORE of runs that differed in nothing but chance (a proposal for nanochat's dev/LEADERBOARD.md, 8 February
# 2026, commit 00932d1).
SAME_RECIPE = {"first recipe": (0.2571, 0.2472, 0.2406), "second recipe": (0.2729, 0.2626)}


@functools.cache
def exams() -> Counter[int]:
    """How many of 1,000 exams ended with each number of right answers."""
    chance = random.Random(7)
    return Counter(sum(chance.random() < SKILL for _ in range(QUESTIONS)) for _ in range(EXAMS))


def exam_histogram() -> str:
    """The scores of one model in a thousand exams."""
    counts = exams()
    error = accuracy(SKILL * QUESTIONS, QUESTIONS).error
    low, high = 100 * (SKILL - Z95 * error), 100 * (SKILL + Z95 * error)
    inside = sum(times for right, times in counts.items() if low <= right <= high)
    drawing = Svg(
        "exam-histogram",
        WIDTH,
        270,
        title="One model, a thousand exams",
        description=f"Scores from {min(counts)} to {max(counts)} of 100, most near 60; {inside} of "
        f"{EXAMS:,} between {low:.0f} and {high:.0f}.",
    )
    top = max(counts.values())
    plot = Plot(
        drawing, x=(40, 80), y=(0, 10 * (top // 10 + 1)), area=(44, 24, 396, 200),
        x_label="right answers out of 100", y_label="exams",
    )  # fmt: skip
    plot.axes(x_ticks=[40, 50, 60, 70, 80], y_ticks=[0, 20, 40, 60, 80])
    for right in range(41, 80):
        if counts[right]:
            x, y = plot.at(right, counts[right])
            _, bottom = plot.at(right, 0)
            drawing.bar(x - 4, y, 8, bottom - y, tone=3 if low <= right <= high else 2)
    for end in (low, high):
        x, y = plot.at(end, 0)
        drawing.line(x, 24, x, y, tone=0, dashed=True)
    return drawing.figure(
        f"The model knows the answer to 60 % of all questions, and each exam asks {QUESTIONS} of them. Of "
        f"{EXAMS:,} exams {inside} end between the dashed lines, 1.96 standard errors to each side."
    )


def error_by_questions() -> str:
    """The standard error against the number of questions."""
    sizes = (30, 100, 300, 1_000, 3_000, 10_000)
    drawing = Svg(
        "error-by-questions",
        WIDTH,
        270,
        title="More questions, smaller errors, ever more slowly",
        description="; ".join(
            f"{n:,} questions: ± {100 * accuracy(n / 2, n).error:.1f} points" for n in sizes
        )
        + ".",
    )
    plot = Plot(
        drawing, x=(log10(30), 4), y=(0, 10), area=(40, 24, 390, 200),
        x_label="questions (each mark about three times the last)", y_label="± points",
    )  # fmt: skip
    plot.axes(x_ticks=[], y_ticks=[0, 2, 4, 6, 8, 10])
    for n in sizes:
        x, y = plot.at(log10(n), 0)
        drawing.text(x, y + 16, f"{n:,}", anchor="middle", size=11, kind="muted")
    for tone, share, dashed in ((1, 0.5, False), (2, 0.9, True)):
        plot.curve(lambda x, share=share: 100 * sqrt(share * (1 - share) / 10**x), tone=tone, dashed=dashed)  # type: ignore[misc]
    for n in sizes:
        x, y = plot.at(log10(n), 100 * accuracy(n / 2, n).error)
        drawing.circle(x, y, 3, tone=1, solid=True)
        drawing.text(x + 5, y - 8, f"{100 * accuracy(n / 2, n).error:.1f}", size=11)
    drawing.text(230, 60, "true accuracy 50 %", size=12, kind="label", tone=1)
    drawing.text(230, 80, "true accuracy 90 % (dashed)", size=12, kind="label", tone=2)
    return drawing.figure(
        "One standard error of an accuracy. To halve it you need four times as many questions."
    )


# Two models on the same 200 questions: how often both, one or none of them was right.
PAIRED = {"both": 110, "only A": 26, "only B": 12, "neither": 52}


def paired_table() -> str:
    """Two models on the same questions: the four cases."""
    total = sum(PAIRED.values())
    drawing = Svg(
        "paired-table",
        WIDTH,
        176,
        title="Two models on the same questions",
        description=", ".join(f"{name}: {times}" for name, times in PAIRED.items()) + f"; {total} questions.",
    )
    drawing.text(216, 16, "B right", anchor="middle", kind="muted")
    drawing.text(356, 16, "B wrong", anchor="middle", kind="muted")
    drawing.text(132, 60, "A right", anchor="end", kind="muted")
    drawing.text(132, 130, "A wrong", anchor="end", kind="muted")
    for number, (name, times) in enumerate(PAIRED.items()):
        x, y, tone = 150 + 140 * (number % 2), 26 + 72 * (number // 2), (0, 3, 2, 0)[number]
        drawing.box(x, y, 132, 64, [name, str(times)], tone=tone, kind="strong")
    return drawing.figure(
        f"{PAIRED['both'] + PAIRED['neither']} of {total} questions say nothing about the difference: both "
        f"models did the same. Only the {PAIRED['only A'] + PAIRED['only B']} coloured ones do."
    )


def same_recipe() -> str:
    """CORE of runs that differ by chance alone, against GPT-2's."""
    low, high = 0.235, 0.28
    drawing = Svg(
        "same-recipe",
        WIDTH,
        150,
        title="The same recipe, run again",
        description="; ".join(f"{name}: {', '.join(map(str, runs))}" for name, runs in SAME_RECIPE.items())
        + f"; GPT-2 has {GPT2_CORE}.",
    )

    def x(value: float) -> float:
        return 100 + (value - low) / (high - low) * 340

    for top, bottom in ((22, 52), (72, 116)):  # not through a label
        drawing.line(x(GPT2_CORE), top, x(GPT2_CORE), bottom, dashed=True)
    drawing.text(x(GPT2_CORE), 14, f"GPT-2: {GPT2_CORE}", anchor="middle", size=12, kind="muted")
    for number, (name, runs) in enumerate(SAME_RECIPE.items()):
        y = 44 + 44 * number
        drawing.text(92, y, name, anchor="end", middle=True, size=12)
        drawing.line(x(min(runs)), y, x(max(runs)), y, tone=number + 1)
        for run in runs:
            drawing.circle(x(run), y, 5, tone=number + 1, solid=True)
            drawing.text(x(run), y + 20, f"{run:.4f}", anchor="middle", size=11)
    for tick in (0.24, 0.25, 0.26, 0.27, 0.28):
        drawing.text(x(tick), 138, f"{tick:g}", anchor="middle", size=11, kind="muted")
    return drawing.figure(
        "CORE of five runs of two recipes. Runs of a recipe differ in nothing but chance. One run of the "
        "first recipe beats GPT-2, two do not."
    )


def spread_of_recipes() -> float:
    """The standard deviation between runs of one recipe, from both recipes together."""
    squares = sum((run - statistics.fmean(runs)) ** 2 for runs in SAME_RECIPE.values() for run in runs)
    return sqrt(squares / sum(len(runs) - 1 for runs in SAME_RECIPE.values()))


QUESTION = "Mia has twelve apples and buys thirty more. How many apples does she have now?"
TRAINING = "In our shop Mia has twelve apples and buys thirty more of them every day, she says."


def overlap_strip() -> str:
    """A test question against a training text: which rows of words occur in both."""
    n = 5
    question = re.findall(r"\w+", QUESTION)
    training = re.findall(r"\w+", TRAINING)
    known = {tuple(training[at : at + n]) for at in range(len(training) - n + 1)}
    hits = [at for at in range(len(question) - n + 1) if tuple(question[at : at + n]) in known]
    covered = {at + step for at in hits for step in range(n)}
    drawing = Svg(
        "overlap-strip",
        WIDTH,
        86,
        title="Rows of words that occur in both texts",
        description=f"{len(hits)} of {len(question) - n + 1} rows of {n} words of the question stand in the "
        f"training text; they cover {len(covered)} of {len(question)} words.",
    )
    drawing.text(4, 14, "the test question", kind="strong", size=12)
    x, y = 4.0, 24.0
    for number, word in enumerate(question):
        width = 7.9 * len(word) + 10
        if x + width > WIDTH - 2:
            x, y = 4.0, y + 32
        drawing.box(x, y, width, 26, word, tone=2 if number in covered else 0, mono=True, size=12, round=3)
        x += width + 3
    return drawing.figure(
        f"Coloured words stand in a row of {n} or more that the training text has too: "
        f"“… {' '.join(training[3:11])} …”. Of {len(question) - n + 1} rows of {n} words {len(hits)} were "
        "found."
    )
