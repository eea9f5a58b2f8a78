"""What gets out of the sandbox: nothing, whoever calls it and whichever layers the machine has."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nanochat.toolbox import sandbox
from tests.toolbox.escapes import ESCAPES, WAYS, problems
from tests.toolbox.outside import ROOT, Outside

NOBODY = 65534


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    # Not pytest's own folder: only its owner could look inside, whatever the sandbox does.
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        with contextlib.closing(Outside(Path(folder))) as made:
            monkeypatch.setattr(sandbox, "CODE_FOLDER", made.code_folder)
            yield made


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ESCAPES)
def test_nothing_gets_out(name: str, way: str, outside: Outside) -> None:
    assert problems(name, way, outside) == []


CHANGES: dict[str, Callable[[Outside], object]] = {
    "names": lambda outside: (outside.folder / "made").touch(),
    "text": lambda outside: outside.file.write_text("x"),
    "file": lambda outside: outside.file.chmod(0o600),
    "attributes": lambda outside: os.setxattr(outside.file, "user.x", b"x"),
    "folder": lambda outside: outside.folder.chmod(0o700),
    "alive": lambda outside: (outside.process.kill(), outside.process.wait()),
    "priority": lambda outside: os.setpriority(os.PRIO_PROCESS, outside.process.pid, 9),
    "type=1": lambda outside: socket.create_connection(outside.tcp.getsockname()).close(),
    "type=2": lambda outside: socket.socket(type=socket.SOCK_DGRAM).sendto(b"", outside.udp.getsockname()),
}


@pytest.mark.parametrize("what", CHANGES)
def test_the_outside_notices_what_happens_to_it(what: str, outside: Outside) -> None:
    assert outside.changes() == []
    CHANGES[what](outside)
    assert what in "\n".join(outside.changes())


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user; these tests ran as one")
def test_nothing_gets_out_for_an_ordinary_user() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        for part in ("nanochat/__init__.py", "nanochat/errors.py", "tests/toolbox/escapes.py"):
            (folder / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / part, folder / part)
        shutil.copy(ROOT / "tests/toolbox/outside.py", folder / "tests/toolbox/outside.py")
        shutil.copytree(ROOT / "nanochat/toolbox", folder / "nanochat/toolbox")
        done = subprocess.run(
            [a_python_for_nobody(), "-m", "tests.toolbox.escapes"],
            cwd=folder,
            env={"PYTHONDONTWRITEBYTECODE": "1", "HOME": "/nonexistent"},
            user=NOBODY,
            group=NOBODY,
            extra_groups=[],
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


def a_python_for_nobody() -> str:
    """Python 3.11 or later that everybody may run: often this one, but not if it lies in root's home."""
    program = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        with contextlib.suppress(OSError):
            if not subprocess.run([python, "-c", program], cwd="/", user=NOBODY, extra_groups=[]).returncode:
                return str(python)
    pytest.skip("there is no Python 3.11 that another user may run")


@pytest.mark.parametrize("way", ["all layers", "no namespaces"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_nothing_is_left_when_the_caller_ends(number: signal.Signals, way: str, outside: Outside) -> None:
    program = (
        "from nanochat.toolbox import sandbox\n"
        f"sandbox.available_layers(frozenset({WAYS[way]!r}))\n"  # by runs that end by themselves
        f"sandbox.CODE_FOLDER = {str(outside.code_folder)!r}\n"
        "code, limits = 'import time; time.sleep(600)', sandbox.Limits(seconds=600)\n"
        f"sandbox.run_python(code, limits=limits, without={WAYS[way]!r}, unsafe=True)\n"
    )
    # Who is killed does not clean up: its temporary folders go with the one around them.
    environment = {**os.environ, "TMPDIR": str(outside.code_folder.parent)}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as caller:
        wait_until(lambda: len(outside.left_over()) >= 3)  # this program, the launcher, the worker
        time.sleep(0.3)  # the code itself has begun
        caller.send_signal(number)
    wait_until(lambda: not outside.left_over())


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until it is true, for a minute at most."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)
