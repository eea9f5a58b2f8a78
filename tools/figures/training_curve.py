"""Interactive figure: the curves of a real run, the laptop speedrun that is kept in the repository."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tools.core import parameters as ask
from tools.core.report import LineChart, Report, Row, Rows, Section, Series
from tools.core.tool import Tool, UsageError
from tools.core.words import listing
from tools.figures.laptop_run import read_run

STAGES = {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning"}
METRICS = {
    "loss": "loss",
    "val_bpb": "bits per byte, unseen text",
    "lr": "learning rate of the matrices",
    "grad_norm": "length of the gradient",
    "tokens_per_second": "tokens a second",
    "reward": "share of answers that were right",
    "val_accuracy": "share of unseen questions solved",
}
LINEAR, LOG_X, LOG_Y, LOG_BOTH = "linear", "log-x", "log-y", "log-both"
AXES = {
    LINEAR: "both linear",
    LOG_X: "steps logarithmic",
    LOG_Y: "values logarithmic",
    LOG_BOTH: "both logarithmic",
}
Points = Sequence[tuple[int, float]]


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    stage: str = ask.choice("base", STAGES, "which part of the training")
    metric: str = ask.choice("loss", METRICS, "what was written down at each step")
    smoothing: float = ask.number(
        0.8, "how much of the earlier steps is kept; 0: none", low=0, high=0.98, step=0.02
    )
    axes: str = ask.choice(LINEAR, AXES, "logarithmic: equal steps multiply")


def smooth(points: Points, keep: float) -> list[tuple[int, float]]:
    """A running average: at each step, `keep` of the old average and the rest of the new value.

    At the beginning the average starts from nothing, so it is divided by the weight there is (as in Adam,
    Kingma and Ba 2015, arXiv 1412.6980, section 3).

    >>> smooth([(1, 4.0), (2, 8.0)], 0.5)
    [(1, 4.0), (2, 6.666666666666667)]
    """
    average, found = 0.0, []
    for number, (step, value) in enumerate(points, 1):
        average = keep * average + (1 - keep) * value
        found.append((step, average / (1 - keep**number)))
    return found


def points_of(question: Question) -> Points:
    """The points that were asked for, or an error that says what there is."""
    metrics = read_run()[question.stage]
    if question.metric not in metrics:
        known = listing([METRICS[metric] for metric in metrics], "and")
        raise UsageError(
            f"--metric: {STAGES[question.stage]} wrote down no {METRICS[question.metric]}; there are {known}",
            parameter="metric",
        )
    return metrics[question.metric]


def run(question: Question) -> Report:
    """The curve, raw and smooth.

    >>> run(Question()).sections[0].blocks[0].title
    'Pretraining: loss'
    """
    points = points_of(question)
    smoothed = smooth(points, question.smoothing)
    name = METRICS[question.metric]
    lines = [Series("each step", points)]
    if question.smoothing:
        lines.append(Series("running average", smoothed))
    x_log, y_log = question.axes in (LOG_X, LOG_BOTH), question.axes in (LOG_Y, LOG_BOTH)
    title = f"{STAGES[question.stage].capitalize()}: {name}"
    best = min(points, key=lambda point: point[1])
    top = max(points, key=lambda point: point[1])
    rows = [
        Row("first", f"Step {points[0][0]}", points[0][1], f"{points[0][1]:,.4g}"),
        Row("last", f"Step {points[-1][0]}", points[-1][1], f"{points[-1][1]:,.4g}"),
        Row("average", "Running average there", smoothed[-1][1], f"{smoothed[-1][1]:,.4g}"),
        Row("lowest", "Lowest", best[1], f"{best[1]:,.4g} at step {best[0]}"),
        Row("highest", "Highest", top[1], f"{top[1]:,.4g} at step {top[0]}"),
    ]
    chart = LineChart("curve", title, lines, "step", name, x_log, y_log)
    return Report(
        "Training curve",
        [Section("Curve", [chart, Rows(rows)])],
        says=(
            f"{STAGES[question.stage].capitalize()}, {name}: from {points[0][1]:,.4g} at step "
            f"{points[0][0]} to {points[-1][1]:,.4g} at step {points[-1][0]}."
        ),
    )


TOOL = Tool(
    name="figures/training-curve",
    title="Training curve",
    summary="Look at a real run: choose a stage, what to see of it, and how smooth.",
    parameters=Question,
    run=run,
    headings=False,
    details="The run is the laptop speedrun, on two cores without a GPU, kept in the repository.",
)
