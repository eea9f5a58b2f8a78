"""Training curve, schedule and depth, scaling law: equal to the run, the plan and the published law."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.counting import count_flops, count_parameters
from nanochat.model.hardware import find_gpu
from nanochat.train.depth_dial import turn_dial
from nanochat.train.schedule import Schedule
from tools.core.errors import UsageError
from tools.core.json_report import figures
from tools.figures import laptop_run, scaling_law, schedule_and_depth, training_curve
from web import browser_python
from web.laptop_run import run_of

STAGES = sorted(laptop_run.STAGES)


@pytest.mark.parametrize("stage", STAGES)
def test_the_curve_is_the_run_that_is_kept(stage):
    lines = (run_of(stage) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    steps = [json.loads(line) for line in lines]
    found = laptop_run.read_run()[stage]
    assert [step for step, _ in found["loss"]] == [one["step"] for one in steps]
    for metric, points in found.items():
        for step, value in points:
            raw = steps[step - 1][metric]
            assert value == pytest.approx(raw["matrices"] if metric == "lr" else raw, rel=1e-4)


def test_a_page_reads_the_same_run_from_its_wheel(tmp_path):
    for name, file in browser_python.shipped_files().items():
        if name.startswith("tools/"):
            place = tmp_path / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(file.read_bytes())
    program = (
        "import json; from tools.figures.laptop_run import RUNS, read_run; "
        "assert not RUNS.exists(); print(json.dumps(read_run()))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == json.loads(json.dumps(laptop_run.read_run()))
    made = browser_python.shipped_files()[browser_python.LAPTOP_RUN]
    assert made.stat().st_size < 40_000


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.floats(0, 0.98))
def test_a_running_average_lies_between_what_it_averages(values, keep):
    points = list(enumerate(values))
    smoothed = [value for _, value in training_curve.smooth(points, keep)]
    assert smoothed[0] == pytest.approx(values[0], abs=1e-9)
    for number, value in enumerate(smoothed, 1):
        assert min(values[:number]) - 1e-6 <= value <= max(values[:number]) + 1e-6
    assert [value for _, value in training_curve.smooth(points, 0)] == values


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("metric", sorted(training_curve.METRICS))
def test_every_stage_shows_its_metrics_and_says_which_it_lacks(stage, metric):
    question = training_curve.Question(stage=stage, metric=metric)
    if metric in laptop_run.read_run()[stage]:
        shown = figures(training_curve.run(question))["curve"]
        assert shown["curve"]["each step"][-1] == [shown["curve"]["each step"][-1][0], shown["last"]]
        assert shown["lowest"] <= shown["average"] <= shown["highest"]
    else:
        with pytest.raises(UsageError, match="wrote down no"):
            training_curve.run(question)


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.floats(1, 40),
    st.none() | st.integers(0, 5),
    st.floats(0, 1),
    st.floats(0, 1),
)
def test_the_schedule_is_the_trainers(depth, ratio, warmup_steps, warmdown_share, final):
    question = schedule_and_depth.Question(depth, ratio, warmup_steps, warmdown_share, final)
    plan = turn_dial(depth, ratio)
    if (warmup_steps or 0) > plan.steps:
        with pytest.raises(UsageError, match="and the run has"):
            schedule_and_depth.run(question)
        return
    schedule = Schedule(plan.steps, plan.weight_decay, warmup_steps, warmdown_share, final)
    shown = figures(schedule_and_depth.run(question))["plan"]
    rates, momenta = shown["course"].values()
    assert rates[0][0] == 0
    assert rates[-1][0] == plan.steps - 1
    for step, rate in rates:
        assert rate == plan.learning_rate_factor * schedule.at(step).learning_rate
    assert momenta == [[step, schedule.at(step).momentum] for step, _ in momenta]
    assert (shown["tokens"], shown["batch"], shown["steps"]) == (plan.tokens, plan.batch_tokens, plan.steps)
    assert (shown["width"], shown["heads"]) == (plan.config.n_embd, plan.config.n_head)
    assert shown["parameters"] == count_parameters(plan.config).total
    assert shown["flops"] == count_flops(plan.config).total * plan.steps * plan.batch_tokens
    assert (shown["warmup"], shown["warmdown"]) == (schedule.warmup, schedule.warmdown)


@given(st.floats(1e12, 1e27))
def test_the_best_size_is_the_lowest_point_of_the_law(budget):
    best = scaling_law.best_size(budget)
    at_best = scaling_law.loss(best, budget / (6 * best))
    for factor in (0.5, 0.9, 1.1, 2):
        assert scaling_law.loss(best * factor, budget / (6 * best * factor)) > at_best


@settings(deadline=None)
@given(st.floats(12, 25))
def test_the_plan_is_the_deepest_that_the_budget_pays_for(exponent):
    budget = 10**exponent
    plan = scaling_law.deepest_plan(budget)
    depth = plan.config.n_layer if plan else 0
    assert plan is None or scaling_law.cost(plan) <= budget
    assert depth == scaling_law.DEEPEST or scaling_law.cost(turn_dial(depth + 1)) > budget


def test_a_deeper_model_always_costs_more():
    costs = [scaling_law.cost(turn_dial(depth)) for depth in range(1, scaling_law.DEEPEST + 1)]
    assert costs == sorted(costs)


def test_a_budget_in_hours_is_the_gpus_arithmetic():
    question = scaling_law.Question(gpu="A100", gpus=2, hours=10, mfu=0.5)
    assert scaling_law.budget_of(question) == pytest.approx(find_gpu("A100").peak_flops * 2 * 0.5 * 36_000)
    assert scaling_law.budget_of(scaling_law.Question(budget="flops", flops=1e20)) == 1e20


def test_the_smallest_budget_is_told_that_it_is_small():
    report = scaling_law.run(scaling_law.Question(budget="flops", flops=1e12))
    assert "less than one layer" in report.says
    assert math.isfinite(figures(report)["budget"]["budget"])
