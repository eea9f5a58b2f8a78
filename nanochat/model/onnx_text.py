"""What an ONNX model knows of a text from its ids alone: places, padding, the token before, who may see whom.

The ids of all tokens so far are part of the KV cache, so nothing else has to be told. Ids below 0 are
padding, on the left of a batch's shorter rows. It moves the tokens of a row to later places, which makes no
difference: what counts is how far apart two tokens are.

Shapes: B batch, T new time, P time before, S = P + T, D head width, E = D / 2.
"""

from __future__ import annotations

import numpy as np
import torch

from nanochat.model.config import GPTConfig
from nanochat.model.onnx_graph import FLOAT, INT64, Graph
from nanochat.model.rotary import rotary_table

HIDDEN = -1e9  # added to a score that is not to count; -inf would make nan of a row of padding


class Text:
    """The nodes that read `ids` [B, T] and `past_ids` [B, P].

    >>> graph = Graph("fp32")
    >>> text = Text(graph, GPTConfig.core(n_layer=1))
    >>> text.mask(window=4, keys="past_key_0"), graph.nodes[0].output
    ('window_4/Unsqueeze_3', ['present_ids'])
    """

    def __init__(self, graph: Graph, config: GPTConfig) -> None:
        self.graph, self.config = graph, config
        at = "ids"
        self.all_BS = graph.add("Concat", "past_ids", "ids", at=at, axis=1, name="present_ids")
        self.start = graph.add("Shape", "past_ids", at=at, start=1, end=2)
        self.end = graph.add("Shape", self.all_BS, at=at, start=1, end=2)
        self.place_T = self.counted(self.start, self.end, at)
        is_padding_BS = graph.add("Less", self.all_BS, graph.whole(0), at=at)
        padding_BS = graph.add("Cast", is_padding_BS, at=at, to=INT64)
        self.padding_B1 = graph.add("ReduceSum", padding_BS, graph.whole(1), at=at)
        self.ids_BT = self.not_below_0("ids", at)  # padding reads the row of any token

    def counted(self, start: str, end: str, at: str) -> str:
        """All whole numbers from one to below another."""
        graph = self.graph
        first, last = (graph.add("Squeeze", one, at=at) for one in (start, end))
        return graph.add("Range", first, last, graph.constant(np.array(1), "int[1]"), at=at)

    def not_below_0(self, ids: str, at: str) -> str:
        """Numbers that can be looked up, whatever they are."""
        return self.graph.add("Max", ids, self.graph.whole(0), at=at)

    def before(self, at: str) -> tuple[str, str]:
        """The id before each new token, [B, T], and whether there is one, 0 or 1, [B, T, 1]."""
        graph = self.graph
        none = graph.constant(np.array(-1), "int[-1]")
        moved_BS = graph.add("Pad", self.all_BS, graph.whole(0, 1, 0, 0), none, at=at)
        before_BT = graph.add("Slice", moved_BS, self.start, self.end, graph.whole(1), at=at)
        there_BT = graph.add("GreaterOrEqual", before_BT, graph.whole(0), at=at)
        there_BT1 = graph.add("Unsqueeze", there_BT, graph.whole(2), at=at)
        return self.not_below_0(before_BT, at), graph.add("Cast", there_BT1, at=at, to=FLOAT)

    def angles(self, at: str = "angles") -> tuple[str, str]:
        """Cosine and sine for every new token and every channel of a head, [T, 1, D], times `qk_scale`."""
        graph, config = self.graph, self.config
        cos_TE, sin_TE = rotary_table(config.sequence_len, config.head_dim, config.rope_base)
        # The halves of a head change places before they are multiplied, so the second sine has another sign.
        tables = {"cos": torch.cat([cos_TE, cos_TE], dim=1), "sin": torch.cat([sin_TE, -sin_TE], dim=1)}
        found = []
        for name, table_TD in tables.items():
            table = graph.constant((config.qk_scale * table_TD).numpy(), f"{name}_TD")
            here_TD = graph.add("Gather", table, self.place_T, at=at)
            found.append(graph.add("Unsqueeze", here_TD, graph.whole(1), at=at))
        return found[0], found[1]

    def mask(self, window: int, keys: str) -> str:
        """What is added to scores so that a token sees its window and no padding, [B, 1, T, S].

        `keys` is the past of a layer with this window: it may have kept fewer than all.
        """
        graph, at = self.graph, f"window_{window}"
        n_kept = graph.add("Shape", keys, at=at, start=2, end=3)
        key_S = self.counted(graph.add("Sub", self.start, n_kept, at=at), self.end, at)
        place_T1 = graph.add("Unsqueeze", self.place_T, graph.whole(1), at=at)
        back_TS = graph.add("Sub", place_T1, key_S, at=at)
        seen_TS = graph.add("GreaterOrEqual", back_TS, graph.whole(0), at=at)
        if window < self.config.sequence_len:
            near_TS = graph.add("Less", back_TS, graph.whole(window), at=at)
            seen_TS = graph.add("And", seen_TS, near_TS, at=at)
        real_BS = graph.add("GreaterOrEqual", key_S, self.padding_B1, at=at)
        real_B1S = graph.add("Unsqueeze", real_BS, graph.whole(1), at=at)
        seen_BTS = graph.add("And", seen_TS, real_B1S, at=at)
        added_BTS = graph.add("Where", seen_BTS, graph.number(0), graph.number(HIDDEN), at=at)
        return graph.add("Unsqueeze", added_BTS, graph.whole(1), at=at)
