"""Checkpoints: all that a run needs to go on as if it had never been stopped.

    runs/d4/checkpoints/step_000100/
        model.safetensors                  the weights
        optimizer-00-of-02.safetensors     the state of the optimizer, one file a process
        loader-00-of-02.json               where each process was in the text
        meta.json                          step, what the run says of itself, SHA-256 of every file

Here one is written and found; `nanochat.train.stored` is one that is there, and reads it;
`nanochat.train.checkpoint_meta` is what can be known of it without torch.

The choices:

- it is written under another name and renamed at the very end (`nanochat.train.safe_files` says in which
  order), so whatever stops the run, a checkpoint has its name only when it is whole
- it is read only after every hash has been checked; if the newest is damaged, one line says so and the one
  before is taken
- the optimizer's state is kept as rows under the parameter's name, `momentum/blocks.0.mlp.up.weight@0:512`,
  so two processes' checkpoint can be continued by four or by one
- weights or a state that are no numbers any more are not written: nothing could be learnt from them, and
  they would take the place of a checkpoint that is good
- safetensors and JSON only. torch.distributed.checkpoint can change the number of processes too, but its
  `.metadata` file is a pickle, and loading a pickle runs whatever code is in it

All processes must see the same folder.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from nanochat.data.shards import sync_folder
from nanochat.errors import RunStopped, UserError
from nanochat.train.checkpoint_meta import FOLDER, FORMAT, META, MODEL, Damaged, hash_of, paths, step_of
from nanochat.train.safe_files import make_folder, write_synced, write_tensors
from nanochat.train.stored import Checkpoint, not_finite

WRITING, REMOVING = ".writing", ".removing"


# ---- writing ----


def save(
    run: Path,
    step: int,
    model: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    meta: Mapping[str, Any],
    loader: Mapping[str, Any] | None = None,
    *,
    rank: int = 0,
    world: int = 1,
    agree: Callable[[bool], bool] = bool,
    keep: int = 2,
) -> Path:
    """Write the checkpoint of `step` into the folder of a run; every process calls it.

    `model` are all weights (the first process writes them), `optimizer` the state slices of this process,
    `meta` and `loader` plain data. `agree(ok)` waits for all processes and is true if it was for all. The
    `keep` newest checkpoints stay. Raises, on all processes, `UserError` if it cannot be written and
    `RunStopped` if a number in it is NaN or infinite; what was there before is then as it was.

    >>> import tempfile, torch
    >>> run = Path(tempfile.mkdtemp())
    >>> save(run, 100, {"w": torch.ones(2)}, {"momentum/w@0:2": torch.zeros(2)}, {"depth": 4}).name
    'step_000100'
    >>> found = latest(run)
    >>> found.step, found.meta, found.read_rows("momentum/w", 1, 2)
    (100, {'depth': 4}, tensor([0.]))
    """
    place = run / FOLDER / f"step_{step:06d}"
    writing = place.with_name(f".{place.name}{WRITING}")
    error: OSError | None = None

    def attempt(do: Callable[[], object], here: bool = True) -> None:
        """One part of the work; a failure of any process ends it for all."""
        nonlocal error
        try:
            if here:
                do()
        except OSError as found:
            error = found
        if not agree(error is None):
            if rank == 0:
                shutil.rmtree(writing, ignore_errors=True)
            why = error.strerror or str(error) if error else "another process could not write its part"
            raise UserError(f"cannot save step {step} in {place.parent}: {why}; {what_remains(run)}")

    bad = not_finite(model) or not_finite(optimizer)
    if not agree(bad is None):
        raise RunStopped(f"{bad or 'what another process holds'} has become NaN or infinite")
    attempt(lambda: prepare(run, writing), rank == 0)
    attempt(lambda: write_part(writing, model, optimizer, loader or {}, rank, world))
    attempt(lambda: publish(writing, place, step, meta, world), rank == 0)
    attempt(lambda: remove_others(run, step, keep), rank == 0)
    return place


def prepare(run: Path, writing: Path) -> None:
    """An empty folder to write in, and nothing left over from a save that was killed."""
    make_folder(run / FOLDER)
    sweep(run)
    writing.mkdir()


def write_part(
    writing: Path,
    model: Mapping[str, Tensor],
    optimizer: Mapping[str, Tensor],
    loader: Mapping[str, Any],
    rank: int,
    world: int,
) -> None:
    """The files of one process, and a note of their hashes for the first process."""
    part = f"{rank:02d}-of-{world:02d}"
    hashes = {}
    if rank == 0:
        hashes[MODEL] = write_tensors(writing / MODEL, model)
    name = f"optimizer-{part}.safetensors"
    hashes[name] = write_tensors(writing / name, optimizer)
    name = f"loader-{part}.json"
    hashes[name] = write_json(writing / name, loader)
    write_json(writing / note_name(rank), hashes)


def publish(writing: Path, place: Path, step: int, meta: Mapping[str, Any], world: int) -> None:
    """Collect the hashes, write `meta.json`, and give the folder its name."""
    hashes: dict[str, str] = {}
    for rank in range(world):
        note = writing / note_name(rank)
        if not note.exists():
            raise OSError(
                f"process {rank} wrote its part where process 0 cannot see it; "
                "put $NANOCHAT_BASE_DIR on a disk that all machines share"
            )
        hashes |= json.loads(note.read_bytes())
        note.unlink()
    body = {"format": FORMAT, "step": step, "meta": dict(meta), "files": hashes}
    write_json(writing / META, {**body, "sha256": hash_of(body)})
    sync_folder(writing)
    if place.exists():  # the run went back to an earlier step and came here again
        old = place.with_name(place.name + ".replaced")
        shutil.rmtree(old, ignore_errors=True)
        place.rename(old)
    writing.rename(place)
    sync_folder(place.parent)


def remove_others(run: Path, step: int, keep: int) -> None:
    """Keep the newest ones up to this step; later ones belong to a future that was given up."""
    newest = {step_of(path): path for path in paths(run) if step_of(path) <= step}  # in order of steps
    kept = list(newest.values())[-keep:]
    for path in paths(run):
        if path not in kept:
            remove(path)


def forget_after(run: Path, step: int) -> None:
    """Take away what came after the step that a run continues from, such as a checkpoint that was damaged.

    Only for the run's own first process. Otherwise it would count among those to keep.
    """
    for path in paths(run):
        if step_of(path) > step:
            remove(path)


def remove(path: Path) -> None:
    """Take a checkpoint away. It loses its name first: a kill half-way must not leave half of one."""
    leaving = path.with_name(f".{path.name}{REMOVING}")
    path.rename(leaving)
    shutil.rmtree(leaving, ignore_errors=True)


def sweep(run: Path) -> None:
    """Remove what a killed save left. Only for the run's own first process."""
    for pattern in (f".step_*{WRITING}", f".step_*{REMOVING}"):
        for path in (run / FOLDER).glob(pattern):
            shutil.rmtree(path)


