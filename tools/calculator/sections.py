"""The sections about the model itself: its sizes, its parameters, what they mean for memory and training.

Labels, columns and order of the first five are those of the calculator's known example, to the letter.
"""

from __future__ import annotations

from dataclasses import replace

from nanochat.model.config import GPTConfig
from nanochat.model.counting import (
    EMBEDDING,
    VALUE_EMBEDDING,
    ParameterCount,
    Part,
    count_flops,
    count_parameters,
)
from nanochat.model.memory import BF16, FP32
from nanochat.model.shape import Model
from tools.calculator.plan import Plan
from tools.calculator.wording import ROUNDS_UP, count, duration, flops, speed
from tools.core.report import Bar, Bars, Code, Notes, Row, Rows, Section, Text, slug

NUMBERS_END = 40  # the column in which the parameter counts end
SIZES_END = 35  # and the sizes of memory
ADAM_COPIES = 4  # weights, gradients and AdamW's two moments

LABELS = {
    "token embedding": "Token embeddings",
    "position embedding": "Position embeddings",
    "value embeddings": "Value embeddings",
    "attention": "Attention",
    "value gates": "Value gates",
    "residual scalars": "Residual scalars",
    "x0 scalars": "x0 scalars",
    "smear gate": "Smear gate",
    "backout": "Backout",
    "head": "LM head",
}


def model_sections(plan: Plan) -> list[Section]:
    """Everything that the model alone decides, and the estimates that follow from it.

    >>> from tools.calculator.plan import make_plan
    >>> from tools.calculator.question import Question
    >>> [section.title for section in model_sections(make_plan(Question()))][:2]
    ['Model configuration', 'Parameter breakdown']
    """
    counted = count_parameters(plan.model)
    sections = [
        configuration(plan.model),
        breakdown(plan.model, counted),
        memory(counted),
        training(plan, counted),
        insights(plan, counted),
        shares(counted),
    ]
    return sections if isinstance(plan.model, GPTConfig) else [*sections, own_gpt(plan, counted)]


def configuration(model: Model) -> Section:
    """The sizes."""
    rows = [
        Row("layers", "Layers (depth)", model.n_layer),
        Row("hidden_dim", "Hidden dimension", model.n_embd, str(model.n_embd)),
        Row("vocab_size", "Vocabulary size", model.vocab_size),
        Row("heads", "Attention heads", model.n_head),
    ]
    if model.n_kv_head != model.n_head:
        rows.append(Row("kv_heads", "Key/value heads", model.n_kv_head))
    if model.arch != "textbook":
        rows += [
            Row("head_dim", "Head width", model.head_dim),
            Row("mlp_dim", "MLP width", model.mlp_width),
            Row("context", "Context", model.sequence_len, f"{model.sequence_len:,} tokens"),
            Row("arch", "Architecture", model.arch),
        ]
    if isinstance(model, GPTConfig) and model.padded_vocab_size != model.vocab_size:
        padded = f"{model.padded_vocab_size:,} (a multiple of 64)"
        rows.append(Row("padded_vocab_size", "Padded vocabulary", model.padded_vocab_size, padded))
    return Section("Model configuration", [Rows(rows)], icon="📊", key="configuration")


def breakdown(model: Model, counted: ParameterCount) -> Section:
    """Every tensor's size, by layer and in all."""
    layered = [part for part in counted.parts if part.per_layer]
    others = [part for part in counted.parts if not part.per_layer]
    tables = [part for part in others if part.kind in (EMBEDDING, VALUE_EMBEDDING)]
    rest = [part for part in others if part not in tables]
    per_layer, all_layers = sum(part.each.value for part in layered), sum(part.total for part in layered)
    sizes = " + ".join(f"{part.each.value:,}" for part in layered)
    rows = [
        *(part_row(part, model) for part in tables),
        Row("per_layer", "Per-layer breakdown"),
        *(replace(part_row(part, model), indent=1) for part in layered),
        Row("layer", "Total per layer", per_layer, params(per_layer), 1, f"{sizes} = {per_layer:,}"),
        Row(
            "all_layers", f"All {model.n_layer} layers", all_layers, params(all_layers), shift=-2,
            formula=f"L·(total per layer) = {model.n_layer:,}·{per_layer:,} = {all_layers:,}",
        ),
        *(part_row(part, model) for part in rest),
    ]  # fmt: skip
    if model.tied:
        same = "no new parameters: it is the token embedding, used again"
        rows.append(Row("head", "LM head", 0, "0 params (tied)", formula=same))
    totals = " + ".join(f"{part.total:,}" for part in counted.parts)
    total = counted.total
    rows += [
        Row(
            "total", "Total parameters", total, params(total), emphasis=True, formula=f"{totals} = {total:,}"
        ),
        Row("", "", total, in_short(total)),
    ]
    return Section("Parameter breakdown", [Rows(rows, "right", NUMBERS_END)], icon="🔢", key="parameters")


