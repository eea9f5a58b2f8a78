"""The conversations a question asks about, one at a time, each with its line and the trainer's verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tools.conversation.check import message_of, problem_of, problem_of_line
from tools.conversation.plain_text import TypedError, read_typed
from tools.conversation.question import Question
from tools.conversation.read_formats import read_messages, read_record, recognise
from tools.conversation.records import Lines, Record, is_one_array, parsed, records_of
from tools.conversation.templates import TEMPLATES, FillError, fill, places
from tools.conversation.turns import Converted, FormatError, tidy
from tools.conversation.values import given_values, rows_of
from tools.conversation.write_formats import write_record
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.files import parse_json
from tools.core.words import listing, nearest, say

EXAMPLE_FILES = {
    "classroom": "classroom.jsonl", "openai": "openai.jsonl", "sharegpt": "sharegpt.json",
    "alpaca": "alpaca.json", "broken": "broken.jsonl",
}  # fmt: skip
EXAMPLE_FOLDER = "conversations"
TRAINER = "trainer"


@dataclass(frozen=True)
class Item:
    """One conversation of a file, a table of values or a text; or, with a problem, what is none.

    `written` is the record in the format asked for, `lost` what that or the reading does not carry over.
    A conversation with a problem is there where it can be shown: one that ends with a question, say.
    """

    line: int
    format: str
    conversation: dict[str, Any] | None = None
    problem: str = ""
    written: Any = None
    lost: tuple[str, ...] = ()


def file_of(question: Question) -> Path | None:
    """The file that is asked about, or None."""
    if question.file and question.example:
        raise UsageError("--file and --example both give conversations; use one", "example")
    if question.example:
        return example_file(f"{EXAMPLE_FOLDER}/{EXAMPLE_FILES[question.example]}")
    return question.file


def file_items(lines: Lines, question: Question) -> Iterator[Item]:
    """The conversations of a file: read as the trainer does, line by line, or in another format."""
    if question.read_as == TRAINER:
        first = True
        for number, line in lines:
            if not line.strip():
                continue
            if first and is_one_array(line):
                raise ToolError(
                    f"{lines.name}:{number}: this file is one JSON value, and the trainer takes a "
                    "conversation a line; --read-as auto reads it, --jsonl writes it as the trainer takes it"
                )
            first = False
            yield written(trainer_item(number, line), question.write_as)
        return
    for record in records_of(lines):
        yield written(converted_item(record, question.read_as), question.write_as)


def trainer_item(number: int, line: bytes) -> Item:
    """A line as the trainer reads it.

    >>> trainer_item(7, b'{"instruction": "Hi", "output": "Ho"}').format
    'alpaca'
    """
    record, problem = parsed(number, line), problem_of_line(line)
    found = recognise(record.value)
    if problem:
        return Item(number, found, shown_as(record.value), problem)
    converted = read_messages(record.value)
    return Item(number, found, converted.conversation, lost=converted.lost)


def converted_item(record: Record, kind: str) -> Item:
    """A record in another format."""
    if record.problem:
        return Item(record.line, "unknown", problem=record.problem)
    found = recognise(record.value)
    try:
        converted = read_record(record.value, kind)
    except FormatError as error:
        return Item(record.line, found, problem=str(error))
    problem = problem_of(converted.conversation)
    return Item(record.line, found, converted.conversation, problem, lost=converted.lost)


def shown_as(value: object) -> dict[str, Any] | None:
    """The conversation to show: what could be rendered, though the trainer may not take it."""
    try:
        return read_messages(value).conversation
    except FormatError:
        return None


def written(item: Item, kind: str) -> Item:
    """The item with its record in the format asked for; one that this cannot say is a problem too."""
    if item.problem or item.conversation is None:
        return item
    try:
        record, lost = write_record(item.conversation, kind)
    except FormatError as error:
        return replace(item, problem=f"cannot be written as {kind}: {error}")
    return replace(item, written=record, lost=tuple(dict.fromkeys((*item.lost, *lost))))


# ---- what is built here ----


@dataclass(frozen=True)
class Beginning:
    """A chat before its places are filled: the line of each message if it was typed, its own values."""

    kind: str
    conversation: dict[str, Any]
    lines: tuple[int, ...] = ()
    own: Mapping[str, str] = field(default_factory=dict)
    lost: tuple[str, ...] = ()


def beginning_of(question: Question) -> Beginning:
    """The chat that a question begins with: a template, or its own text, typed or as JSON.

    >>> beginning_of(Question(text='[{"role": "user", "content": "Hi"}]')).kind
    'JSON'
    """
    if question.text is None:
        chosen = TEMPLATES[question.template]
        typed = read_typed(chosen.text)
        return Beginning("template", typed.conversation, typed.lines, chosen.fields)
    if question.text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
        converted = _from_json(question)
        return Beginning("JSON", converted.conversation, lost=converted.lost)
    try:
        typed = read_typed(question.text)
    except TypedError as error:
        raise ToolError(f"--text: {error}", "text") from None
    return Beginning("typed", typed.conversation, typed.lines)


def _from_json(question: Question) -> Converted:
    try:
        value = parse_json(question.text or "")
    except ValueError as error:
        raise ToolError(f"--text is not JSON: {error}", "text") from None
    kind = "messages" if question.read_as == TRAINER else question.read_as
    try:
        return read_record(value, kind)
    except FormatError as error:
        found = recognise(value)
        other = found in ("openai", "sharegpt", "alpaca") and question.read_as == TRAINER
        hint = f"; it is {found}, which --read-as {found} reads" if other else ""
        raise ToolError(f"--text is not valid: {error}{hint}", "text") from None


def built_items(question: Question, rows: Lines | None) -> Iterator[Item]:
    """The template filled: once, or for every row of values."""
    begins = beginning_of(question)
    given = given_values(question.set)
    wanted = places(begins.conversation)
    # JSON may hold braces of its own, so it is filled only where there is something to fill it with.
    fills = begins.kind != "JSON" or bool(given) or rows is not None
    for name in given:
        if name not in wanted:
            known = listing(map(say, wanted), "and") if wanted else "none"
            raise UsageError(
                f"--set {name}: the chat has no {{{{{name}}}}}; its places: {known}{nearest(name, wanted)}",
                "set",
            )
    if rows is None:
        yield _filled(question, begins, {**begins.own, **given} if fills else None, 1)
        return
    if not wanted:
        raise UsageError("--values: the chat has no place to fill; write one as {{name}}", "values")
    for row in rows_of(rows):
        if row.problem:
            yield Item(row.line, "values", problem=row.problem)
        else:
            yield _filled(question, begins, {**row.values, **given}, row.line)


def _filled(question: Question, begins: Beginning, values: dict[str, str] | None, line: int) -> Item:
    try:
        conversation = begins.conversation if values is None else fill(begins.conversation, values)
    except FillError as error:
        return Item(line, begins.kind, problem=_with_line(begins, str(error)))
    problem = _with_line(begins, problem_of(conversation))
    item = Item(line, begins.kind, tidy(conversation), problem, lost=begins.lost)
    return written(item, question.write_as)


def _with_line(begins: Beginning, problem: str) -> str:
    """A problem with the line of the text on which its message begins."""
    number = message_of(problem)
    if number is None or number > len(begins.lines):
        return problem
    return f"line {begins.lines[number - 1]} of the chat, {problem}"


def items_of(question: Question) -> tuple[str, Callable[[], Iterator[Item]]]:
    """Where the conversations come from, and a function that gives them from the first on, as often as asked.

    >>> name, items = items_of(Question())
    >>> name, [item.problem for item in items()]
    ('the template plain', [''])
    """
    path = file_of(question)
    if path is None:
        if question.values is not None:
            lines = Lines.of(question.values, "values")
            return lines.name, lambda: built_items(question, lines)
        name = f"the template {question.template}" if question.text is None else "the text"
        return name, lambda: built_items(question, None)
    words = {"--values": question.values, "--text": question.text, "--set": given_values(question.set)}
    if other := next((flag for flag, value in words.items() if value), None):
        raise UsageError(f"{other} builds conversations and --file reads them; use one", "file")
    lines = Lines.of(path)
    return lines.name, lambda: file_items(lines, question)
