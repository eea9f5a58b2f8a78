"""Counts against published totals, against tensors torch really makes, and against their own laws."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.counting import (
    HEAD,
    MATRIX,
    count_flops,
    count_parameters,
    evaluate,
    kv_cache_per_token,
    multiplied_parameters,
)
from nanochat.model.presets import PRESETS, find_preset
from nanochat.model.shape import FAMILIES, Model, Shape

# Totals made by instantiating each model library's own class on the meta device.
PUBLISHED = {
    "gpt2-small": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "llama-2-7b": 6_738_415_616,
    "llama-3-8b": 8_030_261_248,
    "tinyllama-1.1b": 1_100_048_384,
    "smollm2-135m": 134_515_008,
    "qwen2.5-0.5b": 494_032_768,
    "nanochat-tiny": 35_202_816,
}


@st.composite
def gpt_configs(draw: st.DrawFn) -> GPTConfig:
    """Any config our own GPT accepts, up to a size torch makes quickly on the meta device."""
    n_kv_head = draw(st.integers(1, 4))
    n_head = n_kv_head * draw(st.integers(1, 3))
    head_dim = 2 * draw(st.integers(12, 40))
    switches = ("value_embeddings", "residual_scalars", "x0_scalars", "smear", "backout")
    return GPTConfig(
        n_layer=draw(st.integers(1, 9)),
        n_embd=n_head * head_dim,
        n_head=n_head,
        n_kv_head=n_kv_head,
        vocab_size=draw(st.integers(1, 3_000)),
        sequence_len=draw(st.integers(1, 5_000)),
        window_pattern=draw(st.text("SL", min_size=1, max_size=5)),
        **{name: draw(st.booleans()) for name in switches},
    )


@st.composite
def shapes(draw: st.DrawFn) -> Shape:
    """Any shape of the other families."""
    arch = draw(st.sampled_from(FAMILIES))
    n_kv_head = draw(st.integers(1, 6))
    n_head = n_kv_head * draw(st.integers(1, 4))
    llama = {
        name: draw(st.booleans()) and arch == "llama"
        for name in ("qkv_bias", "out_bias", "mlp_bias", "qk_norm")
    }
    return Shape(
        arch=arch,
        n_layer=draw(st.integers(1, 12)),
        n_embd=n_head * 2 * draw(st.integers(1, 40)),
        n_head=n_head,
        n_kv_head=n_kv_head,
        vocab_size=draw(st.integers(1, 5_000)),
        mlp_width=draw(st.integers(0, 500)),
        head_dim=draw(st.sampled_from((0, 16, 64))),
        sequence_len=draw(st.integers(1, 4_000)),
        tied=draw(st.booleans()),
        sliding_window=draw(st.none() | st.integers(1, 5_000)),
        **llama,
    )


models = gpt_configs() | shapes()


@pytest.mark.parametrize(("name", "total"), PUBLISHED.items())
def test_presets_count_what_was_published(name: str, total: int) -> None:
    assert count_parameters(find_preset(name)).total == total


def test_flops_of_published_models() -> None:
    assert count_flops(find_preset("gpt2-small"), 1_024).total == 854_438_400
    assert count_flops(find_preset("llama-2-7b"), 4_096).total == 46_084_915_200


def test_kv_cache_of_published_models() -> None:
    assert kv_cache_per_token(find_preset("llama-2-7b")).value == 524_288
    assert kv_cache_per_token(find_preset("llama-3-8b")).value == 131_072


@given(models)
def test_parts_add_up(model: Model) -> None:
    count = count_parameters(model)
    kinds = {part.kind for part in count.parts}
    assert count.total == sum(count.of_kind(kind) for kind in kinds)
    assert count.total == sum(count.named(name) for name in {part.name for part in count.parts})


@given(models)
def test_every_formula_works_out_to_its_value(model: Model) -> None:
    flops = count_flops(model)
    figures = [part.each for part in count_parameters(model).parts]
    for figure in [*figures, flops.matmul, flops.attention, kv_cache_per_token(model)]:
        *steps, result = figure.formula.replace(",", "").split(" = ")
        assert int(result) == figure.value
        numbers = steps[-1] if steps else result
        assert numbers in ("L", "C") or evaluate(numbers) == figure.value


@given(models)
def test_a_layer_more_costs_more(model: Model) -> None:
    deeper = replace(model, n_layer=model.n_layer + 1)
    assert count_parameters(deeper).total > count_parameters(model).total
    assert count_flops(deeper).total > count_flops(model).total
    assert kv_cache_per_token(deeper).value > kv_cache_per_token(model).value


@given(shapes())
def test_tying_saves_the_head_and_no_operation(model: Shape) -> None:
    tied, untied = replace(model, tied=True), replace(model, tied=False)
    saved = count_parameters(untied).total - count_parameters(tied).total
    assert saved == model.vocab_size * model.n_embd
    assert count_flops(tied) == count_flops(untied)


@given(models)
def test_fewer_key_and_value_heads_save_exactly_their_columns(model: Model) -> None:
    one = replace(model, n_kv_head=1)
    saved = count_parameters(model).named("attention") - count_parameters(one).named("attention")
    assert saved == 2 * model.n_embd * (model.n_kv_head - 1) * model.head_dim * model.n_layer
    assert kv_cache_per_token(model).value == model.n_kv_head * kv_cache_per_token(one).value


@given(models, st.integers(1, 10_000))
def test_longer_sequences_cost_attention_only(model: Model, n_time: int) -> None:
    short, long = count_flops(model, n_time), count_flops(model, 2 * n_time)
    assert short.matmul == long.matmul
    assert short.attention.value <= long.attention.value


@given(st.integers(1, 300))
def test_deeper_dials_are_larger(depth: int) -> None:
    small, large = GPTConfig.from_depth(depth), GPTConfig.from_depth(depth + 1)
    assert small.n_embd % 128 == 0
    assert count_parameters(small).of_kind(MATRIX, HEAD) < count_parameters(large).of_kind(MATRIX, HEAD)


@given(gpt_configs())
def test_the_core_alone_is_the_plain_transformer(config: GPTConfig) -> None:
    core = GPTConfig.core(
        n_layer=config.n_layer, n_embd=config.n_embd, n_head=config.n_head, n_kv_head=config.n_head,
        vocab_size=config.vocab_size,
    )  # fmt: skip
    tables = 2 * core.padded_vocab_size * core.n_embd
    assert count_parameters(core).total == 12 * core.n_embd**2 * core.n_layer + tables


def naive_nanochat(config: GPTConfig) -> object:
    """The GPT's tensors, written down from its description and not from the counting."""
    import torch
    from torch import nn

    C, D = config.n_embd, config.n_embd // config.n_head
    rows = (config.vocab_size + 63) // 64 * 64

    def linear(n_in: int, n_out: int) -> nn.Linear:
        return nn.Linear(n_in, n_out, bias=False)

    model = nn.Module()
    model.wte, model.lm_head = nn.Embedding(rows, C), linear(C, rows)
    model.blocks = nn.ModuleList()
    for layer in range(config.n_layer):
        block = nn.Module()
        block.q, block.o = linear(C, config.n_head * D), linear(config.n_head * D, C)
        block.k, block.v = linear(C, config.n_kv_head * D), linear(C, config.n_kv_head * D)
        block.fc, block.proj = linear(C, 4 * C), linear(4 * C, C)
        if config.value_embeddings and (config.n_layer - 1 - layer) % 2 == 0:
            block.value_embedding = nn.Embedding(rows, config.n_kv_head * D)
            block.value_gate = linear(12, config.n_kv_head)
        model.blocks.append(block)
    if config.residual_scalars:
        model.residual = nn.Parameter(torch.ones(config.n_layer))
    if config.x0_scalars:
        model.x0 = nn.Parameter(torch.zeros(config.n_layer))
    if config.smear:
        model.smear_gate, model.smear_strength = linear(24, 1), nn.Parameter(torch.zeros(1))
    if config.backout:
        model.backout = nn.Parameter(torch.ones(1))
    return model


@settings(max_examples=150, deadline=None)
@given(gpt_configs())
def test_nanochat_counts_the_tensors_torch_makes(config: GPTConfig) -> None:
    torch = pytest.importorskip("torch")
    with torch.device("meta"):
        model = naive_nanochat(config)
    assert count_parameters(config).total == sum(p.numel() for p in model.parameters())
    linears = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]
    assert multiplied_parameters(config) == sum(m.weight.numel() for m in linears)


def test_every_preset_counts_and_names_a_known_family() -> None:
    for model in PRESETS.values():
        assert count_parameters(model).total > 1_000_000
        assert model.arch in (*FAMILIES, "nanochat")
