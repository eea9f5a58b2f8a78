"""What a model reads for a question: a text, a chat, or random tokens that come twice; and how much of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nanochat.tokenizer.chat import render_conversation, render_prompt
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.attention.trace import MOST_NUMBERS
from tools.core.errors import ToolError, UsageError

RANDOM_TOKENS, RANDOM_ROWS = 25, 8


@dataclass(frozen=True)
class Wanted:
    """What to read, and with which model: one of text, chat and repeat."""

    text: str | None = None
    chat: Mapping[str, Any] | None = None
    repeat: int | None = None
    run: str | None = None
    step: int | None = None
    device: str | None = None
    seed: int = 0


def ids_of(wanted: Wanted, tokenizer: Tokenizer) -> tuple[list[int], str]:
    """The ids to read, each beginning with the mark of a document, and of which kind they are."""
    bos = tokenizer.special_id("<|bos|>")
    if wanted.repeat is not None:
        return [bos, *random_tokens(tokenizer, wanted.repeat, wanted.seed) * 2], "repeat"
    try:
        if wanted.chat is not None:
            messages = wanted.chat.get("messages")
            asks = isinstance(messages, list) and messages and _role(messages[-1]) == "user"
            if asks:
                return render_prompt(tokenizer, wanted.chat), "chat"
            return render_conversation(tokenizer, wanted.chat)[0], "chat"
        return [bos, *tokenizer.encode(wanted.text or "")], "text"
    except ValueError as error:  # no conversation, or half of a surrogate pair
        raise ToolError(str(error)) from None


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, dict) else None


def random_tokens(tokenizer: Tokenizer, n_tokens: int, seed: int) -> list[int]:
    """Different ordinary tokens, drawn by chance.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> random_tokens(sample_tokenizer(), 3, seed=0) == random_tokens(sample_tokenizer(), 3, seed=0)
    True
    """
    known = sorted(tokenizer.ranks.values())
    return random.Random(seed).sample(known, min(n_tokens, len(known)))


def random_rows(tokenizer: Tokenizer, seed: int) -> list[list[int]]:
    """Rows of random tokens that come twice, each with the mark of a document before it."""
    bos = tokenizer.special_id("<|bos|>")
    return [
        [bos, *random_tokens(tokenizer, RANDOM_TOKENS, seed * RANDOM_ROWS + row) * 2]
        for row in range(RANDOM_ROWS)
    ]


def cut(ids: Sequence[int], most: int, first: int | None, heads: int, name: str) -> list[int]:
    """The first ids; without `first`, a text of more than `most` is refused, and so are too many weights.

    `heads` are those of all layers of the model called `name`.

    >>> cut([5, 6, 7], 8, 2, heads=4, name="d2")
    [5, 6]
    """
    if len(ids) > most and first is None:
        raise UsageError(
            f"the text has {len(ids):,} tokens, and {most} are the most to look at; shorten it, or say "
            f"--first {most} for its beginning"
        )
    kept = list(ids[: min(first or most, most)])
    if heads * len(kept) * (len(kept) + 1) // 2 > MOST_NUMBERS:
        raise UsageError(
            f"{name} has {heads} heads: too many weights for {len(kept)} tokens; say --first with fewer"
        )
    return kept
