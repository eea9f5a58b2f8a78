"""Several processes train as one does. Real `torchrun` on this machine's CPU, with gloo."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from nanochat.errors import UserError
from nanochat.home import run_folder
from nanochat.train.distributed import Launch, World, join_world, read_launch, threads_for_each
from tests.train.small_run import QUIET, ROOT, SIZE, environment, losses, prepare, train

STEPS = 10
# Small steps: sums in another order round otherwise, and at full learning rates a model as tiny as this one
# makes of that 1e-4 in ten steps, also when one process cuts its batch differently. That it is rounding and
# nothing else is shown in fp64, at full rates.
WORDS = [*SIZE, *QUIET, "--steps", str(STEPS), "--save-every", "6", "--lr-scale", "0.1"]


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A corpus, a tokenizer, and one process's run, for all tests of this file."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        alone = train(*WORDS, "--name", "alone")
        assert alone.returncode == 0, alone.stderr
        yield folder


def torchrun(processes: int, *words: str, how: tuple[str, ...] = ("--standalone",)) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "torch.distributed.run", *how, f"--nproc_per_node={processes}", *words],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def train_on(processes: int, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of `torchrun … -m nanochat train base`."""
    process = torchrun(processes, "-m", "nanochat", "train", "base", *words)
    out, err = process.communicate(timeout=180)
    return process.returncode, out, err


def same_losses(name: str) -> None:
    """The losses of one process to 1e-5."""
    assert [step for step, _ in losses(name)] == list(range(1, STEPS + 1))
    assert dict(losses(name)) == pytest.approx(dict(losses("alone")), abs=1e-5)


@pytest.fixture(scope="module")
def on_two(base: Path) -> str:
    """The name of a run of two processes, with checkpoints of steps 6 and 10; and what it said."""
    code, out, err = train_on(2, *WORDS, "--name", "on-2")
    assert code == 0, err
    assert out.count("trained 10 steps") == 1  # the first process speaks, the others are silent
    return "on-2"


def test_two_processes_have_the_losses_of_one(on_two: str) -> None:
    same_losses(on_two)


@pytest.mark.parametrize("processes", [1, 4])
def test_other_numbers_of_processes_have_them_too(processes: int) -> None:
    code, _, err = train_on(processes, *WORDS, "--name", f"on-{processes}")
    assert code == 0, err
    same_losses(f"on-{processes}")


def test_at_full_learning_rates_they_differ_by_rounding_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten steps in fp64: what was 1e-4 in fp32 is below 1e-10."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).with_name("double_precision")))
    words = [*SIZE, *QUIET, "--steps", str(STEPS), "--save-every", "0"]
    alone = train(*words, "--name", "double-1")
    assert alone.returncode == 0, alone.stderr
    for processes in (2, 4):
        code, _, err = train_on(processes, *words, "--name", f"double-{processes}")
        assert code == 0, err
        assert dict(losses(f"double-{processes}")) == pytest.approx(dict(losses("double-1")), abs=1e-10)


@pytest.mark.parametrize("processes", [1, 4])
def test_a_run_of_two_processes_continues_on_another_number(processes: int, on_two: str) -> None:
    name = f"two-then-{processes}"
    shutil.copytree(run_folder(on_two), run_folder(name))
    shutil.rmtree(run_folder(name) / "checkpoints" / "step_000010")
    code, out, err = train_on(processes, "--name", name, "--resume")
    assert code == 0, err
    assert "going on after step 6" in out
    same_losses(name)


def test_two_machines_of_two_processes() -> None:
    """Each machine shares out the optimizer's work for itself; the checkpoint has every row once."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ("-m", "nanochat", "train", "base", *WORDS, "--name", "machines")
    machines = [
        torchrun(
            2, *words,
            how=("--nnodes=2", f"--node_rank={rank}", "--master_addr=127.0.0.1", f"--master_port={port}"),
        )
        for rank in (0, 1)
    ]  # fmt: skip
    for machine in machines:
        _, err = machine.communicate(timeout=180)
        assert machine.returncode == 0, err
    same_losses("machines")
    shutil.rmtree(run_folder("machines") / "checkpoints" / "step_000010")
    done = train("--name", "machines", "--resume")
    assert done.returncode == 0, done.stderr
    same_losses("machines")


def test_processes_refuse_with_one_voice() -> None:
    code, _, err = train_on(2, *WORDS, "--name", "refused", "--batch-size", "3")
    assert code != 0
    line = "--batch-size 3 does not divide by 2 processes; use --batch-size 2 or 4"
    assert err.count(line) == 1
    assert "nanochat/train" not in err  # no traceback of ours
    assert not run_folder("refused").exists()


def test_no_corpus_is_said_once() -> None:
    code, _, err = train_on(2, *WORDS, "--name", "refused", "--corpus", "nowhere")
    assert code != 0
    assert err.count("there is no corpus 'nowhere'") == 1


def test_processes_that_torchrun_did_not_start_are_refused() -> None:
    """Each would train a model of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "nanochat", "train", "base", *WORDS, "--name", "refused"],
        cwd=ROOT, env=environment(SLURM_STEP_NUM_TASKS="8"), capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("nanochat: error: srun started 8 processes that know nothing of each other")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("environment", "complaint"),
    [
        ({"RANK": "0", "WORLD_SIZE": "2"}, "no LOCAL_RANK; start with torchrun"),
        ({"RANK": "x", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}, "RANK='x'"),
        ({"RANK": "2", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}, "must be below"),
        (
            {"RANK": "0", "WORLD_SIZE": "3", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"},
            "nproc_per_node every",
        ),
        ({"OMPI_COMM_WORLD_SIZE": "4"}, "mpirun started 4 processes"),
    ],
)
def test_variables_that_make_no_sense(environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        read_launch(environment)


def test_one_process_needs_no_torch_distributed() -> None:
    with join_world({}) as world:
        model = nn.Linear(2, 2)
        assert world.wrap(model) is model
        assert (world.rank, world.size, world.is_first, world.keeps_state) == (0, 1, True, True)
        world.wait_for_all()
        assert not torch.distributed.is_initialized()


def test_one_process_of_torchrun_needs_none_either() -> None:
    variables = {"RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "1"}
    with join_world(variables) as world:
        assert world.group is None


def test_what_the_first_process_returns_is_plain_data() -> None:
    assert World().on_first(lambda: [1, "two", None]) == [1, "two", None]


def test_processes_on_a_cpu_share_its_cores() -> None:
    cores = len(os.sched_getaffinity(0))
    assert threads_for_each(Launch(local_size=cores), {"OMP_NUM_THREADS": "1"}) == 1
    assert threads_for_each(Launch(local_size=1), {}) == cores
    assert threads_for_each(Launch(local_size=4 * cores), {}) == 1
