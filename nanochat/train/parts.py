"""What training needs of a tokenizer and of a loader, whatever they are made of.

Shapes: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

if TYPE_CHECKING:
    from nanochat.model.gpt import GPT


class Tokenizer(Protocol):
    """Text to ids and back, and what identifies it."""

    @property
    def name(self) -> str:
        """What it was saved as."""

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides the ids."""

    @property
    def n_vocab(self) -> int:
        """How many ids there are."""

    @property
    def bos(self) -> int:
        """The id that every document begins with."""

    def encode(self, text: str) -> Sequence[int]:
        """Ids of ordinary text."""

    def encode_batch(self, texts: Sequence[str], threads: int = 1) -> list[npt.NDArray[np.int32]]:
        """Ids of several texts."""

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids."""

    def byte_lengths(self) -> Sequence[int]:
        """Bytes that each id stands for; 0 for special tokens."""

    def save(self, folder: Path) -> None:
        """Write it into a folder, which a run has of its own: it is nothing without."""


class Batch(Protocol):
    """Some rows of text, as a model reads them."""

    @property
    def inputs_BT(self) -> Tensor:
        """Token ids."""

    @property
    def targets_BT(self) -> Tensor:
        """The id that follows each; below 0 where nothing is to be predicted."""

    @property
    def documents_BT(self) -> Tensor:
        """The number of each token's document within its row."""

    @property
    def weights_BT(self) -> Tensor | None:
        """What each target counts; None: all alike."""


class Loader(Protocol):
    """Batches without end."""

    def begin_step(self, number: int) -> int | None:
        """Prepare step `number`; how many micro-batches it has, None for as many as the plan says."""

    def figures(self) -> dict[str, float]:
        """What else is to be measured of the step that was begun last."""

    def waited(self) -> float:
        """Seconds spent waiting for text since last asked."""

    def __next__(self) -> Batch:
        """The next micro-batch of this process."""

    def state(self) -> dict[str, Any]:
        """Where it is, as plain data."""

    def close(self) -> None:
        """Stop preparing more."""


@dataclass(frozen=True)
class Measure:
    """What a model is evaluated by: its key in the metrics, its name, its form, and which way is better."""

    key: str
    name: str
    form: str
    higher_is_better: bool = False

    def words(self, value: float) -> str:
        """A value as it is shown.

        >>> BITS_PER_BYTE.words(1.23456)
        'val bpb 1.2346'
        """
        return f"{self.name} {value:{self.form}}"

    def is_better(self, value: float, before: float) -> bool:
        """Whether `value` is better than `before`."""
        return value > before if self.higher_is_better else value < before


BITS_PER_BYTE = Measure("val_bpb", "val bpb", ".4f")
ACCURACY = Measure("val_accuracy", "val accuracy", ".1%", higher_is_better=True)


class Lesson(Protocol):
    """What a run learns from, and how it is looked at on the way."""

    def first_weights(self, model: GPT) -> None:
        """Fill the model with the weights the run begins with."""

    def loader(self, states: Sequence[Mapping[str, Any]] | None) -> Loader:
        """Batches, from the beginning or from where the states of all processes say."""

    @property
    def tokenizer(self) -> Tokenizer:
        """What cuts the text."""

    @property
    def measure(self) -> Measure:
        """What `evaluate` gives."""

    def evaluate(self, model: GPT) -> float:
        """How good the model is at what is kept for validation."""

    def write_samples(self, model: GPT, step: int) -> list[tuple[str, str]]:
        """Prompts, and what the model writes to them."""
