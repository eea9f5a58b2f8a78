"""What a report is made from: the runs that led to a model, one after the other. Standard library only."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat.evaluation.report.lines import Line, Sample
from nanochat.evaluation.report.price import Price
from nanochat.evaluation.results import EvaluationResult

BASE, SFT, RL = "base", "sft", "rl"


@dataclass(frozen=True)
class StageRun:
    """One run on the way to the model: pretraining, fine-tuning or reinforcement learning.

    Of a run that is `gone` only its name, its stage and its step are known, from the run that began with it.
    """

    name: str
    stage: str
    step: int  # of the weights that count: those the next stage began with, or the last
    folder: Path | None = None
    gone: str = ""  # why there is nothing of it
    config: Mapping[str, Any] = field(default_factory=dict)
    lines: Sequence[Line] = ()
    samples: Sequence[Sample] = ()
    results: Mapping[str, EvaluationResult] = field(default_factory=dict)  # by task
    notes: Sequence[str] = ()  # what of it could not be read

    @property
    def model(self) -> Mapping[str, Any]:
        """The model's shape."""
        found: Mapping[str, Any] = self.config["model"]
        return found

    @property
    def settings(self) -> Mapping[str, Any]:
        """What it was trained with, nothing left open."""
        found: Mapping[str, Any] = self.config["settings"]
        return found

    @property
    def device(self) -> str:
        """The machine it was trained on."""
        return str(self.config["machine"]["device"])

    @property
    def steps(self) -> int:
        """Steps that were trained."""
        return self.lines[-1].step if self.lines else 0

    @property
    def steps_planned(self) -> int:
        """Steps it was to have."""
        return int(self.settings["steps"])

    @property
    def tokens(self) -> int:
        """Tokens that were learnt from."""
        return int(self.lines[-1].figures.get("tokens", 0)) if self.lines else 0

    @property
    def operations(self) -> float:
        """Floating-point operations of learning from them; in RL without those of writing replies."""
        return float(self.tokens * self.config["flops_per_token"])

    @property
    def seconds(self) -> float:
        """Time spent in steps."""
        return sum(line["seconds"] for line in self.lines if "seconds" in line)

    @property
    def last_samples(self) -> list[Sample]:
        """What it wrote when it wrote last."""
        return [one for one in self.samples if one.step == self.samples[-1].step]

    def series(self, name: str) -> list[tuple[float, float]]:
        """A figure over the run: (step, value)."""
        return [(line.step, line[name]) for line in self.lines if name in line]

    def middle(self, name: str) -> float | None:
        """The middle value of a figure; the first step, in which a model is compiled, moves it little."""
        values = [value for _, value in self.series(name)]
        return statistics.median(values) if values else None


@dataclass(frozen=True)
class Report:
    """All that a report card says, as data.

    `stages` are in the order of time; the last one is the run that the report is of.
    """

    stages: Sequence[StageRun]
    clock: Mapping[str, float]  # seconds of each stage of the speedrun that made it, if one did
    price: Price | None

    @property
    def run(self) -> StageRun:
        """The run that it is of."""
        return self.stages[-1]

    @property
    def present(self) -> list[StageRun]:
        """The stages of which there is more than the name."""
        return [stage for stage in self.stages if not stage.gone]

    @property
    def seconds(self) -> float:
        """The time that all took: by the speedrun's clock, else what was spent in steps."""
        return sum(self.clock.values()) or sum(stage.seconds for stage in self.present)

    @property
    def notes(self) -> list[str]:
        """What could not be read, and what is gone."""
        return [note for stage in self.stages for note in ([stage.gone] if stage.gone else stage.notes)]
