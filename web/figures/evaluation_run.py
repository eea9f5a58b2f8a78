"""What guide 7 shows of the laptop run: its scores, its weaknesses and its samples.

The run is kept in `site_docs/runs/laptop`, a folder for each stage. Of a stage that is not there nothing is
shown.
"""

from __future__ import annotations

import functools
import textwrap
from pathlib import Path

from nanochat.evaluation.names import BPB, CLASSROOM
from nanochat.evaluation.report.chain import Link, read_config
from nanochat.evaluation.report.markdown import escape, table
from nanochat.evaluation.report.reading import read_stage
from nanochat.evaluation.report.record import Report, StageRun
from nanochat.evaluation.report.scores import score_table
from nanochat.evaluation.report.summary import sentence
from nanochat.evaluation.report.weaknesses import weaknesses
from nanochat.evaluation.statistics import wilson_interval
from web.figures.svg import Svg

RUN = Path(__file__).resolve().parent.parent.parent / "site_docs" / "runs" / "laptop"
# The folder of each stage, and its run's name.
STAGES = {"base": "speedrun-laptop", "sft": "speedrun-laptop-sft", "rl": "speedrun-laptop-rl"}
MISSING = "(The run is not in this copy.)"
NAMES = {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning"}
WIDTH = 460


@functools.cache
def stages(folder: Path = RUN) -> tuple[StageRun, ...]:
    """The stages that are there, in their order."""
    found = []
    for stage, name in STAGES.items():
        place = folder / stage
        if (place / "config.json").is_file():
            found.append(read_stage(Link(name, stage, None, place, read_config(place / "config.json"))))
    return tuple(found)


def report(folder: Path = RUN) -> Report | None:
    """The report of the last stage; None where there is no run."""
    return Report(stages(folder), {}, None) if stages(folder) else None


def bits_per_byte(folder: Path = RUN) -> float:
    """Of the pretrained model on held-out text; nan where there is no run."""
    return next((one.results[BPB].value for one in stages(folder) if BPB in one.results), float("nan"))


def scores(folder: Path = RUN) -> str:
    """The report's table of scores."""
    found = report(folder)
    return table(score_table(found)) if found else MISSING


def first_sentence(folder: Path = RUN) -> str:
    """How the report begins."""
    found = report(folder)
    return f"> {escape(sentence(found))}" if found else MISSING


def faults(folder: Path = RUN) -> str:
    """What the report says against the model."""
    found = report(folder)
    return "\n".join(f"> - {escape(one)}" for one in weaknesses(found)) if found else MISSING


def samples(stage: str) -> str:
    """What a stage wrote first and last to each prompt, as a table."""
    run = next((one for one in stages() if one.stage == stage), None)
    if run is None or not run.samples:
        return MISSING
    first, last = run.samples[0].step, run.samples[-1].step
    written = {(one.step, one.prompt): " ".join(one.text.split()) for one in run.samples}
    rows = [f"| prompt | after step {first:,} | after step {last:,} |", "| --- | --- | --- |"]
    for prompt in dict.fromkeys(one.prompt for one in run.samples):
        whole = [written.get((step, prompt), "") for step in (first, last)]
        texts = [textwrap.shorten(text, 90, placeholder=" …") for text in whole]
        cells = [escape(prompt.strip()), *map(escape, texts)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def classroom_scores() -> str:
    """The classroom's tasks after each stage of the laptop run, with intervals."""
    runs = [one for one in stages() if any(task in one.results for task in CLASSROOM)]
    rows = [
        (task, one.stage, one.results[task].accuracy or 0.0, one.results[task].n)
        for task in CLASSROOM
        for one in runs
        if task in one.results
    ]
    drawing = Svg(
        "classroom-scores",
        WIDTH,
        40 + 26 * max(1, len(rows)) + 10 * len(CLASSROOM),
        title="The classroom's tasks after each stage",
        description="; ".join(
            f"{task} after {NAMES[stage]}: {100 * share:.1f} % of {n}" for task, stage, share, n in rows
        )
        or MISSING,
    )
    left, width = 190.0, 220.0
    for share in (0.0, 0.5, 1.0):
        x = left + width * share
        drawing.text(x, 14, f"{100 * share:.0f} %", anchor="middle", size=11, kind="muted")
        drawing.line(x, 20, x, drawing.height - 4, grid=True)
    y, before = 30.0, ""
    for task, stage, share, n in rows:
        y += 10 if before and task != before else 0
        low, high = wilson_interval(share, n)
        if task != before:
            drawing.text(4, y + 8, task, middle=True, size=12)
        drawing.text(left - 10, y + 8, stage.upper(), anchor="end", middle=True, size=11, kind="muted")
        drawing.line(left + width * low, y + 8, left + width * high, y + 8, tone=2 if stage == "rl" else 1)
        drawing.circle(left + width * share, y + 8, 4, tone=2 if stage == "rl" else 1, solid=True)
        drawing.text(left + width + 10, y + 8, f"{100 * share:.1f}", middle=True, size=11)
        y, before = y + 26, task
    asked = f"{rows[0][3]:,} questions each" if rows else "no run here"
    return drawing.figure(
        f"The real laptop run: {asked}. A dot is the score, the line is where the true accuracy lies, "
        "95 times of 100."
    )
