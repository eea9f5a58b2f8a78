"""The learning-rate finder on saved sweeps: what it reads, what it suggests, what it never suggests."""

from __future__ import annotations

import json
import math
import random
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nanochat.commands import train_base
from nanochat.commands.flag_parser import given_settings
from nanochat.train.settings import Settings
from tools.core import page
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.json_report import figures
from tools.core.terminal import render_terminal
from tools.lr_finder import TOOL
from tools.rates import sweep
from tools.rates.analysis import analyse, descent, smooth
from tools.rates.flags import train_command
from tools.rates.sweep import RangeTest, csv_lines, header_of, line_of, read

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "lr_finder.py"
FACTORS = [0.01 * 10 ** (step / 20) for step in range(81)]
RATES = {"embedding": 0.2, "matrices": 0.02}


def ask(**values) -> dict[str, dict]:
    return figures(TOOL.ask(**values))


def command(*arguments: str, text: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([sys.executable, "-I", str(SCRIPT), *arguments], input=text, capture_output=True)


def curve(fastest: float = 0.1, edge: float = 1.5, fall: float = 3.0, width: float = 0.4) -> list[float]:
    """Losses that fall most steeply at `fastest` and rise beyond `edge`."""
    return [
        8.0
        - fall / (1 + math.exp(-(math.log10(factor / fastest)) / width * 4))
        + 4 * max(0.0, math.log10(factor / edge)) ** 2
        for factor in FACTORS
    ]


def write(path: Path, sweeps: dict[str, list[float]], **facts) -> Path:
    header = header_of({"rates": RATES, "asked": {"depth": 4, "steps": 80}, **facts}, 0.01, 100.0, 81)
    lines = [header]
    for group, losses in sweeps.items():
        lines += [
            line_of(group, step + 1, 1.0 if group == "control" else FACTORS[step], loss, 0.1)
            for step, loss in enumerate(losses)
        ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


# ---- smoothing ----


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 0.99))
def test_an_average_lies_among_its_values(values, beta):
    found = smooth(values, beta)
    for index, one in enumerate(found):
        seen = values[: index + 1]
        room = 1e-6 * (1 + max(map(abs, seen)))
        assert min(seen) - room <= one <= max(seen) + room


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=40), st.floats(0, 0.99))
def test_the_average_is_the_weighted_mean_of_all_before(values, beta):
    """So the first ones are not pulled to zero: the bias is corrected."""
    found = smooth(values, beta)
    n = len(values)
    weights = [beta ** (n - 1 - index) for index in range(n)]
    mean = sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(weights)
    assert found[-1] == pytest.approx(mean, abs=1e-6)


@given(st.floats(0, 0.97), st.floats(-3, 3), st.floats(-5, 5))
def test_smoothing_does_not_shift_the_curve(beta, slope, start):
    """The rates are averaged as the losses are: a line over the logarithm of the rate stays that line."""
    losses = [start + slope * math.log10(factor) for factor in FACTORS]
    for factor, value in analyse(FACTORS, losses, beta=beta).curve:
        assert value == pytest.approx(start + slope * math.log10(factor), abs=1e-6)


# ---- what a sweep says ----


def test_the_marks_of_a_known_curve():
    found = analyse(FACTORS, curve(fastest=0.1, edge=3.0), beta=0.0)
    assert found.steepest.factor == pytest.approx(0.1, rel=0.2)
    assert 1.0 < found.lowest.factor < 4.0
    losses = curve(fastest=0.1, edge=3.0)
    half = min(losses) + 0.5 * (losses[0] - min(losses))
    after = next(
        f for f, loss in zip(FACTORS, losses, strict=True) if f > found.lowest.factor and loss > half
    )
    assert found.diverged.factor == pytest.approx(after)
    assert found.suggestion == pytest.approx(math.sqrt(found.steepest.factor * found.lowest.factor), rel=0.05)


