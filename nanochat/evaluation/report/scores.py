"""How good the model is: the table of all stages, and the commands that compute it. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from nanochat.evaluation.names import BASE as BASE_TASKS
from nanochat.evaluation.names import BPB, CHATCORE, CLASSROOM, CORE, EVERYTHING
from nanochat.evaluation.report.blocks import Block, Commands, Heading, Paragraph, Table
from nanochat.evaluation.report.command import eval_command
from nanochat.evaluation.report.record import BASE, Report, StageRun
from nanochat.evaluation.report.words import NONE, one_line
from nanochat.evaluation.results import EvaluationResult
from nanochat.evaluation.table import in_words

NOT_MEASURED, GONE = "not measured", "gone"
LABELS = {BPB: "bits per byte", CORE: "CORE", CHATCORE: "ChatCORE"}
HOW_TO_READ = (
    "± is one standard error. It says how far a score may be off because other questions could have been "
    "asked; another seed would move it, too, and that is not in it. n is the number of questions; if it is a "
    "part, the test has more. Less is better in bits per byte, more in all else. Centred is the score with "
    "chance taken out: 0 for guessing, 1 for perfect."
)


class Missing:
    """A score that one would want to know, and that nobody has taken."""


MISSING = Missing()
Cell = EvaluationResult | Missing | None  # None: not of this stage


def expected(stage: str) -> tuple[str, ...]:
    """The evaluations that every run of a stage should have.

    >>> expected("base")
    ('bpb', 'core')
    """
    return BASE_TASKS if stage == BASE else (CHATCORE, *CLASSROOM)


def rows_of(report: Report) -> dict[str, list[Cell]]:
    """For every task that was or should have been measured, its cell of each stage."""
    wanted = {task for stage in report.present for task in (*expected(stage.stage), *stage.results)}
    order = [BPB, CORE, CHATCORE, *(name for name in EVERYTHING if name not in (BPB, CORE))]
    names = [name for name in order if name in wanted]
    names += sorted(wanted - set(names))  # of another version of nanochat
    return {name: [cell(stage, name) for stage in report.stages] for name in names}


def cell(stage: StageRun, task: str) -> Cell:
    """What is known of a task after a stage."""
    if stage.folder is None:
        return None
    if task in stage.results:
        return stage.results[task]
    return MISSING if task in expected(stage.stage) else None


def part_result(whole: EvaluationResult, part: Mapping[str, Any]) -> EvaluationResult:
    """A task of CORE as a result of its own; the command is CORE's."""
    names = ("accuracy", "chance", "centred", "centred_error", "n", "error")
    return replace(
        whole, task=str(part["task"]), metric="accuracy", value=part["accuracy"],
        interval=part.get("interval"), parts=(), **{name: part[name] for name in names},
    )  # fmt: skip


# ---- in words ----


def score_blocks(report: Report) -> list[Block]:
    """The part of the page."""
    return [
        Heading(2, "Scores"),
        score_table(report),
        Paragraph(HOW_TO_READ),
        *core_blocks(report),
        Heading(3, "Compute each number again"),
        Commands(list(commands_of(report))),
    ]


def score_table(report: Report) -> Table:
    """A row for each metric, a column for each stage."""
    rows = [
        [LABELS.get(task, one_line(task)), *map(in_cell, cells, report.stages)]
        for task, cells in rows_of(report).items()
    ]
    return Table("Scores of each stage", ["metric", *heads(report)], rows)


def core_blocks(report: Report) -> list[Block]:
    """The tasks of CORE, for each stage after which it was measured."""
    blocks: list[Block] = []
    for stage, head in zip(report.stages, heads(report), strict=True):
        if parts := stage.results[CORE].parts if CORE in stage.results else ():
            rows = [core_row(part_result(stage.results[CORE], part)) for part in parts]
            title = f"CORE of {head}, task by task"
            blocks += [Heading(3, title), Table(title, ["task", "score", "n", "centred"], rows)]
    return blocks


def core_row(found: EvaluationResult) -> list[str]:
    """One task."""
    return [one_line(found.task), score(found), f"{found.n:,}", centred(found)]


def heads(report: Report) -> list[str]:
    """The columns: a stage each, with the run's name where a stage comes twice."""
    stages = [stage.stage.upper() for stage in report.stages]
    return [
        stage if stages.count(stage) == 1 else f"{stage} {run.name}"
        for stage, run in zip(stages, report.stages, strict=True)
    ]


def in_cell(found: Cell, stage: StageRun) -> str:
    """A score with its error and its n."""
    if found is None:
        return GONE if stage.gone else NONE
    if isinstance(found, Missing):
        return NOT_MEASURED
    n = f"{found.n:,} bytes" if found.task == BPB else f"n {found.n:,}"
    lines = [score(found), n if found.limit is None else f"{n}, a part"]
    if found.chance:
        lines.append(f"centred {centred(found)}")
    if found.step != stage.step:
        lines.append(f"step {found.step:,}")
    return "\n".join(lines)


def score(found: EvaluationResult) -> str:
    """A value with its error.

    >>> score(EvaluationResult("d4", "base", 9, "", "core", "mean centred accuracy", 0.2, 0.01, 50, ""))
    '0.2000 ± 0.0100'
    >>> score(EvaluationResult("d4", "sft", 9, "", "mmlu", "accuracy", 0.5, 0.05, 100, "", accuracy=0.5))
    '50.0 % ± 5.0'
    """
    if found.accuracy is not None:
        return f"{100 * found.accuracy:.1f} % {in_words(vars(found))}"
    error = f" ± {found.error:.4f}" if found.error is not None else ""
    return f"{found.value:.4f}{error}"


def centred(found: EvaluationResult) -> str:
    """A score with chance taken out, and its error."""
    return f"{found.centred:.3f} ± {found.centred_error:.3f}"


def commands_of(report: Report) -> Iterator[tuple[str, str]]:
    """Each command once, with the numbers that it computes."""
    numbers: dict[str, list[str]] = {}
    rows = rows_of(report)
    for place, (stage, head) in enumerate(zip(report.stages, heads(report), strict=True)):
        cells = {task: row[place] for task, row in rows.items()}
        missing = [task for task, found in cells.items() if isinstance(found, Missing)]
        for task, found in cells.items():
            if isinstance(found, EvaluationResult):
                said = f"{head} {LABELS.get(task, task)}: {score(found)}"
                numbers.setdefault(found.command, []).append(said)
            elif found is not None and stage.folder is not None:
                command = eval_command(stage.folder, stage.step, measured_with(task, missing))
                numbers.setdefault(command, []).append(f"{head} {LABELS.get(task, task)}: {NOT_MEASURED}")
    for command, computed in numbers.items():
        yield "; ".join(computed), command


def measured_with(task: str, missing: Sequence[str]) -> str:
    """What `--tasks` is to name so that a missing score is taken, as far as one command can.

    What must be fetched before has a command of its own, so that the others do not wait for it. ChatCORE is
    the mean over the group of tasks called chat.

    >>> (
    ...     measured_with("core", ["bpb", "core"]),
    ...     measured_with("spelling", ["chatcore", "spelling", "arithmetic"]),
    ... )
    ('core', 'spelling,arithmetic')
    """
    alone = {CORE: CORE, CHATCORE: "chat"}
    return alone.get(task) or ",".join(one for one in missing if one not in alone)
