"""What the fast trainer learns is what the standard-library reference learns, and always the same."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.errors import UserError
from nanochat.tokenizer import bpe
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.split import GPT2, NANOCHAT
from nanochat.tokenizer.tokenizer import CHAT_SPECIALS, sample_text
from nanochat.tokenizer.training import LONGEST_PART, SMALLEST, train_tokenizer

TEXT = sample_text()


@pytest.mark.parametrize("pattern", [NANOCHAT, GPT2], ids=lambda pattern: pattern.name)
def test_the_same_tokens_in_the_same_order_as_the_reference(pattern):
    tokenizer = train_tokenizer([TEXT], 1_500 + SMALLEST, pattern=pattern)
    assert tokenizer.ranks == bpe.ranks_of(bpe.train(TEXT, 1_500, pattern))
    assert tokenizer.pattern is pattern


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("aab '\n1é", max_size=40), min_size=1, max_size=8), st.integers(0, 12))
def test_ties_are_broken_as_in_the_reference(texts, n_merges):
    expected = bpe.ranks_of(merges := bpe.train(texts, n_merges))
    if len(merges) < n_merges:
        with pytest.raises(UserError, match=f"this text has pairs for {SMALLEST + len(merges)}"):
            train_tokenizer(texts, SMALLEST + n_merges)
    else:
        assert train_tokenizer(texts, SMALLEST + n_merges).ranks == expected


def test_size_and_special_tokens():
    tokenizer = train_tokenizer([TEXT], 1_000, name="small")
    assert (tokenizer.name, tokenizer.n_vocab, len(tokenizer.ranks)) == ("small", 1_000, 991)
    assert list(tokenizer.special_tokens.items()) == list(zip(CHAT_SPECIALS, range(991, 1_000), strict=True))
    assert train_tokenizer(["x"], SMALLEST).ranks == bpe.byte_ranks()


def test_any_number_of_threads_and_any_cut_into_texts_learn_the_same():
    program = (
        "from nanochat.tokenizer.tokenizer import sample_text\n"
        "from nanochat.tokenizer.fast import FastTokenizer\n"
        "from nanochat.tokenizer.training import train_tokenizer\n"
        "lines = sample_text().splitlines(keepends=True)\n"
        "print(FastTokenizer.of(train_tokenizer(lines, 2000)).fingerprint)"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "RAYON_NUM_THREADS": threads},
            capture_output=True, text=True, check=True,
        ).stdout
        for threads in ("1", "2", "5")
    }  # fmt: skip
    lines = TEXT.splitlines(keepends=True)
    assert found == {FastTokenizer.of(train_tokenizer(reversed(lines), 2_000)).fingerprint + "\n"}


def test_a_million_spaces():
    """rustbpe by itself panics at these; and what stands before and after is learned."""
    text = "low lower lowest " * 50 + " " * 1_000_000 + "newest wide " * LONGEST_PART
    ranks = train_tokenizer([text], SMALLEST + 20).ranks
    assert b" newest" in ranks
    assert b" wide" in ranks


@pytest.mark.parametrize("size", [-1, 0, 264, 1_000_001])
def test_a_size_that_cannot_be(size):
    with pytest.raises(UserError, match=rf"vocab_size={size} must be from 265 .* to 1,000,000"):
        train_tokenizer([TEXT], size)


def test_an_error_while_reading_comes_through():
    def texts():
        yield "one text"
        raise OSError(5, "the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        train_tokenizer(texts(), 300)
