"""Pretraining as a whole, in this process: what it learns, measures, writes and shows."""

from __future__ import annotations

import io
import json
import math
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console
from torch import Tensor

from nanochat import cli
from nanochat.data.loader import open_tokenizer
from nanochat.home import base_folder, run_folder
from nanochat.model.gpt import GPT
from nanochat.train import progress, samples
from nanochat.train.metrics import Step
from nanochat.train.optimizer import Optimizer
from nanochat.train.parts import BITS_PER_BYTE
from nanochat.train.precision import LossScale
from nanochat.train.run_files import read_lines
from nanochat.train.trackers import make_trackers
from tests.train.small_run import QUIET, SIZE, losses, metrics, one_thread, prepare, weights


@pytest.fixture(scope="module", autouse=True)
def base(tmp_path_factory: pytest.TempPathFactory) -> None:
    """A corpus and a tokenizer for all tests of this file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(tmp_path_factory.mktemp("base")))
        prepare()
        with one_thread():
            yield


def train(name: str, *words: str) -> None:
    assert cli.main(["train", "base", *SIZE, "--name", name, *words]) == 0


def test_it_learns_and_measures(capsys: pytest.CaptureFixture[str]) -> None:
    train("learns", "--steps", "40", "--eval-every", "20", "--sample-every", "20", "--eval-tokens", "2000")
    out = capsys.readouterr().out
    lines = metrics("learns")
    assert [line["step"] for line in lines] == list(range(1, 41))
    first, last = lines[0], lines[-1]
    assert first["loss"] == pytest.approx(math.log(2_048), abs=0.2)
    assert last["loss"] < first["loss"] - 1.5
    assert set(first["lr"]) >= {"matrices", "embedding", "head"}
    for line in lines:
        assert line["tokens"] == line["step"] * 8 * 32
        assert line["grad_norm"] > 0
        assert line["tokens_per_second"] == pytest.approx(8 * 32 / line["seconds"], rel=0.01)
        assert line["mfu"] > 0
        assert 0 <= line["wait_share"] <= 1
        assert line["memory_bytes"] > 2**20
        assert ("val_bpb" in line) == (line["step"] in (20, 40))
    assert lines[39]["val_bpb"] < lines[19]["val_bpb"] < 5
    assert f"val bpb {lines[39]['val_bpb']:.4f}" in out
    written = read_lines(run_folder("learns") / "samples.jsonl")
    assert [(line["step"], line["prompt"]) for line in written] == [
        (step, prompt) for step in (20, 40) for prompt in samples.PROMPTS
    ]


def test_micro_batches_change_nothing_but_rounding() -> None:
    train("one", *QUIET, "--steps", "4", "--device-batch-size", "8")
    train("four", *QUIET, "--steps", "4", "--device-batch-size", "2")
    assert losses("four") == [(step, pytest.approx(loss, abs=1e-5)) for step, loss in losses("one")]


def test_checkpointing_changes_memory_and_not_what_is_learnt() -> None:
    train("kept", *QUIET, "--steps", "3")
    train("computed-again", *QUIET, "--steps", "3", "--checkpointing")
    assert losses("computed-again") == [
        (step, pytest.approx(loss, abs=1e-5)) for step, loss in losses("kept")
    ]


def test_looking_changes_nothing() -> None:
    train("looked-at", "--steps", "4", "--eval-every", "1", "--sample-every", "1", "--save-every", "1")
    train("left-alone", *QUIET, "--steps", "4", "--workers", "0")
    assert losses("looked-at") == losses("left-alone")
    assert weights("looked-at", 4) == weights("left-alone", 4)


def test_the_seed_decides() -> None:
    train("seed-0", *QUIET, "--steps", "2")
    train("seed-1", *QUIET, "--steps", "2", "--seed", "1")
    assert losses("seed-0") != losses("seed-1")


def test_a_loss_that_is_no_number_stops_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = GPT.forward
    passes: list[int] = []

    def forward(self: GPT, *tensors: Tensor) -> Tensor:
        passes.append(1)
        return whole(self, *tensors) * (math.nan if len(passes) == 6 else 1.0)

    monkeypatch.setattr(GPT, "forward", forward)
    words = [*SIZE, *QUIET, "--steps", "9", "--save-every", "2", "--name", "nan"]
    assert cli.main(["train", "base", *words]) == 1
    complaint = capsys.readouterr().err
    assert complaint == (
        "nanochat: error: step 6: the loss is nan; stopped before the weights were changed. The last good "
        "checkpoint is step 4; go on from it with --resume and a lower --lr-scale, such as 0.5\n"
    )
    assert [step for step, _ in losses("nan")] == [1, 2, 3, 4, 5]


def test_weights_that_are_no_numbers_are_not_saved(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss of the step was a number; the step itself spoils the weights."""
    whole = Optimizer.step
    taken: list[Optimizer] = []

    def step(self: Optimizer, *factors: Any) -> None:
        whole(self, *factors)
        taken.append(self)
        if len(taken) == 4:
            model[0].head.weight.data[5, 3] = math.inf

    model: list[GPT] = []
    drawn = GPT.initialize

    def initialize(self: GPT, seed: int) -> GPT:
        model.append(self)
        return drawn(self, seed)

    monkeypatch.setattr(Optimizer, "step", step)
    monkeypatch.setattr(GPT, "initialize", initialize)
    words = [*SIZE, *QUIET, "--steps", "9", "--save-every", "2", "--name", "inf"]
    assert cli.main(["train", "base", *words]) == 1
    assert capsys.readouterr().err == (
        "nanochat: error: step 4: head.weight has become NaN or infinite; it was not saved. The last good "
        "checkpoint is step 2; go on from it with --resume and a lower --lr-scale, such as 0.5\n"
    )
    assert [path.name for path in (run_folder("inf") / "checkpoints").iterdir()] == ["step_000002"]
    monkeypatch.undo()
    assert cli.main(["train", "base", "--name", "inf", "--resume", "--lr-scale", "0.5"]) == 0
    assert [step for step, _ in losses("inf")] == list(range(1, 10))


