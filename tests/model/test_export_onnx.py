"""ONNX Runtime is the judge: what is exported gives PyTorch's logits, however a text is cut into calls."""

from __future__ import annotations

import copy
from typing import Any

import hypothesis.strategies as st
import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings

from nanochat.inference.decoder import Decoder
from nanochat.model.config import GPTConfig
from nanochat.model.eight_bits import is_large, quantized
from nanochat.model.export_onnx import Form, onnx_model, switches
from nanochat.model.gpt import GPT
from nanochat.model.onnx_graph import save
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer
from tests.model.exported import Exported, chance_weights, padded, session_of

CLOSE = {"atol": 1e-4, "rtol": 0.0}
CONTEXT = 160  # more than the smallest window, 128
SIZE = {"n_layer": 4, "n_embd": 48, "n_head": 4, "n_kv_head": 2, "vocab_size": 70, "sequence_len": CONTEXT}
ALL = Form(all_logits=True)


@pytest.fixture(scope="module")
def model() -> GPT:
    """All extras, short and long windows, grouped queries."""
    found = chance_weights(GPTConfig(**SIZE))
    assert found.config.windows() == [128, 128, 128, 160]
    return found


def ids_of(n_rows: int, n_time: int, vocab_size: int = 70, seed: int = 0) -> torch.Tensor:
    return torch.randint(vocab_size, (n_rows, n_time), generator=torch.Generator().manual_seed(seed))


@st.composite
def configs(draw) -> GPTConfig:
    n_head = draw(st.sampled_from([2, 4]))
    extras = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout")
    return GPTConfig(
        n_layer=draw(st.integers(1, 4)),
        n_embd=n_head * draw(st.sampled_from([12, 16])),
        n_head=n_head,
        n_kv_head=draw(st.sampled_from([n for n in (1, 2, 4) if n <= n_head])),
        vocab_size=draw(st.integers(60, 130)),
        sequence_len=draw(st.sampled_from([24, CONTEXT])),
        rope_base=draw(st.sampled_from([100.0, 100_000.0])),
        qk_scale=draw(st.sampled_from([1.0, 1.2])),
        logit_softcap=draw(st.sampled_from([5.0, 15.0])),
        window_pattern=draw(st.sampled_from(["L", "S", "SL", "SSSL"])),
        **{extra: draw(st.booleans()) for extra in extras},
    )


@torch.no_grad()
@settings(max_examples=40, deadline=None)
@given(config=configs(), cuts=st.sets(st.integers(1, CONTEXT - 1), max_size=6), seed=st.integers(0, 99))
def test_the_same_logits_however_a_text_is_cut(config, cuts, seed):
    model, ids_BT = chance_weights(config, seed), ids_of(2, config.sequence_len, config.vocab_size, seed)
    expected_BTV = model(ids_BT)
    assert expected_BTV.std() > 0.5  # so that 1e-4 means something
    exported = Exported(model, ALL, rows=2)
    ends = [*sorted(cut for cut in cuts if cut < config.sequence_len), config.sequence_len]
    found = [exported.logits(ids_BT[:, at:end]) for at, end in zip([0, *ends], ends, strict=False)]
    torch.testing.assert_close(torch.cat(found, dim=1), expected_BTV, **CLOSE)


@torch.no_grad()
def test_token_by_token_to_the_end_of_the_context_as_the_decoder_does(model):
    ids = ids_of(1, CONTEXT)[0].tolist()
    exported, decoder, expected_TV = (
        Exported(model),
        Decoder(copy.deepcopy(model), 1),
        model(torch.tensor([ids]))[0],
    )
    torch.testing.assert_close(exported.logits([ids[:3]]), decoder.read({0: ids[:3]}), **CLOSE)
    for at in range(3, CONTEXT):
        found_BV = exported.logits([[ids[at]]])
        torch.testing.assert_close(found_BV, decoder.step([ids[at]]), **CLOSE)
        torch.testing.assert_close(found_BV[0], expected_TV[at], **CLOSE)
    kept = [exported.past[f"past_key_{layer}"].shape[2] for layer in range(4)]
    assert kept == [127, 127, 127, 160]  # a window's own token is the new one
    with pytest.raises(Exception, match="out of data bounds"):
        exported.logits([[0]])


