"""Fine-tuning as a whole: what it starts from, learns, keeps, refuses and resumes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from nanochat import cli
from nanochat.home import run_folder, tokenizer_folder
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import with_chat_specials
from nanochat.train.finished import open_run
from nanochat.train.run_files import read_lines
from tests.train.small_run import (
    QUIET,
    ROOT,
    SIZE,
    environment,
    everything,
    losses,
    metrics,
    one_thread,
    prepare,
    weights,
)

# A context of 64, so that a short conversation fits into a row.
BASE = ["--depth", "1", "--head-dim", "32", "--seq-len", "64", "--batch-size", "4", "--no-compile"]
SFT = ["--from-run", "base", "--mixture", "spelling:1,arithmetic:1", "--examples", "300", "--no-compile"]
assert SIZE[:2] == BASE[:2]


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A corpus, a tokenizer and a base run, for all tests of this file."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        with one_thread():
            assert cli.main(["train", "base", *BASE, *QUIET, "--steps", "20", "--name", "base"]) == 0
            yield folder


def sft(name: str, *words: str) -> None:
    assert cli.main(["train", "sft", *SFT, "--name", name, *words]) == 0


def test_it_learns_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    sft("learns", "--steps", "60", "--eval-every", "20", "--sample-every", "30", "--eval-tokens", "1000")
    out = capsys.readouterr().out
    assert "step 20 of base (base)" in out
    assert "300 conversations: 150 spelling, 150 arithmetic" in out
    lines = metrics("learns")
    assert lines[-1]["loss"] < lines[0]["loss"] - 1.5
    measured = [line["val_bpb"] for line in lines if "val_bpb" in line]
    assert len(measured) == 3
    assert measured[-1] < measured[0]
    samples = read_lines(run_folder("learns") / "samples.jsonl")
    assert {one["prompt"] for one in samples} >= {"What is 37 * 12? ", "Who are you? "}
    run = open_run("learns")
    assert run.stage == "sft"
    origin = run.config["origin"]
    assert (origin["run"], origin["stage"], origin["step"]) == ("base", "base", 20)
    assert run.config["text"]["mixture"] == {"spelling": 150, "arithmetic": 150}


def test_it_starts_from_the_weights_of_the_run(base: Path) -> None:
    sft("start", "--steps", "1", "--lr-scale", "1e-6", *QUIET)
    before = load_file(run_folder("base") / "checkpoints" / "step_000020" / "model.safetensors")
    after = load_file(run_folder("start") / "checkpoints" / "step_000001" / "model.safetensors")
    for name, tensor in before.items():
        assert (after[name] - tensor).abs().max() < 1e-4, name


def test_steps_follow_from_the_conversations() -> None:
    sft("length", *QUIET)
    steps = open_run("length").config["settings"]["steps"]
    rows = steps * 4
    assert 300 * 15 < rows * 64 < 300 * 60  # a conversation has some 30 tokens
    assert len(metrics("length")) == steps


def test_a_stopped_run_goes_on_as_if_it_had_not_been_stopped() -> None:
    words = ["--steps", "8", "--save-every", "3", "--keep", "9", *QUIET]
    sft("whole", *words)
    sft("stopped", *words)
    for step in ("step_000006", "step_000008"):
        shutil.rmtree(run_folder("stopped") / "checkpoints" / step)
    assert cli.main(["train", "sft", "--resume", "--name", "stopped"]) == 0
    assert losses("stopped") == losses("whole")
    assert weights("stopped", 8) == weights("whole", 8)


def test_the_usual_name_and_resuming_by_it() -> None:
    words = ["train", "sft", *SFT, "--steps", "2", *QUIET]
    assert cli.main(words) == 0
    assert run_folder("base-sft").is_dir()
    assert cli.main([*words, "--resume"]) == 0  # all steps are trained already
    assert len(losses("base-sft")) == 2


def test_two_processes_learn_the_same() -> None:
    words = [*SFT, "--steps", "4", "--lr-scale", "0.1", *QUIET]
    sft("on-1", *words)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2", "-m",
         "nanochat", "train", "sft", *words, "--name", "on-2"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert dict(losses("on-2")) == pytest.approx(dict(losses("on-1")), abs=1e-5)


def conversation(question: str, answer: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_a_readers_own_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "mine.jsonl"
    lines = [json.dumps(conversation(f"Say {n}.", f"{n}!")) for n in range(60)]
    mine.write_text("\n".join(lines), encoding="utf-8")
    sft("mine", "--conversations", str(mine), "--share", "0.5", "--steps", "2", *QUIET)
    assert open_run("mine").config["text"]["mixture"] == {"spelling": 75, "arithmetic": 75, "mine": 150}
    sft("only-mine", "--conversations", str(mine), "--share", "1", "--steps", "2", *QUIET)
    assert open_run("only-mine").config["text"]["mixture"] == {"mine": 300}
    # The file is a part of what the run is: changed, it cannot be gone on with.
    sft("changed", "--conversations", str(mine), "--steps", "4", "--save-every", "2", *QUIET)
    shutil.rmtree(run_folder("changed") / "checkpoints" / "step_000004")
    mine.write_text("\n".join(reversed(lines)), encoding="utf-8")
    assert cli.main(["train", "sft", "--resume", "--name", "changed"]) == 2
    assert "not the ones that were begun with" in capsys.readouterr().err


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command; give its complaint, after checking that it is one line and left nothing."""

    def ask(*words: str) -> str:
        before = everything()
        capsys.readouterr()
        assert cli.main(["train", "sft", *words]) == 2
        complaint = capsys.readouterr().err
        assert complaint.count("\n") == 1
        assert everything() == before
        return complaint.removeprefix("nanochat: error: ").rstrip("\n")

    return ask


