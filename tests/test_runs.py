"""The scripts in runs/: bash reads them, every command in them exists, and they say how long they take."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from nanochat import cli
from nanochat.model.hardware import find_gpu
from nanochat.train.depth_dial import turn_dial
from nanochat.train.links import Cluster
from nanochat.train.scaling import split_step

RUNS = Path(__file__).resolve().parent.parent / "runs"
SCRIPTS = sorted(RUNS.glob("*.sh"))
STARTED = [path for path in SCRIPTS if path.name != "environment.sh"]
RTX4090 = find_gpu("RTX4090")


def commands(path: Path) -> list[list[str]]:
    """The words after `nanochat` of every call of it, without what the shell fills in."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    found = []
    for line in text.splitlines():
        if line.lstrip().startswith("#") or "nanochat" not in line:
            continue
        words = [word for word in shlex.split(line, comments=True) if word not in ("$@", "&")]
        if words[0] == "nanochat":
            found.append(words[1:])
        elif "-m" in words and words[words.index("-m") + 1 :][:1] == ["nanochat"]:
            found.append(words[words.index("-m") + 2 :])
    return found


def test_there_is_a_script_for_every_size():
    assert {path.name for path in STARTED} == {"laptop.sh", "one_gpu.sh", "eight_h100.sh", "slurm.sh"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_bash_reads_it(path):
    subprocess.run(["bash", "-n", str(path)], check=True, capture_output=True)
    if shellcheck := shutil.which("shellcheck"):
        done = subprocess.run([shellcheck, "-x", str(path)], cwd=RUNS.parent, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", STARTED, ids=lambda path: path.name)
def test_every_command_in_it_exists(path):
    found = commands(path)
    assert found
    for words in found:
        cli.check(words)
    assert path.stat().st_mode & stat.S_IXUSR
    assert "set -euo pipefail" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", [path for path in STARTED if path.name != "laptop.sh"], ids=lambda p: p.name)
def test_a_training_can_be_continued(path):
    training = [words for words in commands(path) if words[:2] == ["train", "base"]]
    assert training
    for words in training:
        assert "--resume" in words
        assert "--name" in words


@pytest.mark.parametrize(
    ("name", "machine", "depth", "cluster"),
    [
        ("one_gpu.sh", "An H100 takes", 12, Cluster(1)),
        (
            "one_gpu.sh",
            "an RTX 4090",
            12,
            Cluster(
                1,
                peak_flops=RTX4090.peak_flops,
                memory_bandwidth=RTX4090.bandwidth,
                memory=RTX4090.memory_bytes,
            ),
        ),
        ("eight_h100.sh", "It takes", 24, Cluster(8)),
        ("slurm.sh", "training takes", 24, Cluster(32)),
    ],
)
def test_the_time_it_says_is_what_the_scale_model_says(name, machine, depth, cluster):
    text = " ".join((RUNS / name).read_text(encoding="utf-8").replace("\n#", " ").split())
    said = re.search(rf"{machine} about ([\d.]+) hours", text)
    assert said, f"{name} does not say how long {machine}"
    dial = turn_dial(depth)
    hours = dial.steps * split_step(dial.config, dial.batch_tokens, cluster).total / 3_600
    assert float(said[1]) == pytest.approx(hours, abs=0.06)


@pytest.mark.parametrize("name", ["one_gpu.sh", "eight_h100.sh", "slurm.sh"])
def test_the_text_is_enough_for_the_tokens(name):
    """A shard holds 47 million tokens at least, as the public nanochat counts on."""
    (prepare,) = [words for words in commands(RUNS / name) if words[:2] == ["data", "prepare"]]
    (training,) = [words for words in commands(RUNS / name) if words[:2] == ["train", "base"]]
    shards = int(prepare[prepare.index("--shards") + 1])
    depth = int(training[training.index("--depth") + 1])
    assert 1.0 <= shards * 47e6 / turn_dial(depth).tokens < 1.25


def stand_in(folder: Path, name: str, text: str) -> None:
    """A program that writes down how it was called."""
    path = folder / name
    path.write_text(f'#!/bin/sh\necho "{name} $*" >> "{folder}/calls"\n{text}\n', encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path):
    """A PATH on which nanochat, torchrun and SLURM only write down how they are called."""
    for name in ("nanochat", "torchrun", "srun"):
        stand_in(tmp_path, name, "")
    stand_in(tmp_path, "scontrol", 'if [ "$1" = show ]; then echo first; echo second; fi')
    return tmp_path


def run(script: str, folder: Path, *words: str, **variables: str) -> tuple[int, list[str]]:
    """Exit code and calls of a script."""
    environment = {
        **os.environ,
        "PATH": f"{folder}:{os.environ['PATH']}",
        "NANOCHAT_BASE_DIR": str(folder),
        **variables,
    }
    done = subprocess.run(
        ["bash", str(RUNS / script), *words], env=environment, cwd=folder, capture_output=True, timeout=60
    )
    calls = folder / "calls"
    return done.returncode, calls.read_text(encoding="utf-8").splitlines() if calls.exists() else []


def test_words_that_are_added_reach_the_command(programs):
    code, calls = run("laptop.sh", programs, "--dry-run")
    assert (code, calls) == (0, ["nanochat speedrun --size laptop --dry-run"])


def test_a_tokenizer_that_is_there_is_not_trained_again(programs):
    code, calls = run("one_gpu.sh", programs, "--seed", "1")
    assert code == 0
    assert [call.split()[1] for call in calls] == ["data", "tokenizer", "train"]
    assert calls[-1].endswith("--resume --seed 1")
    (programs / "tokenizer" / "climbmix").mkdir(parents=True)
    (programs / "calls").unlink()
    _, calls = run("one_gpu.sh", programs)
    assert [call.split()[1] for call in calls] == ["data", "train"]


def test_eight_processes_are_started(programs):
    _, calls = run("eight_h100.sh", programs)
    assert calls[-1].startswith("torchrun --standalone --nproc_per_node=8 -m nanochat train base --depth 24 ")


def slurm(folder: Path) -> dict[str, str]:
    """What SLURM tells a batch script."""
    return {
        "SLURM_SUBMIT_DIR": str(RUNS.parent),
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NUM_NODES": "2",
        "SLURM_JOB_NODELIST": "[first,second]",
    }


def test_slurm_starts_one_torchrun_a_machine(programs):
    code, calls = run("slurm.sh", programs, **slurm(programs))
    assert code == 0
    started = next(call for call in calls if call.startswith("srun"))
    assert "torchrun --nnodes=2 --nproc_per_node=8 --rdzv-id=7" in started
    assert "--rdzv-endpoint=first:29500 -m nanochat train base" in started
    assert not any("requeue" in call for call in calls)


def test_slurm_hands_on_a_failure(programs):
    stand_in(programs, "srun", "exit 3")
    code, calls = run("slurm.sh", programs, **slurm(programs))
    assert code == 3
    assert not any("requeue" in call for call in calls)


def test_slurm_saves_and_queues_again_when_the_time_is_up(programs):
    """The stand-in for srun tells the script that time is up, and ends when it is told itself."""
    stand_in(
        programs,
        "srun",
        f"trap 'echo saved >> {programs}/calls; exit 143' TERM; kill -TERM $PPID\n"
        "for i in $(seq 200); do sleep 0.05; done",
    )
    code, calls = run("slurm.sh", programs, **slurm(programs))
    assert code == 0
    assert calls[-2:] == ["saved", "scontrol requeue 7"]
