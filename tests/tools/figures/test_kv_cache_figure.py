from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.hardware import find_gpu
from nanochat.model.memory import USABLE, kv_cache_bytes
from tools.core.json_report import figures
from tools.figures.kv_cache import BYTES, CONTEXTS, PATTERNS, Question, cache_bytes, run

QUESTIONS = st.builds(
    Question,
    layers=st.integers(1, 100),
    kv_heads=st.integers(1, 64),
    head_dim=st.sampled_from(["64", "80", "96", "128", "256"]),
    context=st.sampled_from(sorted(CONTEXTS)),
    pattern=st.sampled_from(sorted(PATTERNS)),
    batch=st.integers(1, 64),
    dtype=st.sampled_from(sorted(BYTES)),
    weights=st.floats(0, 200),
)


@given(QUESTIONS, st.integers(1, 131_072))
def test_the_cache_is_what_the_model_room_counts(question, n_tokens):
    width = question.kv_heads * int(question.head_dim)
    models = [
        GPTConfig.core(
            n_layer=question.layers, n_embd=width, n_head=question.kv_heads, n_kv_head=question.kv_heads,
            sequence_len=int(question.context), window_pattern=pattern,
        )
        for pattern in (question.pattern, "L")
    ]  # fmt: skip
    each = BYTES[question.dtype]
    expected = tuple(kv_cache_bytes(model, n_tokens, question.batch, each).value for model in models)
    assert cache_bytes(question, n_tokens) == expected
    assert expected[0] <= expected[1]
    assert expected[1] == question.batch * n_tokens * 2 * question.layers * width * each


@given(QUESTIONS)
def test_so_many_texts_fit_and_not_one_more(question):
    shown = figures(run(question))["memory"]
    one = shown["full"] // question.batch
    room = find_gpu(question.gpu).memory_bytes * USABLE - question.weights * 2**30
    assert shown["chats"] * one <= max(room, 0)
    assert (shown["chats"] + 1) * one > room - 1


@pytest.mark.parametrize("layers", [1, 3])
def test_the_figure_counts_what_the_engine_keeps(layers):
    torch = pytest.importorskip("torch")
    from nanochat.inference.kv_cache import LayerCache

    question = Question(layers=layers, kv_heads=2, head_dim="64", context="1024", pattern="SL", dtype="fp32")
    width = GPTConfig.core(
        n_layer=layers, n_embd=128, n_head=2, n_kv_head=2, sequence_len=1_024, window_pattern="SL"
    )
    kept = 0
    for window in width.windows():
        layer = LayerCache(rows=1, window=window, n_kv_head=2, head_dim=64, like=torch.zeros(0))
        layer.make_room(1_024)
        kept += sum(tensor.numel() * tensor.element_size() for pair in layer.segments for tensor in pair)
    assert kept == cache_bytes(question, 1_024)[0]