@torch.no_grad()
def test_rows_of_different_lengths(model):
    texts = [ids_of(1, n, seed=n)[0].tolist() for n in (1, 150, 40, 149)]
    exported = Exported(model, rows=4)
    for step in range(10):
        new = padded(texts) if step == 0 else [[text[-1]] for text in texts]
        found_BV = exported.logits(new)
        for row, text in enumerate(texts):
            torch.testing.assert_close(found_BV[row], model(torch.tensor([text]))[0, -1], **CLOSE)
            text.append((7 * step + row) % 70)


@torch.no_grad()
def test_the_same_greedy_text_for_fifty_prompts():
    tokenizer = sample_tokenizer()
    model = chance_weights(GPTConfig(**(SIZE | {"vocab_size": tokenizer.n_vocab})), seed=3)
    ids = tokenizer.encode(sample_text())
    texts = [[tokenizer.special_id("<|bos|>"), *ids[at : at + 1 + at % 97]] for at in range(0, 5_000, 100)]
    exported, decoder = Exported(model, rows=len(texts)), Decoder(model, len(texts))
    ours, theirs = decoder.read(dict(enumerate(texts))), exported.logits(padded(texts))
    written: list[list[int]] = []
    for _ in range(32):
        assert theirs.argmax(1).tolist() == ours.argmax(1).tolist()
        written.append(ours.argmax(1).tolist())
        ours, theirs = decoder.step(written[-1]), exported.logits(np.array(written[-1])[:, None])
    assert len(texts) == 50
    assert len(set(zip(*written, strict=True))) > 40  # they are different texts


# ---- smaller weights ----


def stored(model: GPT, weights: str) -> GPT:
    """The model whose weights are what a file in `weights` can hold; the gates' and single numbers stay."""
    changed = copy.deepcopy(model)
    for name, parameter in changed.named_parameters():
        if is_large(name, parameter.dim()):
            if weights == "fp16":
                parameter.data = parameter.data.half().float()
            else:
                whole, scale = quantized(parameter.data.numpy())
                parameter.data = torch.from_numpy(whole * scale)
    return changed


@torch.no_grad()
@pytest.mark.parametrize("weights", ["fp16", "int8"])
def test_smaller_weights_are_rounded_and_nothing_else(model, weights):
    ids_BT = ids_of(2, CONTEXT)
    found_BTV = Exported(model, Form(weights, all_logits=True), rows=2).logits(ids_BT)
    torch.testing.assert_close(found_BTV, stored(model, weights)(ids_BT), **CLOSE)
    assert not torch.allclose(found_BTV, model(ids_BT), **CLOSE)  # or nothing would have been rounded


@pytest.mark.parametrize(("weights", "size"), [("fp32", 4), ("fp16", 2), ("int8", 1)])
def test_bytes_for_a_weight(weights, size):
    config = GPTConfig(**(SIZE | {"n_embd": 256, "vocab_size": 1_024}))
    model = GPT(config).initialize(0)
    made = onnx_model(config, model.state_dict(), Form(weights))
    n_weights = sum(parameter.numel() for parameter in model.parameters())
    assert size <= made.ByteSize() / n_weights < size + 0.1


def test_rounding_goes_wrong_by_half_a_step_at_most():
    matrix = np.random.default_rng(0).standard_normal((20, 30)).astype(np.float32)
    matrix[3] = 0
    whole, scale = quantized(matrix)
    assert whole.dtype == np.int8
    assert np.abs(whole).max(axis=1).tolist() == [0 if row == 3 else 127 for row in range(20)]
    assert (np.abs(whole * scale - matrix) <= scale / 2 + 1e-7).all()


# ---- what goes on inside ----