def test_a_run_that_stopped_goes_on_with_a_lower_rate() -> None:
    train("slower", *QUIET, "--steps", "4", "--save-every", "2")
    first = metrics("slower")
    for step in (4,):
        for file in (run_folder("slower") / "checkpoints" / f"step_{step:06d}").iterdir():
            file.unlink()
        (run_folder("slower") / "checkpoints" / f"step_{step:06d}").rmdir()
    assert cli.main(["train", "base", "--name", "slower", "--resume", "--lr-scale", "0.5"]) == 0
    again = metrics("slower")
    assert again[:2] == first[:2]
    assert again[3]["lr"]["matrices"] == pytest.approx(first[3]["lr"]["matrices"] / 2)


def test_a_loss_that_shoots_up_stops_the_run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = GPT.forward
    passes: list[int] = []

    def forward(self: GPT, *tensors: Tensor) -> Tensor:
        passes.append(1)
        return whole(self, *tensors) * (3.0 if len(passes) > 5 else 1.0)

    monkeypatch.setattr(GPT, "forward", forward)
    assert cli.main(["train", "base", *SIZE, *QUIET, "--steps", "9", "--name", "spike"]) == 1
    assert "the loss has shot up to" in capsys.readouterr().err


def test_a_dry_run_says_all_and_writes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    before = set(base_folder().rglob("*"))
    train("dry", "--steps", "5", "--dry-run")
    out = capsys.readouterr().out
    assert "1 layer, width 64, 2 heads" in out
    assert "8 sequences × 32 = 256 tokens" in out
    assert set(base_folder().rglob("*")) == before


def test_a_sample_ends_at_the_end_of_a_document_and_repeats_for_a_seed() -> None:
    tokenizer = open_tokenizer("default")
    ends_after_five = [0]

    def logits(ids_BT: Tensor) -> Tensor:
        ends_after_five[0] += 1
        logits_BTV = torch.zeros(1, ids_BT.shape[1], tokenizer.n_vocab)
        logits_BTV[..., tokenizer.bos] = 100.0 if ends_after_five[0] > 5 else -100.0
        return logits_BTV

    cpu = torch.device("cpu")
    first = samples.write(logits, tokenizer, "The", 7, cpu, most=64)
    assert ends_after_five == [6]
    ends_after_five[0] = 0
    assert samples.write(logits, tokenizer, "The", 7, cpu, most=64) == first
    ends_after_five[0] = -1_000
    samples.write(logits, tokenizer, "The", 7, cpu, most=10)
    assert ends_after_five[0] < -990  # no longer than the model can read


def test_the_loss_scale_of_fp16_halves_and_grows() -> None:
    scale = LossScale.for_dtype("fp16")
    assert not scale.usable(math.inf)
    assert scale.value == 2.0**15
    for _ in range(2_000):
        assert scale.usable(1.0)
    assert scale.value == 2.0**16
    again = LossScale.for_dtype("fp16")
    again.restore(json.loads(json.dumps(scale.state())))
    assert again == scale


