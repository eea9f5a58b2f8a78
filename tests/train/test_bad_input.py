"""What a person can get wrong when training: one line, exit code 2, and nothing half-written."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from nanochat import cli
from nanochat.data.corpus import open_corpus
from nanochat.home import corpora_folder, run_folder, tokenizer_folder
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer, with_chat_specials
from nanochat.train import run_files
from nanochat.train.checkpoint_meta import hash_of
from nanochat.train.safe_files import write_tensors
from tests.train.small_run import QUIET, ROOT, SIZE, command, environment, everything, one_thread, prepare

Refusal = Callable[..., str]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A base folder with a corpus and a tokenizer."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        with one_thread():
            yield folder


@pytest.fixture(autouse=True)
def base(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it for each test."""
    folder = tmp_path / "base"
    shutil.copytree(prepared, folder)
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(folder))
    return folder


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Refusal:
    """Run the real command; give its complaint, after checking that it is one line and changed nothing."""

    def ask(*words: str, code: int = 2, changes: bool = False) -> str:
        before = everything()
        assert cli.main(["train", "base", *words]) == code
        complaint = capsys.readouterr().err
        assert complaint.startswith("nanochat: error: ")
        assert complaint.count("\n") == 1
        if not changes:
            assert everything() - before <= {"runs"}
        return complaint.removeprefix("nanochat: error: ").rstrip("\n")

    return ask


TRAIN = [*SIZE, *QUIET, "--steps", "3"]


def other_tokenizer(name: str, n_merges: int) -> None:
    """A tokenizer with a part of the sample's vocabulary."""
    ranks = {token: rank for token, rank in sample_tokenizer().ranks.items() if rank < 256 + n_merges}
    FastTokenizer.of(with_chat_specials(name, ranks)).save(tokenizer_folder(name))


def test_no_corpus(refused: Refusal) -> None:
    shutil.rmtree(corpora_folder())
    assert refused(*TRAIN) == (
        "there is no corpus 'classics'; prepare it with: nanochat data prepare --corpus classics"
    )


def test_an_unknown_corpus(refused: Refusal) -> None:
    assert refused(*TRAIN, "--corpus", "clasics").startswith("there is no corpus 'clasics'")


def test_no_tokenizer(refused: Refusal) -> None:
    shutil.rmtree(tokenizer_folder())
    assert refused(*TRAIN) == "there is no tokenizer 'default'; train it with: nanochat tokenizer train"


