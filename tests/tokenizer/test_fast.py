"""FastTokenizer gives the ids of the standard-library tokenizer it stands for, in every way of asking."""

from __future__ import annotations

import json
import pickle
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.errors import UserError
from nanochat.tokenizer.chat import render_conversation
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE, Tokenizer, sample_text, sample_tokenizer

SLOW = sample_tokenizer()
FAST = FastTokenizer.of(SLOW)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)
# Pieces that meet each other at the places where patterns decide: endings, digits, spaces, special tokens.
PARTS = ["'s", "'LL", "12", "3", "½", "word", "É", "中文", "🙂", "!", "<|bos|>", "<|"]
TRICKY = st.lists(st.sampled_from([*PARTS, " ", "\n", "\r\n", "\u3000"]), max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(ANY_TEXT | TRICKY)
def test_ids_and_text_of_any_text(text):
    ids = FAST.encode(text)
    assert ids == SLOW.encode(text)
    assert FAST.encode_array(text).tolist() == ids
    assert FAST.decode(ids) == text


@settings(max_examples=200, deadline=None)
@given(TRICKY, st.sets(st.sampled_from(list(SLOW.special_tokens))))
def test_special_tokens_only_where_they_are_allowed(text, allowed):
    assert FAST.encode(text, allowed) == SLOW.encode(text, allowed)


def test_a_whole_text_and_its_pieces():
    text = sample_text()
    assert FAST.encode(text) == SLOW.encode(text)
    assert list(FAST.pieces(text)) == list(SLOW.pieces(text))
    assert list(FAST.encode_stream([text[:1000], text[1000:]])) == SLOW.encode(text)


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_a_batch_is_its_texts_one_by_one(threads):
    rng = random.Random(3)
    text = sample_text()
    texts = ["", *(text[start : start + rng.randrange(400)] for start in range(0, 40_000, 1_000))]
    arrays = FAST.encode_batch(texts, threads)
    assert [array.tolist() for array in arrays] == [SLOW.encode(one) for one in texts]
    assert {array.dtype for array in arrays} == {np.dtype(np.int32)}


def test_text_that_tiktoken_gives_up_on():
    text = "a" + " " * 1_000_000 + "b"
    with pytest.raises(ValueError, match="stack"):  # if this goes, so may our way around it
        FAST.encoding.encode_to_numpy(text)
    assert FAST.encode(text) == SLOW.encode(text)


def test_half_of_a_surrogate_pair_is_no_text():
    with pytest.raises(ValueError, match=r"U\+D800, half of a surrogate pair"):
        FAST.encode_batch(["fine", "a\ud800"], threads=2)


def test_it_stands_in_for_a_tokenizer(tmp_path):
    conversation = {"messages": [{"role": "user", "content": "no?"}, {"role": "assistant", "content": "No."}]}
    assert render_conversation(FAST, conversation) == render_conversation(SLOW, conversation)
    assert (FAST.n_vocab, FAST.byte_lengths(), FAST.bos) == (2048, SLOW.byte_lengths(), 2039)
    FAST.save(tmp_path)
    again, plain = FastTokenizer.load(tmp_path), Tokenizer.load(tmp_path)
    assert again.fingerprint == FastTokenizer.of(plain).fingerprint == FAST.fingerprint
    assert (again.name, again.ranks, again.special_tokens) == (SLOW.name, SLOW.ranks, SLOW.special_tokens)
    assert pickle.loads(pickle.dumps(FAST)).encode("hi there") == SLOW.encode("hi there")


def test_the_fingerprint_tells_tokenizers_apart():
    swapped = dict(SLOW.ranks)
    first, second = list(swapped)[-2:]
    swapped[first], swapped[second] = swapped[second], swapped[first]
    others = [
        FastTokenizer("sample", swapped, SLOW.pattern, SLOW.special_tokens),
        FastTokenizer("sample", SLOW.ranks, SLOW.pattern, {"<|bos|>": 2039}),
    ]
    assert len({FAST.fingerprint, *(other.fingerprint for other in others)}) == 3
    assert (
        FastTokenizer("other", SLOW.ranks, SLOW.pattern, SLOW.special_tokens).fingerprint == FAST.fingerprint
    )


def test_what_cannot_be_loaded(tmp_path):
    with pytest.raises(UserError, match=f"there is no tokenizer in .*: it has no {SETTINGS_FILE}"):
        FastTokenizer.load(tmp_path / "nowhere")
    FAST.save(tmp_path)
    data = (tmp_path / RANKS_FILE).read_bytes()
    (tmp_path / RANKS_FILE).write_bytes(data[:-9])
    with pytest.raises(UserError, match="is not the file it was saved as"):
        FastTokenizer.load(tmp_path)
    (tmp_path / RANKS_FILE).write_bytes(data)
    settings_file = tmp_path / SETTINGS_FILE
    settings_file.write_text(json.dumps(json.loads(settings_file.read_text()) | {"pattern": "unheard-of"}))
    with pytest.raises(UserError, match="is not the settings of a tokenizer"):
        FastTokenizer.load(tmp_path)
