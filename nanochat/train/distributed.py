"""Several processes that train one model together, on one machine or on many.

`torchrun` starts the processes, one for each GPU, and tells each who it is through environment variables.
Here they find each other, and here stands all that the trainer needs of its colleagues. Each process has the
whole model and its own part of every batch. The engine is torch's own:

- gradients: DistributedDataParallel averages them in buckets while the backward pass still works on the
  layers before (Li et al. 2020, arXiv 2006.15704, section 3.2)
- the optimizer's state and work are shared out by `nanochat.train.sharding`, among the processes of each
  machine: new weights travel on its fast links only (`nanochat.train.scaling` compares the ways)
- NCCL carries the data between GPUs and gloo between CPUs, where it is slow and serves tests and learning

One process alone, started without torchrun, uses none of this. Processes that were started side by side by
something else are refused: each would train a model of its own and believe itself alone.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Protocol

import torch
import torch.distributed as dist
from torch import nn

from nanochat.errors import RunStopped, UserError
from nanochat.model.products import use_fast_products

# A step takes seconds; the slowest thing that the others wait for is the first one's compiling or saving.
PATIENCE = timedelta(minutes=15)
# Large enough that a link runs at full speed, small enough that the first leaves early. DDP's own default; a
# table of the vocabulary is a bucket of its own in any case.
BUCKET_MIB = 25
# What other starters call the number of processes that they have started side by side.
OTHER_STARTERS = {"SLURM_STEP_NUM_TASKS": "srun", "OMPI_COMM_WORLD_SIZE": "mpirun", "PMI_SIZE": "mpiexec"}


class Store(Protocol):
    """What torch.distributed keeps for all processes: names with bytes or counts. Only what is used here."""

    def set(self, key: str, value: str) -> None:
        """Write."""

    def get(self, key: str) -> bytes:
        """Read what some process has written."""

    def wait(self, keys: list[str], timeout: timedelta) -> None:
        """Until all of these are written."""

    def add(self, key: str, amount: int) -> int:
        """Count, and return the new count."""


@dataclass(frozen=True)
class Launch:
    """Who this process is, as torchrun says it."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0  # among the processes of this machine: the number of its GPU
    local_size: int = 1


