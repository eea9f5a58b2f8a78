"""The task `definitions`: what a common noun means, in one line of Open English WordNet.

    What is a compass?   →  Navigational instrument for finding directions.

Nothing is judged here: a small model cannot know the words that it has not been told. It learns what a
definition sounds like. The test has words of its own. Standard library only.
"""

from __future__ import annotations

import functools
import random
import re

from nanochat.data.tasks.grading import grade_text
from nanochat.data.tasks.numbered import NumberedTask, exchange, of_side
from nanochat.data.tasks.task import Example
from nanochat.data.tasks.words import definitions as dictionary
from nanochat.data.tasks.words import everyday_words, is_coarse

NAME = "definitions"
LONGEST = 70  # characters
# How the definition of a noun begins; those of verbs and adjectives begin otherwise.
NOUN = re.compile(r"(?:an?|the|any|some|someone|something|a person|one) ")
ROUNDS = 3
ASK = (
    "What does {word} mean?",
    "What does the word {word} mean?",
    "What is the meaning of {word}?",
    "Define {word}.",
    "Define the word {word}.",
    "Can you explain the word {word}?",
    "Please explain what {word} means.",
    "what does {word} mean",
    'What does "{word}" mean?',
    "Give me a definition of {word}.",
)


def definitions(split: str = "train") -> NumberedTask:
    """The task. UserError if the package with the words is not installed.

    >>> [message["content"] for message in definitions()[1].conversation["messages"]]
    ['Define the word eye.', 'The organ of sight.']
    """
    meanings = _meanings()

    def make(chance: random.Random, word: str) -> Example:
        return exchange(chance.choice(ASK).format(word=word), meanings[word])

    return of_side(NAME, split, sorted(meanings), ROUNDS, make, grade_text)


@functools.cache
def _meanings() -> dict[str, str]:
    """The words that are defined as a noun, briefly, in words that stand by themselves."""
    common = frozenset(everyday_words())
    found = {}
    for word, meanings in dictionary():
        if word in common:
            brief = meanings[0].partition(";")[0].strip().rstrip(".")
            words = re.findall(r"[a-z]+", brief.lower())
            fits = len(brief) <= LONGEST and NOUN.match(brief) and re.fullmatch(r"[A-Za-z ,'-]+", brief)
            if fits and word not in words and not any(map(is_coarse, words)):
                found[word] = brief[0].upper() + brief[1:] + "."
    return found
