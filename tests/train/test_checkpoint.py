"""Checkpoints: whole or not there, whatever kills the run; damage is found; any number of processes."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from nanochat.errors import RunStopped, UserError
from nanochat.files import file_hash
from nanochat.train import checkpoint, checkpoint_meta, safe_files

ROOT = Path(__file__).resolve().parent.parent.parent


def weights(step: int) -> dict[str, torch.Tensor]:
    return {"a.weight": torch.full((50, 40), float(step)), "b": torch.arange(3) * step}


def write(run: Path, step: int, **more) -> Path:
    state = {"momentum/a.weight@0:50": torch.full((50, 40), -float(step))}
    return checkpoint.save(run, step, weights(step), state, {"step": step}, {"rows": step}, **more)


def holds(found: checkpoint.Checkpoint | None, step: int) -> bool:
    assert found is not None
    assert (found.step, found.meta, found.loader_states()) == (step, {"step": step}, [{"rows": step}])
    tensors = found.model_tensors()
    assert tensors.keys() == weights(step).keys()
    assert (found.read_rows("momentum/a.weight", 10, 12) == -step).all()
    return all(torch.equal(tensors[name], value) for name, value in weights(step).items())


# ---- what is written is what is read ----


def test_a_checkpoint_comes_back(tmp_path):
    assert checkpoint.latest(tmp_path) is None
    write(tmp_path, 7)
    assert holds(checkpoint.latest(tmp_path), 7)
    assert holds(checkpoint.at_step(tmp_path, 7), 7)
    assert sorted(path.name for path in (tmp_path / "checkpoints" / "step_000007").iterdir()) == [
        "loader-00-of-01.json", "meta.json", "model.safetensors", "optimizer-00-of-01.safetensors",
    ]  # fmt: skip


def test_only_the_newest_are_kept(tmp_path):
    for step in (5, 10, 15, 20):
        write(tmp_path, step, keep=2)
    assert checkpoint.steps(tmp_path) == [15, 20]
    write(tmp_path, 25, keep=1)
    assert checkpoint.steps(tmp_path) == [25]


def test_a_run_that_went_back_replaces_what_came_later(tmp_path):
    for step in (10, 20, 30):
        write(tmp_path, step, keep=3)
    write(tmp_path, 20, keep=3)
    assert checkpoint.steps(tmp_path) == [10, 20]
    assert {path.name for path in (tmp_path / "checkpoints").iterdir()} == {"step_000010", "step_000020"}


@given(
    st.dictionaries(
        st.text(min_size=1, max_size=5),
        st.tuples(st.sampled_from(list(safe_files.DTYPES)), st.lists(st.integers(0, 4), max_size=3)),
        max_size=5,
    )
)
def test_the_file_of_tensors_is_what_safetensors_reads(tmp_path_factory, shapes):
    path = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    tensors = {name: (torch.rand(shape) * 9).to(dtype) for name, (dtype, shape) in shapes.items()}
    digest = safe_files.write_tensors(path, tensors)
    found = load_file(path)
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())
    assert all(found[name].dtype == tensor.dtype for name, tensor in tensors.items())
    assert digest == file_hash(path)


def test_tensors_that_do_not_lie_in_one_piece(tmp_path):
    table = torch.arange(12.0).reshape(3, 4)
    safe_files.write_tensors(tmp_path / "x", {"turned": table.T, "part": table[:, 1:3], "rows": table[1:]})
    found = load_file(tmp_path / "x")
    assert torch.equal(found["turned"], table.T)
    assert torch.equal(found["part"], table[:, 1:3])
    assert torch.equal(found["rows"], table[1:])


# ---- several processes ----


def save_with_threads(
    run: Path, world: int, step: int, fails: int | None = None, why: object = None
) -> list[Exception | None]:
    """Save as `world` processes would, a thread each; what each of them raised. `why` one of them fails."""
    full = torch.arange(10.0)[:, None] * torch.ones(3) + step
    share = -(-10 // world)
    barrier, votes = threading.Barrier(world), [True] * world
    raised: list[Exception | None] = [None] * world

    def one(rank: int) -> None:
        def agree(ok: bool) -> bool:
            votes[rank] = ok
            barrier.wait()
            everyone = all(votes)
            barrier.wait()
            return everyone

        first, last = min(rank * share, 10), min((rank + 1) * share, 10)
        state = {f"momentum/w@{first}:{last}": full[first:last]} if last > first else {}
        if rank == 0:
            state["count/w@0:1"] = torch.tensor([float(step)])
        if rank == fails:
            state["bad"] = BadTensor() if why is None else why
        try:
            checkpoint.save(
                run, step, weights(step), state, {}, {"rank": rank}, rank=rank, world=world, agree=agree
            )
        except Exception as error:
            raised[rank] = error

    threads = [threading.Thread(target=one, args=(rank,)) for rank in range(world)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return raised


class BadTensor:
    dtype, shape = torch.float32, (1,)

    def is_floating_point(self) -> bool:
        return False

    def element_size(self) -> int:
        return 4

    def numel(self) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("world", [1, 2, 3, 4, 8])
def test_any_rows_can_be_read_whoever_wrote_them(tmp_path, world):
    assert save_with_threads(tmp_path, world, 1) == [None] * world
    found = checkpoint.latest(tmp_path)
    assert [state["rank"] for state in found.loader_states()] == list(range(world))
    for first in range(10):
        for last in range(first + 1, 11):
            rows = found.read_rows("momentum/w", first, last)
            assert rows[:, 0].tolist() == [row + 1.0 for row in range(first, last)]
    assert found.read_rows("count/w", 0, 1).item() == 1
    with pytest.raises(UserError, match="has no rows 10 to 11 of momentum/w"):
        found.read_rows("momentum/w", 8, 11)
    with pytest.raises(UserError, match="has no rows 0 to 1 of momentum/v"):
        found.read_rows("momentum/v", 0, 1)


@pytest.mark.parametrize("fails", [0, 2])
def test_one_process_that_cannot_write_ends_the_save_for_all(tmp_path, fails):
    assert save_with_threads(tmp_path, 3, 1) == [None] * 3
    raised = save_with_threads(tmp_path, 3, 2, fails)
    assert all(isinstance(error, UserError) for error in raised)
    assert "No space left on device; step 1 is still there" in str(raised[fails])
    assert "another process could not write its part" in str(raised[1])
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000001"]


def test_one_process_without_numbers_ends_the_save_for_all(tmp_path):
    assert save_with_threads(tmp_path, 3, 1) == [None] * 3
    raised = save_with_threads(tmp_path, 3, 2, fails=2, why=torch.tensor([torch.nan]))
    assert all(isinstance(error, RunStopped) for error in raised)
    assert str(raised[2]) == "bad has become NaN or infinite"
    assert str(raised[0]) == "what another process holds has become NaN or infinite"
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000001"]


def test_processes_that_do_not_share_a_disk_are_told(tmp_path):
    with pytest.raises(UserError, match="process 1 wrote its part where process 0 cannot see it"):
        write(tmp_path, 1, world=2)


# ---- damage ----


def damage(path: Path, how: str) -> None:
    data = bytearray(path.read_bytes())
    if how == "cut":
        data = data[: len(data) // 2]
    elif how == "edited":
        data[len(data) // 2] ^= 1
    elif how == "emptied":
        data = bytearray()
    path.unlink()
    if how != "removed":
        path.write_bytes(data)


FILES = ("model.safetensors", "optimizer-00-of-01.safetensors", "loader-00-of-01.json", "meta.json")


@pytest.mark.parametrize("how", ["cut", "edited", "emptied", "removed"])
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_taken(tmp_path, name, how):
    write(tmp_path, 10)
    damage(write(tmp_path, 20) / name, how)
    said: list[str] = []
    assert holds(checkpoint.latest(tmp_path, said.append), 10)
    assert len(said) == 1
    assert "\n" not in said[0]
    assert f"step_000020/{name}" in said[0]


def test_a_run_that_fell_back_forgets_what_was_damaged(tmp_path):
    """Otherwise it would count as one of those to keep, and the only good one might go."""
    write(tmp_path, 10)
    damage(write(tmp_path, 20) / "model.safetensors", "cut")
    assert checkpoint.latest(tmp_path, lambda line: None).step == 10
    checkpoint.forget_after(tmp_path, 10)
    write(tmp_path, 30, keep=2)
    assert checkpoint.steps(tmp_path) == [10, 30]


def test_if_all_are_damaged_the_run_is_refused(tmp_path):
    for step in (10, 20):
        damage(write(tmp_path, step) / "model.safetensors", "cut")
    with pytest.raises(UserError, match="no other is left") as error:
        checkpoint.latest(tmp_path, lambda line: None)
    assert "\n" not in str(error.value)


def test_a_meta_file_whose_numbers_were_changed_is_found(tmp_path):
    path = write(tmp_path, 10) / "meta.json"
    body = json.loads(path.read_text())
    body["meta"]["step"] = 11
    path.write_text(json.dumps(body))
    with pytest.raises(UserError, match=r"meta\.json has been changed"):
        checkpoint.at_step(tmp_path, 10)


def test_another_format_is_no_damage(tmp_path):
    path = write(tmp_path, 10) / "meta.json"
    body = json.loads(path.read_text())
    body.pop("sha256")
    body["format"] = 99
    path.write_text(json.dumps({**body, "sha256": checkpoint_meta.hash_of(body)}))
    with pytest.raises(UserError, match="has format 99; this version of nanochat reads 1"):
        checkpoint.latest(tmp_path)


def test_a_file_named_outside_the_checkpoint_is_refused(tmp_path):
    path = write(tmp_path, 10) / "meta.json"
    body = json.loads(path.read_text())
    body.pop("sha256")
    body["files"]["../../secret"] = "0"
    path.write_text(json.dumps({**body, "sha256": checkpoint_meta.hash_of(body)}))
    with pytest.raises(UserError, match="names files in other folders"):
        checkpoint.at_step(tmp_path, 10)


# ---- numbers that are none ----


def spoil(run: Path, step: int, name: str, number: float) -> None:
    """Write the checkpoint of a program that did not look: its hashes are right."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoint, "not_finite", lambda tensors: None)
        model, state = weights(step), {"momentum/a.weight@0:50": torch.zeros(50, 40)}
        (model if name in model else state)[name][-1] = number
        checkpoint.save(run, step, model, state, {"step": step}, {"rows": step})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_no_numbers_are_refused_by_name(tmp_path, number):
    write(tmp_path, 10)
    spoil(tmp_path, 20, "a.weight", number)
    found = checkpoint.latest(tmp_path, pytest.fail)
    assert found.step == 20  # it is what was written
    folder = tmp_path / "checkpoints" / "step_000020"
    with pytest.raises(UserError) as error:
        found.model_tensors()
    assert str(error.value) == (
        f"{folder}/model.safetensors is as it was written, but a.weight holds NaN or infinite numbers; move "
        f"the folder {folder} away, and step 10 is taken in its place"
    )
    folder.rename(tmp_path / "away")  # the way out that it names
    assert holds(checkpoint.latest(tmp_path, pytest.fail), 10)


