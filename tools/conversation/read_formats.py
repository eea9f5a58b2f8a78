"""Records in the formats that other projects use, as conversations of this one.

    messages   {"messages": [{"role": …, "content": …}]}, and bare arrays: this repository's own
    openai     {"messages": …} with system or developer, content parts, tool calls and their results
    sharegpt   {"conversations": [{"from": "human", "value": …}, {"from": "gpt", "value": …}]}
    alpaca     {"instruction": …, "input": …, "output": …}

ShareGPT's `function_call` and `observation`, and Alpaca's `system` and `history`, are as LLaMA-Factory's
documentation of its data has them. The only tool that a nanochat model can call is Python: a call of it
becomes a `python` part. What changes nothing that is learned is left out and said to be lost; a record of
which the meaning would change (an image, a call of another tool) is refused.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tools.conversation.turns import Converted, FormatError, Turns, tidy

PYTHON_NAMES = (
    "python",
    "calculator",
    "code_interpreter",
    "execute_python",
    "python_interpreter",
    "run_python",
)
CODE_KEYS = ("code", "expression", "input", "query", "source")
TEXT_PARTS = {"text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"}
SPEAKERS = {
    "human": "user", "user": "user",
    "gpt": "assistant", "assistant": "assistant", "chatgpt": "assistant", "model": "assistant",
    "system": "system", "function_call": "call", "observation": "result", "tool": "result",
}  # fmt: skip


def recognise(record: object) -> str:
    """Which format a record is in: messages, array, openai, sharegpt, alpaca, or unknown.

    >>> recognise([{"role": "user", "content": "Hi"}]), recognise({"instruction": "Hi", "output": "Ho"})
    ('array', 'alpaca')
    >>> recognise({"messages": [{"role": "developer", "content": "Be brief."}]}), recognise({"text": "Hi"})
    ('openai', 'unknown')
    """
    if isinstance(record, list):
        if any(isinstance(one, Mapping) and "from" in one for one in record):
            return "sharegpt"
        return "openai" if any(map(_only_openai, record)) else "array"
    if not isinstance(record, Mapping):
        return "unknown"
    if isinstance(messages := record.get("messages"), list):
        return "openai" if any(map(_only_openai, messages)) else "messages"
    if "conversations" in record:
        return "sharegpt"
    return "alpaca" if "instruction" in record else "unknown"


def _only_openai(message: object) -> bool:
    """Whether a message says something in a way that this repository's own format does not have."""
    if not isinstance(message, Mapping):
        return False
    if message.get("role") in ("developer", "tool", "function") or message.keys() & {
        "tool_calls", "function_call",
    }:  # fmt: skip
        return True
    content = message.get("content")
    if not isinstance(content, list):
        return False
    types = {part.get("type") for part in content if isinstance(part, Mapping)}
    return message.get("role") != "assistant" or bool(types & {"output_text", "refusal"})


def read_record(record: object, kind: str) -> Converted:
    """A record as a conversation; `kind` is its format, or `auto`. Raises FormatError if it cannot be one.

    >>> read_record({"instruction": "Add.", "input": "2 and 2", "output": "4"}, "auto").lost
    ('where the instruction ends and the input begins',)
    """
    found = recognise(record) if kind == "auto" else kind
    readers = {
        "messages": read_messages,
        "array": read_messages,
        "openai": read_openai,
        "sharegpt": read_sharegpt,
        "alpaca": read_alpaca,
    }
    if found not in readers:
        raise FormatError("no known format: it has no messages, conversations or instruction")
    return readers[found](record)


def read_messages(record: object) -> Converted:
    """This repository's own format, with or without `{"messages": …}` around it."""
    from nanochat.tokenizer.chat import ConversationError, check_conversation

    conversation: Any = {"messages": record} if isinstance(record, list) else record
    try:
        messages = check_conversation(conversation)
    except ConversationError as error:
        raise FormatError(str(error)) from None
    lost = [f"the field {key}" for key in conversation if key != "messages"]
    lost += [
        f"the message's field {key}" for one in messages for key in one if key not in ("role", "content")
    ]
    return Converted(tidy(conversation), tuple(dict.fromkeys(lost)))