@torch.no_grad()
def test_attention_weights(model):
    model, ids_BT = copy.deepcopy(model), ids_of(1, CONTEXT)
    seen = {}
    for layer, block in enumerate(model.blocks):
        block.attention.register_forward_pre_hook(
            lambda module, inputs, layer=layer: seen.update({layer: module.project(*inputs[:2], *inputs[3:])})
        )
    model(ids_BT)
    exported = Exported(model, Form(attentions=True))
    early, late = exported.read(ids_BT[:, :140]), exported.read(ids_BT[:, 140:])
    for layer, window in enumerate(model.config.windows()):
        q_THD, k_TKD = (x[0] for x in seen[layer][:2])
        scores_HTT = torch.einsum("thd,shd->hts", q_THD, k_TKD.repeat_interleave(2, dim=1)) * 12**-0.5
        back_TT = torch.arange(CONTEXT)[:, None] - torch.arange(CONTEXT)
        scores_HTT[:, (back_TT < 0) | (back_TT >= window)] = -torch.inf
        expected_HTT = scores_HTT.softmax(-1)
        first = torch.from_numpy(early[f"attention_{layer}"][0])
        torch.testing.assert_close(first, expected_HTT[:, :140, :140], **CLOSE)
        second = torch.from_numpy(late[f"attention_{layer}"][0])
        assert second.shape[2] == min(140, window - 1 if window < CONTEXT else CONTEXT) + 20
        torch.testing.assert_close(second, expected_HTT[:, 140:, -second.shape[2] :], **CLOSE)
        assert (second[expected_HTT[:, 140:, -second.shape[2] :] == 0] == 0).all()


@torch.no_grad()
def test_streams(model):
    model, ids_BT = copy.deepcopy(model), ids_of(2, 50)
    expected = [model.first_vectors(ids_BT)]
    for block in model.blocks:
        block.register_forward_hook(lambda _, __, out_BTC: expected.append(out_BTC))
    model(ids_BT)
    found = Exported(model, Form(streams=True), rows=2).read(ids_BT)
    for number, stream_BTC in enumerate(expected):
        torch.testing.assert_close(torch.from_numpy(found[f"stream_{number}"]), stream_BTC, **CLOSE)
    assert f"stream_{len(expected)}" not in found


def without_head(model: GPT, layer: int, head: int) -> None:
    """A head's columns of the output matrix are all that reads it."""
    width = model.config.head_dim
    model.blocks[layer].attention.output.weight[:, head * width : (head + 1) * width] = 0


def without_mlp(model: GPT, layer: int) -> None:
    model.blocks[layer].mlp.down.weight.zero_()


def without_value_embeddings(model: GPT, layer: int) -> None:
    model.value_embeddings[str(layer)].weight.zero_()


def without_x0(model: GPT, layer: int) -> None:
    model.x0_scalars[layer] = 0


def without_smear(model: GPT, _: int) -> None:
    model.smear_strength.zero_()


def without_backout(model: GPT, _: int) -> None:
    model.backout_strength.zero_()


@pytest.fixture(scope="module")
def with_switches(model) -> Any:
    """The model with all inputs of `switches`, in ONNX Runtime."""
    return session_of(onnx_model(model.config, model.state_dict(), Form(ablations=True)))


@torch.no_grad()
@pytest.mark.parametrize(
    ("name", "change", "places"),
    [
        ("keep_attention", without_head, [(layer, head) for layer in range(4) for head in range(4)]),
        ("keep_mlp", without_mlp, [(layer,) for layer in range(4)]),
        ("keep_value_embeddings", without_value_embeddings, [(1,), (3,)]),
        ("keep_x0", without_x0, [(layer,) for layer in range(4)]),
        ("keep_smear", without_smear, [(0,)]),
        ("keep_backout", without_backout, [(0,)]),
    ],
)
def test_a_part_is_ablated(model, with_switches, name, change, places):
    ids_BT = ids_of(1, 50)
    ones = {one: np.ones(shape, np.float32) for one, shape in switches(model.config).items()}
    assert model.config.value_layers == (1, 3)
    whole = Exported(model, session=with_switches).logits(ids_BT, **ones)
    torch.testing.assert_close(whole, model(ids_BT)[:, -1], **CLOSE)
    for place in places:
        changed = copy.deepcopy(model)
        change(changed, *place)
        keep = ones[name].copy()
        keep[place] = 0
        found = Exported(model, session=with_switches).logits(ids_BT, **(ones | {name: keep}))
        torch.testing.assert_close(found, changed(ids_BT)[:, -1], **CLOSE)
        assert not torch.allclose(found, whole, **CLOSE)


