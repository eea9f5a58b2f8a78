"""A conversation that goes on: question after answer, taken back, asked again, and fitted into the context.

The terminal keeps one; the server is sent one with every request. When it has grown longer than the model can
read, its oldest turns leave. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from nanochat.inference.request import Part
from nanochat.tokenizer.chat import render_prompt
from nanochat.tokenizer.tokenizer import Tokenizer

Message = dict[str, Any]
# Of the context, what stays free for an answer when old turns leave: a quarter.
ROOM = 4


class TooLong(ValueError):
    """A question that does not fit even alone; it knows the two numbers."""

    def __init__(self, tokens: int, context: int) -> None:
        self.tokens, self.context = tokens, context
        super().__init__(
            f"the question has {tokens:,} tokens; the model reads {context:,} in all, and one must be left "
            "to write"
        )


class Conversation:
    """Messages in the format of `nanochat.tokenizer.chat`, and the system text before them.

    >>> chat = Conversation()
    >>> chat.ask("2+2?")
    >>> chat.answer([Part("text", "4")])
    >>> chat.to_dict()
    {'messages': [{'role': 'user', 'content': '2+2?'}, {'role': 'assistant', 'content': '4'}]}
    >>> chat.take_back_answer(), chat.take_back_question(), chat.messages
    (True, '2+2?', [])
    """

    def __init__(self, system: str = "") -> None:
        self.system = system
        self.messages: list[Message] = []

    def ask(self, text: str) -> None:
        """Add a question."""
        self.messages.append({"role": "user", "content": text})

    def answer(self, parts: Iterable[Part]) -> None:
        """Add an answer: a text, or where tools were called the list of its parts."""
        self.messages.append({"role": "assistant", "content": content_of(parts)})

    def take_back_answer(self) -> bool:
        """Take the last answer away, so that its question stands last; False if there is none."""
        if not self.messages or self.messages[-1]["role"] != "assistant":
            return False
        self.messages.pop()
        return True

    def take_back_question(self) -> str | None:
        """Take the last question and its answer away; the question, or None if there is none."""
        self.take_back_answer()
        return str(self.messages.pop()["content"]) if self.messages else None

    def clear(self) -> None:
        """Begin anew; the system text stays."""
        self.messages = []

    def to_dict(self) -> dict[str, list[Message]]:
        """The conversation as data sets have it."""
        system = [{"role": "system", "content": self.system}] if self.system else []
        return {"messages": [*system, *self.messages]}


def content_of(parts: Iterable[Part]) -> str | list[dict[str, str]]:
    """The content of an assistant's message: stretches of text joined; a plain text if there is nothing else.

    >>> content_of([Part("text", "4"), Part("text", ".")])
    '4.'
    >>> content_of([Part("python", "2+2"), Part("python_output", "4")])
    [{'type': 'python', 'text': '2+2'}, {'type': 'python_output', 'text': '4'}]
    """
    joined: list[dict[str, str]] = []
    for part in parts:
        if part.type == "text" and joined and joined[-1]["type"] == "text":
            joined[-1]["text"] += part.text
        else:
            joined.append({"type": part.type, "text": part.text})
    if all(one["type"] == "text" for one in joined):
        return "".join(one["text"] for one in joined)
    return joined


def fit(
    tokenizer: Tokenizer, conversation: Mapping[str, Any], context: int, max_tokens: int
) -> tuple[list[int], int]:
    """The ids of a prompt with as many of the last turns as fit, and how many older turns were left out.

    Room stays for `max_tokens` of answer, or a quarter of the context if that is less. The system text always
    stays. Raises `TooLong` if the last question does not fit alone, and ConversationError for a wrong format.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> chat = Conversation()
    >>> for number in range(3):
    ...     chat.ask("no?" if number else "What is it?")
    ...     chat.answer([Part("text", "no.")])
    >>> chat.ask("no?")
    >>> ids, left_out = fit(sample_tokenizer(), chat.to_dict(), context=40, max_tokens=100)
    >>> len(ids), left_out
    (27, 1)
    """
    whole = render_prompt(tokenizer, conversation)
    limit = context - max(1, min(max_tokens, context // ROOM))
    if len(whole) <= limit:
        return whole, 0
    messages: Sequence[Message] = conversation["messages"]
    begin = int(messages[0]["role"] == "system")

    def without(turns: int) -> list[int]:
        kept = [*messages[:begin], *messages[begin + 2 * turns :]]
        return render_prompt(tokenizer, {"messages": kept})

    # Fewer turns are never longer, so the least number that must leave is found by halving.
    low, high = 1, (len(messages) - begin) // 2
    while low < high:
        middle = (low + high) // 2
        if len(without(middle)) <= limit:
            high = middle
        else:
            low = middle + 1
    ids = without(high) if high else whole
    if len(ids) >= context:
        raise TooLong(len(ids), context)
    return ids, high
