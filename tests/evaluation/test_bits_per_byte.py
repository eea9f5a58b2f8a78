"""Bits per byte against a loop in plain Python, and the same text for any number of processes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor

from nanochat.data.corpus import open_corpus
from nanochat.data.loader import make_loader, open_tokenizer
from nanochat.evaluation.bits_per_byte import bits_per_byte, validation_sums
from nanochat.evaluation.task_result import Alone
from tests.train.small_run import prepare

CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A corpus and a tokenizer for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        yield


def made_up_nats(ids_BT: Tensor, targets_BT: Tensor, documents_BT: Tensor) -> Tensor:
    return (ids_BT + 2 * targets_BT.clamp(min=0)).float() / 1_000


def test_bits_per_byte_against_a_loop() -> None:
    """Text by text, token by token, in plain Python."""
    tokenizer, corpus = open_tokenizer("default"), open_corpus("classics")
    lengths = list(tokenizer.byte_lengths())
    with make_loader(corpus, tokenizer, "validation", 4, 32, device_batch=4) as loader:
        batches = [next(loader) for _ in range(6)]

    all_nats = all_bytes = 0.0
    for batch in batches:
        for row_ids, row_targets in zip(batch.inputs_BT.tolist(), batch.targets_BT.tolist(), strict=True):
            for token, target in zip(row_ids, row_targets, strict=True):
                if target >= 0 and lengths[target]:
                    all_nats += (token + 2 * target) / 1_000
                    all_bytes += lengths[target]
    found = bits_per_byte(made_up_nats, batches, torch.tensor(lengths), CPU)
    assert found == pytest.approx(all_nats / math.log(2) / all_bytes, rel=1e-6)
    doubled = bits_per_byte(
        made_up_nats, batches, torch.tensor(lengths), CPU, lambda sums: [2 * one for one in sums]
    )
    assert doubled == pytest.approx(found)


def test_bits_per_byte_of_nothing_is_no_number() -> None:
    assert math.isnan(bits_per_byte(lambda *tensors: tensors[0], [], torch.zeros(3), CPU))


@pytest.mark.parametrize("tokens", [256, 1_000, 10**9])
def test_any_number_of_processes_reads_the_same_text(tokens: int) -> None:
    tokenizer, corpus = open_tokenizer("default"), open_corpus("classics")

    def of(rank: int, size: int, device_batch: int) -> tuple[float, float]:
        return validation_sums(
            made_up_nats, corpus, tokenizer, batch_size=8, seq_len=32, tokens=tokens,
            device_batch=device_batch, device=CPU, processes=Alone(rank, size), workers=0,
        )  # fmt: skip

    whole = of(0, 1, 8)
    assert whole[1] > 0
    for size, device_batch in ((1, 2), (2, 4), (4, 1), (8, 1)):
        parts = [of(rank, size, device_batch) for rank in range(size)]
        assert [sum(column) for column in zip(*parts, strict=True)] == pytest.approx(list(whole))
