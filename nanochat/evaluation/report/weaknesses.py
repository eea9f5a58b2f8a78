"""What the numbers say against the model: rules, each of which gives one sentence where it holds.

They are computed, so that nobody has to be honest by hand. Standard library only.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from itertools import pairwise

from nanochat.evaluation.names import BPB, CORE
from nanochat.evaluation.report.record import BASE, RL, Report, StageRun
from nanochat.evaluation.report.scores import LABELS, Missing, rows_of, score
from nanochat.evaluation.report.words import large, listing, points, three_digits
from nanochat.evaluation.results import EvaluationResult
from nanochat.evaluation.statistics import Estimate, difference, is_noise

GPT2_CORE = 0.2565  # of GPT-2 with 1.5 billion parameters (public nanochat)
ENOUGH_TOKENS = 20  # for each parameter (Hoffmann et al. 2022, Chinchilla, arXiv 2203.15556, table 3)
FEW = 0.5  # of that; a small model is often trained on more, one on less than half is not done
WIDE = 0.05  # a standard error from which an accuracy says little
WORSE = 1.01  # times the best validation
FEWEST_STEPS = 10  # whose rewards are compared


def weaknesses(report: Report) -> list[str]:
    """A sentence for every rule that holds."""
    found = [sentence for stage in report.present for sentence in of_training(stage)]
    found += of_scores(report)
    for before, after in pairwise(report.stages):
        found += of_a_stage(before, after)
    return [*found, *of_measuring(report), of_context(report.run)]


# ---- how it was trained ----


def of_training(stage: StageRun) -> Iterator[str]:
    """What the course of a run says."""
    if stage.lines and stage.steps < stage.steps_planned:
        yield (
            f"{stage.name} was stopped at step {stage.steps:,} of {stage.steps_planned:,}, before its "
            "learning rate had come down."
        )
    yield from of_tokens(stage)
    yield from of_validation(stage)
    yield from of_reward(stage)


def of_tokens(stage: StageRun) -> Iterator[str]:
    """Too little text for its size."""
    each = stage.tokens / stage.config["parameters"]
    if stage.stage == BASE and 0 < each < FEW * ENOUGH_TOKENS:
        yield (
            f"It has read {three_digits(each)} tokens for each of its parameters, where about "
            f"{ENOUGH_TOKENS} are right for training from nothing (Hoffmann et al. 2022): it knows little."
        )


def of_validation(stage: StageRun) -> Iterator[str]:
    """Trained past its best."""
    found = stage.series("val_bpb")
    if found:
        step, best = min(found, key=lambda one: one[1])
        if found[-1][1] > WORSE * best:
            yield (
                f"{stage.name} was best on held-out text at step {step:,} ({best:.4f} bits per byte) and "
                f"ended at {found[-1][1]:.4f}: it went on to learn its text by heart."
            )


def of_reward(stage: StageRun) -> Iterator[str]:
    """A reward that did not rise."""
    rewards = [value for _, value in stage.series("reward")]
    part = max(2, len(rewards) // 4)
    if stage.stage == RL and len(rewards) >= FEWEST_STEPS:
        first, last = mean(rewards[:part]), mean(rewards[-part:])
        rise = difference(last, first)
        if is_noise(rise) or rise.value < 0:
            yield (
                f"The reward did not measurably rise in {stage.name}: {first} in the first quarter of the "
                f"steps, {last} in the last."
            )


def mean(values: Sequence[float]) -> Estimate:
    """The mean of some steps, and its error."""
    return Estimate(statistics.fmean(values), statistics.stdev(values) / math.sqrt(len(values)))


# ---- how good it is ----


def last_results(report: Report) -> list[EvaluationResult]:
    """For each task the result of the last stage in which it was measured."""
    found = []
    for cells in rows_of(report).values():
        measured = [cell for cell in cells if isinstance(cell, EvaluationResult)]
        found += measured[-1:]
    return found


def of_scores(report: Report) -> Iterator[str]:
    """What the last scores say."""
    found = last_results(report)
    for one in found:
        if one.accuracy is not None:
            yield from of_accuracy(one)
        elif one.task == CORE and one.error is not None and one.value + 2 * one.error < GPT2_CORE:
            yield (
                f"Its CORE of {one.value:.4f} lies below the {GPT2_CORE} of GPT-2 with 1.5 billion "
                "parameters."
            )
    wide = [one for one in found if one.accuracy is not None and (one.error or 0.0) > WIDE]
    if wide:
        yield (
            f"Of {listing([named(one) for one in wide])} so few questions were asked (fewest: "
            f"{min(one.n for one in wide):,}) that the score is known to "
            f"± {100 * max(one.error or 0.0 for one in wide):.0f} points only."
        )


def of_accuracy(found: EvaluationResult) -> Iterator[str]:
    """Guessing, or never right: within two standard errors."""
    value, error, chance = found.accuracy or 0.0, found.error or 0.0, found.chance or 0.0
    if not chance and not value:
        top = found.interval[1] if found.interval else 3 / found.n  # Hanley and Lippman-Hand 1983
        yield (
            f"On {named(found)} none of {found.n:,} answers was right; of very many, at most {points(top)} "
            "would be."
        )
    elif value - chance <= 2 * error:
        shown = f"{score(found)}, where guessing gets {points(chance)}" if chance else score(found)
        if value - chance < -2 * error:
            yield f"On {named(found)} it is worse than guessing ({shown})."
        elif chance:
            yield f"On {named(found)} it is no better than guessing ({shown})."
        else:
            yield f"On {named(found)} it is hardly ever right ({shown})."


def named(found: EvaluationResult) -> str:
    """What a task is called."""
    return LABELS.get(found.task, found.task)


# ---- what a stage changed ----


def of_a_stage(before: StageRun, after: StageRun) -> Iterator[str]:
    """Tasks that a stage made worse, and reinforcement learning that shows in no score."""
    both = [task for task in after.results if task in before.results and task != BPB]
    changes = {task: change(before.results[task], after.results[task]) for task in both}
    for task, found in changes.items():
        if found.value < 0 and not is_noise(found):
            was, now = score(before.results[task]), score(after.results[task])
            yield f"{after.stage.upper()} made {LABELS.get(task, task)} worse: {was} before it, {now} after."
    if (
        after.stage == RL
        and changes
        and all(found.value <= 0 or is_noise(found) for found in changes.values())
    ):
        yield (
            f"What {after.name} learnt from its rewards shows in no score: on {listing(both)} it is not "
            "better than before by more than chance."
        )


def change(before: EvaluationResult, after: EvaluationResult) -> Estimate:
    """How much better."""
    return difference(
        Estimate(after.value, after.error or 0.0), Estimate(before.value, before.error or 0.0)
    )  # fmt: skip


# ---- what is not known ----


def of_measuring(report: Report) -> Iterator[str]:
    """Scores that nobody has taken, after no stage."""
    missing = [
        LABELS.get(task, task)
        for task, cells in rows_of(report).items()
        if not any(isinstance(cell, EvaluationResult) for cell in cells)
        and any(isinstance(cell, Missing) for cell in cells)
    ]
    if missing:
        yield f"Never measured, so not known: {listing(missing)}."


def of_context(run: StageRun) -> str:
    """What it can read at once."""
    context = run.model["sequence_len"]
    return f"It reads at most {large(context)} tokens at once; of what came before them it knows nothing."
