"""Namespaces: this process and all it starts get a world of their own.

- mount: the only files are those Python needs, read-only, and a folder in memory to write in; the rest of the
  machine's files is not hidden but absent
- pid: other processes are absent too, and when the first one of the namespace ends the kernel kills all
  others, whatever they did to get away
- network: a machine without network cards
- ipc, uts, cgroup: shared memory, host name, resource groups

Root may make them as it is. Others need a user namespace, in which they have root's rights over what belongs
to the namespace; many containers and some distributions forbid that.

Sources: namespaces(7), user_namespaces(7), pivot_root(2).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterable, Sequence

from nanochat.toolbox.layers import kernel

NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET = (
    0x20000, 0x2000000, 0x4000000, 0x8000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
ALL = NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWPID | NEWNET
RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, NOATIME, NODIRATIME, BIND, REC, PRIVATE, RELATIME = (
    1, 2, 4, 8, 32, 1024, 2048, 4096, 16384, 1 << 18, 1 << 21,
)  # fmt: skip
# The flags of a mount that a remount must repeat, each as statvfs names it and as mount does.
KEPT = {
    os.ST_NOSUID: NOSUID, os.ST_NODEV: NODEV, os.ST_NOEXEC: NOEXEC,
    os.ST_NOATIME: NOATIME, os.ST_NODIRATIME: NODIRATIME, os.ST_RELATIME: RELATIME,
}  # fmt: skip
DETACH = 2
PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}

NOBODY = 65534
FIRST_UID = 0x70000000  # users above this exist on no machine
ROOT = "/sys"  # where the new root is put together: it exists everywhere, and no Python lies in it
FOLDER = "/tmp"
DEVICES = ("/dev/null", "/dev/zero", "/dev/urandom")
LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache")


def python_files() -> list[str]:
    """What a running Python still opens: its standard library, and the libraries that parts of it load."""
    wanted = [*sys.path, os.path.join(sys.base_exec_prefix, "lib"), *LIBRARIES, "/usr/share/zoneinfo"]
    found: list[str] = []
    for path in sorted(filter(os.path.exists, wanted)):
        if not any(path == above or path.startswith(above + "/") for above in found):
            found.append(path)
    return found


def enter(readable: Sequence[str], folder_bytes: int) -> tuple[int, int]:
    """Go into new namespaces, with all processes started from now on; returns the user and group to become.

    The new root holds `readable`, some devices and FOLDER, which is the current folder afterwards. This
    process stays in its process namespace: its first child is number 1 of the new one.
    """
    user = _unshare()
    kernel.call("sethostname", b"sandbox", ctypes.c_size_t(7))
    _mount(None, "/", None, REC | PRIVATE)
    before = _mounts()
    _mount("tmpfs", ROOT, "tmpfs", NOSUID | NODEV, "mode=0755,size=1m")
    for path in readable:
        _bind(path)
    for device in DEVICES:
        _bind(device)
    os.makedirs(ROOT + FOLDER, exist_ok=True)
    _make_read_only(place for number, place in _mounts().items() if number not in before)
    uid, gid = user
    options = f"mode=0700,uid={uid},gid={gid},size={folder_bytes},nr_inodes=4096"
    _mount("tmpfs", ROOT + FOLDER, "tmpfs", NOSUID | NODEV | NOEXEC, options)
    # The old root ends up on top of the new one, in the same place, and is taken off.
    os.chdir(ROOT)
    kernel.syscall("pivot_root", PIVOT_ROOT[os.uname().machine], b".", b".")
    kernel.call("umount2", b".", DETACH)
    os.chdir(FOLDER)
    return user


def _unshare() -> tuple[int, int]:
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0:
        try:
            kernel.call("unshare", ALL)
        except PermissionError:  # root of a container, without the rights of root
            pass
        else:
            return _a_user_of_its_own()
    kernel.call("unshare", ALL | NEWUSER)
    lines = {"setgroups": "deny", "uid_map": f"{NOBODY} {uid} 1", "gid_map": f"{NOBODY} {gid} 1"}
    for name, line in lines.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(line)
    return NOBODY, NOBODY


def _a_user_of_its_own() -> tuple[int, int]:
    """A user that owns nothing, and whose threads are counted apart from those of every other run.

    In a container that has not so many users it is nobody, or this user, who has no rights left either.
    """
    with open("/proc/self/uid_map", encoding="ascii") as file:
        known = [list(map(int, line.split())) for line in file]
    for wanted in (FIRST_UID + os.getpid(), NOBODY):
        if any(first <= wanted < first + count for first, _, count in known):
            return wanted, wanted
    return os.geteuid(), os.getegid()


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    arguments = (text.encode() if text else None for text in (source, target, kind))
    try:
        kernel.call("mount", *arguments, ctypes.c_ulong(flags), options.encode())
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror} ({target})") from None


def _bind(path: str) -> None:
    """Have `path` in the new root too, with what is mounted beneath it."""
    target = ROOT + path
    if os.path.isdir(path):
        os.makedirs(target)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    _mount(path, target, None, BIND | REC)


def _mounts() -> dict[bytes, bytes]:
    """The number of every mount, and where it is; a space in a path is written as \\040 there."""
    with open("/proc/self/mountinfo", "rb") as file:
        fields = [line.split() for line in file]
    return {one[0]: one[4].decode("unicode_escape").encode("latin-1") for one in fields}


def _make_read_only(places: Iterable[bytes]) -> None:
    """Every mount for itself: one call for a whole tree needs Linux 5.12."""
    for place in map(os.fsdecode, places):
        now = os.statvfs(place).f_flag
        kept = sum(mount for stat, mount in KEPT.items() if now & stat)
        _mount(None, place, None, REMOUNT | BIND | RDONLY | kept)
