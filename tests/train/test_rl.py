"""Reinforcement learning as a whole: a reward is followed, in any number of processes, stopped or not."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanochat import cli
from nanochat.home import run_folder
from nanochat.train.finished import open_run
from tests.train.small_run import (
    QUIET,
    ROOT,
    environment,
    everything,
    losses,
    metrics,
    one_thread,
    prepare,
    weights,
)

BASE = ["--depth", "1", "--head-dim", "32", "--seq-len", "64", "--batch-size", "8", "--no-compile"]
RL = ["--from-run", "sft", "--tasks", "arithmetic", "--prompts", "4", "--samples", "8", "--max-tokens", "24",
      "--eval-examples", "20", "--no-compile"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A corpus, a tokenizer, and a run that has begun to answer, for all tests of this file."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        with one_thread():
            assert cli.main(["train", "base", *BASE, *QUIET, "--steps", "10", "--name", "base"]) == 0
            words = ["--from-run", "base", "--mixture", "arithmetic", "--steps", "60", "--no-compile", *QUIET]
            assert cli.main(["train", "sft", *words, "--name", "sft"]) == 0
            yield folder


def rl(name: str, *words: str) -> None:
    assert cli.main(["train", "rl", *RL, "--name", name, *words]) == 0


def test_it_measures_and_tells(capsys: pytest.CaptureFixture[str]) -> None:
    rl("tells", "--steps", "2", "--sample-every", "1")
    out = capsys.readouterr().out
    assert "step 60 of sft (sft)" in out
    assert "4 questions × 8 replies" in out
    assert "val accuracy" in out
    for line in metrics("tells"):
        assert 0 <= line["reward"] <= 1
        assert 0 < line["reply_tokens"] <= 24
        assert 0 <= line["mixed_groups"] <= 1
    assert "val_accuracy" in metrics("tells")[-1]
    run = open_run("tells")
    assert (run.stage, run.config["origin"]["run"]) == ("rl", "sft")


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped() -> None:
    words = ["--steps", "4", "--save-every", "2", "--keep", "9", *QUIET]
    rl("whole", *words)
    rl("stopped", *words)
    shutil.rmtree(run_folder("stopped") / "checkpoints" / "step_000004")
    assert cli.main(["train", "rl", "--resume", "--name", "stopped"]) == 0
    assert losses("stopped") == losses("whole")
    assert weights("stopped", 4) == weights("whole", 4)


def test_a_run_goes_on_where_the_one_it_came_from_has_saved_since() -> None:
    rl("left", "--steps", "4", "--save-every", "2", "--keep", "9", *QUIET)
    assert open_run("left").config["settings"]["from_step"] == 60
    shutil.rmtree(run_folder("left") / "checkpoints" / "step_000004")
    newest = run_folder("sft") / "checkpoints" / "step_000060"
    kept = newest.rename(run_folder("sft") / "kept")
    assert cli.main(["train", "rl", "--resume", "--name", "left"]) == 0
    kept.rename(newest)
    assert weights("left", 4) == weights("whole", 4)


def test_two_processes_learn_the_same() -> None:
    words = [*RL, "--steps", "2", "--lr-scale", "0.1", *QUIET]
    rl("on-1", *words)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m",
         "nanochat", "train", "rl", *words, "--name", "on-2"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert dict(losses("on-2")) == pytest.approx(dict(losses("on-1")), abs=1e-4)
    assert [line["reward"] for line in metrics("on-2")] == [line["reward"] for line in metrics("on-1")]


@pytest.mark.parametrize(("words", "complaint"), [
    ([], "say which run to start from: --from-run NAME"),
    (["--from-run", "sft", "--tasks", "small-talk"], "--tasks small-talk: its replies are not graded"),
    (["--from-run", "sft", "--samples", "1"], "--samples 1 is out of range; it goes from 2"),
    (["--from-run", "nowhere"], "there is no run 'nowhere'"),
])  # fmt: skip
def test_what_is_refused(words: list[str], complaint: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = everything()
    assert cli.main(["train", "rl", *words]) == 2
    found = capsys.readouterr().err
    assert found.startswith(f"nanochat: error: {complaint}")
    assert found.count("\n") == 1
    assert everything() == before
