"""Hugging Face's `tokenizers` and `transformers` are the judges: the exported files give our ids."""

from __future__ import annotations

import json
import random

import pytest
import tokenizers
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.tokenizer.chat import render_conversation, render_prompt
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.huggingface import TOKENIZER_FILE, tokenizer_json, write_tokenizer
from nanochat.tokenizer.tokenizer import published_tokenizer, sample_text, sample_tokenizer
from nanochat.tokenizer.training import train_tokenizer
from nanochat.tokenizer.unicode_table import ranges, runs

NAMES = ("sample", "trained", "gpt2", "cl100k_base")
UNITS = [
    "'s", "'LL", "'ſ", " ", "  ", "\n", "\r\n", "\t", "\u3000", "\x85", "12", "345", "½", "٣", "word", "É",
    "中文", "🙂", "e\u0301", "क\u093f", "!", "...", "//", "<|bos|>", "<|", "a" * 40, "ab" * 9, "the", "of",
]  # fmt: skip


@pytest.fixture(scope="module")
def pairs():
    """Our tokenizer and Hugging Face's, by name."""
    text = sample_text()
    ours = {
        "sample": sample_tokenizer(),
        "trained": train_tokenizer([text, "aaaa aa aaa aaaaaa abab ababab" * 50], 3_000),
        **{name: published_tokenizer(name) for name in NAMES[2:]},
    }
    found = {}
    for name, tokenizer in ours.items():
        theirs = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(tokenizer)))
        theirs.encode_special_tokens = True  # text that spells one is text
        found[name] = FastTokenizer.of(tokenizer), theirs
    return found


@pytest.mark.parametrize("name", NAMES)
def test_thousands_of_generated_texts(name, pairs):
    ours, theirs = pairs[name]
    rng = random.Random(5)
    assigned = [code for first, last in ranges("ULOMNS") for code in (first, (first + last) // 2, last)]
    texts = ["".join(rng.choices(UNITS, k=rng.randrange(1, 30))) for _ in range(10_000)]
    texts += ["".join(map(chr, rng.choices(assigned, k=20))) for _ in range(5_000)]
    text = sample_text()
    starts = [rng.randrange(len(text)) for _ in range(2_000)]
    texts += [text[start : start + rng.randrange(200)] for start in starts]
    expected = [ids.tolist() for ids in ours.encode_batch(texts)]
    found = [one.ids for one in theirs.encode_batch(texts)]
    assert [one for one, a, b in zip(texts, expected, found, strict=True) if a != b] == []
    for ids in expected[::100]:
        assert theirs.decode(ids, skip_special_tokens=False) == ours.decode(ids)


@pytest.mark.parametrize("name", NAMES)
def test_first_and_last_character_of_every_kind(name, pairs):
    """Where their Unicode table could differ from ours."""
    ours, theirs = pairs[name]
    edges = [code for start, _ in runs() if start for code in (start - 1, start)]
    texts = [f"x{chr(code)}y'{chr(code)} {chr(code)}1" for code in edges if not 0xD800 <= code < 0xE000]
    found = [one.ids for one in theirs.encode_batch(texts)]
    different = [ascii(text) for text, ids in zip(texts, found, strict=True) if ours.encode(text) != ids]
    assert different == []


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=100))
def test_any_text(pairs, text):
    ours, theirs = pairs["trained"]
    assert theirs.encode(text).ids == ours.encode(text)


def test_special_tokens_have_their_ids(pairs):
    ours, _ = pairs["trained"]
    theirs = tokenizers.Tokenizer.from_str(json.dumps(tokenizer_json(ours)))
    text = "<|bos|>a b<|user_end|>"
    assert theirs.encode(text).ids == ours.encode(text, ours.special_tokens)
    assert theirs.decode(theirs.encode(text).ids) == "a b"
    assert theirs.get_vocab_size() == ours.n_vocab


@pytest.fixture(scope="module")
def auto(tmp_path_factory):
    """What transformers makes of the written folder."""
    folder = tmp_path_factory.mktemp("exported")
    write_tokenizer(sample_tokenizer(), folder, max_tokens=512)
    assert (folder / TOKENIZER_FILE).is_file()
    return transformers.AutoTokenizer.from_pretrained(folder)


def test_transformers_opens_the_folder(auto):
    ours = sample_tokenizer()
    text = "Call me Ishmael. Some years ago – never mind how long precisely."
    assert auto(text)["input_ids"] == ours.encode(text)
    assert auto.decode(ours.encode(text)) == text
    assert (auto.bos_token_id, len(auto), auto.model_max_length) == (2039, 2048, 512)
    assert auto("<|bos|>", split_special_tokens=True)["input_ids"] == ours.encode("<|bos|>")


CODE = [
    {"type": "text", "text": "Let me see. "},
    {"type": "python", "text": "2 + 2"},
    {"type": "python_output", "text": "4"},
    {"type": "text", "text": "Four.\n"},
]
CONVERSATIONS = [
    [("user", "no?"), ("assistant", " No. ")],
    [("system", "Be brief."), ("user", "2+2?\n"), ("assistant", CODE), ("user", "?"), ("assistant", "!")],
    [("user", ""), ("assistant", ""), ("user", "{{ again }}"), ("assistant", "<b>&amp;</b>")],
]  # fmt: skip


@pytest.mark.parametrize("turns", CONVERSATIONS)
def test_the_chat_template_renders_as_we_do(turns, auto):
    messages = [{"role": role, "content": content} for role, content in turns]
    ids, _ = render_conversation(sample_tokenizer(), {"messages": messages})
    assert auto.apply_chat_template(messages)["input_ids"] == ids
    asked = messages[:-1]
    found = auto.apply_chat_template(asked, add_generation_prompt=True)["input_ids"]
    assert found == render_prompt(sample_tokenizer(), {"messages": asked})
