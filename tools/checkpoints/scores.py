"""What was measured of a checkpoint, and which way is better.

Two places say it: `metrics.jsonl` has a line for each step, `evaluations/` a file for each test. Every figure
knows on what it was measured: a loss on texts and one on conversations have the same name and cannot be
compared, and then no arrow says that one is better.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nanochat.errors import UserError
from nanochat.evaluation.results import FOLDER as EVALUATIONS
from nanochat.evaluation.results import EvaluationResult
from nanochat.evaluation.results import read as read_result
from nanochat.train.checkpoint_meta import MODEL
from tools.checkpoints.runs import Run, Step
from tools.core.errors import ToolError
from tools.core.jsonl import records

LOWER, HIGHER = "lower", "higher"
BETTER: Mapping[str, str] = {
    "loss": LOWER, "val_bpb": LOWER, "val_accuracy": HIGHER, "reward": HIGHER, "tokens_per_second": HIGHER,
    "mfu": HIGHER, "seconds": LOWER, "memory_bytes": LOWER, "wait_share": LOWER,
    "bits per byte": LOWER, "accuracy": HIGHER, "mean centred accuracy": HIGHER,
}  # fmt: skip
"""Which way is better, for every figure that has one: by its key in `metrics.jsonl`, or by its metric."""
LABELS = {
    "tokens": "tokens so far", "loss": "loss", "val_bpb": "val bpb", "val_accuracy": "val accuracy",
    "reward": "reward", "reply_tokens": "tokens of a reply", "mixed_groups": "mixed groups",
    "grad_norm": "gradient norm", "seconds": "seconds a step", "tokens_per_second": "tokens a second",
    "mfu": "MFU", "memory_bytes": "memory", "wait_share": "share of waiting",
}  # fmt: skip
SEEN_OF_THE_MACHINE = ("seconds", "tokens_per_second", "mfu", "memory_bytes", "wait_share")
NOT_ASKED = ("batch_size", "device_batch", "rows")  # settings that change no figure
SMOOTH = 20  # steps whose mean loss is shown: one step's says more of its batch than of the model
EVALUATED_BY = ("eval_tokens", "mixture", "conversations", "share", "tasks", "eval_examples")  # settings
SURE = 2  # standard errors between two figures, so that the difference is hardly chance


@dataclass(frozen=True)
class Score:
    """One figure. `on` is what it was measured on: only figures with the same can be compared."""

    key: str
    label: str
    value: float
    better: str = ""  # lower, higher, or neither
    on: str = ""
    error: float | None = None  # standard error
    n: int | None = None
    step: int | None = None  # measured at this earlier step

    @property
    def shown(self) -> str:
        """The value as people read it."""
        return show(self.key, self.value)


def show(key: str, value: float) -> str:
    """A figure as people read it.

    >>> show("mfu", 0.4429), show("memory_bytes", 2**30), show("val_bpb", 1.64377), show("tokens", 1474560.0)
    ('44.3%', '1.00 GiB', '1.6438', '1,474,560')
    """
    if key == "wait_share":  # mostly far below one in a hundred
        return f"{100 * value:.2f}%"
    if key in ("mfu", "val_accuracy", "mixed_groups") or key.endswith("accuracy"):
        return f"{100 * value:.1f}%"
    if key == "memory_bytes":
        return f"{value / 2**30:.2f} GiB"
    if float(value).is_integer() and abs(value) >= 1_000:
        return f"{value:,.0f}"
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4f}"


def better_of(first: Score, second: Score) -> int | None:
    """1 if the first is better, 2 if the second is, 0 if they are equal; None if nothing says so.

    >>> better_of(Score("val_bpb", "val bpb", 1.6, LOWER), Score("val_bpb", "val bpb", 1.7, LOWER))
    1
    >>> better_of(Score("reward", "reward", 0.4, HIGHER), Score("reward", "reward", 0.8, HIGHER))
    2
    """
    if not first.better or first.better != second.better or first.on != second.on:
        return None
    if not (math.isfinite(first.value) and math.isfinite(second.value)):
        return None
    if first.value == second.value:
        return 0
    return 1 if (first.value < second.value) == (first.better == LOWER) else 2


def is_sure(first: Score, second: Score) -> bool | None:
    """Whether two figures differ by more than chance would make them; None where no error is known."""
    if first.error is None or second.error is None:
        return None
    return abs(first.value - second.value) > SURE * math.hypot(first.error, second.error)


# ---- from metrics.jsonl ----


def measured_on(config: Mapping[str, Any]) -> str:
    """What a run learns from and is evaluated on, as far as its config says."""
    if not config:
        return ""
    text, settings = config.get("corpus", {}).get("fingerprint"), config["settings"]
    return repr([config.get("stage"), text, *(settings.get(name) for name in EVALUATED_BY)])


def line_scores(run: Run, steps: Iterable[int]) -> dict[int, list[Score]]:
    """The figures of these steps, from the lines of a run; a step whose line is not there has none."""
    wanted = sorted(set(steps))
    if run.metrics is None or not wanted:
        return {}
    found: dict[int, list[Score]] = {}
    last: dict[str, Any] = {}  # the newest evaluation, with its step
    losses: list[float] = []
    for record in records(run.metrics):
        if record.cut and not is_whole(record.text):
            break  # a run that is writing, or was killed while it wrote
        line = record.parse()
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            raise ToolError(f"{run.metrics}:{record.line}: this line has no step, so it is none of a run")
        if is_number(line.get("loss")):
            losses = [*losses[1 - SMOOTH :], line["loss"]]
        last |= {key: (value, line["step"]) for key, value in line.items() if key.startswith("val_")}
        if line["step"] in wanted:
            found[line["step"]] = scores_in(line, run, last, losses)
        if line["step"] > wanted[-1]:
            break
    return found


def is_whole(text: str) -> bool:
    """Whether a line that no line break follows is a whole record all the same."""
    return text.rstrip().endswith("}")


def is_number(found: object) -> bool:
    """Whether this is a number, and not true or false."""
    return isinstance(found, (int, float)) and not isinstance(found, bool)


def scores_in(
    line: Mapping[str, Any], run: Run, evaluated: Mapping[str, tuple[float, int]], losses: list[float]
) -> list[Score]:
    """The figures of one line, with the newest evaluation up to it and the mean of the losses before it."""
    on, stage = measured_on(run.config), run.stage
    # Nats a token: of a larger vocabulary each token says more.
    on_tokens = f"{on} {run.config.get('tokenizer', {}).get('fingerprint')}"
    found = []
    for key, (value, step) in evaluated.items():
        if is_number(value):
            earlier = step if step != line["step"] else None
            found.append(Score(key, LABELS.get(key, key), value, BETTER.get(key, ""), on, step=earlier))
    for key, value in line.items():
        if key == "step" or key.startswith("val_") or not is_number(value):
            continue
        # A loss of the policy gradient means little by itself (`nanochat.train.metrics`).
        better = "" if key == "loss" and stage == "rl" else BETTER.get(key, "")
        of = "" if key in SEEN_OF_THE_MACHINE else on_tokens if key == "loss" else on
        found.append(Score(key, LABELS.get(key, key), value, better, of))
        if key == "loss" and len(losses) > 1:
            mean = sum(losses) / len(losses)
            found.append(Score("loss_mean", f"loss (mean of {len(losses)} steps)", mean, better, of))
    return found


# ---- from evaluations ----


def results_of(run: Run) -> tuple[list[EvaluationResult], list[str]]:
    """The results of a run's evaluations, and a sentence for each file that is none."""
    found, complaints = list(run.results), []
    if run.folder is not None:
        for path in sorted((run.folder / EVALUATIONS).glob("[!.]*.json")):
            try:
                found.append(read_result(path))
            except (UserError, OSError) as error:
                complaints.append(str(error))
    return found, complaints


