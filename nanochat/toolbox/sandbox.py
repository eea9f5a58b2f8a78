"""Run Python code that nobody has read: a model wrote it. Linux only.

There is no one wall that keeps code in, so there are several, and the code has to break all of them:

    process       `python -I -S` with no environment, in a session of its own; its output read through
                  pipes and cut while it comes; all of it killed at the end of its time
    limits        memory, processor time, file size, threads, open files
    namespaces    no other files, processes or networks exist for it
    landlock      it opens Python's own files and a temporary folder, no others
    seccomp       no processes, programs, sockets, signals to others

The folder `layers` beside this file has a module for each, and the launcher that puts them on.

The first two every Linux has. The other three depend on the kernel and on the container around;
`available_layers` tries each one out. Code counts as contained where seccomp is there, and one of the others:

- seccomp leaves it one process, with no way to reach another or the network. One process can be ended for
  sure, so nothing is left over.
- Namespaces or Landlock keep it from files. Landlock needs no rights and works inside most containers. It
  does not see modes, owners and dates of files being changed; seccomp forbids those calls. What remains
  possible with Landlock is to ask whether a file exists, and for its size and date: with namespaces it does
  not exist.

Namespaces do what seccomp does as well, so where both are there a flaw in one of them opens nothing. Where
the layers do not suffice the code is refused, unless the caller says `unsafe`: then it runs with what there
is.

What no layer here stops is a flaw in the kernel itself. For code of an enemy, and not of a model, use a
virtual machine.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from nanochat.errors import UserError

LAYERS = ("namespaces", "landlock", "seccomp")
GRACE = 5.0  # seconds after the limit until the launcher, which should have kept it, is killed too
CODE_FOLDER = Path(__file__).resolve().parents[2]  # where the package nanochat is
START = "import sys; sys.path.append(sys.argv[1]); from nanochat.toolbox.layers import launcher; \
sys.path.pop(); launcher.main(int(sys.argv[2]))"


class SandboxUnavailable(UserError):
    """This machine cannot contain the code; the message says what is missing."""


@dataclass(frozen=True)
class Limits:
    """What one run may use."""

    seconds: float = 5.0  # by the clock
    cpu_seconds: int = 5  # of the processor
    memory: int = 256 * 2**20  # bytes of address space, the interpreter's own 30 MB included
    output: int = 64 * 2**10  # bytes kept of what it prints, and as many of its errors
    folder: int = 16 * 2**20  # bytes in its temporary folder, and in one file
    threads: int = 16
    open_files: int = 64


@dataclass(frozen=True)
class Layers:
    """Which layers were put on, besides the limits, and why others cannot be."""

    names: tuple[str, ...]
    why_not: Mapping[str, str] = field(default_factory=dict)

    @property
    def missing(self) -> tuple[str, ...]:
        """The layers without which code is not contained; the head of this module says why.

        >>> Layers(("landlock",)).missing, Layers(()).missing, Layers(("landlock", "seccomp")).missing
        (('seccomp',), ('seccomp', 'namespaces or landlock'), ())
        """
        seccomp = () if "seccomp" in self.names else ("seccomp",)
        files = () if {"namespaces", "landlock"} & set(self.names) else ("namespaces or landlock",)
        return seccomp + files


@dataclass(frozen=True)
class SandboxResult:
    """What came of a run."""

    stdout: str
    stderr: str
    exit_code: int  # minus the number of the signal that ended it, as in `subprocess`
    timed_out: bool  # by the clock or by the processor
    out_of_memory: bool  # ended by an exception that says so; a run that caught it goes on
    folder_full: bool  # ended for filling its folder; with namespaces the code gets an OSError instead
    truncated: bool  # more was printed than is kept
    layers: Layers


def run_python(
    code: str,
    *,
    limits: Limits = Limits(),
    stdin: str = "",
    unsafe: bool = False,
    without: Collection[str] = (),
) -> SandboxResult:
    """Run `code` as a script, contained; safe to call from many threads at once.

    The code sees the standard library, an empty temporary folder as its current one, and `stdin`. It cannot
    start programs or other processes. `without` leaves layers out, to show or test what each one does.

    Raises SandboxUnavailable where the machine cannot contain the code, unless `unsafe` says that it may run
    all the same.

    >>> result = run_python("print(sum(range(10)))", unsafe=True)  # an example has to run on any machine
    >>> result.stdout, result.exit_code
    ('45\\n', 0)
    >>> run_python("1 / 0", unsafe=True).stderr.splitlines()[1:]
    ['  File "<code>", line 1, in <module>', 'ZeroDivisionError: division by zero']
    >>> run_python("while True: pass", unsafe=True, limits=Limits(seconds=0.2)).timed_out
    True
    """
    return _run(code, stdin, limits, usable_layers(unsafe, without))


def usable_layers(unsafe: bool = False, without: Collection[str] = ()) -> Layers:
    """The layers for a run. Raises SandboxUnavailable, as `run_python` does, where they do not contain it."""
    layers = available_layers(frozenset(without))
    if layers.missing and not unsafe:
        reasons = "; ".join(f"{name}: {why}" for name, why in layers.why_not.items())
        raise SandboxUnavailable(
            f"this machine cannot contain Python code: it lacks {' and '.join(layers.missing)} ({reasons}); "
            "--unsafe-sandbox runs it all the same"
        )
    return layers


@functools.lru_cache(maxsize=16)
def available_layers(without: frozenset[str] = frozenset()) -> Layers:
    """The layers that this machine gives, each one tried out once by a run that tries to break it.

    >>> set(available_layers().names) <= set(LAYERS)
    True
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"the Python sandbox needs Linux; this is {sys.platform}")
    names, why_not = [], {}
    for name in LAYERS:
        reason = "left out" if name in without else _try_out(name)
        if reason is None:
            names.append(name)
        else:
            why_not[name] = reason
    return Layers(tuple(names), why_not)


