"""The whole model: against a slow one written here, against the counting, against PyTorch's own counter."""

from __future__ import annotations

import shutil

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch._inductor.exc import InvalidCxxCompiler
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from nanochat.model import gpt
from nanochat.model.attending import may_see
from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_flops, count_parameters
from nanochat.model.gpt import GPT

EXTRAS = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout")
SMALL = {"n_layer": 3, "n_embd": 48, "n_head": 4, "n_kv_head": 2, "vocab_size": 90, "sequence_len": 40}

configs = st.builds(
    lambda layers, heads, shared, half, vocab, extras, pattern: GPTConfig(
        n_layer=layers, n_head=heads * shared, n_kv_head=heads, n_embd=heads * shared * 24 * half,
        vocab_size=vocab, sequence_len=16, window_pattern=pattern, **extras,
    ),
    st.integers(1, 7), st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(2, 700),
    st.fixed_dictionaries({name: st.booleans() for name in EXTRAS}), st.sampled_from(["L", "SSSL", "SL"]),
)  # fmt: skip


@given(configs)
@settings(max_examples=60, deadline=None)
def test_every_parameter_is_counted_and_no_other(config: GPTConfig):
    with torch.device("meta"):
        model = GPT(config)
    counted = count_parameters(config)
    assert sum(p.numel() for p in model.parameters()) == counted.total
    groups = {
        group: sum(p.numel() for p in parameters.values())
        for group, parameters in model.parameter_groups().items()
    }
    assert groups["matrices"] == counted.of_kind("matrix")
    assert groups["head"] == counted.of_kind("head")
    assert groups["value_embeddings"] == counted.of_kind("value embedding")
    assert groups["embedding"] == counted.named("token embedding")
    assert sum(groups.values()) == counted.total


@pytest.mark.parametrize("extras", [True, False])
def test_operations_are_those_that_pytorch_counts(extras: bool, monkeypatch):
    """With a full window: PyTorch counts the products a mask throws away, as the formula does."""
    make = GPTConfig if extras else GPTConfig.core
    config = make(n_layer=3, n_embd=192, n_head=3, n_kv_head=3, vocab_size=512, sequence_len=256,
                  window_pattern="L")  # fmt: skip
    monkeypatch.setattr(
        gpt,
        "plan_attention",
        lambda windows, ids, *_: {w: may_see(w, ids.shape[1], ids.device) for w in windows},
    )
    model = GPT(config).initialize(0)
    ids = torch.randint(512, (2, 257))
    # The counter knows addmm and not addmm_, with which the loss adds to the head's gradient.
    in_place = {torch.ops.aten.addmm_: lambda total, a, b, *_, **__: 2 * a[0] * a[1] * b[1]}
    counter = FlopCounterMode(display=False, custom_mapping=in_place)
    with sdpa_kernel(SDPBackend.MATH), counter:
        model(ids[:, :-1], ids[:, 1:]).backward()
    counted = count_flops(config).total * 2 * 256
    assert counter.get_total_flops() == pytest.approx(counted, rel=0.01)


def filled(config: GPTConfig) -> GPT:
    """A model whose every weight matters: no zeros to hide a mistake."""
    model = GPT(config)
    generator = torch.Generator().manual_seed(5)
    for name, parameter in model.named_parameters():
        spread = 0.3 if "embedding" in name else 0.12
        torch.nn.init.normal_(
            parameter, mean=0.5 if parameter.dim() == 1 else 0.0, std=spread, generator=generator
        )
    return model


def normal(x: Tensor) -> Tensor:
    return x / (x.pow(2).mean(-1, keepdim=True) + 1e-6).sqrt()


