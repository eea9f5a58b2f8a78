"""A trace: what a model said at every place of some texts, kept so that it can be looked at without it.

All texts begin with the same prompt, so the places form a tree: the root is the end of the prompt, and a
branch goes from place to place by the token that was chosen. Runs with other settings share the places up to
where they part. Whatever is asked of a trace later, other settings or another seed, can be answered as long
as the text stays on a branch.

As a file it is one JSON object:

    format, version   "nanochat-trace", 1
    model             what the run says of itself: name, stage, step, …
    prompt            its text, whether it is a chat's question, its ids
    max_tokens        how long a text could get
    pieces            the bytes of every token that is named here, in Base64
    special_tokens    the ids of the special tokens by their text
    temperatures      those at which the sums over the rest are kept
    positions         the tree: `after` which place (null for the root), by which `ids` (the token chosen,
                      and what a tool put in behind it), `known` ids with their `logits`, and of the `rest`
                      its count, its highest logit, log_sum_exp and mean at each temperature
    runs              texts that were really written: sampling, seed, the ids chosen, why it ended

`nanochat.inference.position` says what follows from these figures. Standard library only.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

from nanochat.inference.position import Moment, Position, Rest
from nanochat.inference.request import Finish, Sampling

FORMAT, VERSION = "nanochat-trace", 1
# What is recorded unless somebody asks for more: temperatures that people use, and as many digits as tell any
# two numbers of 32 bits apart.
TEMPERATURES = (0.3, 0.5, 0.7, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0)
DIGITS = 9
CALL_MARKERS = ("<|python_start|>", "<|python_end|>")
KINDS: dict[str, type | tuple[type, ...]] = {
    "an object": dict, "a list": list, "a text": str, "a whole number": int, "a number": (int, float),
    "true or false": bool,
}  # fmt: skip


class TraceError(ValueError):
    """A trace is not in the format above; the message says where and why."""


@dataclass(frozen=True)
class Prompt:
    """What all texts begin with."""

    text: str
    chat: bool
    ids: tuple[int, ...]


@dataclass(frozen=True)
class Place:
    """A position in the tree: after which other one, by which ids (a choice, and what a tool put in)."""

    after: int | None
    ids: tuple[int, ...]
    position: Position


@dataclass(frozen=True)
class Run:
    """A text that was written: with which settings, what was chosen, and why it ended."""

    sampling: Sampling
    seed: int
    chosen: tuple[int, ...]
    finish: Finish


@dataclass
class Trace:
    """What a file holds; the head of this module explains it."""

    model: dict[str, Any]
    prompt: Prompt
    max_tokens: int
    pieces: dict[int, bytes]
    special_tokens: dict[str, int]
    temperatures: tuple[float, ...]
    places: list[Place] = field(default_factory=list)
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.branches = {
            (place.after, place.ids[0]): number
            for number, place in enumerate(self.places)
            if place.after is not None
        }

    @property
    def ends(self) -> set[int]:
        """The tokens that end a text: every special one, but for the markers of a call."""
        return {token_id for text, token_id in self.special_tokens.items() if text not in CALL_MARKERS}

    def branch(self, place: int, chosen: int) -> int | None:
        """The place that follows when a token is chosen, or None if the trace does not go there."""
        return self.branches.get((place, chosen))

    def grow(self, after: int | None, ids: Sequence[int], position: Position) -> int:
        """Add a place; its number."""
        self.places.append(Place(after, tuple(ids), position))
        if after is not None:
            self.branches[after, ids[0]] = len(self.places) - 1
        return len(self.places) - 1

    def text(self, place: int) -> list[int]:
        """All ids up to a place, the prompt's among them."""
        found: list[int] = []
        at: int | None = place
        while at is not None:
            found[:0] = self.places[at].ids
            at = self.places[at].after
        return [*self.prompt.ids, *found]

    def choices(self, place: int) -> tuple[int, ...]:
        """The ids that were chosen on the way to a place, without what a tool put in."""
        found: list[int] = []
        at = place
        while (before := self.places[at].after) is not None:
            found.insert(0, self.places[at].ids[0])
            at = before
        return tuple(found)

    def run_of(self, how: Sampling, seed: int) -> Run | None:
        """The text that was really written with these settings, if there is one."""
        return next((run for run in self.runs if run.sampling == how and run.seed == seed), None)

    # ---- as JSON ----

    def to_json(self) -> dict[str, Any]:
        """Plain data, as a file holds it."""
        pieces = {
            str(token_id): base64.b64encode(self.pieces[token_id]).decode() for token_id in self.named_ids()
        }
        return {
            "format": FORMAT,
            "version": VERSION,
            "model": self.model,
            "prompt": {"text": self.prompt.text, "chat": self.prompt.chat, "ids": list(self.prompt.ids)},
            "max_tokens": self.max_tokens,
            "pieces": pieces,
            "special_tokens": self.special_tokens,
            "temperatures": list(self.temperatures),
            "positions": [_place_to_json(place) for place in self.places],
            "runs": [
                {
                    "sampling": asdict(run.sampling), "seed": run.seed, "chosen": list(run.chosen),
                    "finish": run.finish,
                }
                for run in self.runs
            ],
        }  # fmt: skip

    def named_ids(self) -> list[int]:
        """Every id that is named anywhere."""
        named = {*self.prompt.ids, *self.special_tokens.values()}
        for place in self.places:
            named |= {*place.ids, *place.position.ids}
        for run in self.runs:
            named |= set(run.chosen)
        return sorted(named)

    @classmethod
    def from_json(cls, found: object) -> Trace:
        """A trace from plain data, all of it checked. Raises `TraceError`.

        >>> Trace.from_json({"format": "nanochat-trace", "version": 2})
        Traceback (most recent call last):
        nanochat.inference.trace.TraceError: version is 2, and this program reads version 1
        """
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise TraceError(f'this is no trace: it has no "format": "{FORMAT}"')
        if found.get("version") != VERSION:
            raise TraceError(f"version is {found.get('version')!r}, and this program reads version {VERSION}")
        prompt = _get(found, "prompt", "an object")
        temperatures = _numbers(found, "temperatures", "")
        if any(one <= 0 for one in temperatures) or any(a >= b for a, b in pairwise(temperatures)):
            raise TraceError("temperatures must be above 0, and rise")
        specials = _get(found, "special_tokens", "an object")
        trace = cls(
            _get(found, "model", "an object"),
            Prompt(
                _get(prompt, "text", "a text", "prompt."), _get(prompt, "chat", "true or false", "prompt."),
                _ids(prompt, "ids", "prompt."),
            ),
            _get(found, "max_tokens", "a whole number"),
            _pieces(_get(found, "pieces", "an object")),
            {text: _get(specials, text, "a whole number", "special_tokens.") for text in specials},
            temperatures,
            [
                _place(one, number, temperatures)
                for number, one in enumerate(_get(found, "positions", "a list"))
            ],
            [_run(one, number) for number, one in enumerate(_get(found, "runs", "a list"))],
        )  # fmt: skip
        trace.check()
        return trace

    def check(self) -> None:
        """Raise `TraceError` where the parts do not fit together."""
        if not self.places or self.places[0].after is not None:
            raise TraceError("positions must begin with the one after the prompt, whose after is null")
        if not self.prompt.ids:
            raise TraceError("prompt.ids is empty")
        missing = [token_id for token_id in self.named_ids() if token_id not in self.pieces]
        if missing:
            raise TraceError(f"pieces has no bytes for token {missing[0]}")
        texts: list[set[int]] = []
        for number, place in enumerate(self.places):
            where = f"positions[{number}]"
            if number and (place.after is None or not 0 <= place.after < number):
                raise TraceError(f"{where}.after must be the number of an earlier position")
            before = set(self.prompt.ids) if place.after is None else texts[place.after]
            texts.append(before | set(place.ids))
            lost = texts[-1] - set(place.position.ids)
            if lost:
                raise TraceError(f"{where}.known lacks token {min(lost)}, which stands in the text before it")
            if place.after is not None and self.branch(place.after, place.ids[0]) != number:
                raise TraceError(f"{where}: another position follows on the same token")
            if place.after is not None and place.ids[0] not in self.places[place.after].position.ids:
                raise TraceError(f"positions[{place.after}].known lacks token {place.ids[0]}, chosen there")
        for number, run in enumerate(self.runs):
            self.check_run(run, f"runs[{number}]")

    def check_run(self, run: Run, where: str) -> None:
        """Raise `TraceError` for a run that the places do not hold."""
        at: int | None = 0
        for number, chosen in enumerate(run.chosen):
            if at is None or chosen not in self.places[at].position.ids:
                raise TraceError(f"{where}.chosen[{number}]: no position has this token to choose")
            at = self.branch(at, chosen)
        if not run.chosen or at is not None:
            raise TraceError(f"{where}.chosen ends before its text does")


