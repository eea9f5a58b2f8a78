"""`nanochat report` as people type it, on runs of the real trainer: pretrained, fine-tuned, rewarded.

The printed commands are taken at their word: they fill the gaps of the table, compute its numbers again, and
train the same models.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nanochat import cli
from nanochat.home import base_folder, corpora_folder, run_folder, tokenizer_folder
from tests.train.small_run import losses, one_thread, prepare

BASE = ["--depth", "1", "--head-dim", "32", "--seq-len", "64", "--batch-size", "4", "--no-compile"]
BASE += ["--steps", "12", "--eval-every", "6", "--eval-tokens", "600", "--sample-every", "12"]
SFT = ["--from-run", "d", "--mixture", "spelling:1,arithmetic:1", "--examples", "100", "--no-compile"]
SFT += ["--steps", "6", "--eval-every", "3", "--eval-tokens", "600", "--sample-every", "6"]
RL = [
    "--from-run",
    "d-sft",
    "--tasks",
    "arithmetic",
    "--prompts",
    "2",
    "--samples",
    "4",
    "--max-tokens",
    "12",
]
RL += ["--eval-examples", "8", "--no-compile", "--steps", "3", "--sample-every", "3", "--eval-every", "3"]


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run of each stage, the first with the name of its flags' choice."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        with one_thread():
            assert cli.main(["train", "base", *BASE, "--name", "d"]) == 0
            assert cli.main(["train", "sft", *SFT]) == 0
            assert cli.main(["train", "rl", *RL]) == 0
            yield folder


def report(*words: str) -> str:
    """Run the command; what it prints."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert cli.main(["report", *words]) == 0
    return said.getvalue()


def data(*words: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(report(*words, "--json"))
    return found


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command; its complaint, after checking that it is one line and left nothing."""

    def ask(*words: str) -> str:
        before = {path: path.stat().st_mtime_ns for path in base_folder().rglob("*")}
        capsys.readouterr()
        assert cli.main(["report", *words]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert {path: path.stat().st_mtime_ns for path in base_folder().rglob("*")} == before
        return err.removeprefix("nanochat: error: ").rstrip("\n")

    return ask


def test_the_newest_run_has_a_page_with_all_stages() -> None:
    said = report()
    folder = run_folder("d-rl")
    assert said.endswith(f"written: {folder / 'report.md'} and {folder / 'report.html'}\n")
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.startswith("# d-rl\n\nd-rl is a transformer of 1 layer and ")
    assert (
        "fine-tuned on 100 conversations and then trained by rewards for its own answers to arithmetic."
        in text
    )
    assert "| metric | BASE | SFT | RL |" in text
    assert "### BASE, after step 12\n\n```text\nThe president" in text
    assert "### RL, after step 3\n\n```text\n> Who are you?\n" in text
    assert "| RL | 3 | " in text
    assert (folder / "report.html").read_text(encoding="utf-8").count("<svg") == 13


def test_the_command_of_a_gap_fills_it_and_then_computes_the_number_again() -> None:
    gap = next(one for one in data("d")["commands"] if one["numbers"].startswith("BASE bits per byte"))
    assert gap["numbers"] == "BASE bits per byte: not measured"
    assert cli.main(shlex.split(gap["command"])[1:]) == 0
    found = data("d")
    number = next(one for one in found["commands"] if one["numbers"].startswith("BASE bits per byte"))
    value = found["stages"][0]["results"]["bpb"]["value"]
    assert number["numbers"] == f"BASE bits per byte: {value:.4f}"
    assert value == pytest.approx(found["stages"][0]["last"]["val_bpb"], abs=1e-6)
    shutil.rmtree(run_folder("d") / "evaluations")
    assert cli.main(shlex.split(number["command"])[1:]) == 0
    assert data("d")["stages"][0]["results"]["bpb"]["value"] == value


def test_every_number_of_the_table_is_computed_again_by_its_command() -> None:
    for run in ("d-sft", "d-rl"):
        assert cli.main(["eval", "--run", run, "--tasks", "arithmetic,letter-counting", "--limit", "6"]) == 0
    first = data("d-rl")
    measured = [one for one in first["commands"] if "not measured" not in one["numbers"]]
    assert len(measured) >= 4
    for run in ("d-sft", "d-rl"):
        shutil.rmtree(run_folder(run) / "evaluations")
    for one in measured:
        if "--run=d " not in one["command"]:
            assert cli.main(shlex.split(one["command"])[1:]) == 0
    assert [one for one in data("d-rl")["commands"] if "not measured" not in one["numbers"]] == measured


def test_the_printed_commands_train_the_same_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands = [stage["command"] for stage in data("d-rl")["stages"]]
    before = {name: losses(name) for name in ("d", "d-sft", "d-rl")}
    corpora, tokenizer = corpora_folder(), tokenizer_folder()
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    shutil.copytree(corpora, corpora_folder())
    shutil.copytree(tokenizer, tokenizer_folder())
    for command in commands:
        assert shlex.split(command)[:2] == ["nanochat", "train"]
        assert cli.main(shlex.split(command)[1:]) == 0
    assert {name: losses(name) for name in before} == before


def test_another_folder_and_a_price(tmp_path: Path) -> None:
    for name in ("report.md", "report.html"):
        (run_folder("d") / name).unlink(missing_ok=True)
    found = data("d", "--out", str(tmp_path / "cards" / "d"), "--cost-per-hour", "36")
    assert found["dollars"] == pytest.approx(found["seconds"] / 100)
    assert found["price"]["source"] == "as given"
    text = (tmp_path / "cards" / "d" / "report.md").read_text(encoding="utf-8")
    assert re.search(
        r"The cost is \d+\.\d\d dollars: .* in steps at 36\.00 dollars an hour \(as given\)\.", text
    )
    assert not (run_folder("d") / "report.html").exists()


def test_a_run_is_named_by_its_folder_too(tmp_path: Path) -> None:
    shutil.copytree(run_folder("d"), tmp_path / "kept")
    assert report(str(tmp_path / "kept")).startswith("# kept\n")
    assert (tmp_path / "kept" / "report.html").is_file()


def test_what_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    assert refused("nowhere").startswith("there is no run 'nowhere': ")
    assert refused("../x").startswith("there is no run '../x': ")
    assert "cannot be a folder's" in refused("a b")
    assert refused("d", "--cost-per-hour", "-1") == "--cost-per-hour -1.0: dollars, 0 or more"
    assert refused("d", "--cost-per-hour", "nan") == "--cost-per-hour nan: dollars, 0 or more"
    (tmp_path / "file").write_text("")
    assert refused("d", "--out", str(tmp_path / "file")) == f"{tmp_path / 'file'}: File exists"
    assert (
        refused("d", "--out", str(tmp_path / "file" / "x")) == f"{tmp_path / 'file' / 'x'}: Not a directory"
    )


def test_no_run_at_all_and_a_run_without_a_step(
    refused: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_folder("d")
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    assert refused() == f"there is no run in {tmp_path / 'runs'} yet; nanochat train base --help"
    run_folder("new").mkdir(parents=True)
    shutil.copy(folder / "config.json", run_folder("new"))
    assert refused().startswith(f"{run_folder('new') / 'metrics.jsonl'} has no step that can be read")
