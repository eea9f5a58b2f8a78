"""Activation checkpointing changes what is kept in memory, and nothing else."""

from __future__ import annotations

import torch

from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT


def kept_bytes(model: GPT, ids_BT: torch.Tensor) -> tuple[int, torch.Tensor]:
    """Bytes of different tensors that the forward pass keeps for the backward pass, and the loss."""
    kept = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model(ids_BT[:, :-1], ids_BT[:, 1:])
    return sum(kept.values()), loss


def test_checkpointed_blocks_keep_less_and_give_the_same_gradients():
    config = GPTConfig(n_layer=4, n_embd=64, n_head=2, n_kv_head=1, vocab_size=100, sequence_len=128)
    plain, light = GPT(config).initialize(3), GPT(config).initialize(3).checkpoint_blocks()
    for model in (plain, light):  # output projections begin at zero, and would hide what lies before them
        for name, parameter in model.named_parameters():
            if name.startswith("blocks"):
                torch.nn.init.normal_(parameter, std=0.1, generator=torch.Generator().manual_seed(len(name)))
    ids = torch.randint(100, (2, 129), generator=torch.Generator().manual_seed(4))
    full, loss = kept_bytes(plain, ids)
    less, light_loss = kept_bytes(light, ids)
    assert less < full / 3
    assert torch.equal(loss, light_loss)
    loss.backward()
    light_loss.backward()
    for (name, one), other in zip(plain.named_parameters(), light.parameters(), strict=True):
        assert one.grad is not None
        assert torch.equal(one.grad, other.grad), name
