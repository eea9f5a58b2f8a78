"""Two trainings of microGPT side by side: at the suggested rate, and at another."""

from __future__ import annotations

from tools.core.report import (
    Block,
    Cell,
    Column,
    LineChart,
    Row,
    Rows,
    Section,
    Series,
    Table,
    Text,
    Value,
)
from tools.rates.analysis import smooth
from tools.rates.trained_here import COMPARED_STEPS, Trained

LAST = 10  # steps whose mean loss is shown
CLOSE = 0.04  # nats a letter: with ten seeds, a rate 2 % larger changed the loss of unseen names by as much


def trained_section(suggested: Trained, other: Trained, times: float, smoothing: float) -> Section:
    """The losses of both as they fell, how well each does on names it has not seen, and what it writes."""
    both = [("suggested", suggested), (f"{times:g}× suggested", other)]
    lines = [
        Series(f"{label}, {one.rate:.3g}", list(enumerate(smooth(one.losses, smoothing), 1)))
        for label, one in both
    ]
    columns = [
        Column("training", "Trained at"), Column("rate", "Rate", "right"),
        Column("highest", "Highest loss", "right"), Column("last", f"Last {LAST} steps", "right"),
        Column("held_out", "Unseen names", "right"),
    ]  # fmt: skip
    rows: list[list[Cell | Value]] = [
        [
            label, one.rate, round(max(one.losses), 3), round(sum(one.losses[-LAST:]) / LAST, 3),
            round(one.held_out, 3),
        ]
        for label, one in both
    ]  # fmt: skip
    written = [
        Row(f"written_{key}", f"Writes at {one.rate:.3g}", ", ".join(filter(None, one.written)) or "nothing")
        for key, one in (("suggested", suggested), ("other", other))
    ]
    blocks: list[Block] = [
        Text(
            f"microGPT, trained twice from the same beginning, {COMPARED_STEPS} steps each. The rate stays "
            "what it is: there is no warm-up and no warm-down."
        ),
        LineChart("losses", "Loss of two trainings", lines, "step", "loss, nats per letter, smoothed"),
        Table("trainings", columns, rows, "Losses in nats per letter"),
        Rows(written),
        Text(verdict(suggested.held_out, other.held_out, times), key="verdict"),
    ]
    return Section("Trained twice", blocks, icon="🏁", key="trained")


def verdict(suggested: float, other: float, times: float) -> str:
    """Which rate learned more, in a sentence.

    >>> verdict(2.46, 2.78, 10)
    'At the suggested rate it learned more: 2.46 on names it has not seen, and 2.78 at 10 times that rate.'
    """
    figures = f"{suggested:.2f} on names it has not seen, and {other:.2f} at {times:g} times that rate"
    if abs(suggested - other) < CLOSE:
        return f"The two learned about as much: {figures}. Such a small difference may be chance."
    if suggested < other:
        return f"At the suggested rate it learned more: {figures}."
    return (
        f"At the suggested rate it learned less: {figures}. The suggestion keeps away from the edge; it is "
        "where to begin, not the best rate there is."
    )