def test_what_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    assert refused() == "say which run to start from: --from-run NAME"
    assert refused("--from-run", "nowhere").startswith("there is no run 'nowhere'")
    assert "has no checkpoint of step 7; there are: " in refused("--from-run", "base", "--from-step", "7")
    assert refused(*SFT, "--mixture", "speling").startswith(
        "there is no task 'speling'; did you mean spelling"
    )
    assert "nanochat data prepare --task gsm8k" in refused(*SFT, "--mixture", "gsm8k")
    bad = tmp_path / "bad.jsonl"
    bad.write_text(json.dumps(conversation("a", "b")) + '\n{"messages": []}\n', encoding="utf-8")
    complaint = refused(*SFT, "--conversations", str(bad))
    assert complaint.startswith(f"{bad}, line 2: ")
    assert "cannot be read" in refused(*SFT, "--conversations", str(tmp_path / "none.jsonl"))


def test_another_stages_run_is_not_resumed(refused: Callable[..., str]) -> None:
    assert refused("--resume", "--name", "base").endswith(
        "config.json: this run is of nanochat train base, not of sft"
    )


def stopped_after_4(name: str, origin: str) -> None:
    """A run that starts from another and is stopped on the way."""
    sft(name, "--from-run", origin, "--steps", "6", "--save-every", "2", "--keep", "9", *QUIET)
    shutil.rmtree(run_folder(name) / "checkpoints" / "step_000006")


