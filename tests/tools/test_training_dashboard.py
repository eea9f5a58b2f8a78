"""The training dashboard on real runs of all three stages: its figures, its faces, its command line."""

from __future__ import annotations

import csv
import io
import json
import math
import random
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nanochat import cli
from nanochat.home import run_folder
from nanochat.train import run_files
from tests.train.small_run import one_thread, prepare
from tools.core import page
from tools.core.command import main
from tools.core.errors import ToolError, UsageError
from tools.core.json_report import figures, render_json
from tools.core.report import LineChart
from tools.dashboard.follow import Tail
from tools.dashboard.names import HIGHER, LOWER, METRICS
from tools.dashboard.runs import Run
from tools.training_dashboard import TOOL

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "tools" / "training_dashboard.py"
KEPT = ROOT / "site_docs" / "laptop" / "runs"
STAGES = {"base": "speedrun-laptop", "sft": "speedrun-laptop-sft", "rl": "speedrun-laptop-rl"}
SIZE = ["--depth", "1", "--head-dim", "32", "--seq-len", "64", "--batch-size", "8", "--no-compile"]
OFTEN = ["--eval-every", "2", "--sample-every", "0", "--save-every", "2"]


def ask(*words: object, **values: Any) -> dict[str, dict[str, Any]]:
    """The report's figures for runs given by path or name."""
    return figures(TOOL.ask(runs=[str(word) for word in words], **values))  # type: ignore[return-value]


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """What the trainer itself writes: a small run of each stage."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        prepare()
        with one_thread():
            assert cli.main(["train", "base", *SIZE, *OFTEN, "--steps", "6", "--name", "d1"]) == 0
            words = ["--from-run", "d1", "--mixture", "arithmetic", "--no-compile"]
            assert cli.main(["train", "sft", *words, *OFTEN, "--steps", "4", "--name", "d1-sft"]) == 0
            words = ["--from-run", "d1-sft", "--tasks", "arithmetic", "--prompts", "2", "--samples", "2",
                     "--max-tokens", "8", "--eval-examples", "4", "--no-compile"]  # fmt: skip
            assert cli.main(["train", "rl", *words, *OFTEN, "--steps", "2", "--name", "d1-rl"]) == 0
        yield {name: run_folder(name) for name in ("d1", "d1-sft", "d1-rl")}


def test_the_metric_names_are_those_that_real_runs_write(runs: dict[str, Path]) -> None:
    written: set[str] = set()
    for folder in runs.values():
        for record in lines_of(folder / "metrics.jsonl"):
            written |= set(record)
            assert isinstance(record["lr"], dict)
    # Known failure: names that no run writes. Every name we know is written, and every one written is known.
    assert {metric.key for metric in METRICS} == written - {"step", "tokens", "lr"}


def test_runs_are_found_by_name_folder_and_file(runs: dict[str, Path]) -> None:
    by_name = ask("d1", "d1-sft")
    assert [row["run"] for row in by_name["runs"]["runs"]] == ["d1", "d1-sft"]
    assert ask(runs["d1"], runs["d1-sft"]) == by_name
    assert ask(*(folder / "metrics.jsonl" for folder in list(runs.values())[:2])) == by_name


def test_all_stages_are_shown_not_only_one(runs: dict[str, Path]) -> None:
    for found in (ask(*runs), ask(runs["d1"].parent), ask(runs["d1"].parents[1])):
        rows = found["runs"]["runs"]
        assert [row["stage"] for row in rows] == ["base", "sft", "rl"]
        assert [(row["step"], row["steps"]) for row in rows] == [(6, 6), (4, 4), (2, 2)]
        assert {
            "loss",
            "policy_loss",
            "val_bpb",
            "reward",
            "val_accuracy",
            "mixed_groups",
            "reply_tokens",
            "lr",
        } <= (set(found["curves"]))
        assert set(found["curves"]["val_bpb"]) == {"d1", "d1-sft"}
        assert {"run_1", "run_2", "run_3"} <= set(found)


def test_every_group_of_learning_rates_is_drawn(runs: dict[str, Path]) -> None:
    record = lines_of(runs["d1"] / "metrics.jsonl")[0]
    found = ask("d1")
    drawn = {label for key, lines in found["curves"].items() if key.startswith("lr") for label in lines}
    assert drawn == set(record["lr"])
    listed = {row["metric"] for row in found["run_1"]["metrics"]}
    assert {f"lr/{group}" for group in record["lr"]} <= listed


@pytest.mark.parametrize("stage", STAGES)
def test_figures_of_the_kept_run_are_exact(stage: str) -> None:
    records = lines_of(KEPT / STAGES[stage] / "metrics.jsonl")
    found = ask(example=stage)
    rows = {row["metric"]: row for row in found["run_1"]["metrics"]}
    for key in {key for record in records for key in record} - {"step", "tokens", "lr"}:
        values = [(record[key], record["step"]) for record in records if record.get(key) is not None]
        row = rows[key]
        assert (row["lowest"], row["lowest_step"]) == min(values)
        assert row["highest"] == max(values)[0]
        assert row["highest_step"] == min(step for value, step in values if value == row["highest"])
        assert row["last"] == values[-1][0]
        assert row["mean"] == pytest.approx(statistics.fmean(value for value, _ in values))
    assert found["run_1"]["elapsed"] == pytest.approx(sum(record["seconds"] for record in records))
    median = statistics.median(record["seconds"] for record in records[-100:])
    assert found["run_1"]["pace"] == pytest.approx(median)


def test_the_best_step_is_the_lowest_bpb_and_the_highest_accuracy() -> None:
    base, sft, rl = ask(example="all")["runs"]["runs"]
    records = lines_of(KEPT / STAGES["base"] / "metrics.jsonl")
    assert (base["best"], base["best_step"]) == min(
        (r["val_bpb"], r["step"]) for r in records if "val_bpb" in r
    )
    assert (rl["best"], rl["best_step"]) == (0.94, 75)
    assert sft["best"] == 0.5655742791700918
    assert rl["smoothed"] > 0.5  # the reward: the loss of rl means little


def test_arrows_point_toward_the_better(tmp_path: Path) -> None:
    better = {metric.key: metric.better for metric in METRICS if metric.better}
    assert {key for key, side in better.items() if side == LOWER} == {
        "loss", "val_bpb", "seconds", "memory_bytes", "wait_share"
    }  # fmt: skip
    assert {key for key, side in better.items() if side == HIGHER} == {
        "reward", "val_accuracy", "tokens_per_second", "mfu"
    }  # fmt: skip
    for key, good, bad in (("val_bpb", 1.0, 2.0), ("val_accuracy", 0.9, 0.1)):
        paths = [
            write(tmp_path / f"{key}-{name}.jsonl", [{"step": 1, "loss": 1.0, key: value}])
            for name, value in (("first", (good + bad) / 2), ("good", good), ("bad", bad))
        ]
        rows = next(iter(ask(*paths)["side_by_side"].values()))
        said = [row["verdict"] for row in rows]
        assert said == (["", "↓ better", "↑ worse"] if key == "val_bpb" else ["", "↑ better", "↓ worse"])


def test_smoothing_is_corrected_for_its_beginning() -> None:
    losses = [record["loss"] for record in lines_of(KEPT / STAGES["base"] / "metrics.jsonl")]
    lines = ask(example="base", smoothing=0.98)["curves"]["loss"]
    raw, smooth = lines["each step"], lines["smoothed, keeping 0.98"]
    assert [y for _, y in raw] == losses
    weights = [0.98 ** (len(losses) - 1 - at) for at in range(len(losses))]
    by_hand = sum(w * loss for w, loss in zip(weights, losses, strict=True)) / sum(weights)
    assert smooth[0][1] == pytest.approx(losses[0])  # without the correction it would be a fiftieth of it
    assert smooth[-1][1] == pytest.approx(by_hand)
    assert ask(example="base", smoothing=0)["curves"]["loss"]["smoothed, keeping 0"] == raw


def test_time_left_follows_from_the_config(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "half"
    folder.mkdir()
    (folder / "config.json").write_bytes((runs["d1"] / "config.json").read_bytes())
    records = lines_of(runs["d1"] / "metrics.jsonl")[:4]
    write(folder / "metrics.jsonl", records)
    row = ask(folder)["runs"]["runs"][0]
    assert (row["run"], row["step"], row["steps"]) == ("d1", 4, 6)
    pace = statistics.median(record["seconds"] for record in records)
    assert row["seconds_left"] == pytest.approx(2 * pace)
    alone = write(tmp_path / "alone.jsonl", records)
    assert ask(alone)["runs"]["runs"][0]["seconds_left"] is None
    assert ask(alone, steps=10)["runs"]["runs"][0]["seconds_left"] == pytest.approx(6 * pace)


def test_the_horizontal_axis(runs: dict[str, Path]) -> None:
    records = lines_of(runs["d1"] / "metrics.jsonl")
    over = {
        x: [point[0] for point in ask("d1", x=x)["curves"]["loss"]["each step"]]
        for x in ("tokens", "seconds")
    }
    assert over["tokens"] == [record["tokens"] for record in records]
    assert over["seconds"][-1] == pytest.approx(sum(record["seconds"] for record in records))


def test_charts_on_request(tmp_path: Path) -> None:
    records: list[dict[str, Any]] = [
        {"step": step, "loss": 1.0, "queue": {"depth": step}, "heat": 40 + step, "note": "x"}
        for step in (1, 2)
    ]
    path = write(tmp_path / "other.jsonl", records)
    assert "also_heat" not in ask(path)["curves"]
    found = ask(path, also=["heat", "queue/depth"], show=["loss"])["curves"]
    assert set(found) == {"loss", "also_heat", "also_queue_depth"}
    assert found["also_queue_depth"]["other"] == [[1, 1], [2, 2]]
    assert any(
        "heat and queue/depth" in note or "queue/depth and heat" in note
        for note in TOOL.ask(runs=[str(path)]).notes
    )
    with pytest.raises(UsageError, match="--also: no run has 'heet'; did you mean heat"):
        ask(path, also=["heet"])
    with pytest.raises(UsageError, match="--show reward: no run has it; there is loss"):
        ask(path, show=["reward"])
    with pytest.raises(UsageError, match="--lr-group: there is no group 'hed'; did you mean head"):
        ask(example="base", lr_group="hed")
    assert set(ask(example="base", lr_group="head", show=["lr"])["curves"]["lr"]) == {"speedrun-laptop"}


def test_mfu_may_be_null(tmp_path: Path) -> None:
    path = write(
        tmp_path / "m.jsonl", [{"step": 1, "loss": 2.0, "mfu": None}, {"step": 2, "loss": 1.0, "mfu": None}]
    )
    found = ask(path)
    assert "mfu" not in found["curves"]
    assert "events" not in found["trouble"]


def test_many_runs_are_laid_over_each_other(tmp_path: Path) -> None:
    paths = []
    for number in range(8):
        folder = tmp_path / f"group-{number}" / "d4"
        folder.mkdir(parents=True)
        paths.append(write(folder / "metrics.jsonl", [{"step": s, "loss": number + s} for s in (1, 2)]))
    found = ask(*paths)
    names = [row["run"] for row in found["runs"]["runs"]]
    assert names == ["d4", *(f"d4 ({number})" for number in range(2, 9))]
    assert list(found["curves"]["loss"]) == list(found["curves"]["loss_smoothed"]) == names


def test_csv_has_every_run_every_figure_and_a_line_a_step(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "all.csv"
    assert main(TOOL, ["--example", "all", "--csv", str(out)]) == 0
    capsys.readouterr()
    rows = list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8"))))
    expected = [
        (name, record) for name in STAGES.values() for record in lines_of(KEPT / name / "metrics.jsonl")
    ]
    assert len(rows) == len(expected) == 420
    for row, (name, record) in zip(rows, expected, strict=True):
        flat = {key: value for key, value in record.items() if key != "lr"}
        flat |= {f"lr/{group}": value for group, value in record["lr"].items()}
        assert row["run"] == name
        for key, value in flat.items():
            assert float(row[key]) == value
        assert {key for key, word in row.items() if word == ""} == set(row) - set(flat) - {"run"}


def test_every_face_has_the_same_figures(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(TOOL, ["--example", "all", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed == json.loads(render_json(TOOL.ask(example="all")))
    answer = page.answer_for(TOOL, {"example": "all"})
    assert answer["error"] is None
    assert main(TOOL, ["--example", "all"]) == 0
    text = capsys.readouterr().out
    for shown in ("1.6438", "0.5656", "94.0%", "4.1119", "0.8074"):
        assert shown in text
        assert shown in answer["html"]


def test_the_empty_fields_of_a_form_ask_for_nothing() -> None:
    empty = {"runs": [], "steps": "", "lr-group": "", "also": "", "show": [], "example": "base"}
    for also in ("", [""], "\n"):
        assert page.answer_for(TOOL, empty | {"also": also})["error"] is None
    answer = page.answer_for(TOOL, empty | {"also": "tokens\nlr/head"})
    assert answer["error"] is None
    assert "lr/head" in answer["html"]


def test_a_page_reads_dropped_files(tmp_path: Path) -> None:
    from tools.core import given

    for name in ("config.json", "metrics.jsonl"):
        (tmp_path / name).write_bytes((KEPT / STAGES["sft"] / name).read_bytes())
    given.give("runs", str(tmp_path), ["metrics.jsonl", "config.json"])
    try:
        answer = page.answer_for(TOOL, {"runs": ["metrics.jsonl", "config.json"]})
        assert answer["error"] is None
        assert "speedrun-laptop-sft" in answer["html"]
        assert str(tmp_path) not in json.dumps(answer)
        (tmp_path / "config.json").unlink()
        given.give("runs", str(tmp_path), ["metrics.jsonl"])
        answer = page.answer_for(TOOL, {"runs": ["metrics.jsonl"]})
        assert tmp_path.name not in answer["html"]  # a page's folder says nothing about the run
    finally:
        given.take_back("runs")


def test_output_fits_80_columns_and_colours_are_off_in_a_pipe() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(SCRIPT), "--example", "all"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [words for words, _ in TOOL.examples])
def test_every_example_runs(arguments: str, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), *shlex.split(arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr


def test_a_run_that_the_trainer_resumes_is_followed(runs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes((runs["d1"] / "metrics.jsonl").read_bytes())
    records = lines_of(path)
    tail = Tail(Run("d1", path, steps=6))

    def steps() -> list[float]:
        assert tail.look()
        assert tail.history is not None
        return [step for step, _ in tail.history.columns["loss"].curve.points()]

    assert steps() == [1, 2, 3, 4, 5, 6]
    assert tail.done
    run_files.keep_up_to(path, 3)  # what `nanochat train --resume` does first
    assert steps() == [1, 2, 3]
    assert not tail.done
    lines = run_files.Lines(path)
    lines.add(records[3])
    assert steps() == [1, 2, 3, 4]
    lines.add(records[4])
    assert steps() == [1, 2, 3, 4, 5]
    lines.close()


def test_a_long_run_keeps_its_spike_and_its_exact_figures(tmp_path: Path) -> None:
    rng = random.Random(0)
    path = tmp_path / "long.jsonl"
    losses = [3 + rng.gauss(0, 0.02) for _ in range(100_000)]
    losses[77_777] = 9.5
    losses[50_000] = -1.0
    with path.open("w", encoding="utf-8") as file:
        for step, loss in enumerate(losses, 1):
            file.write(f'{{"step": {step}, "loss": {loss!r}, "seconds": 0.5}}\n')
    report = TOOL.ask(runs=[str(path)], show=["loss"])
    chart = next(b for s in report.sections for b in s.blocks if isinstance(b, LineChart))
    for series in chart.series:
        assert len(series.points) <= 402
    assert (77_778, 9.5) in chart.series[0].points
    assert (50_001, -1.0) in chart.series[0].points
    row = figures(report)["run_1"]["metrics"][0]  # type: ignore[index]
    assert (row["lowest"], row["lowest_step"]) == (-1.0, 50_001)
    assert row["mean"] == pytest.approx(math.fsum(losses) / len(losses))
    events = figures(report)["trouble"]["events"]
    assert any(event["step"] == 77_778 and "9.5000" in event["said"] for event in events)  # type: ignore[union-attr]


def test_without_a_run_both_ways_are_named() -> None:
    with pytest.raises(UsageError, match=r"name a run, its folder or its metrics.jsonl.*--example all"):
        ask()


def test_a_name_that_is_no_run(runs: dict[str, Path]) -> None:
    with pytest.raises(
        UsageError, match=r"'d9' is no file, no folder, and no run in .*; there are d1, d1-rl and d1-sft"
    ):
        ask("d9")
    with pytest.raises(UsageError, match="is no file, no folder here"):
        ask("nowhere/metrics.jsonl")


def test_samples_are_no_metrics() -> None:
    with pytest.raises(ToolError, match=r"samples.jsonl: no line has a figure to draw; .* prompt, text"):
        ask(KEPT / STAGES["base"] / "samples.jsonl")
