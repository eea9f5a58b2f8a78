"""What the training dashboard can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.core import parameters as ask
from tools.dashboard.history import X_AXES
from tools.dashboard.names import LOSS, METRICS

CHARTS = {
    LOSS.key: "loss",
    **{one.key: one.label for one in METRICS if one.key not in (LOSS.key, "seconds")},
    "lr": "learning rate",
    "seconds": "time of a step",
}


@dataclass(frozen=True)
class Question:
    """Which runs, and what to draw of them."""

    runs: tuple[Path, ...] = ask.file(
        "runs to show: a metrics.jsonl, a run's folder, a folder of runs, or a run's name",
        many=True, positional=True, folder=True, names=True, suffixes=[".jsonl", ".json"], group="Runs",
    )  # fmt: skip
    example: str | None = ask.choice(
        None,
        {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning",
         "all": "all three stages"},
        "a real run instead of a file: the laptop speedrun",
        group="Runs", label="Example",
    )  # fmt: skip
    steps: int | None = ask.integer(
        None, "how many steps the run is to take, where no config.json says so", low=1, group="Runs"
    )
    smoothing: float = ask.number(
        0.9, "how much the running average keeps of itself at each step; 0: nothing",
        low=0, high=0.9999, step=0.01, group="Charts",
    )  # fmt: skip
    x: str = ask.choice("step", X_AXES, "what goes to the right", group="Charts", label="To the right")
    log: bool = ask.flag("loss on a logarithmic axis", group="Charts", label="Logarithmic loss")
    show: tuple[str, ...] = ask.choice(
        (), CHARTS, "which charts to draw; without, all that there is", many=True, group="Charts"
    )
    lr_group: str | None = ask.text(
        None, "of several runs, the group whose learning rate is drawn", high=200, group="Charts",
        label="Learning rate of",
    )  # fmt: skip
    also: tuple[str, ...] = ask.text(
        (),
        "another key of the file to draw",
        many=True,
        high=200,
        group="Charts",
        label="Other keys",
    )
    follow: bool = ask.flag(
        "draw again while the file grows, until the last step", group="Runs", terminal=True
    )
    every: float = ask.number(
        1.0,
        "how often to look for new steps",
        low=0.05,
        high=3600,
        unit="seconds",
        group="Runs",
        terminal=True,
    )
