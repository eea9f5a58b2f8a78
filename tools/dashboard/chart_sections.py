"""The section with the charts: one for each metric, with a line for each run."""

from __future__ import annotations

from collections.abc import Sequence

from tools.core.errors import UsageError
from tools.core.report import LineChart, Section, Series, slug
from tools.core.words import listing, nearest, say
from tools.dashboard.history import X_AXES, History
from tools.dashboard.names import BY_KEY, LOSS, POLICY_LOSS, RATES, REWARD, Metric, metric_of
from tools.dashboard.question import CHARTS, Question

MOST_LINES = 6
"""In one chart: there are six colours."""
FIRST_CHOICE = "lr/matrices"
GIB = 2**30
LEAST_WAIT = 0.01
Lines = Sequence[tuple[str, Sequence[tuple[float, float]]]]


def charts_section(histories: Sequence[History], question: Question) -> Section:
    """Every chart that was asked for, or every one there is."""
    found: list[LineChart] = []
    for key in question.show or [key for key in CHARTS if worth_drawing(key, histories)]:
        charts = list(charts_of(key, histories, question))
        if not charts and question.show:
            raise UsageError(f"--show {key}: no run has it; {there_is(histories)}", parameter="show")
        found += charts
    for key in filter(None, map(str.strip, question.also)):  # a form's empty field is one empty line
        found += also_charts(key, histories, question)
    return Section("Curves", found, icon="📉", key="curves")


def worth_drawing(key: str, histories: Sequence[History]) -> bool:
    """Whether a chart is drawn unasked: the time of a step says what the speed says, and no wait says
    nothing."""
    if key == "wait_share":
        highest = [one.columns[key].curve.highest for one in histories if one.has(key)]
        return any(point is not None and point[1] >= LEAST_WAIT for point in highest)
    return key != "seconds"


def there_is(histories: Sequence[History]) -> str:
    """What could be drawn."""
    keys = [
        key for key in CHARTS if any(one.has(key) or (key == "lr" and one.rate_groups) for one in histories)
    ]
    return f"there is {listing(keys, 'and')}"


def charts_of(key: str, histories: Sequence[History], question: Question) -> list[LineChart]:
    """The charts of one metric."""
    if key == "lr":
        return rate_charts(histories, question)
    having = [one for one in histories if one.has(key)]
    if key == LOSS.key:
        tokens = [one for one in having if not one.is_rl]
        policy = [one for one in having if one.is_rl]
        return smoothed_charts(LOSS, tokens, question) + smoothed_charts(POLICY_LOSS, policy, question)
    if key == REWARD.key:
        return smoothed_charts(REWARD, having, question)
    return [chart(BY_KEY[key], having, question)] if having else []


def smoothed_charts(metric: Metric, histories: Sequence[History], question: Question) -> list[LineChart]:
    """A noisy line: each step and the running average; of several runs one chart for each of the two."""
    if not histories:
        return []
    name = "policy_loss" if metric is POLICY_LOSS else metric.key
    raw = [(one.run.name, one.columns[metric.key].curve.points()) for one in histories]
    smooth = [(one.run.name, one.smoothed[metric.key][1].points()) for one in histories]
    title = metric.label[:1].upper() + metric.label[1:]
    log = question.log and metric is LOSS
    if len(histories) == 1:
        lines = [("each step", raw[0][1]), (f"smoothed, keeping {question.smoothing:g}", smooth[0][1])]
        return [draw(name, f"{title} of {histories[0].run.name}", lines, question, metric.unit, log)]
    return [
        draw(f"{name}_smoothed", f"{title}, smoothed", smooth, question, metric.unit, log),
        draw(name, f"{title} of each step", raw, question, metric.unit, log),
    ]


def chart(metric: Metric, histories: Sequence[History], question: Question) -> LineChart:
    """A metric of every run that has it."""
    scale = GIB if metric.key == "memory_bytes" else 1
    lines = [
        (one.run.name, [(x, y / scale) for x, y in one.columns[metric.key].curve.points()])
        for one in histories
    ]
    title = metric.label[:1].upper() + metric.label[1:]
    of = f" of {histories[0].run.name}" if len(histories) == 1 else ""
    return draw(slug(metric.key), title + of, lines, question, metric.unit)


def rate_charts(histories: Sequence[History], question: Question) -> list[LineChart]:
    """Learning rates: all groups of one run, or of several runs one group each."""
    having = [one for one in histories if one.rate_groups]
    if not having:
        return []
    if len(histories) == 1 and question.lr_group is None:
        return rates_of_one(having[0], question)
    group = chosen_group(having, question.lr_group)
    lines = [(one.run.name, one.columns[group].curve.points()) for one in having if one.has(group)]
    return [draw("lr", f"Learning rate, {group}", lines, question, "learning rate")]


def rates_of_one(history: History, question: Question) -> list[LineChart]:
    """All groups of a run, like with like, in charts with as many lines as there are colours."""
    groups = history.rate_groups
    n_charts = -(-len(groups) // MOST_LINES)
    size = -(-len(groups) // n_charts)
    found = []
    for number, start in enumerate(range(0, len(groups), size)):
        lines = [
            (group.removeprefix(RATES), history.columns[group].curve.points())
            for group in groups[start : start + size]
        ]
        title = f"Learning rate of {history.run.name}" + (f", groups {start + 1} to {start + len(lines)}"
                                                          if n_charts > 1 else "")  # fmt: skip
        found.append(
            draw("lr" if number == 0 else f"lr_{number + 1}", title, lines, question, "learning rate", True)
        )
    return found


def chosen_group(histories: Sequence[History], asked: str | None) -> str:
    """The group to draw: the one asked for, else the matrices, else the first."""
    known = list(dict.fromkeys(group for one in histories for group in one.rate_groups))
    if asked is None:
        return FIRST_CHOICE if FIRST_CHOICE in known else known[0]
    for group in (asked, RATES + asked):
        if group in known:
            return group
    names = [group.removeprefix(RATES) for group in known]
    hint = nearest(asked, names) or f"; there are {listing(names, 'and')}"
    raise UsageError(f"--lr-group: there is no group {say(asked)}{hint}", parameter="lr_group")


def also_charts(key: str, histories: Sequence[History], question: Question) -> list[LineChart]:
    """A key that somebody asks for by its name in the file."""
    having = [one for one in histories if one.has(key)]
    if not having:
        known = list(dict.fromkeys(key for one in histories for key in one.columns if one.has(key)))
        hint = nearest(key, known) or f"; there are {listing(known, 'and')}"
        raise UsageError(f"--also: no run has {say(key)}{hint}", parameter="also")
    found = chart(metric_of(key), having, question)
    return [LineChart(f"also_{found.key}", key, found.series, found.x_label, found.y_label)]


def draw(key: str, title: str, lines: Lines, question: Question, unit: str, log: bool = False) -> LineChart:
    """A chart over what goes to the right."""
    series = [Series(label, points) for label, points in lines]
    return LineChart(key, title, series, X_AXES[question.x], unit, y_log=log)