def evaluation_scores(step: Step) -> list[Score]:
    """The evaluations of exactly these weights, or where no hash is known, of this step."""
    own = step.meta.hashes.get(MODEL) if step.meta else None
    results, _ = results_of(step.run)
    return [
        score_of(result)
        for result in sorted(results, key=lambda one: (one.task, one.split or "", -(one.n or 0)))
        if result.step == step.step and (own is None or result.checkpoint == own)
    ]


def score_of(result: EvaluationResult) -> Score:
    """An evaluation as a figure; it is measured on its own questions, asked in its own way."""
    part = f", {result.limit:,} questions" if result.limit else ""
    split = f", {result.split}" if result.split not in (None, "test") else ""
    metric = "" if result.metric == "accuracy" else f": {result.metric}"
    asked = sorted((key, value) for key, value in result.settings.items() if key not in NOT_ASKED)
    on = repr((result.task, result.split, result.limit, result.n, asked))
    key = f"{result.task} {result.metric}"
    return Score(
        key, f"{result.task}{split}{part}{metric}", result.value, BETTER.get(result.metric, ""), on,
        result.error, result.n,
    )  # fmt: skip


def scores_of(step: Step) -> list[Score]:
    """Every figure of a checkpoint: of its evaluations, of its line in the metrics, of its own meta."""
    lines = line_scores(step.run, [step.step] if step.step is not None else [])
    found = lines.get(step.step or 0, [])
    known = {score.key for score in found}
    told = step.meta.meta if step.meta else {}
    on = measured_on(step.run.config)
    found = [
        Score(key, LABELS.get(key, key), value, BETTER.get(key, ""), on)
        for key, value in told.items()
        if key in BETTER and key not in known and is_number(value)
    ] + found
    return evaluation_scores(step) + found
