"""What training needs of a tokenizer and of a loader, whatever they are made of.

Shapes: B batch, T time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


class Loader(Protocol):
    """Batches without end."""

    def waited(self) -> float:
        """Seconds spent waiting for text since last asked."""

    def __next__(self) -> Batch:
        """The next micro-batch of this process."""

    def state(self) -> dict[str, Any]:
        """Where it is, as plain data."""

    def close(self) -> None:
        """Stop preparing more."""


class Lesson(Protocol):
    """What a run learns from, and how it is looked at on the way."""

    def first_weights(self, model: GPT) -> None:
        """Fill the model with the weights the run begins with."""

    def loader(self, states: Sequence[Mapping[str, Any]] | None) -> Loader:
        """Batches, from the beginning or from where the states of all processes say."""

    def evaluate(self, model: GPT) -> float:
        """Bits per byte of what is kept for validation."""

    def write_samples(self, model: GPT, step: int) -> list[tuple[str, str]]:
        """Prompts, and what the model writes to them."""
