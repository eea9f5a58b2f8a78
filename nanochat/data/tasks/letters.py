"""Two tasks about the letters of words: `spelling` and `letter-counting`.

    Spell the word apple.              →  a p p l e
    How many r are in strawberry?      →  s t r a w b e r r y, "s t r a w b e r r y".count("r") → 3, and 3

A model reads tokens, and `strawberry` is three or four of them: nothing in its input says which letters it
has. To spell is to have learned what each token is made of.

Letters are parted by spaces, because of the tokenizer. Byte-pair encoding on English has merged a space with
nearly every letter (24 of 26 with 4,096 ids from the corpus classics, but a hyphen with 12 only), so a letter
is one token and the same one wherever it stands. And the code counts in the spelled word, not in the word
itself: after a quotation mark, `strawberry` is cut into other tokens than after the space in the question,
while letters are copied as they stand. Each step of the reply is a repetition of something short before it;
only the spelling itself must be known.

The test has words of its own, one example for each, that no training example of either task spells.
Standard library only.
"""

from __future__ import annotations

import random

from nanochat.data.tasks.calls import call, text
from nanochat.data.tasks.grading import grade_number, grade_spelling
from nanochat.data.tasks.numbered import NumberedTask, exchange, of_side
from nanochat.data.tasks.task import Example
from nanochat.data.tasks.words import everyday_words

ROUNDS = 10  # training examples for each word, in other sentences
ABSENT_SHARE = 0.1  # of the letters asked for may be missing from the word
SPELL = (
    "Spell the word {word}.",
    "Spell the word {word}.",
    "Spell {word}.",
    "spell {word}",
    "Spell the word: {word}",
    "How do you spell {word}?",
    "How is {word} spelled?",
    "How do I spell the word {word}?",
    "Can you spell {word}?",
    "Can you spell the word {word} for me?",
    "Please spell {word}.",
    "What are the letters of {word}?",
    "Which letters are in the word {word}?",
    "Write {word} letter by letter.",
    'Spell the word "{word}".',
    'How do you spell "{word}"?',
)
COUNT = (
    "How many {letter} are in {word}?",
    "How many {letter} are in {word}?",
    "How many {letter} are there in {word}?",
    "How many {letter} are in the word {word}?",
    "How many {letter}'s are in {word}?",
    "How many {letter}s are in {word}?",
    "how many {letter} in {word}",
    "How often does {letter} occur in {word}?",
    "How often is the letter {letter} in {word}?",
    "How many times does the letter {letter} appear in {word}?",
    "How many times is {letter} in the word {word}?",
    "Count the letter {letter} in {word}.",
    "Count the {letter} in the word {word}.",
    "Please count how many {letter} there are in {word}.",
    'How many {letter} are in "{word}"?',
    'How many "{letter}" are in "{word}"?',
)


def spelling(split: str = "train") -> NumberedTask:
    """The task `spelling`. UserError if the package with the words is not installed.

    >>> [message["content"] for message in spelling("test")[0].conversation["messages"]]
    ['Which letters are in the word deal?', 'd e a l']
    """
    return of_side("spelling", split, everyday_words(), ROUNDS, _spell, grade_spelling)


def letter_counting(split: str = "train") -> NumberedTask:
    r"""The task `letter-counting`, about the same words.

    >>> example = letter_counting("test")[0]
    >>> example.question["messages"][0]["content"]
    "How many r's are in strike?"
    >>> [part["text"] for part in example.conversation["messages"][1]["content"]]
    ['s t r i k e\n', '"s t r i k e".count("r")', '1', '1']
    """
    return of_side("letter-counting", split, everyday_words(), ROUNDS, _count, grade_number)


def spelled(word: str) -> str:
    """A word as the reply spells it.

    >>> spelled("apple")
    'a p p l e'
    """
    return " ".join(word)


def _spell(chance: random.Random, word: str) -> Example:
    return exchange(chance.choice(SPELL).format(word=word), spelled(word), answer=word)


def _count(chance: random.Random, word: str) -> Example:
    letter = chance.choice(word)
    if chance.random() < ABSENT_SHARE:
        letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    count = str(word.count(letter))
    code = f'"{spelled(word)}".count("{letter}")'
    reply = [text(f"{spelled(word)}\n"), *call(code, count), text(count)]
    return exchange(chance.choice(COUNT).format(letter=letter, word=word), reply, answer=count)
