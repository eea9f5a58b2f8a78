"""The learning-rate finder on microGPT: a sweep that is made here and now, and two trainings at its word."""

from __future__ import annotations

import inspect
import itertools
import json
import math
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from nanochat.model.gpt import GPT
from nanochat.train.rate_groups import factor_at
from tests.tools.test_microgpt import in_torch
from tools import microgpt
from tools.core import page, progress
from tools.core.json_report import figures
from tools.core.terminal import render_terminal
from tools.core.terminal_text import width_of
from tools.lr_finder import TOOL
from tools.rates import trained_here
from tools.rates.sweep import ALL, read
from tools.rates.trained_here import BATCH, RATE, Lesson, measure, train_at
from tools.rates.trained_sections import verdict

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "lr_finder.py"
STEPS = 60


def bare(*words: str) -> subprocess.CompletedProcess[str]:
    """The tool on a Python that has nothing but its standard library."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=120)


@pytest.fixture(scope="module")
def compared() -> dict[str, dict]:
    """A sweep, and trainings at the suggested rate and at ten times it."""
    return figures(TOOL.ask(example="microgpt", against=10))


# ---- it is the model of the guide, and what it learns is right ----


def losses_in_torch(lesson: Lesson, rates: list[float]) -> list[float]:
    """The same names and rates, with torch's slopes and torch's Adam, from the weights of the lesson."""
    model: GPT = in_torch(lesson.model, 16, 2, 1).double()
    adam = torch.optim.Adam(model.parameters(), lr=1.0, betas=microgpt.BETAS, eps=1e-10)
    losses = []
    for rate in rates:
        names = lesson.chance.sample(lesson.known, BATCH)
        nats = torch.zeros((), dtype=torch.float64)
        for name in names:
            ids = torch.tensor([[lesson.model.letters.index(letter) for letter in f"\n{name}\n"]])
            targets = ids[:, 1:]
            logits = model(ids[:, :-1])
            nats = nats + torch.nn.functional.cross_entropy(
                logits[0][:, : len(lesson.model.letters)].double(), targets[0], reduction="sum"
            )
        loss = nats / sum(len(name) + 1 for name in names)
        adam.zero_grad()
        loss.backward()
        adam.param_groups[0]["lr"] = rate
        adam.step()
        losses.append(loss.item())
    return losses


def test_a_sweep_has_the_losses_of_torch() -> None:
    """To 1e-6 where rates are such that one learns; so the slopes and the steps are right as well."""
    rates = [RATE * factor_at(step, 12, 0.1, 2.0) for step in range(12)]
    lesson = Lesson(1)
    expected = losses_in_torch(Lesson(1), rates)
    assert expected[-1] < expected[0] - 0.3
    assert [lesson.step(rate) for rate in rates] == pytest.approx(expected, abs=1e-6)


def test_rate_and_batch_are_the_guides() -> None:
    parameters = inspect.signature(microgpt.train).parameters
    assert (parameters["rate"].default, parameters["batch"].default) == (RATE, BATCH)


def test_names_that_are_kept_back_are_never_learned_from() -> None:
    lesson = Lesson(7)
    assert not set(lesson.known) & set(lesson.held_out)
    assert len(lesson.held_out) == (len(lesson.known) + len(lesson.held_out)) // 10


def test_the_same_seed_makes_the_same_sweep_and_another_does_not() -> None:
    anew = measure.__wrapped__  # what is measured once is kept
    first, again, other = (anew(0.01, 100.0, 12, seed, None).sweeps[ALL].losses for seed in (1, 1, 2))
    assert first == again
    assert first != other


# ---- what the report says ----


def test_the_suggestion_trains_better_than_ten_times_and_a_tenth_of_it(compared) -> None:
    [row] = compared["suggestions"]["groups"]
    assert row["steepest"] < row["suggestion"] < row["lowest"] < row["diverged"]
    assert row["suggested_rate"] == pytest.approx(RATE * row["suggestion"])
    suggested, ten_times = (one["held_out"] for one in compared["trained"]["trainings"])
    a_tenth = train_at(float(f"{row['suggested_rate'] / 10:.6g}"), 1).held_out
    assert suggested < ten_times - 0.1
    assert suggested < a_tenth - 0.1
    assert "At the suggested rate it learned more" in compared["trained"]["verdict"]


def test_both_trainings_are_drawn_and_write_names(compared) -> None:
    trained = compared["trained"]
    [suggested, other] = trained["losses"].values()
    assert len(suggested) == len(other) == trained_here.COMPARED_STEPS
    assert suggested[0] == other[0]  # the same names, and weights that no step has changed
    assert suggested[-1][1] < other[-1][1]
    for key in ("written_suggested", "written_other"):
        assert set(trained[key]) <= set("abcdefghijklmnopqrstuvwxyz, ")


def test_a_change_of_how_it_is_read_trains_nothing_again(compared) -> None:
    before = measure.cache_info().misses, train_at.cache_info().misses
    TOOL.ask(example="microgpt", divergence=0.9)
    TOOL.ask(example="microgpt", against=10, divergence=0.9)
    assert (measure.cache_info().misses, train_at.cache_info().misses) == before


def test_the_command_at_the_end_trains_microgpt_at_the_rate(compared) -> None:
    words = shlex.split(compared["command"]["train_microgpt"])
    assert words[:2] == ["python", "tools/microgpt.py"]
    rate = microgpt.flags().parse_args(words[2:]).rate
    assert rate == pytest.approx(compared["suggestions"]["groups"][0]["suggested_rate"], rel=0.01)


def test_without_a_suggestion_nothing_is_trained() -> None:
    found = figures(TOOL.ask(example="microgpt", low=1e-6, high=1e-5, sweep_steps=12, against=10))
    assert found["trained"] == {"none": "There is no suggested rate, so nothing was trained."}
    assert list(found["command"]) == ["none"]


def test_what_is_saved_says_the_same_again(tmp_path) -> None:
    file = tmp_path / "sweep.jsonl"
    made = figures(TOOL.ask(example="microgpt", save=str(file)))
    again = figures(TOOL.ask(sweep=str(file)))
    for name in ("suggestions", "all", "notes", "command"):
        assert again[name] == made[name]


@pytest.mark.parametrize(
    ("suggested", "other", "words"),
    [(2.4, 2.8, "learned more"), (2.5, 2.4, "learned less"), (2.45, 2.46, "may be chance")],
)
def test_the_verdict_follows_the_losses(suggested: float, other: float, words: str) -> None:
    assert words in verdict(suggested, other, 10)


# ---- rates that are far too large ----


def test_no_rate_that_can_be_asked_for_breaks_it(monkeypatch) -> None:
    """Neither the largest sweep, nor the training at a thousand times its end."""
    monkeypatch.setattr(trained_here, "COMPARED_STEPS", 10)
    test = measure(1e5, 1e6, 20, 1, None)
    assert len(test.sweeps[ALL].losses) >= 2
    found = train_at(RATE * 1e6 * 1e3, 1)
    assert all(math.isfinite(loss) for loss in found.losses)


def test_a_loss_that_is_no_number_ends_a_sweep(monkeypatch) -> None:
    """Nothing in microGPT makes one, since its numbers are kept within bounds; so one is put there."""
    real = Lesson.step
    count = itertools.count(1)
    monkeypatch.setattr(Lesson, "step", lambda self, rate: math.nan if next(count) > 45 else real(self, rate))
    report = TOOL.ask(example="microgpt", seed=99)
    found = figures(report)
    assert found["all"]["n_steps"] == 46
    assert found["all"]["suggestion"] is not None
    assert not report.notes  # it is whole: it went on until all was lost


# ---- the command, the page ----


def test_it_runs_on_bare_python(compared) -> None:
    done = bare("--example", "microgpt", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["sections"]
    for name in ("suggestions", "all", "command"):
        assert found[name] == json.loads(json.dumps(compared[name]))


def test_it_fits_eighty_columns(compared) -> None:
    drawn = render_terminal(TOOL.ask(example="microgpt", against=10), 80, False, False, "utf-8")
    assert all(width_of(line) <= 80 for line in drawn.splitlines())


def test_the_page_shows_what_the_command_line_says(compared) -> None:
    answer = page.answer_for(TOOL, {"example": "microgpt", "against": "10"})
    assert answer["error"] is None
    assert compared["trained"]["verdict"] in answer["html"]
    assert answer["command"] == "python tools/lr_finder.py --example microgpt --against 10"
    assert answer["query"] == "example=microgpt&against=10"


def test_it_says_how_far_it_is(monkeypatch) -> None:
    monkeypatch.setattr(progress, "WAIT_SECONDS", 0)
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0)
    told: list[tuple[str, float]] = []
    monkeypatch.setattr(progress, "TELL", [lambda what, share: told.append((what, share))])
    measure(0.01, 100.0, 11, 3, None)
    assert {what for what, _ in told} == {"Training microGPT on a sweep"}
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_sweep_that_is_interrupted_can_be_read(tmp_path) -> None:
    file = tmp_path / "sweep.jsonl"
    running = subprocess.Popen(
        [sys.executable, "-I", str(SCRIPT), "--example", "microgpt", "--sweep-steps", "9000", "--save", file],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not file.exists() or file.read_text().count("\n") < 20:
        assert running.poll() is None, running.communicate()[1]
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    out, errors = running.communicate(timeout=60)
    assert (running.returncode, out) == (130, "")
    assert f"--sweep {file} reads it" in errors
    assert len(read(file).sweeps[ALL].losses) >= 19
    assert "was stopped after" in TOOL.ask(sweep=str(file)).notes[0]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (
            ["--example", "laptop", "--against", "10"],
            "--against needs microGPT: choose microgpt as --example",
        ),
        (["--against", "10"], "--against needs microGPT"),
        (["--example", "microgpt", "--against", "0"], "--against must be at least 0.001"),
        (["--example", "microgpt", "--against", "ten"], "--against must be a number"),
        (["--example", "microgpt", "--group", "head"], "--group head: microGPT has one rate for all"),
        (["--example", "microgpt", "--low", "10", "--high", "1"], "--low 10 is not below --high 1"),
        (["--example", "microgpt", "--save", str(SCRIPT)], "exists; give another name"),
        (["--example", "microgpt", "--save", "no/such/folder/a.jsonl"], "cannot be written"),
        (["--example", "microgpt", "--sweep-steps", "5"], "--sweep-steps must be at least 10"),
        (["--example", "microgpt", "--seed", "-1"], "--seed must be at least 0"),
        (["--example", "microgpt", "--depth", "4"], "three ways; give one of them"),
    ],
)
def test_a_wrong_question_is_one_line(words: list[str], complaint: str) -> None:
    done = bare(*words)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert complaint in done.stderr
