"""Loose files, as a page gets them: which is what, and which checkpoint they make together.

A file is known by its name where that says enough (`.safetensors`, `optimizer-…`, `loader-…`, `.jsonl`), a
JSON file by what it says. A `meta.json` goes with the weights of the same name (`a.json` with
`a.safetensors`), else they go together in the order they came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.evaluation.results import EvaluationResult
from nanochat.evaluation.results import read as read_result
from nanochat.train.checkpoint_meta import LOADER, META, MODEL, OPTIMIZER
from nanochat.train.run_files import CONFIG, METRICS, SAMPLES
from tools.checkpoints.header import HEADER_SUFFIX, SUFFIX
from tools.checkpoints.runs import MOST_CONFIG, Run, Step, meta_in
from tools.core.errors import ToolError
from tools.core.files import read_json

KNOWN = f"{SUFFIX}, {META}, {CONFIG}, {METRICS} and the results of evaluations"


@dataclass
class Loose:
    """Files by what they are."""

    models: list[Path] = field(default_factory=list)
    metas: list[Path] = field(default_factory=list)
    parts: dict[str, Path] = field(default_factory=dict)  # of the processes: optimizer and loader
    config: Mapping[str, Any] = field(default_factory=dict)
    metrics: Path | None = None
    results: list[EvaluationResult] = field(default_factory=list)

    @property
    def run(self) -> Run:
        """The run that config and metrics are of."""
        return Run(str(self.config.get("name", "")), None, self.config, "", self.metrics, tuple(self.results))

    def steps(self) -> list[Step]:
        """The checkpoints that the files make."""
        found: list[Step] = []
        models: list[Path | None] = list(self.models)
        run, left = self.run, list(self.metas)
        for model in models or [None] * max(len(left), bool(self.parts)):
            meta = partner(model, left)
            if meta is not None:
                left.remove(meta)
            found.append(make_step(model, meta, self.parts if not found else {}, run))
        return found


def make_step(model: Path | None, meta: Path | None, parts: Mapping[str, Path], run: Run) -> Step:
    """The checkpoint of these files."""
    files = dict(parts)
    if model is not None:
        files[MODEL + (HEADER_SUFFIX if model.suffix == HEADER_SUFFIX else "")] = model
    told, problem = None, ""
    if meta is not None:
        files[META] = meta
        told, problem = meta_in(meta)
    return Step((model or meta or next(iter(parts.values()))).name, files, run, None, told, problem)


def partner(model: Path | None, metas: list[Path]) -> Path | None:
    """The meta that goes with a file of weights.

    >>> partner(Path("b.safetensors"), [Path("a.json"), Path("b.json")]).name
    'b.json'
    """
    stem = model.name.split(".")[0] if model else ""
    alike = [meta for meta in metas if meta.name.split(".")[0] == stem]
    return next(iter(alike or metas), None)


def sort_files(paths: Iterable[Path]) -> Loose:
    """Say of each file what it is.

    Raises:
        ToolError: a file is none of those that are known here.
    """
    found = Loose()
    for path in paths:
        name = path.name
        try:
            path.open("rb").close()
        except OSError as error:
            raise ToolError(f"{path} cannot be read: {error.strerror}", "files") from None
        if name.startswith((OPTIMIZER, LOADER)):
            found.parts[name] = path
        elif name.endswith((SUFFIX, SUFFIX + HEADER_SUFFIX)):
            found.models.append(path)
        elif name == SAMPLES:
            continue
        elif path.suffix == ".jsonl":
            found.metrics = path
        elif path.suffix == ".json":
            sort_json(path, found)
        else:
            raise ToolError(f"{path}: this is none of the files read here: {KNOWN}", "files")
    return found


def sort_json(path: Path, found: Loose) -> None:
    """Put a JSON file where it belongs, by what it says."""
    if path.name == META:  # also one that says nothing any more: what is wrong with it is said there
        found.metas.append(path)
        return
    told = read_json(path, MOST_CONFIG, f"a {META} or a {CONFIG}", "files")
    if isinstance(told, dict) and isinstance(told.get("settings"), dict) and "model" in told:
        found.config = told
    elif isinstance(told, dict) and "files" in told and "meta" in told:
        found.metas.append(path)
    elif isinstance(told, dict) and "metric" in told:
        try:
            found.results.append(read_result(path))
        except UserError as error:
            raise ToolError(str(error), "files") from None
    else:
        raise ToolError(f"{path}: this is neither a {META} nor a {CONFIG} of a run", "files")