@dataclass
class World:
    """The processes that train together, seen from one of them; by default one alone.

    >>> World().is_first, World().sum([1.0, 2.5])
    (True, [1.0, 2.5])
    """

    launch: Launch = field(default_factory=Launch)
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    group: dist.ProcessGroup | None = None
    machine: dist.ProcessGroup | None = None  # those on this machine, who share the optimizer's work
    store: Store | None = None
    messages: int = 0

    @property
    def rank(self) -> int:
        """The number of this process, from 0."""
        return self.launch.rank

    @property
    def size(self) -> int:
        """How many processes there are, on all machines together."""
        return self.launch.size

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and prints."""
        return self.launch.rank == 0

    @property
    def keeps_state(self) -> bool:
        """Whether a checkpoint takes the optimizer's state from this process; all machines have the same."""
        return self.launch.rank < self.launch.local_size

    def wrap(self, model: nn.Module) -> nn.Module:
        """The model, its gradients averaged over all processes during backward(); alone, the model itself.

        All begin with the first one's weights. Within `no_sync()` nothing travels and gradients add up.

        `static_graph` stays off: it would count the uses of every parameter in the first backward pass, which
        with gradient accumulation is one that exchanges nothing.
        """
        if self.group is None:
            return model
        no_copying: dict[str, Any] = {_sync_buffers_flag(): False}  # rotary tables are the same everywhere
        return nn.parallel.DistributedDataParallel(
            model,
            device_ids=[self.device.index] if self.device.type == "cuda" else None,
            process_group=self.group,
            bucket_cap_mb=BUCKET_MIB,
            gradient_as_bucket_view=True,  # no second copy of all gradients
            **no_copying,
        )

    def sum(self, numbers: list[float]) -> list[float]:
        """Each number added up over all processes, in double precision; all get the same bits."""
        if self.group is None:
            return list(numbers)
        total = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        dist.all_reduce(total, group=self.group)
        added: list[float] = total.tolist()
        return added

    def least(self, number: int | None) -> int | None:
        """The smallest of all processes' numbers, so that all decide alike; None if nobody knows one.

        >>> World().least(7)
        7
        """
        if self.group is None:
            return number
        unknown = 2**62
        found = torch.tensor(unknown if number is None else number, device=self.device)
        dist.all_reduce(found, dist.ReduceOp.MIN, group=self.group)
        return None if found.item() == unknown else int(found.item())

    def wait_for_all(self) -> None:
        """Go on when every process has come this far."""
        if self.group is not None:
            dist.barrier(group=self.group)

    def on_first(self, action: Callable[[], Any]) -> Any:
        """Let the first process do something, and give every process what it returned, as JSON carries it.

        What stops the first, `UserError` or `RunStopped`, stops all with the same words.

        >>> World().on_first(lambda: {"name": "d4"})
        {'name': 'd4'}
        """
        if self.store is None:
            return action()
        key, self.messages = f"nanochat/message/{self.messages}", self.messages + 1
        if not self.is_first:
            self.store.wait([key], PATIENCE)
            answer = json.loads(self.store.get(key))
            return _opened(answer)
        try:
            answer = {"result": action()}
        except (UserError, OSError) as error:
            self.store.set(key, json.dumps({"refused": str(error)}))
            raise
        except RunStopped as error:
            self.store.set(key, json.dumps({"stopped": str(error)}))
            raise
        self.store.set(key, json.dumps(answer))
        return json.loads(json.dumps(answer["result"]))

    def is_first_to_say(self, text: str) -> bool:
        """Whether no other process has said this yet. Eight lines that say the same help nobody."""
        if self.store is None:
            return True
        name = hashlib.sha256(text.encode()).hexdigest()
        try:
            return self.store.add(f"nanochat/said/{name}", 1) == 1
        except RuntimeError:  # the process that keeps the store has ended
            return True


def _sync_buffers_flag() -> str:
    """The argument for copying the first one's buffers in every forward pass; torch 2.13 renamed it."""
    known = inspect.signature(nn.parallel.DistributedDataParallel).parameters
    return "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers"


def _opened(answer: dict[str, Any]) -> Any:
    if "refused" in answer:
        raise UserError(answer["refused"])
    if "stopped" in answer:
        raise RunStopped(answer["stopped"])
    return answer["result"]


def read_launch(environment: Mapping[str, str]) -> Launch:
    """What torchrun's variables say; without them, one process alone.

    Raises `UserError` if they make no sense, or if something other than torchrun started several processes.

    >>> read_launch({"RANK": "9", "WORLD_SIZE": "16", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "8"})
    Launch(rank=9, size=16, local_rank=1, local_size=8)
    >>> read_launch({})
    Launch(rank=0, size=1, local_rank=0, local_size=1)
    """
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    missing = [name for name in names if name not in environment]
    if {"RANK", "WORLD_SIZE"} <= set(missing):
        return _alone(environment)
    if missing:
        raise UserError(f"the environment has RANK or WORLD_SIZE but no {missing[0]}; start with torchrun")
    numbers = []
    for name in names:
        if not environment[name].isdecimal():
            raise UserError(f"{name}={environment[name]!r} in the environment is no whole number")
        numbers.append(int(environment[name]))
    launch = Launch(*numbers)
    if launch.rank >= launch.size or launch.local_rank >= launch.local_size:
        raise UserError(
            f"RANK={launch.rank} of WORLD_SIZE={launch.size}, LOCAL_RANK={launch.local_rank} of "
            f"LOCAL_WORLD_SIZE={launch.local_size}: a rank must be below the number of ranks"
        )
    if launch.size % launch.local_size:
        raise UserError(
            f"{launch.size} processes are not {launch.local_size} on every machine; use the same "
            "--nproc_per_node everywhere"
        )
    return launch


