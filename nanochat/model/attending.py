"""Which kernel computes attention: one plan for each window, made once for a batch and used by all layers.

No path holds T x T scores or masks, forward or backward:

- CPU: tiles (`nanochat.model.tiles`)
- CUDA, a full window and one document a row: PyTorch's own `scaled_dot_product_attention`
- CUDA else: FlexAttention (Dong et al. 2024, arXiv 2412.05496), which compiles a kernel for a rule that says
  who may see whom, and skips the blocks of 128 x 128 in which nobody sees anybody
- Hopper in bf16 or fp16 with FlashAttention 3 installed (Shah et al. 2024, arXiv 2407.08608): that
- other devices: `scaled_dot_product_attention` with the mask written out
- while text is generated, the KV cache itself (`nanochat.inference.kv_cache`)

Shapes: B batch, T time, H heads of queries, K heads of keys and values, D head width, N documents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from nanochat.model.compiling import any_length
from nanochat.model.tiles import attend_tiles, plan_tiles

HOPPER = (9, 0)  # the compute capability FlashAttention 3 is written for


@dataclass(frozen=True)
class Flash:
    """FlashAttention 3's plan: how far back a token looks, and where documents start in the whole batch."""

    kernels: Any  # its module, looked up where nothing is compiled
    window: int
    starts_N: Tensor | None  # int32, and the number of all tokens at the end; None: a row is one document


# What computes attention by itself, from queries, keys and values: a layer of a KV cache.
Attend = Callable[[Tensor, Tensor, Tensor], Tensor]
# A tensor of numbers is tiles, one of bools is a mask written out, None is plain causal attention.
Plan = Tensor | BlockMask | Flash | Attend | None


