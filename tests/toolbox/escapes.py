"""Code that tries to get out of the sandbox, each in another way; a line that gets through prints `escaped`.

What it tries is chosen to do little harm where a sandbox is broken: the fork bomb ends by itself, and signals
go to a process that is there for that. Standard library only: another user runs this with a Python that has
no packages.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import textwrap
from pathlib import Path

from nanochat.toolbox import sandbox
from tests.toolbox.outside import Outside

# Which layers are left out: none; what a container forbids; and all but namespaces, which then hold alone
# what seccomp holds otherwise.
WAYS: dict[str, tuple[str, ...]] = {
    "all layers": (),
    "no namespaces": ("namespaces",),
    "namespaces alone": ("landlock", "seccomp"),
}
# These are ended before they are through; of all others it is checked that they tried everything.
ENDED = ("a fork bomb", "ends that are caught", "huge files", "many files", "signals", "threads without end")
# Namespaces do not count this memory.
NOT_BY_NAMESPACES_ALONE = "memory that no limit counts"

BEGINNING = """
import ctypes, os, signal, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
sys.stdout.reconfigure(line_buffering=True)

def attempt(name, do, *arguments):
    try:
        result = do(*arguments)
    except (OSError, ValueError, RuntimeError, MemoryError) as error:
        print("stopped:", name, type(error).__name__, error)
    else:
        print("escaped:", name, result)

def call(name, *arguments):
    ctypes.set_errno(0)
    if libc[name](*arguments) == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

def write(path, mode="w"):
    with open(path, mode) as file:
        file.write("x")
