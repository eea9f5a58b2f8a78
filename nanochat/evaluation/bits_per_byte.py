"""Bits per byte on the validation shard: how well the model predicts text it has never seen.

The loss counts nats per token, so it depends on how the tokenizer cuts the text. Bits per byte does not:
the bits needed for all tokens are divided by the bytes these tokens stand for, as written (a token that is a
piece of a letter counts its own bytes). Special tokens stand for no bytes and are left out on both sides.
The text is the same in every evaluation, from the first token of the shard on.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Protocol

import torch
from torch import Tensor

from nanochat.data import loader
from nanochat.evaluation.statistics import bits
from nanochat.evaluation.task_result import ALONE, Processes

Sums = Callable[[list[float]], list[float]]


NatsPerToken = Callable[[Tensor, Tensor, Tensor], Tensor]


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


class Tokenizer(loader.Tokenizer, Protocol):
    """What is needed of a tokenizer."""

    def byte_lengths(self) -> Sequence[int]:
        """Bytes that each id stands for; 0 for special tokens."""


def validation_sums(
    nats_per_token: NatsPerToken,
    corpus: loader.Corpus,
    tokenizer: Tokenizer,
    *,
    batch_size: int,
    seq_len: int,
    tokens: int,
    device_batch: int,
    device: torch.device,
    processes: Processes = ALONE,
    workers: int | None = None,
) -> tuple[float, float]:
    """What the first `tokens` tokens of the validation shard cost a model: nats, and bytes of text.

    The rows are those of training steps of `batch_size` rows, so that other numbers of processes read the
    same ones. `device_batch` rows are read at a time.
    """
    steps = -(-tokens // (batch_size * seq_len))
    micro_batches = batch_size // (device_batch * processes.size)
    batches = loader.make_loader(
        corpus, tokenizer, "validation", batch_size, seq_len, rank=processes.rank, world=processes.size,
        device_batch=device_batch, workers=workers,
    )  # fmt: skip
    lengths_V = torch.tensor(tokenizer.byte_lengths())
    with batches:
        some = islice(batches, steps * micro_batches)
        return sums(nats_per_token, some, lengths_V, device, processes.sum)


def bits_per_byte(
    nats_per_token: NatsPerToken,
    batches: Iterable[Batch],
    byte_lengths_V: Tensor,
    device: torch.device,
    sum_over_processes: Sums = list,
) -> float:
    """Bits per byte of a model on some batches; nan when they hold no byte.

    `nats_per_token(ids_BT, targets_BT, documents_BT)` is the model's loss for each token, [B, T]. Every
    process may have batches of its own.

    >>> import math
    >>> from types import SimpleNamespace
    >>> ids = torch.tensor([[0, 1, 2]])
    >>> batch = SimpleNamespace(inputs_BT=ids, targets_BT=torch.tensor([[1, 2, 0]]), documents_BT=ids * 0)
    >>> one_bit_each = lambda ids, targets, documents: torch.full(ids.shape, math.log(2))
    >>> lengths = torch.tensor([0, 1, 3])  # token 0 is special
    >>> round(bits_per_byte(one_bit_each, [batch], lengths, torch.device("cpu")), 6)  # 2 bits, 4 bytes
    0.5
    """
    return bits(*sums(nats_per_token, batches, byte_lengths_V, device, sum_over_processes))


@torch.no_grad()
def sums(
    nats_per_token: NatsPerToken,
    batches: Iterable[Batch],
    byte_lengths_V: Tensor,
    device: torch.device,
    sum_over_processes: Sums = list,
) -> tuple[float, float]:
    """The nats that some batches cost, of all processes together, and their bytes."""
    nats = torch.zeros((), dtype=torch.float64, device=device)
    n_bytes = torch.zeros((), dtype=torch.int64, device=device)
    lengths_V = byte_lengths_V.to(device)
    for batch in batches:
        targets_BT = batch.targets_BT.to(device, non_blocking=True)
        nats_BT = nats_per_token(
            batch.inputs_BT.to(device, non_blocking=True),
            targets_BT,
            batch.documents_BT.to(device, non_blocking=True),
        )
        lengths_BT = lengths_V[targets_BT.clamp(min=0).long()] * (targets_BT >= 0)
        nats += (nats_BT.double() * (lengths_BT > 0)).sum()
        n_bytes += lengths_BT.sum()
    all_nats, all_bytes = sum_over_processes([nats.item(), float(n_bytes.item())])
    return all_nats, all_bytes
