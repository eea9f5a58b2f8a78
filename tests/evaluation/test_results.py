"""Results on disk: there whole or not at all, found again, the right one shown."""

from __future__ import annotations

import io
import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from nanochat.errors import UserError
from nanochat.evaluation.progress import Counter
from nanochat.evaluation.results import FOLDER, EvaluationResult, file_name, newest, read_all, write
from nanochat.evaluation.table import as_table

ARC = EvaluationResult(
    run="d4", stage="base", step=200, checkpoint="abc", task="arc-easy", metric="accuracy", value=0.5,
    error=0.05, n=100, command="nanochat eval --run d4 --tasks arc-easy", correct=50.0, accuracy=0.5,
    chance=0.25, centred=1 / 3, centred_error=0.0667, interval=(0.4, 0.6), split="test", seed=0,
    settings={"samples": 1}, seconds=1.5, date="2026-11-25T10:00:00+00:00", machine="CPU",
    versions={"torch": "2.13.0"}, replies=({"question": "Why?", "reply": "é", "worth": 1.0},),
)  # fmt: skip


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    other = replace(ARC, task="gsm8k", date="2026-11-24T10:00:00+00:00", interval=None)
    for one in (ARC, other):
        write(tmp_path, one)
    assert [asdict(one) for one in read_all(tmp_path)] == [
        asdict(other),
        {**asdict(ARC), "interval": [0.4, 0.6]},
    ]
    assert read_all(tmp_path / "nothing") == []
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {
        "000200-arc-easy.json", "000200-gsm8k.json"
    }  # fmt: skip


def test_a_later_result_takes_the_place_of_an_earlier(tmp_path: Path) -> None:
    write(tmp_path, ARC)
    write(tmp_path, replace(ARC, value=0.6))
    assert [one.value for one in read_all(tmp_path)] == [0.6]


def test_a_full_disk_leaves_the_old_one_and_no_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, ARC)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path, replace(ARC, value=0.6))
    assert [one.value for one in read_all(tmp_path)] == [0.5]
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ('{"format": 1, "run": "d4"}', "TypeError"),
        ('{"format": 9}', "it has format 9, this version of nanochat reads 1"),
        ("{}", "KeyError"),
    ],
)
def test_a_file_that_is_no_result_is_named(text: str, why: str, tmp_path: Path) -> None:
    path = write(tmp_path, ARC)
    path.write_text(text)
    with pytest.raises(UserError) as refused:
        read_all(tmp_path)
    assert str(refused.value) == (
        f"{path} is not the result of an evaluation ({why}); remove it and evaluate again"
    )


def test_fields_of_a_later_version_are_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, ARC)
    path.write_text(json.dumps({**json.loads(path.read_text()), "colour": "blue"}))
    assert read_all(tmp_path)[0].task == "arc-easy"


def test_files_that_would_take_each_others_place_do_not() -> None:
    others = [replace(ARC, limit=10), replace(ARC, split="train"), replace(ARC, step=300)]
    others += [replace(ARC, limit=10, split="train"), replace(ARC, task="arc-challenge")]
    assert len({file_name(one) for one in (ARC, *others)}) == 6


def test_the_result_to_show() -> None:
    late = "2027-01-01"
    part = replace(ARC, n=10, limit=10, date=late)
    train = replace(ARC, split="train", date=late)
    assert newest([part, ARC, train]) == {("base", "arc-easy"): ARC}
    again = replace(ARC, date=late)
    assert newest([again, part, ARC])["base", "arc-easy"] is again
    later_step = replace(part, step=300)
    assert newest([again, later_step])["base", "arc-easy"] is later_step
    bpb = replace(ARC, task="bpb", split=None, stage="rl")
    assert list(newest([bpb, ARC])) == [("base", "arc-easy"), ("rl", "bpb")]


def test_the_table_of_a_score_without_error_says_how_sure_it_is() -> None:
    none = replace(ARC, accuracy=0.0, error=0.0, interval=(0.0, 0.037))
    every = replace(ARC, accuracy=1.0, error=0.0, interval=(0.963, 1.0))
    lines = as_table([none, every, ARC]).splitlines()
    assert [re.split(r" {2,}", line)[2] for line in lines[1:]] == [
        "0.0 % (at most 3.7)", "100.0 % (at least 96.3)", "50.0 % ± 5.0"
    ]  # fmt: skip


def test_a_mean_is_shown_with_its_parts() -> None:
    part = {"task": "piqa", "n": 5, "accuracy": 0.6, "error": 0.2, "centred": 0.2, "centred_error": 0.4}
    core = replace(ARC, task="core", value=0.2, error=0.4, accuracy=None, parts=(part,))
    _, whole, below = as_table([core]).splitlines()
    assert whole.split() == ["core", "100", "0.2000", "±", "0.4000"]
    assert below.split() == ["piqa", "5", "60.0", "%", "±", "20.0", "0.200", "±", "0.400"]


# ---- progress ----


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line_that_moves() -> None:
    stream = Terminal()
    counter = Counter(stream, every=0)
    for done in (1, 2):
        counter.count("gsm8k", done, 2)
    counter.clear()
    assert stream.getvalue() == "\r\x1b[Kgsm8k: 1 of 2\r\x1b[Kgsm8k: 2 of 2\r\x1b[K"


def test_a_log_has_a_line_now_and_then() -> None:
    stream = io.StringIO()
    counter = Counter(stream, every=3_600)
    for done in range(1_000):
        counter.count("gsm8k", done, 1_000)
    counter.said -= 3_600
    counter.began -= 100
    counter.count("gsm8k", 500, 1_000)
    counter.clear()
    assert stream.getvalue() == "gsm8k: 500 of 1,000, 100 s left\n"
