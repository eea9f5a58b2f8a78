"""What fine-tuning and reinforcement learning start from: another run, at one of its steps.

Which step it was, `config.json` records, so that a run that is resumed is about the same weights whatever the
run it came from has saved since. Once the run has a checkpoint of its own it needs them no more, and goes on
even where that step is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nanochat.errors import UserError
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.train import checkpoint
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.finished import OWN_TOKENIZER, FinishedRun, open_run
from nanochat.train.rl_settings import RlSettings
from nanochat.train.sft_settings import SftSettings
from nanochat.train.start import Start
from nanochat.train.stored import Checkpoint


@dataclass(frozen=True)
class Origin:
    """The run that another starts from."""

    run: FinishedRun
    tokenizer: FastTokenizer
    weights: Checkpoint | None  # None: gone, and the run that goes on has its own
    record: Mapping[str, Any]  # what config.json says of it

    @property
    def step(self) -> int:
        """Which of its steps."""
        return int(self.record["step"])

    @property
    def fact(self) -> tuple[str, str]:
        """A line for the box at the beginning."""
        gone = "" if self.weights else ", which is not needed any more"
        return "from", f"step {self.step:,} of {self.run.name} ({self.run.stage}){gone}"


def open_origin(start: Start[SftSettings] | Start[RlSettings]) -> Origin:
    """The run that is started from, with its weights, every hash checked.

    Raises `UserError` if it is not there, or is not what the run that goes on began with.
    """
    settings = start.settings
    if settings.from_run is None:
        raise UserError("say which run to start from: --from-run NAME")
    run = open_run(settings.from_run)
    tokenizer = run.tokenizer()
    before = start.before if start.folder is not None else None
    if before is None:
        weights = run.checkpoint(settings.from_step)
        return Origin(run, tokenizer, weights, record_of(run, weights))
    check_same_tokenizer(start, run, tokenizer, before)
    then = before.get("origin") or {}
    step = settings.from_step or then.get("step")
    try:
        weights = run.checkpoint(step)
    except UserError as error:
        if then and goes_on_alone(start, run, before):
            return Origin(run, tokenizer, None, then)
        raise UserError(f"{began_from(then, run)} is not to be had ({error}); {WAY_OUT}") from None
    origin = record_of(run, weights)
    if then and then["sha256"] != origin["sha256"]:
        raise UserError(f"{began_from(then, run)} is another now; {WAY_OUT}")
    return Origin(run, tokenizer, weights, origin)


WAY_OUT = "copy that one back, or start a new run with --name"


def began_from(then: Mapping[str, Any], run: FinishedRun) -> str:
    """The beginning of a complaint."""
    if not then:
        return f"the run began from {run.name}, which"
    return f"the run began from step {then['step']:,} of {then['run']}, which"


def record_of(run: FinishedRun, weights: Checkpoint) -> dict[str, Any]:
    """What `config.json` says of the run that another starts from."""
    return {
        "run": run.name, "stage": run.stage, "step": weights.step, "sha256": weights.hashes[MODEL],
        "folder": str(run.folder),
    }  # fmt: skip


def goes_on_alone(start: Start[Any], run: FinishedRun, before: Mapping[str, Any]) -> bool:
    """Whether a run can go on without the weights that it began with: it has its own, of the same model."""
    own = checkpoint.steps(start.folder) if start.folder is not None else []
    return bool(own) and run.config["model"] == before.get("model")


def check_same_tokenizer(
    start: Start[Any], run: FinishedRun, tokenizer: FastTokenizer, before: Mapping[str, Any]
) -> None:
    """Refuse to continue a run with another tokenizer; it is taken from the run that was started from."""
    then = before.get("tokenizer")
    if not then or then["fingerprint"] == tokenizer.fingerprint or start.folder is None:
        return
    place, own = run.folder / OWN_TOKENIZER, start.folder / OWN_TOKENIZER
    way = f"the run keeps its own copy: put {own} in the place of {place}"
    if not own.is_dir():
        way = f"put that one back in {place}"
    raise UserError(
        f"the tokenizer of {run.name} is not the one this run was trained with; {way}, or start a new run "
        "with --name"
    )