def _place_to_json(place: Place) -> dict[str, Any]:
    position, rest = place.position, place.position.rest
    found: dict[str, Any] = {
        "after": place.after, "ids": list(place.ids), "known": list(position.ids),
        "logits": list(position.logits), "rest": None,
    }  # fmt: skip
    if rest is not None:
        found["rest"] = {
            "count": rest.count, "highest": rest.highest,
            "log_sum_exp": [one.log_sum_exp for one in rest.moments],
            "mean": [one.mean for one in rest.moments],
        }  # fmt: skip
    return found


def _place(found: object, number: int, temperatures: Sequence[float]) -> Place:
    where = f"positions[{number}]."
    if not isinstance(found, dict):
        raise TraceError(f"positions[{number}] must be an object")
    after = None if found.get("after") is None else _get(found, "after", "a whole number", where)
    ids, known = _ids(found, "ids", where), _ids(found, "known", where)
    if not ids and after is not None:
        raise TraceError(f"{where}ids is empty")
    logits = _numbers(found, "logits", where)
    if len(known) != len(logits) or not known:
        raise TraceError(
            f"{where}logits must be as many as known, at least one; they are {len(logits)} and {len(known)}"
        )
    if any(a >= b for a, b in pairwise(known)):
        raise TraceError(f"{where}known must rise")
    return Place(after, ids, Position(known, logits, _rest(found.get("rest"), where, temperatures)))


