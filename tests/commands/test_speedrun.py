from __future__ import annotations

import os
import signal
import sys
import threading
import time
from dataclasses import replace

import pytest

from nanochat import cli
from nanochat.commands import speedrun
from nanochat.data.corpus import Corpus
from nanochat.data.shards import write_shard
from nanochat.data.tasks.catalogue import CATALOGUE
from nanochat.evaluation.names import names_in
from nanochat.home import corpora_folder, run_folder
from nanochat.tokenizer.tokenizer import sample_text
from tools.core.errors import UsageError

# One layer, two steps: every stage for real, each as small as it can be.
SMALL = ["--depth", "1", "--seq-len", "64", "--batch-size", "2", "--steps", "2", "--eval-tokens", "128"]
SMALL += ["--no-compile"]


@pytest.fixture
def base(tmp_path, monkeypatch):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


@pytest.fixture
def small_corpus(base, monkeypatch):
    """A corpus that is prepared already, and a vocabulary that its text can fill."""
    size = replace(
        speedrun.SIZES["laptop"],
        vocab_size=400,
        sft="--mixture arithmetic --examples 20 --steps 2 --no-compile",
        rl="--tasks arithmetic --steps 1 --prompts 2 --samples 2 --max-tokens 8 --eval-every 0 --no-compile",
        chat_eval="--tasks arithmetic --limit 4",
    )
    monkeypatch.setitem(speedrun.SIZES, "laptop", size)
    folder = corpora_folder() / size.corpus
    folder.mkdir(parents=True)
    texts = sample_text().split("\n\n")
    train = write_shard(folder / "shard_00000.parquet", texts)
    validation = write_shard(folder / "validation.parquet", texts[:5])
    Corpus(size.corpus, folder, (train,), validation, "the sample", "public domain").save()
    return folder


def test_from_text_to_report_and_nothing_twice(small_corpus, capfd):
    assert cli.main(["speedrun", "--size", "laptop", "--", *SMALL]) == 0
    said = capfd.readouterr().out
    assert "1/8 text: the corpus classics: done already" in said
    assert "\n$ nanochat tokenizer train --corpus classics --vocab-size 400 --name classics-400\n" in said
    for stage in ("train base --depth 4", "eval speedrun-laptop ", "train sft --from-run speedrun-laptop ",
                  "eval speedrun-laptop-sft", "train rl --from-run speedrun-laptop-sft",
                  "eval speedrun-laptop-rl"):  # fmt: skip
        assert f"\n$ nanochat {stage}" in said
    written = (run_folder("speedrun-laptop-rl") / "report.md").read_text(encoding="utf-8")
    assert (run_folder("speedrun-laptop-rl") / "report.html").is_file()
    for name in ("speedrun-laptop", "speedrun-laptop-sft", "speedrun-laptop-rl"):
        assert name in written

    assert cli.main(["speedrun", "--size", "laptop", "--", *SMALL]) == 0
    again = capfd.readouterr().out
    assert again.count("done already") == 8
    assert "$ nanochat" not in again


def test_it_can_end_at_a_stage_and_go_on_later(small_corpus, capfd):
    assert cli.main(["speedrun", "--size", "laptop", "--until", "pretraining", "--", *SMALL]) == 0
    assert not run_folder("speedrun-laptop-sft").exists()
    assert (run_folder("speedrun-laptop") / "report.md").is_file()
    capfd.readouterr()
    assert cli.main(["speedrun", "--size", "laptop", "--until", "fine-tuning", "--", *SMALL]) == 0
    assert capfd.readouterr().out.count("done already") == 3
    assert run_folder("speedrun-laptop-sft").is_dir()


