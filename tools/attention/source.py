"""Where the trace of a question comes from: an example, a file, or a model that reads a text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from nanochat.tokenizer.chat import ConversationError, check_conversation
from tools.attention import live_trace
from tools.attention.measures import FIRST_ROW
from tools.attention.question import Question
from tools.attention.reading import Wanted
from tools.attention.trace import MOST_TOKENS, Trace
from tools.attention.trace_file import read_trace
from tools.attention.with_model import trace_from_model
from tools.core.errors import ToolError, UsageError
from tools.core.files import MEGABYTE, parse_json, read_json
from tools.core.given import is_page
from tools.core.words import listing
from tools.live.model import LiveModel

LONGEST_CHAT = MEGABYTE
JSON_BEGINS = ("{", "[")
EXAMPLE_FILE = "attention-{}.json"
WAYS = "a text, --chat, --chat-file, --repeat, --trace or --example"


def find_trace(question: Question) -> Trace:
    """The trace to look at, cut if that was asked for. A file goes before an example: a page has both."""
    given = [
        name
        for name in ("text", "chat", "chat_file", "repeat", "trace")
        if getattr(question, name) is not None
    ]
    if len(given) > 1:
        flags = listing(("--" + name.replace("_", "-") for name in given), "and")
        raise UsageError(f"{flags} say different things to look at; give one of them")
    idle = [name for name in ("run", "step", "device") if getattr(question, name) is not None]
    if idle and given in ([], ["trace"]):
        raise UsageError(f"--{idle[0]} goes with something for the model to read: a text, --chat or --repeat")
    if question.trace is not None:
        trace = read_trace(question.trace)
    elif given:
        trace = _by_model(question)
    elif question.example is not None:
        from tools.core.examples import example_file

        trace = read_trace(example_file(EXAMPLE_FILE.format(question.example)))
    else:
        raise UsageError(f"there is nothing to look at: give {WAYS}", parameter="trace")
    if question.first is not None:
        trace = trace.first(question.first)
    if len(trace.tokens) <= FIRST_ROW:
        raise ToolError(
            f"{len(trace.tokens)} tokens are too few to measure anything; {FIRST_ROW + 1} are needed"
        )
    return trace


def _by_model(question: Question) -> Trace:
    wanted = _wanted(question)
    if is_page():
        return live_trace.of_wanted(wanted, question.first)
    return trace_from_model(wanted, MOST_TOKENS, question.first)


async def ask_model(question: Question, model: LiveModel) -> None:
    """Have the model of the page read what a question is about."""
    await live_trace.ask_model(_wanted(question), question.first, model)


def _wanted(question: Question) -> Wanted:
    chat = _conversation(question)
    if question.text is not None and not question.text.strip():
        raise UsageError("the text is empty", parameter="text")
    return Wanted(
        question.text, chat, question.repeat, question.run, question.step, question.device, question.seed
    )


def _conversation(question: Question) -> dict[str, Any] | None:
    """The conversation asked for: a question, an object with messages, or the list of them alone."""
    if question.chat is not None:
        name, parameter = "--chat", "chat"
        words = question.chat.strip()
        if words[:1] in JSON_BEGINS:
            found = _parsed(words, name, parameter)
        else:
            found = [{"role": "user", "content": words}]
    elif question.chat_file is not None:
        parameter = "chat_file"
        name = "standard input" if str(question.chat_file) == "-" else str(question.chat_file)
        found = _from_file(question.chat_file)
    else:
        return None
    whole = {"messages": found} if isinstance(found, list) else found
    if not isinstance(whole, dict):
        raise ToolError(f'{name}: a conversation is {{"messages": [...]}}, or the list alone', parameter)
    try:
        check_conversation(whole)
    except ConversationError as error:
        raise ToolError(f"{name}: {error}", parameter) from None
    return whole


def _from_file(path: Path) -> object:
    if str(path) != "-":
        return read_json(path, LONGEST_CHAT, "a conversation", "chat_file")
    data = sys.stdin.buffer.read(LONGEST_CHAT + 1)
    if len(data) > LONGEST_CHAT:
        raise ToolError("standard input is longer than 1 MB, so it is no conversation", "chat_file")
    try:
        return _parsed(data.decode("utf-8-sig"), "standard input", "chat_file")
    except UnicodeDecodeError:
        raise ToolError("standard input is not UTF-8 text", "chat_file") from None


def _parsed(words: str, name: str, parameter: str) -> object:
    try:
        return parse_json(words)
    except ValueError as error:
        raise ToolError(f"{name} is not JSON: {error}", parameter) from None
