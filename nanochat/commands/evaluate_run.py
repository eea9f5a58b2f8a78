"""What `nanochat eval` does: opens all that is needed, asks, and keeps each result as soon as it is there."""

from __future__ import annotations

import argparse
import contextlib
import json
import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import torch

import nanochat
from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.humaneval import NAME as HUMANEVAL
from nanochat.data.tasks.task import Task
from nanochat.errors import UserError
from nanochat.evaluation import core_bundle, results
from nanochat.evaluation.bits_per_byte import validation_sums
from nanochat.evaluation.core import evaluate_core
from nanochat.evaluation.core_bundle import Bundle, open_bundle
from nanochat.evaluation.generative import Asking, grader_of
from nanochat.evaluation.names import BPB, CHAT, CHATCORE, CLASSROOM, CORE, names_in
from nanochat.evaluation.progress import Counter
from nanochat.evaluation.results import TEST, EvaluationResult
from nanochat.evaluation.statistics import bits
from nanochat.evaluation.table import as_table
from nanochat.evaluation.task_result import TaskResult, mean_centred
from nanochat.evaluation.tasks import evaluate_task, has_choices, questions
from nanochat.files import write_json
from nanochat.home import run_folder
from nanochat.inference.engine import Engine
from nanochat.toolbox.tools import make_tools
from nanochat.train.checkpoint import at_step
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.distributed import World, join_world
from nanochat.train.finished import FinishedRun, open_run
from nanochat.train.fitting import largest_divisor
from nanochat.train.machine import name_of
from nanochat.train.precision import TYPES, pick_dtype

Opened = Corpus | Bundle | Task
CPU_TOKENS, GPU_TOKENS = 8_192, 65_536  # of the validation shard, read together
CPU_ROWS, GPU_ROWS = 8, 64  # replies written together


def evaluate(options: argparse.Namespace) -> int:
    """Evaluate a run, or with `--dry-run` say what would be done; returns the exit code."""
    with join_world() as world:
        run = open_run(options.run)
        opened = open_all(run, options, world)
        evaluation = Evaluation(run, options, world)
        if options.dry_run:
            if world.is_first:
                print(plan(evaluation, opened))
            return 0
        found = [evaluation.of(name, one) for name, one in opened.items()]
        if set(CHAT) <= opened.keys():
            found.append(evaluation.chat_core([one for one in found if one.task in CHAT]))
        if world.is_first:
            tell(found, evaluation)
        return 0


# ---- what is asked ----


def open_all(run: FinishedRun, options: argparse.Namespace, world: World) -> dict[str, Opened]:
    """All that is to be evaluated, opened before anything long begins.

    Raises `UserError` naming the commands that fetch what is missing. A chat model's tasks that nobody has
    asked for by name are left out where they are missing.
    """
    by_stage = "base" if run.stage == "base" else "chat,classroom"
    names = names_in(by_stage if options.tasks is None else options.tasks)
    dispensable = set(CHAT) - set(CLASSROOM) if options.tasks is None else set()
    opened: dict[str, Opened] = {}
    complaints = []
    for name in names:
        try:
            opened[name] = open_one(run, name, options)
        except UserError as error:
            if name not in dispensable:
                complaints.append(str(error))
            elif world.is_first:
                print(f"left out: {error}", file=sys.stderr)
    if complaints:
        raise UserError("; ".join(complaints))
    return opened


def open_one(run: FinishedRun, name: str, options: argparse.Namespace) -> Opened:
    """One of them. Raises `UserError` if its data is missing, or the sandbox that it needs."""
    if name == BPB:
        if "corpus" not in run.config:
            raise UserError(
                f"{run.name} was trained on no corpus; bits per byte is for base models: leave {BPB} out"
            )
        return open_corpus(run.config["corpus"]["name"])
    if name == CORE:
        return open_bundle()
    task = open_task(name, options.split)
    grader_of(task, options.unsafe_sandbox)
    return task


def plan(evaluation: Evaluation, opened: Mapping[str, Opened]) -> str:
    """What `--dry-run` prints."""
    checkpoint = evaluation.checkpoint
    lines = [f"would evaluate {evaluation.run.name} ({evaluation.run.stage}), step {checkpoint.step:,}:"]
    for name, one in opened.items():
        if isinstance(one, Corpus):
            what = f"the validation shard of {one.name}, {evaluation.text['tokens']:,} tokens"
        elif isinstance(one, Bundle):
            what = f"{len(one.tasks)} tasks in {one.folder}"
        else:
            count = len(questions(one, evaluation.options.limit))
            what = f"{count:,} questions, {'letters' if has_choices(one) else 'replies'}"
        lines.append(f"  {name:<16} {what}")
    return "\n".join([*lines, "nothing was done"])


