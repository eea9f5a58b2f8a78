"""One place in a text: what the model says there of the next token, and what each sampling rule makes of it.

A vocabulary has tens of thousands of tokens, too many to keep for every place of a text. So a `Position`
keeps the logits of some of them, the likeliest and those that the text holds already, and of all others
together, the `Rest`, what makes the chances exact: how many they are, the highest of their logits, and at
several temperatures the logarithm of the sum of their exponentials and their mean logit. With these

    chance of a token = exp(logit / T) / (sum over the known + exp(log_sum_exp of the rest))
    entropy = log(that sum) - mean logit / T

hold to the last digit at the temperatures that are kept. Between them the logarithm of a sum of exponentials
is a convex function of 1 / T (Boyd and Vandenberghe 2004, Convex Optimization, section 3.1.5), whose slope is
the mean logit: it lies above its tangents and below its chords, and that bounds what it can be.

The rules are those of `nanochat.inference.sampling`, in its order, by its functions. A rule whose edge
falls among the rest cannot be followed; the `Stage` then says what is not known, and how far its chances can
be off.

Standard library only.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nanochat.inference.request import Sampling
from nanochat.inference.sampling import at_least, choose, entropy, nucleus_edge, penalized

NEGLIGIBLE = 1e-9  # a relative error below it is one of rounding
ROUNDED = 1 + 1e-12  # what is not this much larger may be equal
MODEL = "model"  # the stage before any rule


@dataclass(frozen=True)
class Moment:
    """The rest at one temperature T: ln of the sum of exp(logit / T), and the mean logit, so weighted."""

    temperature: float
    log_sum_exp: float
    mean: float


@dataclass(frozen=True)
class Bounds:
    """What the rest can be at a temperature: equal ends where it is known."""

    log_sum_exp: tuple[float, float]
    mean: tuple[float, float]


@dataclass(frozen=True)
class Rest:
    """All tokens whose logits are not kept; `moments` by rising temperature."""

    count: int
    highest: float
    moments: tuple[Moment, ...]

    def at(self, temperature: float) -> Bounds:
        """What is known of the rest at a temperature.

        Two tokens of logit 0 have the sum 2 at any temperature:

        >>> rest = Rest(2, 0.0, (Moment(1.0, math.log(2), 0.0),))
        >>> rest.at(1.0).log_sum_exp == (math.log(2), math.log(2))
        True
        >>> low, high = rest.at(0.5).log_sum_exp
        >>> round(low, 4), round(high, 4)
        (0.6931, 0.6931)
        """
        # As a function of the inverse temperature, slope by slope; at 0 it is ln(count), whatever the logits.
        points = [(1 / one.temperature, one.log_sum_exp, one.mean) for one in reversed(self.moments)]
        inverse = 1 / temperature
        at = bisect_left([point[0] for point in points], inverse)
        if at < len(points) and points[at][0] == inverse:
            return Bounds((points[at][1],) * 2, (points[at][2],) * 2)
        below = points[at - 1] if at else (0.0, math.log(self.count), -math.inf)
        above = points[at] if at < len(points) else None
        tangents = [
            value + (inverse - place) * slope
            for place, value, slope in (below, above or below)
            if math.isfinite(slope)
        ]
        step = inverse - below[0]
        if above is None:  # colder than anything kept: no slope is above the highest logit
            low = max([inverse * self.highest, *tangents])
            high = below[1] + step * self.highest
            return Bounds((min(low, high), high), (below[2], self.highest))
        high = below[1] + step * (above[1] - below[1]) / (above[0] - below[0])
        low = min(max(tangents), high)
        slope = below[2] if math.isfinite(below[2]) else (low - below[1]) / step
        return Bounds((low, high), (min(slope, above[2]), above[2]))


@dataclass(frozen=True)
class Stage:
    """The chances after one rule, of the known tokens in the order of their ids.

    `rest` is the chance that all others have together, `tokens` how many tokens can come, `entropy` is in
    bits; None where it is not known. A chance may differ by the share `off` of itself, and `unknown` says
    why.
    """

    rule: str
    chances: tuple[float, ...]
    rest: float
    tokens: int | None
    entropy: float | None
    off: float = 0.0
    unknown: str = ""
    surely: float = 0.0  # known tokens below this chance may have been cut, too

    @property
    def exact(self) -> bool:
        """Whether every figure is what the whole vocabulary would give."""
        return self.off <= NEGLIGIBLE and not self.unknown


@dataclass(frozen=True)
class Position:
    """Logits of some tokens, `ids` rising, and what is kept of all others.

    >>> position = Position((4, 7), (2.0, 1.0), Rest(1, 0.0, (Moment(1.0, 0.0, 0.0),)))
    >>> [round(chance, 3) for chance in position.stages(Sampling(temperature=1.0))[-1].chances]
    [0.665, 0.245]
    >>> [round(chance, 3) for chance in position.stages(Sampling(temperature=1.0, top_k=2))[-1].chances]
    [0.731, 0.269]
    """

    ids: tuple[int, ...]
    logits: tuple[float, ...]
    rest: Rest | None = None

    @property
    def vocab_size(self) -> int:
        """How many tokens there are."""
        return len(self.ids) + (self.rest.count if self.rest else 0)

    def stages(self, how: Sampling, written: Collection[int] = ()) -> list[Stage]:
        """The chances as the model has them, then after each rule that is on, in the order of the rules.

        Raises ValueError if a token of `written` is among the rest and there is a penalty.

        >>> position = Position((0, 1, 2), (2.0, 1.0, 0.0))
        >>> [stage.rule for stage in position.stages(Sampling(temperature=0.5, top_k=2, min_p=0.1))]
        ['model', 'temperature', 'top-k', 'min-p']
        """
        found = [self._softmax(MODEL, self.logits, 1.0)]
        logits: Sequence[float] = self.logits
        if how.repetition_penalty != 1:
            logits = penalized(logits, how.repetition_penalty, self.places(written))
            found.append(self._softmax("repetition penalty", logits, 1.0))
        if how.temperature == 0:
            return [*found, self._greedy(logits)]
        if how.temperature != 1:
            found.append(self._softmax("temperature", logits, how.temperature))
        # The rest's highest logit, as a chance: below it the order of tokens is not known.
        limit = self._limit(found[-1], logits, how.temperature)
        if 0 < how.top_k < self.vocab_size:
            found.append(_top_k(found[-1], how.top_k, limit))
        if how.top_p < 1:
            found.append(_top_p(found[-1], how.top_p, limit))
        if how.min_p > 0:
            found.append(_min_p(found[-1], how.min_p, limit))
        return found

    def places(self, token_ids: Collection[int]) -> list[int]:
        """Where ids stand among the known ones. Raises ValueError for one that is among the rest."""
        place_of = {token_id: place for place, token_id in enumerate(self.ids)}
        missing = sorted(set(token_ids) - place_of.keys())
        if missing:
            raise ValueError(f"the logit of token {missing[0]}, which stands in the text, was not kept")
        return [place_of[token_id] for token_id in set(token_ids)]

    def chosen(self, stage: Stage, drawn: float) -> int | None:
        """The token whose stretch `drawn` falls into; None if the rest may have come in between.

        >>> position = Position((4, 7), (2.0, 1.0), Rest(1, 0.0, (Moment(1.0, 0.0, 0.0),)))
        >>> stage = position.stages(Sampling(temperature=1.0))[-1]
        >>> position.chosen(stage, 0.5), position.chosen(stage, 0.7)
        (4, None)
        """
        if stage.rest == 0 and stage.exact:
            return self.ids[choose(stage.chances, drawn)]
        reached = 0.0
        for token_id, chance in zip(self.ids, stage.chances, strict=True):
            # Ids of the rest may lie before this one, or all behind it.
            if reached + stage.rest + stage.off <= drawn < reached + chance - stage.off:
                return token_id
            reached += chance
        return None

    def _softmax(self, rule: str, logits: Sequence[float], temperature: float) -> Stage:
        """Chances at a temperature, the rest's among them."""
        highest = max([*logits, *([self.rest.highest] if self.rest else [])])
        weights = [math.exp((logit - highest) / temperature) for logit in logits]
        known = sum(weights)
        if self.rest is None:
            chances = tuple(weight / known for weight in weights)
            return Stage(rule, chances, 0.0, len(chances), entropy(chances))
        bounds = self.rest.at(temperature)
        low, high = (math.exp(value - highest / temperature) for value in bounds.log_sum_exp)
        rest = (low + high) / 2
        total = known + rest
        chances = tuple(weight / total for weight in weights)
        mean_rest = sum(bounds.mean) / 2
        mean = sum(c * z for c, z in zip(chances, logits, strict=True)) + rest / total * mean_rest
        bits = (math.log(total) + (highest - mean) / temperature) / math.log(2)
        off = (high - low) / 2 / (known + low)
        unknown = ""
        if off > NEGLIGIBLE:
            kept = ", ".join(f"{one.temperature:g}" for one in self.rest.moments)
            unknown = f"of the tokens without a logit here only the sums at temperatures {kept} were kept"
        return Stage(rule, chances, rest / total, self.vocab_size, max(0.0, bits), off, unknown)

    def _greedy(self, logits: Sequence[float]) -> Stage:
        """The likeliest takes all; of equals the lowest id."""
        best = max(range(len(logits)), key=logits.__getitem__)
        chances = tuple(float(place == best) for place in range(len(logits)))
        if self.rest and self.rest.highest >= logits[best]:
            why = "a token without a logit here is at least as likely"
            return Stage("temperature", chances, 0.0, 1, 0.0, 1.0, why)
        return Stage("temperature", chances, 0.0, 1, 0.0)

    def _limit(self, stage: Stage, logits: Sequence[float], temperature: float) -> float:
        """The chance of the likeliest token of the rest, by the scale of a stage; 0 without rest."""
        if self.rest is None:
            return 0.0
        best = max(range(len(logits)), key=logits.__getitem__)
        return stage.chances[best] * math.exp((self.rest.highest - logits[best]) / temperature)


