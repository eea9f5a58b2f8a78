"""Reading many texts with the model, and what it thinks of their last tokens.

Nothing is written here, so all tokens of a text are read in one forward pass. Texts of like length are read
together, padded on the right: a token never sees what comes after it, so padding changes nothing. Logits are
made only of the tokens that are asked about, some at a time, since those of all would be far larger than the
model.

On a GPU every shape of a batch is compiled for; so lengths are rounded up to powers of two there, and batches
filled up with empty rows.

Shapes: B batch, T time, C channels, V vocabulary, N tokens, L letters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanochat.evaluation.core_prompts import Prompt
from nanochat.model.gpt import GPT
from nanochat.model.loss import rows_of_chunk

CPU_TOKENS, GPU_TOKENS = 2_048, 16_384  # read together
SHORTEST = 128  # the shortest row on a GPU
PAD = 0  # any id will do: nobody sees it


@dataclass(frozen=True)
class Thought:
    """What the model thinks of the tokens of a prompt that count."""

    mean_nats: float  # how surprising they are, on average
    as_written: bool  # whether each is the one that it finds likeliest


def thoughts_on(model: GPT, prompts: Sequence[Prompt]) -> list[Thought]:
    """What the model thinks of each prompt.

    >>> from nanochat.model.config import GPTConfig
    >>> model = GPT(GPTConfig.core(n_layer=1, n_embd=32, n_head=1, n_kv_head=1, vocab_size=64)).initialize(0)
    >>> short, long = thoughts_on(model, [Prompt((1, 2), start=1), Prompt((3, 4, 5), start=1)])
    >>> 4 < short.mean_nats < 4.3  # nothing is learned yet: about log 64
    True
    """
    found: dict[int, Thought] = {}
    for numbers, x_BTC in streams(model, [one.ids[:-1] for one in prompts]):
        wanted = [prompts[number].ids[prompts[number].start :] for number in numbers]
        rows = [row for row, ids in enumerate(wanted) for _ in ids]
        columns = [
            column
            for number in numbers
            for column in range(prompts[number].start - 1, len(prompts[number].ids) - 1)
        ]
        targets_N = torch.tensor([one for ids in wanted for one in ids], device=x_BTC.device)
        nats, likeliest = judge(model, x_BTC[rows, columns], targets_N)
        at = 0
        for number, ids in zip(numbers, wanted, strict=True):
            some = slice(at, at + len(ids))
            found[number] = Thought(sum(nats[some]) / len(ids), all(likeliest[some]))
            at += len(ids)
    return [found[number] for number in range(len(prompts))]


@torch.inference_mode()
def judge(model: GPT, x_NC: Tensor, targets_N: Tensor) -> tuple[list[float], list[bool]]:
    """For each target its cross entropy in nats, and whether it is the likeliest word."""
    nats: list[float] = []
    likeliest: list[bool] = []
    chunk = rows_of_chunk(x_NC.device, model.config.vocab_size)
    for some_NC, some_N in zip(torch.split(x_NC, chunk), torch.split(targets_N, chunk), strict=True):
        logits_NV = model.logits(some_NC)
        nats += torch.nn.functional.cross_entropy(logits_NV, some_N, reduction="none").tolist()
        likeliest += (logits_NV.argmax(dim=1) == some_N).tolist()
    return nats, likeliest


def logits_after(model: GPT, texts: Sequence[Sequence[int]], words: Sequence[int]) -> Tensor:
    """The logits that some words get as the next after each text, [B, L]."""
    found_BL = torch.empty(len(texts), len(words))
    for numbers, x_BTC in streams(model, texts):
        last = [len(texts[number]) - 1 for number in numbers]
        with torch.inference_mode():
            x_BC = x_BTC[list(range(len(numbers))), last]
            chunk = rows_of_chunk(x_BC.device, model.config.vocab_size)
            logits_BV = [model.logits(some_BC)[:, list(words)] for some_BC in torch.split(x_BC, chunk)]
            found_BL[numbers] = torch.cat(logits_BV).cpu()
    return found_BL


# ---- batches ----


@torch.inference_mode()
def streams(model: GPT, texts: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Tensor]]:
    """The model's stream of all texts, batch after batch: the numbers of the texts in it, and [B, T, C]."""
    device, context = model.head.weight.device, model.config.sequence_len
    lengths = [len(ids) for ids in texts]
    cut = alike(lengths) if device.type == "cpu" else of_fixed_shapes(lengths, context)
    for numbers, n_rows, n_time in cut:
        ids_BT = torch.full((n_rows, n_time), PAD)
        for row, number in enumerate(numbers):
            ids_BT[row, : lengths[number]] = torch.tensor(texts[number])
        yield numbers, model.stream(ids_BT.to(device))


def alike(lengths: Sequence[int]) -> list[tuple[list[int], int, int]]:
    """Batches of texts of like length: their numbers, rows and tokens of a row. Little is padded.

    >>> alike([5, 900, 700, 8])
    [([0, 3], 2, 8), ([2, 1], 2, 900)]
    """
    together: list[list[int]] = [[]]
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        batch, length = together[-1], lengths[number]
        if batch and (length * (len(batch) + 1) > CPU_TOKENS or length > 2 * lengths[batch[0]]):
            batch = []
            together.append(batch)
        batch.append(number)
    return [(batch, len(batch), lengths[batch[-1]]) for batch in together if batch]


def of_fixed_shapes(lengths: Sequence[int], context: int) -> list[tuple[list[int], int, int]]:
    """The same in a few shapes only, filled up with empty rows.

    >>> of_fixed_shapes([5, 900], context=1_024)
    [([0], 128, 128), ([1], 16, 1024)]
    """
    together: dict[int, list[int]] = {}
    for number in sorted(range(len(lengths)), key=lengths.__getitem__):
        n_time = min(context, max(SHORTEST, 1 << (lengths[number] - 1).bit_length()))
        together.setdefault(n_time, []).append(number)
    found = []
    for n_time, some in together.items():
        n_rows = max(1, GPU_TOKENS // n_time)
        found += [(some[first : first + n_rows], n_rows, n_time) for first in range(0, len(some), n_rows)]
    return found
