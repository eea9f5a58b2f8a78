"""Tool 3, the training dashboard: what a run's `metrics.jsonl` says, while it trains or afterwards.

Loss, evaluations, learning rates, gradients, speed and memory of one run or of several over each other; the
best step, the time that is left, and what went wrong by name.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.report import Report, Section, Text
from tools.core.tool import Export, Tool
from tools.dashboard.chart_sections import charts_section
from tools.dashboard.csv_file import csv_parts
from tools.dashboard.follow import Tail
from tools.dashboard.history import History, read_history
from tools.dashboard.overview_sections import comparison_section, run_section, runs_section
from tools.dashboard.question import CHARTS, Question
from tools.dashboard.runs import Run, find_runs
from tools.dashboard.says import notes_of
from tools.dashboard.trouble_sections import trouble_section


def histories_of(question: Question) -> list[History]:
    """The histories of all runs that are meant, read to their ends."""
    runs = find_runs(question.runs, question.example, question.steps)
    return [history_of(run, question.x, question.smoothing) for run in runs]


def history_of(run: Run, x: str, smoothing: float) -> History:
    """The history of one run; a file that has not changed since it was asked for is not read again.

    So another chart of a large file is there at once on a page, and an export does not read it twice.
    """
    stat = run.metrics.stat()
    key = (run, x, smoothing, stat.st_ino, stat.st_size, stat.st_mtime_ns)
    if key not in READ:
        found = read_history(run, x, smoothing)
        while len(READ) >= MOST_READ:
            del READ[next(iter(READ))]
        READ[key] = found
    return READ[key]


READ: dict[tuple[object, ...], History] = {}
"""The histories read last."""
MOST_READ = 20


def run(question: Question) -> Report:
    """Answer a question.

    >>> [section.key for section in run(Question(example="base")).sections]
    ['runs', 'trouble', 'curves', 'run_1']
    """
    return whole_report(histories_of(question), question)


def whole_report(histories: Sequence[History], question: Question) -> Report:
    """Everything there is to say."""
    compared = comparison_section(histories)
    sections = [
        runs_section(histories),
        *([compared] if compared else []),
        trouble_section(histories),
        charts_section(histories, question),
        *(run_section(history, number) for number, history in enumerate(histories, 1)),
    ]
    return Report("Training dashboard", sections, notes_of(histories, question.smoothing))


def live_report(tails: Sequence[Tail], question: Question) -> Report:
    """What fits on the screen: all runs, the line to look at first, trouble."""
    histories = [tail.history for tail in tails if tail.history is not None]
    waiting = [Text(f"{tail.run.name}: no step yet") for tail in tails if tail.history is None]
    sections = [runs_section(histories)] if histories else []
    if waiting:
        sections.append(Section("Waiting", waiting, icon="⏳"))
    if not histories:
        return Report("Training dashboard", sections)
    keys = question.show or tuple(dict.fromkeys(history.main.key for history in histories))
    curves = charts_section(histories, dataclasses.replace(question, show=keys))
    trouble = trouble_section(histories)
    ways: tuple[list[Section], ...] = ([curves, trouble], [curves], [trouble], [])
    return next(
        report
        for report in (Report("Training dashboard", [*sections, *more]) for more in ways)
        if fits_screen(report) or len(report.sections) == len(sections)
    )


def fits_screen(report: Report) -> bool:
    """Whether the terminal shows it whole: what is taller would scroll at each drawing."""
    from tools.core.command import terminal_width
    from tools.core.terminal import render_terminal

    try:
        height = os.get_terminal_size(sys.stdout.fileno()).lines
    except (OSError, ValueError):  # no terminal
        height = 0
    return not height or render_terminal(report, terminal_width()).count("\n") < height


def watch(question: Question) -> Iterator[Report] | None:
    """A report whenever there are new steps, until every run has taken its last one."""
    return follow(question) if question.follow else None


def follow(question: Question) -> Iterator[Report]:
    """The reports of `watch`; the last one is whole."""
    runs = find_runs(question.runs, question.example, question.steps, waiting=True)
    tails = [Tail(one, question.x, question.smoothing) for one in runs]
    first = True
    while True:
        changed = [tail.look() for tail in tails]
        done = all(tail.done for tail in tails)
        if (any(changed) or first) and not done:
            yield live_report(tails, question)
        if done:
            yield whole_report([tail.history for tail in tails if tail.history is not None], question)
            return
        first = False
        time.sleep(question.every)


def write_csv(question: Question) -> Iterator[str]:
    """Every figure of every step."""
    return csv_parts(histories_of(question))


TOOL = Tool(
    name="training-dashboard",
    title="Training dashboard",
    summary="how runs train: loss, speed, trouble; live",
    parameters=Question,
    run=run,
    examples=[
        ("--example base", "the pretraining of the laptop speedrun"),
        ("--example all", "all three stages of it"),
        ("--example rl --show reward --show val_accuracy", "only two charts of its reinforcement learning"),
        ("--example sft --smoothing 0.98 --x tokens", "a smoother line, over tokens"),
        ("--example all --csv metrics.csv", "every figure of every step, for a spreadsheet"),
    ],
    page={"example": "base"},
    details="It reads metrics.jsonl, and the config.json beside it for the stage and the number of steps. "
    "A run may be given by its name, its folder or its file: `d4 d4-sft`, or `--follow d4` while it trains. "
    f"--show takes {', '.join(CHARTS)}.",
    exports=[Export("csv", "metrics.csv", "every figure of every step as a table", write_csv)],
    watch=watch,
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
