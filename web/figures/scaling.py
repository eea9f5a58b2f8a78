"""The figure and the tables of the page on scale, from the scale model and its saved check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from nanochat.commands.measure import machine
from nanochat.commands.measure.scaling import compare
from nanochat.model.counting import count_parameters
from nanochat.model.hardware import find_gpu
from nanochat.train.depth_dial import TrainingPlan, turn_dial
from nanochat.train.links import ETHERNET, INFINIBAND, Cluster, Link
from nanochat.train.scaling import PLANS, StepTime, most_that_pay, split_step, steps_with_batch
from web.figures.svg import Svg

SAVED = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "scaling-cpu.json"
COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1_024)
PARTS = (("passes", 1), ("gradients", 2), ("update", 3), ("weights", 4))
PRICE = find_gpu("H100").price
PLAN_WORDS = {
    "whole": "every GPU does the whole update",
    "machine": "the update shared within each machine (here)",
    "all": "the update shared by all GPUs",
    "fsdp": "weights and gradients divided too (FSDP)",
}


def counts_of(dial: TrainingPlan) -> list[int]:
    """The numbers of GPUs that can share the dial's batch."""
    return [gpus for gpus in COUNTS if gpus * dial.config.sequence_len <= dial.batch_tokens]


def step_on(dial: TrainingPlan, gpus: int, between: Link = INFINIBAND, plan: str = "machine") -> StepTime:
    """One step of the dial's run on H100s."""
    return split_step(dial.config, dial.batch_tokens, Cluster(gpus, between=between), plan)


def step_shares() -> str:
    """Where the time goes on 1 to 1,024 GPUs, as one bar for each number."""
    dial = turn_dial(32)
    steps = [step_on(dial, gpus) for gpus in counts_of(dial)]
    said = " ".join(f"{step.gpus:,}: {step.efficiency:.0%}." for step in steps)
    drawing = Svg(
        "step-shares",
        440,
        40 + 24 * len(steps),
        title="Where the time of a step goes",
        description=f"Share of the time spent in the passes through the model, by number of GPUs. {said}",
    )
    for place, (name, tone) in enumerate(PARTS):
        drawing.bar(62 + 88 * place, 6, 12, 12, tone=tone)
        drawing.text(78 + 88 * place, 12, name, middle=True, size=11)
    for row, step in enumerate(steps):
        x, y = 62.0, 30 + 24 * row
        drawing.text(54, y + 9, f"{step.gpus:,}", anchor="end", middle=True, size=11)
        for name, tone in PARTS:
            width = 330 * getattr(step, name) / step.total
            drawing.bar(x, y, width, 18, tone=tone)
            x += width
        drawing.text(398, y + 9, f"{step.efficiency:.0%}", middle=True, size=11, kind="strong")
    return drawing.figure(
        f"A model of depth 32, {dial.batch_tokens:,} tokens a step, machines of eight H100 with InfiniBand. "
        "Left the number of GPUs, right the share of the passes, which is what more GPUs make faster."
    )


