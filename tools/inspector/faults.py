"""Why the trainer refuses a record: every fault in it, not the first alone.

Whether a line is a good one is not decided here. The trainer's own function says that
(`nanochat.data.tasks.conversations.parse_conversation`), and only for a line it has refused are these asked.
A test holds the two equal: a record has a fault here exactly if the trainer refuses it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nanochat.tokenizer.chat import PARTS
from tools.core.files import parse_json
from tools.inspector.lines import LONGEST

ROLES = ("system", "user", "assistant")

ENCODING = "wrong encoding"
NOT_JSON = "not JSON"
TOO_LONG = "line too long"
NO_MESSAGES = "no messages"
MISSING_KEY = "missing key"
UNKNOWN_ROLE = "unknown role"
ROLE_ORDER = "role order"
WRONG_TYPE = "wrong type"
BAD_PART = "bad part"
NO_REPLY = "no reply"
NO_TEXT = "no text"
REFUSED = "refused"
KINDS = (
    ENCODING, NOT_JSON, TOO_LONG, NO_MESSAGES, MISSING_KEY, UNKNOWN_ROLE, ROLE_ORDER, WRONG_TYPE, BAD_PART,
    NO_REPLY, NO_TEXT, REFUSED,
)  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a record: its kind, and in words what and where in the record."""

    kind: str
    what: str


def too_long() -> Fault:
    """A line that this tool does not read. The trainer would, if it is right."""
    return Fault(TOO_LONG, f"more than {LONGEST // 2**20} MiB in one line: not looked at")


def row_of(line: bytes) -> object:
    """What a line says in JSON, or the `Fault` that it says nothing."""
    try:
        words = line.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = line[error.start]
        return Fault(ENCODING, f"byte 0x{found:02x} at position {error.start + 1:,} of the line is not UTF-8")
    try:
        return json.loads(words)
    except (ValueError, RecursionError):
        return Fault(NOT_JSON, _not_json(words))


def _not_json(words: str) -> str:
    stripped = words.strip()
    try:
        parse_json(stripped)
    except ValueError as error:
        said = str(error).replace("line 1, ", "")
        cut = stripped[:1] in ("{", "[") and stripped[-1:] not in ("}", "]")
        return f"{said}; the line ends before its last bracket" if cut else said
    return "brackets inside brackets, too deep to follow"


def conversation_faults(line: bytes) -> list[Fault]:
    """Every reason to refuse a line of conversations; none for a good one.

    >>> for fault in conversation_faults(b'[{"role": "human", "content": "Hi"}, {"role": "assistant"}]'):
    ...     print(fault.kind, "-", fault.what)
    unknown role - message 1: 'human' is none of system, user, assistant
    missing key - message 2: no key 'content'
    """
    row = row_of(line)
    if isinstance(row, Fault):
        return [row]
    messages = row if isinstance(row, list) else row.get("messages") if isinstance(row, dict) else None
    if not isinstance(messages, list):
        return [Fault(NO_MESSAGES, f"no list of messages, but {_shape(row)}")]
    faults: list[Fault] = []
    for number, message in enumerate(messages, 1):
        faults += [Fault(fault.kind, f"message {number}: {fault.what}") for fault in _message(message)]
    return [*faults, *_order(messages), *_ending(messages)]


def _shape(row: object) -> str:
    """What a row is instead.

    >>> _shape({"prompt": "Hi", "completion": "Ho"}), _shape(3)
    ("an object with 'prompt', 'completion'", 'a number')
    """
    if isinstance(row, dict):
        if "messages" in row:
            return f"'messages' is {_type(row['messages'])}"
        keys = ", ".join(repr(_short(key)) for key in list(row)[:4])
        return f"an object with {keys}" if keys else "an empty object"
    return _type(row)


def _type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _short(words: object, most: int = 30) -> str:
    text = str(words)
    return text if len(text) <= most else text[: most - 1] + "…"


def _role(message: object) -> object:
    return message.get("role") if isinstance(message, Mapping) else None


