"""Tool 5, the checkpoint browser: what training left on disk, whether it is whole, and which one is better.

Everything is read by the standard library: the header of a safetensors file says which tensors it holds, and
only the header is read. torch measures large files where it is installed; no pickle is ever loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from nanochat.train.checkpoint_meta import MODEL
from tools.checkpoints import compare_sections as pair
from tools.checkpoints import list_sections as listed
from tools.checkpoints import one_sections as one
from tools.checkpoints.measuring import check_hashes, engine
from tools.checkpoints.notes import one_notes, pair_notes, run_notes
from tools.checkpoints.question import Question
from tools.checkpoints.runs import Step
from tools.checkpoints.scores import results_of, scores_of
from tools.checkpoints.targets import Targets, find_targets
from tools.core.errors import UsageError
from tools.core.report import Report, Section
from tools.core.tool import Export, Tool

TITLE = "Checkpoint browser"


def run(question: Question) -> Report:
    """Answer a question.

    >>> report = run(Question(example="base"))
    >>> [section.key for section in report.sections]
    ['checkpoint', 'files', 'measured', 'parts', 'tensors', 'config']
    """
    targets = find_targets(question)
    if not targets.steps:
        return list_report(targets, question)
    if len(targets.steps) == 1:
        return one_report(targets.steps[0], question)
    return pair_report(targets.steps[0], targets.steps[1], question)


def problems_of(step: Step, verify: bool) -> list[str]:
    """What is wrong with a checkpoint, one sentence each; with `verify` every hash is checked."""
    found = list(step.problems)
    hashed = check_hashes(step) if verify else {}
    return found + hash_problems(found, hashed)


def hash_problems(known: Sequence[str], hashed: Mapping[str, str]) -> list[str]:
    """The files whose hash is another, without those that something was known of already."""
    told = " ".join(known)
    return [f"{name} {why}" for name, why in hashed.items() if why and name not in told]


def list_report(targets: Targets, question: Question) -> Report:
    """Every run and every step."""
    steps = [step for found in targets.runs for step in found.steps]
    problems = {id(step): problems_of(step, question.verify) for step in steps}
    damaged = [(step.title, problems[id(step)]) for step in steps if problems[id(step)]]
    sections = [
        listed.runs_section(targets.runs, problems, question.verify, question.rows),
        listed.folder_section(targets.runs, targets.where),
    ]
    if damaged:
        sections.insert(0, listed.damage_section(damaged))
    notes = run_notes(targets.runs, question.verify)
    unreadable = [found for found in targets.runs if found.problem]
    return Report(TITLE, sections, notes, ok=not damaged and not unreadable)


def one_report(step: Step, question: Question) -> Report:
    """All about one checkpoint."""
    checked = check_hashes(step) if question.verify else None
    problems = problems_of(step, verify=False)
    problems += hash_problems(problems, checked or {})
    if question.verify and step.meta is None and not step.meta_problem:
        raise UsageError("--verify compares hashes with those in meta.json; give that file too", "verify")
    if step.folder is None and step.model_path is not None:
        _ = step.header  # a loose file that is none is refused in one line
    if any(problem.startswith((MODEL, "the folder")) for problem in problems):
        told = [listed.damage_section([(step.title, problems)]), one.files_section(step, checked)]
        return Report(f"{TITLE}: {step.title}", told, ok=False)
    problems += one.shape_problems(step)
    scores, (_, complaints) = scores_of(step), results_of(step.run)
    sections: list[Section | None] = [
        one.checkpoint_section(step),
        one.files_section(step, checked),
        one.figures_section(scores, complaints),
        one.parameters_section(step),
        one.tensors_section(step.header, question.rows),
    ]
    if question.weights:
        who = engine(question.measure_with, step.header.whole_bytes)
        numbers, bad = one.numbers_section(step.header, who, question.rows)
        sections.append(numbers)
        problems += bad
    sections.append(one.config_section(step))
    if problems:
        sections.insert(0, listed.damage_section([(step.title, problems)]))
    notes = one_notes(step, scores, checked)
    return Report(f"{TITLE}: {step.title}", [found for found in sections if found], notes, ok=not problems)


def pair_report(first: Step, second: Step, question: Question) -> Report:
    """Two checkpoints beside each other."""
    damaged = [
        (step.title, wrong) for step in (first, second) if (wrong := problems_of(step, question.verify))
    ]
    if damaged:
        return Report(TITLE, [listed.damage_section(damaged)], ok=False)
    scores = scores_of(first), scores_of(second)
    sections: list[Section | None] = [
        pair.pair_section(first, second),
        pair.figures_section(*scores),
        pair.config_section(first, second, question.rows),
        pair.tensors_section(first, second, question.rows),
    ]
    said: list[str] = []
    if question.weights:
        who = engine(question.measure_with, first.header.whole_bytes)
        distance, sentence = pair.distance_section(first, second, who, question.rows)
        sections.append(distance)
        said = [sentence] if sentence else []
    notes = [*pair_notes(first, second, *scores), *said]
    return Report(TITLE, [found for found in sections if found], notes)


def tensor_table(question: Question) -> Iterator[str]:
    """The parameter table of the checkpoint that the question is about, as CSV."""
    steps: Sequence[Step] = find_targets(question).steps
    if not steps:
        raise UsageError("--csv is the table of one checkpoint; name one", "csv")
    return one.table_lines(steps[0])


TOOL = Tool(
    name="checkpoint-browser",
    title="Checkpoint browser",
    summary="look into checkpoints, check and compare them",
    parameters=Question,
    run=run,
    examples=[
        ("--base my-base/", "every run and step of a base folder, of all stages"),
        ("--base my-base/ --verify", "the same, every file read and its hash checked"),
        ("--run d4 --step 200", "one checkpoint of your own run"),
        ("--run d4:100 d4 --weights", "how far the weights of d4 have moved since step 100"),
        ("--example base", "one checkpoint: parameters, figures, config"),
        ("--example sft-and-rl", "two checkpoints, with arrows toward the better one"),
        ("model.safetensors --csv tensors.csv", "the parameter table of any safetensors file"),
    ],
    page={"example": "base"},
    details="Without anything said: every run and step in the base folder. That is $NANOCHAT_BASE_DIR, else "
    "nanochat in the platform's cache folder.",
    exports=[Export("csv", "tensors.csv", "the table of all tensors", tensor_table)],
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
