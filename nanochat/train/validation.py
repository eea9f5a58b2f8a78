"""Bits per byte on the validation shard: how well the model predicts text it has never seen.

The loss counts nats per token, so it depends on how the tokenizer cuts the text. Bits per byte does not:
the bits needed for all tokens are divided by the bytes these tokens stand for, as written (a token that is a
piece of a letter counts its own bytes). Special tokens stand for no bytes and are left out on both sides.
The text is the same in every evaluation, from the first token of the shard on.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from nanochat.train.parts import Batch

Sums = Callable[[list[float]], list[float]]


NatsPerToken = Callable[[Tensor, Tensor, Tensor], Tensor]


@torch.no_grad()
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

    >>> from types import SimpleNamespace
    >>> ids = torch.tensor([[0, 1, 2]])
    >>> batch = SimpleNamespace(inputs_BT=ids, targets_BT=torch.tensor([[1, 2, 0]]), documents_BT=ids * 0)
    >>> one_bit_each = lambda ids, targets, documents: torch.full(ids.shape, math.log(2))
    >>> lengths = torch.tensor([0, 1, 3])  # token 0 is special
    >>> round(bits_per_byte(one_bit_each, [batch], lengths, torch.device("cpu")), 6)  # 2 bits, 4 bytes
    0.5
    """
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
    return all_nats / (math.log(2) * all_bytes) if all_bytes else math.nan