@pytest.mark.parametrize("old", [False, True])
def test_a_base_run_that_has_saved_again_changes_nothing(old: bool) -> None:
    """`old`: the config is one of a version that did not write the step among the settings."""
    origin, name = f"grows-{old}", f"from-grows-{old}"
    words = [*BASE, *QUIET, "--steps", "12", "--save-every", "4", "--keep", "9", "--name", origin]
    assert cli.main(["train", "base", *words]) == 0
    folder = run_folder(origin) / "checkpoints"
    for step in ("step_000008", "step_000012"):
        (folder / step).rename(folder / f".{step}")
    stopped_after_4(name, origin)
    config = run_folder(name) / "config.json"
    found = json.loads(config.read_text())
    assert (found["settings"]["from_step"], found["origin"]["step"]) == (4, 4)
    if old:
        found["settings"]["from_step"] = None
        config.write_text(json.dumps(found))
    for step in ("step_000008", "step_000012"):
        (folder / f".{step}").rename(folder / step)
    whole = weights(name, 4)
    shutil.rmtree(run_folder(name) / "checkpoints" / "step_000004")
    assert cli.main(["train", "sft", "--resume", "--name", name]) == 0
    assert len(losses(name)) == 6
    assert weights(name, 4) == whole
    # The same command again, as a batch system gives it, and the step said aloud.
    assert cli.main(["train", "sft", *SFT, "--from-run", origin, "--name", name, "--resume"]) == 0
    assert old or cli.main(["train", "sft", "--from-step", "4", "--name", name, "--resume"]) == 0
    assert cli.main(["train", "sft", "--from-step", "8", "--name", name, "--resume"]) == 2
    # Done again by its config, it starts from the same step; from another run, from that one's newest.
    again = ["train", "sft", "--config", str(config)]
    assert cli.main([*again, "--name", f"{name}-again"]) == 0
    assert open_run(f"{name}-again").config["origin"]["step"] == (12 if old else 4)
    assert cli.main([*again, "--name", f"{name}-other", "--from-run", "base"]) == 0
    assert open_run(f"{name}-other").config["origin"]["step"] == 20


def test_first_weights_that_are_gone_are_needed_by_none_but_the_first_step(
    refused: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(run_folder("base"), run_folder("goes"))
    stopped_after_4("left", "goes")
    shutil.copytree(run_folder("left"), run_folder("at-first"))
    shutil.rmtree(run_folder("at-first") / "checkpoints")
    (run_folder("goes") / "checkpoints" / "step_000020").rename(run_folder("goes") / "away")
    assert refused("--resume", "--name", "at-first") == (
        "the run began from step 20 of goes, which is not to be had (goes has no checkpoint of step 20; "
        "there are: 15); copy that one back, or start a new run with --name"
    )
    assert cli.main(["train", "sft", "--resume", "--name", "left"]) == 0
    assert "step 20 of goes (base), which is not needed any more" in capsys.readouterr().out
    (run_folder("goes") / "away").rename(run_folder("goes") / "checkpoints" / "step_000020")
    assert cli.main(["train", "sft", "--resume", "--name", "at-first"]) == 0  # the way out that it names
    assert weights("left", 6) == weights("at-first", 6)


def test_a_tokenizer_that_is_another_now(refused: Callable[..., str]) -> None:
    shutil.copytree(run_folder("base"), run_folder("renamed"))
    stopped_after_4("words", "renamed")
    place, own = run_folder("renamed") / "tokenizer", run_folder("words") / "tokenizer"
    found = json.loads((place / "tokenizer_settings.json").read_text())
    found["special_tokens"] = {f"{name}x": value for name, value in found["special_tokens"].items()}
    (place / "tokenizer_settings.json").write_text(json.dumps(found))
    assert refused("--resume", "--name", "words") == (
        "the tokenizer of renamed is not the one this run was trained with; the run keeps its own copy: put "
        f"{own} in the place of {place}, or start a new run with --name"
    )
    # Without a copy of its own, the run takes the one of that name, which must be the same.
    shutil.rmtree(place)
    named = tokenizer_folder("sample")
    FastTokenizer.of(with_chat_specials("sample", {bytes([n]): n for n in range(256)})).save(named)
    assert refused("--from-run", "renamed").endswith(
        f"is not the one that renamed was trained with; put a copy of that one in {place}"
    )
    shutil.copytree(own, place)  # the way out that both name
    assert cli.main(["train", "sft", "--resume", "--name", "words"]) == 0
    shutil.rmtree(named)


def test_a_base_run_that_has_changed_is_noticed(refused: Callable[..., str]) -> None:
    sft("later", "--steps", "4", "--save-every", "2", *QUIET)
    shutil.rmtree(run_folder("later") / "checkpoints" / "step_000004")
    config = run_folder("later") / "config.json"
    found = json.loads(config.read_text())
    found["origin"]["sha256"] = "0" * 64
    config.write_text(json.dumps(found))
    assert refused("--resume", "--name", "later").startswith(
        "the run began from step 20 of base, which is another now"
    )
