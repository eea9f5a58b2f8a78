"""The commands that make a run again, or measure it: what a person would type. Standard library only."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nanochat.home import base_folder

BASE = "base"
LAUNCH = ("torchrun", "--standalone")


def train_command(config: Mapping[str, Any], name: str) -> str:
    """The `nanochat train ...` that makes the run of a `config.json` again, and calls it `name`.

    The flags are those that the run was asked with. A run that took its settings from another's file
    (`--config`) was asked with little; it gets all of its settings as flags.

    >>> train_command({"asked": {"depth": 4, "compile": False, "corpus": "my texts"}, "settings": {}}, "d4")
    "nanochat train base --depth 4 --no-compile --corpus 'my texts' --name d4"
    >>> config = {"stage": "sft", "asked": {"from_run": "runs/d4"}, "origin": {"run": "d4"}, "settings": {}}
    >>> train_command(config | {"machine": {"processes": 8}}, "d4-sft")
    'torchrun --standalone --nproc_per_node=8 -m nanochat train sft --from-run d4 --name d4-sft'
    """
    stage, settings = str(config.get("stage", BASE)), dict(config["asked"])
    if ("depth" if stage == BASE else "from_run") not in settings:
        settings = dict(config["settings"])
    settings.pop("name", None)
    if stage != BASE:  # by its name, which the command before gives it, wherever it lay
        settings["from_run"] = config.get("origin", {}).get("run", settings.get("from_run"))
    flags = [word for key, value in settings.items() for word in flag(key, value)]
    words = ["nanochat", "train", stage, *flags, "--name", name]
    processes = int(config.get("machine", {}).get("processes", 1))
    launch = [*LAUNCH, f"--nproc_per_node={processes}", "-m"] if processes > 1 else []
    return shlex.join([*launch, *words])


def flag(key: str, value: object) -> list[str]:
    """The words that set a setting; none where it is as it is without.

    >>> flag("seq_len", 512), flag("compile", False), flag("fp8", True), flag("wandb", None)
    (['--seq-len', '512'], ['--no-compile'], ['--fp8'], [])
    """
    name = f"--{key.replace('_', '-')}"
    if isinstance(value, bool):
        if key == "compile":
            return [] if value else ["--no-compile"]
        return [name] if value else []
    if value is None or value == "":
        return []
    words = str(value)
    return [f"{name}={words}"] if words.startswith("-") else [name, words]


def eval_command(folder: Path, step: int, task: str) -> str:
    """The `nanochat eval ...` that measures one task.

    >>> eval_command(base_folder() / "runs" / "d4", 180, "core")
    'nanochat eval --run=d4 --step=180 --tasks=core'
    """
    named = folder.resolve() == (base_folder() / "runs" / folder.name).resolve()
    run = folder.name if named else folder
    return shlex.join(["nanochat", "eval", f"--run={run}", f"--step={step}", f"--tasks={task}"])
