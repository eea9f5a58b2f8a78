"""Where the time of a training step goes when 1, 8 or 1,024 GPUs share it. Standard library only.

With data parallelism every GPU has the whole model and a part of the batch. A step is then:

- the passes: the operations of the GPU's own tokens, at the speed it reaches
- the gradients: averaged over all GPUs in buckets, each as soon as the backward pass has made it. What is
  still on its way when the pass ends is waited for; the table of token vectors always is, as it comes last.
- the update: Muon's products for the matrices, AdamW's reading and writing of memory for the rest, shared out
  or not, and the new weights handed round

The passes shrink with the number of GPUs; what must be sent does not. So there is a number from which on
more GPUs hardly help. There are four plans to divide the work:

- "whole": everybody does the whole update
- "machine": the GPUs of each machine share it, and hand new weights round over NVLink; what this project
  does (`nanochat.train.sharding`)
- "all": all GPUs share it, and hand new weights round over the network too
- "fsdp": weights and gradients are divided as well (Zhao et al. 2023, arXiv 2304.11277); each layer's are
  gathered when they are needed, in bf16

It is a model: it knows no stragglers, no shared networks, no loss of speed at small matrices. What it
says is a bound that real runs come near, and do not pass.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import GPTConfig
from nanochat.model.counting import EMBEDDING, HEAD, SMALL, VALUE_EMBEDDING, count_flops, count_parameters
from nanochat.model.memory import BF16, FP32, USABLE, training_memory
from nanochat.train.links import Cluster, all_reduce_seconds, exchange_seconds, trip_seconds

PLANS = ("whole", "machine", "all", "fsdp")
POLAR_STEPS = 5  # of the polynomial that orthogonalizes Muon's updates
MUON_SHARE = 0.5  # of a GPU's peak that Muon's products reach: they are as large as the model's own
# AdamW reads weight, gradient and two averages, and writes all but the gradient.
ADAMW_NUMBERS = 7


@dataclass(frozen=True)
class Bucket:
    """Gradients that leave together: their bytes, and the share of the backward pass done by then."""

    size: int
    ready: float


@dataclass(frozen=True)
class StepTime:
    """The seconds of one step; only what cannot be hidden behind something else is counted.

    >>> step = StepTime(gpus=8, passes=0.8, gradients=0.1, update=0.05, weights=0.05)
    >>> step.total, step.efficiency
    (1.0, 0.8)
    """

    gpus: int
    passes: float
    gradients: float
    update: float
    weights: float

    @property
    def total(self) -> float:
        """Seconds of the step."""
        return self.passes + self.gradients + self.update + self.weights

    @property
    def efficiency(self) -> float:
        """The share of the time in which the model is computed."""
        return self.passes / self.total

    @property
    def waiting(self) -> float:
        """The share of the time in which GPUs wait for each other's numbers."""
        return (self.gradients + self.weights) / self.total


def split_step(
    config: GPTConfig, batch_tokens: int, cluster: Cluster, plan: str = "machine", table_bytes: int = BF16
) -> StepTime:
    """The time of one step of `batch_tokens` on `cluster`, part by part.

    `table_bytes` is the size of a number in the embedding tables. Raises `ValueError` where there are more
    GPUs than sequences, and where the model does not fit.

    >>> config = GPTConfig.from_depth(12)
    >>> alone, eight = (split_step(config, 2**19, Cluster(gpus)) for gpus in (1, 8))
    >>> round(alone.total / eight.total, 1)
    7.8
    """
    sequences = batch_tokens // config.sequence_len
    if sequences < cluster.gpus:
        raise ValueError(
            f"{cluster.gpus:,} GPUs cannot share {sequences:,} sequences; a GPU needs one at least"
        )
    passes = count_flops(config).total * batch_tokens / (cluster.gpus * cluster.peak_flops * cluster.mfu)
    update = update_seconds(config, cluster, plan, table_bytes)
    turns = micro_batches(config, sequences, cluster, plan)
    if plan == "fsdp":
        # Muon works on whole matrices: their parts go to one GPU, and the updates back.
        matrices = sum(many * FP32 * rows * columns for many, rows, columns in matrix_stacks(config))
        exchanged = 2 * exchange_seconds(matrices, cluster) if cluster.gpus > 1 else 0.0
        return StepTime(cluster.gpus, passes, fsdp_wait(config, passes, turns, cluster), update, exchanged)
    backward = 2 / 3 * passes / turns  # in the last one; in those before nothing travels
    gradients = gradient_wait(backward_buckets(config, table_bytes), backward, cluster)
    sharers = sharing(cluster, plan)
    on_the_way = trip_seconds(gathered_bytes(config, sharers.gpus, table_bytes), sharers)
    hidden = update if cluster.overlaps else 0.0  # one part's weights travel while the next is updated
    return StepTime(cluster.gpus, passes, gradients, update, max(0.0, on_the_way - hidden))


