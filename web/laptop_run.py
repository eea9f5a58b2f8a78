"""The laptop's run that is kept in the repository: where its files are, and its report card for the site.

`site_docs/laptop` is laid out as `$NANOCHAT_BASE_DIR` is, with the small files alone: `config.json`,
`metrics.jsonl`, `samples.jsonl` and the evaluations of each stage, and the clock of the speedrun. After a new
run with
`NANOCHAT_BASE_DIR=BASE nanochat speedrun --size laptop`, this takes them over:

    python -m web.laptop_run BASE
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from nanochat.evaluation.report.markdown import as_site_body
from nanochat.evaluation.report.reading import read_report

KEPT = Path(__file__).resolve().parent.parent / "site_docs" / "laptop"
NAME = "speedrun-laptop"
STAGES = {"base": NAME, "sft": f"{NAME}-sft", "rl": f"{NAME}-rl"}
SEEDS = KEPT.parents[1] / "benchmarks" / "rl-seeds-cpu.json"
FILES = ("config.json", "metrics.jsonl", "samples.jsonl")


def run_of(stage: str) -> Path:
    """The folder of a stage's run: `base`, `sft` or `rl`.

    >>> (run_of("base") / "metrics.jsonl").is_file()
    True
    """
    return KEPT / "runs" / STAGES[stage]


def report_card() -> str:
    """The whole report card as Markdown for a page, its headings below the page's own."""
    # As its owner has it: the runs under their names, whichever folder this copy of them lies in.
    before = os.environ.get("NANOCHAT_BASE_DIR")
    os.environ["NANOCHAT_BASE_DIR"] = str(KEPT)
    try:
        return as_site_body(read_report(run_of("rl")))
    finally:
        os.environ.pop("NANOCHAT_BASE_DIR")
        if before is not None:
            os.environ["NANOCHAT_BASE_DIR"] = before


def seeds_table(path: Path = SEEDS) -> str:
    """Reinforcement learning of one fine-tuned model with several seeds: held-out accuracy, in Markdown."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    tasks, (before, *after) = saved["tasks"], saved["results"]
    lines = [["model", *tasks], ["---", *["---:"] * len(tasks)]]
    lines += [[row["name"], *(in_percent(row[task]) for task in tasks)] for row in (before, *after)]
    gains = [[row[task]["accuracy"] - before[task]["accuracy"] for row in after] for task in tasks]
    lines.append(["mean gain", *(mean_gain(gain) for gain in gains)])
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def in_percent(found: Mapping[str, float]) -> str:
    """An accuracy with its standard error.

    >>> in_percent({"accuracy": 0.5, "error": 0.025})
    '50.0 % ± 2.5'
    """
    return f"{100 * found['accuracy']:.1f} % ± {100 * found['error']:.1f}"


def mean_gain(gains: Sequence[float]) -> str:
    """The mean of the gains with several seeds, with its standard error, in points.

    >>> mean_gain([0.1, 0.2, 0.3])
    '+20.0 ± 5.8'
    """
    error = statistics.stdev(gains) / len(gains) ** 0.5
    return f"{100 * statistics.mean(gains):+.1f} ± {100 * error:.1f}"


def take_over(base: Path, kept: Path = KEPT) -> None:
    """Copy the small files of a speedrun below `base`."""
    shutil.rmtree(kept, ignore_errors=True)
    (kept / "speedrun").mkdir(parents=True)
    shutil.copy(base / "speedrun" / f"{NAME}.json", kept / "speedrun")
    for name in STAGES.values():
        run = kept / "runs" / name
        shutil.copytree(base / "runs" / name / "evaluations", run / "evaluations")
        for file in FILES:
            shutil.copy(base / "runs" / name / file, run)


if __name__ == "__main__":
    take_over(Path(sys.argv[1]))