def test_the_only_checkpoint_without_numbers(tmp_path):
    spoil(tmp_path, 20, "a.weight", float("nan"))
    with pytest.raises(UserError, match="no older one is left, so the run must begin anew"):
        checkpoint.latest(tmp_path).model_tensors()


def test_a_state_that_is_no_number_is_refused_where_it_is_read(tmp_path):
    spoil(tmp_path, 20, "momentum/a.weight@0:50", float("nan"))
    found = checkpoint.latest(tmp_path)
    assert (found.read_rows("momentum/a.weight", 0, 49) == 0).all()
    with pytest.raises(UserError, match=r"but momentum/a\.weight holds NaN or infinite numbers"):
        found.read_rows("momentum/a.weight", 0, 50)


@pytest.mark.parametrize("part", ["model", "state"])
def test_what_is_no_number_is_not_written(tmp_path, part):
    write(tmp_path, 10, keep=1)
    bad = {"w": torch.tensor([1.0, torch.nan])}
    with pytest.raises(RunStopped, match="w has become NaN or infinite"):
        checkpoint.save(
            tmp_path, 20, bad if part == "model" else {}, bad if part == "state" else {}, {}, keep=1
        )
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000010"]
    assert holds(checkpoint.latest(tmp_path), 10)


# ---- disks ----