def _rest(found: object, where: str, temperatures: Sequence[float]) -> Rest | None:
    if found is None:
        return None
    where += "rest."
    if not isinstance(found, dict):
        raise TraceError(f"{where[:-1]} must be an object or null")
    count, highest = _get(found, "count", "a whole number", where), _get(found, "highest", "a number", where)
    sums, means = _numbers(found, "log_sum_exp", where), _numbers(found, "mean", where)
    if not len(sums) == len(means) == len(temperatures):
        raise TraceError(f"{where}log_sum_exp and mean must be as many as temperatures: {len(temperatures)}")
    if count < 1 or not math.isfinite(highest):
        raise TraceError(f"{where}count must be at least 1, and highest a finite number")
    moments = tuple(Moment(*one) for one in zip(temperatures, sums, means, strict=True))
    for one in moments:
        low = highest / one.temperature
        if not low - 1e-6 <= one.log_sum_exp <= low + math.log(count) + 1e-6:
            raise TraceError(
                f"{where}log_sum_exp at temperature {one.temperature:g} cannot be {one.log_sum_exp:g}: "
                f"{count:,} logits up to {highest:g} lie from {low:g} to {low + math.log(count):g}"
            )
    return Rest(count, float(highest), moments)


def _run(found: object, number: int) -> Run:
    where = f"runs[{number}]."
    if not isinstance(found, dict):
        raise TraceError(f"runs[{number}] must be an object")
    try:
        sampling = Sampling(**_get(found, "sampling", "an object", where))
    except (TypeError, ValueError) as error:
        raise TraceError(f"{where}sampling: {error}") from None
    finish = _get(found, "finish", "a text", where)
    if finish not in ("stop", "length"):
        raise TraceError(f"{where}finish must be stop or length, not {finish!r}")
    return Run(sampling, _get(found, "seed", "a whole number", where), _ids(found, "chosen", where), finish)


def _get(found: Mapping[str, Any], key: str, kind: str, where: str = "") -> Any:
    if key not in found:
        raise TraceError(f"{where}{key} is missing")
    value = found[key]
    wrong = isinstance(value, bool) and kind != "true or false"
    if wrong or not isinstance(value, KINDS[kind]):
        raise TraceError(f"{where}{key} must be {kind}")
    return value


def _numbers(found: Mapping[str, Any], key: str, where: str) -> tuple[float, ...]:
    values = _get(found, key, "a list", where)
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < math.inf:
            raise TraceError(f"{where}{key} must be finite numbers")
    return tuple(map(float, values))


def _ids(found: Mapping[str, Any], key: str, where: str) -> tuple[int, ...]:
    values = _get(found, key, "a list", where)
    if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in values):
        raise TraceError(f"{where}{key} must be ids: whole numbers from 0")
    return tuple(values)


def _pieces(found: Mapping[str, Any]) -> dict[int, bytes]:
    pieces = {}
    for key, text in found.items():
        try:
            pieces[int(key)] = base64.b64decode(text, validate=True)
        except (TypeError, ValueError, binascii.Error):
            raise TraceError(f"pieces[{key!r}] must be an id and its bytes in Base64") from None
    return pieces
