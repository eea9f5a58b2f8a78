"""The KV cache: keys and values of the tokens read so far, so that a new token needs only its own.

Attention compares a new token's query with the keys of all tokens before it, and these do not change any
more. Kept, they make a step of generation cost one token's work instead of the whole text's. The price is
memory: two vectors a token, layer and head of keys (`nanochat.model.memory.kv_cache_bytes` counts it).

The choices:

- a cache has a number of rows, one text each, of any lengths; the rows in use come first
- it grows in segments along time, each as long as all before it together. What is there is never copied,
  and a short text takes little
- a layer with a sliding window keeps its window only: token number p lies in slot p modulo the window, where
  it writes over the one that has just left. Turning by position is done before a key is kept, so slots may
  stand in any order
- scores of one token are few, so they are computed with plain products over each segment and one softmax

Shapes: B rows, T time, H heads of queries, K heads of keys and values, G = H / K, D head width, S slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor

from nanochat.model.attending import Plan, attend, may_see
from nanochat.model.compiling import any_length
from nanochat.model.config import GPTConfig
from nanochat.model.tiles import plan_tiles

FIRST_SEGMENT = 256  # slots


class LayerCache:
    """Keys and values of one layer: `rows` texts, up to `window` tokens of each.

    >>> layer = LayerCache(rows=1, window=2, n_kv_head=1, head_dim=1, like=torch.zeros(0))
    >>> for position in range(3):
    ...     layer.put_token([position], torch.full((1, 1, 1), 10.0 + position), torch.zeros(1, 1, 1))
    >>> layer.parts(1, 2)[0][0].flatten().tolist()  # token 2 took the place of token 0
    [12.0, 11.0]
    """

    def __init__(self, rows: int, window: int, n_kv_head: int, head_dim: int, like: Tensor) -> None:
        self.rows, self.window = rows, window
        self.n_kv_head, self.head_dim, self.like = n_kv_head, head_dim, like
        self.first_slots: list[int] = []  # of each segment
        self.segments: list[tuple[Tensor, Tensor]] = []  # keys and values, [rows, K, S, D]

    def make_room(self, n_slots: int) -> None:
        """Have at least that many slots, or the whole window."""
        while (there := self.capacity) < min(n_slots, self.window):
            size = min(max(FIRST_SEGMENT, there), self.window - there)
            shape = (self.rows, self.n_kv_head, size, self.head_dim)
            self.first_slots.append(there)
            # Zeros: what an unused slot holds is multiplied by 0, which must not make nan of it.
            self.segments.append((self.like.new_zeros(shape), self.like.new_zeros(shape)))

    @property
    def capacity(self) -> int:
        """Slots there are."""
        return self.first_slots[-1] + self.segments[-1][0].shape[2] if self.segments else 0

    def put_token(self, positions: Sequence[int], k_BKD: Tensor, v_BKD: Tensor) -> None:
        """Keep one token of each of the first B rows, at its position."""
        self.make_room(max(positions) + 1)
        slots = [position % self.window for position in positions]
        for first, (keys, values) in zip(self.first_slots, self.segments, strict=True):
            here = [
                (row, slot - first) for row, slot in enumerate(slots) if 0 <= slot - first < keys.shape[2]
            ]
            if len(here) == 1:
                row, slot = here[0]
                keys[row, :, slot], values[row, :, slot] = k_BKD[row], v_BKD[row]
            elif here:
                row_N, slot_N = torch.tensor(here, device=keys.device).unbind(1)
                keys[row_N, :, slot_N], values[row_N, :, slot_N] = k_BKD[row_N], v_BKD[row_N]

    def put_text(self, row: int, start: int, k_TKD: Tensor, v_TKD: Tensor) -> None:
        """Keep tokens of one row, the first of them at position `start`; of many only the window's last."""
        T = len(k_TKD)
        self.make_room(start + T)
        at = max(0, T - self.window)
        while at < T:
            slot = (start + at) % self.window
            number = max(i for i, first in enumerate(self.first_slots) if first <= slot)
            keys, values = self.segments[number]
            within = slot - self.first_slots[number]
            count = min(keys.shape[2] - within, T - at)
            for kept, new in ((keys, k_TKD), (values, v_TKD)):
                kept[row, :, within : within + count] = new[at : at + count].transpose(0, 1)
            at += count

    def parts(self, n_rows: int, n_slots: int) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the first slots of the first rows, [B, K, S, D], segment by segment."""
        return [
            (keys[:n_rows, :, : n_slots - first], values[:n_rows, :, : n_slots - first])
            for first, (keys, values) in zip(self.first_slots, self.segments, strict=True)
            if first < n_slots
        ]

    def earlier(self, row: int, position: int) -> tuple[Tensor, Tensor]:
        """Keys and values [T, K, D] of the tokens before `position` in its window, in their order."""
        order = [at % self.window for at in range(max(0, position - self.window + 1), position)]
        slot_T = torch.tensor(order, dtype=torch.long, device=self.like.device)
        keys, values = (
            torch.cat([segment[row] for segment in kind], dim=1)[:, slot_T].transpose(0, 1)
            for kind in zip(*self.segments, strict=True)
        )
        return keys, values

    def copy_row(self, source: int, target: int, n_tokens: int) -> None:
        """Give row `target` the first tokens of row `source`."""
        for first, (keys, values) in zip(self.first_slots, self.segments, strict=True):
            count = min(n_tokens, self.window) - first
            if count > 0:
                keys[target, :, :count] = keys[source, :, :count]
                values[target, :, :count] = values[source, :, :count]


class KVCache:
    """The cache of all layers, and how far each row has come."""

    def __init__(self, config: GPTConfig, rows: int, like: Tensor) -> None:
        shape = config.n_kv_head, config.head_dim
        self.layers = [LayerCache(rows, window, *shape, like) for window in config.windows()]
        self.rows, self.context, self.like = rows, config.sequence_len, like
        self.texts: list[list[int]] = [[] for _ in range(rows)]

    @property
    def bytes(self) -> int:
        """What it holds in memory now."""
        pairs = [pair for layer in self.layers for pair in layer.segments]
        return sum(tensor.nbytes for pair in pairs for tensor in pair)

    def copy_row(self, source: int, target: int) -> None:
        """Make row `target` a copy of row `source`: the same text, to be continued in another way."""
        self.texts[target] = list(self.texts[source])
        for layer in self.layers:
            layer.copy_row(source, target, len(self.texts[source]))


class NextTokens:
    """The cache as the model sees it when the first rows each read one more token."""

    has_before_BT = None  # a row is begun with a prompt, so a token stands before

    def __init__(self, cache: KVCache, ids: Sequence[int | None]) -> None:
        self.cache, self.ids = cache, ids
        self.texts = cache.texts[: len(ids)]
        # A row that rests takes part with any token, at a place that its next one writes over.
        last = cache.context - 1
        self.positions = [min(len(text), last) for text in self.texts]
        device = cache.like.device
        self.ids_BT = torch.tensor([[one or 0] for one in ids], device=device)
        self.positions_BT = torch.tensor(self.positions, device=device)[:, None]
        self.before_BT = torch.tensor([text[-1:] or [0] for text in self.texts], device=device)
        self.masks: dict[int, Tensor | None] = {}

    def plan(self, layer: int) -> Plan:
        """Keep the layer's new key and value, and attend to all that are kept."""
        return partial(self.attend, self.cache.layers[layer])

    def attend(self, layer: LayerCache, q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor) -> Tensor:
        """Mix the values of each row's slots for its one query: [B, 1, H, D]."""
        B, _, H, D = q_BTHD.shape
        layer.put_token(self.positions, k_BTKD[:, 0], v_BTKD[:, 0])
        longest = min(max(self.positions) + 1, layer.window)
        parts = layer.parts(B, longest)
        q_BKGD = (q_BTHD * D**-0.5).view(B, layer.n_kv_head, H // layer.n_kv_head, D)
        scores = [q_BKGD @ keys.transpose(2, 3) for keys, _ in parts]
        scores_BKGS = torch.cat(scores, dim=3) if len(scores) > 1 else scores[0]
        if (unused_B11S := self.unused(layer.window, longest)) is not None:
            scores_BKGS.masked_fill_(unused_B11S, -torch.inf)
        weights_BKGS = torch.softmax(scores_BKGS, dim=3, dtype=torch.float32).to(q_BTHD.dtype)
        mixed, first = None, 0
        for _, values in parts:
            part = weights_BKGS[..., first : first + values.shape[2]] @ values
            mixed, first = part if mixed is None else mixed + part, first + values.shape[2]
        assert mixed is not None
        return mixed.view(B, 1, H, D)

    def unused(self, window: int, n_slots: int) -> Tensor | None:
        """True where a row has no token in a slot yet, [B, 1, 1, S]; None if all have one in each."""
        if window not in self.masks:
            used = [min(position + 1, window) for position in self.positions]
            mask = None
            if min(used) < n_slots:
                device = self.cache.like.device
                slot_S = torch.arange(n_slots, device=device)
                mask = (slot_S >= torch.tensor(used, device=device)[:, None])[:, None, None]
            self.masks[window] = mask
        return self.masks[window]

    def done(self) -> None:
        """The tokens are part of the rows' texts now."""
        for text, token_id in zip(self.texts, self.ids, strict=True):
            if token_id is not None:
                text.append(token_id)


@dataclass(frozen=True)
class Piece:
    """New tokens of one row, and where they stand among all that are read at once."""

    row: int
    start: int  # position of the first in its text
    ids: Sequence[int]
    at: slice = field(default_factory=lambda: slice(0))


class NewText:
    """The cache as the model sees it when some rows each read a text: all of them in one row of T tokens."""

    def __init__(self, cache: KVCache, texts: Sequence[tuple[int, Sequence[int]]]) -> None:
        self.cache, at = cache, 0
        self.pieces: list[Piece] = []
        for row, ids in texts:
            self.pieces.append(Piece(row, len(cache.texts[row]), ids, slice(at, at + len(ids))))
            at += len(ids)
        before = [
            [cache.texts[piece.row][-1] if piece.start else -1, *piece.ids[:-1]] for piece in self.pieces
        ]
        positions = [range(piece.start, piece.start + len(piece.ids)) for piece in self.pieces]
        device = cache.like.device
        self.ids_BT = torch.tensor([[one for _, ids in texts for one in ids]], device=device)
        self.positions_BT = torch.tensor([[one for some in positions for one in some]], device=device)
        before_BT = torch.tensor([[one for some in before for one in some]], device=device)
        self.has_before_BT, self.before_BT = before_BT >= 0, before_BT.clamp(min=0)

    def plan(self, layer: int) -> Plan:
        """Keep the layer's new keys and values, and let every token attend to those of its own row."""
        return partial(self.attend, self.cache.layers[layer])

    def attend(self, layer: LayerCache, q_BTHD: Tensor, k_BTKD: Tensor, v_BTKD: Tensor) -> Tensor:
        """Mixed values, [1, T, H, D]."""
        mixed = []
        for piece in self.pieces:
            q, k, v = (x[:, piece.at] for x in (q_BTHD, k_BTKD, v_BTKD))
            seen_k, seen_v = k, v
            if piece.start:
                earlier = layer.earlier(piece.row, piece.start)
                seen_k, seen_v = (
                    torch.cat([old[None], new], 1) for old, new in zip(earlier, (k, v), strict=True)
                )
            layer.put_text(piece.row, piece.start, k[0], v[0])
            mixed.append(attend(q, seen_k, seen_v, plan_piece(layer.window, q, seen_k.shape[1])))
        return torch.cat(mixed, dim=1)

    def done(self) -> None:
        """The tokens are part of the rows' texts now."""
        for piece in self.pieces:
            self.cache.texts[piece.row].extend(piece.ids)


def plan_piece(window: int, q_BTHD: Tensor, n_keys: int) -> Plan:
    """How queries attend to keys of which the last are their own: with nothing to compile for a new length.

    >>> plan_piece(8, torch.zeros(1, 2, 1, 4), n_keys=3).int().tolist()  # one earlier token, which both see
    [[[[1, 1, 0], [1, 1, 1]]]]
    """
    T, device = q_BTHD.shape[1], q_BTHD.device
    if n_keys > T:
        return may_see(window, n_keys, device)[:, :, -T:]
    if device.type == "cpu":
        return any_length(plan_tiles(1, T, window), 1)
    return None if window >= T else may_see(window, T, device)
