"""Interactive figure: the memory of a KV cache against the length of the text.

It is counted by `nanochat.model.memory.kv_cache_bytes`. A layer with a sliding window keeps the tokens of its
window only; the figure also shows what the cache would take if every layer kept everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.config import GPTConfig
from nanochat.model.hardware import GPUS, find_gpu
from nanochat.model.memory import USABLE, kv_cache_bytes
from tools.calculator.wording import gib
from tools.core import parameters as ask
from tools.core.report import LineChart, Report, Row, Rows, Section, Series
from tools.core.tool import Tool

BYTES = {"fp32": 4, "bf16": 2, "fp8": 1}
CONTEXTS = {str(1_024 * 2**power): f"{2**power}k tokens" for power in range(8)}
PATTERNS = {
    "L": "L: all layers see everything",
    "SSSL": "SSSL: three short, one long",
    "SL": "SL: every second short",
}
POINTS = 32
GIB = 2**30


@dataclass(frozen=True)
class Question:
    """What a reader may turn; at the start, the model that depth 20 gives."""

    layers: int = ask.integer(20, "layers of the model", low=1, high=100)
    kv_heads: int = ask.integer(10, "heads of keys and values in a layer", low=1, high=64, label="KV heads")
    head_dim: str = ask.choice(
        "128", ["64", "80", "96", "128", "256"], "numbers in one key", label="Head width"
    )
    context: str = ask.choice("2048", CONTEXTS, "the longest text the model is made for")
    pattern: str = ask.choice("SSSL", PATTERNS, "which layers have a sliding window", label="Window pattern")
    batch: int = ask.integer(1, "texts at the same time", low=1, high=64, unit="texts")
    dtype: str = ask.choice(
        "bf16",
        {name: f"{name}, {size} bytes" for name, size in BYTES.items()},
        "type of one number",
        label="Number type",
    )
    gpu: str = ask.choice(
        "H100", {gpu.name: gpu.label for gpu in GPUS}, "whose memory is to hold it", label="GPU"
    )
    weights: float = ask.number(1.0, "what the model's weights take of it", low=0, high=1000, unit="GiB")


def model_of(question: Question, pattern: str) -> GPTConfig:
    """The model that is asked about, with a window pattern.

    >>> model_of(Question(layers=4, context="8192"), "SSSL").windows()
    [2048, 2048, 2048, 8192]
    """
    heads = question.kv_heads
    sizes = {"n_embd": heads * int(question.head_dim), "n_head": heads, "n_kv_head": heads}
    return GPTConfig.core(
        n_layer=question.layers, sequence_len=int(question.context), window_pattern=pattern, **sizes
    )


def cache_bytes(question: Question, n_tokens: int) -> tuple[int, int]:
    """Bytes for texts of `n_tokens`: with each layer's window, and with everything kept.

    >>> cache_bytes(Question(layers=4, kv_heads=1, context="8192"), 8_192)
    (7340032, 16777216)
    """
    each, batch = BYTES[question.dtype], question.batch
    windowed, everything = (
        kv_cache_bytes(model_of(question, pattern), n_tokens, batch, each).value
        for pattern in (question.pattern, "L")
    )
    return windowed, everything


def run(question: Question) -> Report:
    """The cache's size as the text grows, and how many texts a GPU has room for.

    >>> run(Question()).says
    'At 2,048 tokens the cache takes 0.09 GiB. One NVIDIA H100 SXM has room for 830 such texts.'
    """
    context = int(question.context)
    windowed, everything = cache_bytes(question, context)
    chats = how_many(question, windowed // question.batch)
    return Report(
        "KV cache",
        [Section("Memory", [chart(question), Rows(rows(question, windowed, everything, chats))])],
        says=(
            f"At {context:,} tokens the cache takes {gib(windowed)}. One {find_gpu(question.gpu).label} "
            f"has room for {chats:,} such texts."
        ),
    )


def how_many(question: Question, one: int) -> int:
    """How many texts of `one` bytes the GPU holds beside the weights.

    >>> how_many(Question(gpu="RTX4090", weights=1), one=2**30)
    20
    """
    room = find_gpu(question.gpu).memory_bytes * USABLE - question.weights * GIB
    return max(0, int(room // one))


def chart(question: Question) -> LineChart:
    """The cache in GiB as the text grows to its full length."""
    lengths = [int(question.context) * step // POINTS for step in range(POINTS + 1)]
    sizes = [(length, *cache_bytes(question, length)) for length in lengths]
    lines = [Series("as this project keeps it", [(length, kept / GIB) for length, kept, _ in sizes])]
    if sizes[-1][1] != sizes[-1][2]:
        lines.append(Series("if every layer kept all", [(length, whole / GIB) for length, _, whole in sizes]))
    return LineChart("gib", "Memory of the cache", lines, "tokens in the text", "GiB")


def rows(question: Question, windowed: int, everything: int, chats: int) -> list[Row]:
    """The figures under the chart, with their formulas."""
    each, batch = BYTES[question.dtype], question.batch
    gpu = find_gpu(question.gpu)
    per_token = cache_bytes(question, 1)[0] // batch
    sizes = f"2·{question.layers}·{question.kv_heads}·{question.head_dim}·{each}"
    usable = f"{USABLE:g}·{gib(gpu.memory_bytes)} - {question.weights:g} GiB"
    return [
        Row(
            "per_token",
            "One token, inside all windows",
            per_token,
            gib(per_token),
            formula=f"2·L·K·D·bytes = {sizes} = {per_token:,}",
        ),
        Row("full", f"{int(question.context):,} tokens, {batch} at once", windowed, gib(windowed)),
        Row("everything", "If every layer kept all", everything, gib(everything)),
        Row(
            "chats",
            f"Such texts on one {gpu.label}",
            chats,
            f"{chats:,}",
            formula=f"({usable}) / {gib(windowed // batch)}, rounded down",
        ),
    ]


TOOL = Tool(
    name="figures/kv-cache",
    title="KV cache",
    summary="Make the model or the text larger and see what the cache of keys and values takes.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "A short window is a quarter of the context. The last layer always sees all. Of a GPU's memory, "
        f"{USABLE:.0%} counts as usable; what the model needs while it computes is left out."
    ),
)
