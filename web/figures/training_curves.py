"""The figures of guide 4 that are measured at build: small trainings, optimizers, singular values, laws.

The small trainings are the project's own: its model (2 layers of width 64), its optimizer, its schedule,
on the letters of the sample text. Each takes about a second.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import sample_text
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import make_optimizer
from nanochat.train.polar import COEFFICIENTS
from nanochat.train.run_plan import at_batch
from nanochat.train.schedule import Schedule
from web.figures.laptop_run import Points, smooth
from web.figures.svg import Plot, Svg

ROWS, LENGTH = 8, 64  # of a step of the small trainings
VALIDATION_ROWS = 6
VALIDATION_FROM = 45_000  # letters before it are for training
RATES = {"15 times too low": 1 / 15, "as the project sets it": 1.0, "15 times too high": 15.0}
RATE_STEPS = 50
LITTLE, OVERFIT_STEPS, EVERY = 2_000, 120, 10


# ---- small trainings ----


@dataclass(frozen=True)
class SmallRun:
    """The losses of every step, and those on validation text of some."""

    losses: Points
    validation: Points


@functools.cache
def letters() -> Tensor:
    """The sample text as the numbers of its letters."""
    text = sample_text()
    known = {letter: number for number, letter in enumerate(sorted(set(text)))}
    return torch.tensor([known[letter] for letter in text])


@functools.cache
def small_run(rate: float, steps: int, training_letters: int, evaluate: bool = False) -> SmallRun:
    """Train a small model on the first letters of the sample text, with `rate` times the usual rates."""
    ids, chance = letters(), torch.Generator().manual_seed(0)
    config = GPTConfig(
        n_layer=2, n_embd=64, n_head=4, n_kv_head=4, vocab_size=int(ids.max()) + 1, sequence_len=LENGTH
    )
    model = GPT(config, torch.float32)
    model.initialize(0)
    plan = at_batch(plan_for(config), ROWS * LENGTH, steps, rate)
    optimizer, schedule = make_optimizer(model, plan), Schedule(steps=steps, weight_decay=0.0)
    losses: Points = []
    validation: Points = []
    for step in range(steps):
        starts = torch.randint(0, training_letters - LENGTH - 1, (ROWS,), generator=chance).tolist()
        rows_BT = torch.stack([ids[start : start + LENGTH + 1] for start in starts])
        loss = mean_loss(model, rows_BT)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step(schedule.at(step))
        optimizer.zero_grad()
        losses.append((step + 1, loss.item()))
        if evaluate and (step == 0 or (step + 1) % EVERY == 0):
            kept = ids[VALIDATION_FROM : VALIDATION_FROM + VALIDATION_ROWS * (LENGTH + 1)]
            with torch.no_grad():
                validation.append((step + 1, mean_loss(model, kept.view(-1, LENGTH + 1)).item()))
    return SmallRun(losses, validation)


def mean_loss(model: GPT, rows_BT: Tensor) -> Tensor:
    """Nats a letter; each row is a document."""
    inputs_BT, targets_BT = rows_BT[:, :-1], rows_BT[:, 1:]
    documents_BT = torch.zeros_like(inputs_BT, dtype=torch.int32)
    total: Tensor = model(inputs_BT, targets_BT, documents_BT, None)
    return total / inputs_BT.numel()


def rate_curves() -> str:
    """The same small training with three learning rates."""
    runs = {
        name: smooth(small_run(rate, RATE_STEPS, VALIDATION_FROM).losses, 0.7) for name, rate in RATES.items()
    }
    said = "; ".join(f"{name}: {line[-1][1]:.2f}" for name, line in runs.items())
    drawing = Svg(
        "rate-curves", 440, 250, title="Three learning rates",
        description=f"The loss after {RATE_STEPS} steps, as a running average. {said}.",
    )  # fmt: skip
    top = 7.0  # a run that is far off would flatten all else
    plot = Plot(drawing, x=(0, RATE_STEPS), y=(2, top), area=(44, 24, 386, 178), x_label="step")
    plot.axes(x_ticks=range(0, RATE_STEPS + 1, 10), y_ticks=list(range(2, int(top) + 1)))
    highest = max(y for line in runs.values() for _, y in line)
    drawing.text(4, 12, "loss", size=12)
    for number, (tone, (name, line)) in enumerate(zip((3, 1, 2), runs.items(), strict=True)):
        drawing.path((plot.at(x, min(y, top)) for x, y in line), tone=tone, dashed=tone == 2)
        drawing.text(
            430,
            50 + 17 * number,
            f"{name}: {line[-1][1]:.2f}",
            anchor="end",
            size=12,
            kind="label",
            tone=tone,
        )
    return drawing.figure(
        "A model of 2 layers learns the letters of the sample text, trained when this page was built. "
        f"Too low a rate crawls. Too high a rate leaps up, here to {highest:.1f}, and loses the time it "
        "takes to come back."
    )


def overfitting() -> str:
    """A small training on very little text: training loss falls, validation loss turns."""
    run = small_run(1.0, OVERFIT_STEPS, LITTLE, evaluate=True)
    losses = smooth(run.losses, 0.8)
    best = min(run.validation, key=lambda point: point[1])
    last = run.validation[-1]
    drawing = Svg(
        "overfitting", 440, 250, title="Overfitting",
        description=(
            f"Trained on {LITTLE:,} letters again and again, the training loss falls to "
            f"{losses[-1][1]:.2f}. The "
            f"validation loss is lowest, {best[1]:.2f}, after step {best[0]}, and then rises to "
            f"{last[1]:.2f}."
        ),
    )  # fmt: skip
    plot = Plot(drawing, x=(0, OVERFIT_STEPS), y=(0, 5), area=(44, 24, 386, 178), x_label="step")
    plot.axes(x_ticks=range(0, OVERFIT_STEPS + 1, 20), y_ticks=range(6))
    drawing.text(4, 12, "loss", size=12)
    drawing.path((plot.at(*point) for point in losses), tone=1)
    drawing.path((plot.at(*point) for point in run.validation), tone=2, dashed=True)
    plot.points([best], tone=2)
    x, y = plot.at(*best)
    drawing.text(x + 2, y - 12, f"lowest: {best[1]:.2f}", size=12, kind="label", tone=2)
    drawing.text(430, plot.at(0, last[1])[1] + 20, "validation", anchor="end", size=12, kind="label", tone=2)
    drawing.text(
        430, plot.at(0, losses[-1][1])[1] - 10, "training", anchor="end", size=12, kind="label", tone=1
    )
    return drawing.figure(
        f"The same model on only {LITTLE:,} letters. It learns them by heart. On new text it is best "
        "after step "
        f"{best[0]}; all training after that does harm."
    )


# ---- optimizers on a bowl ----

STEEP, FLAT = 20.0, 1.0  # curvatures of the bowl
START = (-4.0, 1.0)
BOWL_STEPS = 30


def bowl_path(name: str) -> list[tuple[float, float]]:
    """The places that an optimizer visits in the bowl (FLAT·x² + STEEP·y²) / 2.

    >>> [len(bowl_path(name)) for name in ("sgd", "momentum", "adam")]
    [31, 31, 31]
    """
    place, path = list(START), [START]
    mean, square = [0.0, 0.0], [0.0, 0.0]
    for step in range(1, BOWL_STEPS + 1):
        slopes = [FLAT * place[0], STEEP * place[1]]
        for axis, slope in enumerate(slopes):
            if name == "sgd":
                place[axis] -= 0.09 * slope
            elif name == "momentum":
                mean[axis] = 0.8 * mean[axis] + slope
                place[axis] -= 0.03 * mean[axis]
            else:
                mean[axis] = 0.8 * mean[axis] + 0.2 * slope
                square[axis] = 0.95 * square[axis] + 0.05 * slope * slope
                ratio = mean[axis] / (1 - 0.8**step) / (math.sqrt(square[axis] / (1 - 0.95**step)) + 1e-10)
                place[axis] -= 0.3 * ratio
        path.append((place[0], place[1]))
    return path


def bowl_paths() -> str:
    """Plain steps, momentum and AdamW in a long narrow bowl."""
    names = (("sgd", "plain steps", 2), ("momentum", "momentum", 3), ("adam", "AdamW", 1))
    drawing = Svg(
        "bowl-paths", 440, 384, title="Three optimizers in a narrow bowl",
        description="; ".join(
            f"{words}: after {BOWL_STEPS} steps at ({bowl_path(name)[-1][0]:.2f}, "
            f"{bowl_path(name)[-1][1]:.2f})"
            for name, words, _ in names
        ) + ". The lowest point is (0, 0).",
    )  # fmt: skip
    for row, (name, words, tone) in enumerate(names):
        top = 22 + 122 * row
        plot = Plot(drawing, x=(-4.6, 1.6), y=(-1.3, 1.3), area=(8, top, 424, 92))
        for level in (0.5, 2.0, 5.0, 9.0):
            wide, high = math.sqrt(2 * level / FLAT), math.sqrt(2 * level / STEEP)
            ring = [(wide * math.cos(t / 16 * math.pi), high * math.sin(t / 16 * math.pi)) for t in range(33)]
            drawing.path((plot.at(*point) for point in ring if -4.6 <= point[0] <= 1.6), tone=0, dashed=True)
        path = bowl_path(name)
        drawing.path((plot.at(x, max(-1.3, min(1.3, y))) for x, y in path), tone=tone)
        plot.points(path, tone=tone, radius=2)
        plot.points([(0, 0)], tone=0, radius=4)
        x, y = path[-1]
        drawing.text(8, top - 6, words, kind="label", tone=tone)
        drawing.text(432, top - 6, f"after {BOWL_STEPS} steps: ({x:.2f}, {y:.2f})", anchor="end", size=12)
    return drawing.figure(
        "The bowl is 20 times steeper up and down than left and right. Dashed rings are places of equal "
        "loss; "
        "the grey dot is the lowest point. Plain steps leap from wall to wall. Momentum evens out the leaps. "
        "AdamW takes steps of similar length in both directions."
    )


# ---- Muon ----


def cubic(value: float) -> float:
    """One step of Newton–Schulz on a singular value.

    >>> cubic(1.0), cubic(0.1)
    (1.0, 0.1495)
    """
    return round(1.5 * value - 0.5 * value**3, 12)


def polar_values(value: float) -> list[float]:
    """A singular value before and after each step of the project's polynomials.

    >>> len(polar_values(0.1)), 0.8 < polar_values(0.1)[-1] < 1.1
    (6, True)
    """
    found = [value]
    for a, b, c in COEFFICIENTS:
        x = found[-1]
        found.append(a * x + b * x**3 + c * x**5)
    return found


def singular_values() -> str:
    """Singular values over the steps, by the cubic of Newton–Schulz and by Polar Express."""
    starts = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
    steps = len(COEFFICIENTS)
    cubics = {}
    for start in starts:
        line = [start]
        for _ in range(steps):
            line.append(cubic(line[-1]))
        cubics[start] = line
    polars = {start: polar_values(start) for start in starts}
    drawing = Svg(
        "singular-values", 440, 250, title="Singular values over the steps",
        description=(
            f"Six singular values from 0.003 to 1. After {steps} steps of the cubic: "
            + ", ".join(f"{line[-1]:.2f}" for line in cubics.values())
            + f". After {steps} steps of Polar Express: "
            + ", ".join(f"{line[-1]:.2f}" for line in polars.values()) + "."
        ),
    )  # fmt: skip
    for left, name, lines, tone in (
        (40, "Newton–Schulz, cubic", cubics, 2),
        (252, "Polar Express", polars, 1),
    ):
        plot = Plot(drawing, x=(0, steps), y=(0, 2), area=(left, 34, 176, 160), x_label="step")
        plot.axes(x_ticks=range(steps + 1), y_ticks=(0, 0.5, 1, 1.5, 2))
        drawing.text(left + 88, 20, name, anchor="middle", size=12, kind="label", tone=tone)
        for line in lines.values():
            drawing.path((plot.at(step, value) for step, value in enumerate(line)), tone=tone)
            plot.points(list(enumerate(line)), tone=tone, radius=2)
    return drawing.figure(
        f"Six singular values, from 0.003 to 1, over {steps} steps. The cubic lifts a small one by half "
        "at each "
        "step, which is too slow. Polar Express, whose polynomials this project computes, brings all of "
        "them near 1."
    )


# ---- laws ----

# Hoffmann et al. 2022, arXiv 2203.15556, section 3.3: L(N, D) = E + A / N^alpha + B / D^beta.
LAW: dict[str, float] = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


def law_loss(parameters: float, tokens: float) -> float:
    """The loss that the law of Hoffmann and others says.

    >>> round(law_loss(70e9, 1.4e12), 2)
    1.94
    """
    return float(LAW["E"] + LAW["A"] / parameters ** LAW["alpha"] + LAW["B"] / tokens ** LAW["beta"])


def valleys() -> str:
    """Loss against size, for three budgets: each is a valley with one lowest point."""
    budgets = (1e18, 1e19, 1e20)
    sizes = [10 ** (6.6 + 0.05 * number) for number in range(65)]
    drawing = Svg(
        "valleys", 440, 256, title="One budget, many sizes",
        description="; ".join(
            f"with 1e{round(math.log10(budget))} operations the best size is "
            f"{best_size(budget) / 1e6:,.0f} million"
            for budget in budgets
        ) + " parameters.",
    )  # fmt: skip
    plot = Plot(drawing, x=(6.6, 9.8), y=(2.2, 5.0), area=(44, 24, 386, 180), x_label="parameters")
    plot.axes(x_ticks=(), y_ticks=(2.5, 3, 3.5, 4, 4.5, 5))
    for power, words in ((7, "10 M"), (8, "100 M"), (9, "1 billion")):
        drawing.text(plot.at(power, 0)[0], 220, words, anchor="middle", size=11, kind="muted")
    drawing.text(4, 12, "loss", size=12)
    for tone, budget in zip((3, 1, 2), budgets, strict=True):
        line = [(math.log10(size), law_loss(size, budget / 6 / size)) for size in sizes]
        drawing.path((plot.at(*point) for point in line if point[1] <= 5), tone=tone)
        size = best_size(budget)
        low = law_loss(size, budget / 6 / size)
        plot.points([(math.log10(size), low)], tone=tone)
        x, y = plot.at(math.log10(size), low)
        drawing.text(
            x,
            y - 10,
            f"10^{round(math.log10(budget))}: {low:.2f}",
            anchor="middle",
            size=12,
            kind="label",
            tone=tone,
        )
    return drawing.figure(
        "Each curve is one budget of operations, spent on models of different sizes. A model that is too "
        "small "
        "cannot use its text. One that is too large sees too little. The dots are the best sizes, by the "
        "law of "
        "Hoffmann and others (2022)."
    )


def best_size(budget: float) -> float:
    """The parameters with the lowest loss for `budget` operations, of which a token takes 6 a parameter."""
    candidates: Iterable[float] = (10 ** (5 + 0.01 * number) for number in range(800))
    return min(candidates, key=lambda size: law_loss(size, budget / 6 / size))


def schedule_lines() -> str:
    """Learning rate, momentum and weight decay over a run of 1,000 steps."""
    steps = 1_000
    schedule = Schedule(steps=steps, weight_decay=1.0)
    at = range(0, steps, 25)
    lines: Sequence[tuple[str, int, Points]] = (
        ("learning rate", 1, [(step, schedule.learning_rate(step)) for step in at]),
        ("momentum", 3, [(step, schedule.momentum(step)) for step in at]),
        ("weight decay", 2, [(step, schedule.decay_left(step)) for step in at]),
    )
    drawing = Svg(
        "schedule-lines", 440, 250, title="Three schedules of a run",
        description=(
            f"Over {steps:,} steps the learning rate rises to full within {schedule.warmup} steps, stays "
            "there, and "
            f"falls over the last {schedule.warmdown} to {schedule.final_learning_rate:.0%}. Momentum "
            "goes from "
            f"{schedule.momentum(0):.2f} up to {schedule.momentum(300):.2f} and back to "
            f"{schedule.momentum(999):.2f}. "
            "Weight decay falls from full to nothing along half a cosine wave."
        ),
    )  # fmt: skip
    plot = Plot(drawing, x=(0, steps), y=(0, 1.1), area=(44, 24, 376, 178), x_label="step")
    plot.axes(x_ticks=range(0, steps + 1, 200), y_ticks=(0, 0.2, 0.4, 0.6, 0.8, 1))
    drawing.text(4, 12, "share of full", size=12)
    for number, (name, tone, line) in enumerate(lines):
        drawing.path((plot.at(*point) for point in line), tone=tone, dashed=tone == 2)
        drawing.text(56, 154 + 17 * number, name, size=12, kind="label", tone=tone)
    return drawing.figure(
        f"What the project does over a run of {steps:,} steps. Learning rate and weight decay are shown "
        "as shares of "
        "their full values, momentum as it is. The dashed line is weight decay."
    )
