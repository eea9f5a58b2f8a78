"""Interactive figure: what the one dial sets for a depth, and how the learning rate runs over the steps.

Everything comes from `nanochat.train.depth_dial`, `nanochat.train.schedule` and `nanochat.model.counting`,
the modules that the trainer plans with.
"""

from __future__ import annotations

from dataclasses import dataclass

from nanochat.model.counting import count_flops, count_parameters
from nanochat.train.depth_dial import TOKENS_PER_PARAMETER, TrainingPlan, turn_dial
from nanochat.train.schedule import FINAL_LEARNING_RATE, WARMDOWN_SHARE, Schedule
from tools.calculator.wording import count, flops
from tools.core import parameters as ask
from tools.core.report import LineChart, Report, Row, Rows, Section, Series
from tools.core.tool import Tool, UsageError

POINTS = 100


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    depth: int = ask.integer(12, "layers of the model", low=1, high=40)
    ratio: float = ask.number(
        TOKENS_PER_PARAMETER, "tokens to train on for each parameter", low=1, high=40, step=0.5, label="Ratio"
    )
    warmup_steps: int | None = ask.integer(
        None, "empty: 40, or a tenth of a short run", low=0, high=100_000, label="Warm-up steps"
    )
    warmdown_share: float = ask.number(
        WARMDOWN_SHARE, "of the steps, at the end", low=0, high=1, step=0.01, label="Warm-down"
    )
    final_learning_rate: float = ask.number(
        FINAL_LEARNING_RATE,
        "where the warm-down ends, as a share",
        low=0,
        high=1,
        step=0.01,
        label="Final rate",
    )


def plan_of(question: Question) -> tuple[TrainingPlan, Schedule]:
    """The plan of the dial and its schedule.

    >>> plan, schedule = plan_of(Question())
    >>> plan.steps, schedule.warmup, schedule.warmdown
    (2520, 40, 1638)
    """
    plan = turn_dial(question.depth, question.ratio)
    if (question.warmup_steps or 0) > plan.steps:
        raise UsageError(
            f"--warmup-steps is {question.warmup_steps:,}, and the run has {plan.steps:,}",
            parameter="warmup_steps",
        )
    return plan, Schedule(
        plan.steps,
        plan.weight_decay,
        question.warmup_steps,
        question.warmdown_share,
        question.final_learning_rate,
    )


def run(question: Question) -> Report:
    """The plan and the curve.

    >>> run(Question()).says
    'Depth 12: 768 wide, 1.3B tokens in 2,520 steps, 1,003.7 PetaFLOPs.'
    """
    plan, schedule = plan_of(question)
    total = count_flops(plan.config).total * plan.steps * plan.batch_tokens
    return Report(
        "Schedule and depth",
        [Section("Plan", [curve(plan, schedule), Rows(rows(plan, schedule, total), align="right")])],
        says=(
            f"Depth {question.depth}: {plan.config.n_embd:,} wide, {count(plan.tokens)} tokens in "
            f"{plan.steps:,} steps, {flops(total)}."
        ),
    )


def curve(plan: TrainingPlan, schedule: Schedule) -> LineChart:
    """Learning rate and momentum over the steps."""
    corners = (0, schedule.warmup - 1, schedule.warmup, plan.steps - schedule.warmdown, plan.steps - 1)
    spread = (step * (plan.steps - 1) // POINTS for step in range(POINTS + 1))
    steps = sorted({step for step in (*corners, *spread) if 0 <= step < plan.steps})
    factor = plan.learning_rate_factor
    return LineChart(
        "course",
        "What each step uses",
        [
            Series(
                "learning rate, of the one tuned at depth 12",
                [(step, factor * schedule.learning_rate(step)) for step in steps],
            ),
            Series("momentum of Muon", [(step, schedule.momentum(step)) for step in steps]),
        ],
        "step",
    )


def rows(plan: TrainingPlan, schedule: Schedule, total: int) -> list[Row]:
    """What the dial has set."""
    config = plan.config
    parameters = count_parameters(config).total
    each = count_flops(config)
    return [
        Row("width", "Width", config.n_embd),
        Row("heads", "Heads", config.n_head),
        Row("parameters", "Parameters", parameters),
        Row("scaling", "Of these in matrices and head", plan.scaling_parameters),
        Row("tokens", "Tokens to train on", plan.tokens),
        Row("batch", "Tokens in a batch", plan.batch_tokens),
        Row("steps", "Steps", plan.steps, formula=f"{plan.tokens:,} / {plan.batch_tokens:,}, rounded down"),
        Row("warmup", "Of these warm-up", schedule.warmup),
        Row("warmdown", "And warm-down", schedule.warmdown),
        Row("factor", "Learning rate, of the one at depth 12", plan.learning_rate_factor,
            f"{plan.learning_rate_factor:.3f}"),
        Row("weight_decay", "Weight decay at first", plan.weight_decay, f"{plan.weight_decay:.3f}"),
        Row("flops", "Operations", total, flops(total),
            formula=f"{each.total:,} for each of {plan.steps * plan.batch_tokens:,} tokens"),
    ]  # fmt: skip


TOOL = Tool(
    name="figures/schedule-and-depth",
    title="Schedule and depth",
    summary="Turn the one dial, and see what it sets and how the learning rate runs.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "All numbers are those the trainer plans with. Runs short in steps get larger learning rates on top "
        "(short_run_boost), which are left out here."
    ),
)
