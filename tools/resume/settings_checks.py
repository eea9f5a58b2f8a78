"""Checks of what a run was asked for: can it be read, planned again, and changed as is asked now."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields, replace
from typing import Any

from nanochat.errors import UserError
from nanochat.model.config import GPTConfig
from nanochat.train.fitting import Place
from nanochat.train.flags import check_value, flag_of, kind_of
from nanochat.train.rl_plan import plan_rl
from nanochat.train.rl_settings import RlSettings
from nanochat.train.run_files import CONFIG
from nanochat.train.run_plan import RunPlan, model_config, plan_run
from nanochat.train.settings import RunSettings, Settings
from nanochat.train.sft_plan import plan_sft
from nanochat.train.sft_settings import SftSettings
from tools.checkpoints.runs import STAGES
from tools.core.errors import UsageError
from tools.resume.evidence import Check, Evidence, State

KINDS: Mapping[str, type[RunSettings]] = {"base": Settings, "sft": SftSettings, "rl": RlSettings}
NEW_RUN = "start a new run under another --name"


@dataclass(frozen=True)
class Asked:
    """A run's settings as it goes on, its plan, the shape of its model; None is what nobody knows."""

    settings: RunSettings | None = None
    plan: RunPlan | None = None
    shape: GPTConfig | None = None


def settings_checks(evidence: Evidence, processes: int, words: str, checks: list[Check]) -> Asked:
    """Read settings and plan, adding a check for each thing that can go wrong."""
    if not evidence.config:
        why = evidence.run.problem or f"{CONFIG} was not given"
        if evidence.is_loose and not evidence.run.problem:
            checks.append(Check("config", "Config", State.UNKNOWN, why))
        else:
            copy = "put the file back; without it nothing says what the run is"
            checks.append(Check("config", "Config", State.BAD, why, copy))
        return Asked()
    try:
        settings = read_settings(evidence)
    except UserError as error:
        way = "it was changed by hand or by another version of nanochat; put it back as it was"
        checks.append(Check("config", "Config", State.BAD, str(error), way))
        return Asked()
    checks.append(Check("config", "Config", State.GOOD, f"readable, stage {evidence.run.stage}"))
    settings = continued(evidence, settings, words, checks)
    shape, plan = shape_check(evidence, settings, checks), None
    if shape is not None:
        plan = plan_check(evidence, settings, shape, processes, checks)
    return Asked(settings, plan, shape)


def read_settings(evidence: Evidence) -> RunSettings:
    """The settings in a run's config. Raises `UserError` for what its stage does not know."""
    stage = evidence.run.stage
    if stage not in KINDS:
        raise UserError(f"{CONFIG}: there is no stage {stage!r}; there are {', '.join(STAGES)}")
    return KINDS[stage].from_dict(dict(evidence.settings), CONFIG)


# ---- flags that are asked for now ----


def continued(evidence: Evidence, settings: RunSettings, words: str, checks: list[Check]) -> RunSettings:
    """The settings with the flags that are to be added, if the run takes them."""
    if not words.strip():
        return settings
    given = read_flags(words, type(settings))
    asked = evidence.config.get("asked")
    try:
        found = settings.continued(asked if isinstance(asked, dict) else {}, given)
    except UserError as error:
        complaint, _, way = str(error).rpartition("; ")
        checks.append(Check("flags", "Flags", State.BAD, complaint or str(error), way or NEW_RUN))
        return settings
    said = ", ".join(flag_of(name) for name in given)
    checks.append(Check("flags", "Flags", State.GOOD, f"{said}: may change without changing what is learnt"))
    return found


def read_flags(words: str, settings: type[RunSettings]) -> dict[str, Any]:
    """The settings that flags on a command line mean.

    >>> read_flags("--lr-scale 0.5 --no-compile", Settings)
    {'lr_scale': 0.5, 'compile': False}
    >>> read_flags("--depht 4", Settings)
    Traceback (most recent call last):
    tools.core.errors.UsageError: --flags: nanochat train has no --depht
    """
    known = {flag_of(one.name): one for one in fields(settings)}
    parts, given = flag_words(words), dict[str, Any]()
    while parts:
        flag = parts.pop(0)
        if flag == "--resume":
            continue
        if flag not in known or flag == "--name":
            said = (
                "the name is in the command already" if flag == "--name" else f"nanochat train has no {flag}"
            )
            raise UsageError(f"--flags: {said}", "flags")
        one = known[flag]
        if kind_of(one) is bool:
            given[one.name] = not one.default
            continue
        if not parts:
            raise UsageError(f"--flags: {flag} needs a value", "flags")
        given[one.name] = read_value(one, parts.pop(0))
    return given