# ---- OpenAI ----


def read_openai(record: object) -> Converted:
    """A record of OpenAI's fine-tuning files, or a request's messages.

    >>> call = {
    ...     "id": "c1",
    ...     "type": "function",
    ...     "function": {"name": "python", "arguments": '{"code": "2+2"}'},
    ... }
    >>> read_openai(
    ...     {
    ...         "messages": [
    ...             {"role": "user", "content": [{"type": "text", "text": "2+2?"}]},
    ...             {"role": "assistant", "content": None, "tool_calls": [call]},
    ...             {"role": "tool", "tool_call_id": "c1", "content": "4"},
    ...         ]
    ...     }
    ... ).conversation["messages"][1]["content"]
    [{'type': 'python', 'text': '2+2'}, {'type': 'python_output', 'text': '4'}]
    """
    bare = isinstance(record, list)
    messages = (
        record
        if isinstance(record, list)
        else record.get("messages")
        if isinstance(record, Mapping)
        else None
    )
    if not isinstance(messages, list):
        raise FormatError('OpenAI\'s format is {"messages": [...]}; this record has no list of messages')
    turns = Turns()
    if not bare:
        _lose_fields(turns, record, ("messages",))
    for number, message in enumerate(messages, 1):
        if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
            raise FormatError(f"message {number}: it has no role")
        _openai_message(turns, message, f"message {number}")
    return turns.converted()


def _openai_message(turns: Turns, message: Mapping[str, Any], where: str) -> None:
    role = message["role"]
    known = ["role", "content"]
    if role in ("system", "developer"):
        turns.system(_openai_text(message, where))
    elif role == "user":
        turns.user(_openai_text(message, where))
    elif role in ("tool", "function"):
        known += ["tool_call_id", "name"]
        turns.result(_openai_text(message, where), str(message.get("tool_call_id") or ""))
    elif role == "assistant":
        known += ["tool_calls", "function_call", "refusal"]
        _openai_answer(turns, message, where)
    else:
        raise FormatError(
            f"{where}: the role is {role[:40]!r}; OpenAI has system, developer, user, assistant, tool"
        )
    if role == "assistant" and message.get("weight") in (0, 0.0):
        turns.lose("weight 0: nanochat learns every answer of the assistant")
        known.append("weight")
    _lose_fields(turns, message, known, "the message's field")


def _openai_answer(turns: Turns, message: Mapping[str, Any], where: str) -> None:
    calls = message.get("tool_calls") or []
    if message.get("function_call"):
        calls = [{"function": message["function_call"]}]
    if not isinstance(calls, list):
        raise FormatError(f"{where}: tool_calls is no list")
    if message.get("content") is not None or not calls:
        text = (
            message["refusal"]
            if isinstance(message.get("refusal"), str) and not message.get("content")
            else None
        )
        text = _openai_text(message, where) if text is None else text
        if text or not calls:
            turns.text(text)
    if len(calls) > 1:
        turns.lose("that several calls were made at once: here one comes after the other")
    for call in calls:
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping):
            raise FormatError(f"{where}: a tool call without a function")
        code = python_code(turns, function.get("name"), function.get("arguments"), where)
        turns.call(code, str(call.get("id") or ""))


def _openai_text(message: Mapping[str, Any], where: str) -> str:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise FormatError(
            f"{where}: the content is {type(content).__name__}; it must be a text or a list of parts"
        )
    texts = []
    for number, part in enumerate(content, 1):
        kind = part.get("type") if isinstance(part, Mapping) else None
        text = part.get(TEXT_PARTS[kind]) if isinstance(kind, str) and kind in TEXT_PARTS else None
        if not isinstance(text, str):
            raise FormatError(
                f"{where}, part {number}: {str(kind)[:40]!r} is no text, and nanochat reads text only"
            )
        texts.append(text)
    return "".join(texts)