def split_table(depth: int) -> str:
    """Each part of a step, the run's hours and its price, for every number of GPUs."""
    dial = turn_dial(depth)
    lines = [
        "| GPUs | passes | + gradients | + update | + weights | = step | passes' share | whole run | price |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for gpus in counts_of(dial):
        step = step_on(dial, gpus)
        hours = dial.steps * step.total / 3_600
        parts = " | ".join(milliseconds(getattr(step, name)) for name, _ in PARTS)
        lines.append(
            f"| {gpus:,} | {parts} | {milliseconds(step.total)} | {step.efficiency:.0%} | {duration(hours)} "
            f"| ${hours * gpus * PRICE:,.0f} |"
        )
    return "\n".join(lines)


def milliseconds(seconds: float) -> str:
    """A time in milliseconds, with three digits.

    >>> milliseconds(1.2345), milliseconds(0.0012345), milliseconds(0)
    ('1,234 ms', '1.23 ms', '0')
    """
    if not seconds:
        return "0"
    value = 1_000 * seconds
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def duration(hours: float) -> str:
    """A time in hours, or in minutes when it is short.

    >>> duration(2.96), duration(0.3), duration(0.0101)
    ('3.0 h', '18 min', '0.61 min')
    """
    return f"{hours:,.1f} h" if hours >= 1 else f"{60 * hours:.2g} min"


def limits_table(depths: Sequence[int]) -> str:
    """Up to how many GPUs it pays, by depth and network."""
    lines = [
        "| depth | parameters | tokens a step | GPUs at most | that pay, InfiniBand | that pay, Ethernet |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for depth in depths:
        dial = turn_dial(depth)
        paying = [
            most_that_pay(dial.config, dial.batch_tokens, Cluster(between=link))
            for link in (INFINIBAND, ETHERNET)
        ]
        lines.append(
            f"| {depth} | {parameters(dial)} | {dial.batch_tokens:,} "
            f"| {dial.batch_tokens // dial.config.sequence_len:,} | {paying[0]:,} | {paying[1]:,} |"
        )
    return "\n".join(lines)


def parameters(dial: TrainingPlan) -> str:
    """How large the model is, in words."""
    total = count_parameters(dial.config).total
    return f"{total / 1e9:.1f} billion" if total >= 1e9 else f"{total / 1e6:.0f} million"


def plans_table(depth: int, counts: Sequence[int]) -> str:
    """The time of a step under each plan."""
    dial = turn_dial(depth)
    heads = " | ".join(f"{gpus:,} GPUs" for gpus in counts)
    lines = [f"| plan | {heads} |", "| --- |" + " ---: |" * len(counts)]
    for plan in PLANS:
        cells = " | ".join(milliseconds(step_on(dial, gpus, plan=plan).total) for gpus in counts)
        lines.append(f"| {PLAN_WORDS[plan]} | {cells} |")
    return "\n".join(lines)


def batches_table(depth: int, critical_factor: float, factors: Sequence[int]) -> str:
    """What a larger batch buys and costs, when the critical batch is so many times the dial's."""
    dial = turn_dial(depth)
    critical = critical_factor * dial.batch_tokens
    lines = [
        "| tokens a step | GPUs that pay | steps | tokens | whole run | its price |",
        "| ---: " * 6 + "|",
    ]
    for factor in factors:
        batch = factor * dial.batch_tokens
        gpus = most_that_pay(dial.config, batch, Cluster())
        steps = steps_with_batch(dial.steps, dial.batch_tokens, batch, critical)
        hours = steps * split_step(dial.config, batch, Cluster(gpus)).total / 3_600
        lines.append(
            f"| {batch:,} | {gpus:,} | {steps:,.0f} | {steps * batch / 1e9:.1f} billion "
            f"| {duration(hours)} | ${hours * gpus * PRICE:,.0f} |"
        )
    return "\n".join(lines)


def check_table(path: Path = SAVED) -> str:
    """Predicted and measured steps on a CPU, and where."""
    saved = json.loads(path.read_text(encoding="utf-8"))
    sequence = saved["settings"]["model"]["sequence_len"]
    lines = [
        "| processes | tokens of each | passes | + gradients | + update | + weights | = predicted | measured "
        "| predicted ÷ measured |",
        "| ---: " * 9 + "|",
    ]
    for row in compare(saved):
        parts = " | ".join(milliseconds(row[name]) for name, _ in PARTS)
        lines.append(
            f"| {row['processes']} | {row['sequences'] * sequence:,} | {parts} "
            f"| {milliseconds(row['predicted'])} | {milliseconds(row['measured'])} "
            f"| {row['predicted'] / row['measured']:.2f} |"
        )
    where = f"{machine.in_words(saved['machine'])}; measured on {saved['date']}."
    return "\n".join(lines) + f"\n\n{where}\n\n```bash\n{saved['command']}\n```"


def slower_network(gpus: int, depth: int) -> str:
    """One sentence: the same step over InfiniBand and over Ethernet."""
    dial = turn_dial(depth)
    fast, slow = step_on(dial, gpus), step_on(dial, gpus, ETHERNET)
    return (
        f"On {gpus} GPUs a step of depth {depth} takes {milliseconds(fast.total)} over InfiniBand and "
        f"{milliseconds(slow.total)} over Ethernet of 100 Gbit/s a machine, where {slow.waiting:.0%} of the "
        "time is spent waiting."
    )
