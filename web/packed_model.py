"""The model that the site ships, as `site_docs/browser` keeps it: reading the folder, every file checked.

    weights.safetensors        every matrix and table in 8 bits with a scale for each row, all else in fp32
                               (`nanochat.model.eight_bits`)
    config.json                the model's shape, the runs it comes from, hashes of all files here
    tokenizer.tiktoken, tokenizer_settings.json
    scores.json                what was measured of each of the runs, and of the weights in 8 bits
    expected.json              what the model writes to fifty prompts, before and after rounding

`python -m web.browser_model` writes the folder, and makes a run of it again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from nanochat.errors import UserError
from nanochat.files import file_hash
from nanochat.model.config import GPTConfig
from nanochat.model.eight_bits import unpack
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer

FOLDER = Path(__file__).resolve().parent.parent / "site_docs" / "browser"
FORMAT, VERSION = "nanochat-packed-model", 1
CONFIG, WEIGHTS, SCORES, EXPECTED = "config.json", "weights.safetensors", "scores.json", "expected.json"


@dataclass(frozen=True)
class PackedModel:
    """A folder that is whole: each file is the one that was written."""

    folder: Path
    about: dict[str, Any]  # what config.json says

    @property
    def config(self) -> GPTConfig:
        """The model's shape."""
        return GPTConfig.from_dict(self.about["model"])

    @property
    def scores(self) -> dict[str, Any]:
        """What was measured."""
        found: dict[str, Any] = json.loads((self.folder / SCORES).read_bytes())
        return found

    @property
    def expected(self) -> dict[str, Any]:
        """What the model writes."""
        found: dict[str, Any] = json.loads((self.folder / EXPECTED).read_bytes())
        return found

    def tokenizer(self) -> FastTokenizer:
        """The tokenizer that it was trained with."""
        return FastTokenizer.load(self.folder)

    def tensors(self) -> dict[str, Tensor]:
        """All weights in fp32. Raises `UserError` if they are not in the form that they should have."""
        try:
            return unpack(load_file(self.folder / WEIGHTS))
        except (ValueError, SafetensorError) as error:
            raise UserError(f"{self.folder / WEIGHTS}: {error}") from None

    def model(self) -> GPT:
        """The model, ready to write. Raises `UserError` if config.json describes another."""
        model = GPT(self.config)
        try:
            model.load_state_dict(self.tensors())
        except RuntimeError:
            raise UserError(
                f"{self.folder / WEIGHTS} holds another model than {CONFIG} describes; {WAY_OUT}"
            ) from None
        return model.eval()


WAY_OUT = "put the folder back as it was, or pack a run again"


def read_about(folder: Path) -> dict[str, Any]:
    """What the config.json of a packed model says. Raises `UserError` if it is none.

    >>> read_about(Path("nowhere"))
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no packed model in nowhere: it has no config.json
    """
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(f"there is no packed model in {folder}: it has no {CONFIG}")
    try:
        about: dict[str, Any] = json.loads(path.read_bytes())
        if about["format"] == FORMAT and about["version"] == VERSION:
            GPTConfig.from_dict(about["model"])
            return about
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(f"{path} does not say that it is a {FORMAT}, version {VERSION}; {WAY_OUT}")


def open_packed(folder: Path = FOLDER) -> PackedModel:
    """The packed model in a folder. Raises `UserError` naming a file that is missing or was changed."""
    about = read_about(folder)
    for name, expected in about["files"].items():
        try:
            found = file_hash(folder / name)
        except OSError as error:
            raise UserError(f"{folder / name} cannot be read ({error.strerror}); {WAY_OUT}") from None
        if found != expected:
            raise UserError(f"{folder / name} is not the file that was packed; {WAY_OUT}")
    return PackedModel(folder, about)
