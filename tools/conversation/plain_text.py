r"""A chat as people type it: a word and a colon begin a message, everything else goes on with the one before.

    system: Answer briefly.
    user: What is 37 times 12?
    assistant: Let me see:
    python: 37*12
    output: 444
    assistant: It is 444.

`python:` and `output:` belong to the assistant's message, and so does an `assistant:` after them. Blank lines
at the end of a message are left out, and so are those between a word that stands alone and its text. A line
that would be read otherwise is written with a backslash in front, which is taken away: `\user: is a word`.
With that, `read_typed(write_typed(chat))` gives every chat back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from nanochat.tokenizer.chat import parts_of
from tools.conversation.turns import tidy

WORDS = ("system", "user", "assistant", "python", "output")
PART_TYPES = {"assistant": "text", "python": "python", "output": "python_output"}
HEAD = re.compile(rf"({'|'.join(WORDS)}): ?(.*)", re.IGNORECASE | re.DOTALL)
NEARLY = re.compile(r"([A-Za-z]{3,12}):")
ALIKE = 0.85  # asistant is an assistant misspelt, and users may well be users


class TypedError(ValueError):
    """The text is no chat; the message begins with the line."""


@dataclass(frozen=True)
class Typed:
    """A chat, and the line on which each of its messages begins."""

    conversation: dict[str, Any]
    lines: tuple[int, ...]


@dataclass
class _Block:
    word: str
    line: int
    first: str
    more: list[str]

    @property
    def content(self) -> str:
        more = list(self.more)
        while more and not more[-1].strip():
            more.pop()
        if not self.first:
            while more and not more[0].strip():
                more.pop(0)
        plain = [line.removeprefix("\\") for line in more]
        return "\n".join(plain if not self.first and plain else [self.first, *plain])


def read_typed(text: str) -> Typed:
    """The chat that a text says; whether the trainer takes it is for `tools.conversation.check` to say.

    >>> read_typed("user: 2+2?\\nassistant: 4").conversation
    {'messages': [{'role': 'user', 'content': '2+2?'}, {'role': 'assistant', 'content': '4'}]}
    >>> read_typed("user: 2+2?\\nasistant: 4")
    Traceback (most recent call last):
    tools.conversation.plain_text.TypedError: line 2: 'asistant:' begins no message; did you mean \
assistant:? A backslash in front keeps the line as text
    """
    messages: list[dict[str, Any]] = []
    lines: list[int] = []
    for block in _blocks(text.removeprefix("\ufeff").replace("\r\n", "\n")):
        if block.word in ("system", "user"):
            messages.append({"role": block.word, "content": block.content})
            lines.append(block.line)
            continue
        part = {"type": PART_TYPES[block.word], "text": block.content}
        parts = messages[-1]["content"] if messages and messages[-1]["role"] == "assistant" else None
        if parts and (block.word != "assistant" or parts[-1]["type"] != "text"):
            parts.append(part)
        else:
            messages.append({"role": "assistant", "content": [part]})
            lines.append(block.line)
    return Typed(tidy({"messages": messages}), tuple(lines))


def _blocks(text: str) -> Iterator[_Block]:
    """The text cut at the words that begin a message or a part."""
    block: _Block | None = None
    for number, line in enumerate(text.split("\n"), 1):
        if head := HEAD.fullmatch(line):
            if block:
                yield block
            block = _Block(head[1].lower(), number, head[2], [])
            continue
        if meant := _misspelt(line):
            written = line.partition(":")[0]
            raise TypedError(
                f"line {number}: '{written}:' begins no message; did you mean {meant}:? "
                "A backslash in front keeps the line as text"
            )
        if block:
            block.more.append(line)
        elif line.strip():
            raise TypedError(f"line {number}: a chat begins with user: or system:, not with {line[:40]!r}")
    if block is None:
        raise TypedError("line 1: there is nothing; a chat begins with user: or system:")
    yield block


def _misspelt(line: str) -> str:
    """The word that the one at the beginning of a line is nearly, or nothing.

    >>> _misspelt("sytem: hi"), _misspelt("users: 30"), _misspelt("Note: hi")
    ('system', '', '')
    """
    nearly = NEARLY.match(line)
    if not nearly or nearly[1].lower().removesuffix("s") in WORDS:
        return ""
    return next(iter(get_close_matches(nearly[1].lower(), WORDS, 1, ALIKE)), "")


def write_typed(conversation: Mapping[str, Any]) -> str:
    r"""The text that `read_typed` reads as this conversation (line breaks as `\n`, its parts tidied).

    >>> print(
    ...     write_typed(
    ...         {
    ...             "messages": [
    ...                 {"role": "user", "content": "a\nuser: b"},
    ...                 {"role": "assistant", "content": "c"},
    ...             ]
    ...         }
    ...     )
    ... )
    user: a
    \user: b
    assistant: c
    """
    words = {kind: word for word, kind in PART_TYPES.items()}
    blocks = []
    for message in tidy(conversation)["messages"]:
        if message["role"] == "assistant":
            blocks += [_written(words[part["type"]], part["text"]) for part in parts_of(message)]
        else:
            blocks.append(_written(message["role"], message["content"]))
    return "\n".join(blocks)


def _written(word: str, content: str) -> str:
    first, *more = content.split("\n")
    if more and not first:  # the word stands alone, and all lines follow
        more = [first, *more]
        first = ""
    inside = range(
        next((at for at, line in enumerate(more) if first or line.strip()), len(more)),
        max((at + 1 for at, line in enumerate(more) if line.strip()), default=0),
    )
    lines = [
        "\\" + line if at not in inside or line.startswith("\\") or HEAD.fullmatch(line) or _misspelt(line)
        else line
        for at, line in enumerate(more)
    ]  # fmt: skip
    return "\n".join([f"{word}: {first}" if first else f"{word}:", *lines])
