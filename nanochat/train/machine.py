"""What the machine has free, and how it says that there is too little."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

CGROUP = Path("/sys/fs/cgroup")  # version 2; where a container's limit stands


def free_bytes(device: torch.device, processes_here: int = 1) -> int | None:
    """Memory that each of the processes on this machine may still take on its device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    if device.type != "cpu":
        return None
    import psutil

    found = [psutil.virtual_memory().available, *container_left(), *own_limit_left()]
    return int(max(0, min(found))) // processes_here


def container_left() -> list[int]:
    """What the container's limit leaves, if there is one."""
    try:
        limit, used = ((CGROUP / name).read_text().strip() for name in ("memory.max", "memory.current"))
    except OSError:
        return []
    if not limit.isdecimal():  # "max": no limit
        return []
    # Pages of files count as used, but are given back when memory is short.
    stat = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
    return [int(limit) - int(used) + int(stat.get("inactive_file", 0)) + int(stat.get("active_file", 0))]


def own_limit_left() -> list[int]:
    """What `ulimit -v` leaves, if it is set."""
    if sys.platform == "win32":
        return []
    import resource

    import psutil

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return [] if limit == resource.RLIM_INFINITY else [limit - psutil.Process().memory_info().vms]


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out; a CPU's allocator has no class of error for it.

    >>> is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to ..."))
    True
    >>> is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    False
    """
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    words = ("can't allocate memory", "bad_alloc", "cannot allocate memory")
    return isinstance(error, (RuntimeError, OSError)) and any(one in str(error).lower() for one in words)


def name_of(device: torch.device, processes: int) -> str:
    """The device in words, as many as there are.

    >>> name_of(torch.device("cpu"), 1).startswith("CPU, ")
    True
    """
    if device.type == "cuda":
        many = f"{processes} × " if processes > 1 else ""
        return many + torch.cuda.get_device_name(device)
    if device.type == "cpu":
        threads = torch.get_num_threads()
        cores = f"CPU, {threads} {'core' if threads == 1 else 'cores'}"
        return f"{processes} processes, each {cores}" if processes > 1 else cores
    return device.type
