"""The sections about a machine: operations, memory on each GPU, inference, time and money, the command."""

from __future__ import annotations

from dataclasses import replace

from nanochat.model.config import DEEPEST, GPTConfig
from nanochat.model.counting import count_flops, count_parameters, kv_cache_per_token
from nanochat.model.hardware import GPUS, PRICES_AS_OF, PRICES_SOURCE
from nanochat.model.memory import (
    USABLE,
    activation_bytes,
    activation_widths,
    inference_weights,
    kv_cache_bytes,
)
from nanochat.model.planning import (
    CHINCHILLA,
    at_depth,
    chinchilla_tokens,
    decode_limit,
    fits,
    largest_batch,
    largest_depth,
    longest_context,
    tokens_per_second,
)
from nanochat.train.depth_dial import TOKENS_PER_PARAMETER, plan_for
from tools.calculator.command_section import command
from tools.calculator.plan import Plan
from tools.calculator.wording import count, dollars, duration, flops, gib, speed
from tools.core.report import Block, Cell, Column, Row, Rows, Section, Table

NUMBERS_END = 44


def machine_sections(plan: Plan) -> list[Section]:
    """What training and running the model asks of a machine.

    >>> from tools.calculator.plan import make_plan
    >>> from tools.calculator.question import Question
    >>> [section.key for section in machine_sections(make_plan(Question()))]
    ['operations', 'gpu_memory', 'inference', 'time_and_money', 'command']
    """
    return [operations(plan), gpu_memory(plan), inference(plan), time_and_money(plan), command(plan)]


def operations(plan: Plan) -> Section:
    """Operations for a token and for the whole training, with attention counted."""
    each = count_flops(plan.model, plan.seq_len)
    total = each.total * plan.total_tokens
    share = each.attention.value / each.total
    rows = [
        Row("matmul", "Matrix products", each.matmul.value, flops(each.matmul.value),
            formula=each.matmul.formula),
        Row("attention", "Attention scores", each.attention.value,
            f"{flops(each.attention.value)} ({share:.1%})", formula=each.attention.formula),
        Row("per_token", "One token, trained", each.total, flops(each.total),
            formula=f"{each.matmul.value:,} + {each.attention.value:,} = {each.total:,}"),
        Row("forward", "One token, forward", each.forward, flops(each.forward),
            formula=f"a third of it: {each.total:,} / 3 = {each.forward:,}"),
        Row("training", "Whole training", total, flops(total),
            formula=f"FLOPs per token·tokens = {each.total:,}·{plan.total_tokens:,} = {total:,}"),
    ]  # fmt: skip
    return Section("Operations, attention included", [Rows(rows)], icon="🧮", key="operations")


def gpu_memory(plan: Plan) -> Section:
    """Where the memory of each GPU goes in training, and what fits."""
    model, machine, batch, n_time = plan.model, plan.machine, plan.device_batch, plan.seq_len
    held = machine.memory(model, batch, n_time)
    sequences = "sequence" if batch == 1 else "sequences"
    rows = [Row(key_of(item.name), item.name[0].upper() + item.name[1:], item.bytes, gib(item.bytes),
                formula=item.figure.formula) for item in held.items]  # fmt: skip
    sum_of = " + ".join(f"{item.bytes:,}" for item in held.items)
    rows.append(
        Row(
            "total", "Total", held.total, gib(held.total), emphasis=True, formula=f"{sum_of} = {held.total:,}"
        )
    )
    verdict = held.total <= machine.usable_bytes
    facts = [
        Row("fits", "Does it fit", verdict, fit_text(plan, held.total, verdict),
            formula=f"{held.total:,} bytes against {USABLE:.0%} of {machine.gpu.memory_gib:g} GiB = "
                    f"{machine.usable_bytes:,}; a tenth is left to the driver, libraries and gaps"),
        *batch_rows(plan),
        *checkpointing_rows(plan),
    ]  # fmt: skip
    shared = f" of {machine.gpus:,}" if machine.gpus > 1 else ""
    caption = f"One {machine.gpu.label}{shared}, {batch:,} {sequences} of {n_time:,} tokens at a time:"
    blocks: list[Block] = [Rows(rows, "right", NUMBERS_END, caption), Rows(facts)]
    if not verdict:
        blocks.append(Rows([Row("way_out", "What would fit", way_out(plan))]))
    return Section("Memory in training, on each GPU", blocks, icon="🧠", key="gpu_memory")


