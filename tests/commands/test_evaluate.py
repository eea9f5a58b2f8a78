"""`nanochat eval` as people type it: what it finds, keeps and refuses, and what its commands find again."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nanochat import cli
from nanochat.commands.evaluate import make_parser
from nanochat.commands.evaluate_run import Evaluation
from nanochat.data.download import Patience
from nanochat.data.tasks.hub_files import HUB_TASKS, fetch_hub_task, tasks_folder
from nanochat.errors import UserError
from nanochat.evaluation.core_bundle import VARIABLE
from nanochat.evaluation.results import EvaluationResult, newest, read_all
from nanochat.home import base_folder, corpora_folder, run_folder
from nanochat.toolbox.sandbox import available_layers
from nanochat.train.distributed import Launch, World
from nanochat.train.finished import open_run
from tests.data.tasks.hub_of_tasks import parquet, running
from tests.evaluation.bundle_server import serving
from tests.evaluation.small_bundle import RIGHT, write_bundle, zipped
from tests.train.small_run import ROOT, environment, metrics, one_thread, prepare

RUN, CHAT_RUN = "small", "small-chat"
TRAIN = [
    "--depth", "1", "--head-dim", "32", "--seq-len", "160", "--batch-size", "4", "--no-compile",
    "--steps", "3", "--tokenizer", "sample", "--save-every", "2",
]  # fmt: skip
MEASURE = ["--eval-every", "3", "--eval-tokens", "3000", "--sample-every", "0"]
QUICK = Patience(tries=2, first_wait=0.01)


def question(number: int) -> dict[str, Any]:
    texts = [f"{number}{letter}" for letter in "wxyz"]
    return {"question": f"What is {number}?", "choices": texts, "answer": number % 4, "subject": "arts"}


def of_arc(number: int) -> dict[str, Any]:
    choices = {"text": ["this", "that", "neither"], "label": ["A", "B", "C"]}
    return {
        "id": f"{number}",
        "question": f"Why {number}?",
        "choices": choices,
        "answerKey": "ABC"[number % 3],
    }


def problem(number: int) -> dict[str, Any]:
    return {
        "question": f"What is {number} and 1?",
        "answer": f"{number}+1=<<{number}+1={number + 1}>>\n#### {number + 1}",
    }


def hub() -> dict[str, dict[str, bytes]]:
    """The chat tasks that come from the hub, with a few questions each."""
    arcs = {
        f"ARC-{level}/{split}-00000-of-00001.parquet": parquet([of_arc(number) for number in range(7)])
        for level in ("Easy", "Challenge")
        for split in ("train", "test", "validation")
    }
    mmlu = {
        f"{split}-00000-of-00001.parquet": parquet([question(number) for number in range(9)])
        for split in ("all/test", "all/validation", "auxiliary_train/train")
    }
    gsm8k = {
        f"main/{split}-00000-of-00001.parquet": parquet([problem(number) for number in range(4)])
        for split in ("train", "test")
    }
    return {"allenai/ai2_arc": arcs, "cais/mmlu": mmlu, "openai/gsm8k": gsm8k}


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A trained model; the same again, called a chat model; the data of all tasks."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder / "nanochat"))
        patch.setenv(VARIABLE, str(write_bundle(folder / "bundle")))
        with one_thread():
            prepare(tokenizer="sample")
            assert cli.main(["train", "base", *TRAIN, *MEASURE, "--name", RUN]) == 0
            shutil.copytree(run_folder(RUN), run_folder(CHAT_RUN))
            config = run_folder(CHAT_RUN) / "config.json"
            record = {
                name: value for name, value in json.loads(config.read_text()).items() if name != "corpus"
            }
            config.write_text(json.dumps({**record, "stage": "sft"}))
            with running(hub(), patch):
                for name in ("arc-easy", "arc-challenge", "mmlu", "gsm8k"):
                    fetch_hub_task(HUB_TASKS[name], patience=QUICK)
            yield folder / "nanochat"


@pytest.fixture(autouse=True)
def no_results() -> None:
    for name in (RUN, CHAT_RUN):
        shutil.rmtree(run_folder(name) / "evaluations", ignore_errors=True)


def evaluate(run: str, *words: str, code: int = 0) -> dict[str, EvaluationResult]:
    """Run the command; its results as they lie in the run's folder."""
    assert cli.main(["eval", "--run", run, *words]) == code
    return {task: one for (_, task), one in newest(read_all(run_folder(run))).items()}


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run the command; its complaint, after checking that it is one line and nothing was written."""

    def ask(run: str, *words: str) -> str:
        before = set(base_folder().rglob("*"))
        capsys.readouterr()
        assert evaluate(run, *words, code=2) == {}
        out, err = capsys.readouterr()
        complaint = err.splitlines()[-1]
        assert complaint.startswith("nanochat: error: ")
        assert out == ""
        assert set(base_folder().rglob("*")) == before
        return complaint.removeprefix("nanochat: error: ")

    return ask


# ---- what it finds ----


def test_bits_per_byte_are_those_of_the_training() -> None:
    (found,) = evaluate(RUN, "--tasks", "bpb").values()
    assert found.value == pytest.approx(metrics(RUN)[-1]["val_bpb"], abs=1e-6)
    assert (found.metric, found.stage, found.step, found.limit) == ("bits per byte", "base", 3, None)
    assert found.settings["tokens"] == 3_000
    hashes = json.loads((run_folder(RUN) / "checkpoints/step_000003/meta.json").read_text())["files"]
    assert found.checkpoint == hashes["model.safetensors"]


def test_a_base_model_is_measured_by_bits_per_byte_and_core(capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluate(RUN)
    assert list(found) == ["bpb", "core"]
    core = found["core"]
    assert core.n == sum(total for _, total in RIGHT.values())
    assert [part["task"] for part in core.parts] == list(RIGHT)
    assert core.value == pytest.approx(sum(part["centred"] for part in core.parts) / 3)
    assert core.error is not None
    assert {reply["task"] for reply in core.replies} == set(RIGHT)
    out = capsys.readouterr().out
    assert out.startswith("small (base), step 3, on CPU, 1 core\n\ntask ")
    assert "\n  colours          10  " in out


def test_a_chat_model_is_asked_what_is_on_disk(capsys: pytest.CaptureFixture[str], base: Path) -> None:
    shutil.move(tasks_folder() / "mmlu", base / "away")
    try:
        found = evaluate(CHAT_RUN, "--limit", "1")
    finally:
        shutil.move(base / "away", tasks_folder() / "mmlu")
    assert "left out: the task mmlu is not on this machine; fetch it with: " in capsys.readouterr().err
    assert set(found) - {"humaneval"} == {
        "arc-challenge", "arc-easy", "arithmetic", "gsm8k", "larger-arithmetic", "letter-counting",
        "spelling", "word-problems",
    }  # fmt: skip
    assert all(one.n == one.limit == 1 for one in found.values())


def test_chat_core_is_the_mean_of_its_six_tasks() -> None:
    found = evaluate(CHAT_RUN, "--tasks", "chat", "--limit", "3", "--unsafe-sandbox")
    core = found.pop("chatcore")
    assert len(found) == len(core.parts) == 6
    assert core.value == pytest.approx(sum(one.centred or 0 for one in found.values()) / 6)
    assert core.n == 18
    assert found["arc-easy"].chance == pytest.approx(1 / 3)
    assert found["gsm8k"].chance == 0
    assert found["mmlu"].interval is not None
    assert core.command == (
        "nanochat eval --run=small-chat --step=3 --tasks=chat --limit=3 --samples=1 --temperature=0 --seed=0 "
        "--rows=8 --unsafe-sandbox"
    )


# ---- the printed command ----


@pytest.mark.parametrize(
    "words",
    [
        ["--tasks", "bpb", "--step", "2"],
        ["--tasks", "core", "--limit", "4"],
        ["--tasks", "mmlu", "--split", "validation", "--limit", "7"],
        ["--tasks", "gsm-symbolic", "--limit", "3", "--samples", "3", "--temperature", "1.5", "--seed", "8",
         "--rows", "2"],
    ],
)  # fmt: skip
def test_the_command_of_a_result_computes_it_again(words: list[str], base: Path) -> None:
    assert cli.main(["eval", "--run", RUN, *words]) == 0
    (first,) = read_all(run_folder(RUN))
    shutil.rmtree(run_folder(RUN) / "evaluations")
    settings = dict(os.environ)
    asked = shlex.split(first.command)
    while "=" in asked[0]:
        name, _, value = asked.pop(0).partition("=")
        settings[name] = value
    if words[1] != "core":
        settings.pop(VARIABLE)
    assert asked[:2] == ["nanochat", "eval"]
    again = [sys.executable, "-m", *asked]
    done = subprocess.run(again, env=settings, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (second,) = read_all(run_folder(RUN))

    def lasting(result: EvaluationResult) -> dict[str, Any]:
        """All of it but when, how long and on how many cores."""
        parts = [{**part} for part in result.parts]
        return {**vars(result), "parts": parts, "seconds": 0, "date": "", "machine": ""}

    assert lasting(second) == lasting(first)


def test_the_command_of_a_run_elsewhere_names_its_folder(tmp_path: Path) -> None:
    shutil.copytree(run_folder(RUN), tmp_path / "moved")
    assert cli.main(["eval", "--run", str(tmp_path / "moved"), "--tasks", "arithmetic", "--limit", "1"]) == 0
    (found,) = read_all(tmp_path / "moved")
    assert f"--run={tmp_path / 'moved'} " in found.command


# ---- several processes ----


def test_two_processes_find_the_same() -> None:
    words = ["--tasks", "bpb,core,mmlu,arithmetic", "--limit", "5", "--samples", "2", "--temperature", "1"]
    alone = evaluate(RUN, *words)
    shutil.rmtree(run_folder(RUN) / "evaluations")
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*torchrun, "-m", "nanochat", "eval", RUN, *words],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("small (base), step 3") == 1
    together = {task: one for (_, task), one in newest(read_all(run_folder(RUN))).items()}
    assert together.keys() == alone.keys()
    for task, one in together.items():
        assert one.value == pytest.approx(alone[task].value, abs=1e-6), task
        assert (one.n, one.error) == (alone[task].n, pytest.approx(alone[task].error))
        assert one.machine == "2 processes, each CPU, 1 core"


# ---- what it writes ----


def test_json_and_a_file_of_all_results(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "new" / "all.json"
    evaluate(RUN, "--tasks", "arithmetic,spelling", "--limit", "2", "--json", "--out", str(out))
    printed = json.loads(capsys.readouterr().out)
    assert [one["task"] for one in printed] == ["arithmetic", "spelling"]
    assert json.loads(out.read_text()) == printed
    assert sorted(path.name for path in (run_folder(RUN) / "evaluations").iterdir()) == [
        "000003-arithmetic-of-2.json", "000003-spelling-of-2.json"
    ]  # fmt: skip


def test_a_part_does_not_take_the_place_of_the_whole() -> None:
    evaluate(RUN, "--tasks", "mmlu")
    found = evaluate(RUN, "--tasks", "mmlu", "--limit", "2")
    assert found["mmlu"].n == 9
    found = evaluate(RUN, "--tasks", "mmlu", "--split", "train")
    assert (found["mmlu"].n, found["mmlu"].split) == (9, "test")
    assert len(read_all(run_folder(RUN))) == 3


def test_a_dry_run_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(base_folder().rglob("*"))
    assert evaluate(RUN, "--tasks", "bpb,core,mmlu,arithmetic", "--limit", "5", "--dry-run") == {}
    assert set(base_folder().rglob("*")) == before
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "would evaluate small (base), step 3:"
    assert [line.split()[0] for line in lines[1:]] == ["bpb", "core", "mmlu", "arithmetic", "nothing"]
    assert lines[3].endswith("5 questions, letters")


# ---- what it refuses ----


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--tasks", "arc-eazy"], "there is no evaluation 'arc-eazy'; did you mean arc-easy?"),
        (["--tasks", "small-talk"], "small-talk is learned only: nothing says which reply is right"),
        (["--tasks", ","], "--tasks ',' names no evaluation; there are: base, chat, classroom, all"),
        (["--limit", "0"], "--limit 0: at least 1"),
        (["--samples", "4"], "--samples 4 without --temperature: all would be the same; "
         "add --temperature 0.8"),
        (["--temperature", "-1"], "--temperature -1.0: from 0 to 100"),
        (["--split", "dev"], "--split dev: use test, train, validation"),
        (["--step", "7"], "small has no checkpoint of step 7; there are: 2, 3"),
        (["--tasks", "humaneval", "--split", "train"],
         "the task humaneval has no split 'train'; it has: test"),
        (["--tasks", "mmlu-offline"], "the task mmlu-offline is not on this machine; fetch it with: nanochat "
         "data prepare --task mmlu-offline"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(words: list[str], complaint: str, refused: Callable[..., str]) -> None:
    assert refused(RUN, *words) == complaint


def test_the_run_is_named_once(refused: Callable[..., str]) -> None:
    assert refused(RUN, "other") == "say which run to evaluate, once: nanochat eval --run NAME"


def test_no_such_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["eval", "--run", "nobody"]) == 2
    assert "there is no run 'nobody'" in capsys.readouterr().err


def test_missing_data_is_told_before_anything_begins(
    refused: Callable[..., str], base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that is missing, in one line; what comes first in the order is not evaluated either."""
    monkeypatch.setenv(VARIABLE, "")
    shutil.move(tasks_folder() / "gsm8k", base / "away")
    try:
        complaint = refused(RUN, "--tasks", "bpb,core,gsm8k")
    finally:
        shutil.move(base / "away", tasks_folder() / "gsm8k")
    assert "fetch them with: nanochat data prepare --task core; " in complaint
    assert complaint.endswith("fetch it with: nanochat data prepare --task gsm8k")


