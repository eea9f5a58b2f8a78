"""Where a GPU's memory goes, in training and in inference.

Training holds, on every GPU: the weights, their gradients, the optimizer's memory of earlier steps, copies
of the matrices in the type the GPU multiplies fast, the activations the backward pass will need again, and
the logits with their loss. The first four depend on the model alone; the last two grow with the batch.

What is kept for the backward pass is listed tensor by tensor in `activation_widths`, for an attention kernel
that never writes the T x T scores (FlashAttention, Dao et al. 2022, arXiv 2205.14135). The way of counting is
that of Korthikanti et al. 2022 (arXiv 2205.05198, section 4.1), without dropout.

This project's own trainer keeps all weights in fp32, trains matrices with Muon (one number of state each;
NorMuon's one number a row or column on top is below 0.2 % and left out) and the rest with AdamW (two), and
makes logits for some tokens at a time (`nanochat.model.loss`). The other families are counted as usual mixed
precision: fp32 weights, gradients and AdamW moments, products in bf16, all logits at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import GPTConfig
from nanochat.model.counting import (
    EMBEDDING,
    HEAD,
    MATRIX,
    SMALL,
    VALUE_EMBEDDING,
    Figure,
    count_parameters,
    kv_cache_per_token,
)
from nanochat.model.shape import Model

FP32, BF16 = 4, 2  # bytes of one number
GPU_LOGITS = 2**27  # logits that our loss makes at a time on a GPU: products large enough to fill it
CPU_LOGITS = 2**19  # and on a CPU: 2 MiB in fp32, which stay in a core's second cache
FEWEST_ROWS = 128  # tokens that our loss takes at a time at the least; a product of fewer is slow
USABLE = 0.9  # the CUDA context, libraries' workspaces and gaps between blocks take about a tenth
SHARDINGS = ("none", "optimizer", "all")


@dataclass(frozen=True)
class Item:
    """One use of memory on one GPU.

    >>> Item("weights", Figure(2_147_483_648, "")).gib
    2.0
    """

    name: str
    figure: Figure

    @property
    def bytes(self) -> int:
        """Its size.

        >>> Item("weights", Figure(12, "3·4 = 12")).bytes
        12
        """
        return self.figure.value

    @property
    def gib(self) -> float:
        """Its size in GiB, units of 2^30 bytes.

        >>> Item("weights", Figure(2**29, "")).gib
        0.5
        """
        return self.bytes / 2**30


@dataclass(frozen=True)
class TrainingMemory:
    """Everything one GPU holds at the height of a training step.

    >>> memory = training_memory(GPTConfig.from_depth(4), batch=1, n_time=2_048)
    >>> memory.total == memory.fixed + memory.activations.bytes + memory.logits.bytes
    True
    """

    states: tuple[Item, ...]
    activations: Item
    logits: Item

    @property
    def items(self) -> tuple[Item, ...]:
        """Every use, the largest kinds last.

        >>> [item.name for item in training_memory(GPTConfig.from_depth(4), 1, 2_048).items][:2]
        ['weights', 'gradients']
        """
        return (*self.states, self.activations, self.logits)

    @property
    def fixed(self) -> int:
        """Bytes that do not depend on the batch.

        >>> training_memory(GPTConfig.from_depth(4), 1, 2_048).fixed
        597689536
        """
        return sum(item.bytes for item in self.states)

    @property
    def total(self) -> int:
        """Bytes in all.

        >>> training_memory(GPTConfig.from_depth(4), 2, 2_048).total > 2**30
        True
        """
        return sum(item.bytes for item in self.items)


def training_memory(
    model: Model,
    batch: int,
    n_time: int,
    gpus: int = 1,
    sharding: str = "optimizer",
    checkpointing: bool = False,
    logits_at_a_time: int = GPU_LOGITS,
) -> TrainingMemory:
    """Memory of one GPU that processes `batch` sequences of `n_time` tokens at a time.

    `sharding` says what the GPUs divide among themselves: nothing ("none"), the optimizer's state
    ("optimizer", ZeRO stage 1, what this project does) or also weights and gradients ("all", ZeRO stage 3,
    FSDP); Rajbhandari et al. 2019, arXiv 1910.02054, section 5.

    >>> one, eight = (training_memory(GPTConfig.from_depth(12), 1, 2_048, gpus=n) for n in (1, 8))
    >>> one.states[2].bytes == 8 * eight.states[2].bytes
    True
    """
    if sharding not in SHARDINGS:
        raise ValueError(f"sharding={sharding!r} is not known; use {', '.join(SHARDINGS)}")
    return TrainingMemory(
        states=tuple(state_items(model, gpus, sharding)),
        activations=Item("activations", activation_bytes(model, batch, n_time, checkpointing)),
        logits=Item("logits and loss", loss_bytes(model, batch, n_time, logits_at_a_time)),
    )


def state_items(model: Model, gpus: int, sharding: str) -> list[Item]:
    """Weights, gradients, optimizer state by group, and bf16 copies, on one GPU.

    >>> [item.name for item in state_items(GPTConfig.from_depth(12), 1, "none")][2:4]
    ['Muon momentum: matrices', 'AdamW moments: head']
    """
    count = count_parameters(model)
    tables = count.of_kind(EMBEDDING, VALUE_EMBEDDING)
    matrices, head, small = count.of_kind(MATRIX), count.of_kind(HEAD), count.of_kind(SMALL)
    own = isinstance(model, GPTConfig)
    whole = gpus if sharding == "all" else 1
    gathered = matrices // model.n_layer if sharding == "all" else matrices
    state = gpus if sharding in ("all", "optimizer") else 1
    weights = [(FP32, matrices + head + small + tables)]
    groups = [
        Item("weights", shared(weights, whole)),
        Item("gradients", shared(weights, whole)),
        Item("Muon momentum: matrices", shared([(FP32, matrices)], state)) if own
        else Item("AdamW moments: matrices", shared([(2 * FP32, matrices)], state)),
        Item("AdamW moments: head", shared([(2 * FP32, head)], state)),
        Item("AdamW moments: embeddings", shared([(2 * FP32, tables)], state)),
        Item("AdamW moments: the small rest", shared([(2 * FP32, small)], state)),
        # A tied head is multiplied too, so its table needs a copy as an untied head does. Where weights are
        # shared out, they are gathered one layer at a time, and so are their copies.
        Item("copies in bf16, to multiply", shared([(BF16, gathered + head_rows(model))], 1)),
    ]  # fmt: skip
    return [group for group in groups if group.bytes]


def head_rows(model: Model) -> int:
    """Numbers in the output matrix, tied or not.

    >>> head_rows(GPTConfig(n_embd=768))
    25165824
    """
    return model.padded_vocab_size * model.n_embd


def shared(terms: list[tuple[int, int]], gpus: int) -> Figure:
    """Bytes of some numbers, divided among GPUs; a term is (bytes of one number, how many numbers).

    >>> shared([(4, 1_000), (2, 500)], gpus=2).formula
    '(4·1,000 + 2·500) / 2 = 2,500'
    """
    terms = [(size, numbers) for size, numbers in terms if numbers]
    value = -(-sum(size * numbers for size, numbers in terms) // gpus)
    text = " + ".join(f"{size}·{numbers:,}" for size, numbers in terms)
    if gpus > 1:
        text = f"({text}) / {gpus}" if len(terms) > 1 else f"{text} / {gpus}"
    return Figure(value, f"{text} = {value:,}")


def activation_widths(model: Model) -> dict[str, int]:
    """Numbers that one layer keeps for one token until the backward pass, tensor by tensor.

    >>> sum(activation_widths(GPTConfig.core(n_layer=1, n_embd=768)).values()) // 768
    18
    """
    C, F = model.n_embd, model.mlp_width
    queries, keys = model.n_head * model.head_dim, model.n_kv_head * model.head_dim
    widths = {"attention norm, in and out": 2 * C, "queries, keys, values": queries + 2 * keys}
    if isinstance(model, GPTConfig):
        widths["queries and keys before their norm"] = queries + keys
        widths["MLP: ReLU and its square"] = 2 * F
        widths["stream before its scalar"] = C if model.residual_scalars else 0
        # Only some layers have a value embedding; the average keeps this a figure per layer.
        widths["value embedding rows"] = keys * len(model.value_layers) // model.n_layer
    elif model.arch == "llama":
        widths["MLP: gate, its SiLU, up, product"] = 4 * F
        widths["queries and keys before their norm"] = (queries + keys) if model.qk_norm else 0
    else:
        widths["MLP: before and after the activation"] = 2 * F
    return widths | {"attention output": queries, "MLP norm, in and out": 2 * C}


def activation_bytes(model: Model, batch: int, n_time: int, checkpointing: bool = False) -> Figure:
    """Bytes of all layers' activations in bf16.

    With checkpointing a layer keeps only its input, and the backward pass computes one layer at a time
    anew (Chen et al. 2016, arXiv 1604.06174): about a third more compute for much less memory.

    >>> model = GPTConfig.from_depth(12)
    >>> full, light = (activation_bytes(model, 32, 2_048, checkpointing=c).value for c in (False, True))
    >>> round(full / light, 1)
    7.4
    """
    width, n_layer = sum(activation_widths(model).values()), model.n_layer
    if checkpointing:
        value = batch * n_time * (n_layer * model.n_embd + width) * BF16
        numbers = f"{batch:,}·{n_time:,}·({n_layer:,}·{model.n_embd:,} + {width:,})·{BF16}"
        return Figure(value, f"B·T·(L·C + one layer)·bytes = {numbers} = {value:,}")
    value = batch * n_time * n_layer * width * BF16
    numbers = f"{batch:,}·{n_time:,}·{n_layer:,}·{width:,}·{BF16}"
    return Figure(value, f"B·T·L·(numbers a layer keeps)·bytes = {numbers} = {value:,}")


def loss_bytes(model: Model, batch: int, n_time: int, logits_at_a_time: int = GPU_LOGITS) -> Figure:
    """Bytes of the logits and of what the loss makes of them.

    Ours takes some rows at a time, and holds their logits and the gradient of these, both in bf16; beside
    them the gradient of the head in fp32, and that of the stream in bf16. The usual loss holds all tokens'
    log-probabilities and their gradient in fp32, and the logits in bf16.

    >>> loss_bytes(GPTConfig(), batch=1, n_time=1_024).formula
    'R·V·4 + V·C·4 + B·T·C·2 = 1,024·32,768·4 + 32,768·768·4 + 1·1,024·768·2 = 236,453,888'
    """
    tokens, V, C = batch * n_time, model.padded_vocab_size, model.n_embd
    if not isinstance(model, GPTConfig):
        each = 2 * FP32 + BF16
        value = tokens * V * each
        return Figure(value, f"B·T·V·bytes = {batch:,}·{n_time:,}·{V:,}·{each} = {value:,}")
    rows = min(tokens, rows_at_a_time(V, logits_at_a_time))
    value = rows * V * 2 * BF16 + V * C * FP32 + tokens * C * BF16
    numbers = f"{rows:,}·{V:,}·{2 * BF16} + {V:,}·{C:,}·{FP32} + {batch:,}·{n_time:,}·{C:,}·{BF16}"
    return Figure(value, f"R·V·4 + V·C·4 + B·T·C·2 = {numbers} = {value:,}")


def rows_at_a_time(n_words: int, logits_at_a_time: int) -> int:
    """How many tokens our loss takes at a time.

    >>> rows_at_a_time(4_096, CPU_LOGITS), rows_at_a_time(32_768, GPU_LOGITS)
    (128, 4096)
    """
    return max(FEWEST_ROWS, logits_at_a_time // n_words)


def kv_cache_bytes(model: Model, context: int, batch: int = 1, bytes_each: int = BF16) -> Figure:
    """Bytes the KV cache needs for `batch` conversations of `context` tokens.

    A layer with a sliding window keeps its window only, all others keep every token.

    >>> kv_cache_bytes(GPTConfig.from_depth(12, window_pattern="L"), context=2_048).value / 2**20  # MiB
    72.0
    >>> kv_cache_bytes(GPTConfig.from_depth(12), context=2_048).value / 2**20  # 9 windows of 512 tokens
    31.5
    """
    tokens = sum(context if width >= model.sequence_len else min(context, width) for width in model.windows())
    value = batch * tokens * 2 * model.n_kv_head * model.head_dim * bytes_each
    if tokens == model.n_layer * context:
        each = kv_cache_per_token(model, bytes_each).value
        return Figure(value, f"B·T·bytes per token = {batch:,}·{context:,}·{each:,} = {value:,}")
    numbers = f"{batch:,}·{tokens:,}·2·{model.n_kv_head:,}·{model.head_dim:,}·{bytes_each} = {value:,}"
    return Figure(value, f"B·(tokens that each layer keeps, summed)·2·K·D·bytes = {numbers}")


def inference_weights(model: Model, bytes_each: int = BF16) -> Figure:
    """Bytes of the weights alone, all in one type.

    >>> inference_weights(GPTConfig.from_depth(12)).value // 2**20
    546
    """
    total = count_parameters(model).total
    return shared([(bytes_each, total)], 1)
