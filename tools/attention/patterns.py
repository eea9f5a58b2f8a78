"""Patterns with a name, each with its rule: what a head must score to be called so.

The bounds are this tool's own, chosen so that a name means something: a head that looks at n tokens alike
gives each 1/n, so with ten tokens or more none of the first five rules is met by chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tools.attention.measures import LOCAL, Scores

MOSTLY, SPREAD, CLOSE = 0.4, 0.8, 0.8
NONE = "mixed"


@dataclass(frozen=True)
class Pattern:
    """A name, its rule in words, and the rule."""

    name: str
    rule: str
    holds: Callable[[Scores, float | None], bool]


def _reaches(score: float | None, bound: float) -> bool:
    return score is not None and score >= bound


PATTERNS = (
    Pattern(
        "previous token", f"{MOSTLY} or more on the token just before", lambda s, _: s.previous >= MOSTLY
    ),
    Pattern(
        "first token", f"{MOSTLY} or more on token 1 (an attention sink)", lambda s, _: s.first >= MOSTLY
    ),
    Pattern("itself", f"{MOSTLY} or more on the token itself", lambda s, _: s.itself >= MOSTLY),
    Pattern(
        "same token",
        f"{MOSTLY} or more on earlier tokens with the same id",
        lambda s, _: _reaches(s.same, MOSTLY),
    ),
    Pattern(
        "induction",
        f"{MOSTLY} or more on what followed the last time: on random tokens that come twice, or on the text "
        "where those were not measured",
        lambda s, random: _reaches(s.induction if random is None else random, MOSTLY),
    ),
    Pattern(
        "local",
        f"{CLOSE} or more on the token itself and the {LOCAL - 1} before it",
        lambda s, _: s.local >= CLOSE,
    ),
    Pattern(
        "broad",
        f"an entropy of {SPREAD} or more of the largest possible",
        lambda s, _: s.spread >= SPREAD,
    ),
)


def patterns_of(scores: Scores, on_random: float | None) -> list[str]:
    """The names of all patterns a head has; `on_random` is its induction score on random tokens.

    >>> from tools.attention.measures import measure, places_of
    >>> from tools.attention.trace import PARTS, Token
    >>> sink = [[PARTS] + [0] * length for length in range(9)]
    >>> tokens = [Token(place, b"x") for place in range(9)]
    >>> patterns_of(measure(sink, places_of(tokens), window=9, near=9), None)
    ['first token']
    """
    return [pattern.name for pattern in PATTERNS if pattern.holds(scores, on_random)]
