"""The layers, each for itself: the filter instruction by instruction; what an older kernel leaves open."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.toolbox.layers import limits, processes, seccomp, syscalls
from nanochat.toolbox.sandbox import available_layers, run_python
from tests.toolbox.outside import ROOT

MACHINES = ("x86_64", "aarch64")
OWN_PID = 4242
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}


def verdict(machine: str, number: int, *arguments: int, processor: int | None = None) -> int:
    """What the filter says of a call: a machine that runs its instructions, as the kernel has one."""
    data = number.to_bytes(4, "little")
    data += (seccomp.PROCESSORS[machine][0] if processor is None else processor).to_bytes(
        4, "little"
    ) + bytes(8)
    for value in (*arguments, *[0] * 6)[:6]:
        data += (value % 2**64).to_bytes(8, "little")
    code = seccomp.program(machine, OWN_PID)
    place = loaded = 0
    while True:
        kind, if_true, if_false, value = code[place]
        place += 1
        if kind == seccomp.LOAD:
            loaded = int.from_bytes(data[value : value + 4], "little")
        elif kind == seccomp.AND:
            loaded &= value
        elif kind == seccomp.EQUAL:
            place += if_true if loaded == value else if_false
        elif kind == seccomp.GREATER_OR_EQUAL:
            place += if_true if loaded >= value else if_false
        else:
            assert kind == seccomp.RETURN
            return value


def number_of(machine: str, name: str) -> int:
    number = syscalls.NUMBERS[name][seccomp.PROCESSORS[machine][1]]
    assert number is not None
    return number


REFUSED = seccomp.REFUSE | errno.EPERM


@pytest.mark.parametrize("machine", MACHINES)
def test_the_filter_allows_what_is_listed_and_nothing_else(machine: str) -> None:
    allowed = {
        number_of(machine, name)
        for name in syscalls.ALLOWED
        if syscalls.NUMBERS[name][MACHINES.index(machine)] is not None
    }
    clone3 = number_of(machine, "clone3")
    for number in range(syscalls.NEWEST + 1):
        if number in allowed:
            assert verdict(machine, number) == seccomp.ALLOW
        elif number not in {numbers[MACHINES.index(machine)] for numbers in syscalls.NUMBERS.values()}:
            assert verdict(machine, number) == REFUSED, number
    for number in (clone3, syscalls.NEWEST + 1, 10_000, seccomp.X32 - 1):
        assert verdict(machine, number) == seccomp.REFUSE | errno.ENOSYS


@pytest.mark.parametrize("machine", MACHINES)
def test_other_processors_and_short_pointers_are_killed(machine: str) -> None:
    assert verdict(machine, number_of(machine, "read"), processor=0x40000003) == seccomp.KILL  # i386
    assert verdict(machine, seccomp.X32 + number_of(machine, "read")) == seccomp.KILL


THREAD = 0x3D0F00  # the flags that pthread_create gives clone


@pytest.mark.parametrize(
    ("name", "arguments", "is_allowed"),
    [
        ("clone", (THREAD,), True),
        ("clone", (17,), False),  # fork
        ("clone", (0x4111,), False),  # vfork
        ("clone", (0,), False),
        ("clone", (THREAD | 0x10000000,), False),  # a user namespace
        ("clone", (THREAD | 0x20000,), False),
        ("clone", (THREAD | 0x8000,), False),  # the parent's parent
        ("kill", (OWN_PID, 9), True),
        ("kill", (OWN_PID + 1, 9), False),
        ("kill", (0, 9), False),
        ("kill", (-1, 9), False),
        ("kill", (-OWN_PID, 9), False),
        ("kill", (OWN_PID + 2**32, 9), True),  # the kernel sees the low half too
        ("tgkill", (OWN_PID, 77, 9), True),
        ("tgkill", (77, 77, 9), False),
        ("prlimit64", (0, 7, 0), True),
        ("prlimit64", (OWN_PID, 7, 0), False),
        ("fcntl", (3, 0), True),
        ("fcntl", (3, 1030), True),
        ("fcntl", (3, 8), False),  # F_SETOWN
        ("fcntl", (3, 10), False),  # F_SETSIG
        ("fcntl", (3, 15), False),  # F_SETOWN_EX
        ("fcntl", (3, 1024), False),  # F_SETLEASE
        ("fcntl", (3, 1026), False),  # F_NOTIFY
        ("ioctl", (3, 0x5401), True),
        ("ioctl", (3, 0x5451), True),
        ("ioctl", (3, 0x5412), False),  # TIOCSTI
        ("ioctl", (3, 0x8901), False),  # FIOSETOWN
        ("socketpair", (1, 1, 0), True),
        ("socketpair", (1, 0x80801, 0), True),  # not blocking, closed by exec
        ("socketpair", (1, 2, 0), False),
        ("socketpair", (1, 5, 0), False),
        ("socketpair", (2, 1, 0), False),
        ("openat", (0, 0, os.O_RDONLY), True),
        ("openat", (0, 0, os.O_WRONLY | os.O_TRUNC), True),
        ("openat", (0, 0, os.O_RDWR | os.O_TRUNC | os.O_CREAT), True),
        ("openat", (0, 0, os.O_TRUNC), False),
        ("openat", (0, 0, os.O_TRUNC | os.O_CREAT), False),
        ("openat", (0, 0, 3), False),
        ("openat", (0, 0, 3 | os.O_TRUNC), False),
    ],
)
@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_are_allowed_with_some_arguments(
    machine: str, name: str, arguments: tuple[int, ...], is_allowed: bool
) -> None:
    assert verdict(machine, number_of(machine, name), *arguments) == (
        seccomp.ALLOW if is_allowed else REFUSED
    )


@given(name=st.sampled_from(syscalls.CONDITIONAL), arguments=st.lists(st.integers(0, 2**64 - 1), min_size=6))
def test_the_filter_always_ends_in_a_verdict(name: str, arguments: list[int]) -> None:
    assert verdict("x86_64", number_of("x86_64", name), *arguments) in (seccomp.ALLOW, REFUSED)


def test_open_and_openat_are_judged_alike() -> None:
    for flags in range(2**12):
        by_name = verdict("x86_64", number_of("x86_64", "open"), 0, flags)
        assert verdict("x86_64", number_of("x86_64", "openat"), 0, 0, flags) == by_name


@pytest.mark.parametrize("machine", MACHINES)
def test_the_numbers_are_the_kernels(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"the kernel's headers are not on this machine: {HEADERS[machine]}")
    lines = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", HEADERS[machine].read_text(), re.MULTILINE)
    known = {"newfstatat" if name == "fstatat" else name: int(number) for name, number in lines}
    for name, numbers in syscalls.NUMBERS.items():
        assert known.get(name) == numbers[MACHINES.index(machine)], name


def test_the_kernel_refuses_every_call_that_is_not_listed() -> None:
    """All of them are really called, with nothing as arguments."""
    if "seccomp" not in available_layers().names:
        pytest.skip("this machine has no seccomp; code is refused")
    column = seccomp.PROCESSORS[os.uname().machine][1]
    listed = {numbers[column] for numbers in syscalls.NUMBERS.values()}
    # 335 and 336 on x86_64 end the process, in any filter, unless the kernel's own probes have sent it there.
    unlisted = [number for number in range(syscalls.NEWEST + 30) if number not in listed | {335, 336}]
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
for number in {unlisted}:
    ctypes.set_errno(0)
    result = libc.syscall(number, 0, 0, 0, 0, 0, 0)
    if result != -1 or ctypes.get_errno() != (1 if number <= {syscalls.NEWEST} else 38):
        print(number, result, ctypes.get_errno())
print("end")
"""
    assert run_python(code, without=("namespaces", "landlock"), unsafe=True).stdout == "end\n"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="only this processor has a second table of calls")
