"""Runs and their checkpoints, found on disk: under the base folder, or in any folder.

    <base>/runs/<name>/config.json                          a run, of any stage: base, sft or rl
    <base>/runs/<name>/checkpoints/step_000100/meta.json    one of its checkpoints

What is damaged is still listed, with the reason; nothing is left out because it could not be read.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.evaluation.results import EvaluationResult
from nanochat.model.config import GPTConfig
from nanochat.train.checkpoint_meta import FOLDER, META, MODEL, NAME, Meta, paths, read_meta, step_of
from nanochat.train.run_files import CONFIG, METRICS
from tools.checkpoints.header import HEADER_SUFFIX, SUFFIX, BadFile, Header, read_header
from tools.core.errors import ToolError
from tools.core.files import read_json

STAGES = ("base", "sft", "rl")  # in the order of training
RUNS = "runs"  # in the base folder
MOST_CONFIG = 10_000_000  # bytes; a config.json has two thousand


@dataclass(frozen=True)
class Run:
    """A run: what its `config.json` says, and where its other files are."""

    name: str
    folder: Path | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    problem: str = ""  # why there is no config
    metrics: Path | None = None
    results: tuple[EvaluationResult, ...] = ()  # those that came as loose files

    @property
    def stage(self) -> str:
        """base, sft or rl; "" where nothing says so."""
        return str(self.config.get("stage", STAGES[0])) if self.config else ""

    @property
    def model(self) -> GPTConfig | None:
        """The shape of its model, if the config says one that can be."""
        return shape_in(self.config)

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """Its checkpoints, oldest first."""
        return tuple(Step.look(path, self) for path in paths(self.folder)) if self.folder else ()


@dataclass(frozen=True)
class Step:
    """One checkpoint: its files by name, what `meta.json` says, and what is wrong at first sight."""

    name: str
    files: Mapping[str, Path]
    run: Run
    folder: Path | None = None
    meta: Meta | None = None
    meta_problem: str = ""  # why there is no meta, where one should be

    @classmethod
    def look(cls, folder: Path, run: Run) -> Step:
        """The checkpoint in a folder; only `meta.json` is read."""
        try:
            files = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
        except OSError as error:
            return cls(folder.name, {}, run, folder, None, f"the folder cannot be read: {error.strerror}")
        meta, problem = meta_in(folder / META)
        return cls(folder.name, files, run, folder, meta, problem)

    @property
    def step(self) -> int | None:
        """The number of the step, by its meta or its name."""
        if self.meta is not None:
            return self.meta.step
        return step_of(Path(self.name)) if NAME.fullmatch(self.name) else None

    @property
    def title(self) -> str:
        """How it is called in reports."""
        step = "" if self.step is None else f"step {self.step:,}"
        return " ".join(word for word in (self.run.name, step) if word) or self.name

    @property
    def bytes(self) -> int:
        """Bytes of all its files."""
        return sum(size_of(path) for path in self.files.values())

    @property
    def model_path(self) -> Path | None:
        """The file with the weights, or with their header alone."""
        return next((self.files[name] for name in (MODEL, MODEL + HEADER_SUFFIX) if name in self.files), None)

    @cached_property
    def header(self) -> Header:
        """The header of the weights. Raises `BadFile` if they are not there, or damaged."""
        if self.model_path is None:
            raise BadFile(self.folder / MODEL if self.folder else Path(MODEL), "is not there")
        return read_header(self.model_path)

    @property
    def model(self) -> GPTConfig | None:
        """The shape of the model, by its own meta, else by the run."""
        return (shape_in(self.meta.meta) if self.meta else None) or self.run.model

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with it, as far as can be seen without reading its tensors."""
        return tuple(self.find_problems())

    def find_problems(self) -> Iterator[str]:
        """A sentence for each thing that is wrong: the file, and the reason."""
        if self.meta_problem:
            yield f"{META} {self.meta_problem}"
        named = self.meta.hashes if self.meta else {}
        for name in named:
            if self.folder and name not in self.files and name + HEADER_SUFFIX not in self.files:
                yield f"{name} is not there"
        if not named and not self.meta_problem and self.model_path is None:
            yield f"{MODEL} is not there"
        for name, path in self.files.items():
            if name.endswith((SUFFIX, HEADER_SUFFIX)):
                try:
                    read_header(path)
                except BadFile as error:
                    yield f"{name} {error.reason}"


