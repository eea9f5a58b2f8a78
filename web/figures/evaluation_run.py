"""What guide 7 shows of the laptop run that is kept in the repository: its scores, weaknesses and samples."""

from __future__ import annotations

import functools
import textwrap

from nanochat.evaluation.names import BPB, CLASSROOM
from nanochat.evaluation.report.markdown import escape, table
from nanochat.evaluation.report.reading import read_report
from nanochat.evaluation.report.record import Report
from nanochat.evaluation.report.scores import score_table
from nanochat.evaluation.report.summary import sentence
from nanochat.evaluation.report.weaknesses import weaknesses
from nanochat.evaluation.statistics import Estimate, wilson_interval
from web.figures.svg import Svg
from web.laptop_run import run_of

NAMES = {"base": "pretraining", "sft": "fine-tuning", "rl": "reinforcement learning"}
WIDTH = 460
SHOWN = 90  # characters of a sample


@functools.cache
def report() -> Report:
    """The report of the run, with all its stages."""
    return read_report(run_of("rl"))


def bits_per_byte() -> float:
    """Of the pretrained model on held-out text."""
    return report().stages[0].results[BPB].value


def classroom_estimates(stage: str) -> dict[str, Estimate]:
    """The accuracies of the classroom's tasks after a stage, with their errors."""
    results = next(one for one in report().stages if one.stage == stage).results
    return {
        task: Estimate(results[task].value, results[task].error or 0.0)
        for task in CLASSROOM
        if task in results
    }


def markdown(part: str) -> str:
    """A part of the report as Markdown: its first `sentence`, its `scores`, its `weaknesses`.

    >>> markdown("sentence").startswith("> speedrun-laptop-rl is a transformer of 4 layers")
    True
    """
    if part == "scores":
        return table(score_table(report()))
    lines = [sentence(report())] if part == "sentence" else [f"- {one}" for one in weaknesses(report())]
    return "\n".join(f"> {escape(line)}" for line in lines)


def samples(stage: str) -> str:
    """What a stage wrote first and last to each prompt, as a table of Markdown."""
    run = next(one for one in report().stages if one.stage == stage)
    steps = (run.samples[0].step, run.samples[-1].step)
    written = {(one.step, one.prompt): one.text for one in run.samples}
    head = ["prompt", *(f"after step {step:,}" for step in steps)]
    rows = [f"| {' | '.join(head)} |", "| --- | --- | --- |"]
    for prompt in dict.fromkeys(one.prompt for one in run.samples):
        texts = [textwrap.shorten(written.get((step, prompt), ""), SHOWN, placeholder=" …") for step in steps]
        rows.append(f"| {' | '.join(map(escape, (prompt.strip(), *texts)))} |")
    return "\n".join(rows)


def classroom_scores() -> str:
    """The classroom's tasks after each stage, with the intervals in which the true accuracies lie."""
    rows = [
        (task, run.stage, run.results[task].accuracy or 0.0, run.results[task].n)
        for task in CLASSROOM
        for run in report().stages
        if task in run.results
    ]
    drawing = Svg(
        "classroom-scores",
        WIDTH,
        30 + 26 * len(rows) + 10 * len(CLASSROOM),
        title="The classroom's tasks after each stage",
        description="; ".join(
            f"{task} after {NAMES[stage]}: {100 * share:.1f} % of {n}" for task, stage, share, n in rows
        )
        + ".",
    )
    left, width = 190.0, 220.0
    for share in (0.0, 0.5, 1.0):
        x = left + width * share
        drawing.text(x, 14, f"{100 * share:.0f} %", anchor="middle", size=11, kind="muted")
        drawing.line(x, 20, x, drawing.height - 4, grid=True)
    y, before = 30.0, ""
    for task, stage, share, n in rows:
        if task != before:
            y += 10 if before else 0
            drawing.text(4, y + 8, task, middle=True, size=12)
        low, high = wilson_interval(share, n)
        tone = 2 if stage == "rl" else 1
        drawing.text(left - 12, y + 8, stage.upper(), anchor="end", middle=True, size=11, kind="muted")
        drawing.line(left + width * low, y + 8, left + width * high, y + 8, tone=tone)
        drawing.circle(left + width * share, y + 8, 4, tone=tone, solid=True)
        drawing.text(left + width + 10, y + 8, f"{100 * share:.1f}", middle=True, size=11)
        y, before = y + 26, task
    return drawing.figure(
        f"The real laptop run: {rows[0][3]:,} questions each, after fine-tuning (SFT) and after "
        "reinforcement learning (RL). A dot is the score, the line is where the true accuracy lies, 95 times "
        "of 100."
    )