def _cut(stage: Stage, rule: str, edge: float) -> Stage:
    """All below the edge go, the whole rest among them."""
    chances = tuple(at_least(edge, stage.chances))
    certain = sum(new for new, old in zip(chances, stage.chances, strict=True) if old >= stage.surely)
    if certain < sum(chances):
        return Stage(rule, chances, 0.0, None, None, 1 / certain - 1, stage.unknown, stage.surely)
    return Stage(rule, chances, 0.0, sum(chance > 0 for chance in chances), entropy(chances))


def _not_known(stage: Stage, rule: str, chances: tuple[float, ...], surely: float, why: str) -> Stage:
    """The edge falls among the rest: shown as if all of the rest stayed; `surely` is what stays at least."""
    off = 1 / surely - 1 + stage.off / surely if surely > 0 else math.inf
    return Stage(rule, chances, stage.rest, None, None, off, why)


def _above(stage: Stage, limit: float) -> list[float]:
    """Chances whose rank is known, the likeliest first: all that are above the rest's highest."""
    above = (chance for chance in stage.chances if stage.rest == 0 or chance > limit * ROUNDED)
    return sorted(above, reverse=True)


def _top_k(stage: Stage, k: int, limit: float) -> Stage:
    ranked = _above(stage, limit)
    if k <= len(ranked):
        return _cut(stage, "top-k", ranked[k - 1])
    why = f"top-k {k:,} keeps more than the {len(ranked):,} likeliest tokens, whose logits are here"
    return _not_known(stage, "top-k", stage.chances, sum(ranked), why)


