"""Reading `config.json` files of the families we count."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.model.counting import count_parameters
from nanochat.model.huggingface import shape_from_config

LLAMA: dict[str, Any] = {
    "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256,
    "max_position_embeddings": 8192,
    "tie_word_embeddings": False, "attention_bias": False, "rope_scaling": None, "torch_dtype": "bfloat16",
}  # fmt: skip
QWEN2: dict[str, Any] = {
    "model_type": "qwen2", "hidden_size": 896, "intermediate_size": 4864, "num_hidden_layers": 24,
    "num_attention_heads": 14, "num_key_value_heads": 2, "vocab_size": 151936, "tie_word_embeddings": True,
    "sliding_window": 32768, "use_sliding_window": False, "max_position_embeddings": 32768,
}  # fmt: skip
QWEN3: dict[str, Any] = {
    "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "num_hidden_layers": 28,
    "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128, "vocab_size": 151936,
    "tie_word_embeddings": True,
}  # fmt: skip
MISTRAL: dict[str, Any] = {
    "model_type": "mistral", "hidden_size": 4096, "intermediate_size": 14336, "num_hidden_layers": 32,
    "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 32000, "sliding_window": 4096,
    "max_position_embeddings": 32768,
}  # fmt: skip
GPT2: dict[str, Any] = {"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12, "vocab_size": 50257,
                        "n_ctx": 1024, "n_positions": 1024, "activation_function": "gelu_new"}  # fmt: skip


@pytest.mark.parametrize(
    ("data", "total"),
    [
        (LLAMA, 8_030_261_248),
        (QWEN2, 494_032_768),
        (QWEN3, 596_049_920),
        (MISTRAL, 7_241_732_096),
        (GPT2, 124_439_808),
    ],
    ids=["Llama-3-8B", "Qwen2.5-0.5B", "Qwen3-0.6B", "Mistral-7B-v0.1", "GPT-2"],
)
def test_published_totals(data: dict[str, Any], total: int) -> None:
    assert count_parameters(shape_from_config(data)).total == total


def test_biases_and_windows() -> None:
    with_bias = shape_from_config(LLAMA | {"attention_bias": True, "mlp_bias": True})
    extra = count_parameters(with_bias).total - count_parameters(shape_from_config(LLAMA)).total
    assert extra == 32 * ((32 + 2 * 8) * 128 + 4096 + 2 * 14336 + 4096)
    assert shape_from_config(MISTRAL).windows() == [4096] * 32
    assert shape_from_config(MISTRAL | {"sliding_window": None}).windows() == [32768] * 32


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "mamba"}, "model_type 'mamba' is not one that can be counted"),
        ({"model_type": None}, "the key model_type is missing"),
        ({"model_type": ["llama"]}, "model_type ['llama']"),
        ({"hidden_size": None}, "the key hidden_size is missing"),
        ({"hidden_size": math.nan}, "hidden_size is nan"),
        ({"hidden_size": "4096"}, "hidden_size is '4096'"),
        ({"hidden_size": True}, "hidden_size is True"),
        ({"num_hidden_layers": -2}, "num_hidden_layers is -2"),
        ({"num_key_value_heads": 5}, "not divisible by n_kv_head=5"),
        ({"tie_word_embeddings": "yes"}, "tie_word_embeddings is 'yes', not true or false"),
        ({"vocab_size": 10**40}, "vocab_size is 1000"),
    ],
)
def test_errors_name_the_key(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        shape_from_config(LLAMA | change)
    assert words in str(caught.value)


def test_a_window_on_some_layers_is_refused() -> None:
    with pytest.raises(ValueError, match="use_sliding_window is on"):
        shape_from_config(QWEN2 | {"use_sliding_window": True})


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(st.sampled_from([LLAMA, QWEN2, QWEN3, MISTRAL, GPT2]), st.data())
def test_any_damage_is_a_plain_value_error(data: dict[str, Any], draw: st.DataObject) -> None:
    key = draw.draw(st.sampled_from(sorted(data)))
    with suppress(ValueError):  # and nothing else
        shape_from_config(data | {key: draw.draw(junk)})


@given(junk)
def test_any_json_is_refused_or_read(data: object) -> None:
    with pytest.raises(ValueError):
        shape_from_config(data)


def test_a_missing_key_means_what_its_family_says() -> None:
    without = {
        key: value for key, value in MISTRAL.items() if key not in ("sliding_window", "num_key_value_heads")
    }
    shape = shape_from_config({key: without[key] for key in without if key != "max_position_embeddings"})
    assert (shape.sliding_window, shape.n_kv_head, shape.sequence_len) == (4_096, 8, 131_072)
    assert shape_from_config(MISTRAL | {"num_key_value_heads": None}).n_kv_head == 32
    assert shape_from_config(QWEN2 | {"num_key_value_heads": None}).n_kv_head == 14
    with pytest.raises(ValueError, match="n_kv_head=32"):  # Qwen2Config's own default
        shape_from_config({key: value for key, value in QWEN2.items() if key != "num_key_value_heads"})
    assert shape_from_config({k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}).n_kv_head == 32


def test_a_language_model_inside_another_is_pointed_at() -> None:
    with pytest.raises(ValueError, match="save its text_config, which is a llama"):
        shape_from_config({"model_type": "llava", "text_config": LLAMA})


def test_a_long_value_is_shown_short() -> None:
    with pytest.raises(ValueError) as caught:
        shape_from_config(LLAMA | {"model_type": "x" * 9_000})
    assert len(str(caught.value)) < 200
