"""Each rule that finds a weakness: where it holds, and where it does not."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from nanochat.evaluation.names import CHATCORE, CLASSROOM
from nanochat.evaluation.report.reading import read_report
from nanochat.evaluation.report.weaknesses import weaknesses
from nanochat.home import run_folder
from tests.evaluation.reported_runs import STEPS, line, lines_of, put_chain, put_core, put_run, put_score


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))


def said(run: str = "rl") -> str:
    return "\n".join(weaknesses(read_report(run_folder(run))))


def test_each_is_one_sentence() -> None:
    put_chain()
    put_score("rl", "spelling", 0, 100)
    put_score("rl", "mmlu", 25, 100, chance=0.25)
    put_core(("colours", 3, 10, 0.25))
    found = weaknesses(read_report(run_folder("rl")))
    assert len(found) >= 6
    for sentence in found:
        assert sentence.endswith(".")
        assert sentence.replace("et al. ", "").count(". ") == 0
        assert sentence[0].isupper() or sentence.startswith(("base", "sft", "rl"))


@pytest.mark.parametrize(
    ("correct", "n", "chance", "sentence"),
    [
        (25, 100, 0.25, "On mmlu it is no better than guessing (25.0 % ± 4.3, where guessing gets 25.0 %)."),
        (33, 100, 0.25, "On mmlu it is no better than guessing (33.0 % ± 4.7, where guessing gets 25.0 %)."),
        (10, 100, 0.25, "On mmlu it is worse than guessing (10.0 % ± 3.0, where guessing gets 25.0 %)."),
        (2, 100, 0.0, "On mmlu it is hardly ever right (2.0 % ± 1.4)."),
        (0, 100, 0.0, "On mmlu none of 100 answers was right; of very many, at most 3.7 % would be."),
        (0, 1, 0.0, "On mmlu none of 1 answers was right; of very many, at most 79.3 % would be."),
    ],
)
def test_guessing(correct: int, n: int, chance: float, sentence: str) -> None:
    put_chain()
    put_score("rl", "mmlu", correct, n, chance)
    assert sentence in said()


@pytest.mark.parametrize(("correct", "chance"), [(36, 0.25), (5, 0.0), (100, 0.0)])
def test_no_guessing(correct: int, chance: float) -> None:
    put_chain()
    put_score("rl", "mmlu", correct, 100, chance)
    assert "On mmlu" not in said()


def test_only_the_last_stage_counts() -> None:
    put_chain()
    put_score("sft", "spelling", 0, 100)
    put_score("rl", "spelling", 90, 100)
    assert "On spelling" not in said()
    assert "On spelling none of 100" in said("sft")


def test_few_questions() -> None:
    put_chain()
    put_score("rl", "spelling", 15, 30)
    put_score("rl", "arithmetic", 1000, 2000)
    assert (
        "Of spelling so few questions were asked (fewest: 30) that the score is known to ± 9 points" in said()
    )
    put_score("rl", "spelling", 1000, 2000)
    assert "so few questions" not in said()


@pytest.mark.parametrize(
    ("before", "after", "is_worse"), [(500, 400, True), (500, 480, False), (400, 500, False)]
)
def test_a_stage_that_made_something_worse(before: int, after: int, is_worse: bool) -> None:
    put_chain()
    put_score("sft", "spelling", before, 1000)
    put_score("rl", "spelling", after, 1000)
    sentence = f"RL made spelling worse: {before / 10:.1f} % ± 1.6 before it, {after / 10:.1f} % ± 1.5 after."
    assert (sentence in said()) == is_worse


@pytest.mark.parametrize(("after", "shows"), [(505, False), (500, False), (700, True)])
def test_rewards_that_show_in_no_score(after: int, shows: bool) -> None:
    put_chain()
    put_score("sft", "spelling", 500, 1000)
    put_score("rl", "spelling", after, 1000)
    assert ("What rl learnt from its rewards shows in no score: on spelling it is not" in said()) != shows


def rewards(*values: float) -> list[dict[str, Any]]:
    return [line(step, reward=value) for step, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("values", "rose"),
    [
        ([0.5, 0.6] * 10, False),
        ([0.2, 0.25] * 5 + [0.7, 0.75] * 5, True),
        ([0.7, 0.75] * 5 + [0.2, 0.25] * 5, False),
        ([0.5] * 20, False),
    ],
)
def test_rewards_that_do_not_rise(values: list[float], rose: bool) -> None:
    put_run("rl", lines=rewards(*values))
    assert ("The reward did not measurably rise in rl: " in said()) != rose


def test_of_a_few_steps_nothing_is_said() -> None:
    put_run("rl", lines=rewards(0.5, 0.5, 0.5))
    assert "reward" not in said()


def test_too_little_text() -> None:
    put_run("base", parameters=120_000)
    assert "It has read 0.0427 tokens for each of its parameters, where about 20 are right" in said("base")
    shutil.rmtree(run_folder("base"))
    put_run("base", parameters=500)
    assert "tokens for each of its parameters" not in said("base")


def test_trained_too_long() -> None:
    lines = lines_of("base")
    lines[9]["val_bpb"] = 1.4
    put_run("base", lines=lines)
    assert "base was best on held-out text at step 10 (1.4000 bits per byte) and ended at 1.5000" in said(
        "base"
    )
    lines[9]["val_bpb"] = 1.6
    put_run("base", "other", lines=lines)
    assert "was best" not in said("other")


def test_stopped_too_early() -> None:
    put_run("base", lines=lines_of("base", steps=15))
    assert f"base was stopped at step 15 of {STEPS}" in said("base")
    put_run("base", "whole")
    assert "stopped" not in said("whole")


def test_below_gpt_2() -> None:
    put_run("base")
    put_core(("names", 100, 1000, 0.0))
    assert "Its CORE of 0.1000 lies below the 0.2565 of GPT-2" in said("base")
    put_core(("names", 400, 1000, 0.0))
    assert "GPT-2" not in said("base")


def test_what_was_never_measured() -> None:
    put_chain()
    assert "Never measured, so not known: bits per byte, CORE, ChatCORE, " in said()
    for task in (CHATCORE, *CLASSROOM):
        put_score("sft", task, 50, 100)
    assert "Never measured, so not known: bits per byte and CORE." in said()


def test_the_context_is_always_said() -> None:
    put_run("base")
    assert "It reads at most 64 tokens at once" in said("base")