def part_row(part: Part, model: Model) -> Row:
    """A part's parameters: of one layer for a part of every layer, else of all there are."""
    norm = "LayerNorm" if model.arch in ("textbook", "gpt2") else "RMSNorm"
    labels = LABELS | {"norms": norm, "final norm": f"Final {norm}"}
    label = labels.get(part.name, part.name[0].upper() + part.name[1:])
    value = part.each.value if part.per_layer else part.total
    formula = part.each.formula
    if not part.per_layer and part.times > 1:
        formula = f"{formula}, in {part.times:,} layers: {part.total:,}"
    return Row(slug(part.name), label, value, params(value), formula=formula)


def params(number: int) -> str:
    """A count with its unit."""
    return f"{number:,} params"


def in_short(total: int) -> str:
    """The total in millions, or in milliards where it is large."""
    return f"{total / 1e6:.2f} M" if total < 1e9 * ROUNDS_UP else f"{total / 1e9:.2f} B"


def memory(counted: ParameterCount) -> Section:
    """The four sizes everybody asks for first."""
    total = counted.total

    def row(key: str, label: str, copies: int, each: int, what: str) -> Row:
        size = total * copies * each
        times = f"{copies}·" if copies > 1 else ""
        numbers = f"{total:,}·{times}{each} bytes = {size:,} bytes"
        return Row(key, label, size, f"{size / 2**30:.2f} GiB", formula=f"{what} = {numbers}")

    rows = [
        row("weights_fp32", "Model weights (fp32)", 1, FP32, "N·4 bytes"),
        row("weights_fp16", "Model weights (fp16)", 1, BF16, "N·2 bytes"),
        row("training", "Training (fp32+opt)", ADAM_COPIES, FP32,
            "N·(weights + gradients + AdamW's 2 moments)·4 bytes"),
        row("inference", "Inference (fp16)", 1, BF16, "N·2 bytes"),
    ]  # fmt: skip
    return Section("Memory requirements", [Rows(rows, "right", SIZES_END)], icon="💾", key="memory")


def training(plan: Plan, counted: ParameterCount) -> Section:
    """Tokens, steps, time and operations at the throughput assumed."""
    total, per_step = plan.total_tokens, plan.tokens_per_step
    sequences = "sequence" if plan.batch_size == 1 else "sequences"
    operations, how = total_operations(plan, counted)
    where = {
        "given": "as given",
        "assumed": "assumed; name a GPU to work it out",
        "gpus": "peak·GPUs·MFU / FLOPs per token: see time and money",
    }[plan.throughput_from]
    rows = [
        Row("total_tokens", "Training tokens", total, f"{count(total)} tokens"),
        Row("batch_size", "Batch size", plan.batch_size, f"{plan.batch_size:,} {sequences}"),
        Row("seq_len", "Sequence length", plan.seq_len, f"{plan.seq_len} tokens"),
        Row("tokens_per_batch", "Tokens per batch", per_step,
            formula=f"B·T = {plan.batch_size:,}·{plan.seq_len:,} = {per_step:,}"),
        Row("steps", "Total steps", plan.steps,
            formula=f"tokens / tokens per batch = {total:,} / {per_step:,} = {plan.steps:,} whole steps"),
        Row("throughput", "Throughput", plan.throughput, f"{speed(plan.throughput)} tokens/sec",
            formula=where),
        Row("seconds", "Training time", plan.seconds, duration(plan.seconds),
            formula=f"tokens / throughput = {total:,} / {speed(plan.throughput)} = {plan.seconds:,.0f} s"),
        Row("flops", "Total FLOPs", operations, in_petaflops(operations), formula=how),
    ]  # fmt: skip
    return Section("Training estimates", [Rows(rows)], icon="⏱️", key="training")


