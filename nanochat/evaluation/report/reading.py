"""A run's folder, and those of the stages before it, read into one `Report`. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from nanochat.errors import UserError
from nanochat.evaluation import results
from nanochat.evaluation.report.chain import Link, chain_of
from nanochat.evaluation.report.lines import (
    METRICS,
    SAMPLES,
    is_count,
    is_number,
    numbers,
    read_metrics,
    read_samples,
)
from nanochat.evaluation.report.price import price_of
from nanochat.evaluation.report.record import Report, StageRun
from nanochat.evaluation.report.words import plural
from nanochat.evaluation.results import EvaluationResult


def read_report(folder: Path, cost_per_hour: float | None = None) -> Report:
    """The report of the run in `folder`; `cost_per_hour` are dollars for an hour of its machine.

    Raises `UserError` for a folder without a run, or with one that has not trained a step yet. What is
    missing or damaged of earlier stages and of evaluations is left out, and `Report.notes` says so.

    >>> read_report(Path("no-such-run"))
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no run in no-such-run: it has no config.json
    """
    stages = tuple(read_stage(link) for link in chain_of(folder))
    run = stages[-1]
    if not run.lines:
        raise UserError(f"{folder / METRICS} has no step that can be read, so there is nothing to report yet")
    devices = [stage.device for stage in stages if not stage.gone]
    return Report(stages, read_clock(folder, stages), price_of(devices, cost_per_hour))


def read_stage(link: Link) -> StageRun:
    """One run, with all that its folder says."""
    if link.folder is None or link.config is None:
        return StageRun(link.name, link.stage, link.step or 0, gone=link.gone)
    lines, broken_lines = read_metrics(link.folder / METRICS)
    samples, broken_samples = read_samples(link.folder / SAMPLES)
    step = link.step or (lines[-1].step if lines else 0)
    found, notes = read_results(link.folder, link.stage, step)
    broken = [(METRICS, broken_lines), (SAMPLES, broken_samples)]
    notes += [
        f"{plural(count, 'line')} of {name} of {link.name} could not be read and are left out"
        if count > 1
        else f"a line of {name} of {link.name} could not be read and is left out"
        for name, count in broken
        if count
    ]
    if not lines:
        notes.append(f"{METRICS} of {link.name} is missing, and with it the curves, the time and the tokens")
    return StageRun(
        link.name, link.stage, step, link.folder, "", link.config, lines, samples, found, notes
    )  # fmt: skip


def read_results(folder: Path, stage: str, step: int) -> tuple[dict[str, EvaluationResult], list[str]]:
    """The evaluations of a run by task, those of the step that counts first; and what cannot be read."""
    found, notes = [], []
    for path in sorted((folder / results.FOLDER).glob("[!.]*.json")):
        try:
            result = results.read(path)
        except UserError:
            result = None
        if result is None or not is_sound(result):
            notes.append(f"{results.FOLDER}/{path.name} of {folder.name} could not be read and is left out")
        elif result.stage == stage:
            found.append(result)
    at_step = {
        task: one for (_, task), one in results.newest(one for one in found if one.step == step).items()
    }
    others = {task: one for (_, task), one in results.newest(found).items()}
    return others | at_step, notes


def is_sound(result: EvaluationResult) -> bool:
    """Whether a result's numbers are numbers and its words words; what else is in it is not looked at."""
    needed: list[object] = [result.value, *([] if result.error is None else [result.error])]
    if result.accuracy is not None:
        needed += [result.accuracy, result.error, result.chance, result.centred, result.centred_error]
        needed += result.interval or ()
    words = (result.task, result.metric, result.command, result.stage)
    counts = (result.n, result.step)
    return (
        all(isinstance(one, str) for one in words)
        and all(map(is_count, counts))
        and all(map(is_number, needed))
        and all(map(is_sound_part, result.parts))
    )


def is_sound_part(part: object) -> bool:
    """Whether a task of CORE has all its numbers."""
    needed = {"n", "accuracy", "error", "chance", "centred", "centred_error"}
    return isinstance(part, dict) and "task" in part and needed <= numbers(part).keys()


def read_clock(folder: Path, stages: tuple[StageRun, ...]) -> Mapping[str, float]:
    """The seconds that each stage of the speedrun took which made the run; nothing if none did.

    A speedrun keeps its clock beside the runs, under the name of the first of them.
    """
    clocks = folder.resolve().parent.parent / "speedrun"
    for stage in stages:
        path = clocks / f"{stage.name}.json"
        try:
            found = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(found, dict) and numbers(found):
            return numbers(found)
    return {}