def slow_logits(model: GPT, ids: list[int], documents: list[int]) -> Tensor:
    """One row in float64, a token at a time; shares no code with the model."""
    config = model.config
    weights = {name: tensor.double() for name, tensor in model.state_dict().items()}
    D, H, K = config.head_dim, config.n_head, config.n_kv_head
    stream = [normal(weights["embedding.weight"][token]) for token in ids]
    if config.smear:
        before = list(stream)
        for t in range(1, len(ids)):
            if documents[t] == documents[t - 1]:
                gate = torch.sigmoid(weights["smear_gate.weight"][0] @ before[t][:24])
                stream[t] = before[t] + weights["smear_strength"] * gate * before[t - 1]
    first, halfway = list(stream), list(stream)

    def turned(x: Tensor, position: int) -> Tensor:
        angle = position * config.rope_base ** -(torch.arange(0, D, 2, dtype=torch.float64) / D)
        number = torch.complex(x[: D // 2], x[D // 2 :]) * torch.polar(torch.ones_like(angle), -angle)
        return torch.cat([number.real, number.imag])

    for layer, window in enumerate(config.windows()):
        w = {name.removeprefix(f"blocks.{layer}."): tensor for name, tensor in weights.items()}
        if config.residual_scalars:
            stream = [x * weights["residual_scalars"][layer] for x in stream]
        if config.x0_scalars:
            stream = [x + weights["x0_scalars"][layer] * x0 for x, x0 in zip(stream, first, strict=True)]
        queries, keys, values = [], [], []
        for t, x in enumerate(map(normal, stream)):
            query = (w["attention.query.weight"] @ x).view(H, D)
            key = (w["attention.key.weight"] @ x).view(K, D)
            value = (w["attention.value.weight"] @ x).view(K, D)
            if layer in config.value_layers:
                gate = 3 * torch.sigmoid(w["attention.value_gate.weight"] @ x[:12])
                value = value + gate[:, None] * weights[f"value_embeddings.{layer}.weight"][ids[t]].view(K, D)
            queries.append([config.qk_scale * normal(turned(q, t)) for q in query])
            keys.append([config.qk_scale * normal(turned(k, t)) for k in key])
            values.append(value)
        for t in range(len(ids)):
            seen = [s for s in range(t + 1) if t - s < window and documents[s] == documents[t]]
            heads = []
            for h in range(H):
                k = h // (H // K)
                scores = torch.stack([queries[t][h] @ keys[s][k] / D**0.5 for s in seen])
                heads.append(sum(p * values[s][k] for p, s in zip(scores.softmax(0), seen, strict=True)))
            stream[t] = stream[t] + w["attention.output.weight"] @ torch.cat(heads)
            inside = (w["mlp.up.weight"] @ normal(stream[t])).clamp(min=0) ** 2
            stream[t] = stream[t] + w["mlp.down.weight"] @ inside
        if layer == config.n_layer // 2:
            halfway = list(stream)
    if config.backout:
        stream = [x - weights["backout_strength"] * half for x, half in zip(stream, halfway, strict=True)]
    logits = torch.stack([weights["head.weight"] @ normal(x) for x in stream])[:, : config.vocab_size]
    return config.logit_softcap * torch.tanh(logits / config.logit_softcap)


@pytest.mark.parametrize("without", [None, *EXTRAS, "all"])
def test_logits_equal_those_of_a_slow_model(without: str | None):
    """Each extra alone switched off, too: then the others do not stand in for it."""
    off = dict.fromkeys(EXTRAS if without == "all" else [without] if without else [], False)
    config = GPTConfig(**SMALL, window_pattern="SL", **off)
    model = filled(config)
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(90, (2, 14), generator=generator)
    documents = torch.tensor([[0] * 5 + [1] * 6 + [2] * 3, [0] * 14])
    with torch.no_grad():
        logits = model(ids, documents_BT=documents)
    for row in range(2):
        expected = slow_logits(model, ids[row].tolist(), documents[row].tolist())
        assert (logits[row].double() - expected).abs().max() < 2e-4


def test_a_short_window_is_felt():
    """The slow model's windows are not all as long as the text."""
    config = GPTConfig(**(SMALL | {"sequence_len": 600}), window_pattern="S")
    assert config.windows() == [256, 256, 600]
    model, ids = filled(config), torch.randint(90, (1, 300), generator=torch.Generator().manual_seed(0))
    narrow = GPT(GPTConfig(**(SMALL | {"sequence_len": 600}), window_pattern="L"))
    narrow.load_state_dict(model.state_dict())
    with torch.no_grad():
        one, other = model(ids), narrow(ids)
    assert torch.allclose(one[:, :256], other[:, :256], atol=1e-4)
    assert (one[:, 256:] - other[:, 256:]).abs().max() > 1e-3


def test_the_loss_is_the_sum_over_targets_and_ignores_those_below_zero():
    model = filled(GPTConfig(**SMALL))
    ids = torch.randint(90, (3, 21), generator=torch.Generator().manual_seed(2))
    inputs, targets = ids[:, :-1], ids[:, 1:].clone()
    targets[0, :7] = -1
    targets[2, 3] = -100
    logits = model(inputs).detach()
    expected = F.cross_entropy(
        logits.flatten(0, 1), targets.flatten().clamp(min=-1), ignore_index=-1, reduction="none"
    )
    assert model(inputs, targets).item() == pytest.approx(expected.sum().item(), rel=1e-5)
    each = model.nats_per_token(inputs, targets)
    assert torch.allclose(each, expected.view_as(each), atol=1e-4)
    assert (each[targets < 0] == 0).all()


def test_no_token_sees_what_comes_later_or_another_document():
    model = filled(GPTConfig(**SMALL))
    ids = torch.randint(90, (1, 20), generator=torch.Generator().manual_seed(3))
    documents = torch.tensor([[0] * 8 + [1] * 12])
    changed = ids.clone()
    changed[0, 7] = (changed[0, 7] + 1) % 90
    with torch.no_grad():
        before, after = model(ids, documents_BT=documents), model(changed, documents_BT=documents)
        joined = model(changed)
    same = (before == after).all(-1)[0]
    assert same.tolist() == [True] * 7 + [False] + [True] * 12
    assert not torch.allclose(joined[0, 8:], after[0, 8:], atol=1e-3)  # without documents it does see them


def test_one_seed_gives_one_model_whose_first_guess_is_even():
    config = GPTConfig(**SMALL)
    one, same, other = GPT(config).initialize(1), GPT(config).initialize(1), GPT(config).initialize(2)
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert not torch.equal(one.embedding.weight, other.embedding.weight)
    ids = torch.randint(90, (2, 21))
    nats = one(ids[:, :-1], ids[:, 1:]).item() / 40
    assert nats == pytest.approx(torch.tensor(90.0).log().item(), abs=0.01)


def test_a_row_longer_than_the_context_is_refused():
    model = GPT(GPTConfig(**SMALL)).initialize(0)
    with pytest.raises(ValueError, match="a row has 41 tokens; the model was made for 40"):
        model(torch.zeros(1, 41, dtype=torch.long))


@pytest.mark.skipif(shutil.which("g++") is None, reason="PyTorch compiles for a CPU with a C++ compiler")
def test_compiled_blocks_give_the_same_loss_and_gradients():
    config = GPTConfig(**(SMALL | {"n_layer": 2}), window_pattern="SL")  # one block of each kind
    plain, compiled = filled(config), filled(config).compile_blocks()
    ids = torch.randint(90, (2, 41), generator=torch.Generator().manual_seed(4))
    documents = torch.tensor([[0] * 15 + [1] * 25, [0] * 40])
    losses = [model(ids[:, :-1], ids[:, 1:], documents) for model in (plain, compiled)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-5)
    for loss in losses:
        loss.backward()
    for (name, one), other in zip(plain.named_parameters(), compiled.parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-4), name


def test_without_a_compiler_the_model_says_so_and_works(monkeypatch):
    def missing() -> str:
        raise InvalidCxxCompiler

    monkeypatch.setattr("torch._inductor.cpp_builder.get_cpp_compiler", missing)
    with pytest.warns(UserWarning, match=r"no C\+\+ compiler was found"):
        model = filled(GPTConfig(**SMALL)).compile_blocks()
    ids = torch.randint(90, (2, 21))
    assert not model.compiled
    assert model(ids[:, :-1], ids[:, 1:]).isfinite()
