"""A conversation as token ids, and the mask that says which of them the model is to learn.

A conversation is a dictionary with a list of messages, as in most data sets:

    {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}

Messages alternate, user first. One system message may come before them: there is no special token for it, so
its text goes in front of the first user message. An assistant's content may also be a list of parts, to show
the use of tools: `text`, `python` (code the model writes) and `python_output` (what the code printed).

The mask is 1 where the model itself has to write the token: the assistant's text, its code with the markers
around it, and the end of its turn. It is 0 for everything others write, the output of its code included.
A marker that the model writes must be learned, or it could never call a tool or stop.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nanochat.tokenizer.tokenizer import Tokenizer

# Part type → the special tokens around it, and whether the model writes it.
PARTS: dict[str, tuple[str | None, str | None, bool]] = {
    "text": (None, None, True),
    "python": ("<|python_start|>", "<|python_end|>", True),
    "python_output": ("<|output_start|>", "<|output_end|>", False),
}


class ConversationError(ValueError):
    """A conversation is not in the format above; the message says which message and why."""


def render_conversation(
    tokenizer: Tokenizer, conversation: Mapping[str, Any], max_tokens: int | None = None
) -> tuple[list[int], list[int]]:
    """Token ids and mask of a whole conversation, cut off after `max_tokens` if that is given.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> ids, mask = render_conversation(
    ...     tokenizer,
    ...     {"messages": [{"role": "user", "content": "no?"}, {"role": "assistant", "content": "no."}]},
    ... )
    >>> for token_id, learn in zip(ids, mask):
    ...     print(learn, tokenizer.decode([token_id]))
    0 <|bos|>
    0 <|user_start|>
    0 n
    0 o
    0 ?
    0 <|user_end|>
    0 <|assistant_start|>
    1 n
    1 o
    1 .
    1 <|assistant_end|>
    """
    if max_tokens is not None and max_tokens < 1:
        raise ValueError(f"max_tokens={max_tokens} must be 1 or more")
    writer = _Writer(tokenizer)
    writer.special("<|bos|>", learn=0)
    for message in _merge_system(check_conversation(conversation)):
        if message["role"] == "user":
            writer.special("<|user_start|>", learn=0)
            writer.text(message["content"], learn=0)
            writer.special("<|user_end|>", learn=0)
        else:
            writer.special("<|assistant_start|>", learn=0)
            for part in parts_of(message):
                writer.part(part["type"], part["text"])
            writer.special("<|assistant_end|>", learn=1)
    return writer.ids[:max_tokens], writer.mask[:max_tokens]


def render_prompt(tokenizer: Tokenizer, conversation: Mapping[str, Any]) -> list[int]:
    """Ids that ask the model for the next assistant message: the last message must be a user's.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> ids = render_prompt(sample_tokenizer(), {"messages": [{"role": "user", "content": "no?"}]})
    >>> sample_tokenizer().decode(ids)
    '<|bos|><|user_start|>no?<|user_end|><|assistant_start|>'
    """
    messages = check_conversation(conversation)
    if messages[-1]["role"] != "user":
        raise ConversationError(
            f"message {len(messages)}: the last message is the {messages[-1]['role']}'s; a prompt ends with "
            "the user's"
        )
    ids, _ = render_conversation(tokenizer, conversation)
    return [*ids, tokenizer.special_id("<|assistant_start|>")]


def check_conversation(conversation: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The messages of a conversation in the right format; raises ConversationError for any other.

    >>> check_conversation({"messages": [{"role": "assistant", "content": "Hello"}]})
    Traceback (most recent call last):
    ...
    nanochat.tokenizer.chat.ConversationError: message 1: the role is 'assistant', expected 'user': messages \
alternate, user first
    """
    messages = conversation.get("messages") if isinstance(conversation, Mapping) else None
    if not isinstance(messages, list):
        raise ConversationError('a conversation is {"messages": [...]}; this one has no list of messages')
    has_system = bool(messages) and isinstance(messages[0], Mapping) and messages[0].get("role") == "system"
    if len(messages) == has_system:
        raise ConversationError("the conversation has no user message")
    for number, message in enumerate(messages, 1):
        _check_message(number, message)
        expected = "user" if (number - 1 - has_system) % 2 == 0 else "assistant"
        if number == 1 and has_system:
            expected = "system"
        if message["role"] != expected:
            raise ConversationError(
                f"message {number}: the role is {message['role']!r}, expected {expected!r}: "
                "messages alternate, user first"
            )
    return messages


def parts_of(message: Mapping[str, Any]) -> list[dict[str, str]]:
    """The parts of a message's content; a plain text is one part.

    >>> parts_of({"role": "assistant", "content": "Four."})
    [{'type': 'text', 'text': 'Four.'}]
    """
    content = message["content"]
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _check_message(number: int, message: object) -> None:
    if not isinstance(message, Mapping) or not {"role", "content"} <= message.keys():
        raise ConversationError(f'message {number}: a message is {{"role": ..., "content": ...}}')
    role, content = message["role"], message["content"]
    if role not in ("system", "user", "assistant"):
        raise ConversationError(f"message {number}: the role is {role!r}; use system, user or assistant")
    if isinstance(content, str):
        return
    if not isinstance(content, list):
        raise ConversationError(
            f"message {number}: the content is {type(content).__name__}; use a text or a list of parts"
        )
    if role != "assistant":
        raise ConversationError(f"message {number}: only an assistant's content may be a list of parts")
    for part_number, part in enumerate(content, 1):
        where = f"message {number}, part {part_number}"
        if not isinstance(part, Mapping) or not isinstance(part.get("text"), str):
            raise ConversationError(f'{where}: a part is {{"type": ..., "text": "..."}}')
        if part.get("type") not in tuple(PARTS):
            raise ConversationError(f"{where}: the type is {part.get('type')!r}; use {', '.join(PARTS)}")


def _merge_system(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put the text of a first system message in front of the first user message."""
    if messages[0]["role"] != "system":
        return messages
    system, user, *others = messages
    return [{"role": "user", "content": f"{system['content']}\n\n{user['content']}"}, *others]


class _Writer:
    """Collects ids and mask side by side, so that they cannot get out of step."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.ids: list[int] = []
        self.mask: list[int] = []

    def special(self, text: str, learn: int) -> None:
        self.ids.append(self.tokenizer.special_id(text))
        self.mask.append(learn)

    def text(self, text: str, learn: int) -> None:
        ids = self.tokenizer.encode(text)
        self.ids += ids
        self.mask += [learn] * len(ids)

    def part(self, kind: str, text: str) -> None:
        before, after, learn = PARTS[kind]
        if before:
            self.special(before, learn=int(learn))
        self.text(text, learn=int(learn))
        if after:
            self.special(after, learn=int(learn))