def test_a_loss_scale_changes_no_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """fp16's scale of the loss is taken out of the gradients again; a power of two leaves every bit alone."""
    train("unscaled", *QUIET, "--steps", "3")
    monkeypatch.setattr(LossScale, "for_dtype", lambda dtype: LossScale(2.0**10, dynamic=True))
    train("scaled", *QUIET, "--steps", "3")
    assert losses("scaled") == losses("unscaled")
    assert weights("scaled", 3) == weights("unscaled", 3)


def test_a_step_with_gradients_too_large_for_fp16_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    norms = iter([math.inf, 1.0, 1.0])
    monkeypatch.setattr(Optimizer, "gradient_norm", lambda self: next(norms))
    monkeypatch.setattr(LossScale, "for_dtype", lambda dtype: LossScale(2.0**10, dynamic=True))
    taken: list[float] = []
    step = Optimizer.step
    monkeypatch.setattr(Optimizer, "step", lambda self, point: (taken.append(1.0), step(self, point)))
    train("overflow", *QUIET, "--steps", "3")
    assert len(taken) == 2


def test_tensorboard_gets_the_figures() -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    train("watched", "--steps", "3", "--tensorboard", "--eval-every", "3", "--sample-every", "0")
    events = EventAccumulator(str(run_folder("watched") / "tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3]
    assert events.Scalars("loss")[2].value == pytest.approx(losses("watched")[2][1], rel=1e-6)
    assert {"val_bpb", "lr/matrices", "tokens_per_second"} <= set(events.Tags()["scalars"])


def test_wandb_gets_the_figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    calls: list[object] = []
    run = SimpleNamespace(
        log=lambda figures, step: calls.append((step, figures)), finish=lambda: calls.append("end")
    )
    monkeypatch.setitem(
        sys.modules, "wandb", SimpleNamespace(init=lambda **asked: calls.append(asked) or run)
    )
    (tracker,) = make_trackers(tmp_path, False, "project", {"depth": 4})
    tracker.log(3, {"loss": 2.0})
    tracker.close()
    asked = calls[0]
    assert isinstance(asked, dict)
    assert (asked["project"], asked["name"], asked["resume"], asked["config"]) == (
        "project", tmp_path.name, "allow", {"depth": 4},
    )  # fmt: skip
    assert calls[1:] == [(3, {"loss": 2.0}), "end"]


def a_step(number: int, loss: float) -> Step:
    return Step(number, number * 256, loss, {}, 1.0, 0.5, 512.0, 0.61, 2**30, 0.0)


def test_what_a_terminal_shows() -> None:
    shown = progress.TerminalProgress()
    shown.console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system=None)
    shown.begin("training d4", [("model", "4 layers")], steps=4)
    for number in (1, 2):
        shown.step(a_step(number, 8.0 / number))
    shown.evaluated(2, BITS_PER_BYTE, 2.5, 0.1)
    shown.evaluated(2, BITS_PER_BYTE, 2.4, 0.1)
    shown.sampled(2, [("The king", " is\ndead\x1b[2J.")])
    rendered = io.StringIO()
    Console(file=rendered, width=100).print(shown.moving())
    bar, curve = rendered.getvalue().splitlines()
    assert bar.split() == [
        "step", "2/4", "━" * 20, "loss", "4.000", "val", "bpb", "2.4000", "tok/s", "512", "MFU", "61%",
        "left", "0:01",
    ]  # fmt: skip
    assert curve.split() == ["loss", "8.00", "█▁", "4.00"]
    shown.end("done")
    out = shown.console.file.getvalue()
    assert "val bpb 2.4000  -0.1000" in out
    assert "The king is⏎dead·[2J." in out  # a sample cannot move the cursor
    assert "done" in out


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_the_moving_line_never_wraps(width: int) -> None:
    shown = progress.TerminalProgress()
    shown.console = Console(file=io.StringIO(), width=width)
    shown.course = progress.Course(1_000_000)
    shown.step(a_step(123_456, 4.0))
    rendered = io.StringIO()
    Console(file=rendered, width=width).print(shown.moving())
    assert len(rendered.getvalue().splitlines()) == 2


def test_plain_lines_come_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    shown = progress.PlainProgress()
    shown.begin("training d4", [("model", "4 layers")], steps=100)
    for number in range(1, 101):
        shown.step(a_step(number, 4.0))
    shown.end("")
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        "step 1/100 | loss 4.000 | tok/s 512 | MFU 61% | left 0:50",
        "step 100/100 | loss 4.000 | tok/s 512 | MFU 61% | left 0:00",
    ]
