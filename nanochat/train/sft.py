"""Supervised fine-tuning from beginning to end: `nanochat train sft`.

A base model continues text; it does not answer. Fine-tuning shows it conversations, and it learns the
assistant's part of them, by the same loss and the same loop as before (Ouyang et al. 2022, arXiv 2203.02155,
step 1). What differs is the lesson: `nanochat.train.conversation_lesson`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nanochat.data.conversation_loader import rows_for
from nanochat.data.tasks.mixture import Mixture
from nanochat.train import describe
from nanochat.train.conversation_lesson import ConversationLesson, open_texts
from nanochat.train.distributed import join_world
from nanochat.train.origin import Origin, open_origin
from nanochat.train.run_plan import RunPlan
from nanochat.train.sft_plan import fingerprint_of, how_many, plan_sft
from nanochat.train.sft_settings import SftSettings
from nanochat.train.stage import Stage, checked_plan, record, run_stage, settings_here
from nanochat.train.start import Kind, Start


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
        origin = open_origin(start)
        before, tokenizer, config = origin.run, origin.tokenizer, origin.run.model_config
        settings = replace(settings, from_step=origin.step)
        learnt, held_out = open_texts(settings, how_many(settings))
        rows = 1 if settings.steps else rows_for(learnt, tokenizer, config.sequence_len)
        batch = int(before.config["settings"]["batch_size"])
        plan = checked_plan(plan_sft(settings, config, batch, rows, place, dtype), world)
        text = {"mixture": learnt.counts, "fingerprint": fingerprint_of(settings, how_many(settings))}
        found = record(SFT.stage, plan, start.asked, tokenizer, world, text=text, origin=origin.record)
        lesson = ConversationLesson(
            plan, learnt, held_out, tokenizer, world, origin.weights, str(text["fingerprint"])
        )
        facts = facts_of(plan, learnt, origin, found)
        usual = str(SFT.name_for({"from_run": before.name}))
        return run_stage(Stage(plan, lesson, found, facts, usual), start, world, dry_run)


def facts_of(plan: RunPlan, learnt: Mixture, origin: Origin, config: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts of a run, for the box at its beginning."""
    parts = ", ".join(f"{describe.short(count)} {name}" for name, count in learnt.counts.items())
    text = f"{len(learnt):,} conversations: {parts}"
    found = describe.facts(plan, text, config["tokenizer"]["name"], config["machine"]["device"])
    return [origin.fact, *found]
