"""The history of one run: each of its lines as a curve, its totals exact, its troubles named.

Steps are taken in one after the other and forgotten. They are worked on in blocks, because summing a few
hundred numbers at once is much faster than one at a time.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from statistics import median

from nanochat.train.guard import Guard
from tools.core.errors import ToolError
from tools.dashboard.curve import Average, Curve
from tools.dashboard.lines import MOST_KEYS, Cuts, Found, Steps, WentBack, figures_of, find_cuts
from tools.dashboard.names import LOSS, METRICS, POLICY_LOSS, RATES, REWARD, VAL_ACCURACY, VAL_BPB, Metric
from tools.dashboard.runs import Run
from tools.dashboard.trouble import NoNumbers, SpikeWatch, Strides

BLOCK = 512
RECENT = 100
"""Steps of which the median time says how long the next ones will take."""
SIDES = {"loss": 1, "grad_norm": 1, "seconds": 1, "reward": -1}
"""The lines that are watched for spikes; a reward is watched for falls."""
SMOOTHED = ("loss", "reward")
X_AXES = {"step": "steps", "tokens": "tokens trained on", "seconds": "seconds of training"}


@dataclass
class Column:
    """All values of one key."""

    curve: Curve = field(default_factory=Curve)
    count: int = 0  # of finite values
    total: float = 0.0
    no_numbers: NoNumbers = field(default_factory=NoNumbers)
    xs: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean of all finite values."""
        return self.total / self.count if self.count else math.nan

    def work(self) -> None:
        """Take in the block."""
        self.curve.extend(self.xs, self.values, self.steps)
        total = sum(self.values)
        if math.isfinite(total):
            self.total += total
            self.count += len(self.values)
        else:
            for step, value in zip(self.steps, self.values, strict=True):
                if math.isfinite(value):
                    self.total += value
                    self.count += 1
                else:
                    self.no_numbers.take(step)
        self.xs, self.values, self.steps = [], [], []


@dataclass
class Divergence:
    """Where the trainer's guard would have stopped the run."""

    step: int
    said: str
    last: int  # the last step at which it still would


