"""A trace, and all that a question asks of it, worked out once: measures, order, which head, which token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from tools.attention.measures import Scores, all_heads, even_head, measure, measure_all, places_of
from tools.attention.patterns import NONE, patterns_of
from tools.attention.question import MEASURES, Question
from tools.attention.tokens import named
from tools.attention.trace import Trace
from tools.core.errors import UsageError

Place = tuple[int, int]  # layer and head, from 0

GETTERS: dict[str, Callable[[Scores], float | None]] = {
    "previous": lambda s: s.previous,
    "first": lambda s: s.first,
    "itself": lambda s: s.itself,
    "same": lambda s: s.same,
    "in-text": lambda s: s.induction,
    "entropy": lambda s: s.entropy,
    "distance": lambda s: s.distance,
    "window": lambda s: s.near,
}  # the one measure not here, induction on random tokens, stands in the trace itself


def head_name(place: Place) -> str:
    """Layer and head as readers count them.

    >>> head_name((1, 0))
    '2.1'
    """
    return f"{place[0] + 1}.{place[1] + 1}"


@dataclass(frozen=True)
class View:
    """A trace and a question about it."""

    trace: Trace
    question: Question

    @cached_property
    def names(self) -> list[str]:
        """A name for each token."""
        return named(self.trace.tokens)

    @property
    def n_heads(self) -> int:
        """Heads of all layers."""
        return self.trace.n_layer * self.trace.n_head

    @property
    def near(self) -> int:
        """How many tokens, itself included, the share inside a window is measured for."""
        return self.question.window or min(self.trace.windows)

    @cached_property
    def scores(self) -> dict[Place, Scores]:
        """Every head's measures."""
        return measure_all(self.trace, self.near)

    @cached_property
    def even(self) -> Scores:
        """What a head would score that looks at everything before it alike."""
        n_tokens = len(self.trace.tokens)
        return measure(even_head(n_tokens, n_tokens), places_of(self.trace.tokens), n_tokens, self.near)

    def even_value(self, measure_name: str) -> float | None:
        """What such a head scores by a measure."""
        if measure_name != "induction":
            return GETTERS[measure_name](self.even)
        told = self.trace.repeated
        if told is None:
            return None
        seen = range(told.n_tokens + 2, 2 * told.n_tokens + 2)  # tokens that each of the second round sees
        return sum(1 / length for length in seen) / len(seen)

    def random_score(self, place: Place) -> float | None:
        """A head's induction score on random tokens, if it was measured."""
        told = self.trace.repeated
        return None if told is None else told.induction[place[0]][place[1]]

    def value(self, measure_name: str, place: Place) -> float | None:
        """A head's score by a measure."""
        if measure_name == "induction":
            return self.random_score(place)
        return GETTERS[measure_name](self.scores[place])

    def ranked(self, measure_name: str) -> list[Place]:
        """Heads from the highest score to the lowest; equal ones in the order of the model."""
        return sorted(
            all_heads(self.trace), key=lambda place: (-(self.value(measure_name, place) or 0), place)
        )

    def measured(self, measure_name: str) -> bool:
        """Whether heads have a score by this measure."""
        return self.value(measure_name, (0, 0)) is not None

    def patterns(self, place: Place) -> list[str]:
        """The names of a head's patterns."""
        return patterns_of(self.scores[place], self.random_score(place))

    def pattern_words(self, place: Place) -> str:
        """The same for a cell of a table."""
        return ", ".join(self.patterns(place)) or NONE

    @cached_property
    def chosen(self) -> Place:
        """The head to look at: the one asked for, else the first in order among those that fit."""
        asked = self.question
        for what, value, most in (
            ("layer", asked.layer, self.trace.n_layer),
            ("head", asked.head, self.trace.n_head),
        ):
            if value is not None and value > most:
                raise UsageError(f"--{what} is {value}, and there are {most}", parameter=what)
        return next(
            (layer, head)
            for layer, head in self.ranked(asked.by)
            if asked.layer in (None, layer + 1) and asked.head in (None, head + 1)
        )

    @cached_property
    def token(self) -> int:
        """The token whose lines are drawn, from 0."""
        n_tokens = len(self.trace.tokens)
        asked = self.question.token
        if asked is not None and asked > n_tokens:
            raise UsageError(f"--token is {asked}, and there are {n_tokens} tokens", parameter="token")
        return (asked or n_tokens) - 1

    @cached_property
    def shown(self) -> range:
        """The tokens of the maps."""
        n_tokens, start = len(self.trace.tokens), self.question.start - 1
        if start >= n_tokens - 1:
            raise UsageError(
                f"--start is {start + 1}, and there are {n_tokens} tokens; begin before the last",
                parameter="start",
            )
        return range(start, min(n_tokens, start + self.question.show))

    @property
    def by(self) -> str:
        """The measure that orders heads, by its name in words."""
        return MEASURES[self.question.by]

    def check(self) -> None:
        """Refuse an order by what was not measured."""
        name = self.question.by
        if not self.measured(name):
            why = (
                "the model's context is too short for that"
                if name == "induction"
                else "no token of this text repeats in a way that could be measured"
            )
            raise UsageError(f"--by {name}: no head has this score, since {why}", parameter="by")

    def row(self, place: Place, token: int) -> Sequence[int]:
        """What a token gives to each up to itself, in parts."""
        return self.trace.weights[place[0]][place[1]][token]
