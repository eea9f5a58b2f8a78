"""Interactive figure: a conversation as tokens, and which of them the model learns to write.

Tokens and mask come from `nanochat.tokenizer.chat`, with the small tokenizer that comes with the code. What a
tool gives back comes from the calculator, as it would in a chat.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.tokenizer import Tokenizer, sample_tokenizer
from nanochat.toolbox.tools import use_calculator
from tools.core import parameters as ask
from tools.core.report import Column, Report, Row, Rows, Section, Span, Table, Tokens, Value
from tools.core.tool import Tool
from tools.playground.views import show

LONGEST = 200


@dataclass(frozen=True)
class Question:
    """What a reader may write."""

    user: str = ask.text("How much is 12 times 34?", "what the user says", high=LONGEST)
    before: str = ask.text(
        "Let me see: ", "what the assistant says first", high=LONGEST, label="Assistant, first"
    )
    code: str = ask.text(
        "12 * 34", "what it gives the calculator; empty: no call", high=LONGEST, label="Tool call"
    )
    after: str = ask.text(" It is 408.", "what it says at the end", high=LONGEST, label="Assistant, then")
    system: str = ask.text("", "goes in front of the user's first message", high=LONGEST)


def conversation_of(question: Question) -> dict[str, Any]:
    """The conversation in the format of data sets.

    >>> conversation_of(Question(before="", after="408."))["messages"][1]["content"][1]
    {'type': 'python_output', 'text': '408'}
    """
    parts = [{"type": "text", "text": question.before}]
    if question.code.strip():
        parts.append({"type": "python", "text": question.code})
        parts.append({"type": "python_output", "text": use_calculator(question.code)})
    parts.append({"type": "text", "text": question.after})
    messages: list[dict[str, Any]] = (
        [{"role": "system", "content": question.system}] if question.system else []
    )
    messages.append({"role": "user", "content": question.user})
    messages.append({"role": "assistant", "content": [part for part in parts if part["text"]]})
    return {"messages": messages}


def stretches(ids: list[int], mask: list[int]) -> list[tuple[list[int], int]]:
    """Tokens in a row that are all learned, or all only read.

    >>> stretches([5, 6, 7], [0, 0, 1])
    [([5, 6], 0), ([7], 1)]
    """
    found: list[tuple[list[int], int]] = []
    for token_id, learn in zip(ids, mask, strict=True):
        if not found or found[-1][1] != learn:
            found.append(([], learn))
        found[-1][0].append(token_id)
    return found


def run(question: Question) -> Report:
    """The tokens, those to be learned marked.

    >>> run(Question(user="no?", code="", before="", after="no.")).says
    '11 tokens, of which the model learns to write 4.'
    """
    tokenizer = sample_tokenizer()
    ids, mask = render_conversation(tokenizer, conversation_of(question))
    spans = [
        Span(shown(tokenizer, [token_id]), token_id, 2 if learn else None, note(token_id, learn), bool(learn))
        for token_id, learn in zip(ids, mask, strict=True)
    ]
    table: list[list[Value]] = [
        ["learned" if learn else "only read", len(some), shown(tokenizer, some)]
        for some, learn in stretches(ids, mask)
    ]
    learned = sum(mask)
    columns = [Column("mask", "Mask"), Column("tokens", "Tokens"), Column("text", "Text")]
    return Report(
        "Chat format",
        [
            Section(
                "Tokens",
                [
                    Tokens("tokens", spans, "Underlined: the model learns to write this"),
                    Table("stretches", columns, table, "The same, stretch by stretch"),
                    Rows([Row("share", "Learned", learned / len(ids), f"{learned} of {len(ids)} tokens")]),
                ],
            )
        ],
        says=f"{len(ids)} tokens, of which the model learns to write {learned}.",
    )


def shown(tokenizer: Tokenizer, ids: list[int]) -> str:
    """Tokens as text, with their spaces visible.

    >>> shown(sample_tokenizer(), sample_tokenizer().encode("a b"))
    'a␣b'
    """
    return show(tokenizer.decode_bytes(ids))


def note(token_id: int, learn: int) -> str:
    """What pointing at a token says.

    >>> note(65, 1)
    'id 65 · mask 1: learned'
    """
    return f"id {token_id} · mask {learn}: {'learned' if learn else 'only read'}"


TOOL = Tool(
    name="figures/chat-format",
    title="Chat format",
    summary="Write a conversation and see its tokens, and which of them the model learns.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "Special tokens stand in <|…|>. The user's words and the tool's output are there to be read; only "
        "what the model itself must write is learned. The tokenizer is the small one that comes with the "
        "code."
    ),
)
