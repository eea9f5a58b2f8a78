"""Causal attention on a CPU in tiles, within windows and documents, forward and backward.

PyTorch's flash attention for CPUs (Dao et al. 2022, arXiv 2205.14135) works through a rectangle of queries
and keys without ever holding all their scores. But it multiplies the half above the diagonal too, and knows
windows and documents only as a mask over T x T. So we call it once for each of many small rectangles, tiles:
some queries of one document, and the keys that any of them may see. Inside a tile a small mask, the same for
all tiles of a shape, cuts off what is left over. Rows of a batch that are cut alike share their calls.

At width 256 and 512 tokens (4 heads of 64) a causal layer took 0.75 of the time of one call, and one with a
window of 128 took 0.45.

Shapes: B batch, T time, H heads of queries, K heads of keys and values, D head width, N tiles.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

SMALL_TILE, LARGE_TILE = 64, 128  # queries in a tile; fewer multiply less in vain, more need fewer calls


class Tile(NamedTuple):
    """Queries `start` to `stop` of rows `row` to `last_row`; they may see keys `first_key` to `stop`."""

    row: int
    last_row: int
    start: int
    stop: int
    first_key: int


def plan_tiles(n_rows: int, n_time: int, window: int, documents_BT: Tensor | None = None) -> Tensor:
    """All tiles, [N, 6]: the fields of a `Tile` and the window. A tensor, so that compiled code can take it.

    >>> plan_tiles(n_rows=8, n_time=192, window=64).tolist()  # no tile looks back further than it must
    [[0, 8, 0, 64, 0, 64], [0, 8, 64, 128, 0, 64], [0, 8, 128, 192, 64, 64]]
    >>> plan_tiles(1, 6, 6, torch.tensor([[0, 0, 1, 1, 1, 2]])).tolist()  # three documents
    [[0, 1, 0, 2, 0, 6], [0, 1, 2, 5, 2, 6], [0, 1, 5, 6, 5, 6]]
    """
    if documents_BT is None:
        tiles = cut(Tile(0, n_rows, 0, n_time, 0), window, SMALL_TILE)
    else:
        tiles = [
            tile
            for row, documents_T in enumerate(documents_BT)
            for start, stop in spans(documents_T)
            for tile in cut(Tile(row, row + 1, start, stop, start), window, LARGE_TILE)
        ]
    return torch.tensor([(*tile, window) for tile in tiles])


def spans(documents_T: Tensor) -> list[tuple[int, int]]:
    """Where each document of a row starts and stops.

    >>> spans(torch.tensor([4, 4, 4, 5, 5]))
    [(0, 3), (3, 5)]
    """
    changes = (documents_T[1:] != documents_T[:-1]).nonzero().flatten() + 1
    edges = [0, *changes.tolist(), len(documents_T)]
    return list(pairwise(edges))


def cut(whole: Tile, window: int, size: int) -> list[Tile]:
    """Cut a document into tiles of `size` queries. Keys begin whole tiles before queries: few masks do."""
    back = -(-(window - 1) // size) * size
    return [
        whole._replace(
            start=start,
            stop=min(start + size, whole.stop),
            first_key=max(whole.start, start - back),
        )
        for start in range(whole.start, whole.stop, size)
    ]


@lru_cache(maxsize=256)
def tile_mask(offset: int, window: int, dtype: torch.dtype) -> Tensor:
    """What is added to a tile's scores, its keys beginning `offset` before its queries: 0, or -inf if unseen.

    >>> tile_mask(offset=1, window=2, dtype=torch.float32)[:2, :3].tolist()
    [[0.0, 0.0, -inf], [-inf, 0.0, 0.0]]
    """
    query = torch.arange(offset, offset + LARGE_TILE)[:, None]
    key = torch.arange(offset + LARGE_TILE)[None, :]
    seen = (key <= query) & (query - key < window)
    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, -torch.inf)


def mask_of(tile: Tile, window: int, dtype: torch.dtype) -> Tensor:
    """The mask of one tile, [queries, keys]: a corner of the mask for its offset."""
    mask = tile_mask(tile.start - tile.first_key, window, dtype)
    return mask[: tile.stop - tile.start, : tile.stop - tile.first_key]


@torch.library.custom_op("nanochat::attend_tiles", mutates_args=(), device_types="cpu")
def attend_tiles(q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor, tiles_N6: Tensor) -> tuple[Tensor, Tensor]:
    """Mix the values of each query's tile: [B, T, H, D], and the logarithm of its sum of weights [B, H, T].

    Keys and values need as many heads as queries here. Scores are scaled by 1/sqrt(D).
    """
    out_BTHD = torch.empty_like(q_BTHD)
    log_sum_BHT = q_BTHD.new_empty(q_BTHD.shape[0], q_BTHD.shape[2], q_BTHD.shape[1], dtype=torch.float32)
    for *fields, window in tiles_N6.tolist():
        tile = Tile(*fields)
        rows, time = slice(tile.row, tile.last_row), slice(tile.start, tile.stop)
        keys = slice(tile.first_key, tile.stop)
        out, log_sum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q_BTHD[rows, time].transpose(1, 2),
            k_BTHD[rows, keys].transpose(1, 2),
            v_BTHD[rows, keys].transpose(1, 2),
            attn_mask=mask_of(tile, window, q_BTHD.dtype),
        )
        out_BTHD[rows, time] = out.transpose(1, 2)
        log_sum_BHT[rows, :, time] = log_sum
    return out_BTHD, log_sum_BHT


@attend_tiles.register_fake
def attend_tiles_shape(q: Tensor, k: Tensor, v: Tensor, tiles: Tensor) -> tuple[Tensor, Tensor]:
    """The shapes alone, for the compiler."""
    B, T, H, _ = q.shape
    return torch.empty_like(q), q.new_empty(B, H, T, dtype=torch.float32)


@torch.library.custom_op("nanochat::attend_tiles_backward", mutates_args=(), device_types="cpu")
def attend_tiles_backward(
    grad_BTHD: Tensor,
    q_BTHD: Tensor,
    k_BTHD: Tensor,
    v_BTHD: Tensor,
    out_BTHD: Tensor,
    log_sum_BHT: Tensor,
    tiles_N6: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries, keys and values. A key is in several tiles, so its gradients are summed."""
    grad_q, grad_k, grad_v = torch.empty_like(q_BTHD), torch.zeros_like(k_BTHD), torch.zeros_like(v_BTHD)
    for *fields, window in tiles_N6.tolist():
        tile = Tile(*fields)
        rows, time = slice(tile.row, tile.last_row), slice(tile.start, tile.stop)
        keys = slice(tile.first_key, tile.stop)
        tile_q, tile_k, tile_v = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad_BTHD[rows, time].transpose(1, 2),
            q_BTHD[rows, time].transpose(1, 2),
            k_BTHD[rows, keys].transpose(1, 2),
            v_BTHD[rows, keys].transpose(1, 2),
            out_BTHD[rows, time].transpose(1, 2),
            log_sum_BHT[rows, :, time],
            0.0,
            False,
            attn_mask=mask_of(tile, window, q_BTHD.dtype),
        )
        grad_q[rows, time] = tile_q.transpose(1, 2)
        grad_k[rows, keys] += tile_k.transpose(1, 2)
        grad_v[rows, keys] += tile_v.transpose(1, 2)
    return grad_q, grad_k, grad_v


@attend_tiles_backward.register_fake
def attend_tiles_backward_shape(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, log_sum: Tensor, tiles: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The shapes alone, for the compiler."""
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def keep_for_backward(ctx, inputs, output):  # type: ignore[no-untyped-def]
    """Keep what the backward pass reads."""
    ctx.save_for_backward(*inputs[:3], *output, inputs[3])


def backward(ctx, grad_out, grad_log_sum):  # type: ignore[no-untyped-def]
    """Gradients of the inputs; the tiles have none."""
    q, k, v, out, log_sum, tiles = ctx.saved_tensors
    return (*attend_tiles_backward(grad_out.contiguous(), q, k, v, out, log_sum, tiles), None)


attend_tiles.register_autograd(backward, setup_context=keep_for_backward)
