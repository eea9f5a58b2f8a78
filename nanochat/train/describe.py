"""A run in words: the box at its beginning, and what `--dry-run` prints. Standard library only."""

from __future__ import annotations

from collections.abc import Sequence

from nanochat.model.counting import count_parameters
from nanochat.train.fitting import bytes_needed, gib
from nanochat.train.run_plan import RunPlan


def facts(
    plan: RunPlan, text: str, tokenizer: str, device: str, without: Sequence[str] = (), step: str = ""
) -> list[tuple[str, str]]:
    """What a person wants to know before a run of hours: (name, value).

    `without` are extras left out; `step` says what a step is where its tokens are not known before.
    """
    config, settings = plan.config, plan.settings
    needed = bytes_needed(
        config, plan.device_batch_size, plan.place, settings.dtype == "fp32", settings.checkpointing
    )
    free = plan.place.free_bytes
    of = f" of {gib(free)} free" if free else ""
    each = " on each" if plan.place.world > 1 else ""
    how = ["FP8 matrices" if settings.fp8 else settings.dtype, "compiled" if settings.compile else "eager"]
    how += ["checkpointing"] if settings.checkpointing else []
    found = [
        ("model", f"{plural(config.n_layer, 'layer')}, width {config.n_embd:,}, "
                  f"{plural(config.n_head, 'head')}, {short(count_parameters(config).total)} parameters"),
        ("text", f"{text}; tokenizer {tokenizer} of {config.vocab_size:,} tokens"),
        ("step", step or batch_in_words(plan)),
        ("length", plural(plan.steps, "step") + ("" if step else f", {short(plan.total_tokens)} tokens, "
                   f"{short(plan.total_tokens * plan.flops_per_token)} operations")),
        ("machine", f"{device}, {', '.join(how)}"),
        ("memory", f"about {gib(needed)}{of}{each}"),
    ]  # fmt: skip
    if without:
        found.insert(1, ("without", ", ".join(without).replace("_", " ")))
    return found


def batch_in_words(plan: RunPlan) -> str:
    """How a step is cut.

    >>> from nanochat.train.run_plan import plan_run
    >>> from nanochat.train.settings import Settings
    >>> plan = plan_run(Settings(depth=4, seq_len=512, batch_size=16, device_batch_size=4), vocab_size=4_096)
    >>> batch_in_words(plan)
    '16 sequences × 512 = 8,192 tokens, 4 at a time'
    """
    words = f"{plan.batch_size:,} sequences × {plan.config.sequence_len:,} = {plan.batch_tokens:,} tokens"
    if plan.micro_batches > 1:
        words += f", {plan.device_batch_size} at a time"
    return words + (f" on each of {plan.place.world}" if plan.place.world > 1 else "")


def short(number: float) -> str:
    """A large number with three digits.

    >>> short(7_340_000), short(999), short(5.15e13)
    ('7.34 M', '999', '51.5 T')
    """
    for size, letter in ((1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:.3g}"


def plural(count: int, word: str) -> str:
    """A count with its word.

    >>> plural(1, "layer"), plural(2_000, "step")
    ('1 layer', '2,000 steps')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"
