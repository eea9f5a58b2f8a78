"""From what was asked to what will be done: every number of a run, before anything heavy is imported.

The depth dial answers what the flags leave open; the machine decides how many sequences are taken at a time.
One answer differs from the dial's: a run of a given number of steps, `--steps 20`, gets the batch that suits
that many (the dial's law solved for the batch), since one of a full-length run would take minutes a step.
Standard library only.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

from nanochat.errors import UserError
from nanochat.model.config import HEAD_DIM, GPTConfig, round_up
from nanochat.model.counting import count_flops
from nanochat.train.depth_dial import (
    BATCH_EXPONENT,
    REFERENCE_BATCH,
    REFERENCE_DEPTH,
    TOKENS_PER_PARAMETER,
    TrainingPlan,
    plan_for,
    turn_dial,
)
from nanochat.train.fitting import Place, default_sequences, most_that_fit, too_large
from nanochat.train.rate_groups import read_factors
from nanochat.train.schedule import WARMDOWN_SHARE, Schedule
from nanochat.train.settings import RunSettings, Settings

ALONE = Place()  # one process on a CPU
EVALUATIONS = 4  # in a run, when nobody says how many; more in a long one
LONGEST_BETWEEN = 250  # steps between evaluations
EVAL_SHARE = 0.05  # of the training's time
EVAL_TOKENS = (2**14, 10 * 2**20)  # few give a noisy figure; more than this change no digit that counts


@dataclass(frozen=True)
class RunPlan:
    """A run with nothing left open.

    >>> plan = plan_run(Settings(depth=4, seq_len=512, batch_size=16, steps=200), vocab_size=4_096)
    >>> plan.batch_tokens, plan.total_tokens, plan.micro_batches
    (8192, 1638400, 1)
    """

    settings: RunSettings  # every field set, so that they make this plan again
    config: GPTConfig
    training: TrainingPlan
    schedule: Schedule
    place: Place
    steps: int
    batch_size: int
    device_batch_size: int
    eval_every: int
    eval_tokens: int
    sample_every: int
    save_every: int

    @property
    def batch_tokens(self) -> int:
        """Tokens of one step, on all processes together."""
        return self.batch_size * self.config.sequence_len

    @property
    def total_tokens(self) -> int:
        """Tokens of the whole run."""
        return self.steps * self.batch_tokens

    @property
    def micro_batches(self) -> int:
        """Forward and backward passes of each process for one step."""
        return self.batch_size // (self.device_batch_size * self.place.world)

    @property
    def flops_per_token(self) -> int:
        """Operations of training on one token."""
        return count_flops(self.config).total


def plan_run(settings: Settings, vocab_size: int, place: Place = ALONE, dtype: str = "fp32") -> RunPlan:
    """Fill in what `settings` leave open; raises `UserError` where its parts do not fit together.

    `dtype` is what the machine will multiply in.

    >>> plan_run(Settings(), vocab_size=4_096)
    Traceback (most recent call last):
    nanochat.errors.UserError: say how large the model is to be: --depth 4 on a laptop, --depth 12 on one GPU
    """
    settings.checked()
    config = model_config(settings, vocab_size)
    dial = plan_for(config, settings.ratio or TOKENS_PER_PARAMETER)
    batch_size = pick_batch(settings, config, dial, place)
    batch_tokens = batch_size * config.sequence_len
    steps = settings.steps or max(1, (settings.total_tokens or dial.tokens) // batch_tokens)
    device_batch_size = pick_device_batch(settings, config, batch_size, place, dtype == "fp32")
    training = replace(
        at_batch(dial, batch_tokens, steps, settings.lr_scale),
        group_factors=read_factors(settings.group_lr_scale),
    )
    schedule = make_schedule(settings, steps, training.weight_decay)
    often = max(1, min(LONGEST_BETWEEN, math.ceil(steps / EVALUATIONS)))
    eval_every = often if settings.eval_every is None else settings.eval_every
    eval_tokens = settings.eval_tokens or pick_eval_tokens((eval_every or steps) * batch_tokens)
    sample_every = often if settings.sample_every is None else settings.sample_every
    save_every = often if settings.save_every is None else settings.save_every
    complete = replace(
        settings,
        head_dim=config.head_dim, kv_heads=config.n_kv_head, seq_len=config.sequence_len,
        window_pattern=config.window_pattern, batch_size=batch_size, steps=steps, total_tokens=None,
        ratio=None, warmup_steps=schedule.warmup, warmdown=schedule.warmdown_share,
        device_batch_size=device_batch_size, dtype=dtype, eval_every=eval_every,
        eval_tokens=eval_tokens, sample_every=sample_every, save_every=save_every,
    )  # fmt: skip
    return RunPlan(
        complete, config, training, schedule, place, steps, batch_size, device_batch_size, eval_every,
        eval_tokens, sample_every, save_every,
    )  # fmt: skip


def model_config(settings: Settings, vocab_size: int) -> GPTConfig:
    """The model that the settings describe.

    >>> config = model_config(Settings(depth=4, head_dim=64, without="all"), vocab_size=4_096)
    >>> config.n_embd, config.n_head, config.smear, config.rope_base
    (256, 4, False, 10000.0)
    """
    if settings.depth is None:
        raise UserError("say how large the model is to be: --depth 4 on a laptop, --depth 12 on one GPU")
    off = settings.extras_off()
    head_dim = settings.head_dim or HEAD_DIM
    dial = GPTConfig.from_depth(settings.depth)
    n_embd = round_up(settings.depth * 64, head_dim)
    n_head = n_embd // head_dim
    changes: dict[str, Any] = {
        "n_layer": dial.n_layer, "n_embd": n_embd, "n_head": n_head,
        "n_kv_head": settings.kv_heads or n_head, "vocab_size": vocab_size,
        "sequence_len": settings.seq_len or dial.sequence_len,
    }  # fmt: skip
    if settings.window_pattern:
        changes["window_pattern"] = settings.window_pattern.upper()
    elif "windows" in off:
        changes["window_pattern"] = "L"
    changes |= dict.fromkeys(off - {"all", "windows"}, False)
    try:
        return GPTConfig.core(**changes) if "all" in off else GPTConfig(**changes)
    except ValueError as error:
        raise UserError(in_flags(str(error), settings)) from None


def in_flags(complaint: str, settings: Settings) -> str:
    """A config's complaint in the words of the command.

    >>> in_flags("n_head=6 is not divisible by n_kv_head=4; use 1, 2, 3 or 6", Settings())
    '--kv-heads 4: n_head=6 is not divisible by n_kv_head=4; use 1, 2, 3 or 6'
    """
    if "n_kv_head" in complaint:
        return f"--kv-heads {complaint.split('n_kv_head=')[1].split(';')[0].split(' ')[0]}: {complaint}"
    if "even" in complaint:
        return f"--head-dim {settings.head_dim} must be even, because rotary positions turn channels in pairs"
    return complaint


def pick_batch(settings: Settings, config: GPTConfig, dial: TrainingPlan, place: Place) -> int:
    """Sequences of one step.

    >>> settings = Settings(depth=12, steps=20)
    >>> config = model_config(settings, 32_768)
    >>> pick_batch(settings, config, plan_for(config), Place()) * config.sequence_len
    16384
    """
    if settings.batch_size:
        return settings.batch_size
    tokens = dial.batch_tokens
    if settings.steps:
        tokens = min(tokens, batch_for_steps(settings.steps))
    turn = place.world * (settings.device_batch_size or 1)
    return round_up(max(1, tokens // config.sequence_len), turn)


def batch_for_steps(steps: int) -> int:
    """Tokens a step for a run of this many: the dial's law, solved for the batch.

    The law says B = B12·(D/D12)^e for a run of D tokens. Here D is steps·B, so
    B = (B12·(steps/D12)^e)^(1/(1-e)), down to a power of two.

    >>> reference = turn_dial(12)
    >>> batch_for_steps(reference.steps) == reference.batch_tokens
    True
    """
    reference = turn_dial(REFERENCE_DEPTH)
    exact = (REFERENCE_BATCH * (steps / reference.tokens) ** BATCH_EXPONENT) ** (1 / (1 - BATCH_EXPONENT))
    # Not to the nearest power: of few steps the first should come soon. A hundredth for what was rounded.
    return int(2 ** max(0, math.floor(math.log2(exact) + 0.01)))


def pick_device_batch(
    settings: RunSettings, config: GPTConfig, batch_size: int, place: Place, fp32: bool
) -> int:
    """Sequences a process takes at a time; refuses what does not divide the step or cannot fit."""
    asked, world = settings.device_batch_size, place.world
    if batch_size % (world * (asked or 1)):
        raise UserError(indivisible(batch_size, world, asked))
    checkpointing = settings.checkpointing
    sequences = asked or default_sequences(batch_size // world, config, place, fp32, checkpointing)
    if sequences > most_that_fit(config, place, fp32, checkpointing):
        raise UserError(too_large(config, sequences, batch_size // world, place, fp32, checkpointing))
    return sequences


def indivisible(batch_size: int, world: int, asked: int | None) -> str:
    """One line for a batch that cannot be shared out evenly, with the nearest that can.

    >>> indivisible(10, 4, None)
    '--batch-size 10 does not divide by 4 processes; use --batch-size 8 or 12'
    """
    turn = world * (asked or 1)
    by = [f"{world} processes"] if world > 1 else []
    by += [f"--device-batch-size {asked}"] if asked else []
    below = batch_size - batch_size % turn
    near = f"{below} or {below + turn}" if below else f"{turn}"
    line = f"--batch-size {batch_size} does not divide by {' times '.join(by)}; use --batch-size {near}"
    share, rest = divmod(batch_size, world)
    if not asked or rest:
        return line
    fitting = [n for n in range(1, min(share, 1_024) + 1) if share % n == 0]
    # The nearest ones below and above serve best; a long list would hide them.
    close = sorted(sorted(fitting, key=lambda n: abs(n - asked))[:4])
    words = [str(n) for n in close]
    shown = f"{', '.join(words[:-1])} or {words[-1]}" if len(words) > 1 else words[0]
    return f"{line}, or --device-batch-size {shown}"


def at_batch(dial: TrainingPlan, batch_tokens: int, steps: int, lr_scale: float) -> TrainingPlan:
    """The dial's plan for another batch and length: learning rates and weight decay follow the batch.

    >>> plan = at_batch(turn_dial(12), 2**17, steps=100, lr_scale=1.0)
    >>> plan.learning_rate_factor, plan.steps
    (0.5, 100)
    """
    growth = math.sqrt(batch_tokens / REFERENCE_BATCH)
    return replace(
        dial,
        tokens=steps * batch_tokens,
        batch_tokens=batch_tokens,
        learning_rate_factor=growth * lr_scale,
        weight_decay=dial.weight_decay * growth / dial.learning_rate_factor,
    )


def make_schedule(settings: RunSettings, steps: int, weight_decay: float) -> Schedule:
    """The schedule of the run, refused in the words of the command."""
    warmup, warmdown = settings.warmup_steps, settings.warmdown
    if warmup is not None and warmup > steps:
        raise UserError(f"--warmup-steps {warmup} is more than the run's {steps} steps")
    found = Schedule(
        steps=steps,
        weight_decay=weight_decay,
        warmup_steps=warmup,
        warmdown_share=WARMDOWN_SHARE if warmdown is None else warmdown,
    )
    return replace(found, warmup_steps=found.warmup)


def pick_eval_tokens(between: int) -> int:
    """Tokens of an evaluation when `between` are trained on between two.

    A forward pass is a third of the work.

    >>> pick_eval_tokens(100), pick_eval_tokens(2**20), pick_eval_tokens(10**12)
    (16384, 157286, 10485760)
    """
    least, most = EVAL_TOKENS
    return min(most, max(least, int(3 * EVAL_SHARE * between)))
