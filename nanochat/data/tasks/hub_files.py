"""Data sets of questions and conversations, fetched from the Hugging Face hub and kept as it serves them.

    tasks/gsm8k/
      task.json                            the repository, its commit, of each file its size and SHA-256
      main/train-00000-of-00001.parquet
      main/test-00000-of-00001.parquet

Downloads are those of the corpora: resumed where they broke off, checked against the hub's hash, given their
name only when they are whole. `task.json` is written last; a folder without it was never finished, and is
not opened. Nothing is fetched unless it is asked for.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.errors import UserError
from nanochat.home import base_folder

if TYPE_CHECKING:
    import pyarrow as pa

    from nanochat.data.download import Patience, RemoteFile

RECORD = "task.json"
FORMAT = 1
FETCH = "nanochat data prepare --task {name}"  # the command that fetches a task
PLACE = re.compile(r"[\w-][\w.-]*(?:/[\w-][\w.-]*)*\.parquet", re.ASCII)
SPARE = 2**28  # bytes left free on the disk


@dataclass(frozen=True)
class HubTask:
    """A data set on the hub: where it lies, and with what the files of each split begin."""

    name: str
    repository: str
    splits: tuple[tuple[str, str], ...]  # (split, beginning of its files' places in the repository)
    licence: str

    @property
    def folder(self) -> Path:
        """Where its files are kept."""
        return tasks_folder() / self.name

    def beginning(self, split: str) -> str:
        """How the places of a split's files begin."""
        return dict(self.splits)[split]


HUB_TASKS = {
    task.name: task
    for task in (
        HubTask(
            "smoltalk",
            "HuggingFaceTB/smol-smoltalk",
            (("train", "data/train-"), ("test", "data/test-")),
            "Apache-2.0",
        ),
        HubTask(
            "mmlu",
            "cais/mmlu",
            (("train", "auxiliary_train/train-"), ("test", "all/test-"), ("validation", "all/validation-")),
            "MIT",
        ),
        *(
            HubTask(
                f"arc-{level.lower()}",
                "allenai/ai2_arc",
                tuple((split, f"ARC-{level}/{split}-") for split in ("train", "test", "validation")),
                "CC BY-SA 4.0",
            )
            for level in ("Easy", "Challenge")
        ),
        HubTask("gsm8k", "openai/gsm8k", (("train", "main/train-"), ("test", "main/test-")), "MIT"),
        HubTask("humaneval", "openai/openai_humaneval", (("test", "openai_humaneval/test-"),), "MIT"),
    )
}


def tasks_folder() -> Path:
    """Tasks on disk, a folder each."""
    return base_folder() / "tasks"


# ---- fetching ----


def fetch_hub_task(
    task: HubTask, say: Callable[[str], None] = lambda _: None, patience: Patience | None = None
) -> None:
    """Have all files of a data set on disk; fetches only what is missing.

    Raises UserError, with what is already there kept, if the hub cannot be reached or the disk is too small.
    """
    from nanochat.data.build import alone
    from nanochat.data.download import Patience
    from nanochat.data.hub import HubCorpus, describe

    patience = patience or Patience()
    with alone(task.folder):
        if _recorded(task) is not None:
            say(f"{task.name}: it is there already, in {task.folder}")
            return
        asked = HubCorpus(task.name, task.repository, 0, task.licence)
        commit, remote = describe(asked, None, threading.Event(), patience)
        files = [one for _, beginning in task.splits for one in _listed(task, beginning, remote)]
        _fetch_files(task, files, say, patience)
        _write_record(task, commit, files)
        say(f"{task.name}: {len(files)} files, {sum(one.size for one in files) / 1e6:,.1f} MB; {task.folder}")


def _listed(task: HubTask, beginning: str, remote: dict[str, RemoteFile]) -> list[RemoteFile]:
    found = [remote[name] for name in sorted(remote) if name.startswith(beginning) and PLACE.fullmatch(name)]
    if not found:
        raise UserError(
            f"{task.repository}: the hub lists no {beginning}*.parquet with a hash; it may have been renamed"
        )
    return found


