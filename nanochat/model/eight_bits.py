"""Weights in one byte each: whole numbers from -127 to 127, and a scale for every row.

A row is what makes one output of a matrix, or one word of a table. Its scale is its largest absolute value
divided by 127, so zero stays zero and a row with small weights loses no more than one with large ones
(symmetric, per channel: Jacob et al. 2018, arXiv 1712.05877). A weight is computed with as whole number times
scale.

Rounding once more changes nothing: weights that were rounded give the same whole numbers and the same scales.
So a model that is kept in this form is the same wherever it is unpacked, and `nanochat export onnx` in int8
writes the numbers that are kept. What is small stays in fp32: gates, and a number for each layer.

Shapes: R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

LARGEST = 127
SCALE = ".scale"  # behind a tensor's name, the scales of its rows
Array = npt.NDArray[Any]


def quantized(rows_RC: Array) -> tuple[Array, Array]:
    """Whole numbers [R, C] in int8, and for every row the number they are multiplied with, [R, 1] in fp32.

    >>> whole, scale = quantized(np.array([[254, -100], [0, 0]], dtype=np.float32))
    >>> whole.tolist(), scale.tolist()
    ([[127, -50], [0, 0]], [[2.0], [0.0]])
    """
    scale_R1 = np.abs(rows_RC).max(axis=1, keepdims=True).astype(np.float32) / LARGEST
    whole_RC = np.rint(np.divide(rows_RC, scale_R1, out=np.zeros_like(rows_RC), where=scale_R1 > 0))
    return whole_RC.clip(-LARGEST, LARGEST).astype(np.int8), scale_R1


def dequantized(whole_RC: Array, scale_R1: Array) -> Array:
    """The weights that are computed with, [R, C] in fp32.

    >>> dequantized(np.array([[127, -50]], dtype=np.int8), np.array([[2.0]], dtype=np.float32)).tolist()
    [[254.0, -100.0]]
    """
    weights_RC: Array = whole_RC.astype(np.float32) * scale_R1
    return weights_RC


def is_large(name: str, n_dimensions: int) -> bool:
    """Whether a tensor of the model is kept in 8 bits: matrices and tables are, gates and scalars are not.

    >>> is_large("head.weight", 2), is_large("blocks.0.attention.value_gate.weight", 2)
    (True, False)
    >>> is_large("residual_scalars", 1)
    False
    """
    return n_dimensions == 2 and "gate" not in name


def pack(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors of a model as they are kept: large ones in int8 beside their scales, the others in fp32.

    >>> kept = pack({"head.weight": torch.tensor([[254.0, -100.0]]), "x0_scalars": torch.tensor([0.1])})
    >>> sorted(kept)
    ['head.weight', 'head.weight.scale', 'x0_scalars']
    >>> kept["head.weight"]
    tensor([[127, -50]], dtype=torch.int8)
    """
    kept: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        plain = tensor.detach().float().cpu()
        if is_large(name, plain.dim()):
            whole_RC, scale_R1 = quantized(plain.numpy())
            kept[name], kept[name + SCALE] = torch.from_numpy(whole_RC), torch.from_numpy(scale_R1)
        else:
            kept[name] = plain
    return kept


def unpack(kept: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """All tensors in fp32, as a model loads them. Raises ValueError for one that is not as `pack` wrote it.

    >>> unpack(pack({"head.weight": torch.tensor([[254.0, -101.0]])}))
    {'head.weight': tensor([[ 254., -100.]])}
    >>> unpack({"head.weight": torch.zeros(1, 1)})
    Traceback (most recent call last):
    ValueError: head.weight is torch.float32 without scales; expected torch.int8 and head.weight.scale
    """
    found: dict[str, Tensor] = {}
    for name, tensor in kept.items():
        if name.endswith(SCALE):
            continue
        large, scale_R1 = is_large(name, tensor.dim()), kept.get(name + SCALE)
        if large and tensor.dtype == torch.int8 and scale_R1 is not None:
            found[name] = torch.from_numpy(dequantized(tensor.numpy(), scale_R1.numpy()))
        elif not large and tensor.dtype == torch.float32 and scale_R1 is None:
            found[name] = tensor
        else:
            expected = f"torch.int8 and {name}{SCALE}" if large else "torch.float32 without scales"
            scales = "with" if scale_R1 is not None else "without"
            raise ValueError(f"{name} is {tensor.dtype} {scales} scales; expected {expected}")
    return found
