"""Runs of every stage, really stopped: the tool is asked, its command pasted, and the run finishes."""

from __future__ import annotations

import json
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nanochat import cli
from tests.tools.checkpoint_runs import base_folder_at
from tests.train.small_run import environment, one_thread, prepare
from tools.core.json_report import figures
from tools.training_resume_helper import TOOL

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "training_resume_helper.py"
SIZE = ["--depth", "1", "--head-dim", "32", "--seq-len", "64", "--batch-size", "4", "--no-compile"]
QUIET = ["--eval-every", "0", "--sample-every", "0"]
BASE = ["train", "base", *SIZE, *QUIET, "--save-every", "3"]
SFT = ["train", "sft", "--from-run", "whole", "--mixture", "arithmetic", "--examples", "200",
       "--no-compile", *QUIET, "--save-every", "3"]  # fmt: skip
RL = ["train", "rl", "--from-run", "talks", "--tasks", "arithmetic", "--prompts", "2", "--samples", "2",
      "--max-tokens", "8", "--no-compile", *QUIET, "--save-every", "2"]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory):
    """A base folder with a space in its name, and finished runs for the later stages to begin with."""
    folder = tmp_path_factory.mktemp("base folder")
    with base_folder_at(folder), one_thread():
        prepare()
        assert cli.main([*BASE, "--steps", "4", "--name", "whole"]) == 0
        assert cli.main([*SFT, "--steps", "2", "--name", "talks"]) == 0
        yield folder


def stop(base: Path, words: list[str], name: str, lines: int, how: signal.Signals, *before: str) -> None:
    """Start a run as a process of its own, and end it after so many steps."""
    started = [*(before or (sys.executable, "-m", "nanochat")), *words, "--name", name]
    process = subprocess.Popen(
        started, cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip
    metrics = base / "runs" / name / "metrics.jsonl"
    while process.poll() is None and (not metrics.exists() or metrics.read_bytes().count(b"\n") < lines):
        time.sleep(0.005)
    process.send_signal(how)
    _, err = process.communicate(timeout=60)
    assert process.returncode != 0, err


def asked(*words: str) -> tuple[int, dict]:
    """The tool's answer, as a process in the same environment."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--json", *words],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)["sections"]


def paste(command: str) -> str:
    """Run a command as a shell does, and return what it printed."""
    done = subprocess.run(
        command, shell=True, executable="/bin/bash", cwd=ROOT, env=environment(), capture_output=True,
        text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_here(command: str) -> None:
    """The words of a command in this process, where starting another would only take time."""
    words = shlex.split(command)
    with one_thread():
        assert cli.main(words[words.index("nanochat") + 1 :]) == 0


def steps_of(base: Path, name: str) -> list[int]:
    lines = (base / "runs" / name / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["step"] for line in lines]


STAGES = {
    "base": (BASE, 60, signal.SIGKILL),
    "sft": (SFT, 60, signal.SIGTERM),
    "rl": (RL, 24, signal.SIGKILL),
}


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_pasted_goes_on_where_the_tool_said(base, stage):
    words, steps, how = STAGES[stage]
    name = f"stopped-{stage}"
    stop(base, [*words, "--steps", str(steps)], name, 7, how)
    code, report = asked("--run", name)
    answer = report["answer"]
    assert (code, answer["can_resume"], answer["steps"]) == (0, True, steps)
    told = answer["from_step"]
    assert 0 < told < steps
    assert report["remaining"]["steps_left"] == steps - told
    assert report["remaining"]["done_again"] == max(steps_of(base, name)) - told
    assert f"going on after step {told}" in paste(answer["command"])
    assert steps_of(base, name) == list(range(1, steps + 1))
    done = TOOL.ask(run=name)
    assert (done.ok, figures(done)["answer"]["finished"]) == (False, True)


def test_two_processes_go_on_as_two_and_as_one(base):
    """torchrun is in the command when the checkpoint was written by several processes."""
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2")
    runner = (*torchrun, "-m", "nanochat")
    stop(base, [*BASE, "--steps", "20"], "pair", 4, signal.SIGTERM, *runner)
    shutil.copytree(base / "runs" / "pair", base / "runs" / "solo")
    report = figures(TOOL.ask(run="pair"))
    told = report["answer"]["from_step"]
    assert (report["answer"]["can_resume"], report["answer"]["processes"]) == (True, 2)
    assert "--nproc_per_node=2" in report["answer"]["command"]
    assert f"going on after step {told}" in paste(report["answer"]["command"])
    alone = figures(TOOL.ask(run="solo", processes=1))["answer"]
    assert (alone["can_resume"], alone["from_step"]) == (True, told)
    assert "nproc" not in alone["command"]
    run_here(alone["command"])
    for name in ("pair", "solo"):
        assert steps_of(base, name) == list(range(1, 21))


def test_a_damaged_checkpoint_is_passed_over_as_the_trainer_does(base, capsys):
    name = "broken"
    with one_thread():
        assert cli.main([*BASE, "--steps", "6", "--name", name]) == 0
    newest = base / "runs" / name / "checkpoints" / "step_000006" / "optimizer-00-of-01.safetensors"
    data = bytearray(newest.read_bytes())
    data[-9] ^= 4  # the length is right, so only the hash tells
    newest.write_bytes(data)
    report = figures(TOOL.ask(run=name))
    assert (report["answer"]["can_resume"], report["answer"]["from_step"]) == (True, 3)
    assert [row["state"] for row in report["checkpoints"]["checkpoints"]] == ["damaged", "good, taken"]
    capsys.readouterr()
    run_here(report["answer"]["command"])
    assert "going on after step 3" in capsys.readouterr().out


def test_a_run_that_is_under_way_is_left_alone(base):
    name = "busy"
    process = subprocess.Popen(
        [sys.executable, "-m", "nanochat", *BASE, "--steps", "100000", "--name", name],
        cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        metrics = base / "runs" / name / "metrics.jsonl"
        while process.poll() is None and (not metrics.exists() or not metrics.stat().st_size):
            time.sleep(0.005)
        report = TOOL.ask(run=name, quick=True)
        assert not report.ok
        refusals = figures(report)["refusals"]["refusals"]
        assert refusals[0]["why"] == f"Process {process.pid} is training this run now."
        assert "saves before it leaves" in refusals[0]["way_out"]
        assert process.poll() is None  # it was not disturbed
    finally:
        process.kill()
        process.wait()
    assert TOOL.ask(run=name).ok  # the lock went with it


def test_a_run_stopped_before_its_first_checkpoint_begins_again(base):
    shutil.copytree(base / "runs" / "whole", base / "runs" / "early")
    shutil.rmtree(base / "runs" / "early" / "checkpoints")
    report = TOOL.ask(run="early")
    answer = figures(report)["answer"]
    assert (answer["can_resume"], answer["from_step"]) == (True, 0)
    assert "from its beginning, since no checkpoint was saved yet" in report.says
    run_here(answer["command"])
    assert steps_of(base, "early") == [1, 2, 3, 4]
