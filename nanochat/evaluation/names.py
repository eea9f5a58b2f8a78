"""What can be evaluated, by name: bits per byte, CORE, the tasks of the catalogue, and groups of them.

    base         bpb, core
    chat         the six tasks of ChatCORE: ARC easy and challenge, MMLU, GSM8K, HumanEval, letter counting
                 (the public nanochat's SpellingBee)
    classroom    what a laptop's model learns: sums, short stories, spelling, letter counting; and larger
                 sums, which it may learn from rewards
    all          these and every other task that can be judged

Standard library only.
"""

from __future__ import annotations

import difflib

from nanochat.data.tasks.catalogue import CATALOGUE
from nanochat.data.tasks.mixture import parse_mixture
from nanochat.errors import UserError

BPB, CORE, CHATCORE = "bpb", "core", "chatcore"
CHAT = ("arc-easy", "arc-challenge", "mmlu", "gsm8k", "humaneval", "letter-counting")
JUDGED = tuple(name for name, entry in CATALOGUE.items() if entry.judged)
CLASSROOM = (*(name for name, _ in parse_mixture("classroom") if name in JUDGED), "larger-arithmetic")
BASE = (BPB, CORE)
EVERYTHING = tuple(dict.fromkeys((*BASE, *CHAT, *CLASSROOM, *JUDGED)))  # in the order they are asked
GROUPS = {"base": BASE, "chat": CHAT, "classroom": CLASSROOM, "all": EVERYTHING}


def names_in(words: str) -> list[str]:
    """The evaluations that words such as `bpb,classroom` name, each once, in the order they are asked.

    Raises `UserError` for a name that there is not, and for a task that nobody can judge.

    >>> names_in("spelling,bpb,arithmetic")
    ['bpb', 'arithmetic', 'spelling']
    >>> names_in("arc-eazy")
    Traceback (most recent call last):
    nanochat.errors.UserError: there is no evaluation 'arc-eazy'; did you mean arc-easy?
    """
    found: set[str] = set()
    for name in filter(None, (word.strip() for word in words.split(","))):
        if name in CATALOGUE and name not in JUDGED:
            raise UserError(f"{name} is learned only: nothing says which reply is right")
        if name not in GROUPS and name not in EVERYTHING:
            known = [*GROUPS, *EVERYTHING]
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
            raise UserError(f"there is no evaluation {name!r}; {hint}")
        found.update(GROUPS.get(name, (name,)))
    if not found:
        raise UserError(f"--tasks {words!r} names no evaluation; there are: {', '.join(GROUPS)}")
    return [name for name in EVERYTHING if name in found]