def test_calls_of_the_32_bit_table_are_killed() -> None:
    """Machine code that makes call 2, fork on i386, by interrupt 0x80; in the other table 2 is `open`."""
    code = r"""
import ctypes, mmap
memory = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
memory.write(b"\xb8\x02\x00\x00\x00\xcd\x80\xc3")
call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(memory)))
print(call())
"""
    result = run_python(code, without=("namespaces", "landlock"), unsafe=True)
    assert result.stdout == ""
    assert result.exit_code in (-31, -11)  # SIGSYS; or SIGSEGV from a kernel without that table


OLD_LANDLOCK = """
import ctypes, os, sys
sys.path.append(sys.argv[1])
from nanochat.toolbox.layers import kernel, landlock, namespaces, seccomp
sys.path.pop()
landlock.version = lambda: int(sys.argv[2])
outside, inside = sys.argv[3:]
kernel.drop_rights(os.getuid(), os.getgid())
landlock.restrict([*namespaces.python_files(), outside], inside, landlock.FLAT)
seccomp.restrict()

def attempt(do, *arguments):
    try:
        do(*arguments)
    except OSError:
        return
    print("escaped:", do, arguments)

file = outside + "/file"
assert open(file).read() == "x"
open(inside + "/file", "w").write("y")
os.ftruncate(os.open(inside + "/file", os.O_RDWR), 0)
os.unlink(inside + "/file")
attempt(os.truncate, file, 0)
attempt(open, file, "w")
attempt(os.unlink, file)
attempt(os.rename, file, inside + "/other")
attempt(os.link, file, inside + "/other")
for mode in range(4):
    for flags in range(0, 2**12, 64):
        attempt(os.open, file, mode | os.O_TRUNC | flags & ~os.O_EXCL)
attempt(open, sys.argv[1] + "/README.md")
print("end")
"""


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 6])
def test_an_older_landlock_with_the_filter_keeps_files_whole(version: int) -> None:
    """A file that may be read, such as Python's own, cannot be cut, which Landlock itself sees from 3 on."""
    if not {"landlock", "seccomp"} <= set(available_layers().names):
        pytest.skip("this machine has not both layers; code is refused or namespaces are used")
    with tempfile.TemporaryDirectory() as outside, tempfile.TemporaryDirectory() as inside:
        (Path(outside) / "file").write_text("x")
        command = [
            sys._base_executable,
            "-I",
            "-S",
            "-c",
            OLD_LANDLOCK,
            str(ROOT),
            str(version),
            outside,
            inside,
        ]
        done = subprocess.run(command, capture_output=True, text=True)
        assert (done.stdout, done.stderr) == ("end\n", "")
        assert (Path(outside) / "file").read_text() == "x"