"""

ESCAPES = {
    "a fork bomb": """
        import time
        begin = time.monotonic()
        while time.monotonic() < begin + 0.3:
            try:
                os.fork()
            except OSError:
                time.sleep(0.01)
        time.sleep(2)
    """,
    "a daemon by double fork": """
        import time
        try:
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    for number in range(3):
                        os.close(number)
                    for number in range(1, 65):
                        try:
                            signal.signal(number, signal.SIG_IGN)
                        except (OSError, ValueError):
                            pass
                    time.sleep(600)
                os._exit(0)
        except OSError as error:
            print(error)
    """,
    "other programs": """
        import subprocess
        made = f"touch {given['folder']}/made"
        os.system(made)
        attempt("Popen", subprocess.run, ["/bin/sh", "-c", made])
        attempt("posix_spawn", os.posix_spawn, "/bin/sh", ["sh", "-c", made], {})
        attempt("this Python", os.posix_spawn, sys.executable, [sys.executable, "-c", "0"], {})
        attempt("exec", os.execv, "/bin/sh", ["sh", "-c", made])
        attempt("exec by ctypes", call, "execve", b"/bin/sh", (ctypes.c_char_p * 2)(b"sh", None), None)
    """,
    "reading files": """
        def read(path, folder=None):
            with open(os.open(path, os.O_RDONLY, dir_fd=folder), "rb") as file:
                return file.read(100)

        known = "etc/passwd etc/hostname etc/shadow proc/self/environ proc/1/environ proc/version"
        known += " sys/kernel/notes dev/mem dev/sda dev/vda var/lib/dpkg/status root/.bashrc"
        for path in known.split():
            attempt(path, read, "/" + path)
        attempt("file", read, given["file"])
        attempt("home", read, given["home"] + "/.bashrc")
        for path in (given["folder"], "/home", "/etc/ssl", "/proc", "/sys", "/var"):
            attempt(path, os.listdir, path)
        try:
            names = os.listdir(given["home"])
        except OSError:
            names = []
        if len(names) > 1:  # one is there where Python lies beneath it
            print("escaped: home", names)
        attempt("upwards", read, "../../../../.." + given["file"])
        attempt("as bytes", read, given["file"].encode())
        attempt("from the root", lambda: read(given["file"][1:], os.open("/", os.O_PATH)))
    """,
    "links to what is outside": """
        def read(path):
            with open(path) as file:
                return file.read()

        for make in (os.symlink, os.link, os.rename):
            for name in ("file", "folder"):
                try:
                    make(given[name], f"{make.__name__} {name}")
                except OSError as error:
                    print(error)
                    continue
                attempt("read", read, f"{make.__name__} {name}")
                attempt("write", write, f"{make.__name__} {name}", "a")
                attempt("list", os.listdir, f"{make.__name__} {name}")
                attempt("make", write, f"{make.__name__} {name}/made")
        try:
            os.chdir(given["folder"])
        except OSError as error:
            print(error)
        else:
            attempt("from inside", read, "secret.txt")
            attempt("from inside", write, "made")
    """,
    "changing files": """
        file, folder = given["file"], given["folder"]
        attempt("write", write, file)
        attempt("append", write, file, "a")
        attempt("in place", write, file, "r+")
        attempt("make", write, folder + "/made")
        attempt("cut", os.truncate, file, 0)
        for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_ACCMODE):
            attempt(f"cut while opening {mode}", os.open, file, mode | os.O_TRUNC)
        attempt("remove", os.unlink, file)
        attempt("rename", os.rename, file, folder + "/other")
        attempt("link", os.link, file, folder + "/other")
        attempt("symlink", os.symlink, file, folder + "/other")
        attempt("mkdir", os.mkdir, folder + "/other")
        attempt("fifo", os.mkfifo, folder + "/other")
        attempt("node", os.mknod, folder + "/other")
        attempt("remove the folder", os.rmdir, folder)
        attempt("mode", os.chmod, file, 0)
        attempt("mode of the folder", os.chmod, folder, 0)
        attempt("owner", os.chown, file, os.getuid(), 12345)
        attempt("date", os.utime, file)
        attempt("attribute", os.setxattr, file, "user.x", b"x")
        for path in ("/tmp/../made", "/made", "/dev/made", "/dev/shm/made", given["home"] + "/made"):
            attempt(path, write, path)
        attempt("the standard library", open, os.__file__, "r+")
        attempt("unnamed", os.open, folder, os.O_TMPFILE | os.O_WRONLY)
    """,
    "sockets": """
        def tcp(family, address):
            one = socket.socket(family, socket.SOCK_STREAM)
            one.settimeout(2)
            one.connect(address)
            one.send(b"x")

        def datagram(family, address):
            return socket.socket(family, socket.SOCK_DGRAM).sendto(b"x", address)

        attempt("tcp", tcp, socket.AF_INET, given["tcp"])
        attempt("tcp to the internet", tcp, socket.AF_INET, ("1.1.1.1", 53))
        attempt("udp", datagram, socket.AF_INET, given["udp"])
        attempt("unix stream", tcp, socket.AF_UNIX, given["stream"])
        attempt("unix datagram", datagram, socket.AF_UNIX, given["datagram"])
        attempt("abstract", datagram, socket.AF_UNIX, given["abstract"])
        for name in ("abstract", "datagram"):
            pair = lambda: socket.socketpair(type=socket.SOCK_DGRAM)
            attempt("from a pair", lambda: pair()[0].sendto(b"x", given[name]))
        attempt("raw", socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)
        attempt("name", socket.getaddrinfo, "example.org", 80)
    """,
    "signals": """
        import fcntl
        attempt("ask", os.kill, given["caller"], 0)
        for pid in (given["process"],):
            attempt("ask", os.kill, pid, 0)
            attempt("kill", os.kill, pid, signal.SIGKILL)
            attempt("group", os.killpg, pid, signal.SIGKILL)
            attempt("pidfd", lambda: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGKILL))
            attempt("tgkill", call, "syscall", 234 if os.uname().machine == "x86_64" else 131, pid, pid, 9)
            attempt("sigqueue", call, "sigqueue", pid, 9, None)
            reader, writer = os.pipe()
            attempt("owner of a pipe", fcntl.fcntl, reader, fcntl.F_SETOWN, pid)
            try:
                fcntl.fcntl(reader, 10, 9)  # F_SETSIG
                fcntl.fcntl(reader, fcntl.F_SETFL, os.O_ASYNC)
            except OSError:
                pass
            os.write(writer, b"x")
        for pid in (os.getppid(), 0):
            try:
                os.kill(pid, signal.SIGKILL)  # where a namespace lets it, it ends what is in the namespace
            except OSError as error:
                print(error)
    """,
    "reaching into other processes": """
        import resource
        ptrace = lambda request, pid: call("ptrace", request, pid, None, None)
        for pid in (given["caller"], given["process"], os.getppid()):
            attempt("attach", ptrace, 16, pid)
            attempt("seize", ptrace, 0x4206, pid)
            attempt("mem", open, f"/proc/{pid}/mem", "r+b")
            attempt("environ", lambda: open(f"/proc/{pid}/environ").read())
            attempt("maps", lambda: open(f"/proc/{pid}/maps").read())
            attempt("fd", os.listdir, f"/proc/{pid}/fd")
            attempt("pidfd_getfd", lambda: call("syscall", 438, os.pidfd_open(pid), 0, 0))
        for pid in (given["caller"], given["process"]):
            attempt("limits", resource.prlimit, pid, resource.RLIMIT_CPU, (1, 1))
            attempt("priority", os.setpriority, os.PRIO_PROCESS, pid, 5)
            attempt("processors", os.sched_setaffinity, pid, {0})
            attempt("scheduler", os.sched_setscheduler, pid, os.SCHED_IDLE, os.sched_param(0))
            buffer = ctypes.create_string_buffer(8)
            vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 8)
            attempt("vm_readv", call, "process_vm_readv", pid, vector, 1, vector, 1, 0)
            attempt("vm_writev", call, "process_vm_writev", pid, vector, 1, vector, 1, 0)
    """,
    "more rights": """
        import resource
        for name in ("AS", "CPU", "FSIZE", "NPROC", "NOFILE", "CORE"):
            limit = getattr(resource, f"RLIMIT_{name}")
            attempt(name, resource.setrlimit, limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            soft, hard = resource.getrlimit(limit)
            attempt(name, resource.setrlimit, limit, (hard + 1, hard + 1))
        if os.getuid():
            attempt("root", os.setuid, 0)
            attempt("root", os.setresuid, 0, 0, 0)
        attempt("another user", os.setuid, 1000)
        attempt("groups", os.setgroups, [0])
        attempt("mount", call, "mount", b"proc", b"/tmp", b"proc", 0, None)
        attempt("bind", call, "mount", b"/", b"/tmp", None, 4096, None)
        attempt("remount", call, "mount", None, b"/", None, 4096 | 32, None)
        attempt("umount", call, "umount2", b"/tmp", 2)
        attempt("chroot", os.chroot, "/tmp")
        attempt("join a namespace", call, "setns", 0, 0)
    """,
    "a namespace of its own": """
        def read(path):
            with open(path) as file:
                return file.read()

        for flags in (0x10000000, 0x20000, 0x20000000, 0x40000000):
            try:
                call("unshare", flags)
            except OSError as error:
                print(error)
        for arguments in ((b"x", b"/tmp", b"tmpfs", 0, None), (b"x", b"/tmp", b"proc", 0, None)):
            try:
                call("mount", *arguments)
            except OSError as error:
                print(error)
        attempt("writing enabled", call, "mount", None, os.__file__.encode(), None, 4096 | 32, None)
        for place in (b"/tmp", b"/dev/null", b"/usr/lib", b"/"):
            libc.umount2(place, 2)
        try:
            os.mkdir("/tmp/x")
            os.chroot("/tmp/x")
            os.chdir("../../../..")
        except OSError as error:
            print(error)
        attempt("read", read, given["file"])
        attempt("read", read, given["file"][1:])
        attempt("processes", os.kill, given["process"], 0)
    """,
    "huge files": """
        piece = bytes(2**20)
        written = 0
        try:
            for number in range(200):
                with open(f"file{number}", "wb", buffering=0) as file:
                    for _ in range(16):
                        written += file.write(piece)
        except OSError as error:
            print(error)
        if written > 20 * len(piece):
            print("escaped: wrote", written)
    """,
    "many files": """
        made = 0
        try:
            for number in range(50_000):
                os.close(os.open(f"file{number}", os.O_CREAT | os.O_WRONLY))
                made += 1
        except OSError as error:
            print(error)
        if made > 5000:
            print("escaped: made", made)
    """,
    "many open files": """
        opened = []
        try:
            for number in range(10_000):
                opened.append(os.open("/dev/null", os.O_RDONLY))
        except OSError as error:
            print(error)
        if len(opened) > 64:
            print("escaped: opened", len(opened))
    """,
    "memory that no limit counts": """
        attempt("memfd", os.memfd_create, "x")
        attempt("shmget", call, "shmget", 0, 2**30, 0o1600)
    """,
    "ends that are caught": """
        import time
        for number in range(1, 65):
            try:
                signal.signal(number, lambda *_: None)
            except (OSError, ValueError):
                pass
        end = time.monotonic() + 600
        while time.monotonic() < end:
            try:
                time.sleep(600)
            except BaseException:
                pass
    """,
    "threads without end": """
        import threading, time
        sys.stderr = open(os.devnull, "w")
        started = 0
        threading.stack_size(2**16)
        try:
            while started < 2000:
                threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
                started += 1
        except (RuntimeError, MemoryError) as error:
            print(error)
        if started == 2000:
            print("escaped: started", started)
    """,
}


def code_of(name: str, outside: Outside) -> str:
    """The escape of this name, with what it needs to know of the outside."""
    return "\n".join(
        (f"given = {outside.given()!r}", BEGINNING, textwrap.dedent(ESCAPES[name]), "print('end')")
    )


def is_to_run(way: str) -> bool:
    """Whether code runs this way on this machine; if not, it must be refused."""
    layers = sandbox.available_layers(frozenset(WAYS[way]))
    return not layers.missing or (way == "namespaces alone" and layers.names != ())


def problems(name: str, way: str, outside: Outside) -> list[str]:
    """Run an escape; what it got through, and what of the outside is no longer as it was."""
    without, unsafe = WAYS[way], way == "namespaces alone"
    if not is_to_run(way):
        try:
            return [f"not refused: {sandbox.run_python('', without=without)}"]
        except sandbox.SandboxUnavailable:
            return []
    if unsafe and name == NOT_BY_NAMESPACES_ALONE:
        return []
    limits = sandbox.Limits(seconds=1.5 if name in ENDED else 30)
    result = sandbox.run_python(code_of(name, outside), without=without, limits=limits, unsafe=unsafe)
    found = [line for line in result.stdout.splitlines() if line.startswith("escaped")]
    if name not in ENDED and not result.stdout.endswith("end\n"):
        found.append(f"not through: {result.exit_code}")
    # A mistake in the code must not look like a wall.
    return found + result.stderr.splitlines() + outside.changes()


def main() -> None:
    """Try everything and print, as JSON, what got through; for another user."""
    found = {}
    for way in WAYS:
        for name in ESCAPES:
            with (
                tempfile.TemporaryDirectory() as folder,
                contextlib.closing(Outside(Path(folder))) as outside,
            ):
                sandbox.CODE_FOLDER = outside.code_folder
                if wrong := problems(name, way, outside):
                    found[f"{way}: {name}"] = wrong
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
