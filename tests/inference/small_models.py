"""Models whose every answer is known: one of chance weights, one that follows a script."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import Tokenizer

CONTEXT = 96


def chance_model(vocab_size: int, seed: int = 0) -> GPT:
    """All extras, and every weight away from its first value, so that no part of the model is idle."""
    config = GPTConfig(
        n_layer=4, n_embd=32, n_head=4, n_kv_head=2, vocab_size=vocab_size, sequence_len=CONTEXT
    )
    model = GPT(config).initialize(seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


def scripted_model(tokenizer: Tokenizer, follows: Mapping[int, int]) -> GPT:
    """After token `a` the likeliest is `follows[a]`, by far, whatever stands before.

    Blocks add nothing (their output matrices are zero), so the stream holds the last token's vector, and the
    head compares it with the vectors of the tokens that have a follower.
    """
    config = GPTConfig.core(
        n_layer=1, n_embd=256, n_head=2, n_kv_head=2, vocab_size=tokenizer.n_vocab, sequence_len=CONTEXT
    )
    model = GPT(config).initialize(0)
    vectors_VC: Tensor = torch.nn.functional.normalize(model.embedding.weight.detach(), dim=1)
    with torch.no_grad():
        model.head.weight.zero_()
        for before, after in follows.items():
            model.head.weight[after] += 3 * vectors_VC[before]
    return model


def script(tokenizer: Tokenizer, *texts: str) -> dict[int, int]:
    """Each text's tokens one after another; special tokens are written as such."""
    specials = list(tokenizer.special_tokens)
    follows: dict[int, int] = {}
    for text in texts:
        ids = tokenizer.encode(text, allowed_special=specials)
        for before, after in pairwise(ids):
            assert follows.setdefault(before, after) == after, f"{text!r} follows two ways"
    return follows
