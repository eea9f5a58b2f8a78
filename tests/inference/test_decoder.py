"""The KV cache against the plain forward pass over the whole text: the same logits, whatever came between."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nanochat.inference import decoder as decoder_module
from nanochat.inference import kv_cache
from nanochat.inference.decoder import Decoder
from nanochat.inference.packed import PackedLinear, pack
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.model.layers import Linear

V, CONTEXT = 97, 40
CORE = GPTConfig.core(n_layer=2, n_embd=32, n_head=4, n_kv_head=4, vocab_size=V, sequence_len=CONTEXT)
ALL = GPTConfig(n_layer=4, n_embd=32, n_head=4, n_kv_head=2, vocab_size=V, sequence_len=CONTEXT)


def make_model(config: GPTConfig, seed: int = 0) -> GPT:
    """With every weight away from its first value, so that no part of the model is idle."""
    model = GPT(config).initialize(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments of four tokens and windows of eight, so that a short text needs several."""
    monkeypatch.setattr(kv_cache, "FIRST_SEGMENT", 4)
    monkeypatch.setattr("nanochat.model.config.WINDOW_MULTIPLE", 8)
    monkeypatch.setattr(decoder_module, "MOST_AT_ONCE", 25)


MODELS = {
    "core": CORE,
    "all extras": ALL,
    "one head of keys": replace(ALL, n_kv_head=1),
    "no value embeddings": replace(ALL, value_embeddings=False),
    "no smear": replace(ALL, smear=False),
    "windows alone": replace(CORE, window_pattern="SL", n_layer=3),
}


def plain(model: GPT, text: list[int]) -> torch.Tensor:
    """Logits after the last token, by the whole forward pass."""
    with torch.no_grad():
        return model(torch.tensor([text]))[0, -1]


def same(found: torch.Tensor, expected: torch.Tensor) -> None:
    torch.testing.assert_close(found, expected, atol=2e-4, rtol=1e-4)


ids = st.integers(0, V - 1)
texts = st.lists(ids, min_size=1, max_size=12)
# Texts are read by some rows, a token by all (some rest), a row becomes the copy of another.
acts = st.one_of(
    st.tuples(st.just("read"), st.dictionaries(st.integers(0, 2), texts, min_size=1)),
    st.tuples(st.just("step"), st.lists(ids, min_size=3, max_size=3), st.sets(st.integers(0, 2), max_size=2)),
    st.tuples(st.just("copy"), st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("new"), st.integers(0, 2), texts),
)


@pytest.mark.parametrize("name", MODELS)
@settings(deadline=None, max_examples=25)
@given(st.tuples(texts, texts, texts), st.lists(acts, max_size=14))
def test_whatever_happens_to_its_rows(name, first, history):
    model = make_model(MODELS[name])
    decoder, rows = Decoder(model, rows=3), [list(text) for text in first]
    found = decoder.read(dict(enumerate(first)))
    for row in range(3):
        same(found[row], plain(model, rows[row]))
    for act, *what in history:
        if act == "read":
            fitting = {r: t for r, t in what[0].items() if len(rows[r]) + len(t) <= CONTEXT}
            if fitting:
                for (row, text), logits in zip(fitting.items(), decoder.read(fitting), strict=True):
                    rows[row] += text
                    same(logits, plain(model, rows[row]))
        elif act == "step":
            tokens, resting = what
            given_ids = [
                None if row in resting or len(rows[row]) >= CONTEXT else token
                for row, token in enumerate(tokens)
            ]
            logits_BV = decoder.step(given_ids)
            for row, token in enumerate(given_ids):
                if token is not None:
                    rows[row].append(token)
                    same(logits_BV[row], plain(model, rows[row]))
        elif act == "copy":
            source, target = what
            decoder.copy_row(source, target)
            rows[target] = list(rows[source])
        else:
            row, text = what
            decoder.forget(row)
            rows[row] = list(text)
            same(decoder.read({row: text})[0], plain(model, rows[row]))
    assert decoder.cache.texts == rows


@pytest.mark.parametrize("name", MODELS)
def test_a_text_that_fills_the_context(name):
    """Token by token from the first to the last, past every window and segment."""
    model, generator = make_model(MODELS[name], seed=1), torch.Generator().manual_seed(5)
    text = torch.randint(V, (CONTEXT,), generator=generator).tolist()
    with torch.no_grad():
        expected_TV = model(torch.tensor([text]))[0]
    decoder = Decoder(model, rows=1)
    found = [decoder.read({0: text[:1]})[0], *(decoder.step([one])[0] for one in text[1:])]
    same(torch.stack(found), expected_TV)
    with pytest.raises(ValueError, match="row 0: 40 of 40 tokens"):
        decoder.step([1])
    with pytest.raises(ValueError, match="longer than the context of 40"):
        decoder.read({0: [1]})


def test_what_cannot_be_read():
    decoder = Decoder(make_model(CORE), rows=2)
    with pytest.raises(ValueError, match="row 1: there is no token"):
        decoder.read({0: [1], 1: []})
    with pytest.raises(ValueError, match="row 0: 0 of 40"):
        decoder.step([1])


def test_it_grows_without_moving_what_is_there():
    decoder = Decoder(make_model(CORE), rows=1)
    decoder.read({0: [1, 2, 3, 4]})
    layer = decoder.cache.layers[0]
    before = layer.segments[0][0].data_ptr()
    assert layer.capacity == 4
    for _ in range(20):
        decoder.step([5])
    assert [keys.shape[2] for keys, _ in layer.segments] == [4, 4, 8, 16]
    assert layer.segments[0][0].data_ptr() == before
    while len(decoder.cache.texts[0]) < CONTEXT:
        decoder.step([5])
    assert layer.capacity == CONTEXT


def test_a_window_layer_keeps_its_window_only():
    decoder = Decoder(make_model(replace(CORE, window_pattern="SL")), rows=1)
    decoder.read({0: list(range(30))})
    short_layer, long_layer = decoder.cache.layers
    assert (short_layer.window, short_layer.capacity) == (16, 16)
    assert long_layer.capacity == 32
    numbers = 2 * (16 + 32) * CORE.n_kv_head * CORE.head_dim
    assert decoder.cache.bytes == 4 * numbers


def test_packed_products_are_the_same_and_gradients_still_flow():
    model = make_model(ALL)
    text = torch.tensor([[1, 2, 3, 4]])
    expected = plain(model, [1, 2, 3, 4])
    assert pack(model) == 4 * 6 + 1  # six matrices a layer and the head; gates are left
    same(plain(model, [1, 2, 3, 4]), expected)
    model(text, targets_BT=text).backward()
    assert type(model.head) is PackedLinear
    assert model.head.weight.grad is not None
    assert "packed" not in " ".join(model.state_dict())
    with torch.no_grad():
        model.head.weight += 1.0
    pack(model)
    same(plain(model, [1, 2, 3, 4]), model(text)[0, -1].detach())


def test_rows_in_bf16_are_multiplied_without_the_packed_copy():
    layer = Linear(32, 64)
    x_BTI = torch.randn(1, 3, 32).bfloat16()
    with torch.no_grad():
        expected = layer(x_BTI)
        assert pack(nn.ModuleList([layer])) == 1
        assert torch.equal(layer(x_BTI), expected)