def in_petaflops(operations: int) -> str:
    """Operations of a whole training, in the smaller unit where that one would say nothing."""
    return f"{operations / 1e15:.1f} PetaFLOPs" if operations >= 1e15 else flops(operations)


def total_operations(plan: Plan, counted: ParameterCount) -> tuple[int, str]:
    """Operations of the whole training, and their formula.

    The textbook's rule, 6·N, counts every parameter, also tables that are only looked up, and no attention
    scores. It is kept for the textbook alone; the others are counted exactly.
    """
    tokens = plan.total_tokens
    if plan.model.arch == "textbook":
        value = 6 * counted.total * tokens
        return value, f"6·N·tokens = 6·{counted.total:,}·{tokens:,} = {value:,} (rule of thumb; exact below)"
    each = count_flops(plan.model, plan.seq_len).total
    return each * tokens, f"FLOPs per token·tokens = {each:,}·{tokens:,} = {each * tokens:,}"


def insights(plan: Plan, counted: ParameterCount) -> Section:
    """What the figures teach."""
    total = counted.total
    tables = counted.of_kind(EMBEDDING, VALUE_EMBEDDING)
    attention = (
        counted.named("attention") + counted.named("attention biases") + counted.named("output biases")
    )
    mlp = counted.named("MLP") + counted.named("MLP biases")
    more = ADAM_COPIES * FP32 // BF16
    seen = plan.total_tokens / total
    items = [
        f"Embeddings use ~{tables / total:.1%} of parameters",
        f"Attention layers use ~{attention / total:.1%} of parameters",
        f"MLP layers use ~{mlp / total:.1%} of parameters",
        f"Training needs ~{more}x more memory than inference",
        f"Each parameter sees {seen:,.{0 if seen >= 10 else 1}f} tokens during training",
    ]
    return Section("Learning insights", [Notes(items)], icon="💡", key="insights")


def shares(counted: ParameterCount) -> Section:
    """The parameters as bars, largest first."""
    parts = sorted(counted.parts, key=lambda part: -part.total)
    total = counted.total
    bars = []
    for part in parts:
        label = LABELS.get(part.name, part.name[0].upper() + part.name[1:])
        share = part.total / total
        formula = f"{part.total:,} / {total:,} = {share:.4f}"
        bars.append(Bar(label, part.total, f"{part.total:,} ({share:.1%})", formula))
    return Section("Where the parameters are", [Bars("parts", bars)], icon="🍰", key="shares")


def own_gpt(plan: Plan, counted: ParameterCount) -> Section:
    """What this project's own GPT of the same size would count, and why it differs."""
    model = plan.model
    title, icon, key = "This project's own GPT of that size", "🏠", "own_gpt"
    try:
        own = GPTConfig(
            n_layer=model.n_layer, n_embd=model.n_embd, n_head=model.n_head, n_kv_head=model.n_kv_head,
            vocab_size=model.vocab_size, sequence_len=plan.seq_len,
        )  # fmt: skip
    except ValueError as error:
        return Section(title, [Text(f"It cannot be built in these sizes: {error}.", key="error")], icon, key)
    mine = count_parameters(own)
    tables, gates = mine.named("value embeddings"), mine.named("value gates")
    layers = f"{len(own.value_layers):,} layers"
    more = mine.total - counted.total
    bare = mine.total - mine.of_kind(EMBEDDING, VALUE_EMBEDDING)
    extra = f"{tables:,} params in {layers}, {gates:,} in gates"
    sizes = " + ".join(f"{part.total:,} {part.name}" for part in mine.parts)
    rows = [
        Row("total", "Parameters", mine.total, params(mine.total), formula=f"{sizes} = {mine.total:,}"),
        Row("difference", "Difference", more, f"{more:+,} params",
            formula=f"{mine.total:,} - {counted.total:,} = {more:+,}"),
        Row("matrices", "Without embeddings", bare, params(bare)),
        Row("value_embeddings", "Value embeddings", tables, extra),
        Row("norms", "Norms", 0, "0 params: its RMSNorm has no weights"),
    ]  # fmt: skip
    own_width = GPTConfig.from_depth(model.n_layer).n_embd
    command = f"python tools/model_calculator.py --arch nanochat --depth {model.n_layer}"
    note = f"Its one dial would make a model of {model.n_layer:,} layers {own_width:,} wide:"
    return Section(title, [Rows(rows), Code("command", command, caption=note)], icon, key)