def key_of(name: str) -> str:
    """The key of a memory item in JSON.

    >>> key_of("Muon momentum: matrices")
    'muon_momentum_matrices'
    """
    return "_".join(name.lower().replace(":", "").replace(",", "").split())


def fit_text(plan: Plan, total: int, verdict: bool) -> str:
    """The answer in words."""
    usable = plan.machine.usable_bytes
    answer = "yes" if verdict else "no"
    return (
        f"{answer}: {gib(total)} of {gib(usable)} usable ({plan.machine.gpu.memory_gib:g} GiB less a tenth)"
    )


def batch_rows(plan: Plan) -> list[Row]:
    """How a step is made up, and the largest batch and depth that fit."""
    model, machine, n_time = plan.model, plan.machine, plan.seq_len
    one = machine.memory(model, 1, n_time)
    most = largest_batch(model, machine, n_time)
    turns = plan.turns
    step = "1 pass a step" if turns == 1 else f"{turns:,} passes a step (gradient accumulation)"
    left = machine.usable_bytes - one.fixed
    depth = largest_depth(model, machine, n_time)
    what = "the dial's width" if isinstance(model, GPTConfig) else "at this width"
    share, uneven = divmod(plan.batch_size, machine.gpus)
    if uneven:
        step += f"; {plan.batch_size:,} cannot be shared out evenly among {machine.gpus:,} GPUs"
    return [
        Row("device_batch_size", "Sequences at a time", plan.device_batch,
            f"{plan.device_batch:,} on a GPU, {step}",
            formula="the largest divisor of the GPU's share of the batch that fits: a divisor of "
                    f"{max(1, share):,}, at most {most:,}"),
        Row("largest_batch", "Largest batch", most, f"{most:,} sequences at a time on a GPU",
            formula=f"(usable - fixed) / one sequence = ({machine.usable_bytes:,} - {one.fixed:,}) / "
                    f"{one.total - one.fixed:,} = {max(0, left) / (one.total - one.fixed):,.2f}, cut off"),
        Row("largest_depth", "Largest depth", depth,
            f"{depth:,} layers{' or more' * (depth == DEEPEST)}, {what}, one sequence at a time",
            formula=depth_formula(plan, depth)),
    ]  # fmt: skip


def depth_formula(plan: Plan, depth: int) -> str:
    """What the deepest model that fits holds, and the next one."""
    held = [
        f"{n:,} layers hold {plan.machine.memory(at_depth(plan.model, n), 1, plan.seq_len).total:,} bytes"
        for n in (depth, depth + 1)
        if 1 <= n <= DEEPEST
    ]
    return f"{', '.join(held)}; {plan.machine.usable_bytes:,} are usable"


def checkpointing_rows(plan: Plan) -> list[Row]:
    """The activations with and without checkpointing."""
    rows = []
    for checkpointing, key, label in ((False, "activations_full", "Activations, all"),
                                      (True, "activations_checkpointed", "... checkpointed")):  # fmt: skip
        figure = activation_bytes(plan.model, plan.device_batch, plan.seq_len, checkpointing)
        used = " (used here)" if checkpointing == plan.machine.checkpointing else ""
        widths = " + ".join(
            f"{width:,} {name}" for name, width in activation_widths(plan.model).items() if width
        )
        rows.append(
            Row(
                key,
                label,
                figure.value,
                gib(figure.value) + used,
                formula=f"{figure.formula}; a layer: {widths}",
            )
        )
    return rows