def test_the_command_that_is_named_fetches_core(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(zipped()) as server:
        monkeypatch.setenv(VARIABLE, server.url)
        complaint = refused(RUN, "--tasks", "core")
        words = complaint.partition("fetch them with: nanochat ")[2].split()
        assert cli.main([*words, "--dry-run"]) == 0
        assert capsys.readouterr().out == f"would fetch the tasks of CORE from {server.url}\n"
        assert server.requests == []
        assert cli.main(words) == 0
    found = evaluate(RUN, "--tasks", "core")["core"]
    assert found.settings["bundle_sha256"] == hashlib.sha256(server.content).hexdigest()
    shutil.rmtree(base_folder() / "core")


def test_no_corpus_for_bits_per_byte(refused: Callable[..., str], base: Path) -> None:
    assert refused(CHAT_RUN, "--tasks", "bpb") == (
        "small-chat was trained on no corpus; bits per byte is for base models: leave bpb out"
    )
    shutil.move(corpora_folder(), base / "away")
    try:
        complaint = refused(RUN, "--tasks", "bpb")
    finally:
        shutil.move(base / "away", corpora_folder())
    assert (
        complaint == "there is no corpus 'classics'; prepare it with: nanochat data prepare --corpus classics"
    )


def test_programs_are_refused_where_nothing_contains_them(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = available_layers(frozenset({"seccomp", "landlock", "namespaces"}))
    monkeypatch.setattr("nanochat.toolbox.sandbox.available_layers", lambda without: layers)
    assert refused(RUN, "--tasks", "humaneval").endswith("--unsafe-sandbox runs it all the same")
    assert "humaneval" not in evaluate(CHAT_RUN, "--limit", "1")
    assert "left out: this machine cannot contain Python code" in capsys.readouterr().err
    found = evaluate(CHAT_RUN, "--tasks", "humaneval", "--limit", "1", "--unsafe-sandbox")
    assert found["humaneval"].command.endswith(" --unsafe-sandbox")


def test_a_damaged_checkpoint_is_passed_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(run_folder(RUN), folder)
    weights = folder / "checkpoints" / "step_000003" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    assert cli.main(["eval", "--run", str(folder), "--tasks", "arithmetic", "--limit", "1", "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)[0]["step"] == 2
    assert "is damaged: it was cut short or changed; looking at the one before" in err
    assert cli.main(["eval", "--run", str(folder), "--tasks", "arithmetic", "--step", "3"]) == 2


def test_processes_that_cannot_share_the_batches_are_told_so() -> None:
    options = make_parser().parse_args(["--run", RUN])
    evaluation = Evaluation(open_run(RUN), options, World(Launch(rank=1, size=3, local_rank=1, local_size=3)))
    with pytest.raises(UserError, match=r"3 processes cannot share .* of 4 rows; use --nproc_per_node=2"):
        evaluation.text  # noqa: B018


def test_only_the_first_process_writes_and_speaks(capsys: pytest.CaptureFixture[str]) -> None:
    (found,) = evaluate(RUN, "--tasks", "arithmetic", "--limit", "1").values()
    shutil.rmtree(run_folder(RUN) / "evaluations")
    capsys.readouterr()
    options = make_parser().parse_args(["--run", RUN])
    for rank in (1, 0):
        evaluation = Evaluation(open_run(RUN), options, World(Launch(rank, 2, rank, 2)))
        evaluation.counter.every = 0
        evaluation.say("arithmetic", 1, 2)
        evaluation.keep(found)
        assert read_all(run_folder(RUN)) == ([] if rank else [found])
        assert capsys.readouterr().err == ("" if rank else "arithmetic: 1 of 2\n")


def test_words_are_checked_without_running(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pages' test asks so: nothing is on disk there."""
    monkeypatch.setenv("NANOCHAT_BASE_DIR", "/nowhere")
    cli.check(["eval", "--run", "d4", "--tasks", "bpb,chat"])
