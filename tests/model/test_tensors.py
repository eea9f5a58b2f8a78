"""The tensors a config says there are, against the real model's and the real optimizer's."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_parameters
from nanochat.model.gpt import GPT
from nanochat.model.tensors import part_of, state_rows, state_shape, tensor_shapes
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import make_optimizer

EXTRAS = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout")


@st.composite
def configs(draw) -> GPTConfig:
    """Small models of every kind: any extras, grouped queries, vocabularies that must be padded."""
    n_kv_head = draw(st.integers(1, 3))
    n_head = n_kv_head * draw(st.integers(1, 2))
    return GPTConfig(
        n_layer=draw(st.integers(1, 5)), n_head=n_head, n_kv_head=n_kv_head,
        n_embd=n_head * draw(st.sampled_from((24, 32))), vocab_size=draw(st.integers(2, 200)),
        **{name: draw(st.booleans()) for name in EXTRAS},
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(config=configs())
def test_names_shapes_and_states_are_the_models_own(config):
    model = GPT(config)
    real = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    assert tensor_shapes(config) == real
    slices = make_optimizer(model, plan_for(config)).state_slices()
    whole = {name.rpartition("@")[0]: tuple(rows.shape) for name, rows in slices.items()}
    assert state_rows(config) == {name: shape[0] for name, shape in whole.items()}
    for name, shape in whole.items():
        state, _, tensor = name.partition("/")
        assert state_shape(state, real[tensor]) == shape


@settings(max_examples=40, deadline=None)
@given(config=configs())
def test_the_parts_add_up_to_what_counting_says(config):
    sums: dict[str, int] = {}
    for name, shape in tensor_shapes(config).items():
        sums[part_of(name)] = sums.get(part_of(name), 0) + math.prod(shape)
    assert sums == {part.name: part.total for part in count_parameters(config).parts}
