"""The sections of a list: every run of every stage, every step, and what is damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tools.calculator.wording import count
from tools.checkpoints.header import BadFile
from tools.checkpoints.runs import STAGES, Run, Step
from tools.checkpoints.scores import Score, line_scores
from tools.checkpoints.wording import Lines, cut_off, in_bytes, plural
from tools.core.errors import ToolError
from tools.core.report import Bar, Bars, Block, Cell, Column, Row, Rows, Section, Table, Text

COLUMNS = [
    Column("run", "Run"), Column("stage", "Stage"), Column("step", "Step", "right"),
    Column("parameters", "Params", "right"), Column("bytes", "On disk", "right"),
    Column("figure", "Measured", "left"), Column("state", "State"),
]  # fmt: skip
GOOD, UNCHECKED = "hashes good", "complete"
HEADLINE = ("val_bpb", "val_accuracy", "reward", "loss")  # the figure that stands for a checkpoint


def folder_section(runs: Sequence[Run], where: str) -> Section:
    """How much there is of each stage."""
    steps = [step for run in runs for step in run.steps]
    rows = [
        Row("folder", "Folder", where),
        Row("runs", "Runs", len(runs)),
        Row("checkpoints", "Checkpoints", len(steps)),
        Row(
            "bytes", "On disk", sum(step.bytes for step in steps), in_bytes(sum(step.bytes for step in steps))
        ),
    ]
    for stage in [*STAGES, ""]:
        some = [run for run in runs if run.stage == stage or (not stage and run.stage not in STAGES)]
        if some or stage:
            n_steps = sum(len(run.steps) for run in some)
            label = f"  stage {stage}" if stage else "  no stage said"
            text = f"{plural(len(some), 'run')}, {plural(n_steps, 'checkpoint')}"
            rows.append(Row(f"stage_{stage or 'unknown'}", label, len(some), text))
    blocks: list[Block] = [Rows(rows)]
    if len(runs) > 1 and steps:
        bars = [
            Bar(run.name, size, in_bytes(size))
            for run in runs
            if (size := sum(step.bytes for step in run.steps))
        ]
        blocks.append(Bars("sizes", bars, caption="Where the space goes"))
    return Section("Folder", blocks, icon="🗂️", key="folder")


def runs_section(
    runs: Sequence[Run], problems: Mapping[int, Sequence[str]], verified: bool, most: int
) -> Section:
    """A row for each checkpoint; `problems` are by the step's `id`."""
    rows: Lines = []
    complaints: list[str] = []
    for run in runs:
        try:
            scores = line_scores(run, [step.step for step in run.steps if step.step is not None])
        except ToolError as error:
            scores, complaints = {}, [*complaints, str(error)]
        if run.problem:
            complaints.append(f"{run.name}: {run.problem}")
        if not run.steps:
            rows.append([run.name, run.stage, None, None, None, "", "no checkpoint yet"])
        for step in run.steps:
            figure = headline(step, scores.get(step.step or 0, []))
            state = "damaged" if problems.get(id(step)) else GOOD if verified and step.meta else UNCHECKED
            replaced = " (replaced)" if step.name.endswith(".replaced") else ""
            rows.append(
                [run.name, run.stage, step.step, parameters_cell(step),
                 Cell(step.bytes, in_bytes(step.bytes)), figure, state + replaced]
            )  # fmt: skip
    blocks: list[Block] = [Table("checkpoints", COLUMNS, rows[:most])] if rows else []
    if not rows:
        blocks.append(Text("There is no run here."))
    if len(rows) > most:
        blocks.append(Text(cut_off(most, len(rows), "rows")))
    blocks += [Text(complaint) for complaint in complaints]
    return Section("Runs and steps", blocks, icon="💾", key="runs")


def parameters_cell(step: Step) -> Cell:
    """The parameters of a checkpoint, where its header can be read."""
    try:
        return Cell(step.header.parameters, count(step.header.parameters))
    except BadFile:
        return Cell(None, "?")


def headline(step: Step, scores: Sequence[Score]) -> Cell:
    """The one figure that says how good it is."""
    told = {score.key: score for score in scores}
    for key in HEADLINE:
        if key in told:
            return Cell(told[key].value, f"{told[key].label.removeprefix('val ')} {told[key].shown}")
    return Cell(None, "")


def damage_section(problems: Sequence[tuple[str, Sequence[str]]]) -> Section:
    """Every damaged checkpoint, with the reasons."""
    rows: Lines = [[title, reason] for title, reasons in problems for reason in reasons]
    table = Table("damaged", [Column("checkpoint", "Checkpoint"), Column("reason", "What is wrong")], rows)
    return Section("Damaged", [table], icon="⚠️", key="damaged")
