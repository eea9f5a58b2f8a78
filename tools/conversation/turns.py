"""Messages put together one after another, whichever format they come from.

Every format is read into this repository's own (`nanochat.tokenizer.chat`) and written from it, so each needs
to be known once. In some formats a call of a tool, its result and the text around them are messages of their
own; here they are parts of one message of the assistant, which `Turns` collects.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nanochat.tokenizer.chat import parts_of

Part = dict[str, str]


class FormatError(ValueError):
    """A record is not in the format it is read as, or says what the other format cannot say."""


@dataclass(frozen=True)
class Converted:
    """A conversation, and what of the record it does not say."""

    conversation: dict[str, Any]
    lost: tuple[str, ...] = ()


def tidy(conversation: Mapping[str, Any]) -> dict[str, Any]:
    """The conversation with nothing but what the trainer reads, each thing said in one way.

    Only `role` and `content` stay. Of parts, neighbouring texts are joined, and empty ones left out where
    there are others; a text alone is no list.

    >>> parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b", "id": 7}]
    >>> tidy({"messages": [{"role": "assistant", "content": parts}]})
    {'messages': [{'role': 'assistant', 'content': 'ab'}]}
    """
    return {"messages": [_tidy_message(message) for message in conversation["messages"]]}


def _tidy_message(message: Mapping[str, Any]) -> dict[str, Any]:
    joined: list[Part] = []
    for part in parts_of(message):
        if part["type"] == "text" and joined and joined[-1]["type"] == "text":
            joined[-1]["text"] += part["text"]
        else:
            joined.append({"type": part["type"], "text": part["text"]})
    if all(part["type"] == "text" for part in joined):
        return {"role": message["role"], "content": "".join(part["text"] for part in joined)}
    some = [part for part in joined if part["type"] != "text" or part["text"]]
    return {"role": message["role"], "content": some}


@dataclass
class Turns:
    """The messages so far.

    >>> turns = Turns()
    >>> turns.user("37*12?")
    >>> turns.call("37*12", "call_1")
    >>> turns.result("444", "call_1")
    >>> turns.text("It is 444.")
    >>> [part["type"] for part in turns.converted().conversation["messages"][1]["content"]]
    ['python', 'python_output', 'text']
    """

    messages: list[dict[str, Any]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    pending: dict[str, Part] = field(default_factory=dict)  # calls without a result, by their id
    calls: int = 0

    def lose(self, what: str) -> None:
        """Remember what the conversation does not say."""
        if what not in self.lost:
            self.lost.append(what)

    def system(self, text: str) -> None:
        """What stands before everything; several of them become one."""
        if not self.messages:
            self.messages.append({"role": "system", "content": text})
        elif [message["role"] for message in self.messages] == ["system"]:
            self.messages[0]["content"] += "\n\n" + text
            self.lose("where one system message ends and the next begins")
        else:
            number = len(self.messages) + 1
            raise FormatError(
                f"message {number}: a system message after the first message; nanochat has it only before"
            )

    def user(self, text: str) -> None:
        """A question."""
        self.pending = {}
        self.messages.append({"role": "user", "content": text})

    def text(self, text: str) -> None:
        """A text of the assistant: after a call it goes on with the message, else it begins one."""
        self.pending = {}
        parts = self._open_parts()
        if parts and parts[-1]["type"] != "text":
            parts.append({"type": "text", "text": text})
        else:
            self.messages.append({"role": "assistant", "content": [{"type": "text", "text": text}]})

    def call(self, code: str, name: str = "") -> None:
        """Code that the assistant writes. `name` is how its result will name it."""
        parts = self._open_parts()
        if parts is None:
            parts = []
            self.messages.append({"role": "assistant", "content": parts})
        part = {"type": "python", "text": code}
        parts.append(part)
        self.calls += 1
        self.pending[name or f"#{self.calls}"] = part

    def result(self, text: str, name: str = "") -> None:
        """What a call printed: the named one, else the first that waits; it goes right behind its code."""
        parts = self._open_parts()
        known = name or next(iter(self.pending), "")
        if parts is None or known not in self.pending:
            raise FormatError(f"message {len(self.messages) + 1}: the result of a tool that nobody called")
        code = self.pending.pop(known)
        at = next(at for at, part in enumerate(parts) if part is code)
        parts.insert(at + 1, {"type": "python_output", "text": text})

    def _open_parts(self) -> list[Part] | None:
        if not self.messages or self.messages[-1]["role"] != "assistant":
            return None
        parts: list[Part] = self.messages[-1]["content"]
        return parts

    def converted(self) -> Converted:
        """All of it, tidied."""
        return Converted(tidy({"messages": self.messages}), tuple(self.lost))
