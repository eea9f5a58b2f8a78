"""Found first on PYTHONPATH, this makes a process compute all that it would in fp32 in fp64.

Rounding then falls from 1e-7 to 1e-16, and what two ways of computing the same differ by beyond that is no
rounding. test_distributed.py starts processes with it.
"""

import torch

torch.set_default_dtype(torch.float64)
torch.Tensor.float = torch.Tensor.double  # type: ignore[method-assign]
torch.float32 = torch.float = torch.float64  # type: ignore[misc]
