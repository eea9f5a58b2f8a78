"""seccomp: a filter that the kernel asks before every system call of this process (Linux 3.5).

It is a list of what is allowed, so what a later kernel adds is refused too. What a calculation needs is
there: files, memory, threads, clocks, pipes. What is not: other programs, other processes, sockets, signals
to others, changing the owner, mode or date of a file, debugging, mounting, and all that the kernel keeps for
administrators.

Some calls are allowed with some arguments only, because the others reach out of this process:

    clone       to start a thread, not a process
    kill        to itself; `fcntl` can aim signals as well (F_SETOWN), and `ioctl` can type into a terminal
    prlimit64   its own limits, not those of its parent
    open        not to cut a file that is opened to be read, which an old Landlock does not see
    socketpair  streams, as asyncio uses one; a datagram socket could write to any socket of the machine

A refused call fails with EPERM and the program goes on. Calls newer than this file fail with ENOSYS, for
which C libraries have another way.

Sources: seccomp(2), linux/filter.h, linux/seccomp.h.
"""

from __future__ import annotations

import ctypes
import errno
import os
import sys

from nanochat.toolbox.layers import kernel
from nanochat.toolbox.layers.syscalls import ALLOWED, NEWEST, NUMBERS

# Of each processor: what the kernel calls it, and which column of the table holds its numbers.
PROCESSORS = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
FILTER_MODE = 2
KILL, REFUSE, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
# Instructions of the filter's little machine, as class | size or operator | source.
LOAD, EQUAL, GREATER_OR_EQUAL, AND, RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
# Where the kernel puts what is asked: the call's number, the processor, then six arguments of 8 bytes.
NUMBER, PROCESSOR, ARGUMENTS = 0, 4, 16
X32 = 0x40000000  # the same calls once more, for programs with short pointers

CLONE_THREAD = 0x00010000
CLONE_ELSEWHERE = 0x7E020000 | 0x00008000  # any new namespace, or another parent
FCNTL_COMMANDS = (
    0,
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    36,
    37,
    38,
    1030,
    1031,
    1032,
)  # duplicate, flags, locks, size of a pipe
IOCTL_REQUESTS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)  # is it a terminal, how wide; flags
AF_UNIX, SOCK_STREAM, TYPE_MASK = 1, 1, 0xF

Instruction = tuple[int, int, int, int]  # code, skip if true, skip if false, value
# Flags of open that are refused: to cut what is opened to be read, which is mode 0; and mode 3, which opens a
# file neither to be read nor written, so that no Landlock asks.
NOT_CUT: tuple[Instruction, ...] = (
    (AND, 0, 0, os.O_TRUNC | os.O_ACCMODE),
    (EQUAL, 2, 0, os.O_TRUNC | os.O_ACCMODE),
    (EQUAL, 1, 0, os.O_ACCMODE),
    (EQUAL, 0, 1, os.O_TRUNC),
)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def restrict() -> None:
    """Put the filter on; nothing takes it off. Raises OSError where this kernel or processor has none."""
    machine = os.uname().machine
    if machine not in PROCESSORS or sys.maxsize < 2**32:
        raise OSError(f"the filter knows the system calls of {' and '.join(PROCESSORS)}, not of {machine}")
    code = b"".join(pack(one) for one in program(machine, os.getpid()))
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_ = _Program(len(code) // 8, ctypes.addressof(buffer))
    kernel.prctl(kernel.SECCOMP, FILTER_MODE, ctypes.byref(filter_))


def program(machine: str, own_pid: int) -> list[Instruction]:
    """The filter, instruction by instruction."""
    processor, column = PROCESSORS[machine]
    number = {name: found for name, both in NUMBERS.items() if (found := both[column]) is not None}
    code: list[Instruction] = [
        (LOAD, 0, 0, PROCESSOR),
        (EQUAL, 1, 0, processor),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (GREATER_OR_EQUAL, 0, 1, X32),
        (RETURN, 0, 0, KILL),
        (GREATER_OR_EQUAL, 0, 1, NEWEST + 1),
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
        (EQUAL, 0, 1, number["clone3"]),  # its flags lie in memory, where the filter cannot look
        (RETURN, 0, 0, REFUSE | errno.ENOSYS),
    ]
    for name in ALLOWED:
        if name in number:
            code += [(EQUAL, 0, 1, number[name]), (RETURN, 0, 0, ALLOW)]
    for name, checks in conditions(own_pid).items():
        if name not in number:
            continue
        code += [(EQUAL, 0, len(checks) + 2, number[name]), *checks, (RETURN, 0, 0, REFUSE | errno.EPERM)]
        code += [(RETURN, 0, 0, ALLOW)]
    return [*code, (RETURN, 0, 0, REFUSE | errno.EPERM)]


def conditions(own_pid: int) -> dict[str, list[Instruction]]:
    """The checks of each call that is allowed with some arguments only.

    They are followed by two instructions, refuse and allow: each check says how many instructions to skip to
    get to one of these. All these arguments are 32 bits wide.
    """
    return {
        "clone": [
            argument(0),
            (AND, 0, 0, CLONE_THREAD | CLONE_ELSEWHERE),
            (EQUAL, 1, 0, CLONE_THREAD),
        ],
        "kill": [argument(0), (EQUAL, 1, 0, own_pid)],
        "tgkill": [argument(0), (EQUAL, 1, 0, own_pid)],
        "prlimit64": [argument(0), (EQUAL, 1, 0, 0)],
        "open": [argument(1), *NOT_CUT],
        "openat": [argument(2), *NOT_CUT],
        "fcntl": one_of(1, FCNTL_COMMANDS),
        "ioctl": one_of(1, IOCTL_REQUESTS),
        "socketpair": [
            argument(0),
            (EQUAL, 0, 3, AF_UNIX),
            argument(1),
            (AND, 0, 0, TYPE_MASK),
            (EQUAL, 1, 0, SOCK_STREAM),
        ],
    }


def argument(place: int) -> Instruction:
    """Load the low half of an argument."""
    return (LOAD, 0, 0, ARGUMENTS + 8 * place)


def one_of(place: int, values: tuple[int, ...]) -> list[Instruction]:
    """Checks that an argument is one of `values`."""
    skips = range(len(values), 0, -1)
    return [argument(place), *((EQUAL, skip, 0, value) for skip, value in zip(skips, values, strict=True))]


def pack(instruction: Instruction) -> bytes:
    """The eight bytes of an instruction, as `struct sock_filter` has them."""
    code, if_true, if_false, value = instruction
    return code.to_bytes(2, "little") + bytes((if_true, if_false)) + value.to_bytes(4, "little")
