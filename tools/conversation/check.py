"""Whether the trainer takes a conversation, and what a person should look at although it does.

The judge is the function that `nanochat train sft --conversations` reads each line with, so no opinion of
this tool can differ from the trainer's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from nanochat.data.tasks.conversations import parse_conversation
from nanochat.errors import UserError
from nanochat.tokenizer.chat import parts_of
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS
from nanochat.toolbox.calculator import CalculatorError, calculate
from tools.conversation.records import in_one_line

HERE = "here"
MESSAGE = re.compile(r"message ([0-9]+)(?:, part [0-9]+)?: ")


def problem_of_line(line: bytes) -> str:
    """Why the trainer does not take a line of a file; nothing if it does.

    >>> problem_of_line(b'[{"role": "user", "content": "Hi"}]')
    "it ends with the user's message, so there is no reply to learn"
    """
    try:
        parse_conversation(line, HERE)
    except UserError as error:
        return in_one_line(str(error).removeprefix(f"{HERE}: "))
    return ""


def problem_of(conversation: object) -> str:
    """The same for a conversation at hand.

    >>> problem_of({"messages": []})
    'the conversation has no user message'
    """
    return problem_of_line(json.dumps(conversation).encode())


def message_of(problem: str) -> int | None:
    """Which message a problem speaks of, from 1.

    >>> message_of("message 3: the role is 'user'"), message_of("not JSON")
    (3, None)
    """
    found = MESSAGE.match(problem)
    return int(found[1]) if found else None


def doubts(conversation: Mapping[str, Any]) -> Iterator[str]:
    """What looks like a mistake in a conversation that is valid.

    >>> calls = [{"type": "python", "text": "2+2"}, {"type": "python_output", "text": "5"}]
    >>> list(
    ...     doubts(
    ...         {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": calls}]}
    ...     )
    ... )
    ['message 2: the output says 5, and the calculator prints 4']
    """
    for number, message in enumerate(conversation["messages"], 1):
        where = f"message {number}"
        code: str | None = None
        parts = parts_of(message)
        if not any(part["text"].strip() for part in parts):
            yield f"{where}: it is empty"
        for part in parts:
            if special := next((token for token in CHAT_SPECIALS if token in part["text"]), None):
                yield f"{where}: it spells {special}, which is read as ordinary characters"
            if part["type"] == "python_output":
                yield from (f"{where}: {doubt}" for doubt in _doubt_output(code, part["text"]))
            code = part["text"] if part["type"] == "python" else None


def _doubt_output(code: str | None, output: str) -> Iterator[str]:
    if code is None:
        yield "an output that follows no code"
        return
    try:
        right = calculate(code)
    except CalculatorError:
        return
    if output.strip() != right:
        yield f"the output says {output.strip()[:40]}, and the calculator prints {right[:40]}"
