"""One step of training, and the course of many.

A step: the gradients of all micro-batches are added up, on all processes; then the optimizer moves the
weights once. The loss is a sum over tokens, so dividing it by the tokens of the whole step gives every token
the same weight however the step is cut into micro-batches and processes.

Around it, in this order after each step: measure, evaluate, write samples, save, leave if asked to.

Shapes: B batch, T time.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nanochat.errors import RunStopped
from nanochat.train.guard import Guard
from nanochat.train.metrics import Step, memory_held
from nanochat.train.optimizer import Optimizer
from nanochat.train.parts import Batch, Loader
from nanochat.train.precision import LossScale
from nanochat.train.run_plan import RunPlan


@dataclass
class Trainer:
    """Everything a step uses. `model` may be wrapped for several processes."""

    plan: RunPlan
    model: nn.Module
    optimizer: Optimizer
    loader: Loader
    device: torch.device
    sum_over_processes: Callable[[list[float]], list[float]]
    peak_flops: float | None  # of one device
    loss_scale: LossScale
    guard: Guard
    tokens: int = 0  # that were learnt from so far

    def step(self, number: int, stop_asked: Callable[[], bool]) -> tuple[Step, bool]:
        """Take step `number`, counted from 0, and measure it; also, whether some process was asked to stop.

        Raises `RunStopped`, before the weights are touched, when loss or gradients have gone wrong.
        """
        start = time.perf_counter()
        micro_batches = self.loader.begin_step(number)
        micro_batches = self.plan.micro_batches if micro_batches is None else micro_batches
        nats, targets = self.accumulate_gradients(micro_batches)
        if self.loss_scale.value != 1.0:
            self.optimizer.scale_gradients(1.0 / self.loss_scale.value)
        gradient_norm = self.optimizer.gradient_norm()
        nats_sum, targets_sum, asked = self.sum_over_processes([nats.item(), targets, float(stop_asked())])
        loss = nats_sum / max(1.0, targets_sum)
        if self.loss_scale.usable(gradient_norm):
            if complaint := self.guard.complaint(loss, gradient_norm):
                raise RunStopped(complaint)
            self.optimizer.step(self.plan.schedule.at(number))
        self.optimizer.zero_grad()
        self.synchronize()
        tokens = micro_batches * self.plan.device_batch_size * self.plan.config.sequence_len
        self.tokens += tokens * self.plan.place.world
        return self.measure(number, tokens, loss, gradient_norm, time.perf_counter() - start), asked > 0

    def accumulate_gradients(self, micro_batches: int) -> tuple[Tensor, float]:
        """Forward and backward over the micro-batches; this process's sum of nats and count of targets.

        Nothing is read from a GPU in here, so that it always has work waiting.
        """
        plan = self.plan
        # Wrapped models average over processes: times their number, it is the sum.
        factor = self.loss_scale.value * plan.place.world / plan.batch_tokens
        nats = torch.zeros((), dtype=torch.float64, device=self.device)
        targets = torch.zeros((), dtype=torch.int64, device=self.device)
        for index in range(micro_batches):
            inputs_BT, targets_BT, documents_BT, weights_BT = self.to_device(next(self.loader))
            with self.without_exchange(index < micro_batches - 1):
                loss = self.model(inputs_BT, targets_BT, documents_BT, weights_BT)
                (loss * factor).backward()
            nats += loss.detach()
            targets += (targets_BT >= 0).sum()
        return nats, float(targets.item())

    def without_exchange(self, more_to_come: bool) -> contextlib.AbstractContextManager[None]:
        """Gradients travel between processes in the last micro-batch of a step only."""
        no_sync = getattr(self.model, "no_sync", None)
        if more_to_come and no_sync is not None:
            found: contextlib.AbstractContextManager[None] = no_sync()
            return found
        return contextlib.nullcontext()

    def to_device(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor, Tensor | None]:
        """The tensors of a batch, copied while the GPU works if they lie in pinned memory."""
        inputs_BT, targets_BT, documents_BT = (
            tensor.to(self.device, non_blocking=True)
            for tensor in (batch.inputs_BT, batch.targets_BT, batch.documents_BT)
        )
        weights_BT = batch.weights_BT
        if weights_BT is not None:
            weights_BT = weights_BT.to(self.device, non_blocking=True)
        return inputs_BT, targets_BT, documents_BT, weights_BT

    def synchronize(self) -> None:
        """Wait for the GPU, so that a step's time is its own."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def measure(self, number: int, tokens: int, loss: float, gradient_norm: float, seconds: float) -> Step:
        """The figures of a step, in which each process learnt from `tokens`."""
        plan = self.plan
        speed = tokens * plan.place.world / seconds
        mfu = None
        if self.peak_flops:
            mfu = speed * plan.flops_per_token / (self.peak_flops * plan.place.world)
        return Step(
            step=number + 1,
            tokens=self.tokens,
            loss=loss,
            learning_rates=self.optimizer.learning_rates(),
            gradient_norm=gradient_norm,
            seconds=seconds,
            tokens_per_second=speed,
            mfu=mfu,
            memory_bytes=memory_held(self.device),
            wait_share=min(1.0, self.loader.waited() / seconds),
            more=self.loader.figures(),
        )


def due(every: int, step: int, steps: int) -> bool:
    """Whether something done every so many steps is to be done after this one; also after the last.

    >>> [step for step in range(1, 11) if due(4, step, steps=10)]
    [4, 8, 10]
    >>> due(0, 10, steps=10)
    False
    """
    return every > 0 and (step % every == 0 or step == steps)