# What each layer must stop, alone. Each statement raises OSError if it does; `secret` is a file outside.
BREAK_OUT = {
    "namespaces": (
        "open(secret)",
        "os.kill(caller, 0)",
        "socket.socket(socket.AF_UNIX).connect(address)",
    ),
    "landlock": ("open(secret)", "os.listdir('/')", "open(secret, 'w')"),
    "seccomp": (
        "os.kill(caller, 0)",
        "os.chmod(secret, 0o777)",
        "socket.socket(socket.AF_UNIX).connect(address)",
        "os.fork()",
        "os.execv('/bin/true', ['true'])",
    ),
}


@functools.cache
def _try_out(name: str) -> str | None:
    """Run with this layer alone and try what it should stop; returns why it cannot be relied on, if so."""
    address = f"\0nanochat-{os.getpid()}-{name}-{time.monotonic_ns()}"  # a socket that is no file
    with tempfile.NamedTemporaryFile() as secret, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        lines = [
            "import os, socket",
            f"secret, caller, address = {secret.name!r}, {os.getpid()}, {address!r}",
        ]
        for attempt in BREAK_OUT[name]:
            lines += ["try:", f"    {attempt}", f"    print({attempt!r})", "except OSError:", "    pass"]
        try:
            program = "\n".join([*lines, "print('end')"])
            result = _run(program, "", Limits(seconds=60), Layers((name,)))  # the machine may be busy
        except SandboxUnavailable as error:
            return str(error)
    if result.stdout == "end\n":
        return None
    return f"it did not stop {result.stdout.splitlines()}{result.stderr}"


