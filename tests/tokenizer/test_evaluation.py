"""Compression is counted rightly, and the texts are what their names say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.tokenizer import ranks
from nanochat.tokenizer.bpe import byte_ranks
from nanochat.tokenizer.evaluation import compression, kinds_of_text, published_if_there, take
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import published_tokenizer, sample_tokenizer, with_chat_specials


def test_bytes_are_bytes_of_text_and_tokens_are_ids():
    bytes_only = FastTokenizer.of(with_chat_specials("bytes", byte_ranks()))
    for text in kinds_of_text().values():
        counted = compression(bytes_only, [text, text])
        assert counted.text_bytes == counted.tokens == 2 * len(text.encode())
    ours = sample_tokenizer()
    texts = list(kinds_of_text().values())
    assert compression(FastTokenizer.of(ours), texts).tokens == sum(len(ours.encode(text)) for text in texts)
    assert compression(bytes_only, []).bytes_per_token == 0


def test_every_kind_is_some_kilobytes_and_of_its_kind():
    texts = kinds_of_text()
    assert all(len(text.encode()) > 1_500 for text in texts.values())

    def share(kind: str, first: str, last: str) -> float:
        return sum(first <= letter <= last for letter in texts[kind]) / len(texts[kind])

    assert share("korean", "가", "힣") > 0.6
    assert share("russian", "А", "я") > 0.7
    gpt2, o200k = (compression_of(name, texts) for name in ("gpt2", "o200k_base"))
    # GPT-2's vocabulary has hardly any Korean or Russian, and nothing for the indents of code.
    assert all(o200k[kind] > 1.5 * gpt2[kind] for kind in ("korean", "russian"))
    assert o200k["code"] > 1.3 * gpt2["code"]


def compression_of(name: str, texts: dict[str, str]) -> dict[str, float]:
    tokenizer = FastTokenizer.of(published_tokenizer(name))
    return {kind: compression(tokenizer, [text]).bytes_per_token for kind, text in texts.items()}


def test_published_tokenizers_that_are_not_here(monkeypatch):
    def nowhere(name: str) -> None:
        raise ranks.RanksMissing(name)

    found, missing = published_if_there(["gpt2"])
    assert (list(found), missing) == (["gpt2"], {})
    monkeypatch.setattr("nanochat.tokenizer.evaluation.published_tokenizer", nowhere)
    found, missing = published_if_there(["gpt2", "cl100k_base"])
    assert not found
    assert "run `make site`" in missing["gpt2"]
    assert "cl100k_base.tiktoken" in missing["cl100k_base"]


@given(st.lists(st.text(max_size=9), max_size=9), st.integers(0, 40))
def test_taking_texts(texts, most):
    taken = list(take(iter(texts), most))
    assert taken == texts[: len(taken)]
    size = sum(len(text.encode()) for text in taken)
    assert size <= most or len([text for text in taken if text]) == 1
    if len(taken) < len(texts):
        assert size + len(texts[len(taken)].encode()) > most


def test_taking_from_nothing():
    assert list(take(iter([]), 5)) == []
    with pytest.raises(UnicodeEncodeError):
        list(take(["\ud800"], 5))