def flag_words(words: str) -> list[str]:
    """A command line's words, `--keep=3` as two.

    >>> flag_words("--keep=3 --wandb 'my project'")
    ['--keep', '3', '--wandb', 'my project']
    """
    try:
        parts = shlex.split(words)
    except ValueError as error:
        raise UsageError(f"--flags cannot be read: {error}", "flags") from None
    return [half for part in parts for half in (part.split("=", 1) if part.startswith("--") else [part])]


def read_value(one: Field[Any], word: str) -> Any:
    """The value of a flag, refused in the trainer's words."""
    value: Any
    try:
        value = kind_of(one)(word)
    except ValueError:
        value = word
    try:
        check_value(one, value)
    except UserError as error:
        raise UsageError(f"--flags: {error}", "flags") from None
    return value


# ---- the plan ----


def shape_check(evidence: Evidence, settings: RunSettings, checks: list[Check]) -> GPTConfig | None:
    """The model that the settings make, held against the one that config.json says."""
    said, vocab = evidence.run.model, evidence.config.get("tokenizer", {}).get("vocab_size")
    if said is None:
        way = f"put {CONFIG} back as it was"
        checks.append(Check("model", "Model", State.BAD, f"{CONFIG} describes no model that can be", way))
        return None
    if isinstance(settings, Settings) and isinstance(vocab, int):
        try:
            made = model_config(settings, vocab)
        except UserError as error:
            checks.append(Check("model", "Model", State.BAD, str(error), f"put {CONFIG} back as it was"))
            return None
        if made != said:
            one, two = made.to_dict(), said.to_dict()
            name = next(name for name in one if one[name] != two[name])
            found = f"{CONFIG} was changed: its settings make {name} {one[name]}, its model has {two[name]}"
            checks.append(Check("model", "Model", State.BAD, found, f"put {CONFIG} back as it was"))
            return None
    return said


def plan_check(
    evidence: Evidence, settings: RunSettings, shape: GPTConfig, processes: int, checks: list[Check]
) -> RunPlan | None:
    """The plan of the run on so many processes, or why there is none."""
    try:
        plan = make_plan(evidence, settings, shape, processes)
    except (UserError, KeyError, TypeError, ValueError) as error:
        complaint, _, way = str(error).rpartition("; ")
        found = complaint or str(error)
        if "does not divide" in found:  # the batch is a part of what is learnt; the processes are not
            batch = int(evidence.settings.get("batch_size") or 1)
            fitting = ", ".join(str(n) for n in range(1, min(batch, 64) + 1) if batch % n == 0)
            way = f"go on with a number of processes that divides it: {fitting}"
        checks.append(Check("processes", "Processes", State.BAD, found, way or NEW_RUN))
        return None
    before = evidence.config.get("machine", {}).get("processes")
    if before is not None and before != processes:
        found = f"{processes}, begun with {before}: a step stays {plan.batch_size} sequences, cut anew"
        if evidence.run.stage == "rl":
            found = f"{processes}, begun with {before}: each takes its share of the questions"
        checks.append(Check("processes", "Processes", State.GOOD, found))
    else:
        checks.append(Check("processes", "Processes", State.GOOD, f"{processes}, as before"))
    return plan


def make_plan(evidence: Evidence, settings: RunSettings, shape: GPTConfig, processes: int) -> RunPlan:
    """What the trainer would plan. Raises `UserError` as it does."""
    place = Place(device_kind(evidence), processes)
    if evidence.config.get("machine", {}).get("processes") != processes:
        settings = replace(settings, device_batch_size=None)  # as nanochat.train.stage.settings_here
    dtype = str(settings.dtype)
    if isinstance(settings, Settings):
        return plan_run(settings, shape.vocab_size, place, dtype)
    if isinstance(settings, SftSettings):
        return plan_sft(settings, shape, int(settings.batch_size or 1), 1, place, dtype)
    assert isinstance(settings, RlSettings)
    return plan_rl(settings, shape, place, dtype)


def device_kind(evidence: Evidence) -> str:
    """cpu or cuda, by what the run was trained on."""
    device = str(evidence.config.get("machine", {}).get("device", "CPU"))
    return "cpu" if "CPU" in device else "cuda"
