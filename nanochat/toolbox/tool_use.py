"""A model calls a tool by writing: what one row of generated tokens has come to. Standard library only.

The model was taught to write a call between two special tokens. Then it stops being asked: the engine runs
the call, puts the result into the row as if it had been written, and lets the model go on from there.

    the model writes     The answer is <|python_start|>37*12<|python_end|>
    the engine puts in   <|output_start|>444<|output_end|>
    the model writes     444.

Each row is in one of three states:

    TEXT     ordinary text. <|python_start|> opens a call.
    CALL     inside a call; its tokens are collected. <|python_end|> closes it.
    RESULT   a call is complete and its result has not been put in yet. The model is not asked.

A model that is still learning does all of this wrong, and none of it may stop the engine:

- <|python_end|> with no call open is text
- <|python_start|> inside a call begins it anew
- any other special token inside a call, or more than `max_call` tokens, and there is no call: back to TEXT
- a text that only spells <|python_end|> is ordinary text: the tokenizer encodes it as letters, not as that id
- a result longer than `max_result` tokens is cut, and ends with a mark that says so
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

CUT = " [cut]"  # after what was kept of a long result
CHARACTERS_A_TOKEN = 16  # more than text has on average: of a long result only this much is encoded


class SpecialTokens(Protocol):
    """What is needed of a tokenizer; `nanochat.tokenizer.tokenizer.Tokenizer` has it."""

    special_tokens: dict[str, int]

    def special_id(self, text: str) -> int:
        """The id of a special token."""

    def encode(self, text: str) -> list[int]:
        """The ids of a text, in which nothing counts as a special token."""

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids."""


class State(Enum):
    """Where a row stands; the head of this module explains the three."""

    TEXT = "text"
    CALL = "call"
    RESULT = "result"


class ToolUse:
    """The state of one row. `feed` it every token that the model chooses, and none that is put in.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> row = ToolUse(tokenizer)
    >>> row.feed(tokenizer.special_id("<|python_start|>")), row.state
    (None, <State.CALL: 'call'>)
    >>> [row.feed(token_id) for token_id in tokenizer.encode("6*7")]
    [None, None, None]
    >>> row.feed(tokenizer.special_id("<|python_end|>")), row.state
    ('6*7', <State.RESULT: 'result'>)
    >>> tokenizer.decode(row.output_ids("42")), row.state
    ('<|output_start|>42<|output_end|>', <State.TEXT: 'text'>)
    """

    def __init__(self, tokenizer: SpecialTokens, max_call: int = 256, max_result: int = 256) -> None:
        self.tokenizer = tokenizer
        self.max_call = max_call
        self.max_result = max_result
        self.state = State.TEXT
        self._call: list[int] = []
        self._special = frozenset(tokenizer.special_tokens.values())
        self._start = tokenizer.special_id("<|python_start|>")
        self._end = tokenizer.special_id("<|python_end|>")

    def feed(self, token_id: int) -> str | None:
        """Take the next token that the model chose; returns the code if it completes a call.

        Raises ValueError if a call waits for its result: the engine may not ask the model then.
        """
        if self.state is State.RESULT:
            raise ValueError("a call waits for its result; put output_ids(result) into the row first")
        if token_id == self._start:
            self.state, self._call = State.CALL, []
        elif self.state is State.CALL and token_id == self._end:
            self.state = State.RESULT
            return self.tokenizer.decode(self._call)
        elif self.state is State.CALL:
            self._call.append(token_id)
            if token_id in self._special or len(self._call) > self.max_call:
                self.state = State.TEXT
        return None

    def output_ids(self, result: str) -> list[int]:
        """The ids to put into the row for the result of the call, its markers included.

        They are at most `max_result` + 2. Raises ValueError if no call waits for a result.
        """
        if self.state is not State.RESULT:
            raise ValueError(f"no call waits for a result; the row is in the state {self.state.value!r}")
        self.state = State.TEXT
        start, end = map(self.tokenizer.special_id, ("<|output_start|>", "<|output_end|>"))
        return [start, *self._result_ids(result), end]

    def _result_ids(self, result: str) -> list[int]:
        # Half a surrogate pair, which a tool may return, is no character and cannot be encoded.
        kept = result[: self.max_result * CHARACTERS_A_TOKEN].encode(errors="replace").decode()
        ids = self.tokenizer.encode(kept)
        if len(ids) <= self.max_result and len(kept) == len(result):
            return ids
        mark = self.tokenizer.encode(CUT)
        ids = ids[: max(0, self.max_result - len(mark))]
        # Tokens can end inside a character: take back the at most three that hold its first bytes.
        for _ in range(3):
            if self.tokenizer.decode(ids).endswith("\ufffd"):
                ids.pop()
        return (ids + mark)[: self.max_result]
