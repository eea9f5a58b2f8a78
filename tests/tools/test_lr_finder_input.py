"""Files of every kind, given to the learning-rate finder: one clear line and the right exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.core.examples import example_file
from tools.rates.sweep import header_of, line_of

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "lr_finder.py"
GOOD = header_of({"rates": {"matrices": 0.02}}, 0.01, 100.0, 60)
STEP = line_of("all", 1, 0.01, 8.3, 0.1)


def run(*words: str, data: bytes | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *words], input=data and data.decode("latin-1"),
        capture_output=True, text=True, encoding="latin-1" if data else "utf-8", timeout=120,
    )  # fmt: skip


def lines(*data: object) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in data).encode()


METRICS = {"step": 1, "tokens": 8192, "loss": 8.3, "lr": {"head": 0.1}}
BAD = {
    "empty": (b"", "a.jsonl is empty"),
    "blank lines": (b"\n\n", "a.jsonl is empty"),
    "truncated header": (lines(GOOD)[:40], "a.jsonl:1: not JSON"),
    "truncated in the middle": (
        lines(GOOD) + b'{"group": "all", "ste\n' + lines(STEP), "a.jsonl:2: not JSON"
    ),
    "wrong encoding": (lines(GOOD) + "é".encode("latin-1") + b"\n", "a.jsonl:2: not UTF-8 text"),
    "binary": (b"\x00\x01\x02" * 99, "a.jsonl:1: holds zero bytes"),
    "a list": (lines([1, 2]), "a.jsonl:1: a line must be an object in braces, not a list"),
    "metrics of a run": (
        lines(METRICS),
        "a.jsonl:1: this is no saved range test: it is the metrics of a run",
    ),
    "another version": (lines(GOOD | {"version": 9}), "a.jsonl:1: version 9"),
    "no rates": (lines({k: v for k, v in GOOD.items() if k != "rates"}), "a.jsonl:1: rates must say"),
    "rates of words": (lines(GOOD | {"rates": {"head": "fast"}}), "a.jsonl:1: rates: head must be a number"),
    "of another program": (
        lines(GOOD | {"program": "nanoGPT"}),
        'a.jsonl:1: program "nanoGPT" is none that this tool knows',
    ),
    "of microGPT without its rate": (
        lines(GOOD | {"program": "microgpt"}),
        "a.jsonl:1: rates must say the one rate of microgpt",
    ),
    "low above high": (lines(GOOD | {"low": 1000}), "a.jsonl:1: low 1000 is not below high 100.0"),
    "no low": (lines({k: v for k, v in GOOD.items() if k != "low"}), "a.jsonl:1: there is no 'low'"),
    "steps of words": (lines(GOOD | {"steps": "many"}), "a.jsonl:1: steps must be a whole number"),
    "no steps at all": (lines(GOOD), "the sweep has no steps"),
    "no loss": (lines(GOOD, {k: v for k, v in STEP.items() if k != "loss"}), "a.jsonl:2: there is no 'loss'"),
    "a loss of words": (lines(GOOD, STEP | {"loss": "low"}), 'a.jsonl:2: loss must be a number, not "low"'),
    "no factor": (
        lines(GOOD, {k: v for k, v in STEP.items() if k != "factor"}),
        "a.jsonl:2: there is no 'factor'",
    ),
    "no group": (
        lines(GOOD, {"step": 1}),
        "a.jsonl:2: group must be one of all, control, matrices, not null",
    ),
    "unknown group": (
        lines(GOOD, STEP | {"group": "muon"}),
        'a.jsonl:2: group must be one of all, control, matrices, not "muon"',
    ),
    "a step twice": (lines(GOOD, STEP, STEP), "a.jsonl:3: step 1 of all where 2 should follow"),
    "a falling rate": (
        lines(GOOD, STEP, STEP | {"step": 2}),
        "a.jsonl:3: factor 0.01 is not above the one before",
    ),
    "a number line": (lines(GOOD, 7), "a.jsonl:2: a line must be an object in braces, not a number"),
    "settings of words": (lines(GOOD | {"settings": "x"}, STEP), "a.jsonl:1: settings must be an object"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_line_with_its_place(name: str, tmp_path: Path) -> None:
    data, words = BAD[name]
    file = tmp_path / "a.jsonl"
    file.write_bytes(data)
    done = run("--sweep", str(file))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
    assert done.stderr.startswith("lr_finder: error: ")
    assert words in done.stderr


def test_damaged_settings_are_one_line(tmp_path: Path) -> None:
    losses = json.loads(
        json.dumps([8.0 - 3 * min(step, 30) / 30 + max(0, step - 40) / 5 for step in range(60)])
    )
    steps = [line_of("all", i + 1, 0.01 * 1.17**i, loss, 0.1) for i, loss in enumerate(losses)]
    for settings, words in [
        ({"lr_scale": "x"}, "lr_scale 'x', which is no number"),
        ({"group_lr_scale": "muon=1"}, "there is no group 'muon'"),
    ]:
        file = tmp_path / "a.jsonl"
        file.write_bytes(lines(GOOD | {"settings": settings}, *steps))
        done = run(str(file))
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done.stderr
        assert words in done.stderr


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    done = run("--sweep", str(tmp_path / "none.jsonl"))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--sweep names no file here" in done.stderr
    done = run("--sweep", str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is a folder" in done.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; test_every_tool.py asks as nobody")
def test_a_file_without_permission(tmp_path: Path) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(lines(GOOD, STEP))
    file.chmod(0)
    done = run(str(file))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "cannot be read: Permission denied" in done.stderr


def test_standard_input() -> None:
    done = run("-", "--json", data=example_file("lr-sweep-laptop.jsonl").read_bytes())
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sections"]["tested"]["file"] == "standard input"


def test_a_huge_file_of_something_else_is_refused_at_once(tmp_path: Path) -> None:
    file = tmp_path / "chats.jsonl"
    with file.open("wb") as opened:
        opened.write(lines({"messages": []}))
        opened.truncate(10**9)
    done = run(str(file))
    assert done.returncode == 1
    assert "chats.jsonl:1: this is no saved range test; make one with --save" in done.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "say which sweep to read, with --sweep FILE or --example laptop"),
        (["--example", "laptop", "--smoothing", "1"], "--smoothing must be at most 0.99"),
        (["--example", "laptop", "--group", "muon"], "--group must be all, embedding"),
        (["--example", "laptop", "--depth", "4"], "three ways; give one of them"),
        (["--depth", "4", "--low", "10", "--high", "1"], "--low 10 is not below --high 1"),
        (["--depth", "4", "--from-step", "3"], "--from-step goes with --from-run"),
        (["--depth", "4", "--save", str(SCRIPT)], "exists; give another name"),
    ],
)
def test_a_wrong_question_is_exit_code_two(words: list[str], complaint: str) -> None:
    done = run(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr


def test_without_torch_the_way_out_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), "--depth", "4"], capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "needs torch: pip install -e '.[train]'" in done.stderr