def _alone(environment: Mapping[str, str]) -> Launch:
    for name, starter in OTHER_STARTERS.items():
        count = environment.get(name, "1")
        if count.isdecimal() and int(count) > 1:
            raise UserError(
                f"{starter} started {count} processes that know nothing of each other; let torchrun start "
                "them, as runs/slurm.sh does"
            )
    return Launch()


def pick_device(launch: Launch) -> torch.device:
    """This process's GPU, or the CPU where there is none, multiplying as fast as it can."""
    if not torch.cuda.is_available():
        use_fast_products()
        return torch.device("cpu")
    there = torch.cuda.device_count()
    if launch.local_rank >= there:
        raise UserError(
            f"torchrun started {launch.local_size} processes on a machine with {there} "
            f"{'GPU' if there == 1 else 'GPUs'}; use --nproc_per_node={there}"
        )
    return torch.device("cuda", launch.local_rank)


@contextlib.contextmanager
def join_world(environment: Mapping[str, str] = os.environ) -> Iterator[World]:
    """Find the other processes, and take leave of them at the end.

        with join_world() as world:
            model = world.wrap(model)

    An error that several processes run into, such as a corpus that is not there, is told by one of them; the
    others leave with the same exit code, in silence.
    """
    launch = read_launch(environment)
    device = pick_device(launch)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if launch.size == 1:
        yield World(launch, device)
        return
    if device.type == "cpu":
        torch.set_num_threads(threads_for_each(launch, environment))
    world = _meet(launch, device, environment)
    try:
        yield world
        world.wait_for_all()  # the first keeps the store: it must not leave before the others
    except (UserError, RunStopped) as error:
        if world.is_first_to_say(str(error)):
            raise
        sys.exit(2 if isinstance(error, UserError) else 1)
    except RuntimeError as error:
        if not _says_another_has_ended(error):
            raise
        lost = "another process has ended, so this one cannot go on; continue with --resume"
        if world.is_first_to_say(lost):
            raise RunStopped(lost) from error
        sys.exit(1)
    finally:
        # NCCL would wait here for what a failed process will never send; the end of the process frees all.
        if device.type == "cpu" or sys.exception() is None:
            dist.destroy_process_group()


def _says_another_has_ended(error: RuntimeError) -> bool:
    words = str(error).lower()
    return any(
        one in words for one in ("connection closed", "connection reset", "socket closed", "remote process")
    )


def _meet(launch: Launch, device: torch.device, environment: Mapping[str, str]) -> World:
    on_gpu = device.type == "cuda"
    try:
        dist.init_process_group(
            "nccl" if on_gpu else "gloo", timeout=PATIENCE, device_id=device if on_gpu else None
        )
    except (dist.DistError, RuntimeError, ValueError) as error:
        where = f"{environment.get('MASTER_ADDR', '?')}:{environment.get('MASTER_PORT', '?')}"
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"the {launch.size} processes did not find each other at {where}: {reason}"
        ) from error
    everyone = dist.group.WORLD
    machine = everyone
    if launch.size > launch.local_size:
        # torchrun numbers machine after machine.
        machine, _ = dist.new_subgroups(launch.local_size)  # type: ignore[no-untyped-call]
    return World(launch, device, everyone, machine, dist.distributed_c10d._get_default_store())


def threads_for_each(launch: Launch, environment: Mapping[str, str]) -> int:
    """Threads of one process on a CPU: the machine's cores, shared out.

    torchrun sets OMP_NUM_THREADS to 1 where nobody has set it. Any other number is somebody's wish.

    >>> threads_for_each(Launch(local_size=2), {"OMP_NUM_THREADS": "3"})
    3
    """
    asked = environment.get("OMP_NUM_THREADS", "1")
    if asked.isdecimal() and int(asked) > 1:
        return int(asked)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // launch.local_size)