@dataclass
class History:
    """What is known of a run after any number of steps."""

    run: Run
    x: str = "step"
    smoothing: float = 0.9
    columns: dict[str, Column] = field(default_factory=dict)
    smoothed: dict[str, tuple[Average, Curve]] = field(default_factory=dict)
    spikes: dict[str, SpikeWatch] = field(default_factory=dict)
    strides: Strides = field(default_factory=Strides)
    guard: Guard = field(default_factory=Guard)
    divergence: Divergence | None = None
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    n_steps: int = 0
    first_step: int = 0
    last_step: int = 0
    elapsed: float = 0.0
    pending: int = 0
    texts: set[str] = field(default_factory=set)
    cuts: Cuts | None = None
    source: Steps | None = None  # where it was read from, and how far

    def add(self, step: int, found: Found, place: str) -> None:
        """One more step."""
        values = figures_of(found, place)
        if len(found) > len(values) + 1:
            self.texts.update(key for key, value in found.items() if isinstance(value, (str, bool)))
        if self.n_steps:
            self.strides.take(self.last_step, step)
        else:
            self.first_step = step
        self.n_steps += 1
        self.last_step = step
        seconds = values.get("seconds", 0.0)
        if 0 <= seconds < math.inf:
            self.elapsed += seconds
        x = self._place(step, values, place)
        for key, value in values.items():
            column = self.columns.get(key)
            if column is None:
                column = self._new(key, place)
            column.xs.append(x)
            column.values.append(value)
            column.steps.append(step)
        self.pending += 1
        if self.pending >= BLOCK:
            self.flush()

    def _place(self, step: int, values: dict[str, float], place: str) -> float:
        if self.x == "step":
            return step
        if self.x == "seconds":
            return self.elapsed
        if "tokens" not in values:
            raise ToolError(f'{place}: there is no "tokens" in this line; use --x step', parameter="x")
        return values["tokens"]

    def _new(self, key: str, place: str) -> Column:
        if len(self.columns) >= MOST_KEYS:
            raise ToolError(f"{place}: more than {MOST_KEYS:,} different keys; this is no file of metrics")
        return self.columns.setdefault(key, Column())

    def flush(self) -> None:
        """Work on the steps that wait."""
        if not self.pending:
            return
        self._watch()
        for key in SMOOTHED:
            if key in self.columns and self.columns[key].values:
                column = self.columns[key]
                average, curve = self.smoothed.setdefault(key, (Average(self.smoothing), Curve()))
                curve.extend(column.xs, list(map(average.take, column.values)), column.steps)
        for column in self.columns.values():
            column.work()
        self.pending = 0

    def _watch(self) -> None:
        for key, side in SIDES.items():
            if key in self.columns:
                watch = self.spikes.setdefault(key, SpikeWatch(side))
                for step, value in zip(self.columns[key].steps, self.columns[key].values, strict=True):
                    if math.isfinite(value):
                        watch.take(step, value)
        if "seconds" in self.columns:
            self.recent.extend(value for value in self.columns["seconds"].values if 0 <= value < math.inf)
        if "loss" in self.columns:
            for step, value in zip(self.columns["loss"].steps, self.columns["loss"].values, strict=True):
                if math.isfinite(value) and (complaint := self.guard.complaint(value, 0.0)):
                    if self.divergence is None:
                        self.divergence = Divergence(step, complaint, step)
                    self.divergence.last = step

    @property
    def is_rl(self) -> bool:
        """Whether it learns from rewards, so that its loss says little."""
        return self.run.stage == "rl" or "reward" in self.columns

    @property
    def stage(self) -> str:
        """base, sft or rl; without a config only rl can be told by its metrics."""
        return self.run.stage or ("rl" if self.is_rl else "")

    @property
    def loss(self) -> Metric:
        """What the loss of this run is."""
        return POLICY_LOSS if self.is_rl else LOSS

    @property
    def measure(self) -> Metric | None:
        """What its evaluations measure."""
        return next((one for one in (VAL_ACCURACY, VAL_BPB) if self.has(one.key)), None)

    @property
    def best(self) -> tuple[float, int] | None:
        """The best evaluation and its step: the lowest bits per byte, or the highest accuracy."""
        if self.measure is None:
            return None
        curve = self.columns[self.measure.key].curve
        point = curve.highest if self.measure is VAL_ACCURACY else curve.lowest
        return (point[1], point[2]) if point else None

    @property
    def main(self) -> Metric:
        """The line to look at first: the reward of rl, the loss of all others."""
        return REWARD if self.has("reward") else self.loss

    def has(self, key: str) -> bool:
        """Whether there is a finite value of this key."""
        return key in self.columns and self.columns[key].count > 0

    @property
    def median_seconds(self) -> float | None:
        """Of the last steps."""
        return median(self.recent) if self.recent else None

    @property
    def steps_left(self) -> int | None:
        """How many steps are still to take, if it is known how many there will be."""
        return None if self.run.steps is None else max(0, self.run.steps - self.last_step)

    @property
    def seconds_left(self) -> float | None:
        """How long the steps that are left will take, at the pace of the last ones."""
        if self.steps_left is None or self.median_seconds is None:
            return None
        return self.steps_left * self.median_seconds

    @property
    def rate_groups(self) -> list[str]:
        """The groups with a learning rate, the highest first."""
        found = [key for key in self.columns if (key.startswith(RATES) or key == "lr") and self.has(key)]
        return sorted(found, key=lambda key: -self.columns[key].curve.highest[1])  # type: ignore[index]

    @property
    def others(self) -> list[str]:
        """Keys that are no metric of the trainer's."""
        known = {metric.key for metric in METRICS} | {"tokens", "lr"}
        return [key for key in self.columns if key not in known and not key.startswith(RATES)]


def read_history(run: Run, x: str = "step", smoothing: float = 0.9) -> History:
    """The history of a run's whole file.

    Raises:
        ToolError: the file cannot be read, is damaged, or holds no step or no figure.
    """
    try:
        return _read(run, x, smoothing, None)
    except WentBack:
        return _read(run, x, smoothing, find_cuts(run.metrics))


def _read(run: Run, x: str, smoothing: float, cuts: Cuts | None) -> History:
    history = History(run, x, smoothing, cuts=cuts, source=Steps(run.metrics, cuts))
    take_in(history)
    if not history.n_steps:
        raise ToolError(f"{run.metrics} is empty: the run has not finished its first step")
    check_figures(history)
    return history


def take_in(history: History) -> None:
    """All steps of the source."""
    source = history.source
    assert source is not None
    for step, found in source:
        history.add(step, found, f"{source.path}:{source.line}")
    history.flush()


def check_figures(history: History) -> None:
    """Refuse a file of steps without figures, such as `samples.jsonl`."""
    if any(key != "tokens" for key in history.columns):
        return
    keys = ", ".join(sorted(history.texts)) or "nothing"
    raise ToolError(f"{history.run.metrics}: no line has a figure to draw; beside the step there is {keys}")
