"""Memory and operations against what torch keeps and counts, and against their own laws."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_flops, count_parameters
from nanochat.model.hardware import GPUS, find_gpu
from nanochat.model.memory import (
    BF16,
    FP32,
    SHARDINGS,
    activation_widths,
    kv_cache_bytes,
    loss_bytes,
    training_memory,
)
from nanochat.model.planning import (
    Machine,
    device_batch,
    fits,
    largest_batch,
    largest_depth,
    longest_context,
    tokens_per_second,
)
from nanochat.model.presets import PRESETS, find_preset

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
models = st.sampled_from(list(PRESETS.values()))
machines = st.builds(
    Machine, st.sampled_from(GPUS), st.integers(1, 64), sharding=st.sampled_from(SHARDINGS),
    checkpointing=st.booleans(),
)  # fmt: skip


def layer(x: Any, model: GPTConfig, weights: dict[str, Any], row: Any | None) -> Any:
    """One layer of our GPT in plain torch; a weight is named for what it makes."""
    from torch.nn import functional as F

    B, T, C = x.shape
    D = model.head_dim

    def norm(y: Any) -> Any:
        return F.rms_norm(y, (y.shape[-1],))

    def turn(y: Any) -> Any:
        first, second = y.chunk(2, dim=-1)
        cos, sin = torch.ones(T, 1, D // 2), torch.zeros(T, 1, D // 2)
        return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)

    if model.residual_scalars:
        x = x * weights["scalar"]
    seen = norm(x)
    q = turn((seen @ weights["q"]).view(B, T, model.n_head, D))
    k = turn((seen @ weights["k"]).view(B, T, model.n_kv_head, D))
    v = (seen @ weights["v"]).view(B, T, model.n_kv_head, D)
    if row is not None:
        gate = 3 * torch.sigmoid(seen[..., :12] @ weights["gate"])
        v = v + gate.unsqueeze(-1) * row.view(B, T, model.n_kv_head, D)
    q, k = norm(q) * model.qk_scale, norm(k) * model.qk_scale
    grouped = model.n_kv_head != model.n_head
    y = F.scaled_dot_product_attention(
        q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True, enable_gqa=grouped
    )
    x = x + y.transpose(1, 2).reshape(B, T, C) @ weights["o"]
    hidden = F.relu(norm(x) @ weights["fc"]).square()
    return x + hidden @ weights["proj"]


def make_weights(model: GPTConfig) -> dict[str, Any]:
    """The layer's tensors."""
    C, F, K = model.n_embd, model.mlp_width, model.n_kv_head * model.head_dim
    sizes = {"q": (C, C), "k": (C, K), "v": (C, K), "o": (C, C), "fc": (C, F), "proj": (F, C),
             "gate": (12, model.n_kv_head), "scalar": (1,)}  # fmt: skip
    return {name: torch.randn(size, requires_grad=True) for name, size in sizes.items()}


@pytest.mark.parametrize(
    ("n_head", "n_kv_head", "extras"), [(2, 2, True), (4, 4, False), (4, 2, True), (4, 1, False)]
)
def test_activations_are_what_autograd_keeps(n_head: int, n_kv_head: int, extras: bool) -> None:
    B, T = 2, 128
    model = GPTConfig(
        n_layer=1, n_embd=256, n_head=n_head, n_kv_head=n_kv_head, vocab_size=64, sequence_len=T,
        value_embeddings=extras, residual_scalars=extras,
    )  # fmt: skip
    weights = make_weights(model)
    ours = {weight.untyped_storage().data_ptr() for weight in weights.values()}
    kept: dict[int, int] = {}

    def keep(tensor: Any) -> Any:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in ours:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    x = torch.randn(B, T, model.n_embd, requires_grad=True)
    row = torch.randn(B, T, n_kv_head * model.head_dim, requires_grad=True) if extras else None
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        out = layer(x, model, weights, row)
    numbers = sum(kept.values()) / 4 / (B * T)  # fp32 here; the calculator's bf16 halves the bytes
    assert out.requires_grad
    assert numbers == pytest.approx(sum(activation_widths(model).values()), rel=0.10)


@pytest.mark.parametrize("n_kv_head", [1, 2, 4])
@pytest.mark.parametrize("extras", [True, False])
def test_operations_are_what_torch_counts(n_kv_head: int, extras: bool) -> None:
    """To the last one. (A window is not seen by torch's counter, so attention is full here.)"""
    from torch.utils.flop_counter import FlopCounterMode

    B, T = 2, 256
    config = GPTConfig.core(
        n_layer=3, n_embd=256, n_head=4, n_kv_head=n_kv_head, vocab_size=512, sequence_len=T,
        value_embeddings=extras, residual_scalars=extras,
    )  # fmt: skip
    with torch.device("meta"):
        x = torch.randn(B, T, config.n_embd, requires_grad=True)
        row = torch.randn(B, T, n_kv_head * config.head_dim, requires_grad=True)
        head = torch.randn(config.n_embd, config.padded_vocab_size, requires_grad=True)
        with FlopCounterMode(display=False) as counter:
            y = x
            for index in range(config.n_layer):
                y = layer(y, config, make_weights(config), row if index in config.value_layers else None)
            (y @ head).sum().backward()
    assert count_flops(config, T).total * B * T == counter.get_total_flops()


