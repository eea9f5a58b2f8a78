from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.split import CL100K, GPT2, NANOCHAT, O200K, PATTERNS, to_stdlib

ALL = list(PATTERNS.values())
TEXT = st.text(st.sampled_from("aA1 \n\r\t'sſ.,/é中🙂\u0301\x1c\x85"), max_size=60) | st.text(max_size=40)


@pytest.mark.parametrize("pattern", ALL, ids=lambda pattern: pattern.name)
@given(text=TEXT)
def test_pieces_joined_are_the_text(pattern, text):
    pieces = pattern.split(text)
    assert "".join(pieces) == text
    assert "" not in pieces


@pytest.mark.parametrize("pattern", ALL, ids=lambda pattern: pattern.name)
@settings(max_examples=300)
@given(text=TEXT, seed=st.integers(0, 1000))
def test_a_stream_has_the_same_pieces_wherever_it_is_cut(pattern, text, seed):
    rng, chunks, position = random.Random(seed), [], 0
    while position < len(text):
        size = rng.randrange(0, 6)
        chunks.append(text[position : position + size])
        position += size
    assert list(pattern.stream(chunks)) == pattern.split(text)


@pytest.mark.parametrize("pattern", ALL, ids=lambda pattern: pattern.name)
def test_a_stream_does_not_wait_for_the_end(pattern):
    seen = []

    def chunks():
        for number in range(100):
            seen.append(number)
            yield f"line {number}\n" * 100

    next(pattern.stream(chunks()))
    assert len(seen) <= 2


@pytest.mark.parametrize("pattern", ALL, ids=lambda pattern: pattern.name)
@given(text=TEXT)
def test_explained_pieces_are_the_pieces(pattern, text):
    assert [piece for piece, _ in pattern.explain(text)] == pattern.split(text)


@pytest.mark.parametrize(
    ("pattern", "name"), [(GPT2, "gpt2"), (CL100K, "cl100k_base"), (O200K, "o200k_base")]
)
def test_published_patterns_are_the_ones_tiktoken_holds(pattern, name, tiktoken_encodings):
    assert pattern.published == tiktoken_encodings[name]._pat_str


def test_nanochat_cuts_as_tiktoken_with_its_pattern():
    import tiktoken

    single_bytes = {bytes([value]): value for value in range(256)}
    pieces_as_tokens = {}
    rng = random.Random(3)
    texts = ["".join(rng.choice("aB1 \n'sſ.é中\u0301\x85 ") for _ in range(12)) for _ in range(2000)]
    for text in texts:
        for piece in NANOCHAT.split(text):
            pieces_as_tokens.setdefault(piece.encode(), len(pieces_as_tokens) + 256)
    # tiktoken gives a piece that is a token as that one token, so where it cuts can be read from its tokens.
    encoding = tiktoken.Encoding(
        "cuts", pat_str=NANOCHAT.published, mergeable_ranks=pieces_as_tokens | single_bytes, special_tokens={}
    )
    for text in texts:
        tokens = encoding.decode_tokens_bytes(encoding.encode_ordinary(text))
        assert [token.decode() for token in tokens] == NANOCHAT.split(text)


def test_digits_go_in_twos():
    assert NANOCHAT.split("12345") == ["12", "34", "5"]
    assert CL100K.split("12345") == ["123", "45"]


@pytest.mark.parametrize("text", ["it's", "it'S", "it'ſ"])
def test_english_endings_in_any_case(text):
    assert NANOCHAT.split(text) == [text[:2], text[2:]]
    assert O200K.split(text) == [text]


@pytest.mark.parametrize("unknown", [r"\p{Greek}", r"\d+", r"[\S]", r"\p{L}\p{Lu}"])
def test_unknown_classes_are_refused_by_name(unknown):
    with pytest.raises(ValueError, match="is not known here"):
        to_stdlib(unknown)
