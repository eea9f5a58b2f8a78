"""Products of matrices in FP8, for GPUs from Hopper on: bf16's speed twice over, and fewer bits.

An 8-bit float has few bits for its exponent, so a tensor is first scaled until its largest number is the
largest the format has, and the product is scaled back (Micikevicius et al. 2022, "FP8 Formats for Deep
Learning", arXiv 2209.05433, section 3). One scale for each tensor, made anew every time it is used; a scale
for each row is more exact, but its kernels are slower than what they gain.

- activations and weights: e4m3, four bits of exponent and three of mantissa, up to 448
- gradients: e5m2, which reaches smaller numbers (section 4 of the paper), up to 57,344

Only training multiplies so; without gradients the layer is the ordinary one. The weights themselves stay
in fp32, under the same name, so that a checkpoint does not tell how it was trained.

Shapes: B batch, T time, N = B·T tokens, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nanochat.model.layers import Linear

NUMBERS, GRADIENTS = torch.float8_e4m3fn, torch.float8_e5m2
MULTIPLE = 16  # the kernel wants every side of a matrix to be a multiple of this
TINY = 1e-12


def to_float8(x: Tensor, kind: torch.dtype) -> tuple[Tensor, Tensor]:
    """`x` in 8 bits, and the fp32 scale that makes it `x` again: x = x8 * scale, nearly.

    >>> x8, scale = to_float8(torch.tensor([1.0, -0.5, 0.25]), NUMBERS)
    >>> (x8.float() * scale).tolist()
    [1.0, -0.5, 0.25]
    """
    largest = torch.finfo(kind).max
    scale = x.detach().abs().amax().float().clamp(min=TINY) / largest
    return (x.float() / scale).clamp(-largest, largest).to(kind), scale


def multiply(
    a_MK: Tensor, b_NK: Tensor, scale_a: Tensor, scale_b: Tensor, out: torch.dtype, exact: bool
) -> Tensor:
    """a b^T of two matrices in 8 bits, both with their rows whole in memory.

    `exact` adds up all parts of a sum in fp32; without, the tensor cores keep about 14 bits and are faster.
    """
    return torch._scaled_mm(a_MK, b_NK.t(), scale_a, scale_b, out_dtype=out, use_fast_accum=not exact)


class Float8Product(torch.autograd.Function):
    """x W^T, with all three products of forward and backward in 8 bits."""

    @staticmethod
    def forward(ctx: Any, x_NI: Tensor, weight_OI: Tensor) -> Tensor:
        """The product, [N, O], in the type of x."""
        x8_NI, scale_x = to_float8(x_NI, NUMBERS)
        w8_OI, scale_w = to_float8(weight_OI, NUMBERS)
        ctx.save_for_backward(x8_NI, w8_OI, scale_x, scale_w)
        ctx.types = x_NI.dtype, weight_OI.dtype
        return multiply(x8_NI, w8_OI, scale_x, scale_w, x_NI.dtype, exact=False)

    @staticmethod
    def backward(ctx: Any, grad_NO: Tensor) -> tuple[Tensor, Tensor]:
        """grad W and grad^T x; a transposed matrix is copied, since the kernel wants its rows whole."""
        x8_NI, w8_OI, scale_x, scale_w = ctx.saved_tensors
        x_type, weight_type = ctx.types
        g8_NO, scale_g = to_float8(grad_NO, GRADIENTS)
        w8_IO, x8_IN = w8_OI.t().contiguous(), x8_NI.t().contiguous()
        grad_x_NI = multiply(g8_NO, w8_IO, scale_g, scale_w, x_type, exact=True)
        grad_w_OI = multiply(g8_NO.t().contiguous(), x8_IN, scale_g, scale_x, x_type, exact=True)
        return grad_x_NI, grad_w_OI.to(weight_type)


class Float8Linear(Linear):
    """A `Linear` whose products are made in 8 bits while it is trained."""

    def forward(self, x_BTI: Tensor) -> Tensor:
        """Multiply: [B, T, I] to [B, T, O]. Raises ValueError where B·T is no multiple of 16."""
        if not torch.is_grad_enabled():
            return super().forward(x_BTI)
        x_NI = x_BTI.reshape(-1, x_BTI.shape[-1])
        if len(x_NI) % MULTIPLE:
            raise ValueError(f"{len(x_NI)} tokens at a time are no multiple of {MULTIPLE}, as FP8 needs")
        out_NO: Tensor = Float8Product.apply(x_NI, self.weight)  # type: ignore[no-untyped-call]
        return out_NO.view(*x_BTI.shape[:-1], -1)


def use_float8(module: nn.Module) -> int:
    """Have every matrix in `module` that the kernel can take multiplied in 8 bits; how many these are.

    >>> layers = nn.ModuleDict({"large": Linear(32, 64), "gate": Linear(12, 2)})
    >>> use_float8(layers), type(layers["large"]).__name__, type(layers["gate"]).__name__
    (1, 'Float8Linear', 'Linear')
    """
    found = [
        layer
        for layer in module.modules()
        if type(layer) is Linear and not any(side % MULTIPLE for side in layer.weight.shape)
    ]
    for layer in found:
        layer.__class__ = Float8Linear  # the weight, its name and its place stay
    return len(found)
