"""What all stages of training have in common: a run's folder, its course, and its end.

A stage (pretraining, fine-tuning) comes with a plan, a lesson and the record for `config.json`. Here the
folder is claimed and held, the parts are put together (`nanochat.train.assemble`) and `Run` goes through the
steps. A run that is refused leaves nothing behind; one that is stopped, by a signal or by its own loss,
leaves a checkpoint to go on from.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

import nanochat
from nanochat.errors import UserError
from nanochat.files import write_json
from nanochat.model.counting import count_parameters
from nanochat.train import run_files
from nanochat.train.assemble import assemble
from nanochat.train.distributed import World
from nanochat.train.finished import OWN_TOKENIZER
from nanochat.train.fitting import Place, too_large
from nanochat.train.machine import free_bytes, is_out_of_memory, name_of
from nanochat.train.parts import Lesson, Tokenizer
from nanochat.train.precision import check_fp8, pick_dtype
from nanochat.train.progress import make_progress
from nanochat.train.run import last_line
from nanochat.train.run_plan import RunPlan
from nanochat.train.settings import RunSettings
from nanochat.train.start import Some, Start
from nanochat.train.stop_signals import StopSignals


@dataclass(frozen=True)
class Stage:
    """One run of a stage, before it has a folder."""

    plan: RunPlan
    lesson: Lesson
    config: dict[str, Any]  # what config.json says
    facts: list[tuple[str, str]]  # for the box at the beginning
    usual_name: str  # of the run when nobody gives one


def run_stage(stage: Stage, start: Start[Some], world: World, dry_run: bool) -> int:
    """Train, or with `dry_run` say what would be done; returns the exit code."""
    if dry_run:
        if world.is_first:
            progress = make_progress(is_first=True)
            progress.begin("would train", stage.facts, stage.plan.steps)
            progress.end("nothing was written")
        return 0
    with ExitStack() as held:
        name = start.settings.name

        def claim() -> Path:
            return start.folder or run_files.claim_folder(name, stage.usual_name)

        folder = Path(world.on_first(lambda: str(hold(claim(), held))))
        held.enter_context(nothing_left_if_refused(folder, stage.plan, world))
        if start.folder is None and world.is_first:
            stage.lesson.tokenizer.save(folder / OWN_TOKENIZER)
            write_json(folder / run_files.CONFIG, {"name": folder.name} | stage.config)
        return train(stage, start, folder, world)


def train(stage: Stage, start: Start[Some], folder: Path, world: World) -> int:
    """Put the parts together, in a folder that is there, and go."""
    began, progress, plan = time.time(), make_progress(world.is_first), stage.plan
    title = f"{'continuing' if start.folder else 'training'} {folder.name}"
    progress.begin(title, [*stage.facts, ("folder", str(folder))], plan.steps)
    try:
        if start.note:
            progress.note(start.note)
        run, first = assemble(plan, folder, stage.lesson, world, progress, stage.config)
        if first >= plan.steps:
            progress.end(f"all {plan.steps:,} steps are trained already: {folder}")
            return 0
        with StopSignals(progress.working) as stop:
            code = run.go(first, stop)
        if code == 0:
            progress.end(last_line(run, began))
        return code
    finally:
        progress.end("")


def settings_here(start: Start[Some], world: World) -> tuple[Some, Place, str]:
    """The settings on this machine, the machine, and what it will multiply in.

    A run that moved to another number of processes is cut anew.
    """
    settings = start.settings
    dtype = pick_dtype(settings.dtype, world.device)
    if start.before and start.before.get("machine", {}).get("processes") != world.size:
        unchanged = settings.device_batch_size == start.before["settings"].get("device_batch_size")
        settings = replace(settings, device_batch_size=None) if unchanged else settings
    here = world.launch.local_size if world.device.type == "cpu" else 1
    place = Place(world.device.type, world.size, world.least(free_bytes(world.device, here)))
    return settings, place, dtype


def checked_plan(plan: RunPlan, world: World) -> RunPlan:
    """The plan, if this machine can multiply as it says."""
    if plan.settings.fp8:
        tokens = plan.device_batch_size * plan.config.sequence_len
        check_fp8(world.device, plan.settings.dtype, tokens)
    return plan


def record(
    stage: str, plan: RunPlan, asked: Mapping[str, Any], tokenizer: Tokenizer, world: World, **more: Any
) -> dict[str, Any]:
    """What `config.json` says: enough to train the same model again, and what a report wants to know."""
    settings: RunSettings = replace(plan.settings, name=None)
    return {
        "stage": stage,
        "asked": dict(asked),
        "settings": settings.to_dict(),
        "model": plan.config.to_dict(),
        "parameters": count_parameters(plan.config).total,
        "flops_per_token": plan.flops_per_token,
        "total_tokens": plan.total_tokens,
        **more,
        "tokenizer": {
            "name": tokenizer.name, "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.n_vocab
        },
        "machine": {"device": name_of(world.device, world.size), "processes": world.size},
        "made_with": {
            "nanochat": nanochat.__version__, "torch": torch.__version__, "python": platform.python_version()
        },
    }  # fmt: skip


def hold(folder: Path, held: ExitStack) -> Path:
    """Keep every other process from training the run in `folder` while `held` is open.

    The system lets go of the lock when the process ends, however it ends. Its file is in the folder, so that
    it goes when the folder of a refused run goes.
    """
    lock = FileLock(folder / ".lock", timeout=0)
    try:
        held.enter_context(lock)
    except Timeout:
        raise UserError(
            f"another process is training the run {folder.name!r}; wait for it, or give another --name"
        ) from None
    return folder


@contextmanager
def nothing_left_if_refused(folder: Path, plan: RunPlan, world: World) -> Iterator[None]:
    """Take the folder of a run back that ends before its first step; say what would fit if memory ran out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        settings = plan.settings
        # What is free was measured before; it was less than it seemed.
        raise UserError(
            too_large(
                plan.config, plan.device_batch_size, plan.batch_size // world.size, plan.place,
                settings.dtype == "fp32", settings.checkpointing,
            )
        ) from error  # fmt: skip
    finally:
        if world.is_first:
            run_files.remove_if_empty_run(folder)