def _top_p(stage: Stage, p: float, limit: float) -> Stage:
    ranked = _above(stage, limit)
    if stage.rest == 0 and stage.exact:
        return _cut(stage, "top-p", nucleus_edge(ranked, p))
    # The whole may be a little more or less than 1: where the edge falls must not depend on it.
    edges = [nucleus_edge(ranked, p * whole) for whole in (1 - stage.off, 1 + stage.off)]
    if edges[0] == edges[1] > 0:
        return _cut(stage, "top-p", edges[0])
    if edges[0] > 0:
        certain = sum(chance for chance in ranked if chance >= edges[0])
        why = f"where the edge of top-p {p:g} falls hangs on what is not known before it"
        found = _not_known(stage, "top-p", stage.chances, certain, why)
        return replace(found, surely=edges[0])
    reached = sum(ranked)
    why = (
        f"top-p {p:g} needs more than the {len(ranked):,} likeliest tokens, whose logits are here: they "
        f"reach {reached:.4f}"
    )
    return _not_known(stage, "top-p", stage.chances, max(p, reached), why)


def _min_p(stage: Stage, share: float, limit: float) -> Stage:
    edge = share * max(max(stage.chances), limit)
    if stage.rest == 0 or limit * ROUNDED < edge:
        return _cut(stage, "min-p", edge)
    stay = tuple(chance if chance >= edge else 0.0 for chance in stage.chances)
    whole = sum(stay) + stage.rest
    why = f"min-p {share:g} keeps some of the tokens without a logit here; how many is not known"
    scaled = tuple(chance / whole for chance in stay)
    return _not_known(replace(stage, rest=stage.rest / whole), "min-p", scaled, sum(scaled), why)


def removed(before: Stage, after: Stage) -> tuple[int | None, float]:
    """How many tokens a rule took away, and the chance that they had together.

    >>> position = Position((0, 1, 2), (2.0, 1.0, 0.0))
    >>> count, chance = removed(*position.stages(Sampling(temperature=1.0, top_k=2)))
    >>> count, round(chance, 3)
    (1, 0.09)
    """
    gone = sum(was for was, now in zip(before.chances, after.chances, strict=True) if now == 0)
    if after.rest == 0:
        gone += before.rest
    counts = None if before.tokens is None or after.tokens is None else before.tokens - after.tokens
    return counts, gone


def cut_by(stages: Sequence[Stage]) -> list[str]:
    """For each known token the rule that took it away, or nothing.

    >>> cut_by(Position((0, 1, 2), (2.0, 1.0, 0.0)).stages(Sampling(temperature=1.0, top_k=2)))
    ['', '', 'top-k']
    """
    found = [""] * len(stages[0].chances)
    for before, after in pairwise(stages):
        for place, (was, now) in enumerate(zip(before.chances, after.chances, strict=True)):
            if was > 0 and now == 0:
                found[place] = after.rule
    return found
