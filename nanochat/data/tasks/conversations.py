"""A reader's own conversations: a file of lines, each one conversation in JSON.

    {"messages": [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "Ada."}]}
    [{"role": "user", "content": "Who are you?"}, {"role": "assistant", "content": "Ada."}]

The whole file is read and checked before a training begins: a line that is none is refused with its number
and the reason, not met after an hour. Standard library only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import NumberedTask
from nanochat.data.tasks.task import Conversation, Example
from nanochat.errors import UserError
from nanochat.tokenizer.chat import ConversationError, check_conversation, parts_of


def conversations(path: Path) -> NumberedTask:
    """The conversations of a file as a task, named after the file. UserError names what is wrong, and where.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp(), "mine.jsonl")
    >>> _ = path.write_text('[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]')
    >>> task = conversations(path)
    >>> task.name, len(task)
    ('mine', 1)
    """
    found = list(read_conversations(path))
    if not found:
        raise UserError(f"{path}: no conversation in it")
    return NumberedTask(path.stem, len(found), lambda number: Example(found[number]), grade_text)


def read_conversations(path: Path) -> Iterator[Conversation]:
    """The conversations of a file, each checked; empty lines are left out."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    with file:
        try:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield parse_conversation(line, f"{path}, line {number}")
        except OSError as error:  # a folder opens on some systems, and fails when it is read
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def parse_conversation(line: bytes, where: str) -> Conversation:
    """The conversation of one line. UserError begins with `where` and says why it is none.

    >>> parse_conversation(b'[{"role": "user", "content": "Hi"}]', "line 1")
    Traceback (most recent call last):
    nanochat.errors.UserError: line 1: it ends with the user's message, so there is no reply to learn
    """
    try:
        row: Any = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"{where}: not UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error})") from None
    conversation = {"messages": row} if isinstance(row, list) else row
    try:
        messages = check_conversation(conversation)
    except ConversationError as error:
        raise UserError(f"{where}: {error}") from None
    if messages[-1]["role"] != "assistant":
        raise UserError(
            f"{where}: it ends with the {messages[-1]['role']}'s message, so there is no reply to learn"
        )
    for number, message in enumerate(messages, 1):
        for part in parts_of(message):
            _check_text(part["text"], f"{where}: message {number}")
    return {"messages": messages}


def _check_text(words: str, where: str) -> None:
    """JSON can spell half of a surrogate pair, which no tokenizer can encode."""
    try:
        words.encode()
    except UnicodeEncodeError:
        raise UserError(f"{where}: half of a surrogate pair, which is no text") from None