def python_code(turns: Turns, name: object, arguments: object, where: str) -> str:
    """The code of a call, if it calls Python; any other tool does not exist here."""
    if name not in PYTHON_NAMES:
        raise FormatError(f"{where}: it calls the tool {str(name)[:40]!r}; nanochat has only python")
    if name != "python":
        turns.lose(f"that the tool was named {name}: here it is python")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return str(arguments)  # some write the code itself, without a name for it
    if isinstance(arguments, Mapping) and len(arguments) == 1:
        key, code = next(iter(arguments.items()))
        if key in CODE_KEYS and isinstance(code, str):
            return code
    raise FormatError(f'{where}: the arguments of a call of python are {{"code": "..."}}')


# ---- ShareGPT ----


def read_sharegpt(record: object) -> Converted:
    """A record of ShareGPT's format.

    >>> read_sharegpt(
    ...     {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Ho"}]}
    ... ).conversation["messages"][0]
    {'role': 'user', 'content': 'Hi'}
    """
    turns = Turns()
    said = record
    if isinstance(record, Mapping):
        said = record.get("conversations")
        if isinstance(system := record.get("system"), str) and system:
            turns.system(system)
        _lose_fields(turns, record, ("conversations", "system"))
    if not isinstance(said, list):
        raise FormatError('ShareGPT\'s format is {"conversations": [...]}; this record has no such list')
    for number, one in enumerate(said, 1):
        where = f"message {number}"
        if not isinstance(one, Mapping) or not isinstance(one.get("value"), str):
            raise FormatError(f'{where}: it is not {{"from": ..., "value": "..."}}')
        speaker = one.get("from")
        role = SPEAKERS.get(speaker) if isinstance(speaker, str) else None
        if role == "system":
            turns.system(one["value"])
        elif role == "user":
            turns.user(one["value"])
        elif role == "assistant":
            turns.text(one["value"])
        elif role == "result":
            turns.result(one["value"])
        elif role == "call":
            turns.call(_sharegpt_code(turns, one["value"], where))
        else:
            known = ", ".join(SPEAKERS)
            raise FormatError(f"{where}: it is from {str(speaker)[:40]!r}; known are {known}")
        _lose_fields(turns, one, ("from", "value"), "the message's field")
    return turns.converted()


def _sharegpt_code(turns: Turns, value: str, where: str) -> str:
    try:
        call = json.loads(value)
    except (ValueError, RecursionError):
        call = None
    if not isinstance(call, Mapping):
        raise FormatError(f"{where}: a function_call is JSON with a name and arguments")
    return python_code(turns, call.get("name"), call.get("arguments"), where)


# ---- Alpaca ----


def read_alpaca(record: object) -> Converted:
    r"""A record of Alpaca's format: the instruction, a blank line and the input are the question.

    >>> read_alpaca({"instruction": "Add.", "input": "2 and 2", "output": "4"}).conversation["messages"][0]
    {'role': 'user', 'content': 'Add.\n\n2 and 2'}
    """
    if not isinstance(record, Mapping):
        raise FormatError('Alpaca\'s format is {"instruction": ..., "input": ..., "output": ...}')
    fields = {key: record.get(key, "") for key in ("instruction", "input", "output", "system")}
    for key, value in fields.items():
        if key in ("instruction", "output") and key not in record:
            raise FormatError(f"the field {key} is missing")
        if not isinstance(value, str) and not (value is None and key in ("input", "system")):
            raise FormatError(f"the field {key} is {type(value).__name__}, not a text")
    turns = Turns()
    if fields["system"]:
        turns.system(fields["system"])
    history = record.get("history") or []
    for number, pair in enumerate(history if isinstance(history, list) else [None], 1):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(one, str) for one in pair):
            raise FormatError(f"history, pair {number}: it is not a question and an answer")
        turns.user(pair[0])
        turns.text(pair[1])
    if fields["input"]:
        turns.lose("where the instruction ends and the input begins")
    turns.user("\n\n".join(filter(None, (fields["instruction"], fields["input"]))))
    turns.text(fields["output"])
    _lose_fields(turns, record, (*fields, "history"))
    return turns.converted()


def _lose_fields(turns: Turns, record: object, known: Any, what: str = "the field") -> None:
    if isinstance(record, Mapping):
        for key in record:
            if key not in known and record[key] is not None:
                turns.lose(f"{what} {str(key)[:40]}")