def test_dry_run_says_what_is_missing_and_makes_nothing(base, capsys):
    assert cli.main(["speedrun", "--size", "laptop", "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "1/8 text: nanochat data prepare --corpus classics"
    assert said[1].startswith("2/8 tokenizer: nanochat tokenizer train --corpus classics --vocab-size 4096")
    assert said[2].startswith("3/8 pretraining: nanochat train base --depth 4")
    assert said[4].startswith("5/8 fine-tuning: nanochat train sft --from-run speedrun-laptop ")
    assert not list(base.iterdir())


def test_dtype_goes_to_every_training_and_to_nothing_else(base):
    options = speedrun.make_parser().parse_args(["--size", "browser", "--dtype", "bf16"])
    for stage in speedrun.plan(options):
        assert (("--dtype", "bf16") in zip(stage.words, stage.words[1:], strict=False)) == (
            stage.words[0] == "train"
        ), stage.words


@pytest.mark.parametrize("size", speedrun.SIZES)
def test_every_stage_is_a_command_that_its_parser_takes(base, size):
    cli.check(["speedrun", "--size", size])
    options = speedrun.make_parser().parse_args(["--size", size])
    shown = [stage.shown() for stage in speedrun.plan(options)]
    assert all("nanochat " in line for line in shown)
    (base,) = [line for line in shown if " train base " in line]
    launched = base.startswith("torchrun --standalone --nproc_per_node=8 -m nanochat train base ")
    assert launched == (size == "8xh100")


@pytest.mark.parametrize("size", speedrun.SIZES)
def test_all_that_an_evaluation_asks_for_is_fetched_before_the_training(base, size):
    """A machine that costs money by the hour must not find out after the training what is missing."""
    stages = speedrun.plan(speedrun.make_parser().parse_args(["--size", size]))
    training = next(i for i, stage in enumerate(stages) if stage.words[:2] == ("train", "base"))
    fetched = {stage.words[-1] for stage in stages[:training] if "--task" in stage.words}
    asked = speedrun.SIZES[size]
    evaluated = {*names_in(asked.base_eval.split()[1]), *names_in(asked.chat_eval.split()[1])}
    needs = {
        name for name in evaluated if name == "core" or (name in CATALOGUE and CATALOGUE[name].needs_download)
    }
    assert needs <= fetched


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--size", "phone"], "--size phone: choose laptop, browser, 1gpu, 8xh100"),
        ([], "the following arguments are required: --size"),
        (["--size", "laptop", "--", "--dept", "3"], "there is no --dept; did you mean --depth?"),
        (["--size", "laptop", "--", "--name", "x"], "are the speedrun's own; give --name before the --"),
        (["--size", "laptop", "--name", "a/b"], "the name 'a/b' cannot be a folder's"),
        (["--size", "browser", "--dtype", "int8"], "--dtype int8: choose auto, bf16, fp16, fp32"),
        (["--size", "laptop", "--until", "tuning"], "--until tuning: choose text, tokenizer, pretraining,"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_is_done(base, capsys, words, line):
    assert cli.main(["speedrun", *words]) == 2
    assert line in capsys.readouterr().err
    assert not list(base.iterdir())


def test_a_size_with_more_gpus_than_there_are_is_refused(base, capsys, monkeypatch):
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert cli.main(["speedrun", "--size", "8xh100"]) == 2
    said = capsys.readouterr().err
    assert said == (
        "nanochat: error: --size 8xh100 needs 8 NVIDIA GPUs and this machine has 2 GPUs; use --size 1gpu\n"
    )


def test_a_stage_that_fails_ends_the_run_with_its_exit_code(base, capfd, monkeypatch):
    monkeypatch.setattr(
        speedrun.Stage, "command", lambda stage: [sys.executable, "-c", "raise SystemExit(7)"]
    )
    assert cli.main(["speedrun", "--size", "laptop"]) == 7
    assert "text ended with exit code 7; the same command goes on from there" in capfd.readouterr().out


def test_sigterm_is_handed_on_and_the_exit_code_is_the_shells():
    assert speedrun.call([sys.executable, "-c", "raise SystemExit(3)"]) == 3
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    start = time.monotonic()
    assert speedrun.call([sys.executable, "-c", "import time; time.sleep(60)"]) == 128 + signal.SIGTERM
    assert time.monotonic() - start < 30
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_times_of_several_attempts_add_up(tmp_path):
    path = tmp_path / "speedrun" / "d4.json"
    for _ in range(2):
        with speedrun.Clock(path).timing("text"):
            time.sleep(0.02)
    assert speedrun.Clock(path).times["text"] >= 0.04
    path.write_text("cut sho")
    assert speedrun.Clock(path).times == {}


def test_words_are_checked_without_running(base):
    with pytest.raises(UsageError):
        cli.check(["speedrun", "--size", "x"])
    assert not list(base.iterdir())
