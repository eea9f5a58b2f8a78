"""The sections about one conversation: its messages, its tokens with the mask, and the record in a format."""

from __future__ import annotations

import contextlib

from nanochat.tokenizer.chat import parts_of
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.common.chat_view import chat_view
from tools.conversation.check import doubts
from tools.conversation.plain_text import PART_TYPES, write_typed
from tools.conversation.question import WRITE_AS, Question
from tools.conversation.source import Item, beginning_of
from tools.conversation.summary import clipped
from tools.conversation.templates import TEMPLATES, places
from tools.conversation.values import given_values
from tools.conversation.write_formats import line_of
from tools.core.report import Block, Cell, Code, Column, Notes, Row, Rows, Section, Table

LONGEST_CELL = 300
LONGEST_CODE = 20_000


def shown_sections(question: Question, tokenizer: Tokenizer, item: Item, where: str) -> list[Section]:
    """All there is to show of one conversation; `where` says which it is."""
    sections = [messages_section(item, where, question.rows)]
    if item.conversation is None:
        return sections
    # Of an invalid one some can be shown, such as one that ends with a question; the verdict stands above.
    with contextlib.suppress(ValueError):
        sections.append(chat_view(tokenizer, item.conversation, question.rows, question.colored))
    if item.written is not None:
        sections.append(written_section(question, item))
    return sections


def template_section(question: Question) -> Section | None:
    """The template as it is typed, to copy and to change, and the values in its places."""
    begins = beginning_of(question)
    values = {**begins.own, **given_values(question.set)}
    blocks: list[Block] = []
    if question.text is None:
        caption = "Copy it into your own chat to change it. {{…}} is a place to fill:"
        blocks.append(Code("template_text", TEMPLATES[question.template].text, caption))
    if names := [name for name in places(begins.conversation) if name in values]:
        columns = [Column("place", "Place"), Column("value", "Value")]
        blocks.append(Table("values", columns, [[name, values[name]] for name in names]))
    return Section("The template", blocks, icon="🧩", key="template") if blocks else None


def messages_section(item: Item, where: str, most: int) -> Section:
    """Who says what, and whether the trainer takes it."""
    rows = [Row("source", "From", where)]
    verdict = "yes: the trainer takes it" if not item.problem else f"no: {clipped(item.problem)}"
    rows.append(Row("valid", "Valid", not item.problem, verdict))
    blocks: list[Block] = [Rows(rows)]
    if item.conversation is not None:
        blocks.append(_messages(item, most))
        if found := list(dict.fromkeys(doubts(item.conversation))):
            blocks.append(Notes([f"Look at this: {one}." for one in found[:most]], key="doubts"))
    return Section("The conversation", blocks, icon="💬", key="conversation")


def _messages(item: Item, most: int) -> Table:
    words = {kind: word for word, kind in PART_TYPES.items()}
    rows: list[list[Cell | int | str]] = []
    assert item.conversation is not None
    for number, message in enumerate(item.conversation["messages"], 1):
        for part in parts_of(message):
            who = words[part["type"]] if message["role"] == "assistant" else message["role"]
            rows.append([number, who, Cell(part["text"], _one_line(part["text"]))])
    columns = [Column("message", "#", "right"), Column("who", "Who"), Column("text", "Text")]
    caption = "Python and output are parts of the assistant's message"
    caption = caption if any(row[1] == "python" for row in rows) else ""
    if len(rows) > most:
        caption = f"The first {most:,} of {len(rows):,} parts; --rows shows more"
    return Table("messages", columns, rows[:most], caption=caption)


def _one_line(text: str) -> str:
    shown = text if len(text) <= LONGEST_CELL else text[: LONGEST_CELL - 1] + "…"
    return shown.encode("utf-8", "backslashreplace").decode().replace("\n", " ⏎ ")


def written_section(question: Question, item: Item) -> Section:
    """The record in the format asked for, and as a person would type it."""
    record = line_of(item.written)
    blocks: list[Block] = [_code("record", record, "One line of the file:")]
    if item.conversation is not None and item.format not in ("template", "typed"):
        blocks.append(_code("typed", write_typed(item.conversation), "As you would type it:"))
    if item.lost:
        blocks.append(Notes([f"Lost: {one}." for one in item.lost], key="lost"))
    name = WRITE_AS[question.write_as].partition(":")[0]
    return Section(f"As {name}", blocks, icon="📄", key="record")


def _code(key: str, text: str, caption: str) -> Code:
    if len(text) <= LONGEST_CODE:
        return Code(key, text, caption)
    return Code(key, text[:LONGEST_CODE] + "…", f"{caption} (its first {LONGEST_CODE:,} characters)")