def way_out(plan: Plan) -> str:
    """The first remedy that makes it fit, from the cheapest."""
    model, machine, n_time = plan.model, plan.machine, plan.seq_len
    if fits(model, replace(machine, checkpointing=True), 1, n_time):
        return "--checkpointing: about a third more time for much less memory"
    lean = replace(machine, checkpointing=True, sharding="all")
    for gpus in (machine.gpus, 2, 4, 8, 16, 32, 64, 128, 256):
        if gpus >= machine.gpus and fits(model, replace(lean, gpus=gpus), 1, n_time):
            return f"--checkpointing --sharding all --gpus {gpus}"
    for gpu in GPUS:
        if gpu.memory_bytes > machine.gpu.memory_bytes and fits(model, replace(lean, gpu=gpu), 1, n_time):
            return f"--gpu {gpu.name} --checkpointing --sharding all"
    return "a smaller model, or shorter sequences: no machine of this table is large enough"


def inference(plan: Plan) -> Section:
    """Running the trained model: weights, KV cache, the longest context, the speed limit."""
    model, gpu = plan.model, plan.machine.gpu
    weights, each = inference_weights(model), kv_cache_per_token(model)
    cache = kv_cache_bytes(model, plan.context, plan.conversations)
    total = weights.value + cache.value
    longest = longest_context(model, gpu, plan.conversations)
    limit = decode_limit(model, gpu)
    served = "1 conversation" if plan.conversations == 1 else f"{plan.conversations:,} conversations"
    rows = [
        Row("weights", "Weights (bf16)", weights.value, gib(weights.value), formula=weights.formula),
        Row("kv_bytes_per_token", "KV cache, one token", each.value, f"{each.value:,} bytes in all layers",
            formula=each.formula),
        Row("kv_cache", "KV cache", cache.value,
            f"{gib(cache.value)} ({served} of {plan.context:,} tokens)", formula=cache.formula),
        Row("total", "Together", total, gib(total),
            formula=f"{weights.value:,} + {cache.value:,} = {total:,}"),
        Row("longest_context", "Longest context", longest, f"{longest:,} tokens fit on one {gpu.label}",
            formula="the most whose KV cache fits into usable memory - weights = "
                    f"{plan.machine.usable_bytes:,} - {weights.value:,} = "
                    f"{plan.machine.usable_bytes - weights.value:,} bytes"),
        Row("decode_limit", "Speed limit, alone", limit, f"{speed(limit)} tokens/sec for 1 conversation",
            formula=f"bandwidth / bytes of the weights read for a token = {gpu.bandwidth:,.0f} / "
                    f"{gpu.bandwidth / limit:,.0f}; the KV cache comes on top"),
    ]  # fmt: skip
    if model.arch == "gpt2" and longest > model.sequence_len:
        text = f"{model.sequence_len:,} tokens: it has learned no more positions"
        rows[4] = replace(rows[4], value=model.sequence_len, text=text, formula=None)
    return Section("Inference", [Rows(rows)], icon="💬", key="inference")


