"""The report of the learning-rate finder: the suggestions, each sweep with its curve, the command."""

from __future__ import annotations

import math

from nanochat.train.rate_groups import RATE_GROUPS
from tools.core.report import (
    Block,
    Cell,
    Code,
    Column,
    LineChart,
    Notes,
    Row,
    Rows,
    Section,
    Series,
    Table,
    Text,
)
from tools.rates.analysis import Mark, Reading
from tools.rates.flags import microgpt_command, train_command
from tools.rates.sweep import ALL, RangeTest, Sweep

HEADROOM = 0.5  # of the fall: how far above its start a curve is drawn; a diverged one would hide the rest


def times(mark: Mark | None) -> Cell:
    """A mark as a cell of a table."""
    return Cell(None, "none") if mark is None else Cell(mark.factor, factor(mark.factor))


def factor(value: float) -> str:
    """A factor in words.

    >>> factor(0.4), factor(12.34)
    ('0.4×', '12.3×')
    """
    return f"{value:.3g}×"


def name_of(group: str) -> str:
    """A group as flags name it.

    >>> name_of("x0_scalars")
    'x0-scalars'
    """
    return group.replace("_", "-")


def tested_section(test: RangeTest, file: str) -> Section:
    """What was tested."""
    header, settings = test.header, test.header.get("settings", {})
    tokens = header.get("tokenizer", {})
    rows = [
        Row("file", "Sweep", file),
        Row("depth", "Layers", settings.get("depth")),
        Row("corpus", "Text", header.get("corpus", {}).get("name")),
        Row("n_vocab", "Letters" if test.is_microgpt else "Vocabulary", tokens.get("n_vocab")),
        Row("weights", "Weights", header.get("weights")),
        Row("batch_tokens", "Tokens a step", header.get("batch_tokens")),
        Row("batch_names", "Names a step", header.get("batch_names")),
        Row("start_step", "Begins at step", header.get("start_step")),
        Row("seed", "Seed", settings.get("seed")),
        Row("low", "From", header["low"], f"{factor(header['low'])} the configured rates"),
        Row("high", "To", header["high"], f"{factor(header['high'])} the configured rates"),
        Row("steps", "Steps a sweep", test.steps),
        Row("device", "Measured on", header.get("device")),
        Row("seconds", "Time", seconds(test), duration(seconds(test))),
    ]
    return Section(
        "What was tested", [Rows([row for row in rows if row.value is not None])], icon="🧪", key="tested"
    )


def seconds(test: RangeTest) -> float:
    """How long all sweeps took."""
    return round(sum(sweep.seconds for sweep in (test.control, *test.sweeps.values())), 1)


def duration(seconds: float) -> str:
    """A time that has passed.

    >>> duration(4.21), duration(312)
    ('4.2 seconds', '5.2 minutes')
    """
    return f"{seconds:.1f} seconds" if seconds < 60 else f"{seconds / 60:.1f} minutes"


def summary_section(test: RangeTest, readings: dict[str, Reading]) -> Section:
    """One line a group."""
    columns = [
        Column("group", "Group"), Column("rate", "Configured", "right"),
        Column("steepest", "Steepest", "right"), Column("lowest", "Lowest", "right"),
        Column("diverged", "Diverges", "right"), Column("suggestion", "Suggested", "right"),
        Column("suggested_rate", "Rate", "right"),
    ]  # fmt: skip
    rows: list[list[Cell | str]] = []
    for group, reading in readings.items():
        rate, found = test.rates.get(group), reading.suggestion
        suggested = rate * found if rate is not None and found is not None else None
        rows.append([
            name_of(group),
            Cell(rate, "each its own" if rate is None else f"{rate:.3g}"),
            times(reading.steepest), times(reading.lowest), times(reading.diverged),
            Cell(found, "none" if found is None else factor(found)),
            Cell(suggested, "" if suggested is None else f"{suggested:.3g}"),
        ])  # fmt: skip
    caption = "In times the configured rate (×)"
    return Section("Suggestions", [Table("groups", columns, rows, caption)], icon="🎯", key="suggestions")


def group_section(test: RangeTest, sweep: Sweep, reading: Reading) -> Section:
    """One sweep: its curve with the marks, the figures, the reason."""
    group = sweep.group
    single = group != ALL
    everything = "all weights at one rate" if test.is_microgpt else "every group by a common factor"
    what = RATE_GROUPS.get(group, "") if single else everything
    blocks: list[Block] = [Text(f"{what[:1].upper()}{what[1:]}.")] if what else []
    blocks += [
        chart(sweep, reading, loss_label(test, single)),
        Rows(figures(test, sweep, reading)),
    ]
    blocks.append(Text(reading.reason, key="reason"))
    return Section(f"The sweep of {name_of(group)}", blocks, icon="📉", key=group)


def loss_label(test: RangeTest, single: bool) -> str:
    """What the losses of a sweep are, on the axis of its chart."""
    if test.is_microgpt:
        return "loss, nats per letter"
    return "loss over the control's, nats" if single and test.control.losses else "loss, nats per token"


