"""Landlock: from here on this process opens only the files it names now (Linux 5.13 and later).

Every process may shut itself in, in any container, without any rights. What it does not see is why it counts
only together with seccomp: modes, owners and dates of files outside, where the process owns them. The names,
sizes and dates of files outside can still be asked for. Before version 3 it does not see files being cut
either; the filter does.

Source: Documentation/userspace-api/landlock.rst of the kernel.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection

from nanochat.toolbox.layers import kernel

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # system calls, the same on every processor
ASK_VERSION, PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR = (
    1 << bit for bit in range(8)
)
MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = (
    1 << bit for bit in range(8, 16)
)
READ = READ_FILE | READ_DIR
# Files and nothing else: a folder without folders and links in it is easy to measure and to remove.
FLAT = READ | WRITE_FILE | TRUNCATE | MAKE_REG | REMOVE_FILE
TREE = FLAT | MAKE_DIR | REMOVE_DIR | MAKE_SYM | REFER
OF_A_FILE = WRITE_FILE | READ_FILE | TRUNCATE  # of the rights above, those that a rule for a file may name


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Landlock's version in this kernel; raises OSError where there is none."""
    return kernel.syscall("landlock", CREATE_RULESET, None, 0, ASK_VERSION)


def restrict(readable: Collection[str], writable: str, rights: int) -> None:
    """Shut this process in: it may read beneath `readable` and has `rights` beneath `writable`."""
    # Everything that this version can forbid is forbidden: TCP from 4 on, signals and abstract sockets of
    # other processes from 6 on.
    found = version()
    known = (1 << (13, 14, 15, 15, 16)[min(found, 5) - 1]) - 1  # the rights above, as far as it has them
    ruleset = _Ruleset(known, 0b11 if found >= 4 else 0, 0b11 if found >= 6 else 0)
    size = 8 if found < 4 else 16 if found < 6 else 24
    rules = kernel.syscall("landlock", CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    for path in readable:
        _allow(rules, path, READ & known)
    _allow(rules, writable, rights & known)
    _allow(rules, "/dev/null", OF_A_FILE & known)
    kernel.syscall("landlock", RESTRICT_SELF, rules, 0)
    os.close(rules)


def _allow(rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not os.path.isdir(path):
        rights &= OF_A_FILE
    rule = _Beneath(rights, place)
    kernel.syscall("landlock", ADD_RULE, rules, PATH_BENEATH, ctypes.byref(rule), 0)
    os.close(place)
