"""A conversation in tokens, with the mask of what the model learns: for every tool that shows one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, Tokenizer
from tools.core.report import Block, Cell, Column, Row, Rows, Section, Span, Table, Tokens
from tools.playground.views import show

LEARNED_COLOR = 2


def can_chat(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer has the special tokens of a chat.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> can_chat(sample_tokenizer())
    True
    """
    return set(CHAT_SPECIALS) <= set(tokenizer.special_tokens)


def chat_view(tokenizer: Tokenizer, conversation: Mapping[str, Any], most: int, colored: int) -> Section:
    """The figures, the tokens in colours and the stretches of a conversation; a ConversationError for none.

    `colored` tokens at most are shown in colours, and `most` stretches in the table.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> chat = {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
    >>> [block.key for block in chat_view(sample_tokenizer(), chat, 10, 10).blocks[1:]]
    ['chat_tokens', 'mask']
    """
    ids, mask = render_conversation(tokenizer, conversation)
    learned = sum(mask)
    rows = [
        Row("tokens", "Tokens", len(ids)),
        Row("learned", "Learned", learned),
        Row("share", "Share learned", learned / len(ids), f"{learned / len(ids):.0%}",
            formula=f"{learned:,} learned / {len(ids):,} tokens"),
    ]  # fmt: skip
    found = [
        Span(
            tokenizer.token_bytes(token_id).decode("utf-8", errors="backslashreplace"),
            token_id,
            LEARNED_COLOR if learn else None,
            f"{token_id} · {'learned' if learn else 'given'}",
        )
        for token_id, learn in zip(ids[:colored], mask, strict=False)
    ]
    tokens = Tokens(
        "chat_tokens", found, caption="Coloured: the model learns to write it. Plain: it only reads it."
    )
    blocks: list[Block] = [Rows(rows), tokens, _stretches(tokenizer, ids, mask, most)]
    return Section("A chat as the model sees it", blocks, icon="💬", key="chat")


def _stretches(tokenizer: Tokenizer, ids: list[int], mask: list[int], most: int) -> Table:
    """The mask without colours: stretches of tokens that are learned or not."""
    columns = [
        Column("mask", "Mask", "right"), Column("tokens", "Tokens", "right"), Column("text", "Text")
    ]  # fmt: skip
    rows: list[list[Cell | int | str]] = []
    for learn, group in groupby(zip(ids, mask, strict=True), key=lambda pair: pair[1]):
        stretch = [token_id for token_id, _ in group]
        data = tokenizer.decode_bytes(stretch)
        rows.append([learn, len(stretch), Cell(data.decode("utf-8", errors="backslashreplace"), show(data))])
    caption = "The training mask: 1 where the model learns"
    if len(rows) > most:
        caption += f" (the first {most:,} stretches of {len(rows):,}; --rows shows more)"
    return Table("mask", columns, rows[:most], caption=caption)
