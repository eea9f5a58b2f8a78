"""What the conversation template builder can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.conversation.templates import TEMPLATES
from tools.core import parameters as ask

BUILD, CHECK, CONVERT, MORE = "Build", "Check a file", "Convert", "More"
READ_AS = {
    "trainer": "as the trainer does: what is not in its format is invalid",
    "auto": "recognise the format of each record",
    "openai": "OpenAI: messages with content parts and tool calls",
    "sharegpt": "ShareGPT: conversations with from and value",
    "alpaca": "Alpaca: instruction, input, output",
}
WRITE_AS = {
    "messages": 'messages: {"messages": [...]}, what the trainer reads',
    "array": "array: the bare list of messages, which it reads too",
    "folded": "folded: the system message in front of the first question",
    "openai": "OpenAI: with tool calls",
    "sharegpt": "ShareGPT",
    "alpaca": "Alpaca",
}
EXAMPLES = {
    "classroom": "classroom.jsonl: 60 conversations of this project",
    "openai": "openai.jsonl: the same for OpenAI",
    "sharegpt": "sharegpt.json: the same for ShareGPT, one array",
    "alpaca": "alpaca.json: those without a tool, for Alpaca",
    "broken": "broken.jsonl: ten of them, four damaged",
}


@dataclass(frozen=True)
class Question:
    """Without anything said, the first template, filled with its own values.

    >>> Question().template
    'plain'
    """

    template: str = ask.choice(
        "plain", {name: one.title for name, one in TEMPLATES.items()}, "a chat to begin with", group=BUILD
    )
    text: str | None = ask.text(
        None,
        "your own instead: lines that begin with user:, assistant:, system:, python: or output:; or a "
        "conversation as JSON",
        multiline=True,
        high=1_000_000,
        group=BUILD,
        label="Your own chat",
    )
    set: tuple[str, ...] = ask.text(
        (), "a value for {{name}} in the chat, as name=value", many=True, group=BUILD, label="Values"
    )
    values: Path | None = ask.file(  # noqa: RUF009 (it makes a field, as the others do)
        "CSV or JSONL with a row of values for each conversation",
        suffixes=[".csv", ".tsv", ".jsonl"],
        stdin=True,
        group=BUILD,
        label="File of values",
    )

    file: Path | None = ask.file(  # noqa: RUF009
        "conversations to check, preview and convert: JSONL, or one JSON array",
        suffixes=[".jsonl", ".json"],
        stdin=True,
        positional=True,
        group=CHECK,
        label="Conversations",
    )
    example: str | None = ask.choice(
        None, EXAMPLES, "an example instead of a file", group=CHECK, label="Example"
    )
    line: int | None = ask.integer(
        None, "the line of the conversation to show (default: the first valid one)", low=1, group=CHECK
    )

    read_as: str = ask.choice("trainer", READ_AS, "how to read records", group=CONVERT)
    write_as: str = ask.choice("messages", WRITE_AS, "the format to write", group=CONVERT)
    skip_invalid: bool = ask.flag(
        "leave invalid records out and say which, instead of failing", group=CONVERT
    )

    ranks: Path | None = ask.file(  # noqa: RUF009
        "the rank file of a tokenizer you trained (default: the small one that comes with the code)",
        suffixes=[".tiktoken"],
        group=MORE,
        label="Rank file",
    )
    rows: int = ask.integer(20, "most rows in a table", low=1, high=100_000, group=MORE)
    colored: int = ask.integer(
        2_000, "most tokens to show in colours", low=1, high=1_000_000, group=MORE, label="Coloured tokens"
    )

    def __post_init__(self) -> None:
        # A form's empty field is one empty line, which says nothing.
        object.__setattr__(self, "set", tuple(word for word in self.set if word.strip()))
