"""What lies outside a sandbox and must be as it was: files, a process, and sockets that listen.

Standard library only: another user runs this with a Python that has no packages.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SECRET = "the secret that no code may read"


class Outside:
    """Files that anyone may change, a process of the same user, and listeners."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "outside"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        self.file = self.folder / "secret.txt"
        self.file.write_text(SECRET)
        self.file.chmod(0o666)
        os.utime(self.file, (10**9, 10**9))
        self.process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.stream = socket.socket(socket.AF_UNIX)
        self.datagram = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.abstract = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.stream.bind(str(self.folder / "stream"))
        self.stream.listen()
        self.datagram.bind(str(self.folder / "datagram"))
        self.abstract.bind(f"\0{self.folder}")
        self.sockets = (self.tcp, self.udp, self.stream, self.datagram, self.abstract)
        for name in ("stream", "datagram"):
            (self.folder / name).chmod(0o777)
        for one in self.sockets:
            one.setblocking(False)
        # The code folder under a name of its own: processes of a sandbox have it on their command line.
        self.code_folder = folder / "code"
        self.code_folder.symlink_to(ROOT)
        self.before = self.state()

    def given(self) -> dict[str, Any]:
        """What the code is told of it, to save it the search."""
        return {
            "folder": str(self.folder),
            "file": str(self.file),
            "secret": SECRET,
            "home": os.path.expanduser("~"),
            "caller": os.getpid(),
            "process": self.process.pid,
            "tcp": self.tcp.getsockname(),
            "udp": self.udp.getsockname(),
            "stream": str(self.folder / "stream"),
            "datagram": str(self.folder / "datagram"),
            "abstract": f"\0{self.folder}",
        }

    def state(self) -> dict[str, Any]:
        """Everything that code could change here."""
        file, pid = self.file.stat(), self.process.pid
        found: dict[str, Any] = {
            "names": sorted(os.listdir(self.folder)),
            "text": self.file.read_text(),
            "file": (file.st_mode, file.st_uid, file.st_gid, file.st_mtime, file.st_nlink),
            "attributes": os.listxattr(self.file),
            "folder": self.folder.stat().st_mode,
            "alive": self.process.poll() is None,
        }
        if found["alive"]:
            found["limits"] = Path(f"/proc/{pid}/limits").read_text()
            found["priority"] = os.getpriority(os.PRIO_PROCESS, pid)
            found["processors"] = os.sched_getaffinity(pid)
        return found

    def changes(self) -> list[str]:
        """What is no longer as it was, who called, and which processes of a sandbox are still there."""
        now = self.state()
        found = [
            f"{name}: {now[name]} != {self.before[name]}" for name in now if now[name] != self.before[name]
        ]
        for listener in self.sockets:
            with contextlib.suppress(BlockingIOError):
                heard = listener.accept() if listener in (self.tcp, self.stream) else listener.recv(100)
                found.append(f"{listener} heard {heard!r}")
        return found + [f"left over: {line}" for line in self.left_over()]

    def left_over(self) -> list[str]:
        """The processes of a sandbox that are still there."""
        found = []
        for line in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                if str(self.code_folder) in line.read_text():
                    found.append(line.parent.name)
        return found

    def close(self) -> None:
        """End the process and the listeners."""
        self.process.kill()
        self.process.communicate()
        for one in self.sockets:
            one.close()
