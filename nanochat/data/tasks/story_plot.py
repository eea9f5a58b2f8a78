"""What a plot of the made-up stories is.

A plot is written as it is read: groups of lines with an empty line between them. A group is one step of the
story, and each of its lines is one way to tell it; a group that begins with `?` may be left out. The gaps are
those of nanochat.data.tasks.story_world. Standard library only.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

OPTIONAL_SHARE = 0.5  # how often a step that may be left out is told
ONCE = re.compile(r"\{(?:day|sunny|suddenly|soon|happy|sad|scared|proud)\}")  # gaps that one story has once


@dataclass(frozen=True)
class Plot:
    """A kind of story.

    `heroes` are the groups or kinds of those who may live it. `topics` are what a reader can ask for, such as
    `{a colour} {toy}`; each of them occurs in every telling. `clause` is what happens, behind `a girl who`.
    """

    name: str
    heroes: tuple[str, ...]
    topics: tuple[str, ...]
    clause: str
    steps: tuple[tuple[str, ...], ...]

    def lines(self, chance: random.Random) -> list[str]:
        """One way to tell each step, gaps still open; where it can be helped, no `One day` comes twice."""
        told: list[str] = []
        for step in self.steps:
            if step[0].startswith("? ") and chance.random() >= OPTIONAL_SHARE:
                continue
            met = set(ONCE.findall(" ".join(told)))
            fresh = [line for line in step if not met & set(ONCE.findall(line))]
            told.append(chance.choice(fresh or step).removeprefix("? "))
        return told


def plot(name: str, heroes: str, topics: str, clause: str, steps: str) -> Plot:
    """A plot from its text.

    >>> made = plot(
    ...     "nap", "child animal", "a nap", "slept", "{name} sat.\\n{name} lay down.\\n\\nThen {he} slept."
    ... )
    >>> made.heroes, made.steps
    (('child', 'animal'), (('{name} sat.', '{name} lay down.'), ('Then {he} slept.',)))
    """
    groups = tuple(tuple(group.strip().splitlines()) for group in steps.strip().split("\n\n"))
    named = tuple(one.strip() for one in topics.split(",") if one.strip())
    return Plot(name, tuple(heroes.split()), named, clause, groups)
