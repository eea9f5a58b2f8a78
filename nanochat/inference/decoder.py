"""The model with its memory of the texts it is writing: read a prompt, then token after token.

Reading a prompt (prefill) is a forward pass over all its tokens: limited by arithmetic. Writing (decode) is a
forward pass over one token of each row: every weight is read for a few products, so it is limited by how fast
memory can be read. More rows at a time cost little then.

Shapes: B rows, T time, C channels, V vocabulary.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nanochat.inference.kv_cache import KVCache, NewText, NextTokens
from nanochat.inference.packed import pack
from nanochat.model.gpt import GPT
from nanochat.model.products import small_products

MOST_AT_ONCE = 2_048  # tokens of prompts that are read together


class Decoder:
    """A model and the KV cache of up to `rows` texts. `packed` lays its matrices out for this on a CPU.

    >>> from nanochat.model.config import GPTConfig
    >>> model = GPT(GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=1, vocab_size=64)).initialize(0)
    >>> decoder = Decoder(model, rows=2)
    >>> decoder.read({0: [1, 2, 3], 1: [4, 5]}).shape, decoder.step([6, 7]).shape
    (torch.Size([2, 64]), torch.Size([2, 64]))
    >>> whole = model(torch.tensor([[1, 2, 3, 8]]))[:, -1]
    >>> torch.allclose(decoder.step([8]), model(torch.tensor([[1, 2, 3, 6, 8]]))[:, -1], atol=1e-5)
    True
    """

    def __init__(self, model: GPT, rows: int, packed: bool = True) -> None:
        self.model, self.context = model, model.config.sequence_len
        if packed:
            pack(model)
        # Packed matrices have their own way; what is left are attention's small products.
        self.products = small_products if packed else contextlib.nullcontext
        like = model.head.weight.detach().new_empty(0, dtype=model.compute_dtype)
        self.cache = KVCache(model.config, rows, like)

    @torch.inference_mode()
    def read(self, texts: Mapping[int, Sequence[int]]) -> Tensor:
        """Logits after the last token of each text, [B, V]; each goes on the row it is given for.

        Raises ValueError for an empty text, or one that is longer than the context.
        """
        for row, ids in texts.items():
            if not ids:
                raise ValueError(f"row {row}: there is no token to read")
            if len(self.cache.texts[row]) + len(ids) > self.context:
                raise ValueError(f"row {row}: the text is longer than the context of {self.context} tokens")
        with self.products():
            found = [self.read_together(some) for some in groups(texts)]
        return found[0] if len(found) == 1 else torch.cat(found)

    def read_together(self, texts: Sequence[tuple[int, Sequence[int]]]) -> Tensor:
        """Some texts in one forward pass."""
        new = NewText(self.cache, texts)
        x_BTC = self.model.stream(new.ids_BT, cache=new)
        new.done()
        last = [piece.at.stop - 1 for piece in new.pieces]
        return self.model.logits(x_BTC[0, last])

    @torch.inference_mode()
    def step(self, ids: Sequence[int | None]) -> Tensor:
        """Logits after one more token in each of the first rows, [B, V]; a row with None rests.

        A row must have been read before. Raises ValueError for one that is full.
        """
        for row, text in enumerate(self.cache.texts[: len(ids)]):
            if ids[row] is not None and not 0 < len(text) < self.context:
                raise ValueError(f"row {row}: {len(text)} of {self.context} tokens are there")
        new = NextTokens(self.cache, ids)
        with self.products():
            x_BTC = self.model.stream(new.ids_BT, cache=new)
            logits_BV = self.model.logits(x_BTC[:, 0])
        new.done()
        return logits_BV

    def forget(self, row: int) -> None:
        """Empty a row."""
        self.cache.texts[row].clear()

    @torch.inference_mode()
    def copy_row(self, source: int, target: int) -> None:
        """Make a row a copy of another."""
        self.cache.copy_row(source, target)


def groups(texts: Mapping[int, Sequence[int]]) -> list[list[tuple[int, Sequence[int]]]]:
    """Texts in their order, as many together as make up `MOST_AT_ONCE` tokens.

    >>> [len(group) for group in groups({0: [1] * 1_500, 1: [1] * 500, 2: [1] * 100})]
    [2, 1]
    """
    found: list[list[tuple[int, Sequence[int]]]] = []
    size = MOST_AT_ONCE
    for row, ids in texts.items():
        if size + len(ids) > MOST_AT_ONCE:
            found.append([])
            size = 0
        found[-1].append((row, ids))
        size += len(ids)
    return found
