"""The sections with figures: all runs in one table, each run in detail, runs of one kind side by side."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tools.core.report import Block, Cell, Column, Row, Rows, Section, Table, Value
from tools.dashboard.history import RECENT, History
from tools.dashboard.names import LOWER, METRICS, Metric, clock, metric_of

Cells = list[Cell | Value]
NOT_THERE = Cell(None, "–")


def runs_section(histories: Sequence[History]) -> Section:
    """A row for each run: how far, how good, how long still."""
    columns = [
        Column("run", "Run"), Column("stage", "Stage"), Column("step", "Step", "right"),
        Column("steps", "of", "right"), Column("smoothed", "Smoothed", "right"),
        Column("best", "Best", "right"), Column("best_step", "at", "right"),
        Column("seconds_left", "Left", "right"),
    ]  # fmt: skip
    return Section("Runs", [Table("runs", columns, [_run_row(one) for one in histories])], icon="🏃")


def _run_row(history: History) -> Cells:
    main, measure, best = history.main, history.measure, history.best
    row: Cells = [
        history.run.name,
        Cell(history.stage, history.stage or "–"),
        history.last_step,
        history.run.steps if history.run.steps is not None else NOT_THERE,
    ]
    if history.has(main.key):
        average = history.smoothed[main.key][0].now
        row.append(Cell(average, f"{main.short} {main.shown(average)}"))
    else:
        row.append(NOT_THERE)
    if measure is not None and best is not None:
        row += [Cell(best[0], f"{measure.short} {measure.shown(best[0])} {measure.arrow}"), best[1]]
    else:
        row += [NOT_THERE, NOT_THERE]
    left = history.seconds_left
    return [*row, NOT_THERE if left is None else Cell(left, clock(left) if history.steps_left else "done")]


def run_section(history: History, number: int) -> Section:
    """One run: where it stands, and every line's last, lowest, highest and mean value."""
    blocks: list[Block] = [Rows(list(_rows(history))), _figures(history)]
    title = f"{history.run.name} ({history.stage})" if history.stage else history.run.name
    return Section(title, blocks, icon="📈", key=f"run_{number}")


def _rows(history: History) -> list[Row]:
    run, main = history.run, history.main
    of = f" of {run.steps:,} ({history.last_step / run.steps:.1%})" if run.steps else ""
    rows = [
        Row("name", "Run", run.name),
        Row("step", "Step", history.last_step, f"{history.last_step:,}{of}"),
    ]
    if history.has("tokens"):
        tokens = history.columns["tokens"].curve.last
        rows.append(Row("tokens", "Tokens", int(tokens[1]) if tokens else None))
    if history.has(main.key):
        average, curve = history.smoothed[main.key]
        first = curve.first[1] if curve.first else math.nan
        words = f"{main.shown(average.now)} {main.unit}, from {main.shown(first)} at the start"
        rows.append(Row("smoothed", f"{main.label}, smoothed".capitalize(), average.now, words,
                        formula=f"running average that keeps {history.smoothing:g} of itself, / (1 - "
                                f"{history.smoothing:g}^{history.columns[main.key].count})"))  # fmt: skip
    if history.best is not None and history.measure is not None:
        rows.append(_best_row(history, history.measure, history.best))
    if history.elapsed:
        rows.append(Row("elapsed", "Training time", history.elapsed, clock(history.elapsed),
                        formula=f"sum of the seconds of {history.n_steps:,} steps"))  # fmt: skip
    if (pace := history.median_seconds) is not None:
        rows.append(Row("pace", "Time of a step", pace, f"{pace:.3g} s",
                        formula=f"median of the last {min(RECENT, history.n_steps)} steps"))  # fmt: skip
    if history.seconds_left is not None and history.steps_left is not None:
        left = (
            f"{clock(history.seconds_left)} for {history.steps_left:,} steps"
            if history.steps_left
            else "none"
        )
        rows.append(Row("seconds_left", "Time left", history.seconds_left, left,
                        formula=f"{history.steps_left:,} steps x {pace:.3g} s"))  # fmt: skip
    return rows


