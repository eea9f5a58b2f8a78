"""The ids of our encoder are tiktoken's, for 100,000 strings of every kind in three encodings."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.tokenizer import PUBLISHED, Tokenizer, published_tokenizer, sample_text
from nanochat.tokenizer.unicode_table import ranges
from nanochat.tokenizer.unicode_table import runs as runs_of_unicode

N_STRINGS = 102_000
ASSIGNED = [code for first, last in ranges("ULOMNS") for code in (first, (first + last) // 2, last)]
SKIN, JOINER, VARIATION, KEYCAP = "\U0001f3fd", "\u200d", "\ufe0f", "\u20e3"
PEOPLE = "👩👨🧑👧❤💻🚀🏳🌈🙂"
FLAGS = [chr(0x1F1E6 + letter) for letter in range(26)]
SPECIALS = ["<|endoftext|>", "<|fim_prefix|>", "<|endofprompt|>", "<|bos|>", "<|", "|>", "endoftext"]
ODD_SPACES = [
    " ",
    " ",
    " ",
    "\n",
    "\n",
    "\r",
    "\t",
    "\r\n",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1f",
    "\x85",
    "\xa0",
    "\u2003",
    "\u3000",
]
ENDINGS = [
    "'s",
    "'S",
    "'ſ",
    "'t",
    "'ll",
    "'LL",
    "'lL",
    "'ve",
    "'re",
    "'d",
    "'m",
    "'",
    "’s",
    "'K",
    "'ı",
    "İ",
    "ı",
    "ß",
    "ẞ",
    "ǅ",
]


def one_of_every_script(rng: random.Random) -> str:
    """Characters near one another, so mostly of one script, with a space here and there."""
    start = rng.choice(ASSIGNED)
    near = [chr(min(start + rng.randrange(40), 0x10FFFF)) for _ in range(rng.randrange(1, 25))]
    return "".join(" " if rng.random() < 0.15 else character for character in near)


def any_code_points(rng: random.Random) -> str:
    """Code points from all of Unicode: assigned, unassigned and private ones."""
    return "".join(chr(rng.randrange(0x110000)) for _ in range(rng.randrange(1, 16)))


def mixed_scripts(rng: random.Random) -> str:
    return "".join(chr(rng.choice(ASSIGNED)) for _ in range(rng.randrange(1, 20)))


def emoji(rng: random.Random) -> str:
    parts = [*PEOPLE, SKIN, JOINER, JOINER, VARIATION, "1" + VARIATION + KEYCAP, *rng.sample(FLAGS, 4), " "]
    return "".join(rng.choice(parts) for _ in range(rng.randrange(1, 20)))


def marks(rng: random.Random) -> str:
    """Combining marks: lone, stacked, before and after letters and line breaks."""
    parts = ["\u0301", "\u0327", "\u093f", "\u20dd", "\u0e31", "e", "A", "क", " ", "\n", "1", "!"]
    return "".join(rng.choice(parts) * rng.choice([1, 1, 1, 5]) for _ in range(rng.randrange(1, 15)))


def runs(rng: random.Random) -> str:
    """Long runs of spaces, digits, line breaks and letters."""
    parts = [*ODD_SPACES, "7", "٣", "½", "a", "A", "!", "/", "é"]
    return "".join(rng.choice(parts) * rng.choice([1, 1, 2, 3, 7, 40]) for _ in range(rng.randrange(1, 9)))


def special_look_alikes(rng: random.Random) -> str:
    return "".join(rng.choice([*SPECIALS, " ", "\n", "x"]) for _ in range(rng.randrange(1, 6)))


def endings(rng: random.Random) -> str:
    parts = [*ENDINGS, "we", "HE", "Ünï", "中文", " ", "1", "_"]
    return "".join(rng.choice(parts) for _ in range(rng.randrange(1, 10)))


def english(rng: random.Random) -> str:
    text = sample_text()
    start = rng.randrange(len(text) - 80)
    return text[start : start + rng.randrange(1, 80)]


def code_like(rng: random.Random) -> str:
    parts = [
        "def ",
        "(x)",
        ":\n",
        "    ",
        "\t",
        "return",
        "==",
        "//",
        "\n\n",
        "{",
        "}",
        "camelCase",
        "HTTPServer",
        "x1",
        "0xFF",
    ]
    return "".join(rng.choice(parts) for _ in range(rng.randrange(1, 12)))


KINDS = [
    one_of_every_script, any_code_points, mixed_scripts, emoji, marks, runs, special_look_alikes, endings,
    english, code_like,
]  # fmt: skip


def strings() -> list[str]:
    rng = random.Random(2)
    made = [KINDS[number % len(KINDS)](rng) for number in range(N_STRINGS)]
    return [text.encode("utf-8", "replace").decode() for text in made]  # surrogates are no text


@pytest.fixture(scope="module")
def generated() -> list[str]:
    return strings()


@pytest.mark.parametrize("name", PUBLISHED)
def test_ids_of_generated_strings(name, generated, tiktoken_encodings):
    ours, theirs = published_tokenizer(name), tiktoken_encodings[name]
    assert len(generated) > 100_000
    expected = theirs.encode_ordinary_batch(generated, num_threads=2)
    different = [text for text, ids in zip(generated, expected, strict=True) if ours.encode(text) != ids]
    assert different == []


@pytest.mark.parametrize("name", PUBLISHED)
def test_first_and_last_character_of_every_run(name, tiktoken_encodings):
    """Where the Unicode table changes its mind; what lies between is checked by test_unicode_table."""
    ours, theirs = published_tokenizer(name), tiktoken_encodings[name]
    starts = [start for start, _ in runs_of_unicode() if start]
    edges = [code for start in starts for code in (start - 1, start) if not 0xD800 <= code < 0xE000]
    for stretch in range(0, len(edges), 100):
        text = "".join(f"x{chr(code)}y'{chr(code)} " for code in edges[stretch : stretch + 100])
        assert ours.encode(text) == theirs.encode_ordinary(text), f"from U+{edges[stretch]:04X}"


@pytest.mark.parametrize("name", PUBLISHED)
def test_special_tokens(name, tiktoken_encodings):
    ours, theirs = published_tokenizer(name), tiktoken_encodings[name]
    text = "a<|endoftext|>b<|endofprompt|><|fim_middle|> c"
    allowed = {token for token in ours.special_tokens if token in text}
    assert ours.special_tokens == theirs._special_tokens
    assert ours.encode(text, allowed) == theirs.encode(text, allowed_special=allowed, disallowed_special=())
    assert ours.encode(text) == theirs.encode(text, disallowed_special=())


@pytest.mark.parametrize("name", PUBLISHED)
def test_long_words(name, tiktoken_encodings):
    """A hundred thousand characters without a place to cut: encoding must not be quadratic in them."""
    ours, theirs = published_tokenizer(name), tiktoken_encodings[name]
    for unit in ("a", "ab", " ", "🙂"):
        text = unit * (100_000 // len(unit))
        assert ours.encode(text) == theirs.encode_ordinary(text), unit


@pytest.mark.parametrize("name", PUBLISHED)
@settings(max_examples=400, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_ids_of_any_text(name, tiktoken_encodings, text):
    ours: Tokenizer = published_tokenizer(name)
    ids = ours.encode(text)
    assert ids == tiktoken_encodings[name].encode_ordinary(text)
    assert ours.decode(ids) == text


@pytest.mark.parametrize(
    ("name", "ids"), [("gpt2", [15496, 995]), ("cl100k_base", [9906, 1917]), ("o200k_base", [13225, 2375])]
)
def test_hello_world(name, ids):
    assert published_tokenizer(name).encode("Hello world") == ids
