"""A conversation of this repository in each of the formats that `read_formats` reads, and folded.

Folded means: the system message stands in front of the first question, as the trainer puts it there anyway
(`nanochat.tokenizer.chat`), so the tokens are the same. It is for programs that know no system message.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from nanochat.tokenizer.chat import parts_of
from tools.conversation.turns import FormatError, tidy

Message = dict[str, Any]


def write_record(conversation: Mapping[str, Any], kind: str) -> tuple[Any, tuple[str, ...]]:
    """The record, and what of the conversation it does not say. Raises FormatError where it cannot say it.

    >>> chat = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    >>> write_record(chat, "alpaca")[0]
    {'instruction': 'Hi', 'input': '', 'output': 'Ho'}
    """
    return WRITERS[kind](tidy(conversation)["messages"])


def line_of(record: object) -> str:
    """A record as one line of JSON."""
    return json.dumps(record, ensure_ascii=False)


def to_messages(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """What the trainer reads."""
    return {"messages": messages}, ()


def to_array(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """The bare list of messages, which the trainer reads too."""
    return messages, ()


def to_folded(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """The same without a system message: its text stands in front of the first question.

    >>> to_folded([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}])[0]
    {'messages': [{'role': 'user', 'content': 'Be brief.\\n\\nWhy?'}]}
    """
    if not messages or messages[0]["role"] != "system":
        return {"messages": messages}, ()
    system, user, *others = messages
    first = {"role": "user", "content": f"{system['content']}\n\n{user['content']}"}
    return {"messages": [first, *others]}, ("where the system message ends and the question begins",)


def to_openai(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """OpenAI's format: each call is a tool call of `python`, its result a message of the tool."""
    written: list[Message] = []
    calls = 0
    for number, message in enumerate(messages, 1):
        if message["role"] != "assistant":
            written.append(message)
            continue
        waiting = False
        parts = parts_of(message)
        for part, before in zip(parts, [None, *parts], strict=False):
            if part["type"] == "text":
                written.append({"role": "assistant", "content": part["text"]})
                waiting = False
            elif part["type"] == "python":
                calls += 1
                if before is None or before["type"] != "text":
                    written.append({"role": "assistant", "content": None})
                code = json.dumps({"code": part["text"]}, ensure_ascii=False)
                function = {"name": "python", "arguments": code}
                written[-1]["tool_calls"] = [
                    {"id": f"call_{calls}", "type": "function", "function": function}
                ]
                waiting = True
            else:
                _check_called(waiting, number)
                written.append({"role": "tool", "tool_call_id": f"call_{calls}", "content": part["text"]})
                waiting = False
    return {"messages": written}, ()


def to_sharegpt(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """ShareGPT's format, calls and results as `function_call` and `observation`."""
    said: list[Message] = []
    for number, message in enumerate(messages, 1):
        if message["role"] != "assistant":
            said.append(
                {"from": "human" if message["role"] == "user" else "system", "value": message["content"]}
            )
            continue
        waiting = False
        for part in parts_of(message):
            if part["type"] == "text":
                said.append({"from": "gpt", "value": part["text"]})
            elif part["type"] == "python":
                if waiting:
                    raise FormatError(
                        f"message {number}: code without an output before other code; ShareGPT's format "
                        "cannot say which of them an output belongs to"
                    )
                call = {"name": "python", "arguments": {"code": part["text"]}}
                said.append({"from": "function_call", "value": json.dumps(call, ensure_ascii=False)})
            else:
                _check_called(waiting, number)
                said.append({"from": "observation", "value": part["text"]})
            waiting = part["type"] == "python"
    return {"conversations": said}, ()


def to_alpaca(messages: list[Message]) -> tuple[Any, tuple[str, ...]]:
    """Alpaca's format; earlier turns become its `history`, as LLaMA-Factory reads it."""
    for number, message in enumerate(messages, 1):
        if not isinstance(message["content"], str):
            raise FormatError(f"message {number}: it calls a tool, and Alpaca's format has none")
    system = messages[0]["content"] if messages[0]["role"] == "system" else None
    texts = [message["content"] for message in messages[system is not None :]]
    if len(texts) % 2:
        raise FormatError("it ends with a question, and Alpaca's format needs an answer")
    pairs = [list(pair) for pair in zip(texts[::2], texts[1::2], strict=True)]
    *history, (question, answer) = pairs
    record: Message = {"instruction": question, "input": "", "output": answer}
    if system is not None:
        record["system"] = system
    if history:
        record["history"] = history
    return record, ()


def _check_called(waiting: bool, number: int) -> None:
    if not waiting:
        raise FormatError(f"message {number}: an output that follows no code, which this format cannot say")


WRITERS: dict[str, Callable[[list[Message]], tuple[Any, tuple[str, ...]]]] = {
    "messages": to_messages,
    "array": to_array,
    "folded": to_folded,
    "openai": to_openai,
    "sharegpt": to_sharegpt,
    "alpaca": to_alpaca,
}
