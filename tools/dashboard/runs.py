"""Which runs are meant: files, folders, names of runs under the base folder; and what their config says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.home import base_folder, run_folder
from nanochat.train.run_files import CONFIG, METRICS
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_folder
from tools.core.files import MEGABYTE, read_json
from tools.core.given import MOUNTED
from tools.core.words import listing, say

STAGES = ("base", "sft", "rl")
EXAMPLES = {"base": "speedrun-laptop", "sft": "speedrun-laptop-sft", "rl": "speedrun-laptop-rl"}
"""The kept run of the laptop speedrun, stage by stage."""


@dataclass(frozen=True)
class Run:
    """One run: its file of metrics, and what its `config.json` says, if there is one beside it."""

    name: str
    metrics: Path
    stage: str | None = None
    steps: int | None = None  # that it is to take
    device: str = ""
    vocab_size: int | None = None


def find_runs(
    words: Sequence[Path], example: str | None, steps: int | None = None, waiting: bool = False
) -> list[Run]:
    """The runs that are meant, each with a name of its own.

    `steps` is how many each is to take, where no config says so. With `waiting`, a run need not have taken
    its first one.
    """
    if words:
        paths = dict.fromkeys(path for word in words for path in metrics_of(word, words, waiting))
    elif example:
        stages = STAGES if example == "all" else (example,)
        paths = dict.fromkeys(
            example_folder(f"laptop/runs/{EXAMPLES[stage]}", [CONFIG, METRICS]) / METRICS for stage in stages
        )
    else:
        raise UsageError(
            "name a run, its folder or its metrics.jsonl, or see a real one with --example all"
            + known_runs("; here there are "),
            parameter="runs",
        )
    found = [read_run(path) for path in paths]
    return named_apart([one if one.steps else replace(one, steps=steps) for one in found])


def metrics_of(word: Path, words: Sequence[Path], waiting: bool) -> list[Path]:
    """The files of metrics that one word of the question means."""
    if word.is_dir():
        return in_folder(word, waiting)
    if word.exists():
        if word.name != CONFIG:
            return [word]
        # Whoever gives all the files of a run gives its config too.
        if (word.parent / METRICS).exists():
            return [word.parent / METRICS]
        if any(other != word and other.parent == word.parent for other in words):
            return []
        raise UsageError(f"{word} is a run's config; give its {METRICS} too", parameter="runs")
    return in_folder(named_run(word), waiting)


def in_folder(folder: Path, waiting: bool) -> list[Path]:
    """The run in a folder, or all runs in the folders below it, pretraining first."""
    if (folder / METRICS).exists() or (waiting and (folder / CONFIG).exists()):
        return [folder / METRICS]
    below = [*folder.glob(f"*/{METRICS}"), *folder.glob(f"runs/*/{METRICS}")]
    if not below:
        if (folder / CONFIG).exists():
            raise ToolError(f"{folder} has no {METRICS} yet: the run has not finished its first step")
        raise UsageError(f"{folder} has no {METRICS}, and no folder in it has one", parameter="runs")

    def order(path: Path) -> tuple[int, str]:
        stage = read_run(path).stage
        return (STAGES.index(stage) if stage in STAGES else len(STAGES), str(path))

    return sorted(below, key=order)


def named_run(word: Path) -> Path:
    """The folder of a run that is called so."""
    missing = f"'{word}' is no file, no folder"
    if "/" in str(word) or "\\" in str(word):
        raise UsageError(f"{missing} here", parameter="runs")
    try:
        folder = run_folder(str(word))
    except UserError as error:
        raise UsageError(f"{missing}, and {error}", parameter="runs") from None
    if not folder.is_dir():
        raise UsageError(
            f"{missing}, and no run in {base_folder() / 'runs'}" + known_runs("; there are "),
            parameter="runs",
        )
    return folder


def known_runs(before: str) -> str:
    """The names of a few runs under the base folder, or nothing."""
    names = sorted(path.parent.name for path in (base_folder() / "runs").glob(f"*/{METRICS}"))
    if not names:
        return ""
    return before + listing(names[:6] + ([f"{len(names) - 6} more"] if len(names) > 6 else []), "and")


def read_run(metrics: Path) -> Run:
    """A run by its file; only a file of the usual name belongs to the `config.json` beside it."""
    beside = metrics.parent / CONFIG
    usual = metrics.name == METRICS
    if not usual or not beside.is_file():
        return Run(fallback_name(metrics), metrics)
    found = read_json(beside, MEGABYTE, "a run's config")
    if not isinstance(found, dict):
        raise ToolError(f"{beside} is no config of a run: it holds {say(found)}")
    name, stage, device = (
        found.get("name"),
        found.get("stage", "base"),
        _inside(found, "machine").get("device"),
    )
    return Run(
        name if isinstance(name, str) and name else fallback_name(metrics),
        metrics,
        stage if isinstance(stage, str) else None,
        _count(_inside(found, "settings").get("steps")),
        device if isinstance(device, str) else "",
        _count(_inside(found, "model").get("vocab_size")),
    )


def _inside(found: dict[str, Any], key: str) -> dict[str, Any]:
    inside = found.get(key)
    return inside if isinstance(inside, dict) else {}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


def fallback_name(metrics: Path) -> str:
    """What to call a run without a config: after its file, or its folder if all files are called so."""
    folder = metrics.parent
    if metrics.name != METRICS or str(folder) in MOUNTED.values():
        return metrics.stem
    return folder.name or Path.cwd().name or metrics.stem


def named_apart(runs: Iterable[Run]) -> list[Run]:
    """The runs with a number after names that are taken.

    >>> [run.name for run in named_apart([Run("d4", Path("a")), Run("d4", Path("b"))])]
    ['d4', 'd4 (2)']
    """
    found: list[Run] = []
    taken: set[str] = set()
    for run in runs:
        name, number = run.name, 1
        while name in taken:
            number += 1
            name = f"{run.name} ({number})"
        taken.add(name)
        found.append(replace(run, name=name))
    return found
