"""Which curves a run has, smoothed and thinned out for drawing. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from nanochat.evaluation.report.blocks import Block, Figures, Heading, Table
from nanochat.evaluation.report.chart import Chart, Curve, Points
from nanochat.evaluation.report.record import BASE, RL, SFT, Report, StageRun
from nanochat.evaluation.report.words import NONE, three_digits

SMOOTHED_OVER, MOST_SMOOTHED_OVER = 0.04, 200  # of the run, and steps
MOST_DOTS = 30  # more would run into each other
MOST_POINTS = 300  # of a curve; more cannot be seen
MOST_ROWS = 9

Some = TypeVar("Some")

# Name in `metrics.jsonl`, title, unit, and whether a smoothed line lies over the steps.
LOSS = ("loss", "Loss", "nats per token", True)
SPEED = ("tokens_per_second", "Speed", "tokens a second", False)
CURVES = {
    BASE: (LOSS, ("val_bpb", "Validation", "bits per byte", False), SPEED),
    SFT: (LOSS, ("val_bpb", "Validation", "bits per byte of held-out answers", False), SPEED),
    RL: (
        ("reward", "Reward", "mean grade of a step", True),
        ("val_accuracy", "Validation", "share right of held-out questions", False),
        ("reply_tokens", "Length of a reply", "tokens", True),
        SPEED,
    ),
}


def curves_of(stage: StageRun) -> Sequence[tuple[str, str, str, bool]]:
    """What is drawn of a stage."""
    return CURVES.get(stage.stage, CURVES[BASE])


def curve_blocks(report: Report) -> list[Block]:
    """The part of the page."""
    blocks: list[Block] = [Heading(2, "Curves")]
    for stage in report.present:
        if charts := charts_of(stage):
            blocks += [Heading(3, f"{stage.stage.upper()}: {stage.name}"), Figures(charts, points_of(stage))]
    return blocks if len(blocks) > 1 else []


def charts_of(stage: StageRun) -> list[Chart]:
    """The pictures of a run; what it did not measure has none."""
    found = []
    for name, title, unit, is_smoothed in curves_of(stage):
        points = stage.series(name)
        if not points:
            continue
        has_dots = name.startswith("val_") and len(points) <= MOST_DOTS
        curves = [Curve(title.lower(), thinned(points), dots=has_dots)]
        if is_smoothed:
            curves = [
                Curve("each step", thinned(points), faint=True),
                Curve("smoothed", thinned(smoothed(points))),
            ]
        found.append(Chart(title, unit, curves))
    if rates := rate(stage):
        found.insert(
            -1, Chart("Learning rate", "share of its peak", [Curve("learning rate", thinned(rates))])
        )
    return found


def rate(stage: StageRun) -> list[tuple[float, float]]:
    """The learning rate as a share of its peak: the schedule is the same for every group of parameters."""
    group = next((name for line in stage.lines for name in line.rates), "")
    points = [(line.step, line.rates[group]) for line in stage.lines if group in line.rates]
    peak = max((value for _, value in points), default=0.0)
    return [(step, value / peak) for step, value in points] if peak > 0 else []


def smoothed(points: Points) -> list[tuple[float, float]]:
    """A mean of each point and those before it, the nearer the more (exponential moving average).

    Divided by the weights that it has gathered, so that the first points count in full (Kingma and Ba 2015,
    Adam, arXiv 1412.6980, section 3).

    >>> smoothed([(1, 4.0), (2, 4.0), (3, 1.0)])[1]
    (2, 4.0)
    """
    keep = 1 - 1 / min(max(2.0, SMOOTHED_OVER * len(points)), MOST_SMOOTHED_OVER)
    total = weight = 0.0
    found = []
    for step, value in points:
        total, weight = keep * total + (1 - keep) * value, keep * weight + (1 - keep)
        found.append((step, total / weight))
    return found


def thinned(points: Points, most: int = MOST_POINTS) -> Points:
    """About so many points: of each stretch the lowest and the highest, and the two ends.

    >>> thinned([(step, step % 10) for step in range(100)], most=6)
    [(0, 0), (9, 9), (39, 9), (40, 0), (69, 9), (70, 0), (99, 9)]
    """
    if len(points) <= most:
        return points
    stretches = max(1, most // 2)
    edges = [len(points) * place // stretches for place in range(stretches + 1)]
    found = [points[0]]
    for start, end in pairwise(edges):
        stretch = points[start:end]
        found += sorted({min(stretch, key=lambda one: one[1]), max(stretch, key=lambda one: one[1])})
    return sorted({*found, points[-1]})


def points_of(stage: StageRun) -> Table:
    """Some points of the curves as a table: steps that were evaluated, or spread over the run."""
    names = [name for name, *_ in curves_of(stage) if stage.series(name)]
    evaluated = [line for line in stage.lines if any(one.startswith("val_") for one in line.figures)]
    lines = spread([stage.lines[0], *(evaluated if len(evaluated) > 1 else stage.lines[1:])])
    rows = [
        [f"{line.step:,}", *(three_digits(line[name]) if name in line else NONE for name in names)]
        for line in lines
    ]
    head = ["step", *(name.replace("val_", "validation ").replace("_", " ") for name in names)]
    return Table(f"Points of the curves of {stage.name}", head, rows)


def spread(things: Sequence[Some], most: int = MOST_ROWS) -> list[Some]:
    """At most so many of some things, the first and the last among them.

    >>> spread(range(100), most=4)
    [0, 33, 66, 99]
    """
    if len(things) <= most:
        return list(things)
    return [things[place * (len(things) - 1) // (most - 1)] for place in range(most)]