def chart(sweep: Sweep, reading: Reading, y_label: str) -> LineChart:
    """Losses, their average, and the marks as lines that stand."""
    ceiling, floor = bounds(reading)
    series = [
        Series(
            "each batch", [point for point in reading.raw if math.isfinite(point[1]) and point[1] <= ceiling]
        ),
        Series("smoothed", [point for point in reading.curve if point[1] <= ceiling]),
    ]
    marks = [("steepest", reading.steepest), ("lowest", reading.lowest), ("diverged", reading.diverged)]
    for label, mark in marks:
        if mark is not None:
            series.append(Series(label, [(mark.factor, floor), (mark.factor, ceiling)]))
    if reading.suggestion is not None:
        series.append(Series("suggested", [(reading.suggestion, floor), (reading.suggestion, ceiling)]))
    return LineChart(
        "chart", f"Loss as the rate of {name_of(sweep.group)} rises", series,
        x_label="times the configured rate", y_label=y_label, x_log=True,
    )  # fmt: skip


def bounds(reading: Reading) -> tuple[float, float]:
    """The highest and lowest loss to draw."""
    values = [value for _, value in (reading.curve or reading.raw) if math.isfinite(value)]
    if not values:
        return 1.0, 0.0
    if reading.lowest is None or math.isnan(reading.start):
        return max(values), min(values)
    low, start = reading.lowest.value, reading.start
    raw = [value for _, value in reading.raw if math.isfinite(value)]
    ceiling = start + HEADROOM * max(start - low, reading.noise)
    return min(ceiling, max(raw)), min(low, min(raw))


def figures(test: RangeTest, sweep: Sweep, reading: Reading) -> list[Row]:
    """The figures of one sweep, each with how it came about."""
    rows = [Row("n_steps", "Steps measured", len(sweep.losses), f"{len(sweep.losses)} of {test.steps}")]
    rate = test.rates.get(sweep.group)
    if rate is not None:
        rows.append(Row("rate", "Configured rate", rate, f"{rate:.4g}"))
    if reading.lowest is None:
        return rows
    start, low, steepest, diverged = reading.start, reading.lowest, reading.steepest, reading.diverged
    rows += [
        Row("start", "Highest average before", start, f"{start:.3f}"),
        Row("lowest_loss", "Lowest average", low.value, f"{low.value:.3f} at {factor(low.factor)}"),
        Row("fall", "Fall", start - low.value, f"{start - low.value:.3f}",
            formula=f"{start:.3f} - {low.value:.3f} = {start - low.value:.3f}"),
        Row("noise", "Chance in an average", reading.noise, f"{reading.noise:.3f}"),
    ]  # fmt: skip
    if steepest is not None:
        slope = steepest.slope * math.log(10)
        rows.append(Row("steepest", "Steepest descent", steepest.factor,
                        f"{slope:.2f} for ten times the rate, at {factor(steepest.factor)}"))  # fmt: skip
    if diverged is not None:
        said = f"at {factor(diverged.factor)}"
        if math.isnan(diverged.value):
            said += ": the loss is no number"
        rows.append(Row("diverged", "Diverges", diverged.factor, said))
    if reading.suggestion is not None and steepest is not None:
        said = f"{factor(reading.suggestion)} the configured rate"
        rows.append(Row(
            "suggestion", "Suggested", reading.suggestion, said,
            formula=f"sqrt({steepest.factor:.3g} × {low.factor:.3g}) = {reading.suggestion:g}",
        ))  # fmt: skip
    return rows


def notes(test: RangeTest, readings: dict[str, Reading], share: float) -> Notes:
    """What the figures say, computed."""
    said = []
    for group, reading in readings.items():
        if reading.suggestion is None or reading.lowest is None or reading.steepest is None:
            continue
        ratio = reading.lowest.factor / reading.suggestion
        said.append(
            f"{name_of(group)}: the lowest loss stands at {ratio:.2g} times the suggested rate. It was "
            f"reached after {reading.lowest.index + 1} steps at smaller rates; it says where falling ends, "
            "not what to train at."
        )
    n_vocab = test.header.get("tokenizer", {}).get("n_vocab")
    everything = readings.get(ALL)
    if isinstance(n_vocab, int) and n_vocab > 1 and everything and everything.lowest:
        chance, low = math.log(n_vocab), everything.lowest.value
        said.append(
            f"Guessing among {n_vocab:,} tokens costs ln {n_vocab:,} = {chance:.2f} nats. Four times the "
            f"lowest average would be {4 * low:.1f}: the usual rule for divergence would wait for a loss far "
            f"worse than guessing. Here it is {share:.0%} of the fall that must be lost again."
        )
    singles = [group for group in readings if group != ALL and readings[group].suggestion is not None]
    if singles:
        said.append(
            "A single group was swept with the others at their configured rates, and is read against a "
            "control on the same batches with all of them there. Two changes together were not measured."
        )
    return Notes(said)


def command_section(test: RangeTest, readings: dict[str, Reading]) -> Section:
    """The flags to give, as the last thing the report says."""
    found = {group: one.suggestion for group, one in readings.items() if one.suggestion is not None}
    blocks: list[Block] = []
    if not found:
        blocks.append(Text("There is no suggestion, so there is no command to give.", key="none"))
    for group, value in found.items():
        if test.is_microgpt:
            blocks.append(Code("train_microgpt", microgpt_command(test, value), "microGPT at this rate:"))
            continue
        caption = "All groups by a common factor:" if group == ALL else f"Only {name_of(group)}:"
        blocks.append(Code(f"train_{group}", train_command(test, {group: value}), caption))
    return Section("Flags to give", blocks, icon="🚀", key="command")
