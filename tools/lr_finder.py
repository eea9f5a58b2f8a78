"""Tool 9, the learning-rate finder: a range test on the real model and text, for each group of the optimizer.

A sweep is measured with `nanochat.train.range_test`, saved as it goes, and read here, by the standard library
alone. Or it is measured here and now, on microGPT in plain Python, which a page can do too.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.report import Report, Section, Text
from tools.core.tool import Export, Tool
from tools.rates import finder_sections as sections
from tools.rates.analysis import Reading, analyse
from tools.rates.question import LAPTOP, Question
from tools.rates.sweep import ALL, MICROGPT, RangeTest, csv_lines, read

EXAMPLE_FILES = {LAPTOP: "lr-sweep-laptop.jsonl"}


def run(question: Question) -> Report:
    """Answer a question.

    >>> report = run(Question(example="laptop", group=("all",)))
    >>> [section.key for section in report.sections]
    ['suggestions', 'all', 'tested', 'notes', 'command']
    """
    if question.against is not None and question.example != MICROGPT:
        raise UsageError("--against needs microGPT: choose microgpt as --example", "against")
    test, name = find(question)
    readings = readings_of(test, question)
    parts = [sections.summary_section(test, readings)]
    parts += [sections.group_section(test, test.sweeps[group], one) for group, one in readings.items()]
    if question.against is not None:
        parts.append(compared(readings[ALL], question))
    parts.append(sections.tested_section(test, name))
    said = sections.notes(test, readings, question.divergence)
    if said.items:
        parts.append(Section("What the figures say", [said], icon="💡", key="notes"))
    parts.append(sections.command_section(test, readings))
    return Report("Learning-rate finder", parts, warnings_of(test), says=sentence(readings))


def find(question: Question) -> tuple[RangeTest, str]:
    """The test that is asked about, read or measured, and what it is called."""
    ways = [question.sweep is not None, question.example is not None, question.measures]
    if sum(ways) > 1:
        raise UsageError(
            "--sweep, --example and a model to measure on are three ways; give one of them", "sweep"
        )
    if question.sweep is not None:
        path = question.sweep
        return read(path), "standard input" if str(path) == "-" else path.name
    if question.example == MICROGPT:
        from tools.rates.trained_here import sweep_of

        return sweep_of(question), question.save or "measured now"
    if question.example is not None:
        path = example_file(EXAMPLE_FILES[question.example])
        return read(path), path.name
    if question.measures:
        from tools.rates.with_model import measure

        return measure(question), question.save or "measured now"
    raise UsageError(
        "say which sweep to read, with --sweep FILE or --example laptop, or which model to measure one on, "
        "with --example microgpt, --preset laptop or --depth N", "sweep",
    )  # fmt: skip


def readings_of(test: RangeTest, question: Question) -> dict[str, Reading]:
    """What each sweep that is asked for says."""
    for group in question.groups:
        if group not in test.sweeps:
            there = ", ".join(map(sections.name_of, test.sweeps)) or "none"
            raise UsageError(
                f"--group {sections.name_of(group)}: the sweep has no such group; it has {there}", "group"
            )
    if not test.sweeps:
        raise ToolError("the sweep has no steps: it was stopped before its first", "sweep")
    found = {}
    for group in question.groups or test.sweeps:
        sweep = test.sweeps[group]
        found[group] = analyse(
            sweep.factors, sweep.losses, () if group == ALL else test.control.losses,
            beta=question.smoothing, skip=question.skip_first, share=question.divergence,
            whole=test.is_whole(sweep),
        )  # fmt: skip
    return found


def compared(reading: Reading, question: Question) -> Section:
    """microGPT trained twice: at the suggested rate, and at as many times it as was asked for."""
    from tools.rates.trained_here import RATE, seed_of, train_at
    from tools.rates.trained_sections import trained_section

    assert question.against is not None
    if reading.suggestion is None:
        said = Text("There is no suggested rate, so nothing was trained.", key="none")
        return Section("Trained twice", [said], icon="🏁", key="trained")
    rate, seed = RATE * reading.suggestion, seed_of(question)
    suggested, other = (train_at(float(f"{one:.6g}"), seed) for one in (rate, rate * question.against))
    return trained_section(suggested, other, question.against, question.smoothing)


def warnings_of(test: RangeTest) -> list[str]:
    """What a reader should know of a test that is not whole."""
    said = []
    for sweep in test.sweeps.values():
        if not test.is_whole(sweep):
            said.append(
                f"The sweep of {sections.name_of(sweep.group)} was stopped after {len(sweep.losses)} of "
                f"{test.steps} steps."
            )
    if test.cut:
        said.append("The last line of the file is cut off in its middle, and is left out.")
    return said


def sentence(readings: dict[str, Reading]) -> str:
    """The answer in one sentence."""
    found = [
        f"{sections.name_of(group)} {one.suggestion:g} times"
        for group, one in readings.items()
        if one.suggestion is not None
    ]
    return f"Suggested: {', '.join(found)} the configured rate." if found else "No rate can be suggested."


def csv(question: Question) -> Iterator[str]:
    """Every step, for a spreadsheet."""
    return csv_lines(find(question)[0])


TOOL = Tool(
    name="lr-finder",
    title="Learning-rate finder",
    summary="a learning-rate range test of every optimizer group",
    parameters=Question,
    run=run,
    examples=[
        ("--example laptop", "a saved sweep of the laptop model, and what it says"),
        ("--example laptop --group matrices --smoothing 0.5", "one group, smoothed less"),
        ("--example microgpt --save sweep.jsonl", "train microGPT now, on rates that rise"),
        ("--example microgpt --against 10 --low 0.001", "then twice: as suggested, and at 10 times that"),
        ("--preset laptop --group all --save sweep.jsonl", "measure one sweep, and keep every step"),
        ("sweep.jsonl --skip-first 5", "read what was saved; also after Ctrl-C"),
        ("--depth 4 --seq-len 512 --batch-size 16 --steps 200 --group all", "a model of your own"),
    ],
    page={"example": "laptop"},
    details=(
        "--steps is the length of the run to come, which decides its configured rates; --sweep-steps is\n"
        "the length of each sweep. The report ends with the command that trains at the rates it found."
    ),
    exports=[Export("csv", "lr-sweep.csv", "every step of every sweep, as a table", csv)],
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