# ---- the evaluations ----


class Evaluation:
    """A checkpoint that is evaluated: what all its evaluations share."""

    def __init__(self, run: FinishedRun, options: argparse.Namespace, world: World) -> None:
        self.run, self.options, self.world = run, options, world
        self.tokenizer = run.tokenizer()
        with contextlib.redirect_stdout(sys.stderr):  # a damaged checkpoint that is passed over is told of
            step = world.on_first(lambda: run.checkpoint(options.step).step)
        self.checkpoint = at_step(run.folder, step)
        self.counter = Counter()

    @cached_property
    def engine(self) -> Engine:
        """What writes; made before any question is asked, since it lays out the model's matrices anew."""
        default = CPU_ROWS if self.world.device.type == "cpu" else GPU_ROWS
        return Engine(self.model, self.tokenizer, self.options.rows or default, tool=make_tools(python=False))

    @cached_property
    def model(self) -> Any:
        """The model of the checkpoint."""
        dtype = TYPES[pick_dtype("auto", self.world.device)]
        return self.run.model(self.checkpoint, self.world.device, dtype)

    @cached_property
    def text(self) -> dict[str, int]:
        """Which text bits per byte is measured on: the same as while the run was trained."""
        settings, seq_len = self.run.config["settings"], self.run.model_config.sequence_len
        batch_size, processes = int(settings["batch_size"]), self.world.size
        if batch_size % processes:
            raise UserError(
                f"{processes} processes cannot share the validation's batches of {batch_size} rows; use "
                f"--nproc_per_node={largest_divisor(batch_size, processes)}"
            )
        together = CPU_TOKENS if self.world.device.type == "cpu" else GPU_TOKENS
        return {
            "tokens": int(settings["eval_tokens"]),
            "batch_size": batch_size,
            "seq_len": seq_len,
            "device_batch": largest_divisor(batch_size // processes, max(1, together // seq_len)),
        }

    def of(self, name: str, opened: Opened) -> EvaluationResult:
        """Evaluate, and keep the result."""
        if isinstance(opened, Corpus):
            found = self.bits_per_byte(opened)
        elif isinstance(opened, Bundle):
            found = self.core(opened)
        else:
            found = self.task(name, opened)
        self.keep(found)
        return found

    def bits_per_byte(self, corpus: Corpus) -> EvaluationResult:
        """Bits per byte on the validation shard."""
        began = time.perf_counter()
        nats, n_bytes = validation_sums(
            self.model.nats_per_token, corpus, self.tokenizer, device=self.world.device,
            processes=self.world, **self.text,
        )  # fmt: skip
        settings = {
            **self.text, "corpus": corpus.name, "validation_sha256": corpus.validation_shard.sha256
        }  # fmt: skip
        return self.result(
            BPB, "bits per byte", bits(nats, n_bytes), None, int(n_bytes), (), settings=settings,
            seconds=time.perf_counter() - began,
        )  # fmt: skip

    def core(self, bundle: Bundle) -> EvaluationResult:
        """CORE, with its tasks."""
        limit = self.options.limit
        model = self.engine.decoder.model
        tasks = evaluate_core(model, self.tokenizer, bundle, limit, self.world, self.say)
        flags = [f"--limit={limit}"] if limit else []
        settings = {"bundle_sha256": bundle.sha256}
        return self.mean(CORE, tasks, flags, settings=settings, limit=limit)

    def task(self, name: str, task: Task) -> EvaluationResult:
        """The score of a task."""
        options, letters = self.options, has_choices(task)
        asking = Asking(options.samples, options.temperature, options.seed)
        found = evaluate_task(
            self.engine, self.tokenizer, task, options.limit, asking,
            grader_of(task, options.unsafe_sandbox), self.world, self.say,
        )  # fmt: skip
        settings: dict[str, Any] = {"answered by": "letters"} if letters else asdict(asking)
        return self.result(
            name, "accuracy", found.accuracy, found.standard_error, found.total,
            self.task_flags(letters, name == HUMANEVAL), correct=found.correct, accuracy=found.accuracy,
            chance=found.chance, centred=found.centred, centred_error=found.centred_estimate.error,
            interval=found.interval, split=options.split, limit=options.limit,
            seed=None if letters else options.seed, settings=settings, seconds=found.seconds,
            replies=found.replies,
        )  # fmt: skip

    def chat_core(self, found: Sequence[EvaluationResult]) -> EvaluationResult:
        """ChatCORE, from the results of its tasks."""
        tasks = [
            TaskResult(one.task, one.correct or 0.0, one.n, one.chance or 0.0, seconds=one.seconds)
            for one in found
        ]
        made = self.mean(
            CHATCORE, tasks, self.task_flags(False, True), "chat", split=self.options.split,
            limit=self.options.limit, seed=self.options.seed,
        )  # fmt: skip
        self.keep(made)
        return made

    def task_flags(self, letters: bool, programs: bool) -> list[str]:
        """The flags that a task's score depends on."""
        options = self.options
        flags = [f"--split={options.split}"] if options.split != TEST else []
        flags += [f"--limit={options.limit}"] if options.limit else []
        if not letters:
            flags += [f"--samples={options.samples}", f"--temperature={options.temperature:g}"]
            flags += [f"--seed={options.seed}", f"--rows={self.engine.most_rows}"]
        return flags + (["--unsafe-sandbox"] if programs and options.unsafe_sandbox else [])

    def mean(
        self, name: str, tasks: Sequence[TaskResult], flags: Sequence[str], group: str = "", **more: Any
    ) -> EvaluationResult:
        """The result that is a mean over tasks."""
        value = mean_centred(tasks)
        return self.result(
            name, "mean centred accuracy", value.value, value.error, sum(one.total for one in tasks), flags,
            group, parts=tuple(one.to_dict() for one in tasks), seconds=sum(one.seconds for one in tasks),
            replies=tuple(reply for one in tasks for reply in one.replies), **more,
        )  # fmt: skip

    def result(
        self, name: str, metric: str, value: float, error: float | None, n: int, flags: Sequence[str],
        group: str = "", **more: Any,
    ) -> EvaluationResult:  # fmt: skip
        """A result with all that is the same for each of a checkpoint."""
        run, world = self.run, self.world
        more["seconds"] = round(more["seconds"], 3)
        return EvaluationResult(
            run=run.name, stage=run.stage, step=self.checkpoint.step,
            checkpoint=self.checkpoint.hashes[MODEL], task=name, metric=metric, value=value, error=error,
            n=n, command=self.command(group or name, flags),
            date=datetime.now(UTC).isoformat(timespec="seconds"), machine=name_of(world.device, world.size),
            versions={
                "nanochat": nanochat.__version__, "torch": torch.__version__,
                "python": platform.python_version(),
            },
            **more,
        )  # fmt: skip

    def command(self, tasks: str, flags: Sequence[str]) -> str:
        """The command that computes something again."""
        run = self.run
        named = run.folder == run_folder(run.name).resolve()
        words = ["nanochat", "eval", f"--run={run.name if named else run.folder}"]
        words += [f"--step={self.checkpoint.step}", f"--tasks={tasks}", *flags]
        asked = shlex.join(words)
        if tasks == CORE and (where := core_bundle.source()) != core_bundle.PUBLIC:
            return f"{core_bundle.VARIABLE}={shlex.quote(where)} {asked}"
        return asked

    def keep(self, result: EvaluationResult) -> None:
        """Write a result into the run's folder."""
        if self.world.is_first:
            self.counter.clear()
            results.write(self.run.folder, result)

    def say(self, task: str, done: int, total: int) -> None:
        """How far it is; the first process speaks for all."""
        if self.world.is_first:
            self.counter.count(task, min(done, total), total)


def tell(found: Sequence[EvaluationResult], evaluation: Evaluation) -> None:
    """Print what was found, and write it where it was asked for."""
    options = evaluation.options
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        write_json(options.out, [asdict(one) for one in found], indent=1)
    if options.json:
        print(json.dumps([asdict(one) for one in found], indent=1, ensure_ascii=False))
        return
    first = found[0]
    print(f"{first.run} ({first.stage}), step {first.step:,}, on {first.machine}\n")
    print(as_table(found))
    print(f"\nkept, with the command that computes each again: {evaluation.run.folder / results.FOLDER}")