def sharing(cluster: Cluster, plan: str) -> Cluster:
    """The GPUs among which the optimizer's work is divided.

    >>> [sharing(Cluster(64), plan).gpus for plan in PLANS]
    [1, 8, 64, 64]
    """
    if plan not in PLANS:
        raise ValueError(f"plan={plan!r} is not known; use {', '.join(PLANS)}")
    return cluster.with_gpus({"whole": 1, "machine": cluster.local}.get(plan, cluster.gpus))


def micro_batches(config: GPTConfig, sequences: int, cluster: Cluster, plan: str = "machine") -> int:
    """How many times a GPU goes through the model in one step, because more sequences do not fit at once.

    >>> [micro_batches(GPTConfig.from_depth(12), 256, Cluster(gpus)) for gpus in (1, 8)]
    [4, 1]
    """
    sharers = sharing(cluster, plan).gpus
    divided = "all" if plan == "fsdp" else "optimizer"
    one = training_memory(config, 1, config.sequence_len, sharers, divided)
    most = int((USABLE * cluster.memory - one.fixed) // (one.total - one.fixed))
    if most < 1:
        raise ValueError(
            f"a GPU of {cluster.memory / 2**30:.0f} GiB cannot hold this model under the plan {plan!r}"
        )
    share = -(-sequences // cluster.gpus)
    return -(-share // most)


def backward_buckets(config: GPTConfig, table_bytes: int = BF16) -> list[Bucket]:
    """What leaves, in the order in which it is made: head, layers from the last, table of token vectors.

    >>> buckets = backward_buckets(GPTConfig.from_depth(12))
    >>> len(buckets), round(buckets[0].ready, 2), buckets[-1].ready  # the head is a fifth of the work
    (14, 0.2, 1.0)
    """
    count, flops = count_parameters(config), count_flops(config)
    head, small = count.of_kind(HEAD), count.of_kind(SMALL)
    layer_matrices = (count.total - count.of_kind(HEAD, EMBEDDING, VALUE_EMBEDDING, SMALL)) // config.n_layer
    table = table_bytes * config.padded_vocab_size * config.n_kv_head * config.head_dim
    done = 6 * head / flops.total
    buckets = [Bucket(FP32 * head, done)]
    windows = config.windows()
    for layer in reversed(range(config.n_layer)):
        attention = 12 * config.n_embd * windows[layer]
        done += (6 * layer_matrices + attention) / flops.total
        size = FP32 * layer_matrices + (table if layer in config.value_layers else 0)
        buckets.append(Bucket(size, min(done, 1.0)))
    buckets.append(Bucket(table_bytes * count.of_kind(EMBEDDING) + FP32 * small, 1.0))
    return buckets


def gradient_wait(buckets: list[Bucket], backward: float, cluster: Cluster) -> float:
    """Seconds from the end of the backward pass until the last bucket has been averaged.

    Buckets travel one after the other, each when it is ready and the one before has arrived.

    >>> gradient_wait([Bucket(10**9, 0.5), Bucket(0, 1.0)], backward=1.0, cluster=Cluster(8)) < 0.001
    True
    """
    if not cluster.overlaps:
        return sum(all_reduce_seconds(bucket.size, cluster) for bucket in buckets)
    arrived = 0.0
    for bucket in buckets:
        arrived = max(arrived, bucket.ready * backward) + all_reduce_seconds(bucket.size, cluster)
    return arrived - backward


def fsdp_wait(config: GPTConfig, passes: float, turns: int, cluster: Cluster) -> float:
    """Seconds by which gathering weights and adding up gradients outlast the passes, with all divided.

    Every turn gathers all weights twice, once for each pass; the last one adds up the gradients as well. Of
    each trip one layer's share hides behind nothing.

    >>> fsdp_wait(GPTConfig.from_depth(12), 1.0, turns=1, cluster=Cluster(8)) < 0.01
    True
    """
    numbers = count_parameters(config).total
    gather, scatter = trip_seconds(BF16 * numbers, cluster), trip_seconds(FP32 * numbers, cluster)
    if not cluster.overlaps:
        return 2 * turns * gather + scatter
    forward, backward = passes / 3 / turns, 2 * passes / 3 / turns
    bare = (2 * turns * gather + scatter) / (config.n_layer + 2)
    waits = turns * max(0.0, gather - forward) + (turns - 1) * max(0.0, gather - backward)
    return waits + max(0.0, gather + scatter - backward) + bare


def matrix_stacks(config: GPTConfig) -> list[tuple[int, int, int]]:
    """The matrices that Muon trains, as (how many, rows, columns) for each shape.

    >>> matrix_stacks(GPTConfig.from_depth(12))
    [(48, 768, 768), (12, 3072, 768), (12, 768, 3072)]
    """
    C, F = config.n_embd, config.mlp_width
    queries, keys = config.n_head * config.head_dim, config.n_kv_head * config.head_dim
    shapes = [(queries, C), (keys, C), (keys, C), (C, queries), (F, C), (C, F)]
    stacks: dict[tuple[int, int], int] = {}
    for shape in shapes:
        stacks[shape] = stacks.get(shape, 0) + config.n_layer
    return [(many, *shape) for shape, many in stacks.items()]


def update_seconds(config: GPTConfig, cluster: Cluster, plan: str, table_bytes: int = BF16) -> float:
    """Seconds of the optimizer on the GPU that has most to do.

    A matrix is one GPU's: with more GPUs than matrices of a shape, the others have none of them to do.

    >>> alone = update_seconds(GPTConfig.from_depth(12), Cluster(8), "whole")
    >>> round(alone / update_seconds(GPTConfig.from_depth(12), Cluster(8), "machine"), 1)
    6.9
    """
    sharers = sharing(cluster, plan).gpus
    operations = sum(
        -(-many // sharers) * orthogonalizing_flops(rows, columns)
        for many, rows, columns in matrix_stacks(config)
    )
    count = count_parameters(config)
    tables, head = count.of_kind(EMBEDDING, VALUE_EMBEDDING), count.of_kind(HEAD)
    moved = ADAMW_NUMBERS * (table_bytes * tables + FP32 * head) / sharers
    return operations / (MUON_SHARE * cluster.peak_flops) + moved / cluster.memory_bandwidth


def orthogonalizing_flops(rows: int, columns: int) -> int:
    """Operations to orthogonalize one matrix: each step multiplies X with itself, the square, and X again.

    >>> orthogonalizing_flops(768, 3072) / orthogonalizing_flops(768, 768)
    3.0
    """
    short, long = sorted((rows, columns))
    return POLAR_STEPS * (4 * short * short * long + 2 * short**3)


def gathered_bytes(config: GPTConfig, sharers: int, table_bytes: int = BF16) -> int:
    """Bytes of new weights that every GPU has in the end; equal shares, so the last ones are filled up.

    >>> whole = gathered_bytes(GPTConfig.from_depth(12), sharers=8)
    >>> gathered_bytes(GPTConfig.from_depth(12), sharers=1_024) > 20 * whole  # mostly filling
    True
    """
    matrices = sum(
        -(-many // sharers) * sharers * FP32 * rows * columns for many, rows, columns in matrix_stacks(config)
    )
    count = count_parameters(config)
    return matrices + table_bytes * count.of_kind(EMBEDDING, VALUE_EMBEDDING) + FP32 * count.of_kind(HEAD)


def most_that_pay(
    config: GPTConfig, batch_tokens: int, cluster: Cluster, plan: str = "machine", least: float = 0.8
) -> int:
    """The most GPUs, as a power of two, of which at least `least` of the time is spent on the model.

    >>> most_that_pay(GPTConfig.from_depth(12), 2**19, Cluster())
    64
    """
    gpus = 1
    while 2 * gpus * config.sequence_len <= batch_tokens:
        if split_step(config, batch_tokens, cluster.with_gpus(2 * gpus), plan).efficiency < least:
            break
        gpus *= 2
    return gpus


def steps_with_batch(steps: float, batch: float, other: float, critical: float) -> float:
    """Steps to the same loss with batches of `other` tokens, when it takes `steps` with `batch`.

    Steps fall as 1 + critical / batch: far below the critical batch a batch twice as large halves them, far
    above it changes nothing (McCandlish et al. 2018, arXiv 1812.06162, equation 2.11).

    >>> round(steps_with_batch(1_000, batch=1, other=2, critical=100)), steps_with_batch(1_000, 100, 200, 100)
    (505, 750.0)
    """
    return steps * (1 + critical / other) / (1 + critical / batch)