@torch.no_grad()
def test_all_heads_of_a_layer_are_its_attention_and_half_is_half(model, with_switches):
    ids_BT, changed = ids_of(1, 50), copy.deepcopy(model)
    keep = {one: np.ones(shape, np.float32) for one, shape in switches(model.config).items()}
    keep["keep_attention"][2] = 0
    keep["keep_mlp"][1] = 0.5
    changed.blocks[2].attention.output.weight.zero_()
    changed.blocks[1].mlp.down.weight.mul_(0.5)
    found = Exported(model, session=with_switches).logits(ids_BT, **keep)
    torch.testing.assert_close(found, changed(ids_BT)[:, -1], **CLOSE)


@torch.no_grad()
def test_extras_that_a_model_lacks_have_no_switch():
    """Without its extras a model that has them gives the logits of the config without them."""
    plain = GPTConfig(**SIZE, value_embeddings=False, x0_scalars=False, smear=False, backout=False)
    assert list(switches(plain)) == ["keep_attention", "keep_mlp"]
    model, rich = chance_weights(plain), GPT(GPTConfig(**SIZE)).initialize(1)
    for parameter in (
        *rich.value_embeddings.parameters(),
        rich.smear_strength,
        rich.x0_scalars,
        rich.backout_strength,
    ):
        parameter.fill_(3.0)
    rich.load_state_dict(model.state_dict(), strict=False)
    keep = {
        name: np.full(shape, name in switches(plain), np.float32)
        for name, shape in switches(rich.config).items()
    }
    ids_BT, session = (
        ids_of(1, 50),
        session_of(onnx_model(rich.config, rich.state_dict(), Form(ablations=True))),
    )
    found = Exported(rich, session=session).logits(ids_BT, **keep)
    torch.testing.assert_close(found, model(ids_BT)[:, -1], **CLOSE)


# ---- the file ----


@pytest.mark.parametrize("weights", ["fp32", "fp16", "int8"])
def test_the_graph_is_small_and_of_standard_operators(model, weights):
    form = Form(weights, attentions=True, streams=True, ablations=True)
    made = onnx_model(model.config, model.state_dict(), form, {"run": "d4"})
    onnx.checker.check_model(made, full_check=True)
    assert {node.domain for node in made.graph.node} == {""}
    assert [(one.domain, one.version) for one in made.opset_import] == [("", 18)]
    assert len(made.graph.node) < 100 * model.config.n_layer
    assert {one.key: one.value for one in made.metadata_props} == {"run": "d4"}
    assert made == onnx_model(model.config, model.state_dict(), form, {"run": "d4"})


def test_nothing_in_the_graph_is_unused(model):
    made = onnx_model(model.config, model.state_dict(), Form("int8"))
    used = {name for node in made.graph.node for name in node.input} | {one.name for one in made.graph.output}
    there = [name for node in made.graph.node for name in node.output]
    there += [one.name for one in (*made.graph.initializer, *made.graph.input)]
    assert len(there) == len(set(there))
    assert set(there) == used
    read = [name for node in made.graph.node for name in node.input]
    small = [one.name for one in made.graph.initializer if one.data_type == onnx.TensorProto.INT8]
    assert len(small) == 4 * 4 + 2 + 2  # four matrices a layer, two value embeddings, embedding and head
    assert all(read.count(name) == 1 for name in small)  # made fp32 once, also where two nodes need it


@torch.no_grad()
def test_a_large_model_is_written_as_two_files(model, tmp_path):
    save(onnx_model(model.config, model.state_dict()), tmp_path / "model.onnx", largest=10_000)
    weights = tmp_path / "model.onnx.data"
    assert weights.stat().st_size > 10 * (tmp_path / "model.onnx").stat().st_size
    assert weights.stat().st_mode == (tmp_path / "model.onnx").stat().st_mode
    ids_BT = ids_of(1, 20)
    exported = Exported(model, session=session_of(str(tmp_path / "model.onnx")))
    torch.testing.assert_close(exported.logits(ids_BT), model(ids_BT)[:, -1], **CLOSE)
