"""The saved laptop run: what its files say, and its curves.

`web.laptop_run` knows where the files of the stages `base`, `sft` and `rl` lie. Guides show their numbers
through the functions here, so that none is typed by hand.

>>> config("base")["model"]["n_layer"]
4
>>> series("base", "loss")[0][0], len(series("base", "val_bpb")) > 1
(1, True)
"""

from __future__ import annotations

import functools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from web.figures.svg import Plot, Svg
from web.laptop_run import run_of

SHORT = 130  # letters of a sample in a table
AREA = (44.0, 24.0, 386.0, 170.0)
HEIGHT = 236

Points = list[tuple[float, float]]


@functools.cache
def config(stage: str) -> dict[str, Any]:
    """What the run says of itself: settings, model, corpus, machine."""
    return dict(json.loads((run_of(stage) / "config.json").read_text(encoding="utf-8")))


@functools.cache
def metrics(stage: str) -> list[dict[str, Any]]:
    """One record a step, as `nanochat.train.metrics` describes them."""
    return _lines(run_of(stage) / "metrics.jsonl")


@functools.cache
def samples(stage: str) -> list[dict[str, Any]]:
    """What the model wrote on the way: `step`, `prompt`, `text`."""
    return _lines(run_of(stage) / "samples.jsonl")


@functools.cache
def results(stage: str) -> list[dict[str, Any]]:
    """The results of `nanochat eval`, one record a task, in the order of tasks."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in run_of(stage).rglob("*.json")]
    return sorted((one for one in found if "task" in one), key=lambda one: str(one["task"]))


def series(stage: str, key: str) -> Points:
    """(step, value) of every step that has one: `loss`, `val_bpb`, `reward`, `val_accuracy`, `grad_norm`, …

    >>> series("base", "no-such-key")
    []
    """
    return [(one["step"], one[key]) for one in metrics(stage) if one.get(key) is not None]


def smooth(points: Sequence[tuple[float, float]], memory: float = 0.9) -> Points:
    """A running average, weighed so that the first values are not pulled towards 0.

    >>> smooth([(1, 4.0), (2, 2.0)], memory=0.5)
    [(1, 4.0), (2, 2.6666666666666665)]
    """
    total, weight, found = 0.0, 0.0, []
    for step, value in points:
        total, weight = memory * total + (1 - memory) * value, memory * weight + 1 - memory
        found.append((step, total / weight))
    return found


def samples_table(stage: str, prompt: str) -> str:
    """What one prompt was continued with, step by step, as a Markdown table."""
    rows = [
        f"| {one['step']} | {_cell(one['text'])} |"
        for one in samples(stage)
        if one["prompt"].strip() == prompt
    ]
    if not rows:
        raise ValueError(f"no sample of stage {stage!r} continues {prompt!r}")
    return "\n".join([f"| after step | {prompt} … |", "| ---: | --- |", *rows])


def rl_table(heading: str) -> str:
    """Right answers before and after reinforcement learning, task by task, as a Markdown table."""
    before = {one["task"]: one for one in results("sft")}
    rows = [f"| {heading} | questions | before | after | difference |", "| --- | ---: | ---: | ---: | ---: |"]
    for after in results("rl"):
        first, last, n = before[after["task"]]["accuracy"], after["accuracy"], after["n"]
        error = 100 * ((first * (1 - first) + last * (1 - last)) / n) ** 0.5
        words = f"{100 * (last - first):+.1f} ± {error:.1f} points" if error else "none"
        rows.append(f"| {after['task']} | {n} | {first:.1%} | {last:.1%} | {words} |")
    return "\n".join(rows)


def rl_verdict(errors: float = 2) -> str:
    """Whether a task changed by more than twice its error (or another number of errors), in a sentence."""
    before, changed = {one["task"]: one for one in results("sft")}, []
    for after in results("rl"):
        first, last, n = before[after["task"]]["accuracy"], after["accuracy"], after["n"]
        error = ((first * (1 - first) + last * (1 - last)) / n) ** 0.5
        if abs(last - first) > errors * error:
            changed.append(f"{after['task']} ({'up' if last > first else 'down'})")
    if not changed:
        return (
            "No difference is larger than twice its error. So this short run neither helped nor harmed, as "
            "far as one can tell."
        )
    some = ", ".join(changed)
    return f"Larger than twice its error is the difference of: {some}. Of the others one cannot tell."


def base_loss() -> str:
    """The loss of pretraining: every step as a dot, and the running average."""
    points = series("base", "loss")
    first, last, average = points[0][1], points[-1][1], smooth(points, 0.8)
    drawing = Svg(
        "laptop-base-loss",
        440,
        HEIGHT,
        title="The loss of the laptop run",
        description=(
            f"The loss of {len(points)} steps falls from {first:.2f} to about {average[-1][1]:.2f}: "
            "steeply at "
            "first, then ever more slowly, with noise from step to step."
        ),
    )
    plot = _plot(drawing, len(points), (_floor(min(y for _, y in points)), _ceiling(first)), "loss")
    plot.points(points[::2], tone=1, radius=1.6)
    drawing.path((plot.at(*point) for point in average), tone=2)
    drawing.text(430, 40, "dots: every other step", anchor="end", size=12, kind="label", tone=1)
    drawing.text(430, 58, "line: running average", anchor="end", size=12, kind="label", tone=2)
    return drawing.figure(
        f"Pretraining on a laptop: {len(points)} steps of "
        f"{metrics('base')[0]['tokens']:,} tokens. The loss is in nats a token. It was {first:.2f} at the "
        "first step, "
        f"and {last:.2f} at the last."
    )


def base_validation() -> str:
    """Bits per byte on the validation text during pretraining."""
    return _validation("base", "laptop-base-bpb", "Bits per byte on text that was kept apart")


def sft_curves() -> str:
    """Bits per byte of the assistant's words during fine-tuning."""
    return _validation(
        "sft", "laptop-sft-bpb", "Bits per byte of the assistant's words, held-out conversations"
    )


