"""What a question is about: the whole base folder, one checkpoint, or two."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from nanochat.errors import UserError
from nanochat.home import base_folder, checked_name
from nanochat.train.checkpoint_meta import META, MODEL
from nanochat.train.run_files import CONFIG, METRICS
from tools.checkpoints.header import HEADER_SUFFIX
from tools.checkpoints.loose import sort_files
from tools.checkpoints.question import Question
from tools.checkpoints.runs import (
    RUNS,
    Run,
    Step,
    check_folder,
    find_runs,
    is_run,
    is_step,
    of_step,
    open_run,
)
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_files
from tools.core.given import is_page
from tools.core.words import nearest, say

LAPTOP = "laptop/runs"  # the kept run: its small files are a part of the site
KEPT = "checkpoints"  # its headers, among the examples
EXAMPLE_STEPS = {
    "base": [("speedrun-laptop", 180)],
    "sft-and-rl": [("speedrun-laptop-sft", 140), ("speedrun-laptop-rl", 100)],
    "same-run": [("speedrun-laptop", 135), ("speedrun-laptop", 180)],
}
CLASSROOM = ("arithmetic-of-200", "larger-arithmetic-of-200", "spelling-of-200")
EVALUATED = {
    "speedrun-laptop": ["000180-bpb"],
    "speedrun-laptop-sft": [f"000140-{task}" for task in CLASSROOM],
    "speedrun-laptop-rl": [f"000100-{task}" for task in CLASSROOM],
}


@dataclass(frozen=True)
class Targets:
    """Runs to list, or checkpoints to look at: one, or two to compare."""

    runs: list[Run] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    where: str = ""  # the folder that was listed


def find_targets(question: Question) -> Targets:
    """What the question is about.

    Raises:
        UsageError: there is no such run or folder, or there are more than two checkpoints.
        ToolError: a file or folder cannot be read.
    """
    named = [*([Path(question.run)] if question.run else []), *question.files]
    if question.step is not None and not named:
        raise UsageError("--step goes with --run, or with the name of a run", "step")
    if question.example and not named:
        return Targets(steps=[example_step(*one) for one in EXAMPLE_STEPS[question.example]])
    if not named and is_page():
        raise UsageError("--files: choose or drop a checkpoint's files, or choose an Example", "files")
    base = question.base or base_folder()
    if not named:
        return list_folder(base)
    if len(named) == 1 and named[0].is_dir() and not is_step(named[0]) and not is_run(named[0]):
        return list_folder(named[0])
    loose = [path for path in named if path.is_file()]
    steps = sort_files(loose).steps() if loose else []
    for place, path in enumerate(named):
        if not path.is_file():
            steps.append(named_step(path, base, question.step if place == 0 else None))
    if not steps:
        raise UsageError("--files: give a checkpoint too, a .safetensors file or its meta.json", "files")
    if len(steps) > 2:
        raise UsageError(
            f"these are {len(steps)} checkpoints; give one to look at, or two to compare", "files"
        )
    return Targets(steps=steps)


def list_folder(folder: Path) -> Targets:
    """All runs in a folder."""
    check_folder(folder)
    return Targets(runs=find_runs(folder), where=str(folder))


def named_step(path: Path, base: Path, asked: int | None) -> Step:
    """The checkpoint that a word means: a folder, a run's name, or NAME:STEP."""
    if path.is_dir() and is_step(path) and not is_run(path):
        return of_step(path)
    words, colon, number = str(path).rpartition(":")
    if colon and number.isdecimal() and not path.exists():
        path, asked = Path(words), int(number)
    run = named_run(path, base)
    if not run.steps:
        raise ToolError(f"{run.name} has no checkpoint yet", "files")
    if asked is None:
        return run.steps[-1]
    found = [step for step in run.steps if step.step == asked]
    if not found:
        there = ", ".join(f"{step.step:,}" for step in run.steps)
        raise UsageError(f"{run.name} has no checkpoint of step {asked:,}; there are: {there}", "step")
    return found[-1]


def named_run(path: Path, base: Path) -> Run:
    """The run in a folder, or of this name in the base folder."""
    if path.is_dir() and is_run(path):
        return open_run(path)
    try:
        folder = base / RUNS / checked_name(str(path))
    except UserError:
        raise UsageError(f"there is no file or run {path}", "files") from None
    if is_run(folder):
        return open_run(folder)
    names = [run.name for run in find_runs(base)] if base.is_dir() else []
    there = nearest(str(path), names) or (f"; there are: {', '.join(names[:9])}" if names else "")
    raise UsageError(f"there is no file, and no run {say(path)} in {base / RUNS}{there}", "files")


def example_step(name: str, step: int) -> Step:
    """A checkpoint of the kept run: the headers of its files, and all that was measured."""
    kept = f"{KEPT}/{name}-step-{step}"
    own = [f"{kept}/{MODEL}{HEADER_SUFFIX}", f"{kept}/{META}"]
    shared = [f"{LAPTOP}/{name}/{CONFIG}", f"{LAPTOP}/{name}/{METRICS}"]
    shared += [f"{LAPTOP}/{name}/evaluations/{task}.json" for task in EVALUATED[name]]
    return sort_files(example_files(own + shared)).steps()[0]
