"""Runs read for a report: the chain of stages, and what is missing, moved, damaged or not what it was."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nanochat.errors import UserError
from nanochat.evaluation.report.lines import read_metrics, read_samples
from nanochat.evaluation.report.reading import read_report
from nanochat.home import base_folder, run_folder
from tests.evaluation.reported_runs import STEPS, put_chain, put_run, put_score

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))
    return tmp_path / "base"


def change_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


# ---- the chain ----


def test_a_run_is_followed_to_its_beginning() -> None:
    report = read_report(put_chain())
    assert [(one.stage, one.name, one.step) for one in report.stages] == [
        ("base", "base", STEPS), ("sft", "sft", STEPS), ("rl", "rl", STEPS)
    ]  # fmt: skip
    assert report.run.name == "rl"
    assert report.notes == []
    assert report.run.tokens == 256 * STEPS
    assert report.run.operations == 256 * STEPS * 700_000
    assert report.seconds == 3 * STEPS * 0.5
    assert report.run.series("val_accuracy") == [(STEPS, 0.75)]
    assert report.stages[0].middle("tokens_per_second") == 512.0


def test_a_base_run_is_a_chain_of_one() -> None:
    put_chain()
    assert [one.name for one in read_report(run_folder("base")).stages] == ["base"]


def test_a_stage_that_began_before_the_last_step_counts_by_that_step() -> None:
    put_chain()
    origin = {"run": "sft", "stage": "sft", "step": 10, "sha256": "pruned"}
    change_config(run_folder("rl"), origin=origin)
    put_score("sft", "spelling", 10, 100, step=10)
    put_score("sft", "spelling", 90, 100, step=20)
    put_score("sft", "arithmetic", 90, 100, step=20)
    sft = read_report(run_folder("rl")).stages[1]
    assert sft.step == 10
    assert {task: one.step for task, one in sft.results.items()} == {"arithmetic": 20, "spelling": 10}


def test_runs_that_have_moved_together_are_found(tmp_path: Path) -> None:
    put_chain()
    shutil.move(base_folder() / "runs", tmp_path / "kept")
    assert [one.gone for one in read_report(tmp_path / "kept" / "rl").stages] == ["", "", ""]


def test_the_folder_that_was_written_down_is_looked_into(tmp_path: Path) -> None:
    put_run("base", folder=tmp_path / "elsewhere" / "base")
    origin = {"run": "base", "stage": "base", "step": STEPS, "folder": str(tmp_path / "elsewhere" / "base")}
    put_run("sft", origin=origin)
    assert read_report(run_folder("sft")).stages[0].folder == tmp_path / "elsewhere" / "base"


def test_a_run_elsewhere_began_from_one_of_this_machine(tmp_path: Path) -> None:
    put_run("base")
    put_run("sft", folder=tmp_path / "elsewhere" / "sft")
    assert read_report(tmp_path / "elsewhere" / "sft").stages[0].folder == run_folder("base")


def test_a_run_that_is_gone_is_said_to_be_gone() -> None:
    put_chain()
    shutil.rmtree(run_folder("sft"))
    report = read_report(run_folder("rl"))
    assert [(one.stage, bool(one.gone)) for one in report.stages] == [("sft", True), ("rl", False)]
    assert report.notes == ["the sft run sft is gone: its folder is not to be found"]


@pytest.mark.parametrize("change", ["weights", "stage", "config"])
def test_another_run_of_the_same_name_is_not_taken_for_it(change: str) -> None:
    put_chain()
    sft = run_folder("sft")
    if change == "weights":
        meta = sft / "checkpoints" / f"step_{STEPS:06d}" / "meta.json"
        meta.write_text(json.dumps({"files": {"model.safetensors": "others"}}))
    elif change == "stage":
        change_config(sft, stage="rl")
    else:
        (sft / "config.json").write_text("{")
    report = read_report(run_folder("rl"))
    assert report.notes == ["the sft run sft is gone: another run is called so now"]


def test_a_checkpoint_that_is_no_longer_kept_does_not_make_a_run_another() -> None:
    put_chain()
    shutil.rmtree(run_folder("sft") / "checkpoints")
    assert read_report(run_folder("rl")).notes == []


def test_a_circle_of_runs_ends() -> None:
    put_run("sft", "one", origin={"run": "two", "stage": "sft"})
    put_run("sft", "two", origin={"run": "one", "stage": "sft"})
    report = read_report(run_folder("one"))
    assert [one.name for one in report.stages] == ["one", "two", "one"]
    assert report.stages[0].gone


def test_a_name_that_leads_out_of_the_runs_stays_in_them(tmp_path: Path) -> None:
    put_run("base", folder=base_folder() / "secret")
    put_run("sft", origin={"run": "../secret", "stage": "base"})
    assert read_report(run_folder("sft")).stages[0].gone


def test_a_run_that_does_not_say_where_it_began() -> None:
    put_run("sft", origin={})
    assert read_report(run_folder("sft")).notes == ["sft does not say which run it began from"]


# ---- what cannot be read ----


def test_broken_lines_are_left_out_and_counted() -> None:
    folder = put_run("base")
    metrics = folder / "metrics.jsonl"
    broken = [
        '{"step": 21, "loss"',
        "[1]",
        "null",
        '{"loss": 1.0}',
        '{"step": "x"}',
        '{"step": 0}',
        "[" * 9_000,
    ]
    metrics.write_text(metrics.read_text() + "\n\n" + "\n".join(broken) + "\n")
    with (folder / "samples.jsonl").open("a") as file:
        file.write('{"step": 20, "prompt": 3, "text": ""}\n')
    report = read_report(folder)
    assert report.run.steps == STEPS
    assert report.notes == [
        "7 lines of metrics.jsonl of base could not be read and are left out",
        "a line of samples.jsonl of base could not be read and is left out",
    ]


def test_figures_that_are_no_numbers_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "loss": NaN, "seconds": "1", "mfu": null, "tokens": true, "reward": Infinity, "lr": []}'
        "\n"
        f'{{"step": 2, "loss": 1{"0" * 400}, "lr": {{"head": -1e999, "matrices": 0.5}}}}\n'
    )
    (first, second), broken = read_metrics(path)
    assert (dict(first.figures), dict(first.rates), broken) == ({"step": 1}, {}, 0)
    assert (dict(second.figures), dict(second.rates)) == ({"step": 2}, {"matrices": 0.5})


def test_lines_come_in_order_and_the_later_of_two_counts(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2, "loss": 9}\n{"step": 1, "loss": 8}\n{"step": 2, "loss": 7}\n')
    lines, _ = read_metrics(path)
    assert [(one.step, one["loss"]) for one in lines] == [(1, 8), (2, 7)]
    assert read_samples(tmp_path / "nothing") == ((), 0)


def test_letters_that_split_lines_elsewhere_split_none(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text(
        json.dumps({"step": 1, "prompt": "a", "text": "b\u2028c\x85d"}, ensure_ascii=False) + "\n"
    )
    (sample,), broken = read_samples(path)
    assert (sample.text, broken) == ("b\u2028c\x85d", 0)


def test_bytes_that_are_no_text_do_not_stop_it() -> None:
    folder = put_run("base")
    with (folder / "metrics.jsonl").open("ab") as file:
        file.write(b"\xff\xfe{}\n")
    assert read_report(folder).run.steps == STEPS


@pytest.mark.parametrize(
    "damage",
    [
        {"n": "many"}, {"value": None}, {"value": float("nan")}, {"step": 0}, {"command": 3}, {"format": 99},
        {"accuracy": 0.5, "error": None}, {"interval": ["a", "b"]}, {"parts": [{"task": "x"}]},
        {"parts": [3]}, {"stage": None},
    ],
)  # fmt: skip
def test_a_damaged_evaluation_is_left_out(damage: dict[str, Any]) -> None:
    folder = put_run("base")
    put_score("base", "spelling", 50, 100)
    put_score("base", "arithmetic", 50, 100)
    path = folder / "evaluations" / "000020-spelling.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **damage}))
    report = read_report(folder)
    assert list(report.run.results) == ["arithmetic"]
    assert report.notes == ["evaluations/000020-spelling.json of base could not be read and is left out"]


def test_an_earlier_stage_without_metrics_has_its_scores_all_the_same() -> None:
    put_chain()
    put_score("base", "spelling", 50, 100)
    (run_folder("base") / "metrics.jsonl").unlink()
    report = read_report(run_folder("rl"))
    assert report.stages[0].results.keys() == {"spelling"}
    assert report.notes == [
        "metrics.jsonl of base is missing, and with it the curves, the time and the tokens"
    ]


@pytest.mark.parametrize("content", [None, "", "{}\n", "not json\n"])
def test_a_run_without_a_step_is_refused(content: str | None) -> None:
    folder = put_run("base")
    metrics = folder / "metrics.jsonl"
    if content is None:
        metrics.unlink()
    else:
        metrics.write_text(content)
    with pytest.raises(UserError, match=r"metrics\.jsonl has no step that can be read, so there is nothing"):
        read_report(folder)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {}}, {"settings": {}}, {"settings": {"steps": "x"}}, {"parameters": "many"},
        {"machine": {}}, {"machine": {"device": 3}}, {"machine": {"device": "CPU", "processes": 0}},
        {"asked": []}, {"corpus": "whales"}, {"text": {"mixture": ["a"]}}, {"text": {"mixture": {"a": "b"}}},
        {"origin": "x"}, {"tokenizer": None}, {"made_with": "hand"}, {"flops_per_token": None},
    ],
)  # fmt: skip
def test_a_damaged_record_is_refused_by_name(changes: dict[str, Any]) -> None:
    folder = put_run("base", **changes)
    with pytest.raises(UserError, match=r"config\.json is not the record of a run; put it back as it was"):
        read_report(folder)


# ---- clock and cost ----


def test_the_clock_of_the_speedrun_is_read() -> None:
    put_chain()
    clock = base_folder() / "speedrun" / "base.json"
    clock.parent.mkdir()
    clock.write_text('{"text": 10.5, "pretraining": 100}')
    report = read_report(run_folder("rl"))
    assert report.clock == {"text": 10.5, "pretraining": 100}
    assert report.seconds == 110.5
    for damaged in ("{", "[1]", '{"text": "long"}'):
        clock.write_text(damaged)
        assert read_report(run_folder("rl")).clock == {}


def test_a_price_needs_one_machine_that_is_known() -> None:
    gpu = {"device": "8 × NVIDIA H100 80GB HBM3", "processes": 8}
    put_run("base", machine=gpu)
    put_run("sft", machine=gpu)
    price = read_report(run_folder("sft")).price
    assert price is not None
    assert price.an_hour == 24.0
    assert "8 × NVIDIA H100 SXM at 3.00 dollars each" in price.source
    assert "RunPod" in price.source
    put_run("rl")  # on a CPU
    assert read_report(run_folder("rl")).price is None
    given = read_report(run_folder("rl"), cost_per_hour=0.0).price
    assert given is not None
    assert given.an_hour == 0.0


def test_gpus_are_known_by_the_names_that_the_trainer_knows() -> None:
    from nanochat.evaluation.report.price import gpus_in
    from nanochat.train.metrics import listed_peak

    names = [
        "NVIDIA H100 80GB HBM3", "NVIDIA H100 PCIe", "NVIDIA H200", "NVIDIA A100-SXM4-40GB", "NVIDIA L4",
        "NVIDIA A100-SXM4-80GB", "NVIDIA GeForce RTX 4090", "NVIDIA L40S", "NVIDIA B200", "Z80",
    ]  # fmt: skip
    for name in names:
        count, gpu = gpus_in(f"4 × {name}")
        assert count == 4
        assert (gpu and gpu.peak_flops) == listed_peak(name), name


# ---- the standard library alone ----


def test_reports_need_the_standard_library_alone() -> None:
    program = (
        "import sys, pathlib, importlib\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        f"for path in pathlib.Path({str(ROOT)!r}, 'nanochat/evaluation/report').glob('*.py'):\n"
        "    importlib.import_module(f'nanochat.evaluation.report.{path.stem}')\n"
        "assert 'nanochat.evaluation.report.html' in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