def time_and_money(plan: Plan) -> Section:
    """Hours and dollars on the machine, and how many tokens would be best."""
    model, machine, gpu = plan.model, plan.machine, plan.machine.gpu
    rate = tokens_per_second(model, machine, plan.seq_len)
    per_token = count_flops(model, plan.seq_len).total
    seconds = plan.total_tokens / rate
    hours = seconds / 3600 * machine.gpus
    best, best_text, best_formula = best_tokens(plan)
    peak = f"{gpu.peak_flops / 1e12:,.0f} TFLOP/s"
    about = "yours" if plan.own_price else f"{PRICES_AS_OF}; set your own with --price"
    each = f"{dollars(plan.price)} an hour for a GPU ({about})"
    rows = [
        Row("gpu", "GPU", gpu.name, f"{machine.gpus:,} × {gpu.label}", formula=f"{peak}, {gpu.source}"),
        Row("peak_flops", "Peak, dense bf16", gpu.peak_flops, f"{peak} each"),
        Row("mfu", "MFU (assumed)", machine.mfu, f"{machine.mfu * 100:.4g}% of the peak",
            formula="measured in public nanochat runs on H100: 41% at depth 12, 46% at 18, 50% at 24; "
                    "very small models reach less"),
        Row("tokens_per_second", "Speed", rate, f"{speed(rate)} tokens/sec",
            formula=f"peak·GPUs·MFU / FLOPs per token = {gpu.peak_flops:,.0f}·{machine.gpus:,}·"
                    f"{machine.mfu:g} / {per_token:,} = {speed(rate)}"),
        Row("seconds", "Training time", seconds, duration(seconds),
            formula=f"tokens / speed = {plan.total_tokens:,} / {speed(rate)} = {seconds:,.0f} seconds"),
        Row("gpu_hours", "GPU hours", hours, f"{hours:,.1f}",
            formula=f"hours·GPUs = {seconds / 3600:,.2f}·{machine.gpus:,} = {hours:,.2f}"),
        Row("price", "Price", plan.price, each, formula=f"from {PRICES_SOURCE}, rounded"),
        Row("cost", "Cost", hours * plan.price, dollars(hours * plan.price),
            formula=f"GPU hours·price = {hours:,.2f}·{plan.price:.10g} = {dollars(hours * plan.price)}"),
        Row("best_tokens", "Compute-optimal", best, best_text, formula=best_formula),
        Row("best_seconds", "... would take", best / rate,
            f"{duration(best / rate)}, {dollars(best / rate / 3600 * machine.gpus * plan.price)}",
            formula=f"tokens / speed = {best:,} / {speed(rate)} = {best / rate:,.0f} seconds"),
    ]  # fmt: skip
    return Section("Time and money", [Rows(rows), gpu_table(plan)], icon="💰", key="time_and_money")


def gpu_table(plan: Plan) -> Table:
    """The same training on every GPU of the table, as many of them and as well used."""
    columns = [
        Column("gpu", "GPU"), Column("teraflops", "TFLOP/s"), Column("gib", "GiB"),
        Column("bandwidth", "GB/s"), Column("price", "$/hour"), Column("hours", "Hours"),
        Column("cost", "Cost"), Column("fits", "Fits", "right"),
    ]  # fmt: skip
    rows: list[list[Cell | float | str]] = []
    for gpu in GPUS:
        machine = replace(plan.machine, gpu=gpu)
        hours = plan.total_tokens / tokens_per_second(plan.model, machine, plan.seq_len) / 3600
        cost = hours * machine.gpus * gpu.price
        rows.append([
            Cell(gpu.name, formula=gpu.source), Cell(gpu.peak_flops / 1e12, f"{gpu.peak_flops / 1e12:,.5g}"),
            Cell(gpu.memory_gib, f"{gpu.memory_gib:g}"),
            Cell(gpu.bandwidth / 1e9, f"{gpu.bandwidth / 1e9:,.0f}"), Cell(gpu.price, f"{gpu.price:.2f}"),
            Cell(hours, f"{hours:,.1f}" if hours >= 1 else f"{hours:.2g}"),
            Cell(cost, dollars(cost)), fits(plan.model, machine, 1, plan.seq_len),
        ])  # fmt: skip
    caption = f"The same on {plan.machine.gpus:,} of each GPU, at the prices of {PRICES_AS_OF}:"
    return Table("each_gpu", columns, rows, caption=caption)


def best_tokens(plan: Plan) -> tuple[int, str, str]:
    """The compute-optimal number of tokens: value, words and formula."""
    model = plan.model
    if isinstance(model, GPTConfig):
        dial = plan_for(model)
        ratio = TOKENS_PER_PARAMETER
        formula = f"ratio·(matrices + head) = {ratio:g}·{dial.scaling_parameters:,} = {dial.tokens:,}"
        return dial.tokens, f"{count(dial.tokens)} tokens ({ratio:g} a matrix and head parameter)", formula
    best, total = chinchilla_tokens(model), count_parameters(model).total
    formula = f"{CHINCHILLA}·N = {CHINCHILLA}·{total:,} = {best:,} (Hoffmann et al. 2022, arXiv 2203.15556)"
    return best, f"{count(best)} tokens ({CHINCHILLA} a parameter)", formula
