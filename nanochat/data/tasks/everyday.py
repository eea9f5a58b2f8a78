"""The task `everyday`: short questions and short answers about what everybody knows, and small talk.

    What comes after Tuesday?   →  Wednesday comes after Tuesday.
    I am sad.                   →  I am sorry to hear that. It may help to talk.

Some conversations have more than one question, so that a model learns to go on: one begins with a greeting or
ends with thanks. A question in ten is the test's, in all the ways that it is typed; a fact is asked in
several ways, so training knows most of what the test asks. Nothing is judged. Standard library only.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nanochat.data.tasks.everyday_facts import all_facts
from nanochat.data.tasks.everyday_talk import all_talk
from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import NumberedTask, is_test, of_side
from nanochat.data.tasks.task import Example

NAME = "everyday"
ROUNDS = 3
TALK_TIMES = 4  # how often small talk comes for each time that a fact comes: a few hundred against thousands
LONGER_SHARE = 0.3  # of the conversations have more than one question
HELLO = ("hello", "hi", "hey", "hi there", "good morning", "good evening")
THANKS = ("thank you", "thanks", "goodbye", "bye", "thanks a lot", "okay", "good night")


def everyday(split: str = "train") -> NumberedTask:
    """The task.

    >>> [message["content"] for message in everyday()[5].conversation["messages"]]
    ['Is a horse faster than a snail?', 'Yes, a horse is faster.']
    """
    facts, talk = _facts_and_talk()
    # What stands here several times comes several times in each round.
    return of_side(NAME, split, [*facts, *(talk * TALK_TIMES)], ROUNDS, _talk_about, grade_text)


@dataclass
class Topic:
    """One question: how it may be written, and all answers that are right."""

    questions: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)


def key_of(question: str) -> str:
    """What is the same in a question however it is typed; it decides the side.

    >>> key_of("What's up?"), key_of("Hello!") == key_of("hello")
    ("what's up", True)
    """
    return question.lower().rstrip("?.! ")


@functools.cache
def topics() -> Mapping[str, Topic]:
    """Every question by its key.

    >>> topics()["what comes after tuesday"].answers
    ['Wednesday comes after Tuesday.']
    """
    found: dict[str, Topic] = {}
    for question, answers in (*((one, (answer,)) for one, answer in all_facts()), *all_talk()):
        topic = found.setdefault(key_of(question), Topic())
        topic.questions += [question] if question not in topic.questions else []
        topic.answers += [one for one in answers if one not in topic.answers]
    return found


@functools.cache
def _facts_and_talk() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The keys of the questions, each once."""
    talk = dict.fromkeys(key_of(question) for question, _ in all_talk())
    return tuple(key for key in topics() if key not in talk), tuple(talk)


def _talk_about(chance: random.Random, key: str) -> Example:
    """A conversation that asks this question; what else it asks stands on the same side."""
    keys = [key]
    if chance.random() < LONGER_SHARE:
        facts, talk = _facts_and_talk()
        before, after = chance.choice((HELLO, facts)), chance.choice((THANKS, THANKS, talk, facts))
        keys = [*_one_of(chance, before, is_test(key)), key, *_one_of(chance, after, is_test(key))]
    messages = []
    for one in keys:
        topic = topics()[one]
        messages.append({"role": "user", "content": _typed(chance, chance.choice(topic.questions))})
        messages.append({"role": "assistant", "content": chance.choice(topic.answers)})
    return Example({"messages": messages})


def _one_of(chance: random.Random, keys: Sequence[str], test: bool) -> list[str]:
    """A question of that side; none, if ten draws find none."""
    for _ in range(10):
        if is_test(one := chance.choice(keys)) == test:
            return [one]
    return []


def _typed(chance: random.Random, question: str) -> str:
    """A question as it stands, or as people type it: in small letters, without the mark at its end."""
    small = question[0].lower() + question[1:]
    return chance.choice((question, question, question, small, small.rstrip("?.!"), question.rstrip("?.!")))