# ---- ending what was started, where there are no namespaces ----


@pytest.fixture
def family() -> Iterator[subprocess.Popen[str]]:
    """A process that adopts orphans, and starts a daemon that ignores all it can."""
    program = f"""
import os, signal, sys, time
sys.path.append({str(ROOT)!r})
from nanochat.toolbox.layers import processes
processes.adopt_orphans()
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 65):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.fork()
        os.write(1, b"there\\n")
        time.sleep(5)
        os.write(1, b"still there\\n")
    os._exit(0)
input()
processes.end_descendants()
print(sorted(processes.descendants()))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.kill()


def test_a_daemon_is_found_and_ended(family: subprocess.Popen[str]) -> None:
    assert family.stdin is not None
    assert family.stdout is not None
    assert [family.stdout.readline() for _ in range(2)] == ["there\n"] * 2
    family.stdin.write("\n")
    family.stdin.flush()
    # Its output ends only when the last one who holds it has ended.
    assert family.stdout.read() == "[]\n"


def test_unsafe_code_leaves_nothing_either() -> None:
    code = """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(5)
        print("still there", flush=True)
    os._exit(0)
os.wait()
print("gone", flush=True)
"""
    assert run_python(code, unsafe=True, without=("namespaces", "landlock", "seccomp")).stdout == "gone\n"


def test_descendants_are_told_from_other_processes() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found = processes.descendants()
        assert child.pid in found
        assert os.getpid() not in found
        assert os.getppid() not in found
        child.communicate(b"\n")


def test_the_tasks_of_a_user_are_counted() -> None:
    before = limits.tasks_of(os.getuid())
    assert before >= 1
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert limits.tasks_of(os.getuid()) > 0
        child.communicate(b"\n")
    assert limits.tasks_of(2**31 - 3) == 0
