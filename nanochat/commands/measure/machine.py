"""The machine a figure belongs to: a speed without it says nothing. Standard library and, if asked, torch."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

import nanochat

CPU_INFO = Path("/proc/cpuinfo")


def describe(with_torch: bool = True) -> dict[str, Any]:
    """Processor, cores, memory, GPU, and the versions that matter.

    >>> sorted(describe(with_torch=False))
    ['cores', 'cpu', 'nanochat', 'python', 'system']
    """
    found: dict[str, Any] = {
        "cpu": cpu_name(),
        "cores": usable_cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "nanochat": nanochat.__version__,
    }
    return found | torch_facts() if with_torch else found


def torch_facts() -> dict[str, Any]:
    """What torch says of itself and of the GPU."""
    import torch

    found: dict[str, Any] = {
        "torch": str(torch.__version__),
        "threads": torch.get_num_threads(),
        "simd": torch.backends.cpu.get_cpu_capability(),
    }
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        found |= {"gpu": gpu.name, "gpu_memory_bytes": gpu.total_memory, "cuda": torch.version.cuda}
    return found


def cpu_name(info: Path = CPU_INFO) -> str:
    """The processor's name as the system knows it."""
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name" and value.strip():
                return value.strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Cores that this process may use, which in a container are fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_words(machine: dict[str, Any]) -> str:
    """The machine in one line.

    >>> in_words({"cpu": "Z80", "cores": 1, "threads": 1, "torch": "2.13.0", "python": "3.11.2"})
    'Z80, 1 core; torch 2.13.0, Python 3.11.2'
    >>> in_words({"gpu": "NVIDIA H200", "cpu": "Z80", "cores": 16, "torch": "2.13.0", "python": "3.11.2"})
    'NVIDIA H200; torch 2.13.0, Python 3.11.2'
    """
    cores = f"{machine['cores']} {'core' if machine['cores'] == 1 else 'cores'}"
    simd = f" ({machine['simd']})" if "simd" in machine else ""
    device = machine.get("gpu") or f"{machine['cpu']}, {cores}{simd}"
    torch = f"torch {machine['torch']}, " if "torch" in machine else ""
    return f"{device}; {torch}Python {machine['python']}"
