"""From a run back to the one it began from, and on to the first. Standard library only.

Each run of fine-tuning or reinforcement learning says in `config.json` with whose weights it began: the run's
name, its stage, the step, the SHA-256 of the weights and the folder. Folders move, so a run is looked for by
its name beside this one, then where it was, then among this machine's runs. What is called so now may be
another run: where the step's checkpoint is still there, its hash must be the one that was written down.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.evaluation.report.lines import is_count
from nanochat.home import base_folder

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
PARTS = {
    "asked": dict, "settings": dict, "model": dict, "tokenizer": dict, "machine": dict, "made_with": dict,
    "parameters": int, "flops_per_token": int,
}  # fmt: skip
OPTIONAL = ("corpus", "text", "origin")
SHAPE = ("n_layer", "n_embd", "n_head", "n_kv_head", "vocab_size", "sequence_len")


@dataclass(frozen=True)
class Link:
    """One run of a chain; without a folder it is gone."""

    name: str
    stage: str
    step: int | None  # None: the last
    folder: Path | None = None
    config: Mapping[str, Any] | None = None
    gone: str = ""


def chain_of(folder: Path) -> list[Link]:
    """The runs that led to the one in `folder`, the first one first.

    Raises `UserError` if the folder holds no run. An earlier run that is not to be found ends the chain, as
    gone.
    """
    config = read_config(folder / CONFIG)
    found = [Link(folder.name, stage_of(config), None, folder, config)]
    seen = {folder.resolve()}
    while (link := found[-1]).config is not None and link.stage != "base":
        found.append(before(link, seen))
    return found[::-1]


def before(link: Link, seen: set[Path]) -> Link:
    """The run that another began from; `seen` are those that it cannot be."""
    assert link.config is not None
    assert link.folder is not None
    origin = link.config.get("origin", {})
    if not isinstance(origin.get("run"), str):
        return Link("unknown", "base", None, gone=f"{link.name} does not say which run it began from")
    name, stage = origin["run"], str(origin.get("stage", "base"))
    step = origin["step"] if is_count(origin.get("step")) else None
    others = False
    for folder in places(link.folder, origin):
        if folder.resolve() in seen or not (folder / CONFIG).is_file():
            continue
        if is_the_one(folder, origin):
            seen.add(folder.resolve())
            return Link(name, stage, step, folder, read_config(folder / CONFIG))
        others = True
    why = "another run is called so now" if others else "its folder is not to be found"
    return Link(name, stage, step, gone=f"the {stage} run {name} is gone: {why}")


def places(folder: Path, origin: Mapping[str, Any]) -> Iterator[Path]:
    """Where a run may lie that the one in `folder` began from."""
    name = Path(origin["run"]).name
    yield folder.parent / name
    if isinstance(origin.get("folder"), str):
        yield Path(origin["folder"])
    yield base_folder() / "runs" / name


def is_the_one(folder: Path, origin: Mapping[str, Any]) -> bool:
    """Whether the run in a folder is the one, as far as it can be told."""
    try:
        config = read_config(folder / CONFIG)
    except UserError:
        return False
    if stage_of(config) != origin.get("stage", "base"):
        return False
    wanted, found = origin.get("sha256"), hash_of_weights(folder, origin.get("step"))
    return wanted is None or found is None or wanted == found


def hash_of_weights(folder: Path, step: object) -> str | None:
    """The SHA-256 that a checkpoint gives of its weights; None if it is not there any more."""
    if not is_count(step):
        return None
    try:
        meta = json.loads((folder / "checkpoints" / f"step_{step:06d}" / "meta.json").read_bytes())
        return str(meta["files"][WEIGHTS])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def stage_of(config: Mapping[str, Any]) -> str:
    """What was learnt; runs from before there were stages say nothing, and are of pretraining."""
    return str(config.get("stage", "base"))


def read_config(path: Path) -> dict[str, Any]:
    """The `config.json` of a run. Raises `UserError` if it is not there, or is no record of a run."""
    if not path.is_file():
        raise UserError(f"there is no run in {path.parent}: it has no {CONFIG}")
    try:
        config = json.loads(path.read_bytes())
        if not isinstance(config, dict):
            raise TypeError
        if not all(isinstance(config[name], kind) for name, kind in PARTS.items()):
            raise TypeError
        if not all(isinstance(config.get(name, {}), dict) for name in OPTIONAL):
            raise TypeError
        counts = [*(config["model"][name] for name in SHAPE), config["settings"]["steps"]]
        counts += [config["machine"].get("processes", 1)]
        # Of a mixture for few examples, a task may have got none.
        counts += [count for count in config.get("text", {}).get("mixture", {}).values() if count != 0]
        if not all(map(is_count, counts)) or not isinstance(config["machine"]["device"], str):
            raise TypeError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise UserError(f"{path} is not the record of a run; put it back as it was") from None
    return config
