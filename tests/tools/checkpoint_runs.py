"""A base folder with a run of every stage, made by the real trainer in seconds, for the checkpoint tools."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from nanochat import cli
from nanochat.evaluation import results
from nanochat.evaluation.results import EvaluationResult
from nanochat.home import run_folder
from nanochat.train.checkpoint_meta import MODEL, read_meta
from tests.train.small_run import one_thread, prepare

SIZE = ["--depth", "2", "--head-dim", "32", "--seq-len", "64", "--batch-size", "4", "--no-compile"]
EVERY = ["--eval-tokens", "512", "--sample-every", "0", "--save-every", "4", "--eval-every", "4"]
BASE = ["train", "base", *SIZE, *EVERY, "--steps", "8", "--name", "small"]
SFT = ["train", "sft", "--from-run", "small", "--mixture", "spelling:1,arithmetic:1", "--examples", "200",
       "--no-compile", *EVERY, "--steps", "8"]  # fmt: skip
RL = ["train", "rl", "--from-run", "small-sft", "--tasks", "arithmetic", "--prompts", "2", "--samples", "2",
      "--max-tokens", "8", "--eval-examples", "4", "--no-compile", "--sample-every", "0", "--save-every", "1",
      "--eval-every", "1", "--steps", "2"]  # fmt: skip


@contextlib.contextmanager
def base_folder_at(folder: Path):
    """$NANOCHAT_BASE_DIR is this folder, here and in the processes started from here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        yield folder


def train_all(folder: Path) -> None:
    """A run of each stage under a base folder, and an evaluation of two of them."""
    with base_folder_at(folder), one_thread(), open(os.devnull, "w") as nowhere:
        prepare()
        with contextlib.redirect_stdout(nowhere):
            for words in (BASE, SFT, RL):
                assert cli.main(words) == 0
        put_result("small", "base", 8, "bpb", "bits per byte", 2.5, None)
        put_result("small-sft", "sft", 8, "arithmetic", "accuracy", 0.25, 0.03)
        put_result("small-rl", "rl", 2, "arithmetic", "accuracy", 0.75, 0.03)


def put_result(
    run: str, stage: str, step: int, task: str, metric: str, value: float, error: float | None
) -> None:
    """The result of an evaluation, as `nanochat eval` writes it."""
    folder = run_folder(run)
    meta = read_meta(folder / "checkpoints" / f"step_{step:06d}" / "meta.json")
    results.write(
        folder,
        EvaluationResult(
            run, stage, step, meta.hashes[MODEL], task, metric, value, error, 200, "nanochat eval"
        ),
    )
