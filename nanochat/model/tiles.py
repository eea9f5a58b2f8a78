"""Causal attention on a CPU in tiles, within windows and documents, forward and backward.

PyTorch's flash attention for CPUs (Dao et al. 2022, arXiv 2205.14135) works through a rectangle of queries
and keys without ever holding all their scores. But it multiplies the half above the diagonal too, and knows
windows and documents only as a mask over T x T. So we call it once for each of many small rectangles, tiles:
some queries of one document, and the keys that any of them may see. Inside a tile a small mask, the same for
all tiles of a shape, cuts off what is left over. Rows of a batch that are cut alike share their calls.

The backward pass is cut the other way: some keys, and the queries that may see any of them. So a key's
gradients are whole in one tile, and only those of the queries are summed.

At width 256 and 512 tokens (4 heads of 64) a causal layer takes 0.7 of the time of one call forward and
backward, and one with a window of 128 takes 0.5.

Shapes: B batch, T time, H heads of queries, K heads of keys and values, D head width, N tiles.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nanochat.model.products import small_products

SMALL_TILE, LARGE_TILE = 64, 128  # tokens; smaller ones multiply less in vain, larger ones need fewer calls
SHORT_WINDOW = 256  # up to this, small tiles are faster


class Tile(NamedTuple):
    """Some queries and some keys of some rows of the batch: from the first to before the last."""

    first_row: int
    last_row: int
    first_query: int
    last_query: int
    first_key: int
    last_key: int

    def slices(self) -> tuple[slice, slice, slice]:
        """Rows, queries and keys, to index tensors with."""
        return (
            slice(self.first_row, self.last_row),
            slice(self.first_query, self.last_query),
            slice(self.first_key, self.last_key),
        )


def plan_tiles(n_rows: int, n_time: int, window: int, documents_BT: Tensor | None = None) -> Tensor:
    """All tiles, forward and backward, [2, N, 7]: the fields of a `Tile` and the window.

    It is a tensor so that compiled code takes it as it is, whatever is in it.

    >>> forward, backward = plan_tiles(n_rows=8, n_time=192, window=64).tolist()
    >>> forward  # 64 queries of all 8 rows each, and the keys they may see
    [[0, 8, 0, 64, 0, 64, 64], [0, 8, 64, 128, 0, 128, 64], [0, 8, 128, 192, 64, 192, 64]]
    >>> backward[0]  # the first 64 keys, and the queries that see any of them
    [0, 8, 0, 127, 0, 64, 64]
    """
    size = SMALL_TILE if window <= SHORT_WINDOW and documents_BT is None else LARGE_TILE
    forward, backward = [], []
    for rows, start, stop in documents_of(n_rows, n_time, documents_BT):
        for first in range(start, stop, size):
            last = min(first + size, stop)
            # Keys begin whole tiles before the queries, so that few different masks are needed.
            back = -(-(window - 1) // size) * size
            forward.append((*rows, first, last, max(start, first - back), last, window))
            backward.append((*rows, first, min(stop, last + window - 1), first, last, window))
    return torch.tensor([forward, backward])


def documents_of(
    n_rows: int, n_time: int, documents_BT: Tensor | None
) -> list[tuple[tuple[int, int], int, int]]:
    """Rows (first, last), start and stop of each document; all rows at once if each is one document.

    >>> documents_of(2, 5, None)
    [((0, 2), 0, 5)]
    >>> documents_of(1, 5, torch.tensor([[4, 4, 4, 5, 5]]))
    [((0, 1), 0, 3), ((0, 1), 3, 5)]
    """
    if documents_BT is None:
        return [((0, n_rows), 0, n_time)]
    found: list[tuple[tuple[int, int], int, int]] = []
    for row, documents_T in enumerate(documents_BT):
        changes = (documents_T[1:] != documents_T[:-1]).nonzero().flatten() + 1
        edges = [0, *changes.tolist(), n_time]
        found.extend(((row, row + 1), start, stop) for start, stop in pairwise(edges))
    return found


def mask_of(tile: Tile, window: int, dtype: torch.dtype) -> Tensor:
    """What is added to the scores of a tile, [queries, keys]: 0, or -inf where a key is not seen.

    >>> mask_of(Tile(0, 1, first_query=3, last_query=5, first_key=2, last_key=5), 2, torch.float32).tolist()
    [[0.0, 0.0, -inf], [-inf, 0.0, 0.0]]
    """
    n_query, n_key = tile.last_query - tile.first_query, tile.last_key - tile.first_key
    # Made in a few round sizes, which are kept: a tile takes a corner of one.
    whole = [-(-n // LARGE_TILE) * LARGE_TILE for n in (n_query, n_key)]
    mask = round_mask(tile.first_query - tile.first_key, whole[0], whole[1], window, dtype)
    return mask[:n_query, :n_key]


@lru_cache(maxsize=256)
def round_mask(ahead: int, n_query: int, n_key: int, window: int, dtype: torch.dtype) -> Tensor:
    """The mask of a tile whose first query is `ahead` tokens after its first key."""
    distance = torch.arange(ahead, ahead + n_query)[:, None] - torch.arange(n_key)[None, :]
    seen = (distance >= 0) & (distance < window)
    return torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, -torch.inf)


@small_products()
def attend_forward(
    q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor, tiles_2N7: Tensor
) -> tuple[Tensor, Tensor]:
    """Mixed values, [B, T, H, D], and the log of each query's sum of weights, [B, H, T].

    Scores are scaled by 1/sqrt(D).
    """
    B, T, H, _ = q_BTHD.shape
    out_BTHD = torch.empty_like(q_BTHD)
    log_sum_BHT = q_BTHD.new_empty(B, H, T, dtype=torch.float32)
    for *fields, window in tiles_2N7[0].tolist():
        tile = Tile(*fields)
        rows, queries, keys = tile.slices()
        out, log_sum = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(
            q_BTHD[rows, queries].transpose(1, 2),
            k_BTHD[rows, keys].transpose(1, 2),
            v_BTHD[rows, keys].transpose(1, 2),
            attn_mask=mask_of(tile, window, q_BTHD.dtype),
        )
        out_BTHD[rows, queries] = out.transpose(1, 2)
        log_sum_BHT[rows, :, queries] = log_sum
    return out_BTHD, log_sum_BHT


def forward_shapes(q: Tensor, k: Tensor, v: Tensor, tiles: Tensor) -> tuple[Tensor, Tensor]:
    """The shapes alone, for the compiler."""
    B, T, H, _ = q.shape
    return torch.empty_like(q), q.new_empty(B, H, T, dtype=torch.float32)


@small_products()
def attend_backward(
    grad_BTHD: Tensor,
    q_BTHD: Tensor,
    k_BTHD: Tensor,
    v_BTHD: Tensor,
    out_BTHD: Tensor,
    log_sum_BHT: Tensor,
    tiles_2N7: Tensor,
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of queries, keys and values; a query is in several tiles, so its gradients are summed."""
    grad_q, grad_k, grad_v = torch.zeros_like(q_BTHD), torch.empty_like(k_BTHD), torch.empty_like(v_BTHD)
    for *fields, window in tiles_2N7[1].tolist():
        tile = Tile(*fields)
        rows, queries, keys = tile.slices()
        tile_q, tile_k, tile_v = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward(
            grad_BTHD[rows, queries].transpose(1, 2),
            q_BTHD[rows, queries].transpose(1, 2),
            k_BTHD[rows, keys].transpose(1, 2),
            v_BTHD[rows, keys].transpose(1, 2),
            out_BTHD[rows, queries].transpose(1, 2),
            log_sum_BHT[rows, :, queries],
            0.0,
            False,
            attn_mask=mask_of(tile, window, q_BTHD.dtype),
        )
        grad_q[rows, queries] += tile_q.transpose(1, 2)
        grad_k[rows, keys] = tile_k.transpose(1, 2)
        grad_v[rows, keys] = tile_v.transpose(1, 2)
    return grad_q, grad_k, grad_v


