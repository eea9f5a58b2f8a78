"""Pretraining from beginning to end: `nanochat train base`.

`train_base` opens corpus and tokenizer, asks `run_plan` for every number, claims the run's folder, puts the
parts together (`nanochat.train.assemble`) and lets `Run` go through the steps. A run that is refused leaves
nothing behind; one that is stopped, by a signal or by its own loss, leaves a checkpoint to go on from.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

import nanochat
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.loader import open_tokenizer
from nanochat.errors import UserError
from nanochat.model.counting import count_parameters
from nanochat.train import describe, run_files
from nanochat.train.assemble import assemble
from nanochat.train.distributed import World, join_world
from nanochat.train.fitting import Place, too_large
from nanochat.train.machine import free_bytes, is_out_of_memory, name_of
from nanochat.train.parts import Tokenizer
from nanochat.train.precision import check_fp8, pick_dtype
from nanochat.train.progress import make_progress
from nanochat.train.run import last_line
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.start import Start
from nanochat.train.stop_signals import StopSignals


def train_base(start: Start, dry_run: bool = False) -> int:
    """Train, or with `dry_run` say what would be done; returns the exit code."""
    with join_world() as world:
        corpus, tokenizer = open_corpus(start.settings.corpus), open_tokenizer(start.settings.tokenizer)
        check_same_text(start, corpus, tokenizer)
        plan = plan_here(start, tokenizer.n_vocab, world)
        config = config_file(start, plan, corpus, tokenizer, world)
        if dry_run:
            if world.is_first:
                print_plan(plan, config)
            return 0
        with ExitStack() as held:
            folder = Path(world.on_first(lambda: str(hold(start.folder or claim(plan), held))))
            held.enter_context(nothing_left_if_refused(folder, plan, world))
            if start.folder is None and world.is_first:
                run_files.write_json(folder / run_files.CONFIG, {"name": folder.name} | config)
            return train(start, plan, folder, corpus, tokenizer, world, config)


def train(
    start: Start, plan: RunPlan, folder: Path, corpus: Corpus, tokenizer: Tokenizer, world: World,
    config: dict[str, Any],
) -> int:  # fmt: skip
    """Put the parts together, in a folder that is there, and go."""
    began, progress = time.time(), make_progress(world.is_first)
    title = f"{'continuing' if start.folder else 'training'} {folder.name}"
    progress.begin(title, [*facts_of(plan, config), ("folder", str(folder))], plan.steps)
    try:
        if start.note:
            progress.note(start.note)
        run, first = assemble(plan, folder, corpus, tokenizer, world, progress, config)
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


def plan_here(start: Start, vocab_size: int, world: World) -> RunPlan:
    """The plan for this machine; a run that moved to another number of processes is cut anew."""
    settings = start.settings
    dtype = pick_dtype(settings.dtype, world.device)
    if start.before and start.before.get("machine", {}).get("processes") != world.size:
        unchanged = settings.device_batch_size == start.before["settings"].get("device_batch_size")
        settings = replace(settings, device_batch_size=None) if unchanged else settings
    here = world.launch.local_size if world.device.type == "cpu" else 1
    place = Place(world.device.type, world.size, world.least(free_bytes(world.device, here)))
    plan = plan_run(settings, vocab_size, place, dtype)
    if settings.fp8:
        check_fp8(world.device, dtype, plan.device_batch_size * plan.config.sequence_len)
    return plan


def claim(plan: RunPlan) -> Path:
    """The folder of a new run."""
    return run_files.claim_folder(plan.settings.name, f"d{plan.config.n_layer}")


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


def check_same_text(start: Start, corpus: Corpus, tokenizer: Tokenizer) -> None:
    """Refuse to continue, or to do again, a run whose corpus or tokenizer is not what it was."""
    now: Corpus | Tokenizer
    for kind, now in (("tokenizer", tokenizer), ("corpus", corpus)):
        before = (start.before or {}).get(kind)
        asked_for_another = start.folder is None and kind in start.asked
        if not before or before["fingerprint"] == now.fingerprint or asked_for_another:
            continue
        detail = ""
        if kind == "tokenizer" and before["vocab_size"] != tokenizer.n_vocab:
            detail = f": it has {tokenizer.n_vocab:,} tokens, the model {before['vocab_size']:,}"
        raise UserError(
            f"the {kind} {now.name!r} is not the one this run was trained with{detail}; "
            f"give that one with --{kind}, or start a new run with --name"
        )


def config_file(
    start: Start, plan: RunPlan, corpus: Corpus, tokenizer: Tokenizer, world: World
) -> dict[str, Any]:
    """What `config.json` says: enough to train the same model again, and what a report wants to know."""
    return {
        "asked": start.asked,
        "settings": replace(plan.settings, name=None).to_dict(),
        "model": plan.config.to_dict(),
        "parameters": count_parameters(plan.config).total,
        "flops_per_token": plan.flops_per_token,
        "total_tokens": plan.total_tokens,
        "corpus": {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "text_bytes": corpus.text_bytes
        },
        "tokenizer": {
            "name": tokenizer.name, "fingerprint": tokenizer.fingerprint, "vocab_size": tokenizer.n_vocab
        },
        "machine": {"device": name_of(world.device, world.size), "processes": world.size},
        "made_with": {
            "nanochat": nanochat.__version__, "torch": torch.__version__, "python": platform.python_version()
        },
    }  # fmt: skip


def facts_of(plan: RunPlan, config: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts of a run, for the box at its beginning."""
    return describe.facts(
        plan, config["corpus"]["name"], config["corpus"]["text_bytes"], config["tokenizer"]["name"],
        config["machine"]["device"],
    )  # fmt: skip


def print_plan(plan: RunPlan, config: dict[str, Any]) -> None:
    """What `--dry-run` prints."""
    progress = make_progress(is_first=True)
    progress.begin("would train", facts_of(plan, config), plan.steps)
    progress.end("nothing was written")


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
