"""How fast training steps are, on token ids by chance: needs no corpus and no tokenizer.

The step is the trainer's own (`nanochat.train.loop.Trainer`), optimizer included; only the text is made up.
Chance ids cost what real ones cost: no product of matrices looks at its numbers.

- the first step is timed from the start of the process: imports, making the model, compiling
- the speed is that of the middle one of the timed steps, after some that warm up
- a profile of two more steps says which part of the busy time matrices and attention take

Shapes: B batch, T time.
"""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from nanochat.commands.measure import machine
from nanochat.errors import UserError
from nanochat.model.counting import count_parameters
from nanochat.train.assemble import make_model
from nanochat.train.distributed import Launch, World, pick_device
from nanochat.train.fitting import Place
from nanochat.train.guard import Guard
from nanochat.train.loop import Trainer
from nanochat.train.machine import free_bytes, is_out_of_memory
from nanochat.train.metrics import memory_held, peak_flops
from nanochat.train.optimizer import make_optimizer
from nanochat.train.precision import LossScale, check_fp8, pick_dtype
from nanochat.train.run_plan import RunPlan, plan_run
from nanochat.train.settings import Settings

PROFILED_STEPS = 2
# Names of the operations (CPU) and kernels (GPU) that multiply matrices, and of those of attention.
MATMUL = re.compile(r"^aten::(mm|addmm|bmm|baddbmm|_scaled_mm)$|mkldnn.*linear|gemm|nvjet|cutlass|xmma", re.I)
ATTENTION = re.compile(r"flash|fmha|flex_attention|scaled_dot_product|segment_attention", re.I)


@dataclass(frozen=True)
class Batch:
    """A micro-batch by chance."""

    inputs_BT: Tensor
    targets_BT: Tensor
    documents_BT: Tensor
    weights_BT: Tensor | None = None


class ChanceLoader:
    """The same batch again and again: what a loader that never makes anybody wait would give."""

    def __init__(self, plan: RunPlan, document_tokens: int, device: torch.device) -> None:
        shape = (plan.device_batch_size, plan.config.sequence_len + 1)
        chance = torch.Generator().manual_seed(0)
        ids = torch.randint(plan.config.vocab_size, shape, generator=chance, dtype=torch.int32)
        inputs_BT, targets_BT = ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
        begins_BT = torch.zeros_like(inputs_BT)
        if document_tokens:
            begins_BT = (torch.rand(inputs_BT.shape, generator=chance) < 1 / document_tokens).int()
        documents_BT = begins_BT.cumsum(1, dtype=torch.int32)
        # On the device at once: copying is the loader's work, which is measured by itself.
        self.batch = Batch(*(one.to(device) for one in (inputs_BT, targets_BT, documents_BT)))

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        return self.batch

    def begin_step(self, number: int) -> None:
        """As many micro-batches as the plan says."""

    def figures(self) -> dict[str, float]:
        """Nothing more."""
        return {}

    def waited(self) -> float:
        """Nobody waits."""
        return 0.0

    def state(self) -> dict[str, Any]:
        """Nothing to continue."""
        return {}

    def close(self) -> None:
        """Nothing to stop."""


def measure(question: dict[str, Any]) -> dict[str, Any]:
    """Time training steps; see `nanochat.commands.bench_train` for what the question holds."""
    started = question["started"]
    device = pick_device(Launch())
    settings = Settings(**question["settings"])
    dtype = pick_dtype(settings.dtype, device)
    place = Place(device.type, 1, free_bytes(device))
    plan = plan_run(settings, question["vocab_size"], place, dtype)
    if settings.fp8:
        check_fp8(device, dtype, plan.device_batch_size * plan.config.sequence_len)
    try:
        trainer = make_trainer(plan, question["document_tokens"], device)
        take_steps(trainer, 1)
        first_step = time.time() - started
        take_steps(trainer, question["warmup"])
        times = take_steps(trainer, question["steps"])
        busy = profile(trainer) if question["profile"] else {}
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            raise UserError(
                "out of memory: use a smaller --device-batch-size, --seq-len or --depth"
            ) from None
        raise
    speed = plan.batch_tokens / statistics.median(times)
    peak = trainer.peak_flops
    return {
        "tokens_per_second": round(speed, 1),
        "mfu": round(speed * plan.flops_per_token / peak, 4) if peak else None,
        "peak_flops": peak,
        "step_seconds": [round(one, 5) for one in times],
        "first_step_seconds": round(first_step, 2),
        "memory_bytes": memory_held(device),
        "parameters": count_parameters(plan.config).total,
        "flops_per_token": plan.flops_per_token,
        "plan": {
            "n_layer": plan.config.n_layer, "n_embd": plan.config.n_embd, "n_head": plan.config.n_head,
            "sequence_len": plan.config.sequence_len, "batch_size": plan.batch_size,
            "device_batch_size": plan.device_batch_size, "dtype": dtype,
        },
        "machine": machine.describe(),
        **busy,
    }  # fmt: skip


def make_trainer(plan: RunPlan, document_tokens: int, device: torch.device) -> Trainer:
    """All that a step needs, as `nanochat train base` puts it together."""
    settings = plan.settings
    model = make_model(plan, device)
    optimizer = make_optimizer(model, plan.training, compiled=settings.compile and device.type == "cuda")
    if settings.compile:
        model.compile_blocks()
    return Trainer(
        plan=plan, model=model, optimizer=optimizer, loader=ChanceLoader(plan, document_tokens, device),
        device=device, sum_over_processes=World().sum, peak_flops=peak_flops(device),
        loss_scale=LossScale.for_dtype(settings.dtype), guard=Guard(),
    )  # fmt: skip


def take_steps(trainer: Trainer, count: int) -> list[float]:
    """Some steps, and how long each took."""
    return [trainer.step(0, lambda: False)[0].seconds for _ in range(count)]


def profile(trainer: Trainer) -> dict[str, float]:
    """Which part of the busy time goes into products of matrices, and into attention."""
    on_gpu = trainer.device.type == "cuda"
    kinds = [torch.profiler.ProfilerActivity.CUDA if on_gpu else torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=kinds) as found:
        take_steps(trainer, PROFILED_STEPS)
    times = {
        event.key: float(event.self_device_time_total if on_gpu else event.self_cpu_time_total)
        for event in found.key_averages()
    }
    total = sum(times.values()) or 1.0
    attention = sum(spent for name, spent in times.items() if ATTENTION.search(name))
    matmul = sum(spent for name, spent in times.items() if MATMUL.search(name) and not ATTENTION.search(name))
    return {"matmul_share": round(matmul / total, 4), "attention_share": round(attention / total, 4)}