def _best_row(history: History, measure: Metric, best: tuple[float, int]) -> Row:
    count = history.columns[measure.key].count
    side = "lowest" if measure.better == LOWER else "highest"
    words = f"{measure.shown(best[0])} {measure.arrow} at step {best[1]:,}"
    return Row(
        "best", f"Best {measure.label}", best[0], words, formula=f"the {side} of {count:,} evaluations"
    )


def _figures(history: History) -> Table:
    columns = [
        Column("metric", "Metric"), Column("last", "Last", "right"), Column("lowest", "Lowest", "right"),
        Column("lowest_step", "at", "right"), Column("highest", "Highest", "right"),
        Column("highest_step", "at", "right"), Column("mean", "Mean", "right"),
    ]  # fmt: skip
    rows = []
    for key in [*(metric.key for metric in METRICS), *history.rate_groups, *history.others]:
        if history.has(key):
            rows.append(_figure_row(history, key))
    return Table("metrics", columns, rows, caption="↑ higher is better, ↓ lower is better")


def _figure_row(history: History, key: str) -> Cells:
    metric = history.loss if key == "loss" else metric_of(key)
    column = history.columns[key]
    low, high, last = column.curve.lowest, column.curve.highest, column.curve.last
    assert low is not None
    assert high is not None
    assert last is not None
    name = Cell(key, f"{metric.label} {metric.arrow}".strip())

    def cell(value: float) -> Cell:
        return Cell(value, metric.shown(value))

    return [name, cell(last[1]), cell(low[1]), low[2], cell(high[1]), high[2], cell(column.mean)]


def comparison_section(histories: Sequence[History]) -> Section | None:
    """Runs whose evaluations measure the same, the first against each other one; None if there are no two."""
    tables: list[Block] = []
    for measure in dict.fromkeys(one.measure for one in histories if one.measure is not None):
        for stage in dict.fromkeys(one.stage for one in histories):
            alike = [one for one in histories if one.measure is measure and one.stage == stage]
            if len(alike) > 1:
                tables.append(_comparison(measure, stage, alike))
    return Section("Side by side", tables, icon="⚖️", key="side_by_side") if tables else None


def _comparison(measure: Metric, stage: str, alike: Sequence[History]) -> Table:
    columns = [
        Column("run", "Run"), Column("best", f"Best {measure.label}", "right"),
        Column("step", "At step", "right"),
        Column("difference", "Against the first", "right"), Column("verdict", ""),
    ]  # fmt: skip
    first = alike[0].best
    rows: list[Cells] = []
    for one in alike:
        best = one.best
        assert best is not None
        assert first is not None
        difference = best[0] - first[0]
        words = verdict(measure, difference) if one is not alike[0] else ""
        shown = f"{difference:+.4f}" if one is not alike[0] else "–"
        rows.append(
            [one.run.name, Cell(best[0], measure.shown(best[0])), best[1], Cell(difference, shown), words]
        )
    caption = f"{stage or 'runs'}, by {measure.label}: {measure.arrow} {measure.better} is better"
    return Table(f"{measure.key}_{stage or 'runs'}", columns, rows, caption=caption)


def verdict(measure: Metric, difference: float) -> str:
    """Which way a figure went, and whether that is better.

    >>> from tools.dashboard.names import VAL_ACCURACY, VAL_BPB
    >>> verdict(VAL_BPB, -0.1), verdict(VAL_BPB, 0.1), verdict(VAL_ACCURACY, 0.1), verdict(VAL_BPB, 0.0)
    ('↓ better', '↑ worse', '↑ better', 'the same')
    """
    if difference == 0:
        return "the same"
    good = (difference < 0) == (measure.better == LOWER)
    return f"{'↓' if difference < 0 else '↑'} {'better' if good else 'worse'}"
