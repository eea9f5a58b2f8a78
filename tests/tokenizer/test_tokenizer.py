from __future__ import annotations

import itertools
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.bpe import byte_ranks, ranks_of, train
from nanochat.tokenizer.tokenizer import (
    CHAT_SPECIALS,
    PUBLISHED,
    RANKS_FILE,
    SETTINGS_FILE,
    Tokenizer,
    published_tokenizer,
    sample_tokenizer,
    with_chat_specials,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ALL = [sample_tokenizer, *(lambda name=name: published_tokenizer(name) for name in PUBLISHED)]


@pytest.mark.parametrize("make", ALL, ids=["sample", *PUBLISHED])
@settings(max_examples=100, deadline=None)
@given(text=TEXT)
def test_decoding_gives_the_text_back(make, text):
    tokenizer = make()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode_bytes(ids) == text.encode()


def test_byte_lengths_add_up_to_the_text():
    tokenizer = sample_tokenizer()
    lengths, text = tokenizer.byte_lengths(), "Call me 🙂 – naïve 中文!"
    assert sum(lengths[token_id] for token_id in tokenizer.encode(text)) == len(text.encode())


@settings(max_examples=100, deadline=None)
@given(text=TEXT, cuts=st.lists(st.integers(0, 50), max_size=5))
def test_a_stream_gives_the_ids_of_the_whole(text, cuts):
    tokenizer = sample_tokenizer()
    places = sorted({0, len(text), *(cut for cut in cuts if cut < len(text))})
    chunks = [text[start:end] for start, end in itertools.pairwise(places)]
    assert list(tokenizer.encode_stream(chunks)) == tokenizer.encode(text)


@settings(max_examples=200, deadline=None)
@given(parts=st.lists(st.sampled_from([*CHAT_SPECIALS, "<|", "|>", "bos", "<|bos", "x"]), max_size=8))
def test_text_that_spells_a_special_token_never_becomes_one(parts):
    tokenizer = sample_tokenizer()
    ids = tokenizer.encode("".join(parts))
    assert tokenizer.special_ids.isdisjoint(ids)
    assert tokenizer.decode(ids) == "".join(parts)


def test_only_the_allowed_special_tokens_are_seen():
    tokenizer = sample_tokenizer()
    bos, end = (tokenizer.special_id(text) for text in ("<|bos|>", "<|user_end|>"))
    text = "<|bos|>a<|user_end|>"
    assert tokenizer.encode(text, ["<|bos|>"])[0] == bos
    assert end not in tokenizer.encode(text, ["<|bos|>"])
    assert tokenizer.encode(text, ["<|bos|>", "<|user_end|>"]) == [bos, *tokenizer.encode("a"), end]


def test_the_longest_special_token_wins():
    tokenizer = Tokenizer("two", byte_ranks(), special_tokens={"<|a|>": 256, "<|a|><|b|>": 257})
    assert tokenizer.encode("<|a|><|b|>", tokenizer.special_tokens) == [257]


def test_chat_specials_are_nine_at_the_top_in_order():
    tokenizer = with_chat_specials("t", ranks_of(train("ab ab", 1)))
    assert list(tokenizer.special_tokens.values()) == list(range(257, 266))
    assert tuple(tokenizer.special_tokens) == CHAT_SPECIALS
    assert tokenizer.n_vocab == 266


@pytest.mark.parametrize(
    ("name", "n_vocab"), [("gpt2", 50257), ("cl100k_base", 100277), ("o200k_base", 200019)]
)
def test_published_sizes(name, n_vocab):
    tokenizer = published_tokenizer(name)
    assert tokenizer.n_vocab == n_vocab
    assert len(tokenizer.byte_lengths()) == n_vocab


def test_byte_lengths_count_raw_bytes_and_no_special():
    tokenizer = Tokenizer("t", byte_ranks() | {"é🙂".encode()[:4]: 256}, special_tokens={"<|x|>": 260})
    lengths = tokenizer.byte_lengths()
    assert lengths[0xF0] == 1  # no valid UTF-8 on its own, and still one byte
    assert lengths[256:] == [4, 0, 0, 0, 0]


@pytest.mark.parametrize("surrogate", ["\ud800", "ab \udfff", "x" * 200 + "\ud83d"])
def test_half_a_surrogate_pair_is_refused_clearly(surrogate):
    with pytest.raises(ValueError, match=rf"U\+{ord(surrogate[-1]):04X}, half of a surrogate pair"):
        sample_tokenizer().encode(surrogate)


def test_unknown_ids_and_specials_are_refused_by_name():
    with pytest.raises(ValueError, match="sample has no token 2048; its ids go from 0 to 2047"):
        sample_tokenizer().decode([2048])
    with pytest.raises(ValueError, match="no special token '<|eos|>'".replace("|", r"\|")):
        sample_tokenizer().encode("a", ["<|eos|>"])


def test_a_vocabulary_must_be_whole():
    with pytest.raises(ValueError, match="lacks the byte 0x00"):
        Tokenizer("t", {b"a": 0})
    with pytest.raises(ValueError, match="two tokens have the same id"):
        Tokenizer("t", byte_ranks() | {b"ab": 97})
    with pytest.raises(ValueError, match="the id 97 of <|x|> belongs to another".replace("|", r"\|")):
        Tokenizer("t", byte_ranks(), special_tokens={"<|x|>": 97})


def test_the_cache_changes_nothing(monkeypatch):
    monkeypatch.setattr("nanochat.tokenizer.tokenizer.CACHE_SIZE", 2)
    tokenizer = with_chat_specials("t", sample_tokenizer().ranks)
    text = "one two three one two three " * 3 + "x" * 500
    assert tokenizer.encode(text) == sample_tokenizer().encode(text)
    assert len(tokenizer._cache) <= 2


def test_saved_and_loaded(tmp_path):
    tokenizer = with_chat_specials("mine", ranks_of(train("low lower lowest", 5)))
    tokenizer.save(tmp_path / "new")
    loaded = Tokenizer.load(tmp_path / "new")
    assert (loaded.name, loaded.ranks, loaded.special_tokens) == (
        "mine",
        tokenizer.ranks,
        tokenizer.special_tokens,
    )
    assert loaded.pattern is tokenizer.pattern
    with pytest.raises(FileExistsError, match="exists; choose another folder"):
        tokenizer.save(tmp_path / "new")
    tokenizer.save(tmp_path / "new", overwrite=True)


def test_a_saved_tokenizer_can_be_read_by_tiktoken(tmp_path):
    import tiktoken
    from tiktoken.load import load_tiktoken_bpe

    tokenizer = sample_tokenizer()
    tokenizer.save(tmp_path)
    settings = json.loads((tmp_path / SETTINGS_FILE).read_text())
    theirs = tiktoken.Encoding(
        "sample",
        pat_str=settings["published_pattern"],
        mergeable_ranks=load_tiktoken_bpe(str(tmp_path / RANKS_FILE)),
        special_tokens=settings["special_tokens"],
    )
    text = "It's 2026, and we sail at 12:45.\n\nCall me Ishmael."
    assert theirs.encode_ordinary(text) == tokenizer.encode(text)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"pattern": "no"}', "\xff"])
def test_damaged_settings_are_refused_by_name(tmp_path, content):
    sample_tokenizer().save(tmp_path)
    (tmp_path / SETTINGS_FILE).write_bytes(content.encode("latin-1"))
    with pytest.raises(
        ValueError, match=re.escape(f"{tmp_path / SETTINGS_FILE} is not the settings of a tokenizer")
    ):
        Tokenizer.load(tmp_path)


def test_damaged_ranks_are_refused_by_name(tmp_path):
    sample_tokenizer().save(tmp_path)
    data = (tmp_path / RANKS_FILE).read_bytes()
    (tmp_path / RANKS_FILE).write_bytes(data[:-10])
    with pytest.raises(ValueError, match="is not the file it was saved as"):
        Tokenizer.load(tmp_path)
