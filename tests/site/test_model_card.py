"""The model card says what the packed model's files say."""

from __future__ import annotations

import json

import pytest

from nanochat import cli
from web import model_card
from web.packed_model import FOLDER


@pytest.fixture
def folder(tmp_path):
    """A packed model's JSON files, with figures that are easy to find again."""
    score = {"metric": "accuracy", "interval": [0.2, 0.4], "n": 1_234, "replies": []}
    reply = {"question": "3 | 4?", "reply": "9", "answer": "7", "worth": 0.0}
    config = {
        "parameters": 7_654_321,
        "model": {"n_layer": 3, "n_embd": 32, "n_head": 2, "vocab_size": 512, "sequence_len": 64},
        "runs": {
            "base": run_of({"depth": 3, "compile": False}, steps=5),
            "sft": run_of({"mixture": "arithmetic"}, steps=6, text={"mixture": {"arithmetic": 77}}),
        },
        "seconds": {"pretraining": 90.0, "fine-tuning": 30.0, "text": 60.0},
    }
    scores = {
        "runs": {
            "base": [{"task": "bpb", "accuracy": None, "value": 1.2345, "n": 5_432}],
            "sft": [{**score, "task": "arithmetic", "accuracy": 0.25, "error": 0.0125}],
        },
        "int8": [{**score, "task": "arithmetic", "accuracy": 0.375, "error": 0.02, "replies": [reply]}],
        "bits_per_byte": {"fp32": 2.3456, "int8": 2.3467, "bytes": 6_543},
    }
    text = {"answer": "", "int8": {"finish": "length", "text": "*Hi*\nyou", "calls": [["python", "1+1"]]}}
    texts = [{**text, "kind": kind, "text": f"Say {kind}"} for kind in model_card.KINDS]
    wrong = {"finish": "stop", "text": "5", "calls": []}
    texts.append({"kind": "arithmetic", "text": "2+2?", "answer": "4", "int8": wrong})
    rounding = {"texts": 50, "equal_texts": 49, "largest_difference": 0.0321}
    for name, data in (
        ("config.json", config),
        ("scores.json", scores),
        ("expected.json", {"rounding": rounding, "texts": texts}),
    ):
        (tmp_path / name).write_text(json.dumps(data), encoding="utf-8")
    (tmp_path / "weights.safetensors").write_bytes(bytes(1_500_000))
    return tmp_path


def run_of(asked: dict, steps: int, **more: object) -> dict:
    settings = {"seed": 4, "dtype": "bf16"}
    machine = {"device": "CPU, 3 cores"}
    return {
        "asked": asked,
        "settings": settings,
        "machine": machine,
        "step": steps,
        "total_tokens": 999,
        **more,
    }


def test_every_part_says_what_the_files_say(folder):
    assert "| parameters | 7,654,321 |" in model_card.size(folder)
    assert "| weights | 1.5 MB:" in model_card.size(folder)
    assert "| fine-tuning | `arithmetic` | one sum in many words" in model_card.mixture(folder)
    assert "| pretraining | 5 | 999 | 4 | bf16 | CPU, 3 cores | 1.5 |" in model_card.recipe(folder)
    assert "| all, with text and evaluation |  |  |  |  |  | 3.0 |" in model_card.recipe(folder)
    assert "nanochat train base --depth 3 --no-compile\n" in model_card.commands(folder)
    assert "| after pretraining | 32 bits | 5,432 | 1.2345 |" in model_card.bits_per_byte(folder)
    assert "| 8 bits | 6,543 | 2.3467 |" in model_card.bits_per_byte(folder)
    assert "| `arithmetic` | 25.0 % ± 1.2 | 37.5 % ± 2.0 | 1,234 |" in model_card.task_scores(folder)
    assert "49 are the same" in model_card.rounding(folder)
    assert "0.032" in model_card.rounding(folder)


def test_texts_are_shown_as_they_are(folder):
    shown = model_card.samples(folder)
    assert shown.count("\n") == 1 + len(model_card.KINDS)
    assert r"| Say story | \*Hi\* / you (asked the calculator: 1+1) … |" in shown


def test_failures_are_of_both_kinds_and_only_wrong_answers(folder):
    lines = model_card.failures(folder).splitlines()[2:]
    assert lines == ["| 2+2? | 5 | 4 |", r"| 3 \| 4? | 9 | 7 |"]


def test_the_card_of_the_shipped_model():
    for part in ("size", "mixture", "recipe", "bits_per_byte", "task_scores", "samples", "failures"):
        table = getattr(model_card, part)()
        columns = {line.replace(r"\|", "").count("|") for line in table.splitlines()}
        assert len(columns) == 1, table
    for command in model_card.commands().splitlines()[1:-1]:
        cli.check(command.split()[1:])
    assert model_card.read("config.json")["run"]["stage"] == "rl"
    assert FOLDER == model_card.FOLDER