def _fetch_files(
    task: HubTask, files: Sequence[RemoteFile], say: Callable[[str], None], patience: Patience
) -> None:
    """One file after another: there are few, and most are small."""
    from nanochat.data.download import fetch
    from nanochat.data.progress import Meter
    from nanochat.data.shards import file_sha256

    _check_space(task, files)
    with Meter(task.name, sum(one.size for one in files), len(files), say) as meter:
        for one in files:
            target = task.folder / one.name
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.exists() and file_sha256(target) == one.sha256:
                meter.advance(one.size, fetched=False)
            else:
                target.unlink(missing_ok=True)
                fetch(one, target, meter.advance, threading.Event(), patience)
            meter.file_done()


def _check_space(task: HubTask, files: Sequence[RemoteFile]) -> None:
    task.folder.mkdir(parents=True, exist_ok=True)
    free, size = shutil.disk_usage(task.folder).free, sum(one.size for one in files)
    if size + SPARE > free:
        raise UserError(
            f"{task.folder}: {size / 1e9:,.2f} GB to fetch, {free / 1e9:,.2f} GB free; choose another disk "
            "with NANOCHAT_BASE_DIR"
        )


def _write_record(task: HubTask, commit: str, files: Sequence[RemoteFile]) -> None:
    from nanochat.data.shards import put_in_place

    record = {
        "format": FORMAT,
        "name": task.name,
        "source": f"datasets/{task.repository} on the Hugging Face hub",
        "licence": task.licence,
        "version": commit,
        "files": [{"file": one.name, "sha256": one.sha256, "bytes": one.size} for one in files],
    }
    beside = task.folder / f".{RECORD}.partial"
    beside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    put_in_place(beside, task.folder / RECORD)


def _recorded(task: HubTask) -> dict[str, Any] | None:
    """What `task.json` says, if every file that it names is there with its size."""
    try:
        record = json.loads((task.folder / RECORD).read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            return None
        sizes = {str(one["file"]): int(one["bytes"]) for one in record["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    for name, size in sizes.items():
        path = task.folder / name
        if not PLACE.fullmatch(name) or not path.exists() or path.stat().st_size != size:
            return None
    return record  # type: ignore[no-any-return]


# ---- reading ----


@dataclass(frozen=True)
class Rows:
    """The rows of a split by number. They stay packed in memory, some times smaller than Python's objects."""

    tables: tuple[pa.Table, ...]

    def __len__(self) -> int:
        return sum(table.num_rows for table in self.tables)

    def __getitem__(self, number: int) -> dict[str, Any]:
        for table in self.tables:
            if number < table.num_rows:
                return table.slice(number, 1).to_pylist()[0]  # type: ignore[no-any-return]
            number -= table.num_rows
        raise IndexError(number)


def read_rows(task: HubTask, split: str, columns: Sequence[str]) -> Rows:
    """The rows of a split. UserError, naming the command that fetches it, for one that is not there whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    record = _recorded(task)
    if record is None:
        raise UserError(
            f"the task {task.name} is not on this machine; fetch it with: {FETCH.format(name=task.name)}"
        )
    places = [one["file"] for one in record["files"] if one["file"].startswith(task.beginning(split))]
    tables = []
    for place in places:
        path = task.folder / place
        try:
            table = pq.read_table(path)
        except (pa.ArrowException, OSError) as error:
            why = " ".join(str(error).split())[:150]
            again = f"remove {task.folder} and fetch it again with: {FETCH.format(name=task.name)}"
            raise UserError(f"{path}: not a readable parquet file ({why}); {again}") from None
        tables.append(_with_columns(path, table, columns))
    return Rows(tuple(tables))


def _with_columns(path: Path, table: pa.Table, columns: Sequence[str]) -> pa.Table:
    """These columns; in one file of MMLU they are the fields of a column `train`."""
    if table.column_names == ["train"]:
        table = table.flatten()
        table = table.rename_columns([name.removeprefix("train.") for name in table.column_names])
    missing = [one for one in columns if one not in table.column_names]
    if missing:
        raise UserError(
            f"{path}: no column {missing[0]!r}; its columns are: {', '.join(table.column_names[:8])}"
        )
    return table.select(list(columns))