def _validation(stage: str, name: str, title: str) -> str:
    points = series(stage, "val_bpb")
    steps = metrics(stage)[-1]["step"]
    said = ", ".join(f"{value:.3f} after step {step}" for step, value in points)
    drawing = Svg(name, 440, HEIGHT, title=title, description=f"Bits per byte: {said}.")
    values = [value for _, value in points]
    plot = _plot(drawing, steps, (_down(min(values)), _up(max(values))), "bits per byte")
    drawing.path((plot.at(*point) for point in points), tone=3)
    plot.points(points, tone=3)
    for step, value in points:
        x, y = plot.at(step, value)
        drawing.text(min(x, 426), y - 10, f"{value:.3f}", anchor="end" if x > 400 else "middle", size=11)
    return drawing.figure(f"{title}: {said}.")


def rl_curves() -> str:
    """Mean grade of the replies of every step, and the share that is right on held-out questions."""
    rewards, accuracy = series("rl", "reward"), series("rl", "val_accuracy")
    average = smooth(rewards, 0.8)
    said = ", ".join(f"{value:.1%} after step {step}" for step, value in accuracy)
    drawing = Svg(
        "laptop-rl",
        440,
        HEIGHT + 34,
        title="Reward and accuracy during reinforcement learning",
        description=(
            f"The mean grade of the replies of a step goes from {rewards[0][1]:.2f} to about "
            f"{average[-1][1]:.2f}. Right answers on held-out questions: {said}."
        ),
    )
    every = [value for _, value in (*rewards, *accuracy)]
    plot = _plot(
        drawing, int(rewards[-1][0]), (_tenth(min(every), down=True), _tenth(max(every))), "share", top=34
    )
    plot.points(rewards, tone=1, radius=2)
    drawing.path((plot.at(*point) for point in average), tone=1)
    drawing.path((plot.at(*point) for point in accuracy), tone=2, dashed=True)
    plot.points(accuracy, tone=2)
    drawing.text(430, 14, "dots and line: mean grade of a step", anchor="end", size=12, kind="label", tone=1)
    drawing.text(430, 32, "dashes: right on held-out questions", anchor="end", size=12, kind="label", tone=2)
    return drawing.figure(f"Reinforcement learning on the laptop. Right on held-out questions: {said}.")


# ---- drawing ----


def _plot(drawing: Svg, steps: int, y: tuple[float, float], label: str, top: float = 0) -> Plot:
    """Axes over all steps of a run, with room for `top` above."""
    area = (AREA[0], AREA[1] + top, AREA[2], AREA[3])
    plot = Plot(drawing, x=(0, steps), y=y, area=area, x_label="step")
    every = next(size for size in (5, 10, 20, 50, 100, 250, 500, 1_000, 10**4, 10**9) if steps / size <= 8)
    low, high = y
    stride = next(size for size in (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10) if (high - low) / size <= 6.01)
    ticks = [round(low + stride * number, 2) for number in range(int((high - low) / stride + 1.001))]
    plot.axes(x_ticks=list(range(0, steps + 1, every)), y_ticks=ticks)
    drawing.text(4, 12 + top, label, size=12)
    return plot


def _floor(value: float) -> float:
    return float(int(value))


def _ceiling(value: float) -> float:
    return float(int(value) + 1)


def _down(value: float) -> float:
    return int(value * 5) / 5


def _up(value: float) -> float:
    return round(int(value * 5 + 1.3) / 5, 1)


def _tenth(value: float, down: bool = False) -> float:
    return max(0.0, int(value * 10) / 10) if down else min(1.0, round(int(value * 10 + 1.3) / 10, 1))


def _cell(text: str) -> str:
    """Text that Markdown leaves as it is, cut at a word."""
    plain = " ".join(text.split())
    if len(plain) > SHORT:
        plain = plain[:SHORT].rsplit(" ", 1)[0] + " …"
    for sign in "\\`*_[]<>|#":
        plain = plain.replace(sign, f"\\{sign}" if sign not in "<>" else {"<": "&lt;", ">": "&gt;"}[sign])
    return plain


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