@given(
    st.floats(0.03, 3), st.floats(1.5, 20), st.floats(0.5, 5), st.floats(0.1, 1), st.floats(0, 0.9),
    st.lists(st.floats(-0.02, 0.02), min_size=81, max_size=81),
)  # fmt: skip
def test_it_never_reads_off_the_lowest_loss(fastest, room, fall, width, beta, noise):
    """The known failure of such tools. The suggestion lies between the steepest point and the lowest one."""
    losses = [
        loss + extra for loss, extra in zip(curve(fastest, fastest * room, fall, width), noise, strict=True)
    ]
    found = analyse(FACTORS, losses, beta=beta)
    assume(found.suggestion is not None)
    assert found.steepest.factor * 0.94 <= found.suggestion <= found.lowest.factor * 1.06
    if found.lowest.factor > 1.5 * found.steepest.factor:
        assert found.suggestion < found.lowest.factor


def test_the_example_is_not_read_off_the_lowest_loss():
    report = ask(example="laptop")
    for row in report["suggestions"]["groups"]:
        if row["suggestion"] is not None:
            assert row["steepest"] < row["suggestion"] < row["lowest"]
    raw = read(example_file("lr-sweep-laptop.jsonl")).sweeps["all"]
    lowest = raw.factors[raw.losses.index(min(raw.losses))]
    assert report["all"]["suggestion"] < lowest / 1.5


@pytest.mark.parametrize("seed", range(50))
def test_noise_alone_suggests_nothing(seed):
    chance = random.Random(seed)
    losses = [5.0 + chance.gauss(0, 0.1) for _ in FACTORS]
    found = analyse(FACTORS, losses, beta=0.7)
    assert found.suggestion is None
    assert "by more than chance does" in found.reason


def test_a_loss_that_still_falls_asks_for_larger_rates():
    losses = [8.0 - step / 40 for step in range(81)]
    found = analyse(FACTORS, losses)
    assert (found.suggestion, found.diverged) == (None, None)
    assert "raise --high" in found.reason
    stopped = analyse(FACTORS[:40], losses[:40], whole=False)
    assert "let it go on to its end" in stopped.reason


def test_a_loss_that_is_no_number_has_diverged():
    losses = [*curve(fastest=0.1, edge=50.0)[:60], math.nan]
    found = analyse(FACTORS[:61], losses)
    assert found.diverged.factor == FACTORS[60]
    assert found.suggestion is not None


def test_what_comes_after_divergence_is_not_looked_at():
    losses = [*curve()[:70], *[0.5] * 11]
    assert analyse(FACTORS, losses, beta=0.0).lowest.factor < 4


def test_a_group_is_read_against_the_control():
    """The others learn too: without the control the steepest point would be that of their learning."""
    others = [8.0 - 3.0 * (1 - math.exp(-step / 4)) for step in range(81)]
    control = others
    losses = [
        other + max(0.0, 0.4 * math.sin(math.pi * min(step, 50) / 50)) + 3 * max(0.0, step - 65) / 15
        for step, other in enumerate(others)
    ]
    alone = analyse(FACTORS, losses, beta=0.5)
    compared = analyse(FACTORS, losses, control, beta=0.5)
    assert alone.steepest.factor < 0.03
    assert compared.steepest.factor == pytest.approx(FACTORS[49], rel=0.6)


def test_the_report_reads_a_group_against_the_control(tmp_path):
    others = [8.0 - 3.0 * (1 - math.exp(-step / 4)) for step in range(81)]
    losses = [
        other + max(0.0, 0.4 * math.sin(math.pi * min(step, 50) / 50)) + 3 * max(0.0, step - 65) / 15
        for step, other in enumerate(others)
    ]
    alone = ask(sweep=str(write(tmp_path / "a.jsonl", {"matrices": losses})))
    compared = ask(sweep=str(write(tmp_path / "b.jsonl", {"control": others, "matrices": losses})))
    assert alone["matrices"]["steepest"] < 0.03 < 1 < compared["matrices"]["steepest"]


