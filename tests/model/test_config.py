"""What a config accepts, and what it says when it does not."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.shape import Shape


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_embd": 384, "n_head": 5}, "n_embd=384 is not divisible by n_head=5"),
        ({"n_head": 6, "n_kv_head": 4}, "use 1, 2, 3 or 6"),
        ({"n_layer": 0}, "n_layer=0 must be a whole number from 1"),
        ({"n_layer": 12.0}, "n_layer=12.0"),
        ({"n_layer": True}, "n_layer=True"),
        ({"vocab_size": -1}, "vocab_size=-1"),
        ({"vocab_size": 10**30}, "vocab_size=1000000"),
        ({"rope_base": math.nan}, "rope_base=nan must be a positive, finite number"),
        ({"logit_softcap": 0.0}, "logit_softcap=0.0"),
        ({"window_pattern": "SSX"}, "for example 'SSSL'"),
        ({"window_pattern": ""}, "window_pattern=''"),
        ({"n_embd": 16, "n_head": 2, "n_kv_head": 2}, "use n_embd=24 or more, or switch smear off"),
        ({"n_embd": 8, "n_head": 2, "n_kv_head": 2, "smear": False}, "or switch value embeddings off"),
        ({"n_embd": 21, "n_head": 7, "n_kv_head": 7}, "use an even width"),
    ],
)
def test_errors_name_the_value_and_the_way_out(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError) as caught:
        GPTConfig(**changes)
    assert words in str(caught.value)


@pytest.mark.parametrize("depth", [0, -1, 10_001, 2.5, "12"])
def test_from_depth_refuses(depth: object) -> None:
    with pytest.raises(ValueError, match="must be a whole number of layers"):
        GPTConfig.from_depth(depth)  # type: ignore[arg-type]


@given(st.integers(1, 400))
def test_from_depth_sets_the_rest(depth: int) -> None:
    config = GPTConfig.from_depth(depth)
    assert 64 * depth <= config.n_embd < 64 * depth + 128
    assert config.head_dim == 128
    assert config.n_kv_head == config.n_head


@given(st.integers(1, 60), st.text("SL", min_size=1, max_size=6), st.integers(1, 9_000))
def test_windows(n_layer: int, pattern: str, sequence_len: int) -> None:
    windows = GPTConfig(n_layer=n_layer, window_pattern=pattern, sequence_len=sequence_len).windows()
    assert len(windows) == n_layer
    assert windows[-1] == sequence_len
    assert all(min(sequence_len, 128) <= window <= sequence_len for window in windows)
    if "S" not in pattern:
        assert set(windows) == {sequence_len}


@given(st.integers(1, 60))
def test_value_layers_alternate_and_hold_the_last(n_layer: int) -> None:
    layers = GPTConfig(n_layer=n_layer).value_layers
    assert layers[-1] == n_layer - 1
    assert all(later - earlier == 2 for earlier, later in pairwise(layers))
    assert layers[0] in (0, 1)


def test_a_config_survives_json() -> None:
    config = GPTConfig.from_depth(6, smear=False, window_pattern="SL")
    assert GPTConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config
    with pytest.raises(ValueError, match="unknown setting 'dropout'"):
        GPTConfig.from_dict({"dropout": 0.1})


def test_shapes_refuse_what_they_cannot_be() -> None:
    with pytest.raises(ValueError, match="arch='rnn' is not known"):
        Shape("rnn", 1, 8, 1, 10)
    with pytest.raises(ValueError, match="belong to arch='llama'"):
        Shape("gpt2", 1, 8, 1, 10, qkv_bias=True)
    with pytest.raises(ValueError, match="not divisible by n_kv_head=3"):
        Shape("llama", 1, 64, 4, 10, n_kv_head=3, head_dim=32)
    with pytest.raises(ValueError, match="n_kv_head=-1"):
        Shape("llama", 1, 64, 4, 10, n_kv_head=-1)
