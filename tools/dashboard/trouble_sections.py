"""The section that names what went wrong: spikes, divergence, values that are no numbers, gaps, steps that go
back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tools.core.report import Block, Cell, Column, Section, Table, Text, Value
from tools.dashboard.history import History
from tools.dashboard.names import metric_of
from tools.dashboard.trouble import RULE, Spike

SHOWN = 5
"""Of one kind in one run; the rest is counted."""
NAMES = {"loss": "spike of the loss", "grad_norm": "spike of the gradient norm", "seconds": "slow step",
         "reward": "fall of the reward"}  # fmt: skip


@dataclass(frozen=True)
class Event:
    """Something that happened at a step, or from a step on."""

    step: int
    kind: str
    said: str


def trouble_section(histories: Sequence[History]) -> Section:
    """A row for each trouble, run by run and step by step."""
    rows: list[list[Cell | Value]] = [
        [history.run.name, event.step, event.kind, event.said]
        for history in histories
        for event in sorted(events_of(history), key=lambda event: event.step)
    ]
    blocks: list[Block] = []
    if rows:
        columns = [
            Column("run", "Run"),
            Column("step", "Step", "right"),
            Column("kind", "What"),
            Column("said", "How"),
        ]
        blocks.append(Table("events", columns, rows))
    else:
        blocks.append(Text("No spike, no divergence, no value that is not a number, no gap."))
    blocks.append(Text(f"A spike lies {RULE}. Diverged means what makes the trainer stop a run: the running "
                       "average of the loss is one nat above its lowest."))  # fmt: skip
    return Section("Trouble", blocks, icon="🚨", key="trouble")


def events_of(history: History) -> Iterator[Event]:
    """Everything of one run that is worth a look."""
    yield from spikes_of(history)
    for key, column in history.columns.items():
        bad = column.no_numbers
        if bad.count:
            until = f", the last at {bad.last:,}" if bad.count > 1 else ""
            yield Event(bad.first, "not a number", f"{key} is NaN or infinite in {steps(bad.count)}{until}")
    if (found := history.divergence) is not None:
        back = "" if found.last == history.last_step else f"; it came back after step {found.last:,}"
        yield Event(found.step, "diverged", found.said + back)
    yield from breaks_of(history)


def spikes_of(history: History) -> Iterator[Event]:
    """The largest spikes of each line that is watched."""
    for key, watch in history.spikes.items():
        if key == "loss" and history.is_rl:  # noise around zero: a policy gradient has no height to fall from
            continue
        largest = watch.largest()[:SHOWN]
        for spike in largest:
            yield Event(spike.first, NAMES[key], spike_words(key, spike))
        if watch.count > len(largest):
            yield Event(
                history.last_step, NAMES[key], f"{watch.count - len(largest):,} smaller ones are not listed"
            )


def spike_words(key: str, spike: Spike) -> str:
    """How far, and how long."""
    shown = metric_of(key).shown
    at = f" at step {spike.step:,}" if spike.step != spike.first else ""
    until = f", until step {spike.last:,}" if spike.last > spike.first else ""
    return f"{shown(spike.value)}{at}, {spike.deviations:,.0f} deviations from {shown(spike.median)}{until}"


def breaks_of(history: History) -> Iterator[Event]:
    """Gaps, steps that go back, and lines that are no steps."""
    for before, after in history.strides.gaps():
        yield Event(
            after, "gap", f"{steps(after - before - history.strides.usual)} missing after step {before:,}"
        )
    shown = len(history.strides.gaps())
    if history.strides.n_gaps > shown:
        yield Event(history.last_step, "gap", f"{history.strides.n_gaps - shown:,} more gaps are not listed")
    cuts, source = history.cuts, history.source
    if cuts is not None:
        for line, last, step in cuts.first_resumes:
            yield Event(step, "resumed", f"line {line:,} goes back from step {last:,}; the later lines count")
        if cuts.resumes > len(cuts.first_resumes):
            yield Event(
                history.last_step, "resumed", f"{cuts.resumes - len(cuts.first_resumes):,} more times"
            )
        if cuts.repeats:
            yield Event(
                history.last_step,
                "repeated",
                f"{steps(cuts.repeats)} written twice in a row; the last counts",
            )
    if source is not None and source.cut_line is not None:
        yield Event(
            history.last_step, "cut line", f"line {source.cut_line:,} stops in its middle; it is left out"
        )


def steps(count: int) -> str:
    """So many steps in words."""
    return f"{count:,} step{'' if count == 1 else 's'}"