def test_descent_waits_for_a_fall_that_is_one():
    assert descent([1.0, 0.9, 1.1, 3.0, 1.0, 0.5, 2.0], [0.1] * 7, share=0.5) == (3, 5, 6)
    assert descent([1.0, 1.0], [0.1] * 2, share=0.5) == (0, 0, None)


@pytest.mark.parametrize("n", [0, 1, 7])
def test_few_steps_say_nothing(n):
    found = analyse(FACTORS[:n], curve()[:n])
    assert found.suggestion is None
    assert "too few" in found.reason


# ---- the controls ----


def test_every_control_changes_the_answer(tmp_path):
    file = write(tmp_path / "a.jsonl", {"all": [loss + 0.1 * (-1) ** i for i, loss in enumerate(curve())]})
    plain = ask(sweep=str(file))["all"]
    assert ask(sweep=str(file), smoothing=0.9)["all"]["chart"] != plain["chart"]
    assert ask(sweep=str(file), divergence=0.1)["all"]["diverged"] < plain["diverged"]
    skipped = ask(sweep=str(file), skip_first=20)["all"]
    assert skipped["start"] < plain["start"]
    assert ask(sweep=str(file), skip_first=90)["all"].get("suggestion") is None


def test_a_group_can_be_chosen():
    assert list(ask(example="laptop", group=["matrices"])) == [
        "suggestions", "matrices", "tested", "notes", "command",
    ]  # fmt: skip


def test_a_group_that_was_not_swept_is_refused(tmp_path):
    file = write(tmp_path / "a.jsonl", {"all": curve()})
    with pytest.raises(UsageError, match="--group head: the sweep has no such group; it has all"):
        TOOL.ask(sweep=str(file), group=["head"])


def test_what_to_read_must_be_said():
    with pytest.raises(UsageError, match="--sweep FILE or --example laptop, or which model"):
        TOOL.ask()
    with pytest.raises(UsageError, match="three ways"):
        TOOL.ask(example="laptop", preset="laptop")


# ---- the command ----


def settings_of(line: str) -> dict:
    words = shlex.split(line)
    assert words[:3] == ["nanochat", "train", "base"]
    options = train_base.make_parser().parse_args(words[3:])
    train_base.check(options)
    return given_settings(options, Settings)


def test_the_last_thing_said_are_flags_that_parse():
    report = TOOL.ask(example="laptop")
    assert report.sections[-1].key == "command"
    assert not report.notes
    found = figures(report)
    suggestions = {row["group"]: row["suggestion"] for row in found["suggestions"]["groups"]}
    printed = render_terminal(report, 80, False, False, "utf-8").rstrip("=\n ").splitlines()
    assert printed[-1].strip().startswith("nanochat train base --depth 4")
    assert settings_of(found["command"]["train_all"])["lr_scale"] == suggestions["all"]
    matrices = settings_of(found["command"]["train_matrices"])
    assert matrices["group_lr_scale"] == f"matrices={suggestions['matrices']:g}"
    assert matrices["depth"], matrices["seq_len"] == (4, 512)


def test_factors_multiply_those_of_the_test():
    facts = {
        "rates": {}, "asked": {"depth": 2, "compile": False, "corpus": "my text", "seed": 3},
        "settings": {"lr_scale": 0.5, "group_lr_scale": "head=2,matrices=0.1"},
    }  # fmt: skip
    line = train_command(RangeTest(header_of(facts, 0.1, 10, 9)), {"matrices": 3.0})
    assert settings_of(line) == {
        "depth": 2, "compile": False, "corpus": "my text", "seed": 3, "lr_scale": 0.5,
        "group_lr_scale": "head=2,matrices=0.3",
    }  # fmt: skip


def test_a_test_that_began_at_a_checkpoint_resumes_its_run():
    facts = {"rates": {}, "asked": {"depth": 2}, "from_run": "d2"}
    line = train_command(RangeTest(header_of(facts, 0.1, 10, 9)), {"all": 0.3})
    assert line == "nanochat train base --resume --name d2 --lr-scale 0.3"


