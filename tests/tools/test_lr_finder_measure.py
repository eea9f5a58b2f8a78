"""The learning-rate finder on a real small model: it measures, saves as it goes, and suggests well."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanochat import cli
from tests.train.small_run import QUIET, SIZE, environment, everything, metrics, one_thread, prepare
from tools.core.command import main
from tools.core.errors import UsageError
from tools.core.json_report import figures
from tools.lr_finder import TOOL
from tools.rates.flags import train_command
from tools.rates.sweep import read

MODEL = {"depth": 1, "head_dim": 32, "seq_len": 32, "batch_size": 8, "compile": False}
WORDS = ["--depth", "1", "--head-dim", "32", "--seq-len", "32", "--batch-size", "8", "--no-compile"]
STEPS = 60


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        with one_thread():
            yield


@pytest.fixture(scope="module")
def saved(base: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """A sweep of all groups together and of the matrices, and the report that was given with it."""
    file = tmp_path_factory.mktemp("sweeps") / "sweep.jsonl"
    report = TOOL.ask(**MODEL, steps=STEPS, group=["all", "matrices"], save=str(file))
    return file, figures(report)


def test_what_is_saved_says_the_same_again(saved) -> None:
    file, measured = saved
    again = figures(TOOL.ask(sweep=str(file)))
    for name in ("suggestions", "all", "matrices", "command", "notes"):
        assert again[name] == measured[name]


def test_the_file_is_a_line_a_step(saved) -> None:
    file, _ = saved
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    assert lines[0]["kind"] == "lr-range-test"
    assert lines[0]["asked"]["depth"] == 1
    assert [line["group"] for line in lines[1:61]] == ["control"] * 60
    test = read(file)
    assert list(test.sweeps) == ["all", "matrices"]
    assert test.sweeps["all"].losses[0] == test.sweeps["matrices"].losses[0] == test.control.losses[0]
    assert test.sweeps["all"].factors[0] == 0.01


def final_loss(command: str, name: str) -> float:
    """Train with the printed command, and give the mean loss of the last ten steps; a run that broke: inf."""
    words = shlex.split(command)[1:]
    code = cli.main([*words, *QUIET, "--save-every", "0", "--name", name])
    return sum(line["loss"] for line in metrics(name)[-10:]) / 10 if code == 0 else float("inf")


@pytest.mark.parametrize("group", ["all", "matrices"])
def test_the_suggestion_trains_better_than_ten_times_and_a_tenth_of_it(saved, group: str) -> None:
    _, measured = saved
    command, factor = measured["command"][f"train_{group}"], measured[group]["suggestion"]
    losses = {}
    for times in (0.1, 1, 10):
        changed = command.replace(f"{factor:g}", f"{times * factor:.6g}")
        assert (changed == command) == (times == 1)
        losses[times] = final_loss(changed, f"{group}-{times}")
    assert losses[1] < losses[0.1]
    assert losses[1] < losses[10]


def test_it_can_begin_at_a_checkpoint_and_its_command_resumes(tmp_path: Path) -> None:
    words = ["--steps", "12", "--save-every", "6", "--name", "stored"]
    assert cli.main(["train", "base", *SIZE, *QUIET, *words]) == 0
    file = tmp_path / "sweep.jsonl"
    report = figures(TOOL.ask(from_run="stored", from_step=6, group=["all"], sweep_steps=10, save=str(file)))
    assert report["tested"]["start_step"] == 6
    line = train_command(read(file), {"all": 0.5, "matrices": 2.0})
    assert line.startswith("nanochat train base --resume --name stored --lr-scale 0.5 --group-lr-scale mat")
    assert cli.main(shlex.split(line)[1:]) == 0


def test_reading_and_measuring_leave_nothing_behind() -> None:
    before = everything()
    TOOL.ask(**MODEL, steps=STEPS, group=["head"], sweep_steps=10)
    assert everything() == before


def test_every_group_is_swept_when_none_is_named() -> None:
    found = figures(TOOL.ask(**MODEL, steps=STEPS, sweep_steps=10))
    assert [row["group"] for row in found["suggestions"]["groups"]] == [
        "all", "embedding", "value-embeddings", "matrices", "head", "residual-scalars", "x0-scalars",
        "scalars",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("question", "complaint"),
    [
        ({"depth": 1, "corpus": "classic"}, "there is no corpus 'classic'"),
        ({"depth": 1, "tokenizer": "none"}, "there is no tokenizer 'none'"),
        ({"from_run": "nothing"}, "there is no run 'nothing'"),
        ({"preset": "laptop"}, "there is no tokenizer 'classics-4096'"),
        ({"depth": 1, "batch_size": 3, "device_batch_size": 2}, "does not divide by --device-batch-size 2"),
        ({"depth": 1, "save": "/nowhere/sweep.jsonl"}, "--save: /nowhere/sweep.jsonl cannot be written"),
    ],
)  # fmt: skip
def test_what_train_base_would_refuse_is_refused(question: dict, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        TOOL.ask(**question)


def test_a_file_is_never_overwritten(saved, capsys: pytest.CaptureFixture[str]) -> None:
    file, _ = saved
    before = file.read_bytes()
    assert main(TOOL, [*WORDS, "--save", str(file)], prog="nanochat tools lr-finder") == 2
    assert "exists; give another name" in capsys.readouterr().err
    assert file.read_bytes() == before


def test_what_ctrl_c_leaves_can_be_read(tmp_path: Path) -> None:
    file = tmp_path / "sweep.jsonl"
    process = subprocess.Popen(
        [sys.executable, "-m", "nanochat", "tools", "lr-finder", *WORDS, "--steps", "60", "--group", "all",
         "--sweep-steps", "100000", "--save", str(file)],
        env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and (not file.exists() or file.read_bytes().count(b"\n") < 30):
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    test = read(file)
    steps = len(test.sweeps["all"].losses)
    assert f"the {steps} steps so far: --sweep {file} reads it" in err
    assert not test.cut
    report = TOOL.ask(sweep=str(file))
    assert list(report.notes) == [f"The sweep of all was stopped after {steps} of 100000 steps."]