FULL = """
import resource, sys, torch
from pathlib import Path
from nanochat.errors import UserError
from nanochat.train import checkpoint
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    checkpoint.save(Path(sys.argv[1]), 20, {"w": torch.ones(10_000)}, {}, {})
except UserError as error:
    print(error)
"""


def test_a_file_that_the_system_will_not_let_grow(tmp_path):
    write(tmp_path, 10)
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path], cwd=ROOT, capture_output=True, text=True)
    assert "cannot save step 20" in done.stdout, done.stderr
    assert "File too large; step 10 is still there" in done.stdout
    assert done.stdout.count("\n") == 1
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000010"]
    assert holds(checkpoint.latest(tmp_path), 10)


class FullDisk:
    """A file that takes `room` bytes, the last write in part, as a disk does."""

    def __init__(self, file, room: list[int]) -> None:
        self.file, self.room = file, room

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, data):
        if not self.room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(len(data), self.room[0])
        self.room[0] -= taken
        return self.file.write(data[:taken])

    def fileno(self):
        return self.file.fileno()


@pytest.mark.parametrize("share", [0, 0.001, 0.2, 0.5, 0.8, 0.98, 0.999])
def test_a_disk_that_fills_up_at_any_file(tmp_path, monkeypatch, share):
    needed = sum(file.stat().st_size for file in write(tmp_path, 10).iterdir())
    left, real = [int(share * needed)], Path.open

    def opened(path, mode="r", *args, **more):
        file = real(path, mode, *args, **more)
        return FullDisk(file, left) if mode == "wb" else file

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        with pytest.raises(UserError, match="No space left on device; step 10 is still there"):
            write(tmp_path, 20)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_000010"]
    assert holds(checkpoint.latest(tmp_path), 10)
    write(tmp_path, 20)
    assert holds(checkpoint.latest(tmp_path), 20)


