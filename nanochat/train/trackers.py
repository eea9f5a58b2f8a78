"""Other places a run may report to, besides its `metrics.jsonl`: TensorBoard and Weights & Biases."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from nanochat.errors import UserError


class Tracker(Protocol):
    """Something that takes figures."""

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of one step."""

    def close(self) -> None:
        """No more will come."""


class TensorBoard:
    """Event files under the run's `tensorboard/`; look at them with `tensorboard --logdir`."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError(missing("--tensorboard", "tensorboard")) from None
        self.writer = SummaryWriter(str(folder / "tensorboard"))

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of one step."""
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still held back."""
        self.writer.close()


class Wandb:
    """A run at wandb.ai, or on this machine with WANDB_MODE=offline."""

    def __init__(self, folder: Path, project: str, config: dict[str, Any]) -> None:
        try:
            import wandb
        except ImportError:
            raise UserError(missing("--wandb", "wandb")) from None
        try:
            self.run = wandb.init(
                project=project,
                name=folder.name,
                id=folder.name,
                resume="allow",
                dir=str(folder),
                config=config,
            )
        except Exception as error:  # wandb has its own kinds: no key, no network, no such project
            raise UserError(f"--wandb {project}: {error}; WANDB_MODE=offline needs no account") from None

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        """The figures of one step."""
        self.run.log(dict(figures), step=step)

    def close(self) -> None:
        """Send what is still held back."""
        self.run.finish()


def missing(flag: str, package: str) -> str:
    """One line for a package that is not there.

    >>> missing("--wandb", "wandb")
    "--wandb needs the package wandb: pip install 'nanochat[track]'"
    """
    return f"{flag} needs the package {package}: pip install 'nanochat[track]'"


def make_trackers(
    folder: Path, tensorboard: bool, wandb_project: str | None, config: dict[str, Any]
) -> list[Tracker]:
    """Those that were asked for."""
    trackers: list[Tracker] = []
    if tensorboard:
        trackers.append(TensorBoard(folder))
    if wandb_project:
        trackers.append(Wandb(folder, wandb_project, config))
    return trackers


def flat(record: Mapping[str, Any]) -> dict[str, float]:
    """A line of `metrics.jsonl` as names and numbers.

    >>> flat({"step": 3, "loss": 2.5, "lr": {"head": 0.1}, "mfu": None})
    {'loss': 2.5, 'lr/head': 0.1}
    """
    found: dict[str, float] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            found |= {f"{name}/{key}": number for key, number in value.items()}
        elif value is not None and name != "step":
            found[name] = value
    return found