def plan_attention(
    windows: set[int],
    ids_BT: Tensor,
    documents_BT: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> dict[int, Plan]:
    """For every window the plan of a batch shaped as `ids_BT`, on its device, for products in `dtype`.

    >>> plans = plan_attention({2, 4}, torch.zeros(1, 4, dtype=torch.int))
    >>> plans[2][0].tolist(), plans[4][0].tolist()  # on a CPU tiles; forward one each: rows, queries, keys
    ([[0, 1, 0, 4, 0, 4, 2]], [[0, 1, 0, 4, 0, 4, 4]])
    """
    B, T = ids_BT.shape
    device = ids_BT.device
    if device.type == "cpu":
        return {window: any_length(plan_tiles(B, T, window, documents_BT), 1) for window in windows}
    if device.type != "cuda":
        return {window: may_see(window, T, device, documents_BT) for window in windows}
    if documents_BT is None and min(windows) >= T:
        return dict.fromkeys(windows)
    if kernels := flash_attention_3(device, dtype):
        starts_N = None if documents_BT is None else any_length(document_starts(documents_BT), 0)
        return {window: Flash(kernels, window, starts_N) for window in windows}
    return {window: block_mask(window, B, T, device, documents_BT) for window in windows}


def attend(q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor, plan: Plan) -> Tensor:
    """Mix values by how well keys agree with queries, as `plan` allows: [B, T, H, D].

    Scores are scaled by 1/sqrt(D), so that their spread does not grow with the width (Vaswani et al. 2017).

    >>> ids_BT = torch.zeros(1, 2, dtype=torch.int)
    >>> x_BTHD = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> attend(x_BTHD, 0 * x_BTHD, x_BTHD, plan_attention({2}, ids_BT)[2]).squeeze().tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    if isinstance(plan, Flash):
        return attend_flash(q_BTHD, k_BTKD, v_BTKD, plan)
    shared = q_BTHD.shape[2] // k_BTKD.shape[2]
    if isinstance(plan, Tensor) and plan.dtype != torch.bool:
        if shared > 1:
            k_BTKD, v_BTKD = (x.repeat_interleave(shared, dim=2) for x in (k_BTKD, v_BTKD))
        return attend_tiles(q_BTHD, k_BTKD, v_BTKD, plan)
    if callable(plan):
        return plan(q_BTHD, k_BTKD, v_BTKD)
    q_BHTD, k_BKTD, v_BKTD = (x.transpose(1, 2) for x in (q_BTHD, k_BTKD, v_BTKD))
    if isinstance(plan, BlockMask):
        kernel: Callable[..., Any] = flex_attention
        if not torch.compiler.is_compiling():
            kernel = compiled_flex_attention()
        mixed_BHTD = kernel(q_BHTD, k_BKTD, v_BKTD, block_mask=plan, enable_gqa=shared > 1)
    else:
        mixed_BHTD = F.scaled_dot_product_attention(
            q_BHTD, k_BKTD, v_BKTD, attn_mask=plan, is_causal=plan is None, enable_gqa=shared > 1
        )
    mixed_BTHD: Tensor = mixed_BHTD.transpose(1, 2)
    return mixed_BTHD


def may_see(window: int, n_time: int, device: torch.device, documents_BT: Tensor | None = None) -> Tensor:
    """True where a query (row) may look at a key (column): [B or 1, 1, T, T].

    >>> may_see(2, 3, torch.device("cpu"))[0, 0].int().tolist()
    [[1, 0, 0], [1, 1, 0], [0, 1, 1]]
    """
    position_T = torch.arange(n_time, device=device)
    distance_TT = position_T[:, None] - position_T[None, :]
    seen = ((distance_TT >= 0) & (distance_TT < window))[None, None]
    if documents_BT is None:
        return seen
    return seen & (documents_BT[:, None, :, None] == documents_BT[:, None, None, :])


def block_mask(
    window: int, n_rows: int, n_time: int, device: torch.device, documents_BT: Tensor | None = None
) -> BlockMask:
    """FlexAttention's plan: which blocks are full, partly full or empty.

    >>> block_mask(128, 1, 512, torch.device("cpu")).to_dense()[0, 0].tolist()
    [[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 1]]
    """

    # The window is a tensor: as a number it would be part of the kernel, compiled anew for each.
    window_1 = torch.full((), window, device=device)  # made there: a copy would wait for the GPU

    def causal(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query - key < window_1)

    def within_documents(b: Tensor, h: Tensor, query: Tensor, key: Tensor) -> Tensor:
        assert documents_BT is not None
        return causal(b, h, query, key) & (documents_BT[b, query] == documents_BT[b, key])

    if documents_BT is None:
        return create_block_mask(causal, None, None, n_time, n_time, device=device)
    make = compiled_block_mask() if device.type == "cuda" else create_block_mask
    return make(within_documents, n_rows, None, n_time, n_time, device=device)


@cache
def compiled_flex_attention() -> Callable[..., Any]:
    """FlexAttention for code that is not compiled itself; by itself it would write out all scores."""
    return torch.compile(flex_attention, dynamic=False)


@cache
def compiled_block_mask() -> Callable[..., BlockMask]:
    """Made anew for every batch of documents; uncompiled it would write out T x T truth values."""
    return torch.compile(create_block_mask, dynamic=False)


@cache
def flash_attention_3(device: torch.device, dtype: torch.dtype) -> Any:
    """The module of FlashAttention 3, or None where it is not installed or does not apply."""
    if dtype == torch.float32 or torch.cuda.get_device_capability(device) < HOPPER:
        return None
    try:
        return import_module("flash_attn_interface")
    except ImportError:
        return None


def attend_flash(q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor, plan: Flash) -> Tensor:
    """FlashAttention 3; with documents the batch is one long row of them."""
    kernels, window = plan.kernels, (plan.window - 1, 0)
    if plan.starts_N is None:
        out = kernels.flash_attn_func(q_BTHD, k_BTKD, v_BTKD, causal=True, window_size=window)
    else:
        T = q_BTHD.shape[1]  # no document is longer
        q, k, v = (x.flatten(0, 1) for x in (q_BTHD, k_BTKD, v_BTKD))
        starts = plan.starts_N
        out = kernels.flash_attn_varlen_func(
            q, k, v, starts, starts, max_seqlen_q=T, max_seqlen_k=T, causal=True, window_size=window
        )
    mixed: Tensor = out[0] if isinstance(out, tuple) else out  # older versions add the sums of weights
    return mixed.view_as(q_BTHD)


def document_starts(documents_BT: Tensor) -> Tensor:
    """Where each document starts in the flattened batch, and the number of all tokens, int32.

    >>> document_starts(torch.tensor([[0, 0, 1], [0, 0, 0]])).tolist()
    [0, 2, 3, 6]
    """
    first_BT = torch.ones_like(documents_BT, dtype=torch.bool)
    first_BT[:, 1:] = documents_BT[:, 1:] != documents_BT[:, :-1]
    starts_N = first_BT.flatten().nonzero().flatten()
    return F.pad(starts_N, (0, 1), value=documents_BT.numel()).int()
