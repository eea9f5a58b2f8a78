"""From what fine-tuning was asked to what will be done: every number of the run.

The model is the base run's. A step has as many tokens as one of pretraining had, unless asked otherwise, and
learning rates follow the batch and the length as there (`nanochat.train.run_plan`), times `RATE`. Weights do
not decay: what was learnt from text is to stay.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanochat.data.tasks.mixture import parse_mixture
from nanochat.model.config import GPTConfig
from nanochat.train.depth_dial import plan_for
from nanochat.train.fitting import Place
from nanochat.train.run_plan import (
    EVALUATIONS,
    LONGEST_BETWEEN,
    RunPlan,
    at_batch,
    make_schedule,
    pick_device_batch,
)
from nanochat.train.sft_settings import SftSettings

RATE = 0.5  # of pretraining's learning rates
EXAMPLES = {"classroom": 40_000, "storybook": 87_000}  # conversations when nobody says how many
MANY = 600_000  # of other mixtures
VALIDATION_ROWS = 16  # rows of held-out conversations in an evaluation, at least


def plan_sft(
    settings: SftSettings, config: GPTConfig, base_batch: int, rows: int, place: Place, dtype: str
) -> RunPlan:
    """Fill in what `settings` leave open. `rows` are those that all conversations fill.

    >>> config = GPTConfig.from_depth(4, vocab_size=4_096, sequence_len=512)
    >>> plan = plan_sft(
    ...     SftSettings(from_run="d4"), config, base_batch=16, rows=3_200, place=Place(), dtype="fp32"
    ... )
    >>> plan.steps, plan.batch_tokens
    (200, 8192)
    """
    settings.checked()
    batch_size = settings.batch_size or base_batch
    steps = settings.steps or max(1, math.ceil(rows / batch_size))
    device_batch_size = pick_device_batch(settings, config, batch_size, place, dtype == "fp32")
    batch_tokens = batch_size * config.sequence_len
    training = at_batch(plan_for(config), batch_tokens, steps, RATE * settings.lr_scale)
    training = replace(training, weight_decay=0.0)
    schedule = make_schedule(settings, steps, 0.0)
    often = max(1, min(LONGEST_BETWEEN, math.ceil(steps / EVALUATIONS)))
    every: dict[str, Any] = {
        name: often if (given := getattr(settings, name)) is None else given
        for name in ("eval_every", "sample_every", "save_every")
    }
    rows_evaluated = max(batch_size, VALIDATION_ROWS)
    eval_tokens = settings.eval_tokens or rows_evaluated * config.sequence_len
    complete = replace(
        settings,
        batch_size=batch_size, steps=steps, examples=settings.examples or how_many(settings),
        warmup_steps=schedule.warmup, warmdown=schedule.warmdown_share, device_batch_size=device_batch_size,
        dtype=dtype, eval_tokens=eval_tokens, **every,
    )  # fmt: skip
    return RunPlan(
        complete, config, training, schedule, place, steps, batch_size, device_batch_size,
        eval_tokens=eval_tokens, **every,
    )  # fmt: skip


def how_many(settings: SftSettings) -> int:
    """Conversations to learn from.

    >>> how_many(SftSettings(mixture="classroom"))
    40000
    """
    return settings.examples or EXAMPLES.get(settings.mixture, MANY)


def fingerprint_of(settings: SftSettings, size: int) -> str:
    """A hash of all that decides the conversations and their order."""
    own = ""
    if settings.conversations:
        own = hashlib.sha256(Path(settings.conversations).read_bytes()).hexdigest()
    parts = parse_mixture(settings.mixture)
    return hashlib.sha256(json.dumps([parts, size, settings.seed, own, settings.share]).encode()).hexdigest()
