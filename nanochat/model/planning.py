"""From a model and a machine to a plan: what fits, how long it takes, what it costs.

Time is operations divided by operations a second: the GPU's peak times its utilisation (MFU). What fits is
found from `nanochat.model.memory`, which a tenth of the GPU is left out of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from nanochat.model.config import DEEPEST, LARGEST, GPTConfig
from nanochat.model.counting import count_flops, count_parameters
from nanochat.model.hardware import GPU
from nanochat.model.memory import USABLE, TrainingMemory, inference_weights, kv_cache_bytes, training_memory
from nanochat.model.shape import Model

CHINCHILLA = 20  # tokens per parameter; Hoffmann et al. 2022, arXiv 2203.15556, table 3


@dataclass(frozen=True)
class Machine:
    """Some GPUs of one kind, how well they are used, and how they share a model.

    >>> from nanochat.model.hardware import find_gpu
    >>> Machine(find_gpu("H100"), gpus=8, mfu=0.5).flops / 1e12
    3956.0
    """

    gpu: GPU
    gpus: int = 1
    mfu: float = 0.4
    sharding: str = "optimizer"
    checkpointing: bool = False

    @property
    def flops(self) -> float:
        """Useful operations a second of all GPUs together.

        >>> from nanochat.model.hardware import find_gpu
        >>> Machine(find_gpu("A100"), mfu=0.5).flops / 1e12
        156.0
        """
        return self.gpu.peak_flops * self.gpus * self.mfu

    @property
    def usable_bytes(self) -> int:
        """Memory of one GPU that a model may fill.

        >>> from nanochat.model.hardware import find_gpu
        >>> Machine(find_gpu("H100")).usable_bytes / 2**30
        72.0
        """
        return int(self.gpu.memory_bytes * USABLE)

    def memory(self, model: Model, batch: int, n_time: int) -> TrainingMemory:
        """What training would hold on each GPU.

        >>> from nanochat.model.hardware import find_gpu
        >>> Machine(find_gpu("H100")).memory(GPTConfig.from_depth(4), 1, 2_048).fixed
        597689536
        """
        return training_memory(model, batch, n_time, self.gpus, self.sharding, self.checkpointing)


def tokens_per_second(model: Model, machine: Machine, n_time: int) -> float:
    """Training speed of the whole machine.

    >>> from nanochat.model.hardware import find_gpu
    >>> round(tokens_per_second(GPTConfig.from_depth(12), Machine(find_gpu("H200"), mfu=0.5), 2_048), -4)
    650000.0
    """
    return machine.flops / count_flops(model, n_time).total


def decode_limit(model: Model, gpu: GPU) -> float:
    """The most tokens a second one conversation can get: every weight is read once a token.

    Embedding tables are left out: a token reads one row of each.

    >>> from nanochat.model.hardware import find_gpu
    >>> round(decode_limit(GPTConfig.from_depth(12), find_gpu("H200")))
    21798
    """
    count = count_parameters(model)
    looked_up = count.of_kind("embedding", "value embedding")
    read = count.total - looked_up + (model.padded_vocab_size * model.n_embd if model.tied else 0)
    return gpu.bandwidth / (2 * read)


def fits(model: Model, machine: Machine, batch: int, n_time: int) -> bool:
    """Whether training with `batch` sequences a GPU stays inside its memory.

    >>> from nanochat.model.hardware import find_gpu
    >>> fits(GPTConfig.from_depth(12), Machine(find_gpu("RTX4090")), batch=8, n_time=2_048)
    True
    """
    return machine.memory(model, batch, n_time).total <= machine.usable_bytes


def largest_batch(model: Model, machine: Machine, n_time: int) -> int:
    """The most sequences one GPU can process at a time; 0 when not even one fits.

    >>> from nanochat.model.hardware import find_gpu
    >>> machine = Machine(find_gpu("RTX4090"))
    >>> batch = largest_batch(GPTConfig.from_depth(12), machine, 2_048)
    >>> fits(GPTConfig.from_depth(12), machine, batch, 2_048)
    True
    >>> fits(GPTConfig.from_depth(12), machine, batch + 1, 2_048)
    False
    """
    return last_that(lambda batch: fits(model, machine, batch, n_time), LARGEST)


def device_batch(sequences: int, model: Model, machine: Machine, n_time: int) -> int:
    """Sequences each GPU takes at a time, so that whole turns make up a step of `sequences`.

    The largest divisor of each GPU's share that fits; 1 when nothing does, so that a plan can say so.

    >>> from nanochat.model.hardware import find_gpu
    >>> device_batch(256, GPTConfig.from_depth(12), Machine(find_gpu("RTX4090")), 2_048)
    16
    """
    share = max(1, sequences // machine.gpus)
    most = min(share, largest_batch(model, machine, n_time))
    return next((batch for batch in range(most, 1, -1) if share % batch == 0), 1)


def largest_depth(model: Model, machine: Machine, n_time: int) -> int:
    """The most layers that fit with one sequence a GPU; 0 when not even one does.

    For this project's own GPT the one dial sets the width too; for other families the width stays.

    >>> from nanochat.model.hardware import find_gpu
    >>> largest_depth(GPTConfig.from_depth(12), Machine(find_gpu("RTX4090")), 2_048) > 20
    True
    """
    return last_that(lambda depth: fits(at_depth(model, depth), machine, 1, n_time), DEEPEST)


def at_depth(model: Model, depth: int) -> Model:
    """The same kind of model with another depth.

    >>> at_depth(GPTConfig.from_depth(12, vocab_size=4_096), 4).n_embd
    256
    """
    if isinstance(model, GPTConfig):
        kept = {"vocab_size": model.vocab_size, "sequence_len": model.sequence_len}
        return GPTConfig.from_depth(depth, **kept)
    return replace(model, n_layer=depth)


def last_that(holds: Callable[[int], bool], most: int) -> int:
    """The largest n up to `most` for which `holds`, if it holds up to some point and then no more.

    >>> last_that(lambda n: n * n < 50, 1_000)
    7
    """
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def longest_context(model: Model, gpu: GPU, batch: int = 1) -> int:
    """Tokens of context whose KV cache fits beside the bf16 weights on one GPU, for `batch` conversations.

    >>> from nanochat.model.hardware import find_gpu
    >>> longest_context(GPTConfig.from_depth(12), find_gpu("RTX4090"))
    2452923
    """
    left = int(gpu.memory_bytes * USABLE) - inference_weights(model).value
    of_one_layer = kv_cache_bytes(model, 1, batch).value // model.n_layer
    return last_that(lambda n: kv_cache_bytes(model, n, batch).value <= left, max(0, left // of_one_layer))


def chinchilla_tokens(model: Model) -> int:
    """Compute-optimal tokens by the rule of thumb, 20 for every parameter.

    >>> from nanochat.model.presets import find_preset
    >>> chinchilla_tokens(find_preset("gpt2-small"))
    2488796160
    """
    return CHINCHILLA * count_parameters(model).total
