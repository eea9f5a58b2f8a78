"""What the model writes so far: a few continuations, to be read by a person beside the loss.

The simplest sampler there is: one forward pass over the whole text for every new token. The engine with a KV
cache that a chat needs is `nanochat.inference`; for some tens of tokens now and then this is enough.

Shapes: B batch, T time, V vocabulary, K top-k.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from nanochat.train.parts import Tokenizer

PROMPTS = ("The president", "My lord, I", "The capital of France is", "If the people")
NEW_TOKENS = 40
TEMPERATURE, TOP_K = 0.8, 50


@torch.no_grad()
def write(
    logits: Callable[[Tensor], Tensor],
    tokenizer: Tokenizer,
    prompt: str,
    seed: int,
    device: torch.device,
    most: int,
    new_tokens: int = NEW_TOKENS,
) -> str:
    """A continuation of `prompt`, up to the end of the document.

    `logits(ids_BT)` are the model's, [B, T, V]; `most` is the longest text it can read.
    """
    generator = torch.Generator().manual_seed(seed)
    ids = [tokenizer.bos, *tokenizer.encode(prompt)]
    start = len(ids)
    while len(ids) < min(start + new_tokens, most):
        logits_V = logits(torch.tensor([ids], device=device))[0, -1].float().cpu()
        chosen = pick(logits_V, generator)
        if chosen == tokenizer.bos:
            break
        ids.append(chosen)
    return tokenizer.decode(ids[start:])


def pick(logits_V: Tensor, generator: torch.Generator) -> int:
    """One id, by chance among the likeliest K.

    >>> pick(torch.tensor([0.0, 90.0, 0.0]), torch.Generator())
    1
    """
    best_K, ids_K = logits_V.topk(min(TOP_K, len(logits_V)))
    chances_K = torch.softmax(best_K / TEMPERATURE, dim=-1)
    return int(ids_K[torch.multinomial(chances_K, 1, generator=generator)])
