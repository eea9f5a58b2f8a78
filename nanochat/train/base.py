"""Pretraining from beginning to end: `nanochat train base`.

`train_base` opens corpus and tokenizer, asks `run_plan` for every number, and hands both to the course that
all stages share (`nanochat.train.stage`). What is learnt is the corpus: every next token of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanochat.data.corpus import Corpus, corpus_folder, open_corpus
from nanochat.data.loader import make_loader, open_tokenizer, tokenizer_place
from nanochat.errors import UserError
from nanochat.evaluation.bits_per_byte import validation_sums
from nanochat.evaluation.statistics import bits
from nanochat.model.gpt import GPT
from nanochat.train import describe, samples
from nanochat.train.distributed import World, join_world
from nanochat.train.finished import OWN_TOKENIZER
from nanochat.train.parts import BITS_PER_BYTE, Loader, Tokenizer
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.settings import Settings
from nanochat.train.stage import Stage, checked_plan, record, run_stage, settings_here
from nanochat.train.start import BASE, Start


def train_base(start: Start[Settings], dry_run: bool = False) -> int:
    """Train, or with `dry_run` say what would be done; returns the exit code."""
    with join_world() as world:
        corpus, tokenizer = open_corpus(start.settings.corpus), open_tokenizer(start.settings.tokenizer)
        check_same_text(start, corpus, tokenizer)
        settings, place, dtype = settings_here(start, world)
        plan = checked_plan(plan_run(settings, tokenizer.n_vocab, place, dtype), world)
        text = {
            "name": corpus.name, "fingerprint": corpus.fingerprint, "text_bytes": corpus.text_bytes
        }  # fmt: skip
        config = record(BASE.stage, plan, start.asked, tokenizer, world, corpus=text)
        lesson = CorpusLesson(plan, corpus, tokenizer, world, settings.packing)
        name = f"d{plan.config.n_layer}"
        return run_stage(
            Stage(plan, lesson, config, facts_of(plan, settings, config), name), start, world, dry_run
        )


def check_same_text(start: Start[Settings], corpus: Corpus, tokenizer: Tokenizer) -> None:
    """Refuse to continue, or to do again, a run whose corpus or tokenizer is not what it was."""
    now: Corpus | Tokenizer
    for kind, now in (("tokenizer", tokenizer), ("corpus", corpus)):
        before = (start.before or {}).get(kind)
        asked_for_another = start.folder is None and kind in start.asked
        if not before or before["fingerprint"] == now.fingerprint or asked_for_another:
            continue
        detail = ""
        if kind == "tokenizer" and before["vocab_size"] != tokenizer.n_vocab:
            detail = f": it has {tokenizer.n_vocab:,} tokens, the model {before['vocab_size']:,}"
        raise UserError(
            f"the {kind} {now.name!r} is not the one this run was trained with{detail}; "
            f"{way_back(start, kind)}, or start a new run with --name"
        )


def way_back(start: Start[Settings], kind: str) -> str:
    """How the corpus or the tokenizer that a run was trained with is had again.

    A run that is continued takes no other, so there it has to lie where it lay.
    """
    if start.folder is None:
        return f"give that one with --{kind}"
    if kind == "corpus":
        place = corpus_folder(start.settings.corpus)
        return f"put that one back in {place}, or prepare it again from the same texts"
    place, own = tokenizer_place(start.settings.tokenizer), start.folder / OWN_TOKENIZER
    if own.is_dir():
        return f"the run keeps its own copy: put {own} in the place of {place}"
    return f"put that one back in {place}"


def facts_of(plan: RunPlan, settings: Settings, config: dict[str, Any]) -> list[tuple[str, str]]:
    """The facts of a run, for the box at its beginning."""
    size = describe.short(config["corpus"]["text_bytes"])
    return describe.facts(
        plan, f"{config['corpus']['name']}, {size}B", config["tokenizer"]["name"],
        config["machine"]["device"], sorted(settings.extras_off()),
    )  # fmt: skip


@dataclass(frozen=True)
class CorpusLesson:
    """A corpus to learn from: batches, bits per byte on its validation shard, samples of writing."""

    plan: RunPlan
    corpus: Corpus
    tokenizer: Tokenizer
    world: World
    packing: str

    measure = BITS_PER_BYTE

    def first_weights(self, model: GPT) -> None:
        """Chance weights, by the seed."""
        model.initialize(self.plan.settings.seed)

    def loader(self, states: Sequence[Mapping[str, Any]] | None) -> Loader:
        """Batches of the training shards, from where the states of all processes say."""
        plan, settings = self.plan, self.plan.settings
        return make_loader(
            self.corpus, self.tokenizer, "train", plan.batch_size, plan.config.sequence_len,
            rank=self.world.rank, world=self.world.size, device_batch=plan.device_batch_size,
            packing=self.packing, workers=settings.workers, seed=settings.seed, state=states,
        )  # fmt: skip

    def evaluate(self, model: GPT) -> float:
        """Bits per byte on the first `eval_tokens` tokens of the validation shard."""
        plan, world = self.plan, self.world
        return bits(
            *validation_sums(
                model.nats_per_token, self.corpus, self.tokenizer, batch_size=plan.batch_size,
                seq_len=plan.config.sequence_len, tokens=plan.eval_tokens,
                device_batch=plan.device_batch_size, device=world.device, processes=world,
                workers=plan.settings.workers,
            )
        )  # fmt: skip

    def write_samples(self, model: GPT, step: int) -> list[tuple[str, str]]:
        """A continuation of each prompt; the same step of the same run writes the same."""

        def logits(ids_BT: Tensor) -> Tensor:
            found: Tensor = model(ids_BT)
            return found

        seed, most = self.plan.settings.seed + step, self.plan.config.sequence_len
        with torch.compiler.set_stance("force_eager"):  # every length of text would be compiled for itself
            return [
                (prompt, samples.write(logits, self.tokenizer, prompt, seed, self.world.device, most))
                for prompt in samples.PROMPTS
            ]
