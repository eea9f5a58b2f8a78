"""The laptop's run that is kept in the repository: where its files are, and its report card for the site.

`site_docs/laptop` is laid out as `$NANOCHAT_BASE_DIR` is, with the small files alone: `config.json`,
`metrics.jsonl`, `samples.jsonl` and the evaluations of each stage, and the clock of the speedrun. After a new
run with
`NANOCHAT_BASE_DIR=BASE nanochat speedrun --size laptop`, this takes them over:

    python -m web.laptop_run BASE
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

from nanochat.evaluation.report.markdown import as_site_body
from nanochat.evaluation.report.reading import read_report

KEPT = Path(__file__).resolve().parent.parent / "site_docs" / "laptop"
NAME = "speedrun-laptop"
STAGES = {"base": NAME, "sft": f"{NAME}-sft", "rl": f"{NAME}-rl"}
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
