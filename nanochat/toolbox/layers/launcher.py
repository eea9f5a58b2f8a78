"""The program that puts the layers on and then runs the code. `nanochat.toolbox.sandbox` starts it.

It is a process of its own because the caller may have threads, and a process with threads cannot be forked
and changed safely. It becomes two or three:

    launcher      makes the namespaces; keeps the time; ends everything
    └ first       number 1 of the namespace; where it ends the kernel ends the rest (without namespaces: none)
      └ worker    puts on limits, Landlock and seccomp, and is then the code

What is asked is the first line of standard input, as JSON; the rest is what the code may read. What happens
is told line by line on the pipe whose number is the first argument; the worker closes its end before the
code begins, so the code can tell nothing:

    failed WHY            a layer could not be put on; the code did not run
    ready                 the code begins
    ended STATUS SECONDS  the worker's status, as wait4 has it, and the processor time it took
    stopped WHY           it was ended for taking too long, or too much room in the folder
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import Any

from nanochat.toolbox.layers import kernel, landlock, limits, namespaces, processes, seccomp

REPORT = 3  # the first number after the standard streams
LOOK_AGAIN = 0.05  # seconds between two looks at how full the folder is
MOST_FILES = 4096


def main(pipe: int) -> None:
    """Do what is asked; returns, in the worker alone, when the code has ended."""
    if pipe != REPORT:  # it may be high, above what is closed below
        os.dup2(pipe, REPORT)
        os.close(pipe)
    try:
        ask = _begin()
    except (OSError, MemoryError) as error:
        why = getattr(error, "strerror", None) or error
        os.write(REPORT, f"failed {why}\n".encode())
        os._exit(1)
    os.write(REPORT, b"ready\n")
    os.closerange(REPORT, ask["open_files"])
    _run(ask["code"])


def _begin() -> dict[str, Any]:
    """Become launcher, first and worker. The first two never return."""
    with open(0, "rb", closefd=False) as file:
        ask: dict[str, Any] = json.loads(file.readline())
        os.lseek(0, file.tell(), os.SEEK_SET)  # reading a line has read further; the rest is for the code
    kernel.die_with_parent()
    if os.getppid() != ask["caller"]:
        raise OSError("the caller has ended")
    layers = ask["layers"]
    readable = namespaces.python_files()
    user = os.geteuid(), os.getegid()
    tasks = limits.tasks_of(user[0]) if user[0] else 0  # the kernel does not count root's
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    if "namespaces" in layers:
        user = namespaces.enter(readable, ask["folder"])
        readable, ask["place"] = ["/"], namespaces.FOLDER
    else:
        processes.adopt_orphans()
        os.chdir(ask["place"])
    child = os.fork()
    if child:
        _keep_time(child, ask)
    kernel.drop_rights(*user)
    if "namespaces" in layers:
        worker = os.fork()
        if worker:
            _be_first(worker)
        kernel.die_with_parent()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    sys.stdin = open(0, encoding="utf-8", errors="replace", closefd=False)  # noqa: SIM115 - the code's own
    limits.apply(ask, tasks)
    if "landlock" in layers:
        rights = landlock.TREE if "namespaces" in layers else landlock.FLAT
        landlock.restrict(readable, ask["place"], rights)
    if "seccomp" in layers:
        seccomp.restrict()
    return ask


def _keep_time(child: int, ask: dict[str, Any]) -> None:
    """The launcher's part: wait until the child has ended or has to, and leave nothing of it."""
    for number in (0, 1, 2):
        os.close(number)  # the caller reads until the last one who holds these has ended
    end = time.monotonic() + ask["seconds"]
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            break
        left = end - time.monotonic()
        if left <= 0:
            os.write(REPORT, b"stopped time\n")
            break
        if "namespaces" not in ask["layers"]:  # there the folder has a size of its own
            if _is_full(ask["place"], ask["folder"]):
                os.write(REPORT, b"stopped folder\n")
                break
            left = min(left, LOOK_AGAIN)
        signal.sigtimedwait({signal.SIGCHLD}, left)
    if "namespaces" in ask["layers"]:
        if not pid:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)  # returns when the whole namespace is empty
    else:
        if pid:
            _tell_end(status, usage.ru_utime + usage.ru_stime)
        processes.end_descendants()
    os._exit(0)


def _be_first(worker: int) -> None:
    """The part of number 1 of the namespace: wait for the worker, and bury whoever else ends meanwhile."""
    for number in (0, 1, 2):
        os.close(number)
    pid = 0
    while pid != worker:
        pid, status, usage = os.wait4(-1, 0)
    _tell_end(status, usage.ru_utime + usage.ru_stime)
    os._exit(0)


def _tell_end(status: int, seconds: float) -> None:
    os.write(REPORT, f"ended {status} {seconds:.3f}\n".encode())


def _is_full(place: str, most: int) -> bool:
    """Whether the files of a folder take more than `most` bytes on the disk, or are too many."""
    bytes_taken = files = 0
    with os.scandir(place) as entries:
        for entry in entries:
            files += 1
            with contextlib.suppress(FileNotFoundError):  # it has been removed meanwhile
                bytes_taken += entry.stat(follow_symlinks=False).st_blocks * 512
            if bytes_taken > most or files > MOST_FILES:
                return True
    return False


def _run(code: str) -> None:
    """Run the code as Python runs a script; what it does not catch is shown without this file's lines."""
    os.environ.clear()
    module = type(sys)("__main__")
    sys.modules["__main__"] = module
    try:
        exec(compile(code, "<code>", "exec", dont_inherit=True), module.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        below = error.__traceback__.tb_next if error.__traceback__ else None
        sys.excepthook(type(error), error.with_traceback(below), below)
        raise SystemExit(1) from None
