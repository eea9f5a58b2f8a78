"""From a plan to a run that can take its first step: model, optimizer, loader, new or from a checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import torch

from nanochat.errors import UserError
from nanochat.model.compiling import can_compile
from nanochat.model.gpt import GPT
from nanochat.train import checkpoint, run_files
from nanochat.train.distributed import World
from nanochat.train.guard import Guard
from nanochat.train.loop import Trainer
from nanochat.train.metrics import peak_flops
from nanochat.train.optimizer import Optimizer, make_optimizer
from nanochat.train.parts import Lesson
from nanochat.train.precision import TYPES, LossScale
from nanochat.train.progress import Progress
from nanochat.train.run import Run
from nanochat.train.run_plan import RunPlan
from nanochat.train.stored import Checkpoint
from nanochat.train.trackers import Tracker, make_trackers


def assemble(
    plan: RunPlan, folder: Path, lesson: Lesson, world: World, progress: Progress, config: dict[str, Any],
) -> tuple[Run, int]:  # fmt: skip
    """The run, and the number of its first step: 0, or that of the checkpoint it continues from."""
    settings = plan.settings
    progress.working("making the model")
    peak = peak_flops(world.device)  # before threads that tokenize take a part of the CPU
    model = make_model(plan, world.device, lesson.first_weights)
    optimizer = make_optimizer(
        model, plan.training, compiled=settings.compile and world.device.type == "cuda" and can_compile(),
        process_group=world.machine,
    )  # fmt: skip
    guard, loss_scale = Guard(), LossScale.for_dtype(settings.dtype)
    found = find_checkpoint(folder, world, progress)
    if found is not None:
        restore(found, model, optimizer, guard, loss_scale)
    if world.is_first:
        for name in (run_files.METRICS, run_files.SAMPLES):
            run_files.keep_up_to(folder / name, found.step if found else 0, progress.note)
    loader = lesson.loader(found.loader_states() if found else None)
    if settings.compile:
        progress.working("compiling")
        model.compile_blocks()
    trainer = Trainer(
        plan=plan, model=world.wrap(model), optimizer=optimizer, loader=loader, device=world.device,
        sum_over_processes=world.sum, peak_flops=peak, loss_scale=loss_scale, guard=guard,
        tokens=found.meta["tokens"] if found else 0,
    )  # fmt: skip

    def save(step: int, more: dict[str, Any]) -> None:
        meta = {
            "model": plan.config.to_dict(), "tokenizer": config["tokenizer"], "guard": guard.state(),
            "loss_scale": loss_scale.state(), "tokens": trainer.tokens, **more,
        }  # fmt: skip
        state = optimizer.state_slices() if world.keeps_state else {}
        checkpoint.save(
            folder, step, model.state_dict(), state, meta, loader.state(), rank=world.rank,
            world=world.size, agree=lambda ok: world.sum([float(not ok)])[0] == 0, keep=settings.keep,
        )  # fmt: skip

    run = Run(
        trainer=trainer,
        folder=folder,
        is_first=world.is_first,
        progress=progress,
        trackers=make_trackers_here(plan, folder, world, config),
        evaluate=lambda: lesson.evaluate(model),
        write_samples=lambda step: lesson.write_samples(model, step),
        save=save,
        saved=found.step if found else 0,
        measure=lesson.measure,
        value=found.meta.get(lesson.measure.key) if found else None,
        born=psutil.Process().create_time(),
    )
    if found is not None:
        progress.note(f"going on after step {found.step:,}")
    return run, found.step if found else 0


def make_model(plan: RunPlan, device: torch.device, fill: Callable[[GPT], None] | None = None) -> GPT:
    """The model of a plan with its first weights, by chance or by `fill`, not yet compiled."""
    settings = plan.settings
    model = GPT(plan.config, TYPES[settings.dtype])
    if fill is None:
        model.initialize(settings.seed)
    else:
        fill(model)
    model.to(device)
    if settings.fp8:
        model.use_float8()
    if settings.checkpointing:
        model.checkpoint_blocks()
    return model


def find_checkpoint(folder: Path, world: World, progress: Progress) -> Checkpoint | None:
    """The newest good checkpoint, as the first process sees it; None if there is none yet."""

    def newest() -> int | None:
        found = checkpoint.latest(folder, progress.note)
        if found is not None:
            checkpoint.forget_after(folder, found.step)  # or a damaged one would count among those to keep
        return None if found is None else found.step

    step = world.on_first(newest)
    return None if step is None else checkpoint.at_step(folder, step)


def restore(found: Checkpoint, model: GPT, optimizer: Optimizer, guard: Guard, loss_scale: LossScale) -> None:
    """Take up what a checkpoint holds; `UserError` if it is one of another model."""
    try:
        model.load_state_dict(found.model_tensors())
    except RuntimeError:
        raise UserError(
            f"{found.folder} holds another model than the run's config.json describes; "
            "put that file back as it was"
        ) from None
    optimizer.load_state(found.read_rows)
    guard.restore(found.meta["guard"])
    loss_scale.restore(found.meta["loss_scale"])


def make_trackers_here(plan: RunPlan, folder: Path, world: World, config: dict[str, Any]) -> list[Tracker]:
    """The trackers of the first process; the others have none."""
    if not world.is_first:
        return []
    return make_trackers(folder, plan.settings.tensorboard, plan.settings.wandb, config)
