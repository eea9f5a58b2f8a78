"""The logit lens: at the last layer it is the model itself, earlier it is PyTorch's norm, head and cap."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings

from nanochat.model.config import GPTConfig
from nanochat.model.export_onnx import Form
from nanochat.model.layers import norm
from nanochat.model.onnx_lens import halfway_stream, lens_model
from tests.model.exported import Exported, chance_weights, session_of

SIZE = {"n_embd": 48, "n_head": 4, "n_kv_head": 2, "vocab_size": 70, "sequence_len": 32}
CLOSE = {"atol": 1e-4, "rtol": 0.0}


def streams_of(model, ids_BT, form) -> tuple[torch.Tensor, list[np.ndarray]]:
    found = Exported(model, form).read(ids_BT)
    streams = [found[f"stream_{at}"][0] for at in range(model.config.n_layer + 1)]
    return torch.from_numpy(found["logits"][0]), streams


def through_lens(session, config, streams, at) -> torch.Tensor:
    given_ = {"stream": streams[at]}
    if config.backout:
        halfway = halfway_stream(config, at)
        given_["halfway"] = np.zeros_like(streams[at]) if halfway is None else streams[halfway]
    return torch.from_numpy(session.run(None, given_)[0])


@torch.no_grad()
@settings(max_examples=20, deadline=None)
@given(n_layer=st.integers(1, 6), backout=st.booleans(), dtype=st.sampled_from(["fp32", "int8"]))
def test_of_the_last_stream_the_logits_are_the_models_own(n_layer, backout, dtype):
    config = GPTConfig(n_layer=n_layer, backout=backout, **SIZE)
    model = chance_weights(config)
    ids_BT = torch.randint(70, (1, 32), generator=torch.Generator().manual_seed(n_layer))
    logits_TV, streams = streams_of(model, ids_BT, Form(dtype, all_logits=True, streams=True))
    session = session_of(lens_model(config, model.state_dict(), dtype))
    found_TV = through_lens(session, config, streams, n_layer)
    torch.testing.assert_close(found_TV, logits_TV, **CLOSE)
    assert logits_TV.std() > 0.5  # so that 1e-4 means something
    early_TV = through_lens(session, config, streams, 0)
    assert not torch.allclose(early_TV, logits_TV, **CLOSE)


@torch.no_grad()
@pytest.mark.parametrize("at", range(5))
def test_earlier_streams_as_pytorch_has_it(at):
    config = GPTConfig(n_layer=4, **SIZE)
    model = chance_weights(config)
    _, streams = streams_of(model, torch.arange(30)[None], Form(all_logits=True, streams=True))
    found_TV = through_lens(session_of(lens_model(config, model.state_dict())), config, streams, at)
    x_TC = torch.from_numpy(streams[at])
    if at > 3:  # layer 2 is halfway, and stream 3 leaves it
        x_TC = x_TC - model.backout_strength * torch.from_numpy(streams[3])
    torch.testing.assert_close(found_TV, model.logits(norm(x_TC)), **CLOSE)


def test_the_graph_is_whole_and_small():
    config = GPTConfig(n_layer=4, **SIZE)
    tensors = chance_weights(config).state_dict()
    made = lens_model(config, tensors, "int8", {"run": "d4"})
    onnx.checker.check_model(made, full_check=True)
    assert made == lens_model(config, tensors, "int8", {"run": "d4"})
    assert len(made.graph.node) < 15
    assert {one.key: one.value for one in made.metadata_props} == {"run": "d4"}
