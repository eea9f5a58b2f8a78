"""Runs to talk with, made in a moment: models whose every answer is known, saved as training saves them."""

from __future__ import annotations

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from nanochat.files import write_json
from nanochat.home import run_folder
from nanochat.model.gpt import GPT
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import Tokenizer, with_chat_specials
from nanochat.train import checkpoint
from nanochat.train.run_files import CONFIG
from tests.inference.small_models import chance_model, script, scripted_model

STEP = 100
PIECE = 7  # bytes of an answer in one token


def save_run(
    name: str, model: GPT, tokenizer: Tokenizer, context: int = 512, stage: str = "sft", step: int = STEP
) -> Path:
    """A run's folder: its record, its tokenizer, one checkpoint."""
    longer = changed(model, sequence_len=context)
    fast = FastTokenizer.of(tokenizer)
    folder = run_folder(name)
    folder.mkdir(parents=True)
    fast.save(folder / "tokenizer")
    record = {
        "name": name,
        "stage": stage,
        "created": time.time(),
        "model": longer.config.to_dict(),
        "tokenizer": {"name": tokenizer.name, "fingerprint": fast.fingerprint},
        "settings": {},
    }
    write_json(folder / CONFIG, record)
    checkpoint.save(folder, step, longer.state_dict(), {}, {})
    return folder


def changed(model: GPT, **changes: float) -> GPT:
    """The same weights in a model of another config."""
    other = GPT(replace(model.config, **changes))  # type: ignore[arg-type]
    other.load_state_dict(model.state_dict())
    return other


def certain(model: GPT) -> GPT:
    """A scripted model that keeps to its script at a chat's temperature, too.

    With the usual cap on logits one token in ten thousand is another.
    """
    return changed(model, logit_softcap=200.0)


def pieces_of(text: str) -> list[bytes]:
    """A text cut into pieces that are all different, so that each has one follower."""
    data, pieces = text.encode(), []
    seen: set[bytes] = set()
    while data:
        size = next((n for n in range(PIECE, len(data)) if data[:n] not in seen), len(data))
        assert data[:size] not in seen, "the end of the text was there before"
        seen.add(data[:size])
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def answering(*parts: tuple[str, str]) -> tuple[GPT, Tokenizer]:
    """A model that gives one answer to everything: parts of text, and of python, whose results it awaits.

    A part is its type and its text, and a text may come once only.
    """
    ranks = {bytes([value]): value for value in range(256)}
    marked: list[str | bytes] = ["<|assistant_start|>"]
    for kind, text in parts:
        pieces: list[str | bytes] = list(pieces_of(text))
        if kind == "python":  # a call, and then what follows on its result
            pieces = ["<|python_start|>", *pieces, "<|python_end|>", None, "<|output_end|>"]  # type: ignore[list-item]
        marked += pieces
    marked.append("<|assistant_end|>")
    for piece in marked:
        if isinstance(piece, bytes):
            ranks.setdefault(piece, len(ranks))
    tokenizer = with_chat_specials("answering", ranks)
    ids = [
        None if one is None else ranks[one] if isinstance(one, bytes) else tokenizer.special_id(one)
        for one in marked
    ]
    follows: dict[int, int] = {}
    for before, after in pairwise(ids):
        if before is not None and after is not None:
            assert follows.setdefault(before, after) == after, f"{tokenizer.decode([before])!r} twice"
    return certain(scripted_model(tokenizer, follows)), tokenizer


def saying(*texts: str) -> tuple[GPT, Tokenizer]:
    """A model that follows scripts of bytes, as in tests/inference."""
    tokenizer = with_chat_specials("bytes", {bytes([value]): value for value in range(256)})
    return certain(scripted_model(tokenizer, script(tokenizer, *texts))), tokenizer


def endless() -> tuple[GPT, Tokenizer]:
    """A model that says a to z again and again."""
    return saying("<|assistant_start|>abcdefghijklmnopqrstuvwxyz a")


def chance() -> tuple[GPT, Tokenizer]:
    """A model of chance weights: what it says depends on every token before, and on the seed."""
    tokenizer = with_chat_specials("bytes", {bytes([value]): value for value in range(256)})
    return chance_model(tokenizer.n_vocab), tokenizer
