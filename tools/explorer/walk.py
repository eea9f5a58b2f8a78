"""Follow a text through a trace: at each place the rules, the number drawn, the token chosen.

Settings under which the model has really written are followed as it wrote. With others the token is
computed, and the text goes on as long as the trace has a place for it. From there a text that the model has
written can be followed, so that one sees what the rules would do at its places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from nanochat.inference.position import Position, Stage
from nanochat.inference.request import Sampling
from nanochat.inference.sampling import draw
from nanochat.inference.trace import Run, Trace

# Why a text ends; the last two are limits of the trace, not of the model.
STOP, LENGTH, LEFT, OPEN = "stop", "length", "left", "open"


@dataclass(frozen=True)
class Step:
    """One token: where it was chosen, from what, and what a tool put in behind it."""

    place: int
    position: Position
    stages: list[Stage]
    drawn: float
    chosen: int
    put_in: tuple[int, ...] = ()
    given: bool = False  # by another text that the model has written, not by these rules

    @property
    def _at(self) -> int:
        return self.position.ids.index(self.chosen)

    @property
    def chance(self) -> float:
        """How likely the model itself held it."""
        return self.stages[0].chances[self._at]

    @property
    def chance_after(self) -> float:
        """How likely it was under the rules."""
        return self.stages[-1].chances[self._at]

    @property
    def surprise(self) -> float:
        """-log2 of the model's own chance, in bits: 0 for a token that had to come, 1 for a coin's side."""
        return -math.log2(self.chance) + 0.0 if self.chance > 0 else math.inf

    @property
    def entropy(self) -> float:
        """How open the model's own choice was, in bits; the surprise to be expected."""
        return self.stages[0].entropy or 0.0


@dataclass(frozen=True)
class Parting:
    """Where a text stops being what the rules give: after how many tokens, and why."""

    at: int
    why: str  # LEFT or OPEN
    would: int | None  # the token that the rules choose there, if that is known
    run: Run | None  # whose text goes on


@dataclass(frozen=True)
class Walk:
    """A text: its steps, and why it ends."""

    how: Sampling
    seed: int
    steps: list[Step]
    ended: str
    recorded: bool  # the model has really written it with these settings
    parting: Parting | None = None
    last: Step | None = None  # where it ends open

    @property
    def chosen(self) -> list[int]:
        """The ids that the model chose."""
        return [step.chosen for step in self.steps]

    @property
    def ids(self) -> list[int]:
        """All ids of the text, a tool's among them."""
        return [one for step in self.steps for one in (step.chosen, *step.put_in)]

    @property
    def mean_surprise(self) -> float:
        """Bits a token, over the tokens that the model chose."""
        return sum(step.surprise for step in self.steps) / len(self.steps) if self.steps else 0.0

    @property
    def mean_entropy(self) -> float:
        """Bits a token."""
        return sum(step.entropy for step in self.steps) / len(self.steps) if self.steps else 0.0


def walk(trace: Trace, how: Sampling, seed: int, max_tokens: int, follow: bool = False) -> Walk:
    """The text that these settings give, as far as the trace goes; with `follow` another one from there."""
    run = trace.run_of(how, seed)
    recorded, parting = run is not None, None
    steps: list[Step] = []
    text, place = list(trace.prompt.ids), 0
    most = len(text) + min(max_tokens, trace.max_tokens)
    while True:
        position = trace.places[place].position
        stages, drawn = position.stages(how, set(text)), draw(seed, len(text))
        chosen = run.chosen[len(steps)] if run else position.chosen(stages[-1], drawn)
        if chosen is None:
            ended, added = OPEN, position.ids[:1]
        else:
            branch = trace.branch(place, chosen)
            added = (chosen,) if branch is None else trace.places[branch].ids
            last = run is not None and len(steps) + 1 == len(run.chosen)
            ended = _ending(trace, run if last else None, chosen, len(text) + len(added) >= most)
            if not ended and branch is None:
                ended = LEFT
        if ended in (LEFT, OPEN):
            run = _through(trace, place) if follow else None
            parting = Parting(len(steps), ended, chosen, run)
            if run is not None:
                continue  # the same place again, with what that run chose
        step = Step(place, position, stages, drawn, added[0], tuple(added[1:]), parting is not None)
        if ended == OPEN:
            return Walk(how, seed, steps, ended, recorded, parting, step)
        steps.append(step)
        if ended or branch is None:
            return Walk(how, seed, steps, ended, recorded, parting)
        text += added
        place = branch


def _ending(trace: Trace, last_of: Run | None, chosen: int, full: bool) -> str:
    """Why a text ends with this token; nothing if it goes on."""
    if chosen in trace.ends:
        return STOP
    if full:
        return LENGTH
    return last_of.finish if last_of else ""


def _through(trace: Trace, place: int) -> Run | None:
    """The first text that the model has written which comes by this place."""
    wanted = trace.choices(place)
    return next((run for run in trace.runs if run.chosen[: len(wanted)] == wanted != run.chosen), None)


def common(one: Walk, other: Walk) -> int:
    """How many tokens two texts have in common at their beginning."""
    pairs = zip(one.ids, other.ids, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one.ids), len(other.ids)))