def test_a_vocabulary_that_does_not_match_the_model(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--name", "mine"]) == 0
    shutil.rmtree(tokenizer_folder())
    other_tokenizer("default", 500)
    complaint = refused("--name", "mine", "--resume")
    place, own = tokenizer_folder(), run_folder("mine") / "tokenizer"
    assert complaint == (
        "the tokenizer 'default' is not the one this run was trained with: it has 765 tokens, the model "
        f"2,048; the run keeps its own copy: put {own} in the place of {place}, or start a new run with "
        "--name"
    )
    assert refused("--name", "mine", "--resume", "--tokenizer", str(own)).startswith("--tokenizer")
    config = run_folder("mine") / "config.json"
    assert "give that one with --tokenizer" in refused("--config", str(config))
    # Another tokenizer on purpose is a new model, and fine.
    assert cli.main(["train", "base", "--config", str(config), "--tokenizer", "default", "--dry-run"]) == 0
    shutil.rmtree(place)
    shutil.copytree(own, place)  # the way out that it names
    assert cli.main(["train", "base", "--name", "mine", "--resume"]) == 0


def test_a_corpus_that_is_not_the_runs_own(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--name", "mine"]) == 0
    shutil.rmtree(corpora_folder())
    shutil.rmtree(tokenizer_folder())
    prepare()
    corpus = open_corpus("classics")
    validation, train = corpus.validation_shard, corpus.train_shards[0]
    changed = type(corpus)(
        corpus.name, corpus.folder, (type(train)(**{**vars(train), "sha256": "0" * 64}),), validation, "", ""
    )
    changed.save()
    complaint = refused("--name", "mine", "--resume")
    assert "the corpus 'classics' is not the one" in complaint
    assert f"; put that one back in {corpus.folder}, or prepare it again from the same texts" in complaint


def test_a_corpus_that_is_prepared_again_from_the_same_texts(refused: Refusal, tmp_path: Path) -> None:
    texts = tmp_path / "texts"
    texts.mkdir()
    for number in range(40):
        (texts / f"{number}.txt").write_text(
            f"Call me Ishmael {number}. Some years ago, never mind how long.\n"
        )
    again = ["data", "prepare", "--corpus", "folder", str(texts), "--name", "mine"]
    assert cli.main(again) == 0
    assert cli.main(["train", "base", *TRAIN, "--corpus", "mine", "--name", "mine"]) == 0
    kept = (texts / "7.txt").read_text()
    (texts / "7.txt").write_text("And another text.\n")
    assert cli.main(again) == 0
    assert "or prepare it again from the same texts" in refused("--name", "mine", "--resume")
    (texts / "7.txt").write_text(kept)
    assert cli.main(again) == 0  # the way out that it names
    assert cli.main(["train", "base", "--name", "mine", "--resume"]) == 0


def test_a_broken_line_is_told_and_the_lines_after_it_stay(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["train", "base", *TRAIN, "--save-every", "3", "--name", "mine"]) == 0
    config, path = run_folder("mine") / "config.json", run_folder("mine") / "metrics.jsonl"
    first, second, third = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text(first + second.replace(":", "", 1) + third + '{"step": 4, "lo', encoding="utf-8")
    config.write_text(config.read_text().replace('"steps": 3', '"steps": 5'))
    capsys.readouterr()
    assert cli.main(["train", "base", "--name", "mine", "--resume"]) == 0
    assert f"{path}: line 2 is no record; it is left out, and the lines after it are kept" in (
        capsys.readouterr().out
    )
    assert [record["step"] for record in run_files.read_lines(path)] == [1, 3, 4, 5]


def test_a_checkpoint_that_holds_no_numbers(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--save-every", "2", "--name", "mine"]) == 0
    newest = run_folder("mine") / "checkpoints" / "step_000003"
    spoil(newest)
    complaint = refused("--name", "mine", "--resume")
    assert complaint == (
        f"{newest}/model.safetensors is as it was written, but head.weight holds NaN or infinite numbers; "
        f"move the folder {newest} away, and step 2 is taken in its place"
    )
    newest.rename(newest.parents[1] / "away")  # the way out that it names
    assert cli.main(["train", "base", "--name", "mine", "--resume"]) == 0
    assert (newest / "meta.json").is_file()


def spoil(folder: Path) -> None:
    """A weight is no number, and the hashes are right, as a program that did not look would have left it."""
    path = folder / "model.safetensors"
    found = {name: tensor.clone() for name, tensor in load_file(path).items()}
    found["head.weight"][0, 0] = torch.nan
    meta = json.loads((folder / "meta.json").read_text())
    meta.pop("sha256")
    meta["files"]["model.safetensors"] = write_tensors(path, found)
    (folder / "meta.json").write_text(json.dumps({**meta, "sha256": hash_of(meta)}))


def test_a_batch_that_does_not_divide(refused: Refusal) -> None:
    complaint = refused(*TRAIN, "--batch-size", "10", "--device-batch-size", "4")
    assert complaint == (
        "--batch-size 10 does not divide by --device-batch-size 4; use --batch-size 8 or 12, "
        "or --device-batch-size 1, 2, 5 or 10"
    )


def test_a_parquet_that_cannot_be_read(refused: Refusal) -> None:
    shard = open_corpus("classics").train[0]
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    assert str(shard) in refused(*TRAIN)
    shard.write_bytes(b"\0" * len(whole))  # the right size, and no parquet
    assert str(shard) in refused(*TRAIN)


def test_a_validation_shard_that_cannot_be_read(refused: Refusal) -> None:
    """It is first read when the first evaluation is due; the steps before are not lost."""
    shard = open_corpus("classics").validation
    shard.write_bytes(b"\0" * shard.stat().st_size)
    words = [*SIZE, "--steps", "4", "--eval-every", "2", "--sample-every", "0", "--save-every", "1"]
    assert str(shard) in refused(*words, "--name", "mine", changes=True)


def obey_permissions() -> None:
    """Root may write anywhere; take that right from the process that is about to start."""
    if os.geteuid() == 0:
        drop_from_bounding_set, may_override_permissions = 24, 1  # linux/prctl.h, linux/capability.h
        assert ctypes.CDLL(None).prctl(drop_from_bounding_set, may_override_permissions, 0, 0, 0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="takes a right from root, as Linux has it")
def test_no_permission_to_write(base: Path) -> None:
    (base / "runs").mkdir()
    (base / "runs").chmod(0o555)
    done = subprocess.run(
        command(*TRAIN), cwd=ROOT, env=environment(), capture_output=True, text=True,
        preexec_fn=obey_permissions,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr == f"nanochat: error: {base / 'runs' / 'd1'}: Permission denied\n"
    assert list((base / "runs").iterdir()) == []


def test_a_base_folder_that_cannot_be_made(
    refused: Refusal, monkeypatch: pytest.MonkeyPatch, base: Path
) -> None:
    (base / "runs").write_text("in the way")
    assert refused(*TRAIN) == f"{base / 'runs'}: File exists"


def test_a_batch_larger_than_memory_says_which_would_fit(
    refused: Refusal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nanochat.train.stage.free_bytes", lambda device, processes: 2**28)
    words = ["--depth", "1", "--batch-size", "1024", "--device-batch-size", "1024", "--seq-len", "512"]
    complaint = refused(*words)
    assert complaint.startswith("out of memory: --device-batch-size 1024 needs about ")
    assert "this machine has 256 MiB free" in complaint
    fitting = complaint.rpartition("--device-batch-size ")[2]
    assert cli.main(["train", "base", *words, "--device-batch-size", fitting, "--dry-run"]) == 0


def test_memory_that_runs_out_while_training(refused: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    def forward(self: GPT, *tensors: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            raise torch.OutOfMemoryError(
                "CUDA out of memory. Tried to allocate 20.00 GiB.\nand a second line"
            )
        return tensors[0]

    monkeypatch.setattr(GPT, "forward", forward)
    complaint = refused(*TRAIN)
    assert complaint.startswith("out of memory: --device-batch-size 8 needs about ")
    assert complaint.endswith("the largest that should fit is --device-batch-size 4")


def test_a_limit_on_the_process_is_seen_before_it_is_hit() -> None:
    limit = 6 * 2**30
    done = subprocess.run(
        command(*TRAIN, "--batch-size", "65536", "--device-batch-size", "65536"),
        cwd=ROOT, env=environment(), capture_output=True, text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("nanochat: error: out of memory: --device-batch-size 65536 needs about ")
    assert done.stderr.count("\n") == 1
    assert not run_folder("d1").exists()


def test_a_name_that_is_taken(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--name", "mine"]) == 0
    before = (run_folder("mine") / "metrics.jsonl").read_bytes()
    assert refused(*TRAIN, "--name", "mine").startswith("there is a run 'mine' already; continue it with")
    assert (run_folder("mine") / "metrics.jsonl").read_bytes() == before


def test_flags_that_contradict_the_run(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--name", "mine"]) == 0
    assert refused("--name", "mine", "--resume", "--depth", "2").startswith(
        "--depth 2 differs from the run's 1"
    )
    assert "take" in refused("--resume", "--config", str(run_folder("mine")))


def test_a_config_that_was_edited(refused: Refusal) -> None:
    assert cli.main(["train", "base", *TRAIN, "--name", "mine"]) == 0
    path = run_folder("mine") / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config["settings"] |= {"depth": 2, "steps": 9}
    path.write_text(json.dumps(config))
    assert "holds another model than the run's config.json describes" in refused("--name", "mine", "--resume")
    path.write_text("{")
    assert str(path) in refused("--name", "mine", "--resume")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--dtype", "fp16"], "--dtype fp16 needs a GPU"),
        (["--fp8"], "--fp8 needs an NVIDIA GPU"),
        (["--steps", "3", "--warmup-steps", "4"], "--warmup-steps 4 is more than the run's 3 steps"),
        (["--kv-heads", "5"], "--kv-heads 5: n_head=2 is not divisible by n_kv_head=5"),
    ],
)
def test_what_the_machine_or_the_model_cannot_do(refused: Refusal, words: list[str], complaint: str) -> None:
    assert refused(*SIZE, *words).startswith(complaint)


def test_a_full_disk(refused: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The checkpoint before is still good, and the run goes on from it."""
    limit = 2_000_000  # bytes of one file: config and metrics pass, the model does not

    def tight() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    assert cli.main(["train", "base", *TRAIN, "--steps", "2", "--name", "mine"]) == 0
    weight = (run_folder("mine") / "checkpoints" / "step_000002" / "model.safetensors").stat().st_size
    limit = weight - 1
    done = subprocess.run(
        command(*TRAIN, "--name", "full"), cwd=ROOT, env=environment(), capture_output=True, text=True,
        preexec_fn=tight,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot save step" in done.stderr
    assert not list((run_folder("full") / "checkpoints").glob("step_*"))


def test_a_missing_tracker_says_how_to_get_it(refused: Refusal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert refused(*TRAIN, "--wandb", "mine") == (
        "--wandb needs the package wandb: pip install 'nanochat[track]'"
    )