def note_name(rank: int) -> str:
    """Where a process leaves its hashes for the first one."""
    return f"hashes-{rank:02d}.json"


def write_json(path: Path, data: Mapping[str, Any]) -> str:
    """Write a JSON file and have it on the disk; returns its hash."""
    text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
    return write_synced(path, iter([text.encode()]))


def what_remains(run: Path) -> str:
    """The end of a complaint: what is safe."""
    found = steps(run)
    return f"step {max(found)} is still there" if found else "there is no earlier checkpoint"


# ---- finding ----


def steps(run: Path) -> list[int]:
    """The steps that a run has checkpoints of."""
    return sorted({step_of(path) for path in paths(run)})


def latest(run: Path, say: Callable[[str], object] = print) -> Checkpoint | None:
    """The newest good checkpoint of a run, every hash checked; None if the run has none yet.

    `say` gets one line for each damaged one that is passed over. Raises `UserError` if all are damaged.
    """
    complaint = ""
    for path in reversed(paths(run)):
        try:
            found = Checkpoint.open(path)
            found.verify()
        except Damaged as error:
            complaint = complaint or str(error)
            say(f"{error}; looking at the one before")
            continue
        return found
    if complaint:
        raise UserError(f"{complaint}; no other is left, so the run must begin anew under another --name")
    return None


def at_step(run: Path, step: int) -> Checkpoint:
    """The checkpoint of one step, which the first process has found good."""
    found = [path for path in paths(run) if step_of(path) == step]
    return Checkpoint.open(found[-1] if found else run / FOLDER / f"step_{step:06d}")
