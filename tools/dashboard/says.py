"""The notes at the end: what the figures say, one sentence each, and only where the figures say it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from tools.core.words import listing
from tools.dashboard.history import History
from tools.dashboard.names import LOWER, clock

LONG_WAIT = 0.05
NEAR = 0.02
"""Of the loss of guessing: so near, the first loss is that of guessing."""


def notes_of(histories: Sequence[History], smoothing: float) -> list[str]:
    """What there is to say about all runs."""
    found = [] if not smoothing else [
        f"Smoothed lines keep {smoothing:g} of themselves at each step, so they remember about "
        f"{1 / (1 - smoothing):,.0f} steps."
    ]  # fmt: skip
    measuring = {history.stage for history in histories if history.has("val_bpb")}
    if {"base", "sft"} <= measuring:
        found.append(
            "The bits per byte of base and sft are not of the same text: base measures the corpus, sft the "
            "assistant's words, so one line below the other does not mean better."
        )
    for history in histories:
        found += [f"{history.run.name}: {said}" for said in of_run(history)]
    return found


def of_run(history: History) -> Iterator[str]:
    """What there is to say about one run."""
    yield from beginning(history)
    yield from evaluations(history)
    if history.is_rl and history.has("reward"):
        yield (
            "its loss is a policy gradient's, which rises and falls with the replies; the reward says how "
            "good it is."
        )
    if history.has("wait_share") and history.columns["wait_share"].mean > LONG_WAIT:
        share = history.columns["wait_share"].mean
        yield f"it waited for text {share:.0%} of the time; more loader workers would make it faster."
    if history.steps_left and history.run.steps:
        left = history.seconds_left
        time = f", {clock(left)} at its pace" if left is not None else ""
        yield (
            f"{history.steps_left:,} of {history.run.steps:,} steps are still to take{time}; it is running, "
            "or it has stopped."
        )
    if history.others:
        more = history.others[:8]
        yield f"the file also has {listing(more, 'and')}; --also {more[0]} draws it."


def beginning(history: History) -> Iterator[str]:
    """Whether it began by guessing."""
    vocabulary = history.run.vocab_size
    first = history.columns["loss"].curve.first if history.has("loss") else None
    if history.stage != "base" or vocabulary is None or first is None:
        return
    guessing = math.log(vocabulary)
    if abs(first[1] - guessing) < NEAR * guessing:
        yield (
            f"it began at {first[1]:.2f} nats, which is guessing: ln {vocabulary:,} = {guessing:.2f}; an "
            "untrained model gives every token the same chance."
        )


def evaluations(history: History) -> Iterator[str]:
    """Whether the last evaluation is the best, and what that means."""
    measure, best = history.measure, history.best
    if measure is None or best is None or history.columns[measure.key].count < 2:
        return
    last = history.columns[measure.key].curve.last
    assert last is not None
    side = "lowest" if measure.better == LOWER else "highest"
    if best[1] == last[2]:
        yield f"its last evaluation is its best ({measure.shown(best[0])}); it was still getting better."
        return
    before = last[2] - best[1]
    yield (
        f"its {side} {measure.label} was {measure.shown(best[0])} at step {best[1]:,}, {before:,} steps "
        f"before its last ({measure.shown(last[1])}); the later steps did not help, or it is noise."
    )
