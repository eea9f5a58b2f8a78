"""Sentences at the end of a report: what the figures say, computed from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nanochat.model.tensors import part_of
from tools.checkpoints.runs import STAGES, Run, Step
from tools.checkpoints.scores import SEEN_OF_THE_MACHINE, Score, better_of, is_sure
from tools.checkpoints.wording import in_bytes, plural

FP32 = 4  # bytes of a number
TABLES = ("token embedding", "value embeddings", "head")
MATRICES = ("attention", "MLP")
SPEED = ("seconds a step", "tokens a second", "MFU", "memory", "share of waiting")  # of the machine


def run_notes(runs: Sequence[Run], verified: bool) -> list[str]:
    """What a list of runs says."""
    steps = [step for run in runs for step in run.steps]
    if not steps:
        return [
            "A run saves its first checkpoint after a quarter of its steps, unless --save-every says other."
        ]
    states = sum(size for step in steps for name, size in sizes_of(step) if name.startswith("optimizer-"))
    total = sum(step.bytes for step in steps)
    notes = []
    if states:
        notes.append(
            f"{100 * states / total:.0f} % of the space is the optimizer's state: only resuming needs it, "
            "chatting and evaluating do not."
        )
    missing = [stage for stage in STAGES if not any(run.stage == stage for run in runs)]
    if missing and len(missing) < len(STAGES):
        notes.append(f"There is no run of stage {' or '.join(missing)} here.")
    if not verified:
        notes.append("complete means: every file is there and as long as it says; --verify checks each byte.")
    return notes


def sizes_of(step: Step) -> list[tuple[str, int]]:
    """The files of a checkpoint with their bytes."""
    return [(name, path.stat().st_size) for name, path in step.files.items() if path.exists()]


def one_notes(step: Step, scores: Sequence[Score], checked: Mapping[str, str] | None) -> list[str]:
    """What one checkpoint says."""
    header, notes = step.header, []
    parts: dict[str, int] = {}
    for tensor in header.tensors:
        parts[part_of(tensor.name)] = parts.get(part_of(tensor.name), 0) + tensor.parameters
    tables, matrices = (sum(parts.get(part, 0) for part in some) for some in (TABLES, MATRICES))
    if tables and matrices:
        notes.append(
            f"{100 * tables / header.parameters:.0f} % of the parameters are rows for tokens (embeddings and "
            f"head); attention and MLP have {100 * matrices / header.parameters:.0f} %."
        )
    if header.parameters and header.data_bytes == FP32 * header.parameters:
        notes.append(
            f"Weights are kept in fp32, 4 bytes each: {in_bytes(header.data_bytes)}. In bf16 they would "
            "take half."
        )
    others = sum(size for name, size in sizes_of(step) if name.startswith("optimizer-"))
    if others:
        notes.append(
            f"The optimizer's state is {others / header.whole_bytes:.1f} times as large as the weights. Only "
            "resuming needs it."
        )
    if checked is not None and not any(checked.values()) and checked:
        notes.append(f"{plural(len(checked), 'file')} read: each is as it was written.")
    return notes


def pair_notes(first: Step, second: Step, one: Sequence[Score], two: Sequence[Score]) -> list[str]:
    """What two checkpoints say beside each other."""
    others = {score.label: score for score in two}
    pairs = [(score, others[score.label]) for score in one if score.label in others and score.better]
    verdicts = [(a, b, better_of(a, b)) for a, b in pairs]
    notes = []
    other_tests = [a.label for a, b, _ in verdicts if a.on != b.on]
    for number, step in ((1, first), (2, second)):
        won = [a.label for a, b, better in verdicts if better == number and is_sure(a, b) is not False]
        won = [label for label in won if label not in SPEED]
        if won:
            notes.append(f"{step.title} is better in {', '.join(won)}.")
    chance = [a.label for a, b, better in verdicts if better in (1, 2) and is_sure(a, b) is False]
    if chance:
        notes.append(
            f"{', '.join(chance)}: the difference is below two standard errors, so it may be chance."
        )
    if any(not a.on and a.key not in SEEN_OF_THE_MACHINE for a, _, better in verdicts if better):
        notes.append("Without config.json nothing says whether both were measured on the same text.")
    if other_tests:
        notes.append(
            f"{', '.join(other_tests)} cannot be compared: the two were measured on different texts or "
            "questions."
        )
    return notes