def test_a_first_checkpoint_that_cannot_be_written(tmp_path):
    (tmp_path / "checkpoints").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot save step 10 .*; there is no earlier checkpoint"):
        write(tmp_path, 10)


# ---- kills ----

SAVING = """
import os, random, signal, sys, time, torch
from pathlib import Path
from nanochat.train import checkpoint

torch.set_num_threads(1)  # or a child, which has no threads, would wait for its parent's
run, draw = Path(sys.argv[1]), random.Random(0)

def save_for_ever(step, told):
    while True:
        step += 1
        w = torch.full((200_000,), float(step))
        checkpoint.save(run, step, {"w": w}, {"m/w@0:200000": -w}, {"step": step}, {})
        os.write(told, step.to_bytes(4))

last = 0
for _ in range(20):
    read, told = os.pipe()
    child = os.fork()  # torch is imported once
    if not child:
        save_for_ever(last, told)
    first = os.read(read, 4)  # it works; now at any moment
    time.sleep(draw.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    rest = b""
    while data := os.read(read, 2**16):
        rest += data
    said = int.from_bytes((first + rest)[-4:])
    found = checkpoint.latest(run, sys.exit)
    # Killed between the rename and the word, it has saved one more than it said.
    assert last < said <= found.step <= said + 1, (last, said, found.step)
    assert (found.model_tensors()["w"] == found.step).all()
    assert (found.read_rows("m/w", 0, 200_000) == -found.step).all()
    last = found.step
print("good")
"""


def test_a_kill_at_any_moment_loses_nothing(tmp_path):
    """A process saves without a pause and is killed, again and again; what it had said stays good."""
    program = [sys.executable, "-c", SAVING, tmp_path]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout == "good\n", done.stdout + done.stderr


class Killed(BaseException):
    """Not an Exception: nothing catches it, as nothing catches SIGKILL."""


def stopping_points(monkeypatch, stop_at: int) -> list[str]:
    """Make the save stop, as if killed, before its operation number `stop_at` on the disk."""
    done: list[str] = []

    def watched(name, real):
        def call(*args, **more):
            if len(done) == stop_at:
                raise Killed
            done.append(name)
            return real(*args, **more)

        return call

    monkeypatch.setattr(os, "fsync", watched("fsync", os.fsync))
    for name in ("mkdir", "rename", "unlink"):
        monkeypatch.setattr(Path, name, watched(name, getattr(Path, name)))
    monkeypatch.setattr(shutil, "rmtree", watched("rmtree", shutil.rmtree))
    return done


@pytest.mark.parametrize("again", [False, True])
def test_a_kill_between_any_two_operations_leaves_a_good_checkpoint(tmp_path, monkeypatch, again):
    """`again`: the step that is saved is there already."""
    killed = 0
    for stop_at in range(100):
        run = tmp_path / str(stop_at)
        for step in (10, 20):
            write(run, step)
        with monkeypatch.context() as patch:
            done = stopping_points(patch, stop_at)
            try:
                write(run, 20 if again else 30)
                break
            except Killed:
                killed += 1
        found = checkpoint.latest(run, pytest.fail)
        assert holds(found, 30 if found.step == 30 else 20)
        write(run, 40)
        assert checkpoint.steps(run) == [found.step, 40]
        assert not list((run / "checkpoints").glob(".*"))
    assert killed > 12, done


def test_everything_is_on_the_disk_before_the_name_and_the_name_before_anything_goes(tmp_path, monkeypatch):
    write(tmp_path, 10)
    events: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def watched_fsync(handle):
        events.append("sync " + Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    def watched_rename(path, target):
        events.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "rename", watched_rename)
    write(tmp_path, 20, keep=1)
    assert events == [
        "sync model.safetensors",
        "sync optimizer-00-of-01.safetensors",
        "sync loader-00-of-01.json",
        "sync hashes-00.json",
        "sync meta.json",
        "sync .step_000020.writing",
        "rename .step_000020.writing step_000020",
        "sync checkpoints",
        "rename step_000010 .step_000010.removing",
    ]