def _order(messages: list[Any]) -> Iterator[Fault]:
    """The first place where roles do not alternate, user first, after at most one system message."""
    has_system = bool(messages) and _role(messages[0]) == "system"
    if len(messages) == has_system:
        yield Fault(NO_MESSAGES, "a system message alone" if has_system else "the list of messages is empty")
    for number, message in enumerate(messages[has_system:], 1 + has_system):
        role, expected = _role(message), ("user", "assistant")[(number - 1 - has_system) % 2]
        if isinstance(role, str) and role in ROLES and role != expected:
            yield Fault(ROLE_ORDER, f"message {number} is the {role}'s where the {expected}'s belongs")
            return


def _message(message: object) -> Iterator[Fault]:
    if not isinstance(message, Mapping):
        yield Fault(WRONG_TYPE, f"a message is an object, this is {_type(message)}")
        return
    missing = [key for key in ("role", "content") if key not in message]
    for key in missing:
        yield Fault(MISSING_KEY, f"no key {key!r}")
    role = message.get("role")
    if "role" in message and not (isinstance(role, str) and role in ROLES):
        said = repr(_short(role)) if isinstance(role, str) else _type(role)
        yield Fault(UNKNOWN_ROLE, f"{said} is none of {', '.join(ROLES)}")
    if "content" in message:
        yield from _content(role, message["content"])


def _content(role: object, content: object) -> Iterator[Fault]:
    if isinstance(content, str):
        if _is_half(content):
            yield Fault(NO_TEXT, "half of a surrogate pair, which is no text")
    elif not isinstance(content, list):
        yield Fault(WRONG_TYPE, f"the content is {_type(content)}, not a text or a list of parts")
    elif role != "assistant":
        yield Fault(BAD_PART, "only an assistant's content may be a list of parts")
    else:
        for number, part in enumerate(content, 1):
            for fault in _part(part):
                yield Fault(fault.kind, f"part {number}: {fault.what}")


def _part(part: object) -> Iterator[Fault]:
    if not isinstance(part, Mapping):
        yield Fault(BAD_PART, f"a part is an object, this is {_type(part)}")
        return
    text, kind = part.get("text"), part.get("type")
    if not isinstance(text, str):
        has = "no key 'text'" if "text" not in part else f"its text is {_type(text)}"
        yield Fault(BAD_PART, has)
    elif _is_half(text):
        yield Fault(NO_TEXT, "half of a surrogate pair, which is no text")
    if not (isinstance(kind, str) and kind in PARTS):
        said = "no key 'type'" if "type" not in part else f"the type {_short(kind)!r}"
        yield Fault(BAD_PART, f"{said}; use {', '.join(PARTS)}")


def _ending(messages: list[Any]) -> Iterator[Fault]:
    if messages and _role(messages[-1]) == "user":
        yield Fault(NO_REPLY, "it ends with the user's message, so there is no reply to learn")


def _is_half(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def document_faults(line: bytes, field: str) -> list[Fault]:
    """Every reason to refuse a line of documents, as `nanochat data prepare` would; none for a good one.

    >>> document_faults(b'{"text": "Once"}', "text"), document_faults(b'{"body": "Once"}', "text")[0].what
    ([], "no field 'text'; it has 'body'")
    """
    row = row_of(line)
    if isinstance(row, Fault):
        return [row]
    if not isinstance(row, dict):
        return [Fault(WRONG_TYPE, f"a document is an object, this is {_type(row)}")]
    if field not in row:
        has = ", ".join(repr(_short(key)) for key in list(row)[:4]) or "none"
        return [Fault(MISSING_KEY, f"no field {field!r}; it has {has}")]
    if not isinstance(row[field], str):
        return [Fault(WRONG_TYPE, f"the field {field!r} is {_type(row[field])}, not a text")]
    return [Fault(NO_TEXT, "half of a surrogate pair, which is no text")] if _is_half(row[field]) else []
