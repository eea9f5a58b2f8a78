"""Interactive figure: attention for a few words, with three heads whose rules are set by hand.

Each word gets a query and a key of `WIDTH` numbers, as long as QK norm would make them (the root of `WIDTH`).
What stands in them is the head's rule, so that the reader can say beforehand who will look at whom:

- previous-token: a key says "I am at place 3", a query asks for the place before its own
- same-word: a key says which word it is, a query asks for the same word
- content: keys and queries say which letters a word has, so words agree that share letters

The rest is attention as it is everywhere: dot products, divided by the root of the width, a mask, softmax,
and a mix of values (Vaswani et al. 2017, arXiv 1706.03762, section 3.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nanochat.inference.sampling import softmax
from tools.core import parameters as ask
from tools.core.report import Heatmap, Report, Row, Rows, Section
from tools.core.tool import Tool, UsageError

WIDTH = 32
MOST_WORDS = 10
VOWELS = "aeiou"
HEADS = {
    "previous-token": "previous token: who stands before me?",
    "same-word": "same word: where was I before?",
    "content": "content: who has my letters?",
}


@dataclass(frozen=True)
class Question:
    """What a reader may turn."""

    words: str = ask.text("a dog saw the cat and the cat hid", f"up to {MOST_WORDS} words", high=120)
    head: str = ask.choice("previous-token", HEADS, "what queries ask for")
    scale: float = ask.number(1.0, "times every score: how sure the head is", low=0, high=2, step=0.05)
    divide: bool = ask.flag(
        f"divide scores by the root of the width {WIDTH}", default=True, label="Divide by √D"
    )
    causal: bool = ask.flag("no word sees later ones", default=True, label="Causal mask")
    place: int = ask.integer(
        8, "which word's output is worked out below", low=1, high=MOST_WORDS, label="Word number"
    )


def read_words(text: str) -> list[str]:
    """The words of a text, in small letters, without the signs around them.

    >>> read_words("The cat, the dog.")
    ['the', 'cat', 'the', 'dog']
    """
    words = [word for part in text.lower().split() if (word := part.strip(".,;:!?\"'()"))]
    if not 1 <= len(words) <= MOST_WORDS:
        raise UsageError(f"--words must be 1 to {MOST_WORDS} words, not {len(words)}", parameter="words")
    return words


def vectors(words: Sequence[str], head: str) -> tuple[list[list[float]], list[list[float]]]:
    """Queries and keys of all words, by the head's rule.

    >>> queries, keys = vectors(["a", "cat"], "content")
    >>> [round(number, 2) for number in keys[1][:4]], [round(number, 2) for number in queries[0][:4]]
    ([3.27, 0.0, 3.27, 0.0], [5.66, 0.0, 0.0, 0.0])
    """
    if head == "content":
        features = [letters(word) for word in words]
        return features, features
    if head == "same-word":
        names = list(dict.fromkeys(words))
        features = [one_hot(names.index(word)) for word in words]
        return features, features
    return [one_hot(place - 1) for place in range(len(words))], [one_hot(at) for at in range(len(words))]


def one_hot(at: int) -> list[float]:
    """A vector with one number that is not 0; all 0 for a place that does not exist.

    >>> one_hot(1)[:3] == [0.0, math.sqrt(WIDTH), 0.0], sum(one_hot(-1))
    (True, 0.0)
    """
    return [math.sqrt(WIDTH) if place == at else 0.0 for place in range(WIDTH)]


def letters(word: str) -> list[float]:
    """Which letters a word has: a place for each from a to z, and one for all other signs.

    >>> [round(number, 2) for number in letters("abba")[:3]]
    [4.0, 4.0, 0.0]
    """
    places = {ord(letter) - ord("a") if "a" <= letter <= "z" else WIDTH - 1 for letter in word}
    length = math.sqrt(WIDTH / len(places))
    return [length if place in places else 0.0 for place in range(WIDTH)]


def weights(question: Question, words: Sequence[str]) -> list[list[float]]:
    """Who looks at whom, and how much: rows sum to 1.

    >>> [[round(one, 2) for one in row] for row in weights(Question(head="same-word"), ["no", "yes", "no"])]
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.5, 0.0, 0.5]]
    """
    queries, keys = vectors(words, question.head)
    factor = question.scale / (math.sqrt(WIDTH) if question.divide else 1)
    found = []
    for place, query in enumerate(queries):
        scores = [
            factor * sum(q * k for q, k in zip(query, key, strict=True))
            if at <= place or not question.causal
            else -math.inf
            for at, key in enumerate(keys)
        ]
        found.append(softmax(scores))
    return found


def value(word: str) -> tuple[int, int]:
    """A word's value, two numbers: how many letters, and how many of them are vowels.

    >>> value("banana")
    (6, 3)
    """
    return len(word), sum(letter in VOWELS for letter in word)


def run(question: Question) -> Report:
    """The matrix, and one word's output.

    >>> run(Question(words="no yes no", head="same-word", place=3)).says
    'Word 3, no, looks most at word 1, no, with a weight of 0.50.'
    """
    words = read_words(question.words)
    place = question.place - 1
    if place >= len(words):
        raise UsageError(f"--place is {question.place}, and there are {len(words)} words", parameter="place")
    matrix = weights(question, words)
    named = [f"{at} {word}" for at, word in enumerate(words, 1)]
    seen = [[None if question.causal and at > row else one for at, one in enumerate(weighed)]
            for row, weighed in enumerate(matrix)]  # fmt: skip
    row = matrix[place]
    best = max(range(len(words)), key=row.__getitem__)
    title = "Attention weights: each row is a word that looks, each column one that is looked at"
    return Report(
        "Attention matrix",
        [
            Section(
                "Weights",
                [
                    Heatmap("weights", title, named, named, seen, "looks", "is looked at", high=1.0),
                    Rows(output_rows(words, row, place)),
                ],
            )
        ],
        says=(
            f"Word {place + 1}, {words[place]}, looks most at word {best + 1}, {words[best]}, with a weight "
            f"of {row[best]:.2f}."
        ),
    )


def output_rows(words: Sequence[str], row: Sequence[float], place: int) -> list[Row]:
    """The output of one word: the values of all words, mixed by its weights."""
    rows = [Row("sum", f"Sum of row {place + 1}", round(sum(row), 12), f"{sum(row):.2f}")]
    for at, name in enumerate(("letters", "vowels")):
        mixed = sum(weight * value(word)[at] for weight, word in zip(row, words, strict=True))
        terms = [
            f"{weight:.2f}·{value(word)[at]}"
            for weight, word in zip(row, words, strict=True)
            if weight > 0.005
        ]
        rows.append(
            Row(
                name,
                f"Output of word {place + 1}: {name}",
                mixed,
                f"{mixed:.2f} (its own value: {value(words[place])[at]})",
                formula=f"{' + '.join(terms)} = {mixed:.2f}",
            )
        )
    return rows


TOOL = Tool(
    name="figures/attention-matrix",
    title="Attention matrix",
    summary="Write a few words, choose what the head looks for, and see who looks at whom.",
    parameters=Question,
    run=run,
    headings=False,
    details=(
        "The heads' rules are set by hand; those of a trained model are learned. A word's value is here two "
        "numbers, its letters and its vowels, so the output is their average over the words it looks at."
    ),
)
