"""How much memory a run needs, and the largest batch that should fit. Standard library only.

`nanochat.model.memory` counts for a GPU that multiplies in bf16. Where products are in fp32 (on a CPU, or
with `--dtype fp32`), no copies of the matrices are made, and activations and logits are twice as large.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import GPTConfig
from nanochat.model.memory import CPU_LOGITS, FP32, GPU_LOGITS, USABLE, training_memory
from nanochat.model.planning import last_that

CPU_TOKENS = 8_192  # a micro-batch on a CPU: larger ones train no faster and take memory from other programs
MOST_SEQUENCES = 10**7
# Muon's step holds about so many copies of a stack: weights, gradients, the update as it is made, products.
STACKS_AT_ONCE = 8


@dataclass(frozen=True)
class Place:
    """The machine, as far as it decides what a run does: processes, and memory free for each of them."""

    kind: str = "cpu"
    world: int = 1
    free_bytes: int | None = None  # None: unknown

    @property
    def usable_bytes(self) -> float:
        """What a run may fill; a tenth is left to workspaces and gaps between blocks."""
        return float("inf") if self.free_bytes is None else USABLE * self.free_bytes

    @property
    def device(self) -> str:
        """What it is in words.

        >>> Place().device, Place("cuda").device
        ('this machine', 'this GPU')
        """
        return "this GPU" if self.kind == "cuda" else "this machine"


def bytes_needed(config: GPTConfig, sequences: int, place: Place, fp32: bool, checkpointing: bool) -> int:
    """Memory of one process that takes `sequences` at a time.

    >>> config = GPTConfig.from_depth(4, vocab_size=4_096, sequence_len=512)
    >>> half, full = (bytes_needed(config, 8, Place(), fp32, False) for fp32 in (False, True))
    >>> half < full < 2 * half
    True
    """
    memory = training_memory(
        config, sequences, config.sequence_len, gpus=place.world, checkpointing=checkpointing,
        logits_at_a_time=CPU_LOGITS if place.kind == "cpu" else GPU_LOGITS,
    )  # fmt: skip
    update = update_bytes(config, place)
    if not fp32:
        return memory.fixed + max(memory.activations.bytes + memory.logits.bytes, update)
    copies = next(item.bytes for item in memory.states if item.name.startswith("copies"))
    return memory.fixed - copies + max(2 * (memory.activations.bytes + memory.logits.bytes), update)


def update_bytes(config: GPTConfig, place: Place) -> int:
    """What Muon takes while it steps the largest stack of matrices, when activations are no longer there.

    >>> update_bytes(GPTConfig.from_depth(12), Place()) // 2**20
    864
    """
    stack = config.n_layer * config.n_embd * config.mlp_width
    return STACKS_AT_ONCE * FP32 * stack // place.world


def most_that_fit(config: GPTConfig, place: Place, fp32: bool, checkpointing: bool) -> int:
    """The most sequences a process can take at a time; 0 when not even one fits.

    >>> most_that_fit(GPTConfig.from_depth(12), Place("cuda", free_bytes=80 * 2**30), False, False)
    97
    """
    if place.free_bytes is None:
        return MOST_SEQUENCES
    return last_that(
        lambda n: bytes_needed(config, n, place, fp32, checkpointing) <= place.usable_bytes, MOST_SEQUENCES
    )


def default_sequences(share: int, config: GPTConfig, place: Place, fp32: bool, checkpointing: bool) -> int:
    """Sequences a process takes at a time when nobody says: the largest divisor of its share that fits.

    >>> default_sequences(16, GPTConfig.from_depth(4, sequence_len=512), Place(), True, False)
    16
    """
    most = min(share, most_that_fit(config, place, fp32, checkpointing))
    if place.kind == "cpu":
        most = min(most, max(1, CPU_TOKENS // config.sequence_len))
    return max(1, largest_divisor(share, most))


def gib(size: int) -> str:
    """Bytes in GiB, or in MiB below one.

    >>> gib(3 * 2**29), gib(2**24)
    ('1.5 GiB', '16 MiB')
    """
    return f"{size / 2**30:.3g} GiB" if size >= 2**30 else f"{size / 2**20:.3g} MiB"


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of `number` that is at most `most`; 0 when `most` is below 1.

    >>> largest_divisor(512, 48)
    32
    """
    return next((n for n in range(min(number, most), 0, -1) if number % n == 0), 0)


def too_large(
    config: GPTConfig, sequences: int, share: int, place: Place, fp32: bool, checkpointing: bool
) -> str:
    """One line for a batch that does not fit: what it needs, what is there, the way out.

    `share` is how many sequences of a step each process has.

    >>> config = GPTConfig.from_depth(12)
    >>> print(too_large(config, 512, 512, Place("cuda", free_bytes=80 * 2**30), False, False))
    out of memory: --device-batch-size 512 needs about 357 GiB and this GPU has 80 GiB free; \
the largest that should fit is --device-batch-size 64
    """
    needs = gib(bytes_needed(config, sequences, place, fp32, checkpointing))
    free = f" and {place.device} has {gib(place.free_bytes)} free" if place.free_bytes else ""
    line = f"out of memory: --device-batch-size {sequences} needs about {needs}{free}"
    most = largest_divisor(share, min(most_that_fit(config, place, fp32, checkpointing), sequences - 1))
    if most:
        return f"{line}; the largest that should fit is --device-batch-size {most}"
    if not checkpointing:
        most = largest_divisor(share, min(most_that_fit(config, place, fp32, True), sequences))
        if most:
            return f"{line}; with --checkpointing, --device-batch-size {most} should fit"
    return f"{line}; not even one sequence fits: use a smaller --depth or --seq-len"
