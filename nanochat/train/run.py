"""A run under way: its steps, and what is done between them.

After each step, in this order: measure, evaluate, write samples, save, leave if asked to. Evaluating and
writing samples change nothing that is learnt, so a run with other intervals learns the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanochat.errors import RunStopped
from nanochat.train import run_files
from nanochat.train.loop import Trainer, due
from nanochat.train.metrics import Step
from nanochat.train.parts import BITS_PER_BYTE, Measure
from nanochat.train.progress import Progress, in_words
from nanochat.train.stop_signals import StopSignals
from nanochat.train.trackers import Tracker, flat

STOPPED = 143  # the exit code when another process was told to stop, and this one not


@dataclass
class Run:
    """What the steps of a run need. The four functions are the parts that touch model and disk."""

    trainer: Trainer
    folder: Path
    is_first: bool  # among the processes: the one that writes and tells
    progress: Progress
    trackers: Sequence[Tracker]
    evaluate: Callable[[], float]
    write_samples: Callable[[int], list[tuple[str, str]]]
    save: Callable[[int, dict[str, Any]], None]
    saved: int  # the step of the last checkpoint; 0 for none
    measure: Measure = BITS_PER_BYTE  # what `evaluate` gives
    value: float | None = None  # of the last evaluation
    born: float | None = None  # when the process began, in seconds since 1970

    def go(self, first: int, stop: StopSignals) -> int:
        """Take the steps from number `first` on; returns the exit code."""
        plan = self.trainer.plan
        lines = self.open_lines(run_files.METRICS)
        samples = self.open_lines(run_files.SAMPLES)
        try:
            for number in range(first, plan.steps):
                step, stop_asked = self.take_step(number, stop)
                self.look(step, lines, samples)
                is_last = step.step == plan.steps
                if stop_asked or is_last or due(plan.save_every, step.step, plan.steps):
                    self.save_step(step.step, lines)
                if stop_asked and not is_last:
                    self.progress.end(f"stopped after step {step.step:,}, as asked; --resume continues")
                    return stop.exit_code or STOPPED
        finally:
            self.trainer.loader.close()
            for one in (lines, samples, *self.trackers):
                if one is not None:
                    one.close()
        return 0

    def take_step(self, number: int, stop: StopSignals) -> tuple[Step, bool]:
        """One step; a run that has gone wrong says what is safe."""
        try:
            found = self.trainer.step(number, lambda: stop.exit_code > 0)
        except RunStopped as trouble:
            raise RunStopped(
                f"step {number + 1:,}: {trouble}; stopped before the weights were changed. {self.safe()}"
            ) from None
        if self.born is not None:
            self.progress.note(f"first step after {time.time() - self.born:.1f} s")
            self.born = None
        return found

    def safe(self) -> str:
        """What a person can go back to."""
        if not self.saved:
            return "No checkpoint had been saved; start again with a lower --lr-scale, such as 0.5"
        return (
            f"The last good checkpoint is step {self.saved:,}; "
            "go on from it with --resume and a lower --lr-scale, such as 0.5"
        )

    def look(self, step: Step, lines: run_files.Lines | None, samples: run_files.Lines | None) -> None:
        """Measure, evaluate, write samples, and tell."""
        plan, more = self.trainer.plan, {}
        self.progress.step(step)
        if due(plan.eval_every, step.step, plan.steps):
            self.progress.working("evaluating")
            start = time.perf_counter()
            self.value = more[self.measure.key] = self.evaluate()
            self.progress.evaluated(step.step, self.measure, self.value, time.perf_counter() - start)
        record = step.record(**more)
        if lines is not None:
            lines.add(record)
        for tracker in self.trackers:
            tracker.log(step.step, flat(record))
        if samples is not None and due(plan.sample_every, step.step, plan.steps):
            self.progress.working("writing")
            written = self.write_samples(step.step)
            for prompt, text in written:
                samples.add({"step": step.step, "prompt": prompt, "text": text})
            self.progress.sampled(step.step, written)

    def save_step(self, step: int, lines: run_files.Lines | None) -> None:
        """A checkpoint, and the lines up to it."""
        self.progress.working("saving")
        start = time.perf_counter()
        if lines is not None:
            lines.sync()
        try:
            self.save(step, {self.measure.key: self.value})
        except RunStopped as trouble:
            raise RunStopped(f"step {step:,}: {trouble}; it was not saved. {self.safe()}") from None
        self.saved = step
        self.progress.saved(step, time.perf_counter() - start)

    def open_lines(self, name: str) -> run_files.Lines | None:
        """A file of lines, which only the first process writes."""
        return run_files.Lines(self.folder / name) if self.is_first else None


def last_line(run: Run, began: float) -> str:
    """How a run that went through has ended."""
    value = "" if run.value is None else f", {run.measure.words(run.value)}"
    return f"trained {run.trainer.plan.steps:,} steps in {in_words(time.time() - began)}{value}: {run.folder}"