def backward_shapes(
    grad: Tensor, q: Tensor, k: Tensor, v: Tensor, out: Tensor, log_sum: Tensor, tiles: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The shapes alone, for the compiler."""
    return torch.empty_like(q), torch.empty_like(k), torch.empty_like(v)


def keep_for_backward(ctx: Any, inputs: tuple[Tensor, ...], output: tuple[Tensor, Tensor]) -> None:
    """Keep what the backward pass reads."""
    q, k, v, tiles = inputs
    ctx.save_for_backward(q, k, v, *output, tiles)


def gradients(ctx: Any, grad_out: Tensor, grad_log_sum: Tensor) -> tuple[Tensor | None, ...]:
    """The gradients of queries, keys and values; tiles have none."""
    kept: tuple[Tensor, ...] = ctx.saved_tensors
    grads: tuple[Tensor, ...] = torch.ops.nanochat.attend_tiles_backward(grad_out, *kept)
    return (*grads, None)


# To PyTorch's compiler both are single operations that it does not look into. They are registered one by
# one: `torch.library.custom_op`, which would do all this, loads the compiler even where none is wanted.
FORWARD, BACKWARD = "nanochat::attend_tiles", "nanochat::attend_tiles_backward"
SEVEN = "(Tensor grad, Tensor q, Tensor k, Tensor v, Tensor out, Tensor log_sum, Tensor tiles)"
torch.library.define(FORWARD, "(Tensor q, Tensor k, Tensor v, Tensor tiles) -> (Tensor, Tensor)")
torch.library.define(BACKWARD, f"{SEVEN} -> (Tensor, Tensor, Tensor)")
torch.library.impl(FORWARD, "cpu", attend_forward)
torch.library.impl(BACKWARD, "cpu", attend_backward)
torch.library.register_fake(FORWARD, forward_shapes)
torch.library.register_fake(BACKWARD, backward_shapes)
torch.library.register_autograd(FORWARD, gradients, setup_context=keep_for_backward)


def attend_tiles(q_BTHD: Tensor, k_BTHD: Tensor, v_BTHD: Tensor, tiles_2N7: Tensor) -> Tensor:
    """Mix values as the tiles allow: [B, T, H, D]. Keys and values need as many heads as queries here.

    >>> x_BTHD = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    >>> attend_tiles(x_BTHD, 0 * x_BTHD, x_BTHD, plan_tiles(1, 2, window=2)).squeeze().tolist()
    [[1.0, 0.0], [0.5, 0.5]]
    """
    out_BTHD: Tensor = torch.ops.nanochat.attend_tiles(q_BTHD, k_BTHD, v_BTHD, tiles_2N7)[0]
    return out_BTHD
