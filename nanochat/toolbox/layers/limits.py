"""The limits that every process has: memory, processor time, size of files, number of threads.

They hold for one process. That is why the layers above them see to it that there is only one.
"""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Mapping
from typing import Any


def apply(wanted: Mapping[str, Any], tasks_there: int) -> None:
    """Set the limits of this process; soft and hard are the same, so they can only be lowered after.

    `tasks_there` is how many processes and threads this user has already: the kernel counts them together.
    """
    for limit, value in {
        resource.RLIMIT_AS: wanted["memory"],
        resource.RLIMIT_CPU: wanted["cpu_seconds"],  # the kernel kills; nothing can catch it
        resource.RLIMIT_FSIZE: wanted["folder"],
        resource.RLIMIT_NPROC: wanted["threads"] + tasks_there,
        resource.RLIMIT_NOFILE: wanted["open_files"],
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }.items():
        # What is lower already stays so: without privileges a hard limit cannot be raised.
        hard = resource.getrlimit(limit)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (value, value))


def tasks_of(uid: int) -> int:
    """How many processes and threads this user has on this machine."""
    tasks = 0
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            if os.stat(f"/proc/{name}").st_uid == uid:
                tasks += len(os.listdir(f"/proc/{name}/task"))
    return tasks
