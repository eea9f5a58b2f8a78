"""What is at hand of a run: its folder with all that lies around it, or some loose files of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.home import base_folder, checked_name
from nanochat.train.checkpoint_meta import FOLDER, META, MODEL
from nanochat.train.run_files import CONFIG, METRICS, last_change
from tools.checkpoints.header import HEADER_SUFFIX
from tools.checkpoints.loose import sort_files
from tools.checkpoints.runs import RUNS, Run, Step, check_folder, find_runs, is_run, open_run
from tools.core.errors import UsageError
from tools.core.examples import example_file, example_files, example_folder
from tools.core.given import MOUNTED, is_page
from tools.core.words import nearest, say
from tools.resume.question import Question

STOPPED = "resume/d2"  # among the examples: a run that was killed after step 137 of 200
STOPPED_AT = (80, 120)
DAMAGED = "resume/cut-short.safetensors.header"  # the header of its step 120, cut in the middle
KEPT_FILES = (
    META, MODEL + HEADER_SUFFIX, "optimizer-00-of-01.safetensors" + HEADER_SUFFIX, "loader-00-of-01.json",
)  # fmt: skip
LAPTOP = "speedrun-laptop"


class State(Enum):
    """How a check came out."""

    GOOD = "good"
    BAD = "refused"
    NOTE = "note"  # nothing that stops the run, but something to know
    UNKNOWN = "not known"  # it could not be looked at


@dataclass(frozen=True)
class Check:
    """One thing that resuming needs: what was found, and if it is bad, the way out."""

    key: str
    what: str
    state: State
    found: str
    way_out: str = ""


@dataclass
class Evidence:
    """A run to resume. `base` is the folder above `runs/`; None where only files were given."""

    run: Run
    steps: list[Step] = field(default_factory=list)
    base: Path | None = None
    is_loose: bool = False  # there are only files, and nothing around them to look at

    @property
    def config(self) -> Mapping[str, Any]:
        """What config.json says."""
        return self.run.config

    @property
    def settings(self) -> Mapping[str, Any]:
        """The settings in it, as plain data."""
        found = self.config.get("settings", {})
        return found if isinstance(found, dict) else {}


def find_evidence(question: Question) -> Evidence:
    """The run that the question is about.

    Raises:
        UsageError: there is no such run.
        ToolError: a file cannot be read.
    """
    named = [*([Path(question.run)] if question.run else []), *question.files]
    if question.example and not named:
        return example_evidence(question.example)
    if not named and is_page():
        raise UsageError("--files: choose or drop a run's files or its folder, or choose an Example", "files")
    base = question.base or base_folder()
    loose = [path for path in named if path.is_file()]
    folders = [path for path in named if not path.is_file()]
    if loose and folders:
        raise UsageError("give a run's name or folder, or its files, not both", "files")
    if len(folders) > 1:
        raise UsageError(f"these are {len(folders)} runs; give one", "files")
    if loose:
        sorted_files = sort_files(loose)
        if len(sorted_files.metas) > 1 or len(sorted_files.models) > 1:
            raise UsageError("these are files of several checkpoints; give those of one", "files")
        return Evidence(sorted_files.run, sorted_files.steps(), is_loose=True)
    folder = named_folder(folders[0], base) if folders else newest_folder(base)
    run = open_run(folder)
    if any(folder.is_relative_to(place) for place in MOUNTED.values()):  # dropped on a page
        return Evidence(run, list(run.steps), is_loose=True)
    above = folder.absolute().parent
    return Evidence(run, list(run.steps), above.parent if above.name == RUNS else None)


def named_folder(path: Path, base: Path) -> Path:
    """The folder of a run, by its name in the base folder or by its path."""
    if path.is_dir():
        if not is_run(path):
            raise UsageError(f"{path} is not the folder of a run: it has no {CONFIG}", "files")
        return path
    try:
        folder = base / RUNS / checked_name(str(path))
    except UserError:
        raise UsageError(f"there is no file or run {path}", "files") from None
    if is_run(folder):
        return folder
    names = [run.name for run in find_runs(base)] if base.is_dir() else []
    there = nearest(str(path), names) or (f"; there are: {', '.join(names[:9])}" if names else "")
    raise UsageError(f"there is no run {say(path)} in {base / RUNS}{there}", "files")


def newest_folder(base: Path) -> Path:
    """The folder of the run that wrote a line last."""
    if base.exists():
        check_folder(base)
    runs = find_runs(base) if base.is_dir() else []
    folders = [run.folder for run in runs if run.folder and run.config]
    if not folders:
        raise UsageError(
            f"there is no run in {base / RUNS}; give a run's name, its folder or its files, or an --example",
            "files",
        )
    return max(folders, key=last_change)


def example_evidence(name: str) -> Evidence:
    """A real run of which the small files were kept."""
    if name == "finished":
        run, kept = f"laptop/runs/{LAPTOP}", f"checkpoints/{LAPTOP}-step-180"
        names = [f"{run}/{CONFIG}", f"{run}/{METRICS}", f"{kept}/{META}", f"{kept}/{MODEL}{HEADER_SUFFIX}"]
        found = sort_files(example_files(names))
        return Evidence(found.run, found.steps(), is_loose=True)
    inside = [f"{FOLDER}/step_{step:06d}/{file}" for step in STOPPED_AT for file in KEPT_FILES]
    run_folder = example_folder(STOPPED, [CONFIG, METRICS, *inside])
    opened = open_run(run_folder)
    steps = list(opened.steps)
    if name == "damaged":
        newest = steps[-1]
        steps[-1] = replace(newest, files={**newest.files, KEPT_FILES[1]: example_file(DAMAGED)})
    return Evidence(opened, steps, is_loose=True)
