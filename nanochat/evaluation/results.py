"""The results of evaluations on disk: one file each in the run's folder, and reading them again.

    runs/d4/evaluations/000200-arc-easy.json
    runs/d4/evaluations/000200-arc-easy-of-100.json     with --limit 100
    runs/d4/evaluations/000200-arc-easy-train.json      with --split train

A part of the test, or another split, never takes the place of the whole test.

A result says all about itself: which weights (by their hash), which questions, with what settings, on what
machine, and the one command that computes it again. Whole files only: each is written beside its place and
renamed. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.files import write_json

FOLDER = "evaluations"  # in a run's folder
FORMAT = 1
TEST = "test"  # the split that counts


@dataclass(frozen=True)
class EvaluationResult:
    """One evaluation of one checkpoint.

    `value` is the figure of that metric: bits per byte, an accuracy, or for CORE and ChatCORE the mean of
    centred accuracies. What a metric does not have is None.
    """

    run: str
    stage: str  # base, sft or rl
    step: int
    checkpoint: str  # SHA-256 of its weights
    task: str
    metric: str  # "bits per byte", "accuracy" or "mean centred accuracy"
    value: float
    error: float | None  # standard error of the value
    n: int  # questions; for bits per byte, bytes of text
    command: str  # computes this again
    correct: float | None = None
    accuracy: float | None = None
    chance: float | None = None
    centred: float | None = None
    centred_error: float | None = None
    interval: Sequence[float] | None = None  # of the accuracy, 95 %
    split: str | None = None
    limit: int | None = None  # only so many questions were asked
    seed: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    date: str = ""  # ISO 8601, UTC
    machine: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    parts: Sequence[Mapping[str, Any]] = ()  # CORE and ChatCORE: the tasks
    replies: Sequence[Mapping[str, Any]] = ()  # a few, to read


def file_name(result: EvaluationResult) -> str:
    """What its file is called.

    >>> some = EvaluationResult("d4", "base", 200, "", "core", "", 0.1, None, 5, "", limit=5)
    >>> file_name(some)
    '000200-core-of-5.json'
    """
    split = "" if result.split in (None, TEST) else f"-{result.split}"
    part = "" if result.limit is None else f"-of-{result.limit}"
    return f"{result.step:06d}-{result.task}{split}{part}.json"


def write(run_folder: Path, result: EvaluationResult) -> Path:
    """Put a result into the folder of its run; an earlier one of the same task and step is replaced.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> result = EvaluationResult("d4", "base", 200, "", "bpb", "bits per byte", 1.25, None, 4_096, "")
    >>> write(folder, result).name, read_all(folder) == [result]
    ('000200-bpb.json', True)
    """
    folder = run_folder / FOLDER
    folder.mkdir(exist_ok=True)
    path = folder / file_name(result)
    write_json(path, {"format": FORMAT, **asdict(result)}, indent=1)
    return path


def read_all(run_folder: Path) -> list[EvaluationResult]:
    """All results of a run, oldest first. Raises `UserError` for a file that is none."""
    found = [read(path) for path in (run_folder / FOLDER).glob("[!.]*.json")]
    return sorted(found, key=lambda one: (one.date, one.task))


def read(path: Path) -> EvaluationResult:
    """One file that `write` wrote. Raises `UserError` naming it if it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        known = {one.name for one in fields(EvaluationResult)}
        if data["format"] == FORMAT:
            plain = {name: value for name, value in data.items() if name in known}
            for name in ("parts", "replies"):
                plain[name] = tuple(plain.get(name, ()))
            return EvaluationResult(**plain)
        why = f"it has format {data['format']}, this version of nanochat reads {FORMAT}"
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        why = type(error).__name__
    raise UserError(f"{path} is not the result of an evaluation ({why}); remove it and evaluate again")


def newest(results: Iterable[EvaluationResult]) -> dict[tuple[str, str], EvaluationResult]:
    """For each stage and task the result to show: of the newest step, with most of the test's questions.

    >>> part = EvaluationResult("d4", "base", 200, "", "core", "", 0.2, None, 5, "", limit=5, date="2027")
    >>> whole = EvaluationResult("d4", "base", 200, "", "core", "", 0.1, None, 900, "", date="2026")
    >>> newest([part, whole])["base", "core"].n
    900
    """
    found: dict[tuple[str, str], EvaluationResult] = {}
    for one in sorted(results, key=lambda one: (one.step, one.n, one.date)):
        if one.split in (None, TEST):
            found[one.stage, one.task] = one
    return dict(sorted(found.items()))
