"""How a run begins: new, after another run's `config.json`, or where an earlier one was stopped.

`--resume` continues a run if there is one to continue. If there is none and the flags say enough to begin
one, it begins: so a script that a batch system starts again and again needs one command only.
Standard library only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from nanochat.errors import UserError
from nanochat.train import run_files
from nanochat.train.settings import RunSettings, Settings

Some = TypeVar("Some", bound=RunSettings)


@dataclass(frozen=True)
class Kind(Generic[Some]):
    """A stage of training: its settings, and what its runs are called when nobody says."""

    stage: str
    settings: type[Some]
    name_for: Callable[[Mapping[str, Any]], str | None]  # from the flags; None where they do not say enough


BASE = Kind("base", Settings, lambda given: f"d{given['depth']}" if "depth" in given else None)


@dataclass(frozen=True)
class Start(Generic[Some]):
    """What a run starts from."""

    settings: Some
    asked: dict[str, Any]  # the flags that it began with
    folder: Path | None = None  # of the run to continue; None for a new one
    before: dict[str, Any] | None = None  # what config.json said: of the run to continue, or to do again
    note: str | None = None  # what a person should know


def begin(
    kind: Kind[Some], given: dict[str, Any], resume: bool = False, config: Path | None = None
) -> Start[Some]:
    """The start that the flags mean; raises `UserError` where they contradict each other or what is on disk.

    >>> begin(BASE, {"depth": 4}).settings.depth
    4
    """
    if resume and config is not None:
        raise UserError("--resume takes a run's own config.json; leave --config out")
    kind.settings(**given).checked()
    if resume:
        return begin_again(kind, given)
    if config is None:
        return Start(kind.settings(**given).checked(), given)
    before = read_config(config)
    settings = settings_of(kind, before, config).to_dict() | {"name": None} | given
    drop_other_lengths(settings, given)
    if settings.get("from_run") != before["settings"].get("from_run") and "from_step" not in given:
        settings["from_step"] = None  # the step was one of another run's
    return Start(kind.settings(**settings).checked(), given, before=before)


def begin_again(kind: Kind[Some], given: dict[str, Any]) -> Start[Some]:
    """Where an earlier run was stopped, or from its beginning if it never got far enough to be found."""
    name, usual = given.get("name"), kind.name_for(given)
    folder = run_files.find_run(name, usual, kind.stage)
    if folder is None:
        wanted = f"run {name!r}" if name else "run"
        if usual is None:
            runs = run_files.list_runs(kind.stage)
            there = f"; there is {', '.join(runs[:9])}" if runs else ", and no other"
            raise UserError(f"there is no {wanted} to resume{there}")
        note = f"there is no {wanted} to resume: starting it"
        return Start(kind.settings(**given).checked(), given, note=note)
    path = folder / run_files.CONFIG
    before = read_config(path)
    asked = before.get("asked", {})
    settings = settings_of(kind, before, path).continued(asked, {**given, "name": folder.name})
    return Start(settings, asked, folder, before)


def read_config(path: Path) -> dict[str, Any]:
    """The config.json of a run."""
    if path.is_dir():
        path = path / run_files.CONFIG
    if not path.is_file():
        raise UserError(f"{path}: there is no such file; --config takes the config.json of a run")
    return run_files.read_json(path)


def settings_of(kind: Kind[Some], config: dict[str, Any], path: Path) -> Some:
    """The settings in a config.json."""
    settings, stage = config.get("settings"), config.get("stage", BASE.stage)
    if not isinstance(settings, dict):
        raise UserError(f"{path}: this is no config of a run: it has no settings")
    if stage != kind.stage:
        raise UserError(f"{path}: this run is of nanochat train {stage}, not of {kind.stage}")
    return kind.settings.from_dict(settings, str(path))


def drop_other_lengths(settings: dict[str, Any], given: dict[str, Any]) -> None:
    """A length that is given replaces the other run's, whichever of the three ways it is said in."""
    lengths = ("steps", "total_tokens", "ratio")
    if any(given.get(name) is not None for name in lengths):
        for name in lengths:
            if name in settings:
                settings[name] = given.get(name)
