"""Interactive figure: how large a model a budget of arithmetic should train.

Two answers side by side. The project's own: the deepest model whose whole plan (`nanochat.train.depth_dial`)
costs no more than the budget. And the law that Hoffmann et al. published (2022, "Chinchilla", arXiv
2203.15556, section 3.3, approach 3), for N parameters and D tokens:

    loss = E + A / N^alpha + B / D^beta

At fixed compute C = 6·N·D it has a lowest point, worked out in their equation 4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nanochat.model.counting import count_flops
from nanochat.model.hardware import GPUS, find_gpu
from nanochat.model.planning import CHINCHILLA, Machine
from nanochat.train.depth_dial import TrainingPlan, turn_dial
from tools.calculator.wording import count
from tools.core import parameters as ask
from tools.core.report import Column, LineChart, Report, Row, Rows, Section, Series, Table, Value
from tools.core.tool import Tool

E, A, B, ALPHA, BETA = 1.69, 406.4, 410.7, 0.34, 0.28  # Hoffmann et al. 2022, appendix D.3
DEEPEST = 100
POINTS, SPREAD = 60, 1.7  # points of the curve; how many powers of ten it goes to each side
HOURS, FLOPS = "hours", "flops"


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    budget: str = ask.choice(
        HOURS, {HOURS: "hours of GPUs", FLOPS: "operations, from below"}, "how to say it"
    )
    gpu: str = ask.choice("H100", {gpu.name: gpu.label for gpu in GPUS}, "which you can get", label="GPU")
    gpus: int = ask.integer(8, "at the same time", low=1, high=64, label="GPUs")
    hours: float = ask.number(3.0, "of all of them together", low=0.01, high=100_000)
    mfu: float = ask.number(
        0.4, "share of the peak that is reached", low=0.05, high=0.8, step=0.05, label="Utilisation (MFU)"
    )
    flops: float = ask.number(1e19, "as 1e19", low=1e12, high=1e27, label="Operations")


def budget_of(question: Question) -> float:
    """The budget in operations.

    >>> f"{budget_of(Question(gpus=1, hours=1, mfu=0.5)):.3e}"
    '1.780e+18'
    """
    if question.budget == FLOPS:
        return question.flops
    return Machine(find_gpu(question.gpu), question.gpus, question.mfu).flops * question.hours * 3600


def loss(parameters: float, tokens: float) -> float:
    """The published fit: nats a token, on their text with their tokenizer.

    >>> round(loss(70e9, 1.4e12), 2)
    1.94
    """
    return float(E + A / parameters**ALPHA + B / tokens**BETA)


def best_size(budget: float) -> float:
    """The parameters at which the fit is lowest for a budget (equation 4 of the paper).

    >>> f"{best_size(5.76e23):.2e}"
    '3.22e+10'
    """
    scale = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA))
    return float(scale * (budget / 6) ** (BETA / (ALPHA + BETA)))


def power(number: float) -> str:
    """A number of operations as people in this field write it.

    >>> power(1.5e19)
    '1.50e19'
    """
    return f"{number:.2e}".replace("e+", "e")


def cost(plan: TrainingPlan) -> int:
    """Operations of a whole plan."""
    return count_flops(plan.config).total * plan.steps * plan.batch_tokens


def deepest_plan(budget: float) -> TrainingPlan | None:
    """The deepest model whose plan the budget pays for; None when it pays for none.

    >>> deepest_plan(1e18).config.n_layer, deepest_plan(1e12)
    (11, None)
    """
    low, high = 0, DEEPEST  # a deeper model always costs more
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if cost(turn_dial(middle)) <= budget else (low, middle - 1)
    return turn_dial(low) if low else None


def run(question: Question) -> Report:
    """The best size by the law and by the project's plan."""
    budget = budget_of(question)
    best = best_size(budget)
    thumb = math.sqrt(budget / (6 * CHINCHILLA))
    plan = deepest_plan(budget)
    choices: list[tuple[str, float, float]] = [
        ("lowest loss by the law", best, budget / (6 * best)),
        (f"{CHINCHILLA} tokens a parameter", thumb, CHINCHILLA * thumb),
    ]
    table: list[list[Value]] = [
        [name, count(size), count(tokens), f"{tokens / size:.1f}", f"{loss(size, tokens):.3f}"]
        for name, size, tokens in choices
    ]
    columns = [Column("by", "By"), Column("parameters", "Parameters"), Column("tokens", "Tokens"),
               Column("ratio", "Tokens each"), Column("loss", "Loss by the law")]  # fmt: skip
    return Report(
        "Scaling law",
        [
            Section(
                "Budget", [curve(budget, choices), Table("choices", columns, table), Rows(rows(budget, plan))]
            ),
        ],
        says=f"For {power(budget)} operations the law asks for {count(best)} parameters, " + planned(plan),
    )


def planned(plan: TrainingPlan | None) -> str:
    """The project's answer in words.

    >>> planned(None), planned(turn_dial(12))
    ('this project for less than one layer.', 'this project for depth 12.')
    """
    return (
        "this project for less than one layer."
        if plan is None
        else f"this project for depth {plan.config.n_layer}."
    )


def curve(budget: float, choices: list[tuple[str, float, float]]) -> LineChart:
    """Loss against size at this budget: too small cannot learn enough, too large sees too little."""
    best = choices[0][1]
    sizes = [best * 10 ** (SPREAD * (2 * step / POINTS - 1)) for step in range(POINTS + 1)]
    lines = [Series("loss at this budget", [(size, loss(size, budget / (6 * size))) for size in sizes])]
    lines += [Series(name, [(size, loss(size, tokens))]) for name, size, tokens in choices]
    return LineChart(
        "loss", "Loss by the law, all models costing the same", lines, "parameters", "loss", x_log=True
    )


def rows(budget: float, plan: TrainingPlan | None) -> list[Row]:
    """The budget, and this project's plan for it."""
    found = [Row("budget", "Budget", budget, f"{power(budget)} operations")]
    if plan is None:
        return [*found, Row("depth", "This project's plan", None, "not even one layer")]
    return [
        *found,
        Row("depth", "This project: depth", plan.config.n_layer),
        Row(
            "scaling",
            "Parameters in matrices and head",
            plan.scaling_parameters,
            count(plan.scaling_parameters),
        ),
        Row("tokens", "Tokens to train on", plan.tokens, count(plan.tokens)),
        Row(
            "cost",
            "Operations of this plan",
            cost(plan),
            power(cost(plan)),
            formula=f"{cost(plan) / budget:.0%} of the budget",
        ),
    ]


TOOL = Tool(
    name="figures/scaling-law",
    title="Scaling law",
    summary="Say what you can spend, and see how large a model it should train.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "The law: Hoffmann et al. 2022, arXiv 2203.15556, approach 3. Its loss is that of their text and "
        "tokenizer: use it to compare sizes, not to foretell a loss of yours. A later look at their data "
        "gave other numbers (Besiroglu et al. 2024, arXiv 2404.10102)."
    ),
)
