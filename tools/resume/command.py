"""The command that goes on, ready to paste."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from shlex import quote

from nanochat.home import base_folder
from tools.resume.checkpoint_checks import machines_of
from tools.resume.evidence import Evidence
from tools.resume.settings_checks import flag_words
from tools.resume.surroundings import installed

VARIABLE = "NANOCHAT_BASE_DIR"
IN_BROWSER = sys.platform == "emscripten"


def resume_command(evidence: Evidence, processes: int, flags: str = "") -> str:
    """The exact command: base folder, how it is started, stage, name, flags.

    The settings are not in it: `--resume` reads them in the run's own config.json.
    """
    stage = evidence.run.stage or "base"
    first = start(processes, nodes(evidence, processes), here=not (evidence.is_loose or IN_BROWSER))
    words = [*first, "train", stage, "--resume", "--name"]
    parts = [*variable(evidence), *words, quote(evidence.run.name or "NAME")]
    return " ".join([*parts, *map(quote, flag_words(flags))])


def variable(evidence: Evidence) -> list[str]:
    """The base folder, where a shell without the variable would look elsewhere."""
    if evidence.base is None:
        return []
    base = evidence.base.absolute()
    if not os.environ.get(VARIABLE) and base == base_folder().absolute():
        return []
    return [f"{VARIABLE}={quote(str(base))}"]


def nodes(evidence: Evidence, processes: int) -> int:
    """Machines that the run was saved on, if it goes on with as many processes."""
    newest = evidence.steps[-1] if evidence.steps else None
    found = machines_of(newest) if newest is not None else 1
    return found if found > 1 and processes % found == 0 else 1


def start(processes: int, machines: int = 1, here: bool = True) -> list[str]:
    """What starts nanochat: by itself, or as so many processes.

    The command `nanochat` where a shell finds it; else the Python that runs this, if it can train; `here` is
    False where nothing is known of the machine that will run it.

    >>> start(1, here=False), start(16, machines=2, here=False)[:3]
    (['nanochat'], ['torchrun', '--nnodes=2', '--nproc_per_node=8'])
    """
    python, able = quote(sys.executable or "python"), here and runs_here()
    program, runner = (shutil.which("nanochat"), shutil.which("torchrun")) if able else (None, None)
    if processes == 1:
        return [python, "-m", "nanochat"] if able and program is None else ["nanochat"]
    by_python = able and not same_place(runner, program)
    first = [python, "-m", "torch.distributed.run"] if by_python else ["torchrun"]
    if machines == 1:
        return [*first, "--standalone", f"--nproc_per_node={processes}", "-m", "nanochat"]
    shared = ["--rdzv-id=nanochat", "--rdzv-backend=c10d", '--rdzv-endpoint="$FIRST_MACHINE:29500"']
    return [
        *first,
        f"--nnodes={machines}",
        f"--nproc_per_node={processes // machines}",
        *shared,
        "-m",
        "nanochat",
    ]


def same_place(runner: str | None, program: str | None) -> bool:
    """Whether torchrun belongs to the environment that nanochat is installed in.

    >>> same_place("/env/bin/torchrun", "/env/bin/nanochat"), same_place("/bin/torchrun", None)
    (True, False)
    """
    return runner is not None and program is not None and Path(runner).parent == Path(program).parent


def runs_here() -> bool:
    """Whether the Python that runs now can train: nanochat and torch are installed in it."""
    return installed("nanochat") is not None and installed("torch") is not None
