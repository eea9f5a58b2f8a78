"""Whether `torch.compile` can work here, and how to speak to it. PyTorch's compiler is imported when needed:
that takes a second, which a run without it saves.
"""

from __future__ import annotations

import sys
import warnings

from torch import Tensor

NO_COMPILER = (
    "no C++ compiler was found, so the model is not compiled and somewhat slower; install one, such as g++"
)


def can_compile() -> bool:
    """True where there is a C++ compiler, which code for CPU and GPU both need; else warn, once."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        warnings.warn(NO_COMPILER, stacklevel=2)
        return False
    return True


def for_blocks() -> None:
    """Settings of PyTorch's compiler for blocks that are each compiled alone."""
    import torch._dynamo

    # DDP would have it cut every block at the edges of its buckets; blocks are pieces enough.
    torch._dynamo.config.optimize_ddp = False
    # Kinds of blocks (window, value embedding), each with and without gradients: more than the usual eight.
    torch._dynamo.config.recompile_limit = 32


def any_length(tensor: Tensor, dim: int) -> Tensor:
    """Let compiled code take a tensor of any length in `dim`, rather than be compiled anew for each."""
    if "torch._dynamo" in sys.modules:  # else nothing has been compiled
        import torch._dynamo

        torch._dynamo.maybe_mark_dynamic(tensor, dim)
    return tensor
