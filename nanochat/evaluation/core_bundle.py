"""The bundle with the tasks of CORE, as it lies on disk, and reading it.

    core.yaml             which tasks there are: label, kind, data, number of shots, delimiter
    eval_meta_data.csv    of each task, among other things, what guessing gets (in percent)
    eval_data/            a file of JSON lines for each

It is the evaluation data of DCLM (Li et al. 2024), as the public nanochat packs it. `core_download` fetches
it. $NANOCHAT_CORE_BUNDLE names another one: an address or the path of a zip, or a folder that is used where
it is. The 22 tasks are those that the file lists; a bundle with others gives another number than CORE.

Categories within a task (`has_categories`) are not told apart: every question counts the same.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanochat.data.shards import file_sha256
from nanochat.errors import UserError
from nanochat.evaluation.core_prompts import FIELDS, Item, fault_of
from nanochat.home import base_folder

PUBLIC = "https://karpathy-public.s3.us-west-2.amazonaws.com/eval_bundle.zip"
VARIABLE = "NANOCHAT_CORE_BUNDLE"
FETCH = "nanochat data prepare --task core"  # the command that fetches it
CONFIG, CHANCES, DATA = "core.yaml", "eval_meta_data.csv", "eval_data"
RECORD = "bundle.json"  # beside them in a bundle that was fetched: from where, and its hash
DELIMITER = " "  # where a task names none
NAME, CHANCE = "Eval Task", "Random baseline"  # columns


@dataclass(frozen=True)
class CoreTask:
    """One task, not read yet."""

    label: str
    kind: str  # multiple_choice, schema or language_modeling
    file: Path
    shots: int
    delimiter: str
    chance: float  # a share

    def read(self) -> list[Item]:
        """Its examples, in the file's order. Raises `UserError` naming the line that is none."""
        found: list[Item] = []
        with self.file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    item = json.loads(line)
                except ValueError:
                    raise UserError(f"{self.file}, line {number}: this is no JSON") from None
                if fault := fault_of(self.kind, item):
                    raise UserError(f"{self.file}, line {number}: {fault}")
                found.append(item)
        if len(found) < 2:
            raise UserError(f"{self.file}: a task needs two examples at least")
        return found


@dataclass(frozen=True)
class Bundle:
    """All tasks, and which bundle they are from."""

    folder: Path
    sha256: str  # of the zip; of a folder that is used where it is, of its files
    tasks: tuple[CoreTask, ...]


def source() -> str:
    """Where the bundle comes from: $NANOCHAT_CORE_BUNDLE, else the public address."""
    return os.environ.get(VARIABLE) or PUBLIC


def folder_for(where: str) -> Path:
    """Where a bundle lies, fetched or not; each source has a folder of its own."""
    if Path(where).is_dir():
        return Path(where)
    name = "dclm" if where == PUBLIC else hashlib.sha256(where.encode()).hexdigest()[:12]
    return base_folder() / "core" / name


def open_bundle() -> Bundle:
    """The bundle that is on this machine.

    Raises `UserError`: naming the command that fetches it if it is not there, naming the file if it is no
    bundle.
    """
    where = source()
    folder = folder_for(where)
    if Path(where).is_dir():
        tasks = read_tasks(folder)
        return Bundle(folder, hash_of_files([folder / CONFIG, *(task.file for task in tasks)]), tasks)
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"the tasks of CORE are not on this machine; fetch them with: {FETCH}") from None
    except ValueError:
        raise UserError(f"{folder / RECORD}: damaged; remove {folder} and run: {FETCH}") from None
    return Bundle(folder, record["sha256"], read_tasks(folder))


def read_tasks(folder: Path) -> tuple[CoreTask, ...]:
    """What `core.yaml` lists. Raises `UserError` for what is no bundle."""
    import yaml

    path = folder / CONFIG
    chances = read_chances(folder / CHANCES)
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))["icl_tasks"]
        tasks = tuple(task_of(folder, one, chances) for one in listed)
    except (OSError, yaml.YAMLError, ValueError, KeyError, TypeError, IndexError) as error:
        why = f"it lacks {error}" if isinstance(error, KeyError) else type(error).__name__
        raise UserError(f"{path} does not list the tasks of CORE ({why})") from None
    if not tasks or len({task.label for task in tasks}) < len(tasks):
        raise UserError(f"{path} lists no tasks, or two of one name")
    return tasks


def task_of(folder: Path, listed: dict[str, Any], chances: dict[str, float]) -> CoreTask:
    """One entry of `core.yaml`."""
    label, kind = str(listed["label"]), listed["icl_task_type"]
    shots = listed["num_fewshot"]
    count = int(shots[0] if isinstance(shots, list) else shots)
    file = folder / DATA / str(listed["dataset_uri"])
    if kind not in FIELDS:
        raise UserError(f"{folder / CONFIG}: {label} is of the kind {kind!r}; known are {', '.join(FIELDS)}")
    if label not in chances:
        raise UserError(f"{folder / CHANCES} does not say what guessing gets in {label}")
    if not file.resolve().is_relative_to((folder / DATA).resolve()) or not file.is_file():
        raise UserError(f"{folder / CONFIG}: the data of {label} is not there: {file}")
    delimiter = str(listed.get("continuation_delimiter", DELIMITER))
    return CoreTask(label, kind, file, count, delimiter, chances[label])


def read_chances(path: Path) -> dict[str, float]:
    """What guessing gets in each task, as shares."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            found = {row[NAME].strip(): float(row[CHANCE] or 0) / 100 for row in csv.DictReader(file)}
    except (OSError, ValueError, KeyError, AttributeError, TypeError, csv.Error) as error:
        raise UserError(f"{path} does not say what guessing gets ({type(error).__name__})") from None
    if wrong := [name for name, chance in found.items() if not 0 <= chance < 1]:
        raise UserError(f"{path}: guessing cannot get that much in {wrong[0]}")
    return found


def hash_of_files(paths: list[Path]) -> str:
    """One hash for several files."""
    return hashlib.sha256("".join(map(file_sha256, paths)).encode()).hexdigest()