@given(models, machines, st.integers(1, 8))
def test_items_add_up_and_grow_with_the_batch(model: Any, machine: Machine, batch: int) -> None:
    small, large = (machine.memory(model, n, 512) for n in (batch, 2 * batch))
    assert small.total == sum(item.bytes for item in small.items)
    assert small.fixed == large.fixed
    assert large.activations.bytes == 2 * small.activations.bytes
    assert small.logits.bytes < large.logits.bytes <= 2 * small.logits.bytes
    assert all(item.bytes >= 0 for item in small.items)


@given(models, st.integers(2, 64))
def test_sharding_saves(model: Any, gpus: int) -> None:
    none, optimizer, everything = (training_memory(model, 1, 512, gpus, how).fixed for how in SHARDINGS)
    assert none > optimizer > everything
    assert training_memory(model, 1, 512, 1, "none") == training_memory(model, 1, 512, 1, "optimizer")


@given(models)
def test_checkpointing_saves_where_there_are_several_layers(model: Any) -> None:
    full, light = (training_memory(model, 1, 512, checkpointing=on).activations.bytes for on in (False, True))
    assert light < full


@settings(deadline=None)
@given(models, machines, st.sampled_from([256, 1_024, 2_048]))
def test_the_largest_batch_and_depth_are_the_last_that_fit(model: Any, machine: Machine, n_time: int) -> None:
    most = largest_batch(model, machine, n_time)
    assert most == 0 or fits(model, machine, most, n_time)
    assert not fits(model, machine, most + 1, n_time)
    if largest_depth(model, machine, n_time) >= model.n_layer:
        assert fits(model, machine, 1, n_time)
    share = device_batch(96, model, machine, n_time)
    assert max(1, 96 // machine.gpus) % share == 0
    assert share == 1 or fits(model, machine, share, n_time)


@given(models, st.sampled_from(GPUS), st.integers(1, 16))
def test_the_longest_context_fills_what_the_weights_leave(model: Any, gpu: Any, batch: int) -> None:
    longest = longest_context(model, gpu, batch)
    room = int(gpu.memory_bytes * 0.9) - 2 * count_parameters(model).total
    assert kv_cache_bytes(model, longest, batch).value <= max(0, room)
    assert kv_cache_bytes(model, longest + 1, batch).value > room


def test_speed_agrees_with_published_figures() -> None:
    """One H200 at half its peak: 650 k, 171 k and 104 k tokens a second at depth 12, 20 and 24."""
    machine = Machine(find_gpu("H200"), mfu=0.5)
    speeds = [tokens_per_second(GPTConfig.from_depth(depth), machine, 2_048) for depth in (12, 20, 24)]
    assert speeds == pytest.approx([650e3, 171e3, 104e3], rel=0.01)


def test_our_own_state_is_muon_for_matrices_and_two_moments_for_the_rest() -> None:
    config = GPTConfig.from_depth(12)
    count = count_parameters(config)
    items = {item.name: item.bytes for item in training_memory(config, 1, 2_048).states}
    assert items["Muon momentum: matrices"] == 4 * count.of_kind("matrix")
    assert items["AdamW moments: head"] == 8 * count.of_kind("head")
    assert items["AdamW moments: embeddings"] == 8 * count.of_kind("embedding", "value embedding")


def test_our_loss_holds_a_chunk_and_others_all_logits() -> None:
    tokens, V = 32 * 2_048, 32_768
    config = GPTConfig.from_depth(12)
    chunk = 4_096 * V * (BF16 + BF16)
    assert loss_bytes(config, 32, 2_048).value == chunk + V * 768 * FP32 + tokens * 768 * BF16
    other = find_preset("gpt2-small")
    assert loss_bytes(other, 32, 1_024).value == 32 * 1_024 * 50_257 * (2 * FP32 + BF16)


@pytest.mark.skipif(sys.platform != "linux", reason="the C library's setting is glibc's")
@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_step_on_this_machine_takes_what_is_counted(checkpointing: bool) -> None:
    """The trainer's own step, eager and in fp32, in a process of its own: a model against a smaller one."""
    words = [sys.executable, "-m", "tests.model.step_memory", *(["--checkpointing"] if checkpointing else [])]
    # What is freed goes back to the system at once; the C library would keep some for later.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": str(2**16)}
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=300, cwd=ROOT, env=environment, check=True
    )
    found = json.loads(done.stdout)
    assert found["measured"] == pytest.approx(found["counted"], rel=0.12)


def test_unknown_sharding_and_gpu() -> None:
    with pytest.raises(ValueError, match="sharding='some' is not known; use none, optimizer, all"):
        training_memory(GPTConfig(), 1, 1, 1, "some")
    with pytest.raises(ValueError, match="no GPU named 'Z80'"):
        find_gpu("Z80")
