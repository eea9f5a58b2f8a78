"""Products of a few rows with a large matrix, on a CPU as fast as its memory can be read.

While text is written, every matrix is multiplied with one row for each text. The library that PyTorch asks
for products in fp32, MKL, is made for many rows; oneDNN, which PyTorch carries too, has kernels for few, if
the matrix is laid out for them once (*packed*). One row and 4096 x 512 numbers on two cores of an AMD EPYC:
38 GB/s packed, 15 without; eight rows: 35 and 14.

A packed copy lies beside each matrix, and is used where no gradient is wanted. Training changes the matrices
in place; whoever does so packs again before writing.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nanochat.model.layers import Linear

FEWEST_OUTPUTS = 16  # a gate of a few numbers is not worth it
ROWS = 8  # that the copy is laid out for; it serves any number
# Both are what PyTorch's own compiler calls for linear layers on a CPU.
PACK: Any = getattr(torch.ops.mkldnn, "_reorder_linear_weight", None)
MULTIPLY: Any = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


class PackedLinear(Linear):
    """A `Linear` with a packed copy of its matrix."""

    packed: Tensor

    def forward(self, x_BTI: Tensor) -> Tensor:
        """Multiply: [B, T, I] to [B, T, O]."""
        # The copy is of fp32. A model that computes in bf16 hands over rows in bf16.
        if torch.is_grad_enabled() or MULTIPLY is None or x_BTI.dtype != torch.float32:
            return super().forward(x_BTI)
        out_BTO: Tensor = MULTIPLY(x_BTI, self.packed, None, "none", [], "")
        return out_BTO


@torch.no_grad()
def pack(module: nn.Module) -> int:
    """Pack every matrix in `module` that lies in a CPU's memory in fp32, again if it was; how many.

    >>> layers = nn.ModuleDict({"large": Linear(32, 64), "gate": Linear(12, 2)})
    >>> pack(layers), type(layers["large"]).__name__, type(layers["gate"]).__name__
    (1, 'PackedLinear', 'Linear')
    """
    if PACK is None:
        return 0
    layers = [layer for layer in module.modules() if isinstance(layer, Linear)]
    found = [layer for layer in layers if type(layer) in (Linear, PackedLinear) and fits(layer)]
    for layer in found:
        packed: Tensor = PACK(layer.weight.detach(), ROWS)
        layer.__class__ = PackedLinear  # the weight, its name and its place stay
        layer.packed = packed
    return len(found)


def fits(layer: Linear) -> bool:
    """Whether packing is for this matrix.

    >>> fits(Linear(32, 64)), fits(Linear(12, 2))
    (True, False)
    """
    weight = layer.weight
    on_cpu = weight.device.type == "cpu" and weight.dtype == torch.float32
    return on_cpu and weight.shape[0] >= FEWEST_OUTPUTS