def meta_in(path: Path) -> tuple[Meta | None, str]:
    """What a `meta.json` says, or why it says nothing."""
    try:
        if size_of(path) > MOST_CONFIG:
            return None, f"has more than {MOST_CONFIG // 10**6} MB, so it is none"
        return read_meta(path), ""
    except UserError as error:
        reason = str(error).removeprefix(f"{path} ")
        return None, "is not there" if "FileNotFoundError" in reason else reason


def shape_in(told: Mapping[str, Any]) -> GPTConfig | None:
    """The model in a config or a meta, if it is one."""
    model = told.get("model")
    try:
        return GPTConfig.from_dict(model) if isinstance(model, dict) else None
    except (ValueError, TypeError):
        return None


def size_of(path: Path) -> int:
    """The bytes of a file; 0 for one that is gone."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


# ---- finding ----


def open_run(folder: Path) -> Run:
    """The run in a folder, its config read."""
    metrics = folder / METRICS
    config, problem = config_in(folder / CONFIG)
    return Run(folder.name, folder, config, problem, metrics if metrics.is_file() else None)


def config_in(path: Path) -> tuple[dict[str, Any], str]:
    """What a `config.json` says, or why it says nothing."""
    if not path.is_file():
        return {}, f"{CONFIG} is not there"
    try:
        found = read_json(path, MOST_CONFIG, "the config of a run")
    except ToolError as error:
        return {}, f"{CONFIG} {str(error).removeprefix(f'{path} ')}"
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        return {}, f"{CONFIG} is not the config of a run: it has no settings"
    return found, ""


def is_run(folder: Path) -> bool:
    """Whether a folder is that of a run: it has a config or checkpoints."""
    return (folder / CONFIG).is_file() or (folder / FOLDER).is_dir()


def is_step(folder: Path) -> bool:
    """Whether a folder is a checkpoint."""
    return bool(NAME.fullmatch(folder.name)) or (folder / META).is_file() or (folder / MODEL).is_file()


def find_runs(folder: Path) -> list[Run]:
    """Every run in a folder: a base folder, a run, or any folder with runs somewhere in it.

    They come in the order of the stages, then by name.

    Raises:
        ToolError: the folder cannot be read.
    """
    try:
        places = [folder] if is_run(folder) else list(run_folders(folder))
    except OSError as error:
        raise ToolError(f"{error.filename or folder} cannot be read: {error.strerror}") from None
    return sorted(map(open_run, places), key=order)


def order(run: Run) -> tuple[int, str]:
    """Where a run stands in a list."""
    return (STAGES.index(run.stage) if run.stage in STAGES else len(STAGES), run.name)


def check_folder(folder: Path) -> None:
    """Raise `ToolError` unless a base folder is a folder that can be read."""
    try:
        if folder.is_file():
            folder.open("rb").close()
            raise ToolError(f"--base {folder} is a file; a base folder is the one that holds {RUNS}/", "base")
        if not folder.is_dir():
            raise ToolError(f"there is no folder {folder}: train a run first, or say another --base", "base")
        next(folder.iterdir(), None)
    except OSError as error:
        raise ToolError(f"{folder} cannot be read: {error.strerror}", "base") from None


def run_folders(folder: Path) -> Iterator[Path]:
    """The folders of runs below a folder: at once where `runs/` says so, else by looking everywhere."""
    top = folder / RUNS
    if top.is_dir():
        yield from (path for path in sorted(top.iterdir()) if path.is_dir() and is_run(path))
        return

    def complain(error: OSError) -> None:
        if Path(error.filename) == folder:
            raise error

    for place, below, _ in os.walk(folder, onerror=complain):
        path = Path(place)
        below[:] = sorted(name for name in below if not name.startswith("."))
        if path != folder and is_run(path):
            yield path
            below.clear()


def of_step(folder: Path) -> Step:
    """The checkpoint in a folder of its own, with the run above it if there is one."""
    above = folder.resolve().parent
    run = open_run(above.parent) if above.name == FOLDER and is_run(above.parent) else Run("")
    return Step.look(folder, run)
