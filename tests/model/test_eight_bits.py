"""Weights in 8 bits: how far off, and that rounding what was rounded changes nothing, to the last bit."""

from __future__ import annotations

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import array_shapes, arrays

from nanochat.model.config import GPTConfig
from nanochat.model.eight_bits import LARGEST, SCALE, dequantized, is_large, pack, quantized, unpack
from nanochat.model.export_onnx import Form, onnx_model
from nanochat.train.safe_files import write_tensors
from tests.model.exported import chance_weights

CONFIG = GPTConfig(n_layer=3, n_embd=48, n_head=4, n_kv_head=2, vocab_size=70, sequence_len=160)
ordinary = st.floats(-1e6, 1e6, width=32).map(lambda number: 0.0 if abs(number) < 1e-20 else number)
matrices = arrays(np.float32, array_shapes(min_dims=2, max_dims=2, max_side=8), elements=ordinary)


@given(matrices)
def test_rounding_what_was_rounded_changes_nothing(rows):
    whole, scale = quantized(rows)
    again_whole, again_scale = quantized(dequantized(whole, scale))
    assert again_whole.tolist() == whole.tolist()
    assert again_scale.tobytes() == scale.tobytes()


def test_for_every_number_that_may_be_the_largest_of_a_row():
    """The scale is the same again for each of a float's 2²³ fractions; a power of 2 only moves it."""
    largest = np.arange(2**23, 2**24, dtype=np.float32)[:, None]
    whole, scale = quantized(largest)
    assert (whole == LARGEST).all()
    assert quantized(dequantized(whole, scale))[1].tobytes() == scale.tobytes()


@given(matrices)
def test_at_most_half_a_step_is_lost(rows):
    whole, scale = quantized(rows)
    assert (np.abs(dequantized(whole, scale) - rows) <= 0.5001 * scale).all()
    assert np.abs(whole.astype(int)).max() <= LARGEST


def test_rows_of_the_smallest_numbers_stay_in_range():
    rows = np.array([[2e-43, -1e-43], [1e-45, 0]], dtype=np.float32)  # no scale is a 127th of these
    whole, scale = quantized(rows)
    assert np.sign(whole).tolist() == [[1, -1], [0, 0]]  # and not turned round by too large a number
    assert np.isfinite(dequantized(whole, scale)).all()


def test_a_model_is_kept_and_found_again():
    model = chance_weights(CONFIG)
    kept = pack(model.state_dict())
    once = unpack(kept)
    model.load_state_dict(once)  # every name, every shape
    again = pack(once)
    assert kept.keys() == again.keys()
    assert all(torch.equal(kept[name], again[name]) for name in kept)
    large = [name for name in once if is_large(name, once[name].dim())]
    assert all(kept[name].dtype == torch.int8 and kept[name + SCALE].shape[1] == 1 for name in large)
    assert len(large) == 3 * 6 + 2 + 2  # six matrices a layer, two value embeddings, embedding and head


def test_what_is_exported_in_int8_is_what_is_kept():
    kept = pack(chance_weights(CONFIG).state_dict())
    made = onnx_model(CONFIG, unpack(kept), Form("int8"))
    inside = {one.name: one.raw_data for one in made.graph.initializer}
    for name in ("head.weight", "blocks.1.mlp.up.weight", "blocks.2.attention.output.weight"):
        rows = kept[name][: CONFIG.vocab_size] if name == "head.weight" else kept[name]
        assert np.ascontiguousarray(rows.numpy().T).tobytes() == inside[name]
    assert kept["embedding.weight"][: CONFIG.vocab_size].numpy().tobytes() == inside["embedding.weight"]
    assert inside["embedding.weight.scale"] == kept["embedding.weight" + SCALE][:70].numpy().tobytes()


def test_words_about_a_file_of_tensors(tmp_path):
    from safetensors import safe_open

    kept = pack(chance_weights(CONFIG).state_dict())
    first = write_tensors(tmp_path / "a.safetensors", kept, {"format": "some"})
    assert first == write_tensors(
        tmp_path / "b.safetensors", dict(reversed(kept.items())), {"format": "some"}
    )
    with safe_open(tmp_path / "a.safetensors", framework="pt") as file:
        assert file.metadata() == {"format": "some"}
        assert all(torch.equal(file.get_tensor(name), tensor) for name, tensor in kept.items())


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"head.weight": torch.zeros(64, 48)}, r"head.weight is torch.float32 with scales; expected"),
        ({"x0_scalars": torch.zeros(3, dtype=torch.int8)}, "x0_scalars is torch.int8 without scales"),
        ({"x0_scalars.scale": torch.zeros(3, 1)}, "x0_scalars is torch.float32 with scales"),
    ],
)
def test_what_is_not_in_this_form(change, complaint):
    with pytest.raises(ValueError, match=complaint):
        unpack({**pack(chance_weights(CONFIG).state_dict()), **change})
