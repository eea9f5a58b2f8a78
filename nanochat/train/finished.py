"""A run whose model is to be used: its record, its tokenizer, a checkpoint, and the model itself.

What chats, evaluates, exports or trains on begins here. Reading the record imports nothing heavy; torch comes
with the weights.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.errors import UserError
from nanochat.home import run_folder, tokenizer_folder
from nanochat.model.config import GPTConfig
from nanochat.train.run_files import CONFIG

if TYPE_CHECKING:
    import torch

    from nanochat.model.gpt import GPT
    from nanochat.tokenizer.fast import FastTokenizer
    from nanochat.train.stored import Checkpoint

OWN_TOKENIZER = "tokenizer"  # the folder in a run's folder
STAGES = ("base", "sft", "rl")


@dataclass(frozen=True)
class FinishedRun:
    """A run's folder and what its `config.json` says."""

    folder: Path
    config: dict[str, Any]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.folder.name

    @property
    def stage(self) -> str:
        """What was learnt: text (base), conversations (sft), from rewards (rl)."""
        return str(self.config.get("stage", STAGES[0]))

    @property
    def model_config(self) -> GPTConfig:
        """The model's shape."""
        return GPTConfig.from_dict(self.config["model"])

    def tokenizer(self, name: str | None = None) -> FastTokenizer:
        """The tokenizer that the run was trained with: its own copy, else the one of that name.

        Raises `UserError` if the one that is there now is another.
        """
        from nanochat.data.loader import open_tokenizer
        from nanochat.tokenizer.fast import FastTokenizer

        own, asked = self.folder / OWN_TOKENIZER, self.config["tokenizer"]
        if name is None and own.is_dir():
            return FastTokenizer.load(own)
        name = name or str(asked["name"])
        found = open_tokenizer(name)
        if found.fingerprint != asked["fingerprint"]:
            where = tokenizer_folder(name) if "/" not in name else name
            way = "leave --tokenizer out" if own.is_dir() else f"put a copy of that one in {own}"
            raise UserError(
                f"the tokenizer in {where} is not the one that {self.name} was trained with; {way}"
            )
        return found

    def checkpoint(self, step: int | None = None) -> Checkpoint:
        """The checkpoint of a step, or the newest good one, every hash checked.

        Raises `UserError` if there is none, or the one asked for is damaged.
        """
        from nanochat.train import checkpoint

        if step is None:
            found = checkpoint.latest(self.folder)
            if found is None:
                raise UserError(f"{self.name} has no checkpoint yet")
            return found
        if step not in checkpoint.steps(self.folder):
            there = ", ".join(map(str, checkpoint.steps(self.folder))) or "none"
            raise UserError(f"{self.name} has no checkpoint of step {step}; there are: {there}")
        found = checkpoint.at_step(self.folder, step)
        found.verify()
        return found

    def model(self, checkpoint: Checkpoint, device: torch.device, dtype: torch.dtype) -> GPT:
        """The model of a checkpoint, multiplying in `dtype`; `UserError` if it is one of another model."""
        from nanochat.model.gpt import GPT

        model = GPT(self.model_config, dtype)
        try:
            model.load_state_dict(checkpoint.model_tensors())
        except RuntimeError:
            raise UserError(
                f"{checkpoint.folder} holds another model than the run's config.json describes; put that "
                "file back as it was"
            ) from None
        return model.to(device).eval()


def open_run(run: str) -> FinishedRun:
    """The run of this name, or in this folder.

    >>> open_run("no-such-run")
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no run 'no-such-run': ... has no config.json
    """
    folder = Path(run) if "/" in run or Path(run).is_dir() else run_folder(run)
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"there is no run {run!r}: {folder} has no {CONFIG}")
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
        if not isinstance(config["model"], dict) or not isinstance(config["tokenizer"], dict):
            raise TypeError
        GPTConfig.from_dict(config["model"])
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not the record of a run") from None
    return FinishedRun(folder.resolve(), config)
