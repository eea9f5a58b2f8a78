"""Questions about what everybody knows, with their answers, from nanochat.data.tasks.everyday_tables.

Each fact is asked in several ways, so that where one way of asking is the test's, training still knows the
fact. Standard library only.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from nanochat.data.tasks.everyday_tables import (
    BABIES,
    CAPITALS,
    COLOURS,
    COUNTS,
    DAYS,
    HOMES,
    JOBS,
    KINDS,
    MATERIALS,
    MONTHS,
    MORE,
    NO_ARTICLE,
    ONE_WAY,
    OPPOSITES,
    ORIGINS,
    PASTS,
    PLACES,
    PLURALS,
    RHYMES,
    SEASONS,
    SEASONS_OF,
    SOUNDS,
    USES,
    WORDS,
    Pair,
)


def with_article(noun: str) -> str:
    """A noun with its article.

    >>> with_article("apple"), with_article("uniform"), with_article("dog")
    ('an apple', 'a uniform', 'a dog')
    """
    return f"{'an' if noun[0] in 'aeiou' and not noun.startswith(('uni', 'use')) else 'a'} {noun}"


def sentence(text: str) -> str:
    """A text that begins with a capital letter.

    >>> sentence("a dog barks.")
    'A dog barks.'
    """
    return text[0].upper() + text[1:]


def all_facts() -> Iterator[Pair]:
    """Every question with its answer.

    >>> dict(all_facts())["What is the opposite of hot?"]
    'The opposite of hot is cold.'
    """
    for ask in (_words, _animals, _things, _kinds, _comparisons, _orders, _numbers):
        yield from ask()


def asked(answer: str, *questions: str) -> Iterator[Pair]:
    """One answer to several questions."""
    for question in questions:
        yield sentence(question), sentence(answer)


def _words() -> Iterator[Pair]:
    turned = [(b, a) for a, b in OPPOSITES if b not in ONE_WAY]
    for a, b in dict([*turned, *OPPOSITES]).items():
        yield from asked(
            f"the opposite of {a} is {b}.",
            f"What is the opposite of {a}?",
            f"What's the opposite of {a}?",
            f"Tell me the opposite of {a}.",
            f"Which word is the opposite of {a}?",
            f"opposite of {a}",
        )
    for one, more in PLURALS:
        yield from asked(
            f"the plural of {one} is {more}.",
            f"What is the plural of {one}?",
            f"What's the plural of {one}?",
            f"Tell me the plural of {one}.",
            f"plural of {one}",
        )
        yield from asked(f"one {one}, two {more}.", f"One {one}, two what?", f"How do you say two of {one}?")
    for now, then in PASTS:
        yield from asked(
            f"the past tense of {now} is {then}.",
            f"What is the past tense of {now}?",
            f"What's the past tense of {now}?",
            f"Tell me the past tense of {now}.",
            f"past tense of {now}",
        )
    for row in RHYMES.split(","):
        words = row.split()
        for number, word in enumerate(words):
            other = words[(number + 1) % len(words)]
            yield from asked(
                f"{other} rhymes with {word}.",
                f"What rhymes with {word}?",
                f"Which word rhymes with {word}?",
                f"Tell me a word that rhymes with {word}.",
            )


def _animals() -> Iterator[Pair]:
    for animal, sound in SOUNDS:
        one = with_article(animal)
        questions = (f"What does {one} say?", f"What sound does {one} make?", f"Which sound does {one} make?")
        yield from asked(f"{one} says {sound}.", *questions)
    for animal, home in HOMES:
        one = with_article(animal)
        questions = (f"Where does {one} live?", f"What is the home of {one}?", f"Tell me where {one} lives.")
        yield from asked(f"{one} lives {home}.", *questions)
    for animal, baby in BABIES:
        one = with_article(animal)
        yield from asked(
            f"a baby {animal} is called {with_article(baby)}.",
            f"What is a baby {animal} called?",
            f"What do you call a baby {animal}?",
            f"What is the name for a baby {animal}?",
            f"What is the young of {one} called?",
        )


def _things() -> Iterator[Pair]:
    for thing, colour in COLOURS:
        yield from asked(
            f"{thing} is {colour}.",
            f"What colour is {thing}?",
            f"What color is {thing}?",
            f"Which colour does {thing} have?",
            f"Tell me the colour of {thing}.",
        )
    for thing, use in USES:
        one = with_article(thing)
        questions = (f"What is {one} for?", f"What is {one} used for?", f"What can you do with {one}?")
        yield from asked(f"{one} is for {use}.", *questions, f"What do people use {one} for?")
    for doing, place in PLACES:
        questions = (f"Where do people {doing}?", f"Where can I {doing}?", f"Tell me where people {doing}.")
        yield from asked(f"people {doing} {place}.", *questions)
    for doing, person in JOBS:
        questions = (f"Who {doing}?", f"What do you call someone who {doing}?", f"Which person {doing}?")
        yield from asked(f"{with_article(person)} {doing}.", *questions)
    for key, count in COUNTS:
        part, whole = key.split("/")
        yield from asked(
            f"{whole} has {count}.",
            f"How many {part} does {whole} have?",
            f"How many {part} has {whole}?",
            f"What is the number of {part} of {whole}?",
        )
    for thing, source in ORIGINS:
        verb = "do" if thing.endswith("s") else "does"
        come = "come" if verb == "do" else "comes"
        yield from asked(
            f"{thing} {come} from {source}.",
            f"Where {verb} {thing} come from?",
            f"What {verb} {thing} come from?",
            f"Tell me where {thing} {come} from.",
        )
    for thing, material in MATERIALS:
        yield from asked(
            f"{thing} is made of {material}.",
            f"What is {thing} made of?",
            f"What is {thing} made from?",
            f"Tell me what {thing} is made of.",
        )
    for doing, when in SEASONS_OF:
        yield sentence(f"when {doing}?"), sentence(f"{when}.")
    for country, city in CAPITALS:
        yield from asked(
            f"the capital of {country} is {city}.",
            f"What is the capital of {country}?",
            f"What's the capital of {country}?",
            f"Which city is the capital of {country}?",
            f"capital of {country}",
        )


def _kinds() -> Iterator[Pair]:
    names = list(KINDS)
    for number, (kind, members) in enumerate(KINDS.items()):
        is_kind = f"is {with_article(kind)}"
        for place, member in enumerate(members.split()):
            one = member if member in NO_ARTICLE else with_article(member)
            other = names[(number + 1 + place) % len(names)]
            yield from asked(f"yes, {one} {is_kind}.", f"Is {one} {with_article(kind)}?")
            if other != kind:
                yield from asked(f"no, {one} {is_kind}.", f"Is {one} {with_article(other)}?")
            yield from asked(f"{one} {is_kind}.", f"What kind of thing is {one}?", f"What is {one}?")


def _comparisons() -> Iterator[Pair]:
    for word, things in MORE:
        for low, high in itertools.combinations(things, 2):
            a, b = with_article(low), with_article(high)
            yield from asked(
                f"{b} is {word} than {a}.", f"Which is {word}, {a} or {b}?", f"What is {word}, {b} or {a}?"
            )
            yield from asked(f"no, {b} is {word}.", f"Is {a} {word} than {b}?")
            yield from asked(f"yes, {b} is {word}.", f"Is {b} {word} than {a}?")


def _orders() -> Iterator[Pair]:
    letters = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    for kind, row, ring in (
        ("day", DAYS, True),
        ("month", MONTHS, True),
        ("season", SEASONS, True),
        ("letter", letters, False),
    ):
        for number, one in enumerate(row):
            after, before = (number + 1) % len(row), number - 1
            if ring or after:
                yield from asked(
                    f"{row[after]} comes after {one}.",
                    f"What comes after {one}?",
                    f"Which {kind} comes after {one}?",
                    f"Which {kind} is next after {one}?",
                )
            if ring or before >= 0:
                yield from asked(
                    f"{row[before]} comes before {one}.",
                    f"What comes before {one}?",
                    f"Which {kind} comes before {one}?",
                    f"Which {kind} is right before {one}?",
                )
    for kind, row in (("days of the week", DAYS), ("months", MONTHS), ("seasons", SEASONS)):
        in_order = f"{', '.join(row[:-1])} and {row[-1]}."
        yield from asked(
            in_order,
            f"What are the {kind}?",
            f"Name the {kind}.",
            f"Tell me the {kind}.",
            f"List the {kind}.",
        )
    places = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
    for place, day in zip(places, DAYS, strict=True):
        yield from asked(f"the {place} day of the week is {day}.", f"What is the {place} day of the week?")
    for number, month in enumerate(MONTHS[:7]):
        place = places[number]
        yield from asked(
            f"the {place} month of the year is {month}.", f"What is the {place} month of the year?"
        )


def _numbers() -> Iterator[Pair]:
    for number, word in enumerate(WORDS):
        yield from asked(
            f"{number} in words is {word}.",
            f"How do you write {number} in words?",
            f"What is {number} in words?",
            f"Write {number} in words.",
        )
        yield from asked(f"{word} is {number}.", f"Write {word} as a number.", f"Which number is {word}?")
        if number + 1 < len(WORDS):
            more = WORDS[number + 1]
            yield from asked(f"{more} comes after {word}.", f"What comes after {word}?")
            yield from asked(f"{word} comes before {more}.", f"What comes before {more}?")
    for most in (3, 5, 6, 7, 8, 10, 12):
        in_words = ", ".join(WORDS[1 : most + 1])
        yield from asked(f"{in_words}.", f"Count to {WORDS[most]}.", f"Can you count to {WORDS[most]}?")
        digits = ", ".join(str(number) for number in range(1, most + 1))
        yield from asked(f"{digits}.", f"Count to {most}.", f"Can you count to {most}?")
    for low in range(1, 100, 7):
        for high in range(low + 3, 100, 11):
            yield from asked(
                f"{high} is bigger than {low}.",
                f"Which is bigger, {low} or {high}?",
                f"Which number is bigger, {high} or {low}?",
            )
            yield from asked(f"{low} is smaller than {high}.", f"Which is smaller, {high} or {low}?")
