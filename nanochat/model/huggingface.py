"""Read the shape of a model from a Hugging Face `config.json`.

The families read are GPT-2, Llama, Mistral, Qwen 2 and Qwen 3. A key that is missing has the meaning the
transformers library gives to its absence, which differs from family to family and, in places, from that of a
null; but the sizes that every model sets for itself must be there. A key that would change the count and is
not understood is refused rather than passed over.
"""

from __future__ import annotations

from reprlib import repr as short  # a value from a file may be of any length
from typing import Any

from nanochat.model.config import LARGEST, is_whole
from nanochat.model.shape import Shape

LLAMA_LIKE = ("llama", "mistral", "qwen2", "qwen3")
MODEL_TYPES = ("gpt2", *LLAMA_LIKE)
# What each configuration class has for a key that is missing. For null they all mean "as many as heads".
KV_HEADS = {"mistral": 8, "qwen2": 32, "qwen3": 32}
CONTEXT = {"llama": 2_048, "mistral": 131_072, "qwen2": 32_768, "qwen3": 32_768}
MISTRAL_WINDOW = 4_096


def shape_from_config(data: object) -> Shape:
    """The shape that a parsed `config.json` describes. Raises ValueError naming the key that is wrong.

    >>> shape_from_config({"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12}).vocab_size
    50257
    >>> shape_from_config({"model_type": "t5"})
    Traceback (most recent call last):
        ...
    ValueError: model_type 't5' is not one that can be counted; use gpt2, llama, mistral, qwen2, qwen3
    """
    if not isinstance(data, dict):
        raise ValueError("the file holds no JSON object; a config.json begins with {")
    model_type = data.get("model_type")
    if not isinstance(model_type, str) or model_type not in MODEL_TYPES:
        known = ", ".join(MODEL_TYPES)
        if model_type is None:
            raise ValueError(f"the key model_type is missing; it must be one of {known}")
        inner = data.get("text_config")
        if isinstance(inner, dict) and inner.get("model_type") in MODEL_TYPES:
            raise ValueError(
                f"model_type {short(model_type)} holds more than a language model; save its text_config, "
                f"which is a {inner['model_type']}, as a file of its own"
            )
        raise ValueError(f"model_type {short(model_type)} is not one that can be counted; use {known}")
    return read_gpt2(data) if model_type == "gpt2" else read_llama(data, model_type)


def read_gpt2(data: dict[str, Any]) -> Shape:
    """GPT-2's keys.

    >>> read_gpt2({"n_layer": 2, "n_embd": 64, "n_head": 4, "n_inner": None}).mlp_width
    256
    """
    return Shape(
        arch="gpt2",
        n_layer=whole(data, "n_layer"),
        n_embd=whole(data, "n_embd"),
        n_head=whole(data, "n_head"),
        vocab_size=whole(data, "vocab_size", 50_257),
        mlp_width=whole(data, "n_inner", 0),
        sequence_len=whole(data, "n_positions", whole(data, "n_ctx", 1_024)),
        tied=switch(data, "tie_word_embeddings", True),
    )


def read_llama(data: dict[str, Any], model_type: str) -> Shape:
    """The keys of Llama and its kin.

    >>> data = {
    ...     "hidden_size": 64,
    ...     "intermediate_size": 128,
    ...     "num_hidden_layers": 2,
    ...     "num_attention_heads": 4,
    ...     "num_key_value_heads": 2,
    ...     "vocab_size": 100,
    ... }
    >>> read_llama(data, "qwen2").qkv_bias, read_llama(data, "llama").qkv_bias
    (True, False)
    """
    n_layer, n_head = whole(data, "num_hidden_layers"), whole(data, "num_attention_heads")
    attention_bias = model_type != "mistral" and switch(data, "attention_bias", False)
    missing = "num_key_value_heads" not in data
    n_kv_head = whole(data, "num_key_value_heads", KV_HEADS.get(model_type, n_head) if missing else n_head)
    return Shape(
        arch="llama",
        n_layer=n_layer,
        n_embd=whole(data, "hidden_size"),
        n_head=n_head,
        vocab_size=whole(data, "vocab_size"),
        n_kv_head=n_kv_head,
        mlp_width=whole(data, "intermediate_size"),
        head_dim=whole(data, "head_dim", 128 if model_type == "qwen3" else 0),
        sequence_len=whole(data, "max_position_embeddings", CONTEXT[model_type]),
        tied=switch(data, "tie_word_embeddings", False),
        qkv_bias=model_type == "qwen2" or attention_bias,
        out_bias=model_type != "qwen2" and attention_bias,
        mlp_bias=model_type == "llama" and switch(data, "mlp_bias", False),
        qk_norm=model_type == "qwen3",
        sliding_window=read_window(data, model_type, n_layer),
    )


def read_window(data: dict[str, Any], model_type: str, n_layer: int) -> int | None:
    """The sliding window, where every layer has it. Qwen writes one down and leaves it off by default.

    Mistral has one unless it says null.

    >>> read_window({"sliding_window": 4096}, "mistral", 32)
    4096
    >>> read_window({"sliding_window": 4096, "use_sliding_window": False}, "qwen2", 24) is None
    True
    """
    if model_type == "mistral":
        return whole(data, "sliding_window", 0 if "sliding_window" in data else MISTRAL_WINDOW) or None
    if model_type.startswith("qwen") and switch(data, "use_sliding_window", False):
        raise ValueError(
            f"use_sliding_window is on: only some of the {n_layer} layers would have a window, "
            "which is not counted here; set it to false to count full attention"
        )
    return None


def whole(data: dict[str, Any], key: str, default: int | None = None) -> int:
    """A whole number from `data`; JSON's null counts as absent.

    >>> whole({"n_layer": "twelve"}, "n_layer")
    Traceback (most recent call last):
        ...
    ValueError: n_layer is 'twelve', not a whole number from 1 to 1,000,000,000
    """
    value = data.get(key)
    if value is None:
        if default is None:
            raise ValueError(f"the key {key} is missing")
        return default
    if not is_whole(value) or not 1 <= value <= LARGEST:
        raise ValueError(f"{key} is {short(value)}, not a whole number from 1 to {LARGEST:,}")
    return value


def switch(data: dict[str, Any], key: str, default: bool) -> bool:
    """A true or false from `data`; JSON's null counts as absent.

    >>> switch({"mlp_bias": None}, "mlp_bias", False)
    False
    """
    value = data.get(key)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise ValueError(f"{key} is {short(value)}, not true or false")
    return value
