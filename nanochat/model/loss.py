"""Cross entropy of soft-capped logits, a few tokens at a time, with the gradient made on the way.

Written down plainly, the loss of B x T tokens needs B·T·V logits in fp32, and the backward pass as many
gradients: the largest thing in the memory of a small model. But a token's logits serve nothing but its own
loss. So we take a chunk of tokens, make their logits, their loss and the gradient of these logits, multiply
the gradient back into the stream and into the head, and use the memory again for the next chunk (the idea of
Wijmans et al. 2024, "Cut Your Losses", arXiv 2411.09009). No product is done twice. On a CPU a chunk stays in
the cache, which made the loss of 4,096 tokens over 4,096 words a third faster than the plain way.

The cap keeps logits z within ±c by l = c·tanh(z/c), so exp(l) cannot overflow for the caps in use and no
maximum is taken first. With p = softmax(l) and u = tanh(z/c) the gradient is dz = (p - target)·(1 - u^2).

Shapes: N tokens, C channels, V words (padded), R rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nanochat.model.memory import CPU_LOGITS, GPU_LOGITS, rows_at_a_time

LARGEST_CAP = 60.0  # exp(60) times any vocabulary is still an fp32 number
HALF_SCALE = 1024.0  # fp16: probabilities below 6e-8 would vanish; no gradient of a logit exceeds 1


def summed_nats(
    x_NC: Tensor,
    head_VC: Tensor,
    targets_N: Tensor,
    n_words: int,
    cap: float,
    fused: bool = False,
    weights_N: Tensor | None = None,
) -> Tensor:
    """The sum of the cross entropies of all targets that are not negative, in nats, fp32.

    Only the first `n_words` rows of the head are words; the others pad it. Differentiable once. `fused`
    compiles what is done to the logits, for a GPU. `weights_N` multiply each token's part of the sum.

    >>> x_NC, head_VC = torch.zeros(3, 2), torch.zeros(64, 2)
    >>> round(float(summed_nats(x_NC, head_VC, torch.tensor([5, 0, -1]), n_words=10, cap=15.0)), 4)
    4.6052
    >>> round(2 * torch.tensor(10.0).log().item(), 4)  # two targets, ten words, nothing known
    4.6052
    """
    if torch.is_grad_enabled() and (x_NC.requires_grad or head_VC.requires_grad):
        total: Tensor = ChunkedLoss.apply(  # type: ignore[no-untyped-call]
            x_NC, head_VC, targets_N, n_words, cap, fused, weights_N
        )
        return total
    nats_N = nats_of_tokens(x_NC, head_VC, targets_N, n_words, cap)
    return nats_N.sum() if weights_N is None else (nats_N * weights_N).sum()


@torch.no_grad()
def nats_of_tokens(x_NC: Tensor, head_VC: Tensor, targets_N: Tensor, n_words: int, cap: float) -> Tensor:
    """The cross entropy of every token by itself, [N] in fp32; 0 where the target is negative.

    >>> nats_of_tokens(torch.zeros(2, 2), torch.zeros(64, 2), torch.tensor([-1, 1]), 2, 15.0).tolist()
    [0.0, 0.6931471824645996]
    """
    head = head_VC.to(x_NC.dtype)
    nats_N = torch.empty(len(x_NC), device=x_NC.device)
    rows = rows_of_chunk(x_NC.device, len(head))
    for start in range(0, len(x_NC), rows):
        chunk = slice(start, start + rows)
        logits_RV = (x_NC[chunk] @ head.t())[:, :n_words].float()
        nats_N[chunk] = nats_and_gradient_(logits_RV, targets_N[chunk], cap, torch.empty_like(logits_RV))
    return nats_N


class ChunkedLoss(torch.autograd.Function):
    """The loss and, in the same pass, its gradients for the stream and the head."""

    @staticmethod
    def forward(
        ctx: Any,
        x_NC: Tensor,
        head_VC: Tensor,
        targets_N: Tensor,
        n_words: int,
        cap: float,
        fused: bool,
        weights_N: Tensor | None,
    ) -> Tensor:
        """Go through the tokens chunk by chunk."""
        head = head_VC.to(x_NC.dtype)
        scale = HALF_SCALE if x_NC.dtype == torch.float16 else 1.0
        grad_x_NC = torch.empty_like(x_NC)
        grad_head_VC = torch.zeros_like(head_VC)
        total = torch.zeros((), device=x_NC.device)
        rows = rows_of_chunk(x_NC.device, len(head))
        products_RV = x_NC.new_empty(rows, len(head))
        scratch_RV = torch.empty(0 if fused else rows, n_words, device=x_NC.device)
        for start in range(0, len(x_NC), rows):
            x_RC, targets_R = x_NC[start : start + rows], targets_N[start : start + rows]
            products = torch.mm(x_RC, head.t(), out=products_RV[: len(x_RC)])
            if fused:
                nats_R, products = compiled()(products, targets_R, cap, n_words, scale)
            else:
                logits = products[:, :n_words].float()  # in fp32 this is the same memory
                nats_R = nats_and_gradient_(logits, targets_R, cap, scratch_RV[: len(x_RC)])
                if products.dtype != logits.dtype:
                    products[:, :n_words] = logits * scale
                products[:, n_words:] = 0
            if weights_N is not None:
                weights_R = weights_N[start : start + rows]
                nats_R = nats_R * weights_R
                products *= weights_R[:, None].to(products.dtype)
            total += nats_R.sum()
            torch.mm(products, head, out=grad_x_NC[start : start + rows])
            if scale == 1.0 and products.dtype == grad_head_VC.dtype:
                grad_head_VC.addmm_(products.t(), x_RC)
            else:
                grad_head_VC += products.t() @ (x_RC / scale)  # a sum over tokens: scaled, it would overflow
        ctx.save_for_backward(grad_x_NC, grad_head_VC)
        ctx.scale = scale
        return total

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, None, None, None, None]:
        """The gradients are there already: times that of the sum."""
        grad_x_NC, grad_head_VC = ctx.saved_tensors
        factor = grad / ctx.scale
        return (grad_x_NC * factor).to(grad_x_NC.dtype), grad_head_VC * grad, None, None, None, None, None


def nats_and_gradient_(logits_RV: Tensor, targets_R: Tensor, cap: float, scratch_RV: Tensor) -> Tensor:
    """The cross entropy of every row, [R]; `logits_RV`, raw and in fp32, become its gradient.

    In place, one simple operation after another: on a chunk that lies in the cache this is as fast as a
    compiled loop, and needs no compiler.

    >>> logits_RV = torch.zeros(1, 2)
    >>> nats_and_gradient_(logits_RV, torch.tensor([1]), 15.0, torch.empty(1, 2)), logits_RV
    (tensor([0.6931]), tensor([[ 0.5000, -0.5000]]))
    """
    counted_R = targets_R >= 0
    target_R1 = targets_R.clamp(min=0).long()[:, None]
    u_RV = logits_RV.mul_(1 / cap).tanh_()
    target_u_R1 = u_RV.gather(1, target_R1)
    p_RV = torch.mul(u_RV, cap, out=scratch_RV)
    highest_R1 = p_RV.amax(1, keepdim=True) if cap > LARGEST_CAP else torch.zeros_like(target_u_R1)
    if cap > LARGEST_CAP:
        p_RV.sub_(highest_R1)
    sum_R = p_RV.exp_().sum(1)
    nats_R = (sum_R.log() + highest_R1[:, 0] - cap * target_u_R1[:, 0]).where(counted_R, 0)
    p_RV.mul_((counted_R / sum_R)[:, None])
    torch.addcmul(p_RV, p_RV, u_RV.square_(), value=-1, out=logits_RV)
    logits_RV.scatter_add_(1, target_R1, (target_u_R1.square() - 1) * counted_R[:, None])
    return nats_R


def nats_and_gradient(
    products_RV: Tensor, targets_R: Tensor, cap: float, n_words: int, scale: float
) -> tuple[Tensor, Tensor]:
    """The same without writing over anything, from products in any type: what a compiler for GPUs fuses best.

    The gradient is in the products' type, times `scale`, and 0 where the vocabulary is padded.
    """
    counted_R = targets_R >= 0
    target_R1 = targets_R.clamp(min=0).long()[:, None]
    word_V = torch.arange(products_RV.shape[1], device=products_RV.device)
    u_RV = torch.tanh(products_RV.float() / cap)
    logits_RV = torch.where(word_V < n_words, cap * u_RV, -torch.inf)
    log_p_RV = torch.log_softmax(logits_RV, dim=1)
    nats_R = -log_p_RV.gather(1, target_R1)[:, 0].where(counted_R, 0)
    grad_RV = (log_p_RV.exp() - (word_V == target_R1).float()) * (1 - u_RV * u_RV) * counted_R[:, None]
    return nats_R, (grad_RV * scale).to(products_RV.dtype)


@cache
def compiled() -> Callable[[Tensor, Tensor, float, int, float], tuple[Tensor, Tensor]]:
    """`nats_and_gradient`, compiled the first time it is asked for."""
    return torch.compile(nats_and_gradient, dynamic=False)


def rows_of_chunk(device: torch.device, n_words: int) -> int:
    """How many tokens are taken at a time.

    >>> rows_of_chunk(torch.device("cpu"), 4096), rows_of_chunk(torch.device("cuda"), 32_768)
    (128, 4096)
    """
    return rows_at_a_time(n_words, CPU_LOGITS if device.type == "cpu" else GPU_LOGITS)
