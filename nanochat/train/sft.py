"""Supervised fine-tuning from beginning to end: `nanochat train sft`.

A base model continues text; it does not answer. Fine-tuning shows it conversations, and it learns the
assistant's part of them, by the same loss and the same loop as before (Ouyang et al. 2022, arXiv 2203.02155,
step 1). What differs is the lesson: `nanochat.train.conversation_lesson`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from nanochat.data.conversation_loader import rows_for
from nanochat.data.tasks.mixture import Mixture
from nanochat.errors import UserError
from nanochat.train import describe
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.conversation_lesson import ConversationLesson, open_texts
from nanochat.train.distributed import join_world
from nanochat.train.finished import FinishedRun, open_run
from nanochat.train.run_plan import RunPlan
from nanochat.train.sft_plan import fingerprint_of, how_many, plan_sft
from nanochat.train.sft_settings import SftSettings
from nanochat.train.stage import Stage, checked_plan, record, run_stage, settings_here
from nanochat.train.start import Kind, Start
from nanochat.train.stored import Checkpoint


def name_after(stage: str) -> Callable[[Mapping[str, Any]], str | None]:
    """What a run is called when nobody says: after the run it starts from, and the stage.

    >>> name_after("sft")({"from_run": "d4"}), name_after("rl")({"from_run": "d4-sft"}), name_after("sft")({})
    ('d4-sft', 'd4-rl', None)
    """

    def name(given: Mapping[str, Any]) -> str | None:
        run = given.get("from_run")
        return f"{Path(run).name.removesuffix('-sft')}-{stage}" if run else None

    return name


SFT = Kind("sft", SftSettings, name_after("sft"))


def train_sft(start: Start[SftSettings], dry_run: bool = False) -> int:
    """Fine-tune, or with `dry_run` say what would be done; returns the exit code."""
    with join_world() as world:
        settings, place, dtype = settings_here(start, world)
        if settings.from_run is None:
            raise UserError("say which run to start from: --from-run NAME")
        before = open_run(settings.from_run)
        tokenizer, config = before.tokenizer(), before.model_config
        weights = before.checkpoint(settings.from_step)
        origin = origin_of(before, weights)
        check_same_origin(start, origin)
        learnt, held_out = open_texts(settings, how_many(settings))
        rows = 1 if settings.steps else rows_for(learnt, tokenizer, config.sequence_len)
        batch = int(before.config["settings"]["batch_size"])
        plan = checked_plan(plan_sft(settings, config, batch, rows, place, dtype), world)
        text = {"mixture": learnt.counts, "fingerprint": fingerprint_of(settings, how_many(settings))}
        found = record(SFT.stage, plan, start.asked, tokenizer, world, text=text, origin=origin)
        lesson = ConversationLesson(
            plan, learnt, held_out, tokenizer, world, weights, str(text["fingerprint"])
        )
        facts = facts_of(plan, learnt, before, weights, found)
        usual = str(SFT.name_for({"from_run": before.name}))
        return run_stage(Stage(plan, lesson, found, facts, usual), start, world, dry_run)


def origin_of(before: FinishedRun, weights: Checkpoint) -> dict[str, Any]:
    """What `config.json` says of the run that another starts from."""
    return {
        "run": before.name, "stage": before.stage, "step": weights.step, "sha256": weights.hashes[MODEL],
        "folder": str(before.folder),
    }  # fmt: skip


def check_same_origin(start: Start[Any], origin: Mapping[str, Any]) -> None:
    """Refuse to continue a run whose first weights are not what they were."""
    then = (start.before or {}).get("origin")
    if start.folder is not None and then and then["sha256"] != origin["sha256"]:
        raise UserError(
            f"the run began from step {then['step']:,} of {then['run']}, which is another now; start a new "
            "run with --name"
        )


def facts_of(
    plan: RunPlan, learnt: Mixture, before: FinishedRun, weights: Checkpoint, config: dict[str, Any]
) -> list[tuple[str, str]]:
    """The facts of a run, for the box at its beginning."""
    parts = ", ".join(f"{describe.short(count)} {name}" for name, count in learnt.counts.items())
    text = f"{len(learnt):,} conversations: {parts}"
    found = describe.facts(plan, text, config["tokenizer"]["name"], config["machine"]["device"])
    return [("from", f"step {weights.step:,} of {before.name} ({before.stage})"), *found]
