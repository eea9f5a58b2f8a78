"""The two layers everything is made of: RMSNorm without weights, and a linear map without bias.

The stream's type decides what a product is computed in: weights are kept in fp32, where small updates are not
lost, and cast to the type of what they are multiplied with. We cast here rather than use `torch.autocast`:
one line to read, nothing hidden, and the same in eager and compiled code.

Shapes: B batch, T time, I inputs, O outputs.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6  # Hugging Face's NanoChatForCausalLM has the same


def norm(x: Tensor) -> Tensor:
    """Scale the last dimension to a mean square of 1 (Zhang and Sennrich 2019, RMSNorm, arXiv 1910.07467).

    >>> round(norm(torch.tensor([3.0, 4.0])).pow(2).mean().item(), 4)
    1.0
    """
    return F.rms_norm(x, (x.shape[-1],), eps=EPSILON)


class Linear(nn.Module):
    """y = x W^T, in the type of x.

    >>> Linear(4, 2)(torch.zeros(3, 4, dtype=torch.bfloat16)).dtype
    torch.bfloat16
    """

    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))

    def forward(self, x_BTI: Tensor) -> Tensor:
        """Multiply: [B, T, I] to [B, T, O]."""
        return F.linear(x_BTI, self.weight.to(x_BTI.dtype))
