"""The optimizer of a whole model, alone and shared out among processes."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.train.depth_dial import plan_for, turn_dial
from nanochat.train.optimizer import RULES, adamw_rate, make_optimizer
from nanochat.train.schedule import Schedule, SchedulePoint, short_run_boost
from nanochat.train.sharding import Team
from tests.train import sharded_steps

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def alone() -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Weights and state after all steps of one process."""
    model, optimizer = sharded_steps.make(None)
    sharded_steps.take_steps(model, optimizer, 0, sharded_steps.STEPS)
    return model.weights(), optimizer.state_slices()


def run_team(folder: Path, size: int, first: int, last: int, before: Path | None = None) -> None:
    folder.mkdir()
    script = ROOT / "tests" / "train" / "sharded_steps.py"
    steps = [str(first), str(last), *([str(before)] if before else [])]
    processes = [
        subprocess.Popen(
            [sys.executable, str(script), str(folder), str(rank), str(size), *steps],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(size)
    ]
    outputs = [process.communicate(timeout=180)[0] for process in processes]
    assert all(process.returncode == 0 for process in processes), "\n".join(outputs)


def test_two_processes_then_four_equal_one(
    tmp_path: Path, alone: tuple[dict[str, Tensor], dict[str, Tensor]]
) -> None:
    two, four = tmp_path / "two", tmp_path / "four"
    run_team(two, 2, 0, 2)
    run_team(four, 4, 2, sharded_steps.STEPS, before=two)
    weights, state = alone
    for rank in range(4):
        theirs = load_file(four / f"weights-{rank}.safetensors")
        for name, weight in weights.items():
            assert torch.allclose(theirs[name], weight, atol=1e-5), (rank, name)
    assert_same_state(four, 4, state)


def assert_same_state(folder: Path, size: int, state: dict[str, Tensor]) -> None:
    """All processes' slices together are one process's state: every row, and none twice."""
    slices: dict[str, Tensor] = {}
    for rank in range(size):
        more = load_file(folder / f"state-{rank}.safetensors")
        assert not set(more) & set(slices)
        slices |= more
    assert sum(tensor.numel() for tensor in slices.values()) == sum(t.numel() for t in state.values())
    for key, tensor in state.items():
        name, _, limits = key.rpartition("@")
        first, last = map(int, limits.split(":"))
        rows = sharded_steps.read_from(slices, name, first, last)
        assert torch.allclose(rows, tensor, atol=1e-5), key


def test_state_read_back_continues_the_same(alone: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    first_model, first = sharded_steps.make(None)
    sharded_steps.take_steps(first_model, first, 0, 3)
    saved = {name: tensor.clone() for name, tensor in first.state_slices().items()}
    model, optimizer = sharded_steps.make(None)
    for name, weight in model.weights().items():
        weight.copy_(first_model.weights()[name])
    optimizer.load_state(lambda name, start, stop: saved[f"{name}@{start}:{stop}"])
    sharded_steps.take_steps(model, optimizer, 3, sharded_steps.STEPS)
    for name, weight in model.weights().items():
        assert weight.equal(alone[0][name]), name


def test_names_of_the_state(alone: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    state = alone[1]
    assert state["momentum/up@0:40"].shape == (40, 24)
    assert state["variance/up@0:40"].shape == (40, 1)
    assert state["variance/down@0:1"].shape == (1, 40)
    assert state["mean/embedding@0:515"].shape == state["square/embedding@0:515"].shape == (515, 130)
    assert state["steps/embedding@0:1"].tolist() == [sharded_steps.STEPS]


def test_learning_rates_follow_plan_and_schedule() -> None:
    model, optimizer = sharded_steps.make(None)
    assert set(optimizer.learning_rates().values()) == {0.0}
    sharded_steps.take_steps(model, optimizer, 0, 1)
    rates = optimizer.learning_rates()
    assert list(rates) == list(model.groups)
    point = Schedule(sharded_steps.STEPS, weight_decay=0.2, warmup_steps=1).at(0)
    assert rates["head"] / rates["embedding"] == pytest.approx(0.004 / 0.2)
    assert all(rate > 0 for rate in rates.values())
    assert point.learning_rate == 1.0


def test_a_short_run_is_boosted_but_not_its_scalars() -> None:
    plan = replace(turn_dial(12), batch_tokens=2**13, tokens=200 * 2**13, learning_rate_factor=0.125)
    model = sharded_steps.SmallModel()
    optimizer = make_optimizer(model, plan)
    for named in model.groups.values():
        for weight in named.values():
            weight.grad = torch.ones_like(weight)
    optimizer.step(SchedulePoint(1.0, 0.9, 0.1))
    rates, boost = optimizer.learning_rates(), short_run_boost(2**13, 200)
    assert boost > 10
    assert rates["matrices"] == pytest.approx(0.02 * 0.125 * boost)
    assert rates["embedding"] == pytest.approx(0.2 * 0.125 * boost)
    assert rates["x0_scalars"] == pytest.approx(0.5 * 0.125)


def test_the_reference_plan_has_the_reference_rates() -> None:
    plan = turn_dial(12)
    assert {group: adamw_rate(group, plan) for group in RULES} == {
        "embedding": 0.2,
        "value_embeddings": 0.1,
        "head": 0.004,
        "residual_scalars": 0.005,
        "x0_scalars": 0.5,
        "scalars": 0.2,
    }


def test_only_rates_of_tables_and_head_follow_the_width() -> None:
    plan = turn_dial(24)  # twice as wide, a batch twice as large: 2^-0.5 and 2^0.5
    assert adamw_rate("embedding", plan) == pytest.approx(0.2)
    assert adamw_rate("x0_scalars", plan) == pytest.approx(0.5 * 2**0.5)


def test_the_gradient_norm_is_that_of_all_together() -> None:
    model, optimizer = sharded_steps.make(None)
    total = 0.0
    for named in model.groups.values():
        for weight in named.values():
            weight.grad = torch.randn_like(weight)
            total += weight.grad.double().square().sum().item()
    assert optimizer.gradient_norm() == pytest.approx(total**0.5, rel=1e-5)
    optimizer.scale_gradients(0.5)
    assert optimizer.gradient_norm() == pytest.approx(0.5 * total**0.5, rel=1e-5)
    model.groups["x0_scalars"]["x0"].grad = torch.tensor([0.0, torch.nan, 0.0])
    assert optimizer.gradient_norm() != optimizer.gradient_norm()  # nan shows


def test_zero_grad_forgets() -> None:
    model, optimizer = sharded_steps.make(None)
    sharded_steps.take_steps(model, optimizer, 0, 1)
    optimizer.zero_grad()
    assert all(weight.grad is None for named in model.groups.values() for weight in named.values())
    with pytest.raises(RuntimeError, match="square0 has no gradient: call backward"):
        optimizer.step(SchedulePoint(1.0, 0.9, 0.1))


class Odd(nn.Module):
    """A model whose group nobody has a rule for."""

    def parameter_groups(self) -> dict[str, dict[str, Tensor]]:
        return {"biases": {"bias": nn.Parameter(torch.zeros(2))}}


def test_a_group_without_a_rule_is_named() -> None:
    with pytest.raises(ValueError, match="no rule for the parameter group 'biases'"):
        make_optimizer(Odd(), turn_dial(4))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 16])
@pytest.mark.parametrize("total", [0, 1, 5, 8, 64])
def test_shares_cover_everything_once(size: int, total: int) -> None:
    shares = [Team(rank, size).share(total) for rank in range(size)]
    assert [index for share in shares for index in share] == list(range(total))
    assert max(map(len, shares)) == -(-total // size)


def test_the_real_model_learns_a_sentence_by_heart() -> None:
    config = GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=1, vocab_size=64, sequence_len=32)
    model = GPT(config).initialize(0)
    steps = 60
    plan = replace(
        plan_for(config), batch_tokens=32, tokens=32 * steps, learning_rate_factor=(32 / 2**19) ** 0.5
    )
    optimizer = make_optimizer(model, plan)
    assert {id(p) for p in optimizer.named.values()} == {id(p) for p in model.parameters()}
    schedule = Schedule(steps, plan.weight_decay)
    generator = torch.Generator().manual_seed(0)
    ids_BT = torch.randint(64, (1, 33), generator=generator)
    losses = []
    for step in range(steps):
        optimizer.zero_grad()
        loss = model(ids_BT[:, :-1], ids_BT[:, 1:]) / 32
        loss.backward()
        optimizer.step(schedule.at(step))
        losses.append(loss.item())
    assert losses[0] == pytest.approx(4.16, abs=0.1)  # ln 64
    assert losses[-1] < 0.5 * losses[0]
