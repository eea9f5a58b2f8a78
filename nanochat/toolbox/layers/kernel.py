"""Calls to the Linux kernel that Python has no name for, through the C library.

Python gets `os.unshare` with version 3.12, and `mount`, `prctl` and the rest not at all.
"""

from __future__ import annotations

import ctypes
import os
import signal

NO_NEW_PRIVS, PDEATHSIG, DUMPABLE, SUBREAPER, SECCOMP = 38, 1, 4, 36, 22  # numbers of linux/prctl.h
CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h

_libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library; raises OSError with its name where it returns -1.

    >>> call("getpid") == os.getpid()
    True
    >>> call("chdir", b"/nowhere")
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] chdir: No such file or directory
    """
    result = int(getattr(_libc, name)(*arguments))
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def syscall(name: str, number: int, *arguments: object) -> int:
    """The same for a system call that the C library has no function for; integers become 64 bits wide."""
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    result = int(_libc.syscall(ctypes.c_long(number), *wide))
    if result == -1:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")
    return result


def prctl(option: int, value: object = 0, pointer: object = None) -> None:
    """Change something about this process."""
    wide = ctypes.c_ulong(value) if isinstance(value, int) else value
    call("prctl", ctypes.c_int(option), wide, pointer, None, None)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that started it ends, however it ends.

    The kernel forgets this when the process changes its user.
    """
    prctl(PDEATHSIG, int(signal.SIGKILL))


def drop_rights(uid: int, gid: int) -> None:
    """Become another user, or stay the same, and give up every capability for good."""
    if (uid, gid) != (os.getuid(), os.getgid()):
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    call("capset", header, (ctypes.c_uint32 * 6)())
    prctl(NO_NEW_PRIVS, 1)
    prctl(DUMPABLE, 0)  # no core dump, and no other process may look inside
    die_with_parent()
