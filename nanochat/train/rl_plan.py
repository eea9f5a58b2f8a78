"""From what reinforcement learning was asked to what will be done: every number of the run.

A step has so many questions and replies to each; how many rows they fill is known when they are written, so a
step takes as many micro-batches as it needs. Learning rates are pretraining's times `RATE`: replies by chance
tell much less about the right direction than a text does, and each step may go only a little way. They stay
level for most of the run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nanochat.model.config import GPTConfig
from nanochat.train.depth_dial import REFERENCE_BATCH, plan_for
from nanochat.train.fitting import Place
from nanochat.train.rl_settings import RlSettings
from nanochat.train.run_plan import RunPlan, at_batch, make_schedule, pick_device_batch

RATE = 0.03  # of pretraining's learning rates at its reference
STEPS = 100
ROWS_AT_A_TIME = 4  # rows of a micro-batch: few, since the last one of a step is not full
WARMDOWN = 0.3


def plan_rl(settings: RlSettings, config: GPTConfig, place: Place, dtype: str) -> RunPlan:
    """Fill in what `settings` leave open.

    >>> config = GPTConfig.from_depth(4, vocab_size=4_096, sequence_len=512)
    >>> plan = plan_rl(RlSettings(from_run="d4-sft"), config, Place(), "fp32")
    >>> plan.steps, plan.device_batch_size
    (100, 4)
    """
    settings.checked()
    steps = settings.steps or STEPS
    rows = settings.device_batch_size or ROWS_AT_A_TIME
    batch_size = rows * place.world
    with_rows = replace(settings, device_batch_size=rows)
    device_batch_size = pick_device_batch(with_rows, config, batch_size, place, dtype == "fp32")
    # The rates of the reference, whatever the batch: it is replies that are counted here, not tokens.
    training = at_batch(plan_for(config), REFERENCE_BATCH, steps, RATE * settings.lr_scale)
    training = replace(training, weight_decay=0.0)
    schedule = make_schedule(
        replace(settings, warmdown=WARMDOWN if settings.warmdown is None else settings.warmdown), steps, 0.0
    )
    often = max(1, steps // 4)
    every: dict[str, Any] = {
        name: often if (given := getattr(settings, name)) is None else given
        for name in ("eval_every", "sample_every", "save_every")
    }
    complete = replace(
        settings,
        batch_size=batch_size, steps=steps, warmup_steps=schedule.warmup, warmdown=schedule.warmdown_share,
        device_batch_size=device_batch_size, dtype=dtype, **every,
    )  # fmt: skip
    return RunPlan(
        complete, config, training, schedule, place, steps, batch_size, device_batch_size, eval_tokens=0,
        **every,
    )  # fmt: skip
