"""How a run begins: new, after another run's `config.json`, or where an earlier one was stopped.

`--resume` continues a run if there is one to continue. If there is none and the flags say enough to begin
one, it begins: so a script that a batch system starts again and again needs one command only.
Standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nanochat.errors import UserError
from nanochat.train import run_files
from nanochat.train.settings import Settings


@dataclass(frozen=True)
class Start:
    """What a run starts from."""

    settings: Settings
    asked: dict[str, Any]  # the flags that it began with
    folder: Path | None = None  # of the run to continue; None for a new one
    before: dict[str, Any] | None = None  # what config.json said: of the run to continue, or to do again
    note: str | None = None  # what a person should know


def begin(given: dict[str, Any], resume: bool = False, config: Path | None = None) -> Start:
    """The start that the flags mean; raises `UserError` where they contradict each other or what is on disk.

    >>> begin({"depth": 4}).settings.depth
    4
    """
    if resume and config is not None:
        raise UserError("--resume takes a run's own config.json; leave --config out")
    Settings(**given).checked()
    if resume:
        return begin_again(given)
    if config is None:
        return Start(Settings(**given).checked(), given)
    before = read_config(config)
    settings = settings_of(before, config).to_dict() | {"name": None} | given
    drop_other_lengths(settings, given)
    return Start(Settings(**settings).checked(), given, before=before)


def begin_again(given: dict[str, Any]) -> Start:
    """Where an earlier run was stopped, or from its beginning if it never got far enough to be found."""
    name = given.get("name")
    folder = run_files.find_run(name, given.get("depth"))
    if folder is None:
        wanted = f"run {name!r}" if name else "run"
        if "depth" not in given:
            runs = run_files.list_runs()
            there = f"; there is {', '.join(runs[:9])}" if runs else ", and no other"
            raise UserError(f"there is no {wanted} to resume{there}")
        return Start(Settings(**given).checked(), given, note=f"there is no {wanted} to resume: starting it")
    path = folder / run_files.CONFIG
    before = read_config(path)
    asked = before.get("asked", {})
    settings = settings_of(before, path).continued(asked, {**given, "name": folder.name})
    return Start(settings, asked, folder, before)


def read_config(path: Path) -> dict[str, Any]:
    """The config.json of a run."""
    if path.is_dir():
        path = path / run_files.CONFIG
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; --config takes the config.json of a run")
    return run_files.read_json(path)


def settings_of(config: dict[str, Any], path: Path) -> Settings:
    """The settings in a config.json."""
    settings = config.get("settings")
    if not isinstance(settings, dict):
        raise UserError(f"{path}: this is no config of a run: it has no settings")
    return Settings.from_dict(settings, str(path))


def drop_other_lengths(settings: dict[str, Any], given: dict[str, Any]) -> None:
    """A length that is given replaces the other run's, whichever of the three ways it is said in."""
    lengths = ("steps", "total_tokens", "ratio")
    if any(given.get(name) is not None for name in lengths):
        for name in lengths:
            settings[name] = given.get(name)
