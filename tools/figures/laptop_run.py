"""The saved run of the laptop speedrun, as its training curves need it: a few metrics of each step.

In the repository the run lies under `site_docs/laptop/runs`, whole. A page's Python has no such folder;
beside this module it finds a file with what `read_run` gave when the site was built.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from tools.core.errors import ToolError

RUNS = Path(__file__).resolve().parents[2] / "site_docs" / "laptop" / "runs"
FILE_NAME = "laptop_run.json"
STAGES = {"base": "speedrun-laptop", "sft": "speedrun-laptop-sft", "rl": "speedrun-laptop-rl"}
METRICS = ("loss", "val_bpb", "lr", "grad_norm", "tokens_per_second", "reward", "val_accuracy")
RATE = "matrices"  # whose learning rate stands for all: the groups differ by a factor
DIGITS = 5

# stage -> metric -> points (step, value)
Run = dict[str, dict[str, list[tuple[int, float]]]]


@lru_cache(maxsize=1)
def read_run() -> Run:
    """Every metric of every stage, by step.

    >>> run = read_run()
    >>> list(run), run["base"]["loss"][0][0]
    (['base', 'sft', 'rl'], 1)
    """
    made = Path(__file__).with_name(FILE_NAME)
    if made.is_file():
        found: Run = json.loads(made.read_text(encoding="utf-8"))
        return found
    if not RUNS.is_dir():
        raise ToolError(f"the saved run is not in {RUNS}; training curves need a copy of the repository")
    return {stage: read_stage(RUNS / name / "metrics.jsonl") for stage, name in STAGES.items()}


def read_stage(path: Path) -> dict[str, list[tuple[int, float]]]:
    """The metrics of one `metrics.jsonl`; those it does not have are left out."""
    points: dict[str, list[tuple[int, float]]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        step: dict[str, Any] = json.loads(line)
        values = step | {"lr": step["lr"][RATE]}
        for metric in METRICS:
            if metric in values:
                shown = float(f"{values[metric]:.{DIGITS}g}")
                points.setdefault(metric, []).append((step["step"], shown))
    return points