def _run(code: str, stdin: str, limits: Limits, layers: Layers) -> SandboxResult:
    ask = {**asdict(limits), "code": code, "layers": layers.names, "caller": os.getpid()}
    with _folder(layers) as place:
        line = json.dumps({**ask, "place": place}).encode() + b"\n"
        written, told = _launch(line + stdin.encode(errors="replace"), limits)
    events = dict(line.partition(" ")[::2] for line in told.decode(errors="replace").splitlines())
    stdout, stderr = (data[: limits.output].decode(errors="replace") for data in written)
    if "failed" in events or "ready" not in events:
        raise SandboxUnavailable(events.get("failed") or f"the launcher did not start: {stderr.strip()}")
    status, _, seconds = events.get("ended", f"{int(signal.SIGKILL)} 0").partition(" ")
    exit_code = os.waitstatus_to_exitcode(int(status))
    used_up = exit_code == -signal.SIGKILL and float(seconds) > limits.cpu_seconds - 0.5
    return SandboxResult(
        stdout=stdout,
        stderr=stderr,
        exit_code=exit_code,
        timed_out=events.get("stopped") == "time" or used_up,
        out_of_memory=exit_code == 1 and stderr.rstrip().rpartition("\n")[2].startswith("MemoryError"),
        folder_full=events.get("stopped") == "folder",
        truncated=max(map(len, written)) > limits.output,
        layers=layers,
    )


@contextlib.contextmanager
def _folder(layers: Layers) -> Iterator[str | None]:
    """A temporary folder on the disk, removed afterwards; namespaces have their own, in memory."""
    if "namespaces" in layers.names:
        yield None
        return
    place = tempfile.mkdtemp(prefix="nanochat-")
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _launch(ask: bytes, limits: Limits) -> tuple[list[bytes], bytes]:
    """Start the launcher and read until all has ended: its output and errors, and what the launcher tells."""
    # The real Python of a virtual environment: beside it lies the standard library.
    python = getattr(sys, "_base_executable", None) or sys.executable
    # Some Pythons need it to start; the code does not see it.
    environment = {name: value for name, value in os.environ.items() if name == "LD_LIBRARY_PATH"}
    with contextlib.ExitStack() as opened, contextlib.ExitStack() as given:
        with tempfile.NamedTemporaryFile() as file:
            file.write(ask)
            file.flush()
            question = given.enter_context(open(file.name, "rb"))
        readers, writers = [], []
        for _ in range(3):
            reader, writer = os.pipe()
            opened.callback(os.close, reader)
            given.callback(os.close, writer)
            readers.append(reader)
            writers.append(writer)
        try:
            launcher = subprocess.Popen(
                [python, "-I", "-S", "-X", "utf8", "-c", START, str(CODE_FOLDER), str(writers[2])],
                stdin=question,
                stdout=writers[0],
                stderr=writers[1],
                env=environment,
                cwd="/",
                pass_fds=(writers[2],),
                start_new_session=True,
            )
        except OSError as error:
            raise SandboxUnavailable(f"Python cannot be started for the sandbox: {error}") from None
        try:
            given.close()  # the pipes end when the last process that has them ends
            output, errors, told = _read(readers, limits)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(launcher.pid, signal.SIGKILL)
            launcher.wait()
    return [output, errors], told


def _read(pipes: list[int], limits: Limits) -> list[bytes]:
    """Read the pipes until all have ended, and keep of each a byte more than is allowed."""
    kept = {pipe: bytearray() for pipe in pipes}
    end = time.monotonic() + limits.seconds + GRACE
    with selectors.DefaultSelector() as selector:
        for pipe in pipes:
            selector.register(pipe, selectors.EVENT_READ)
        while selector.get_map():
            for key, _ in selector.select(max(0.0, end - time.monotonic())):
                data = os.read(key.fd, 2**16)
                if not data:
                    selector.unregister(key.fd)
                kept[key.fd] += data[: limits.output + 1 - len(kept[key.fd])]
            if time.monotonic() > end:
                kept[pipes[-1]] += b"stopped time\n"
                break
    return [bytes(data) for data in kept.values()]