@given(st.floats(1e-12, 1e12), st.sampled_from(["all", "matrices", "x0_scalars"]))
def test_every_command_parses(factor, group):
    test = RangeTest(header_of({"rates": {}, "asked": {"depth": 4}}, 0.1, 10, 9))
    settings_of(train_command(test, {group: factor}))


# ---- files ----


def test_what_is_written_is_read_again(tmp_path):
    losses = curve()
    test = read(
        write(tmp_path / "a.jsonl", {"control": losses, "all": losses, "matrices": [*losses[:9], math.nan]})
    )
    assert test.sweeps["all"].losses == pytest.approx(losses, abs=1e-5)
    assert test.control.factors == [1.0] * 81
    assert math.isnan(test.sweeps["matrices"].losses[-1])
    assert test.is_whole(test.sweeps["all"])
    assert test.is_whole(test.sweeps["matrices"])
    assert len(list(csv_lines(test))) == 1 + 81 + 10


def test_a_sweep_that_was_stopped_can_be_read(tmp_path):
    file = write(tmp_path / "a.jsonl", {"all": curve()})
    data = file.read_bytes()
    end = data.index(b'"step": 50,')
    file.write_bytes(data[: end + 20])
    report = TOOL.ask(sweep=str(file))
    assert list(report.notes) == [
        "The sweep of all was stopped after 49 of 81 steps.",
        "The last line of the file is cut off in its middle, and is left out.",
    ]
    assert figures(report)["all"]["suggestion"] is not None


def test_csv(tmp_path):
    out = tmp_path / "sweep.csv"
    done = command("--example", "laptop", "--csv", str(out))
    assert done.returncode == 0, done.stderr
    lines = out.read_text().splitlines()
    test = read(example_file("lr-sweep-laptop.jsonl"))
    assert lines[0] == "group,step,factor,rate,loss,control_loss"
    assert len(lines) == 1 + sum(len(sweep.losses) for sweep in test.sweeps.values())


# ---- the three faces ----


def test_command_line_json_and_page_say_the_same():
    words = ["--example", "laptop", "--smoothing", "0.6", "--skip-first", "2"]
    done = command(*words, "--json")
    assert done.returncode == 0, done.stderr
    sections = json.loads(done.stdout)["sections"]
    assert sections == json.loads(json.dumps(ask(example="laptop", smoothing=0.6, skip_first=2)))
    answer = page.answer_for(TOOL, {"example": "laptop", "smoothing": "0.6", "skip-first": "2"})
    assert answer["error"] is None
    for row in sections["suggestions"]["groups"]:
        if row["suggestion"] is not None:
            assert f"{row['suggestion']:.3g}×" in answer["html"]


def test_the_page_has_no_field_that_only_the_terminal_has():
    fields = [field["key"] for group in page.form_schema(TOOL)["groups"] for field in group["fields"]]
    assert fields == [
        "sweep", "example", "group", "sweep-steps", "seed", "against", "smoothing", "skip-first",
        "divergence",
    ]  # fmt: skip


def test_it_fits_eighty_columns():
    printed = command("--example", "laptop").stdout.decode()
    assert all(len(line) <= 80 for line in printed.splitlines() if "nanochat train base" not in line)


def test_a_saved_sweep_needs_the_standard_library_alone():
    program = f"import sys; sys.path.insert(0, {str(SCRIPT.parents[1])!r}); from tools.lr_finder import TOOL; TOOL.ask(example='laptop'); print('torch' in sys.modules)"  # noqa: E501
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr


@pytest.mark.parametrize("words", [words for words, _ in TOOL.examples if "--example laptop" in words])
def test_every_example_runs(words):
    done = command(*shlex.split(words))
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_that_goes_on_for_ever_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(sweep, "MOST_STEPS", 81)
    file = write(tmp_path / "a.jsonl", {"all": curve(), "matrices": curve()})
    with pytest.raises(ToolError, match=r"a.jsonl:83: more than 81 steps; no range test has as many"):
        read(file)
