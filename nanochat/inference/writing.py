"""One continuation under way: from the tokens that are chosen to text, calls of tools, and an end.

- bytes become text when a character is whole: a token may end inside of one
- what may be the beginning of a stop text is held back until that is decided
- between the markers of a call nothing is shown; then the call as a whole
- every special token ends the turn, but for the two around a call

Standard library only.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from typing import Protocol

from nanochat.inference.request import Finish, Generation, Part, Request
from nanochat.toolbox.tool_use import SpecialTokens, State, ToolUse

CALL_MARKERS = ("<|python_start|>", "<|python_end|>")


class Tokenizer(SpecialTokens, Protocol):
    """What is needed of a tokenizer."""

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token."""


class Writing:
    """A request's continuation as far as it has come.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> writing = Writing(Request(prompt=(2039,), max_tokens=50, stop_texts=("END",)), tokenizer)
    >>> [part.text for token_id in tokenizer.encode("é E. END") for part in writing.accept(token_id)]
    ['é', ' ', 'E.', ' ']
    >>> writing.finish, writing.generation().text
    ('stop', 'é E. ')
    """

    def __init__(self, request: Request, tokenizer: Tokenizer) -> None:
        self.request, self.tokenizer = request, tokenizer
        self.ids: list[int] = []
        self.sampled: list[bool] = []
        self.parts: list[Part] = []
        self.finish: Finish | None = None
        self.ended_with: int | None = None
        self.call: str | None = None  # the code of a complete call that waits for its result
        self.tool_use = ToolUse(tokenizer) if request.use_tools else None
        self.called: list[int] = []  # the ids of a call that is being written
        markers = {tokenizer.special_id(text) for text in CALL_MARKERS}
        self.markers, self.ends = markers, {*tokenizer.special_tokens.values()} - markers
        self.new_text()

    def new_text(self) -> None:
        """Begin a stretch of text."""
        self.bytes_to_text = codecs.getincrementaldecoder("utf-8")("replace")
        self.held = ""  # text that may be the beginning of a stop text

    def accept(self, token_id: int) -> list[Part]:
        """Take the token that the model chose; what can be shown because of it."""
        if token_id in self.ends or token_id in self.request.stop_ids:
            self.ended_with = token_id
            return self.end("stop")
        self.ids.append(token_id)
        self.sampled.append(True)
        shown = self.in_call(token_id) if self.tool_use else self.in_text([token_id])
        if self.finish is None and len(self.ids) >= self.request.max_tokens:
            shown += self.end("length")
        return shown

    def in_call(self, token_id: int) -> list[Part]:
        """Follow the markers of calls."""
        assert self.tool_use is not None
        self.call = self.tool_use.feed(token_id)
        if self.call is not None:
            self.called = []
            return self.show(Part("python", self.call))
        if self.tool_use.state is State.CALL:
            shown = self.flush() if not self.called else []
            self.called.append(token_id)
            return shown
        given_up, self.called = self.called, []  # of a call that became none
        return self.in_text([*given_up, token_id])

    def in_text(self, ids: Sequence[int]) -> list[Part]:
        """Add tokens to the text; show what is decided."""
        ordinary = [one for one in ids if one not in self.markers]
        self.held += self.bytes_to_text.decode(b"".join(map(self.tokenizer.token_bytes, ordinary)))
        for stop in self.request.stop_texts:
            if (at := self.held.find(stop)) >= 0:
                return self.stop_before(at)
        open_ended = longest_beginning(self.held, self.request.stop_texts)
        ready, self.held = self.held[: len(self.held) - open_ended], self.held[len(self.held) - open_ended :]
        return self.show(Part("text", ready)) if ready else []

    def stop_before(self, at: int) -> list[Part]:
        """End where a stop text begins, and take its tokens back."""
        shown = self.show(Part("text", self.held[:at])) if at else []
        surplus = len(self.held) - at
        while surplus > 0 and self.ids:
            surplus -= len(self.tokenizer.token_bytes(self.ids.pop()).decode("utf-8", "replace"))
            self.sampled.pop()
        self.held, self.finish = "", "stop"
        return shown

    def put_in(self, result: str) -> list[int]:
        """The ids of a call's result, its markers included, as the text goes on with them."""
        assert self.tool_use is not None
        ids = self.tool_use.output_ids(result)
        self.call = None
        self.ids += ids
        self.sampled += [False] * len(ids)
        self.parts.append(Part("python_output", self.tokenizer.decode(ids[1:-1])))
        if len(self.ids) >= self.request.max_tokens:
            self.end("length")
        return ids

    def end(self, finish: Finish) -> list[Part]:
        """Nothing more comes; show what was held back."""
        shown = self.in_text(self.called) if self.called else []
        self.called = []
        if self.finish is None:
            shown += self.flush()
            self.finish = finish
        return shown

    def flush(self) -> list[Part]:
        """Show what was held back, the bytes of half a character as U+FFFD."""
        rest = self.held + self.bytes_to_text.decode(b"", final=True)
        self.new_text()
        return self.show(Part("text", rest)) if rest else []

    def show(self, part: Part) -> list[Part]:
        """Keep a part, text joined to the text before it."""
        if part.type == "text" and self.parts and self.parts[-1].type == "text":
            self.parts[-1] = Part("text", self.parts[-1].text + part.text)
        else:
            self.parts.append(part)
        return [part]

    def generation(self) -> Generation:
        """The whole, when it has ended."""
        assert self.finish is not None
        return Generation(
            self.request.prompt, tuple(self.ids), tuple(self.sampled), tuple(self.parts), self.finish,
            self.ended_with,
        )  # fmt: skip


def longest_beginning(text: str, stops: Sequence[str]) -> int:
    """How many characters at the end of `text` may be the beginning of a stop text.

    >>> longest_beginning("to the EN", ["END", "x"]), longest_beginning("to the end", ["END"])
    (2, 0)
    """
    most = min(len(text), max(map(len, stops), default=1) - 1)
    return next((n for n in range(most, 0, -1) if any(stop.startswith(text[-n:]) for stop in stops)), 0)
