"""The commands of the page *Quick start*, taken from its Markdown, and a shell that runs them in order.

The blocks of commands are the page's own, as its Copy buttons give them. A block's title says where it is to
be typed; `KINDS` says what the test does with each.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "site_docs" / "guides" / "08-quick-start.md"
FENCE = re.compile(
    r'^(?P<indent>[ \t]*)```(?P<language>bash|console)(?: title="(?P<title>[^"]+)")?\n'
    r"(?P<code>(?:.*\n)*?)(?P=indent)```$",
    re.MULTILINE,
)
RUN, SERVE, STOP, REHEARSE, ELSEWHERE = "run", "serve", "stop", "rehearse", "elsewhere"
KINDS = {
    None: RUN,
    "macOS": ELSEWHERE,
    "In a terminal of its own": SERVE,
    "Stop it with Ctrl-C": STOP,
    "On your own computer": ELSEWHERE,
    "On the rented machine": ELSEWHERE,
    "Needs one NVIDIA GPU": REHEARSE,
    "Needs eight NVIDIA GPUs": REHEARSE,
    "Needs a cluster with SLURM": REHEARSE,
}
# Programs that would change this machine, or that need another: only written down. (`python3 -m venv` and
# `git clone` have stand-ins that do something: see `Shell`.)
BROUGHT = ("README.md", "CONTRIBUTING.md", "pyproject.toml", "constraints.txt", "runs")
STAND_INS = (
    "sudo", "xcode-select", "pip", "ssh", "scp", "tmux", "nvidia-smi", "df", "sbatch", "squeue"
)  # fmt: skip


@dataclass(frozen=True)
class Block:
    """One fence of the page."""

    line: int
    language: str
    title: str | None
    code: str

    @property
    def kind(self) -> str:
        """What the test does with it."""
        return KINDS[self.title]

    @property
    def commands(self) -> list[str]:
        """Its commands, one each, with lines that go on joined."""
        return [line for line in self.code.replace("\\\n", " ").splitlines() if line.strip()]


def blocks(language: str = "bash") -> list[Block]:
    """The fences of the page in order."""
    text = PAGE.read_text(encoding="utf-8")
    found = []
    for match in FENCE.finditer(text):
        if match["language"] == language:
            line = text.count("\n", 0, match.start()) + 1
            found.append(Block(line, language, match["title"], textwrap.dedent(match["code"])))
    return found


def shortened(code: str, flags: dict[str, str], port: int | None = None) -> str:
    """The commands with flags added that make them short; else only the server's port is changed."""
    lines, added = [], ""
    for line in code.splitlines():
        if not added:  # else the line goes on with a command that began above
            added = next((words for begin, words in flags.items() if line.startswith(begin)), "")
        ends = not line.endswith("\\")
        if added and ends and "--dry-run" not in line and "--help" not in line:
            line = f"{line} {added}"
        if port is not None:
            line = line.replace("127.0.0.1:8000", f"127.0.0.1:{port}")
        lines.append(line)
        added = "" if ends else added
    return "\n".join(lines) + "\n"


class Shell:
    """A person's shell: where they are and what they have set is kept from one block to the next.

    `home` is an empty home. The base folder, PATH and threads are set, and nothing else is taken over.
    """

    def __init__(self, home: Path, threads: int | None = 1) -> None:
        self.home, self.base, self.calls_file = home, home / "base", home / "calls.jsonl"
        bins = home / ".bin"
        bins.mkdir(parents=True)
        for name in STAND_INS:
            self.stand_in(bins / name, f"echo $(printf '%s ' {name} \"$@\") >> {self.calls_file}")
        # A fresh environment in which this folder's project is installed, by means of this one's packages.
        python = Path(sys.executable)
        installed = bins / "installed"
        installed.mkdir()
        self.stand_in(installed / "python", f'exec {python} "$@"')
        self.stand_in(installed / "nanochat", f'exec {python} -P -m nanochat "$@"')
        self.stand_in(installed / "torchrun", f'exec {python} -P -m torch.distributed.run "$@"')
        self.stand_in(
            bins / "python3",
            'if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin"; '
            f'echo "export PATH={bins}:{installed}:\\$PATH" > "$3/bin/activate"; '
            f'else exec {python} "$@"; fi',
        )
        # What a clone would bring, as it is in this folder now, and without the network.
        brought = " ".join(str(ROOT / name) for name in BROUGHT)
        self.stand_in(bins / "git", f'[ "$1 $2" = "clone ADDRESS" ] && mkdir "$3" && cp -r {brought} "$3"')
        self.environment = {
            "HOME": str(home),
            "NANOCHAT_BASE_DIR": str(self.base),
            "PATH": f"{bins}:/usr/local/bin:/usr/bin:/bin",
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "LANG": "C.UTF-8",
            "COLUMNS": "80",
            **({"OMP_NUM_THREADS": str(threads)} if threads else {}),
        }
        self.folder = home

    @staticmethod
    def stand_in(path: Path, text: str) -> None:
        """A program of one line."""
        path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, code: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Run a block as it would be pasted; the first command that fails ends it."""
        state = self.home / ".state"
        state.unlink(missing_ok=True)
        tell = f"{sys.executable} -c 'import json, os; print(json.dumps([os.getcwd(), dict(os.environ)]))'"
        done = subprocess.run(
            ["bash", "-c", f"set -e -o pipefail\n{code}\n{tell} > {state}"],
            env=self.environment, cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=seconds,
        )  # fmt: skip
        if done.returncode == 0:
            folder, self.environment = json.loads(state.read_text(encoding="utf-8"))
            self.folder = Path(folder)
        return done

    def start(self, code: str) -> Background:
        """Start a block that runs until it is stopped."""
        return Background(code, self.environment, self.folder, self.home / ".output")

    def calls(self) -> list[str]:
        """How the stand-ins were called."""
        if not self.calls_file.exists():
            return []
        return [line.strip() for line in self.calls_file.read_text(encoding="utf-8").splitlines()]

    def words(self, text: str) -> str:
        """What was printed, without the names of this machine's folders."""
        return text.replace(str(self.base), "~/.cache/nanochat").replace(str(self.home), "~")


class Background:
    """A block in a terminal of its own."""

    def __init__(self, code: str, environment: dict[str, str], folder: Path, output: Path) -> None:
        self.output = output
        with output.open("w", encoding="utf-8") as file:
            self.process = subprocess.Popen(
                ["bash", "-c", f"exec {code.strip()}"], env=environment, cwd=folder,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self.output.read_text(encoding="utf-8")

    def wait_for(self, words: str, seconds: float = 300) -> None:
        """Wait until it has printed these words."""
        latest = time.monotonic() + seconds
        while words not in self.said:
            assert self.process.poll() is None, f"it ended: {self.said}"
            assert time.monotonic() < latest, f"in {seconds} s it never said {words!r}: {self.said}"
            time.sleep(0.05)

    def ctrl_c(self, seconds: float = 120) -> int:
        """Do as Ctrl-C does, and return the exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """For when a test has failed."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def nanochat_words(command: str) -> list[str] | None:
    """The words after `nanochat` of a command, also of one that torchrun starts; None for other programs.

    >>> nanochat_words("torchrun --nproc_per_node=8 -m nanochat train base --depth 4")
    ['train', 'base', '--depth', '4']
    """
    words = shlex.split(command)
    if words[0] == "nanochat":
        return words[1:]
    if words[0] == "torchrun":
        return words[words.index("nanochat") + 1 :]
    return None
