"""A range test on a real small model: every sweep begins at the same place, and only the rates differ."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest

from nanochat import cli
from nanochat.errors import UserError
from nanochat.train.range_test import RangeTest, open_range_test
from nanochat.train.rate_groups import HOPELESS, factor_at
from nanochat.train.start import BASE, begin
from tests.train.small_run import QUIET, SIZE, everything, losses, one_thread, prepare

GIVEN = {"depth": 1, "head_dim": 32, "seq_len": 32, "batch_size": 8, "compile": False}


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        with one_thread():
            yield


@pytest.fixture(scope="module")
def bench(base: None) -> Iterator[RangeTest]:
    with open_range_test(begin(BASE, {**GIVEN, "steps": 60})) as found:
        yield found


def test_every_sweep_begins_anew_on_the_same_batches(bench: RangeTest) -> None:
    first = [one.loss for one in bench.sweep("all", 0.01, 10.0, 6)]
    again = [one.loss for one in bench.sweep("all", 0.01, 10.0, 6)]
    other = [one.loss for one in bench.sweep("matrices", 0.01, 10.0, 6)]
    assert first == again
    assert other[0] == first[0]
    assert other != first


def test_the_control_is_a_sweep_at_the_configured_rates(bench: RangeTest) -> None:
    control = [one.loss for one in bench.control(5)]
    assert control == [one.loss for one in bench.sweep("all", 1.0, 1.0 + 1e-15, 5)]
    assert control == [one.loss for one in bench.sweep("matrices", 1.0, 1.0 + 1e-15, 5)]


def test_the_first_loss_is_that_of_a_run(bench: RangeTest) -> None:
    words = ["--steps", "60", "--name", "run", "--warmup-steps", "0"]
    assert cli.main(["train", "base", *SIZE, *QUIET, *words]) == 0
    control = [one.loss for one in bench.control(4)]
    run = [loss for _, loss in losses("run")[:4]]
    assert control[:2] == pytest.approx(run[:2], rel=1e-6)
    # Momentum and weight decay follow the schedule of a sweep from the second step on.
    assert control == pytest.approx(run, rel=0.01)


def test_a_sweep_changes_only_the_rates_of_its_group(bench: RangeTest) -> None:
    bench.lesson.first_weights(bench.model)
    still = {name: weight.clone() for name, weight in bench.model.state_dict().items()}
    list(bench.run(3, lambda step: (0.0, ["matrices"])))
    after = bench.model.state_dict()
    for group, parameters in bench.model.parameter_groups().items():
        if group in ("matrices", "embedding"):
            stood = all(after[name].equal(still[name]) for name in parameters)
            assert stood == (group == "matrices")


def test_factors_are_spaced_evenly_by_logarithm(bench: RangeTest) -> None:
    factors = [one.factor for one in bench.sweep("head", 0.1, 10.0, 9)]
    assert factors == pytest.approx([0.1 * 10 ** (step / 4) for step in range(9)])
    assert (factor_at(0, 2, 0.5, 8.0), factor_at(1, 2, 0.5, 8.0)) == (0.5, 8.0)


def test_a_sweep_ends_where_all_is_lost(bench: RangeTest) -> None:
    found = [one.loss for one in bench.sweep("all", 1.0, 1e6, 100)]
    assert len(found) < 100
    assert not found[-1] <= min(found) + HOPELESS
    assert all(loss <= min(found[: index + 1]) + HOPELESS for index, loss in enumerate(found[:-1]))


def test_nothing_is_written(bench: RangeTest) -> None:
    before = everything()
    list(bench.sweep("all", 0.1, 10.0, 4))
    list(bench.control(4))
    assert everything() == before


def test_it_can_begin_at_a_checkpoint() -> None:
    words = ["--steps", "12", "--save-every", "6", "--name", "stored"]
    assert cli.main(["train", "base", *SIZE, *QUIET, *words]) == 0
    run = dict(losses("stored"))
    with open_range_test(begin(BASE, {**GIVEN, "steps": 12}), "stored", 6) as bench:
        first = next(iter(bench.control(3)))
        again = [one.loss for one in bench.sweep("all", 0.1, 1.0, 3)]
        assert bench.facts()["start_step"] == 6
    assert first.loss == pytest.approx(run[7], rel=1e-6)
    assert again[0] == first.loss
    assert first.loss < run[1] - 0.2


def test_a_group_that_is_not_there_is_refused(bench: RangeTest) -> None:
    with pytest.raises(UserError, match="--group muon: this model has no such group; there is all, emb"):
        list(bench.sweep("muon", 0.1, 1.0, 3))
    with (
        open_range_test(begin(BASE, {**GIVEN, "steps": 60, "without": "value-embeddings"})) as other,
        pytest.raises(UserError, match="--group value_embeddings: this model has no such group"),
    ):
        list(other.sweep("value_embeddings", 0.1, 1.0, 3))


def test_facts_say_what_was_tested(bench: RangeTest) -> None:
    facts = bench.facts()
    assert facts["batch_tokens"] == 256
    assert list(facts["rates"]) == list(bench.model.parameter_groups())
    assert all(rate > 0 and math.isfinite(rate) for rate in facts["rates"].values())
    assert facts["asked"]["depth"] == 1
    assert facts["corpus"]["name"] == "classics"
