"""Ending what was started, where no namespace does it: by looking for it in /proc.

It works because this process is the *subreaper* of all it started: whoever loses its parent, as a daemon
does on purpose, becomes a child of this process and not of process 1.
"""

from __future__ import annotations

import contextlib
import os
import signal

from nanochat.toolbox.layers import kernel


def adopt_orphans() -> None:
    """Become the parent of every descendant that loses its own."""
    kernel.prctl(kernel.SUBREAPER, 1)


def end_descendants() -> None:
    """Kill all that this process has started, and wait until none is left.

    All are stopped first: of a program that starts itself again and again, one copy would otherwise start
    another while its neighbour is killed.
    """
    while found := descendants():
        stopped: set[int] = set()
        while new := found - stopped:
            send(new, signal.SIGSTOP)
            stopped |= new
            found = descendants()
        send(stopped, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.wait()[0]:
                pass


def send(pids: set[int], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def descendants() -> set[int]:
    """The children of this process, their children, and so on; those that have ended are not counted."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            # pid (name) state parent ...; the name is the program's own choice and may hold anything.
            state, parent = file.read().rpartition(b") ")[2].split()[:2]
            if state not in (b"Z", b"X"):
                children.setdefault(int(parent), []).append(int(name))
    found: set[int] = set()
    new = children.get(os.getpid(), [])
    while new:
        found.update(new)
        new = [child for pid in new for child in children.get(pid, [])]
    return found
