"""A run that is killed and continued is the run that was never killed, bit for bit. Real processes."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from nanochat.home import run_folder
from tests.train.small_run import (
    QUIET,
    ROOT,
    SIZE,
    command,
    environment,
    losses,
    metrics,
    prepare,
    train,
    weights,
)

STEPS = 24
WORDS = [*SIZE, *QUIET, "--steps", str(STEPS), "--save-every", "5"]


@pytest.fixture(scope="module", autouse=True)
def whole(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A corpus, a tokenizer, and a run from beginning to end, for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        done = train(*WORDS, "--name", "whole")
        assert done.returncode == 0, done.stderr
        yield


def start(name: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*WORDS, "--name", name, *words),
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def lines_of(name: str) -> int:
    path = run_folder(name) / "metrics.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def wait_for_lines(name: str, count: int, process: subprocess.Popen[str]) -> None:
    while lines_of(name) < count and process.poll() is None:
        time.sleep(0.002)


def same_as_whole(name: str) -> None:
    assert losses(name) == losses("whole")
    assert weights(name, STEPS) == weights("whole", STEPS)


def test_killed_at_random_moments() -> None:
    """Each process lives a little longer than the last checkpoint: in a step, between steps, while saving."""
    chance = random.Random(3)
    for more in (3, 4, 6):
        before = lines_of("killed")
        process = start("killed", "--resume")
        if before:
            # The lines after the checkpoint go first, then come again.
            while lines_of("killed") == before and process.poll() is None:
                time.sleep(0.002)
        wait_for_lines("killed", min(STEPS - 1, before + more), process)
        time.sleep(chance.random() * 0.1)
        process.kill()
        process.communicate()
    last = train(*WORDS, "--name", "killed", "--resume")
    assert last.returncode == 0, last.stderr
    same_as_whole("killed")
    assert {path.name for path in (run_folder("killed") / "checkpoints").iterdir()} == {
        "step_000020",
        "step_000024",
    }


@pytest.mark.parametrize(("signal_number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_leaves(signal_number: signal.Signals, code: int) -> None:
    name = f"signal-{code}"
    process = start(name)
    wait_for_lines(name, 7, process)
    process.send_signal(signal_number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    assert err == ""
    step = lines_of(name)
    assert f"stopped after step {step}, as asked; --resume continues" in out
    assert (run_folder(name) / "checkpoints" / f"step_{step:06d}").is_dir()
    done = train("--name", name, "--resume")  # its config.json knows the rest
    assert done.returncode == 0, done.stderr
    assert f"going on after step {step}" in done.stdout
    same_as_whole(name)


def test_a_run_is_trained_by_one_process_at_a_time() -> None:
    """Two would write into one metrics.jsonl, and remove each other's checkpoints."""
    process = start("alone", "--steps", "2000")
    wait_for_lines("alone", 3, process)
    second = train("--name", "alone", "--resume")
    assert second.returncode == 2
    assert second.stderr == (
        "nanochat: error: another process is training the run 'alone'; wait for it, or give another --name\n"
    )
    process.kill()  # the lock goes with it
    process.communicate()
    kept = [record["step"] for record in metrics("alone")]
    assert kept == list(range(1, len(kept) + 1))
    assert train("--name", "alone", "--resume", "--dry-run").returncode == 0


def test_a_finished_run_has_nothing_to_resume() -> None:
    done = train("--name", "whole", "--resume")
    assert done.returncode == 0, done.stderr
    assert f"all {STEPS} steps are trained already" in done.stdout


def test_the_same_settings_make_the_same_run() -> None:
    done = train("--config", str(run_folder("whole") / "config.json"), "--name", "again", "--eval-every", "7")
    assert done.returncode == 0, done.stderr
    same_as_whole("again")


def test_a_damaged_checkpoint_is_passed_over() -> None:
    done = train(*WORDS, "--name", "damaged")
    assert done.returncode == 0, done.stderr
    newest = run_folder("damaged") / "checkpoints" / f"step_{STEPS:06d}"
    cut_short(newest / "optimizer-00-of-01.safetensors")
    again = train("--name", "damaged", "--resume")
    assert again.returncode == 0, again.stderr
    said = [line for line in again.stdout.splitlines() if "damaged: it was cut short or changed" in line]
    assert len(said) == 1
    assert "going on after step 20" in again.stdout
    same_as_whole("damaged")

    for checkpoint in (run_folder("damaged") / "checkpoints").iterdir():
        cut_short(checkpoint / "model.safetensors")
    refused = train("--name", "damaged", "--resume")
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert "no other is left" in refused.stderr
    assert losses("damaged") == losses("whole")  # what was there stays for the reader


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def test_config_json_says_what_the_run_is() -> None:
    config = json.loads((run_folder("whole") / "config.json").read_text(encoding="utf-8"))
    assert config["name"] == "whole"
    assert config["settings"]["steps"] == STEPS
    assert config["model"]["n_embd"] == 64
    assert set(config["tokenizer"]) == {"name", "fingerprint", "vocab_size"}
