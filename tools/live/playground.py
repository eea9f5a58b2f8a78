"""The playground: one question, and the tree of all that the model wrote or could have written to it.

A place of the tree is a text up to some token. What follows there is chosen by the rules of
`nanochat.inference.sampling` or by the reader; each choice leads to a new place, and an old one is found
again. So going back is naming an older place, and another branch is another choice there. What the calculator
puts into the text belongs to the choice that ended its call.

Standard library only.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nanochat.inference.request import Finish, Part, Request, Sampling
from nanochat.inference.sampling import choose, distribution, draw, entropy, softmax
from nanochat.inference.writing import Writing
from nanochat.serve.conversation import Conversation, TooLong, fit
from nanochat.toolbox.tools import make_tools
from tools.core.errors import UsageError
from tools.core.words import whole_characters
from tools.live.model import LiveModel

ROWS = 12
"""Tokens of a distribution that are shown."""
LAST_TOKENS = 6
"""Tokens before a choice that are named with it."""
LONGEST_ANSWER = 256
"""Tokens of one answer; as far as the context has room for them."""
TINY = 1e-12


@dataclass
class Place:
    """A text up to some token."""

    after: int | None
    chosen: int | None  # the token that led here
    forced: tuple[int, ...]  # what the calculator put in behind it
    chance: float  # of the chosen token under the settings of the time; 1 where the reader chose
    finish: Finish | None = None
    call: tuple[str, str] | None = None  # an expression that was complete here, and its result
    logits: array[float] | None = None
    branches: dict[int, int] = field(default_factory=dict)


class Playground:
    """A conversation, and the tree of answers to its last question."""

    def __init__(self, model: LiveModel) -> None:
        self.model, self.tokenizer = model, model.tokenizer
        self.tool = make_tools(python=False)
        self.conversation = Conversation()
        self.chat = True
        self.text = ""
        self.prompt: list[int] = []
        self.left_out = 0
        self.places: list[Place] = []

    # ---- questions ----

    def clear(self) -> None:
        """Begin a new conversation."""
        self.conversation.clear()
        self.places, self.prompt, self.left_out = [], [], 0

    def ask(self, text: str, at: int | None = None) -> None:
        """The next question of the chat; `at` is the place of the answer before at which it ended."""
        if not self.chat:
            self.clear()
        if at is not None and self.places and self.chat:
            self.conversation.answer(self.parts(at))
        elif self.conversation.messages and self.chat:
            self.conversation.take_back_question()
        self.conversation.ask(whole_characters(text))
        try:
            ids, left_out = fit(
                self.tokenizer, self.conversation.to_dict(), self.model.context, LONGEST_ANSWER
            )
        except TooLong as error:
            self.conversation.take_back_question()
            raise UsageError(str(error), parameter="text") from None
        self._begin(True, text, ids, left_out)

    def complete(self, text: str) -> None:
        """A text to go on with, without a chat around it."""
        ids = [self.model.bos, *self.tokenizer.encode(whole_characters(text))]
        if len(ids) >= self.model.context:
            raise UsageError(
                f"the text has {len(ids):,} tokens; the model reads {self.model.context:,} in all, and one "
                "must be left to write",
                parameter="text",
            )
        self.clear()
        self._begin(False, text, ids, 0)

    def _begin(self, chat: bool, text: str, ids: list[int], left_out: int) -> None:
        self.chat, self.text, self.prompt, self.left_out = chat, text, ids, left_out
        self.places = [Place(None, None, (), 1.0)]

    # ---- places ----

    def path(self, at: int) -> list[int]:
        """The places from the first to this one."""
        found: list[int] = []
        place: int | None = self._checked(at)
        while place is not None:
            found.append(place)
            place = self.places[place].after
        return found[::-1]

    def ids(self, at: int) -> list[int]:
        """The text up to a place, the prompt's ids among it."""
        found = list(self.prompt)
        for number in self.path(at)[1:]:
            found += [self._chosen(number), *self.places[number].forced]
        return found

    def _chosen(self, number: int) -> int:
        chosen = self.places[number].chosen
        assert chosen is not None
        return chosen

    def writing(self, at: int) -> Writing:
        """The answer up to a place, as the engine follows it."""
        most = min(LONGEST_ANSWER, self.model.context - len(self.prompt))
        writing = Writing(Request(tuple(self.prompt), most, use_tools=self.chat), self.tokenizer)
        for number in self.path(at)[1:]:
            writing.accept(self._chosen(number))
            if writing.finish is None and writing.call is not None:
                writing.put_in(self.tool(writing.call))
        return writing

    def parts(self, at: int) -> list[Part]:
        """What the answer says up to a place."""
        writing = self.writing(at)
        if writing.finish is None:
            writing.end("length")
        return writing.parts

    def _checked(self, at: int) -> int:
        if not 0 <= at < len(self.places):
            raise UsageError("ask something first" if not self.places else f"there is no place {at}")
        return at

    async def logits(self, at: int) -> array[float]:
        """The logits [V] at a place; asked of the model once."""
        place = self.places[self._checked(at)]
        if place.logits is None:
            place.logits = await self.model.logits(self.ids(at))
        return place.logits

    # ---- going on ----

    async def step(self, at: int, how: Sampling, seed: int) -> int:
        """Choose the next token by the rules, and go there."""
        if self.places[self._checked(at)].finish is not None:
            return at
        text = self.ids(at)
        chances = distribution(await self.logits(at), how, text)
        chosen = choose(chances, draw(seed, len(text)))
        return self.take(at, chosen, chances[chosen])

    def take(self, at: int, chosen: int, chance: float = 1.0) -> int:
        """Go on with this token: the place it leads to."""
        place = self.places[self._checked(at)]
        if place.finish is not None:
            raise UsageError("the answer has ended here; go back to an earlier token")
        if chosen in place.branches:
            return place.branches[chosen]
        if not 0 <= chosen < len(self.tokenizer.ranks) + len(self.tokenizer.special_tokens):
            raise UsageError(f"there is no token {chosen}")
        writing = self.writing(at)
        before = len(writing.ids)
        writing.accept(chosen)
        call = None
        if writing.finish is None and writing.call is not None:
            code = writing.call
            result = self.tool(code)
            writing.put_in(result)
            call = (code, result)
        forced = tuple(writing.ids[before + 1 :]) if call else ()
        if writing.finish is None and len(self.prompt) + len(writing.ids) >= self.model.context:
            writing.end("length")
        self.places.append(Place(at, chosen, forced, chance, writing.finish, call))
        place.branches[chosen] = len(self.places) - 1
        return place.branches[chosen]

    # ---- what a page shows ----

    async def shown_distribution(self, at: int, how: Sampling) -> dict[str, Any]:
        """The likeliest tokens at a place: what the model says of them, and what the rules leave."""
        logits = await self.logits(at)
        plain = softmax(logits)
        ruled = distribution(logits, how, self.ids(at))
        best = heapq.nlargest(ROWS, range(len(plain)), key=lambda one: (max(plain[one], ruled[one]), -one))
        best.sort(key=lambda one: (-plain[one], one))
        return {
            "rows": [{**self.shown_token(one), "model": plain[one], "ruled": ruled[one]} for one in best],
            "rest": {
                "count": len(plain) - len(best),
                "model": max(0.0, 1 - sum(plain[one] for one in best)),
                "ruled": max(0.0, 1 - sum(ruled[one] for one in best)),
            },
            "kept": sum(chance > TINY for chance in ruled),
            "bits": {"model": entropy(plain), "ruled": entropy(ruled)},
        }

    def last_words(self, at: int) -> str:
        """The end of what the model has read and written up to a place, as text without special tokens."""
        ids = [one for one in self.ids(at)[-LAST_TOKENS:] if one not in self.tokenizer.special_ids]
        return self.tokenizer.decode(ids).strip("\ufffd")

    def shown_token(self, token_id: int) -> dict[str, Any]:
        """A token's id and text; a special token is named."""
        return {
            "id": token_id,
            "text": self.tokenizer.token_bytes(token_id).decode("utf-8", "replace"),
            "special": token_id in self.tokenizer.special_ids,
        }

    def shown_answer(self, at: int) -> dict[str, Any]:
        """The answer up to a place, token by token, with the places at which the tree branches."""
        path = self.path(at)
        return {
            "places": [self._shown_place(number) for number in path[1:]],
            "finish": self.places[at].finish,
            "prompt": [self.shown_token(one) for one in self.prompt],
            "chat": self.chat,
            "older": self._older(),
            "left_out": self.left_out,
            "branches": self._other_ends(path),
        }

    def _older(self) -> list[dict[str, str]]:
        """The turns before the last question, as text."""
        found = []
        for message in self.conversation.messages[:-1]:
            content = message["content"]
            text = content if isinstance(content, str) else "".join(map(_said_part, content))
            found.append({"role": message["role"], "text": text})
        return found

    def _shown_place(self, number: int) -> dict[str, Any]:
        place = self.places[number]
        return {
            "place": number,
            "before": place.after,
            **self.shown_token(self._chosen(number)),
            "chance": place.chance,
            "forced": [self.shown_token(one) for one in place.forced],
            "call": {"code": place.call[0], "result": place.call[1]} if place.call else None,
        }

    def _other_ends(self, path: Sequence[int]) -> list[dict[str, Any]]:
        """The ends of branches that were left, each with the beginning of what is said there."""
        here = set(path)
        ends = [
            number for number, place in enumerate(self.places) if not place.branches and number not in here
        ]
        return [{"place": end, "text": self._said(end)} for end in ends]

    def _said(self, at: int) -> str:
        return "".join(_said_part({"type": part.type, "text": part.text}) for part in self.parts(at))


def _said_part(part: Mapping[str, str]) -> str:
    """Text as it is, a call as `[37*12 = 444]`."""
    around = {"text": ("", ""), "python": ("[", " = "), "python_output": ("", "] ")}
    before, behind = around[part["type"]]
    return before + part["text"] + behind
