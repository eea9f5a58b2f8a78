"""A report as plain data, for programs. Standard library only."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from nanochat.evaluation.report.command import train_command
from nanochat.evaluation.report.record import Report, StageRun
from nanochat.evaluation.report.scores import commands_of
from nanochat.evaluation.report.summary import sentence
from nanochat.evaluation.report.weaknesses import weaknesses


def as_data(report: Report) -> dict[str, Any]:
    """What the page says, ready for JSON; the curves are in each run's `metrics.jsonl`."""
    price = report.price
    return {
        "run": report.run.name,
        "summary": sentence(report),
        "stages": [stage_data(stage) for stage in report.stages],
        "commands": [{"numbers": numbers, "command": command} for numbers, command in commands_of(report)],
        "weaknesses": weaknesses(report),
        "seconds": report.seconds,
        "clock": dict(report.clock),
        "dollars": None if price is None else price.of(report.seconds),
        "price": None if price is None else asdict(price),
        "left_out": report.notes,
    }


def stage_data(stage: StageRun) -> dict[str, Any]:
    """One stage."""
    known = {"name": stage.name, "stage": stage.stage, "step": stage.step}
    if stage.gone:
        return {**known, "gone": stage.gone}
    return {
        **known,
        "command": train_command(stage.config, stage.name),
        "config": dict(stage.config),
        "steps": stage.steps,
        "tokens": stage.tokens,
        "operations": stage.operations,
        "seconds": stage.seconds,
        "tokens_per_second": stage.middle("tokens_per_second"),
        "mfu": stage.middle("mfu"),
        "last": dict(stage.lines[-1].figures) if stage.lines else {},
        "samples": [asdict(one) for one in stage.last_samples],
        "results": {task: asdict(result) for task, result in stage.results.items()},
    }
