from __future__ import annotations

import random
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer import bpe
from nanochat.tokenizer.bpe import byte_ranks, decode, encode, encode_piece, merge_steps, ranks_of, train
from nanochat.tokenizer.split import NANOCHAT
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer

FEW_LETTERS = st.text(st.sampled_from("ab cd\n"), max_size=80)
SAMPLE_RANKS = sample_tokenizer().ranks


def rustbpe_merges(texts: list[str], n_merges: int) -> list[tuple[bytes, int]]:
    import rustbpe

    trainer = rustbpe.Tokenizer()
    trainer.train_from_iterator(iter(texts), 256 + n_merges, pattern=NANOCHAT.published)
    return [(bytes(token), rank) for token, rank in trainer.get_mergeable_ranks()][256:]


def our_merges(texts: list[str], n_merges: int) -> list[tuple[bytes, int]]:
    return [(merge.joined, merge.token) for merge in train(texts, n_merges)]


def plain_train(text: str, n_merges: int) -> list[bytes]:
    """The definition, without any short cut: count all pairs, take the best, merge it everywhere, again."""
    words = [list(piece.encode()) for piece in NANOCHAT.split(text)]
    tokens = [bytes([value]) for value in range(256)]
    for _ in range(n_merges):
        counts: dict[tuple[int, int], int] = {}
        for word in words:
            for pair in pairwise(word):
                counts[pair] = counts.get(pair, 0) + 1
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], pair))
        words = [bpe.merge_pair(word, best, len(tokens)) for word in words]
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return tokens[256:]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(FEW_LETTERS, min_size=1, max_size=3), n_merges=st.integers(0, 50))
def test_merges_of_rustbpe_ties_included(texts, n_merges):
    """Six letters and short texts: nearly every choice is between equally common pairs."""
    assert our_merges(texts, n_merges) == rustbpe_merges(texts, n_merges)


@settings(max_examples=200, deadline=None)
@given(text=FEW_LETTERS, n_merges=st.integers(0, 30))
def test_merges_of_the_definition(text, n_merges):
    assert [merge.joined for merge in train(text, n_merges)] == plain_train(text, n_merges)


def test_merges_of_rustbpe_on_a_megabyte():
    """1 MB of the sample's words in a random order, so all counts differ from the sample's, and noise."""
    rng = random.Random(5)
    words = NANOCHAT.split(sample_text())
    text = ""
    while len(text) < 1_000_000:
        text += "".join(rng.choices(words, k=2_000)) + "".join(
            chr(rng.randrange(32, 0x250)) for _ in range(200)
        )
    assert our_merges([text], 2_000) == rustbpe_merges([text], 2_000)


def test_the_sample_vocabulary_comes_from_the_sample_text():
    ranks = ranks_of(train(sample_text(), 2048 - 256 - 9))
    assert ranks == SAMPLE_RANKS


def test_counts_say_how_often_a_pair_was_seen():
    first, second = train("aaaa aaaa", 2)
    assert (first.left, first.right, first.count) == (b"a", b"a", 6)  # aa stands three times in aaaa
    assert (second.joined, second.count) == (b"aaaa", 2)


def test_training_stops_when_no_pair_is_left():
    assert [merge.joined for merge in train("ab", 100)] == [b"ab"]
    assert train("", 5) == train([], 5) == train("ab", 0) == []


def test_a_negative_number_of_merges_is_refused():
    with pytest.raises(ValueError, match="n_merges=-1 must be 0 or more"):
        train("ab", -1)


def test_on_merge_is_called_as_it_happens():
    seen = []
    merges = train("low lower lowest", 4, on_merge=seen.append)
    assert seen == merges


@settings(max_examples=200, deadline=None)
@given(text=st.text())
def test_decoding_gives_the_text_back(text):
    text = text.encode("utf-8", "replace").decode()
    assert decode(encode(text, SAMPLE_RANKS), SAMPLE_RANKS) == text


@settings(max_examples=300, deadline=None)
@given(
    piece=st.text(st.sampled_from("theinsao "), min_size=1, max_size=200).map(str.encode)
    | st.binary(min_size=1, max_size=150)
)
def test_three_ways_to_merge_agree(piece):
    steps = merge_steps(piece, SAMPLE_RANKS)
    assert bpe._merge_short(piece, SAMPLE_RANKS) == list(steps[-1].parts)
    assert bpe._merge_long(piece, SAMPLE_RANKS) == list(steps[-1].parts)


def test_a_piece_that_is_a_token_is_that_token_even_if_merges_would_not_reach_it():
    ranks = byte_ranks() | {b"bc": 256, b"abc": 300, b"ab": 257}
    assert encode_piece(b"abc", ranks) == [300]
    assert encode_piece(b"abcd", {**ranks, b"abc": 300}) == [300, 100]


def test_steps_name_every_candidate_and_take_the_lowest_rank():
    step, *_, last = merge_steps(b"abab", byte_ranks() | {b"ab": 257, b"ba": 256})
    assert step.parts == (b"a", b"b", b"a", b"b")
    assert step.candidates == ((0, 257), (1, 256), (2, 257))
    assert (step.at, step.rank) == (1, 256)
    assert last.parts == (b"a", b"ba", b"b")
    assert last.at is None


def test_half_a_character_decodes_to_a_replacement():
    assert decode(list("é".encode())[:1], byte_ranks()) == "\ufffd"
