"""The folder of a run: `config.json`, `metrics.jsonl`, `samples.jsonl`, `checkpoints/`.

- a folder is claimed by making it, so that two runs can never share one
- `metrics.jsonl` has a line a step and only grows; a resumed run first takes away the lines of steps that
  came after its checkpoint, so that each step stands there once
- a line that is broken loses itself alone: those before it and after it are read and kept
- whole files are written beside their place and renamed, so that nobody ever reads half of one

Standard library only.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.home import base_folder, run_folder

CONFIG, METRICS, SAMPLES, CHECKPOINTS = "config.json", "metrics.jsonl", "samples.jsonl", "checkpoints"
MOST_OF_A_NAME = 1_000  # runs called d4, d4-2, d4-3, ...
MOST_NUMBERS = 9  # of broken lines that are named one by one


def claim_folder(name: str | None, fallback: str) -> Path:
    """Make the folder of a new run: `name`, or the first of `fallback`, `fallback-2`, … that is free."""
    if name is not None:
        if not try_to_make(run_folder(name)):
            raise UserError(
                f"there is a run {name!r} already; continue it with --resume, or give another --name"
            )
        return run_folder(name)
    for number in range(1, MOST_OF_A_NAME):
        folder = run_folder(fallback if number == 1 else f"{fallback}-{number}")
        if try_to_make(folder):
            return folder
    raise UserError(f"there are {MOST_OF_A_NAME} runs called {fallback} already; give this one a --name")


def try_to_make(folder: Path) -> bool:
    """Make a folder; False if it was there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def find_run(name: str | None, usual: str | None, stage: str) -> Path | None:
    """The run that `--resume` means: the one named, else of those usually called so the last to change.

    None if there is no such run.
    """
    if name is not None:
        folder = run_folder(name)
        return folder if (folder / CONFIG).is_file() else None
    ours = [folder for folder in all_runs(stage) if usual is None or is_called(folder.name, usual)]
    return max(ours, key=last_change, default=None)


def is_called(name: str, usual: str) -> bool:
    """Whether a run without a name of its own, usually called `usual`, may be called so.

    >>> is_called("d4", "d4"), is_called("d4-2", "d4"), is_called("d4-sft", "d4")
    (True, True, False)
    """
    return name == usual or name.removeprefix(f"{usual}-").isdecimal()


def all_runs(stage: str) -> list[Path]:
    """The folders of all runs of a stage."""
    return [path.parent for path in (base_folder() / "runs").glob(f"*/{CONFIG}") if stage_of(path) == stage]


def stage_of(config: Path) -> str | None:
    """The stage that a `config.json` is of; None where it cannot be read."""
    try:
        return str(json.loads(config.read_bytes()).get("stage", "base"))
    except (OSError, ValueError, AttributeError):
        return None


def last_change(folder: Path) -> float:
    """When a run wrote its last line."""
    metrics = folder / METRICS
    return (metrics if metrics.exists() else folder / CONFIG).stat().st_mtime


def list_runs(stage: str) -> list[str]:
    """The names of all runs of a stage."""
    return sorted(folder.name for folder in all_runs(stage))


def read_json(path: Path) -> dict[str, Any]:
    """Read a file that `write_json` wrote."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: this is no JSON: {error}") from None
    if not isinstance(found, dict):
        raise UserError(f"{path}: this is no config of a run")
    return found


def remove_if_empty_run(folder: Path) -> None:
    """Take back a folder in which no step has been trained: a refused run leaves nothing behind."""
    metrics = folder / METRICS
    if not (folder / CHECKPOINTS).exists() and not (metrics.exists() and metrics.stat().st_size):
        shutil.rmtree(folder, ignore_errors=True)


class Lines:
    """A file of JSON lines that only grows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("a", encoding="utf-8")

    def add(self, record: dict[str, Any]) -> None:
        """Write one line and hand it to the system, so that a kill of this process loses none."""
        self.file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.file.flush()

    def sync(self) -> None:
        """Have every line on the disk itself, as a checkpoint has its steps."""
        os.fsync(self.file.fileno())

    def close(self) -> None:
        """Done."""
        self.file.close()


def read_lines(path: Path, say: Callable[[str], object] | None = None) -> list[dict[str, Any]]:
    """The records of a file of JSON lines: objects that have a step.

    A last line cut short by a kill is left out, and nothing said: its step is done again. A line in the
    middle that is no record (a fault of the disk, an editor) is left out too, the lines after it are not,
    and `say` is told its number.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "metrics.jsonl")
    >>> _ = path.write_text('{"step": 1}\\n{"st@p": 2\\n{"step": 3}\\n{"ste')
    >>> read_lines(path, lambda told: print(told.removeprefix(str(path))))
    : line 2 is no record; it is left out, and the lines after it are kept
    [{'step': 1}, {'step': 3}]
    """
    records: list[dict[str, Any]] = []
    if not path.exists():
        return records
    broken: list[int] = []
    *lines, last = path.read_text(encoding="utf-8", errors="replace").split("\n")
    for number, line in enumerate(lines, 1):
        record = read_line(line)
        if record is not None:
            records.append(record)
        elif line.strip():
            broken.append(number)
    whole = read_line(last)  # without a line break at its end it may be whole, or cut
    if whole is not None:
        records.append(whole)
    if broken and say is not None:
        say(f"{path}: {left_out(broken)}")
    return records


def read_line(line: str) -> dict[str, Any] | None:
    """The record that a line is; None if it is none.

    >>> read_line('{"step": 1, "loss": 2.5}'), read_line('{"step": 1, "lo'), read_line('{"loss": 2.5}')
    ({'step': 1, 'loss': 2.5}, None, None)
    """
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("step"), int) else None


def left_out(numbers: list[int]) -> str:
    """What becomes of lines that are broken, in words.

    >>> left_out([3, 8])
    'lines 3 and 8 are no records; they are left out, and the lines after them are kept'
    >>> left_out(list(range(1, 100)))
    '99 lines are no records, the first is line 1; they are left out, and the lines after them are kept'
    """
    if len(numbers) == 1:
        return f"line {numbers[0]:,} is no record; it is left out, and the lines after it are kept"
    *first, last = (f"{number:,}" for number in numbers)
    which = f"lines {', '.join(first)} and {last} are no records"
    if len(numbers) > MOST_NUMBERS:
        which = f"{len(numbers):,} lines are no records, the first is line {numbers[0]:,}"
    return f"{which}; they are left out, and the lines after them are kept"


def keep_up_to(path: Path, step: int, say: Callable[[str], object] | None = None) -> None:
    """Take away the lines of steps after `step`, and those that are broken (`read_lines`)."""
    if not path.exists():
        return
    kept = [record for record in read_lines(path, say) if record["step"] <= step]
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept), encoding="utf-8")
    beside.replace(path)
