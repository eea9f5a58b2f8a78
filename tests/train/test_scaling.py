"""The scale model against a simulation that sends every piece, and against what must hold for any cluster."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.commands.measure import scaling as measured
from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_parameters
from nanochat.model.gpt import GPT
from nanochat.model.memory import FP32
from nanochat.train.depth_dial import turn_dial
from nanochat.train.links import ETHERNET, Cluster, Link, all_reduce_seconds, exchange_seconds, trip_seconds
from nanochat.train.optimizer import by_shape
from nanochat.train.scaling import (
    PLANS,
    Bucket,
    backward_buckets,
    gathered_bytes,
    gradient_wait,
    matrix_stacks,
    micro_batches,
    orthogonalizing_flops,
    split_step,
    update_seconds,
)

SAVED = Path(__file__).resolve().parents[2] / "benchmarks" / "scaling-cpu.json"
D12 = GPTConfig.from_depth(12)


def ring_all_reduce(processes: int, numbers: int) -> tuple[list[list[float]], int]:
    """Add up in a ring, message by message; what all have in the end, and the most that one has sent."""
    parts = [[[float(rank * 100 + place)] * (numbers // processes) for place in range(processes)]
             for rank in range(processes)]  # fmt: skip
    sent = [0] * processes
    for trip in ("add", "copy"):
        for turn in range(processes - 1):
            first = 0 if trip == "add" else 1
            messages = []
            for rank in range(processes):
                place = (rank + first - turn) % processes
                messages.append((rank, (rank + 1) % processes, place, list(parts[rank][place])))
            for source, target, place, values in messages:
                sent[source] += len(values)
                old = parts[target][place]
                added = [a + b for a, b in zip(old, values, strict=True)]
                parts[target][place] = added if trip == "add" else values
    return [[value for part in parts[rank] for value in part] for rank in range(processes)], max(sent)


@pytest.mark.parametrize("processes", [2, 3, 4, 8])
def test_an_all_reduce_sends_what_the_model_says(processes: int) -> None:
    numbers = 24 * processes
    results, sent = ring_all_reduce(processes, numbers)
    assert all(result == results[0] for result in results)
    assert results[0][0] == sum(rank * 100 for rank in range(processes))
    link = Link("one number a second", bandwidth=FP32, latency=0.0)
    cluster = Cluster(processes, inside=link, per_node=processes)
    assert all_reduce_seconds(FP32 * numbers, cluster) == pytest.approx(sent)


def test_between_machines_each_gpu_sends_its_part_only() -> None:
    size, slow = 8e9, Link("slow", 1e9, 0.0)
    two = Cluster(16, between=slow)
    assert trip_seconds(size, two) == pytest.approx(size / 8 / 2 / 1e9, rel=1e-3)
    assert trip_seconds(size, Cluster(8, between=slow)) < trip_seconds(size, two)


@given(gpus=st.sampled_from([2, 4, 8, 16, 64, 256]), size=st.floats(1e3, 1e11))
def test_more_bytes_take_longer_and_an_exchange_is_the_least(gpus: int, size: float) -> None:
    cluster = Cluster(gpus)
    assert trip_seconds(size, cluster) < trip_seconds(2 * size, cluster)
    assert exchange_seconds(size, cluster) < trip_seconds(size, cluster) + 1e-4


def test_alone_nothing_travels() -> None:
    for plan in PLANS:
        step = split_step(D12, 2**19, Cluster(1), plan)
        assert step.gradients == step.weights == step.waiting == 0.0


@settings(max_examples=40)
@given(depth=st.integers(4, 32), gpus=st.sampled_from([1, 2, 4, 8, 16, 32, 64]), plan=st.sampled_from(PLANS))
def test_a_step_is_the_sum_of_its_parts(depth: int, gpus: int, plan: str) -> None:
    dial = turn_dial(depth)
    gpus = min(gpus, dial.batch_tokens // dial.config.sequence_len)
    step = split_step(dial.config, dial.batch_tokens, Cluster(gpus), plan)
    alone = split_step(dial.config, dial.batch_tokens, Cluster(1), plan)
    assert step.passes == pytest.approx(alone.passes / gpus)
    assert step.total == pytest.approx(step.passes + step.gradients + step.update + step.weights)
    assert 0 < step.efficiency <= 1
    assert step.update <= alone.update * (1 + 1e-9)
    assert step.total > alone.total / gpus * (1 - 1e-9)


def test_a_slower_network_waits_longer() -> None:
    fast, slow = (split_step(D12, 2**19, cluster) for cluster in (Cluster(32), Cluster(32, between=ETHERNET)))
    assert slow.gradients > 50 * fast.gradients


def test_sharing_the_update_within_machines_is_the_better_plan_on_many() -> None:
    """Handing weights round over the network costs more than it saves."""
    dial = turn_dial(24)
    seconds = {plan: split_step(dial.config, dial.batch_tokens, Cluster(256), plan).total for plan in PLANS}
    assert seconds["machine"] < seconds["whole"] < 1.1 * seconds["all"]
    one = {plan: split_step(dial.config, dial.batch_tokens, Cluster(8), plan).total for plan in PLANS}
    assert one["machine"] == one["all"] < one["whole"]


def test_more_gpus_than_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="512 GPUs cannot share 256 sequences; a GPU needs one at least"):
        split_step(D12, 2**19, Cluster(512))
    with pytest.raises(ValueError, match=r"plan='zero'.*use whole, machine, all, fsdp"):
        split_step(D12, 2**19, Cluster(8), "zero")
    with pytest.raises(ValueError, match="a GPU of 80 GiB cannot hold this model"):
        micro_batches(turn_dial(60).config, 2_048, Cluster(8))


def test_the_buckets_are_all_gradients() -> None:
    for depth in (4, 5, 12, 20):
        config = GPTConfig.from_depth(depth)
        buckets = backward_buckets(config, table_bytes=FP32)
        assert sum(bucket.size for bucket in buckets) == pytest.approx(
            FP32 * count_parameters(config).total, rel=1e-3
        )
        ready = [bucket.ready for bucket in buckets]
        assert ready == sorted(ready)
        assert ready[-1] == 1.0


def test_waiting_for_gradients_against_a_clock() -> None:
    """Tick by tick: a bucket leaves when it is ready and the line is free."""
    cluster = Cluster(8)
    buckets = [Bucket(10**9, 0.2), Bucket(5 * 10**8, 0.25), Bucket(10**9, 0.9), Bucket(10**8, 1.0)]
    backward, tick = 0.05, 1e-6
    waiting, sending_until, clock = list(buckets), 0.0, 0.0
    while waiting or clock < sending_until:
        if clock >= sending_until and waiting and clock >= waiting[0].ready * backward:
            sending_until = clock + all_reduce_seconds(waiting.pop(0).size, cluster)
        clock += tick
    assert gradient_wait(buckets, backward, cluster) == pytest.approx(clock - backward, abs=1e-5)
    everything = sum(all_reduce_seconds(bucket.size, cluster) for bucket in buckets)
    assert gradient_wait(buckets, backward, replace(cluster, overlaps=False)) == everything


def test_the_stacks_are_those_of_the_model() -> None:
    config = GPTConfig(n_layer=3, n_embd=64, n_head=4, n_kv_head=2, vocab_size=128, sequence_len=64)
    matrices = GPT(config).parameter_groups()["matrices"]
    real = {
        tuple(next(iter(stack.values())).shape): len(stack)
        for stack in by_shape(matrices)
        if "gate" not in next(iter(stack))
    }
    assert {(rows, columns): many for many, rows, columns in matrix_stacks(config)} == real


def test_operations_of_the_update_are_those_that_torch_counts() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from nanochat.train.polar import orthogonalize

    with FlopCounterMode(display=False) as counter:
        orthogonalize(torch.randn(1, 48, 48))
    assert counter.get_total_flops() == orthogonalizing_flops(48, 48)


def test_a_matrix_is_the_smallest_share() -> None:
    few, many = (update_seconds(D12, Cluster(gpus), "all") for gpus in (48, 1_024))
    matrices = sum(orthogonalizing_flops(*shape) for _, *shape in matrix_stacks(D12)) / (0.5 * 989e12)
    assert few > many > matrices
    assert gathered_bytes(D12, 1_024) > gathered_bytes(D12, 8)


def test_the_model_predicts_what_was_measured() -> None:
    """The saved measurement: real steps of one, two and four processes."""
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    rows = measured.compare(saved)
    assert {row["processes"] for row in rows} == {1, 2, 4}
    errors = [abs(math.log(row["predicted"] / row["measured"])) for row in rows]
    assert max(errors) < math.log(1.15), rows
    shares = [1 - row["passes"] / row["predicted"] for row in rows if row["processes"] > 1]
    assert max(shares) > 0.4  # some steps are mostly waiting: else there would be nothing to predict


def test_it_can_be_measured_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """One process, few goes: the program runs, and its rows have what `compare` needs."""
    monkeypatch.setattr(measured, "REPEATS", 1)
    monkeypatch.setattr(measured, "SEQUENCES", (1,))
    (row,) = measured.measure_here()
    assert set(row) == {"sequences", "passes", "update", "step"}
    predicted = measured.predict(measured.CONFIG, 1, row)
    assert predicted["predicted"] == pytest.approx(row["passes"] + row["update"])
