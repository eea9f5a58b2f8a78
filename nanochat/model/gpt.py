"""The GPT: a decoder-only transformer, the core and the extras together.

A token's vector enters the stream, is normalised, and passes the blocks, each of which adds to it. At the end
the stream, normalised once more, is compared with one vector for every word: these are the logits, kept
within ±15 by 15·tanh(z / 15) (Gemma 2, arXiv 2408.00118, section 2). Each extra is a switch of `GPTConfig`:

- smear: the first vector of a token takes in a gated part of the previous token's
- residual scalars and x0 scalars: before each block the stream is scaled, and a part of the first vectors
  mixed in again
- value embeddings: see `nanochat.model.attention`
- backout: the stream as it was halfway is taken out again, in part, before the head

Shapes: B batch, T time, C channels, V vocabulary, K heads of keys and values, D head width, L layers.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from nanochat.model.attending import Plan, plan_attention
from nanochat.model.block import Block
from nanochat.model.compiling import can_compile, for_blocks
from nanochat.model.config import SMEAR_GATE_CHANNELS, GPTConfig
from nanochat.model.float8 import use_float8
from nanochat.model.initialize import initialize
from nanochat.model.layers import Linear, norm
from nanochat.model.loss import nats_of_tokens, summed_nats
from nanochat.model.rotary import rotary_table


def run_block(block: nn.Module, *inputs: Any) -> Tensor:
    """Call a block: the one place that is compiled, once for all blocks of a kind."""
    out_BTC: Tensor = block(*inputs)
    return out_BTC


class Cache(Protocol):
    """What the model asks of a KV cache when it reads only the tokens that are new in each row.

    `nanochat.inference.kv_cache` has two: one for a token in each of many rows, one for a prompt.
    """

    @property
    def positions_BT(self) -> Tensor:
        """Where each token stands in its text."""

    @property
    def before_BT(self) -> Tensor:
        """The id of the token before each; any where there is none."""

    @property
    def has_before_BT(self) -> Tensor | None:
        """Whether there is one; None: there always is."""

    def plan(self, layer: int) -> Plan:
        """What keeps a layer's new keys and values and mixes them with the earlier ones."""


class GPT(nn.Module):
    """The model that `config` describes. Its weights hold nothing of use before `initialize` or a checkpoint.

    >>> model = GPT(GPTConfig.core(n_layer=2, n_embd=32, n_head=2, n_kv_head=2, vocab_size=64)).initialize(0)
    >>> ids_BT = torch.tensor([[1, 2, 3]])
    >>> model(ids_BT).shape
    torch.Size([1, 3, 64])
    >>> loss = model(ids_BT, targets_BT=torch.tensor([[2, 3, -1]]))
    >>> round(float(loss.detach()) / 2, 2), round(float(torch.tensor(64).log()), 2)  # a uniform guess
    (4.16, 4.16)
    """

    def __init__(self, config: GPTConfig, compute_dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.config, self.compute_dtype = config, compute_dtype
        V, C = config.padded_vocab_size, config.n_embd
        value_layers = config.value_layers
        self.embedding = nn.Embedding(V, C)
        self.value_embeddings = nn.ModuleDict(
            {str(layer): nn.Embedding(V, config.n_kv_head * config.head_dim) for layer in value_layers}
        )
        self.blocks = nn.ModuleList(Block(config, layer in value_layers) for layer in range(config.n_layer))
        self.head = Linear(C, V)
        if config.residual_scalars:
            self.residual_scalars = nn.Parameter(torch.empty(config.n_layer))
        if config.x0_scalars:
            self.x0_scalars = nn.Parameter(torch.empty(config.n_layer))
        if config.smear:
            self.smear_gate = Linear(SMEAR_GATE_CHANNELS, 1)
            self.smear_strength = nn.Parameter(torch.empty(1))
        if config.backout:
            self.backout_strength = nn.Parameter(torch.empty(1))
        cos_TE, sin_TE = rotary_table(config.sequence_len, config.head_dim, config.rope_base)
        self.cos_TE = nn.Buffer(cos_TE, persistent=False)
        self.sin_TE = nn.Buffer(sin_TE, persistent=False)
        self.run_block = run_block
        self.compiled = self.checkpointing = False

    def initialize(self, seed: int) -> GPT:
        """Draw the first weights; the same seed gives the same model on every device."""
        initialize(self, seed)
        return self

    def compile_blocks(self) -> GPT:
        """Compile one block of each kind, forward and backward, and use it for all layers.

        On a GPU the loss is compiled too; on a CPU it is as fast without. Where there is no C++ compiler a
        warning says so, and nothing is compiled.
        """
        if not can_compile():
            return self
        for_blocks()
        self.run_block = torch.compile(run_block, dynamic=False)
        self.compiled = True
        return self

    def use_float8(self) -> int:
        """Multiply the blocks' matrices in 8 bits while training; how many these are."""
        return use_float8(self.blocks)

    def checkpoint_blocks(self) -> GPT:
        """Keep only each block's input for the backward pass, which computes the rest again.

        Less memory, a third more arithmetic (Chen et al. 2016, arXiv 1604.06174).
        """
        self.checkpointing = True
        return self

    def parameter_groups(self) -> dict[str, dict[str, nn.Parameter]]:
        """Every parameter, by the rule that trains it: group, then name as in the state dict.

        `matrices` are the blocks' (value gates are among them); the optimizer gives each group its rule.

        >>> groups = GPT(GPTConfig(n_layer=2, n_embd=64, n_head=2, n_kv_head=2)).parameter_groups()
        >>> list(groups)[:4], sorted(groups["scalars"])[:2]
        (['embedding', 'value_embeddings', 'matrices', 'head'], ['backout_strength', 'smear_gate.weight'])
        """
        groups: dict[str, dict[str, nn.Parameter]] = {
            "embedding": {}, "value_embeddings": {}, "matrices": {}, "head": {},
            "residual_scalars": {}, "x0_scalars": {}, "scalars": {},
        }  # fmt: skip
        for name, parameter in self.named_parameters():
            first = name.split(".")[0]
            group = "matrices" if first == "blocks" else first if first in groups else "scalars"
            groups[group][name] = parameter
        return groups

    def forward(
        self,
        ids_BT: Tensor,
        targets_BT: Tensor | None = None,
        documents_BT: Tensor | None = None,
        weights_BT: Tensor | None = None,
    ) -> Tensor:
        """Logits [B, T, V] in fp32; or, with targets, the loss: the sum of cross entropies in nats.

        A target below 0 is not counted. The caller divides by how many there are, since only it knows how
        many micro-batches and processes share a step. `documents_BT` numbers the document of each token
        within its row, never falling; attention and smear stay inside a document. `weights_BT` multiply
        each target's part of the loss, as reinforcement learning wants it.
        """
        x_BTC = self.stream(ids_BT, documents_BT)
        if targets_BT is None:
            return self.logits(x_BTC)
        config = self.config
        return summed_nats(
            x_BTC.flatten(0, 1),
            self.head.weight,
            targets_BT.flatten(),
            config.vocab_size,
            config.logit_softcap,
            fused=self.compiled and x_BTC.is_cuda,
            weights_N=None if weights_BT is None else weights_BT.flatten(),
        )

    @torch.no_grad()
    def nats_per_token(
        self, ids_BT: Tensor, targets_BT: Tensor, documents_BT: Tensor | None = None
    ) -> Tensor:
        """Cross entropy of every target, [B, T] in fp32, 0 where a target is below 0: for bits per byte."""
        config = self.config
        x_NC = self.stream(ids_BT, documents_BT).flatten(0, 1)
        nats_N = nats_of_tokens(
            x_NC, self.head.weight, targets_BT.flatten(), config.vocab_size, config.logit_softcap
        )
        return nats_N.view_as(targets_BT)

    def stream(
        self, ids_BT: Tensor, documents_BT: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """The normalised stream after the last block, [B, T, C]. With a cache, of the tokens that are new."""
        first_BTC = halfway_BTC = x_BTC = self.first_vectors(ids_BT, documents_BT, cache)
        if cache is None:
            rotary, plans = self.whole_rows(ids_BT, documents_BT)
        else:
            rotary = self.cos_TE[cache.positions_BT], self.sin_TE[cache.positions_BT]
            plans = [cache.plan(layer) for layer in range(self.config.n_layer)]
        scalars = self.layer_scalars()
        call: Callable[..., Tensor] = self.run_block
        if self.checkpointing and torch.is_grad_enabled():
            call = partial(checkpoint, self.run_block, use_reentrant=False, preserve_rng_state=False)
        for layer, block in enumerate(self.blocks):
            value_BTC = None
            if layer in self.config.value_layers:
                value_BTC = self.value_embeddings[str(layer)](ids_BT).to(x_BTC.dtype)
            x_BTC = call(block, x_BTC, first_BTC, scalars[layer], rotary, plans[layer], value_BTC)
            if layer == self.config.n_layer // 2:
                halfway_BTC = x_BTC
        if self.config.backout:
            x_BTC = x_BTC - self.backout_strength.to(x_BTC.dtype) * halfway_BTC
        return norm(x_BTC)

    def whole_rows(
        self, ids_BT: Tensor, documents_BT: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], list[Plan]]:
        """Rotary table and every layer's plan for rows that are read from their first token on."""
        T = ids_BT.shape[1]
        if self.config.sequence_len < T:
            raise ValueError(f"a row has {T} tokens; the model was made for {self.config.sequence_len}")
        windows = self.config.windows()
        plans = plan_attention(set(windows), ids_BT, documents_BT, self.compute_dtype)
        return (self.cos_TE[:T], self.sin_TE[:T]), [plans[window] for window in windows]

    def first_vectors(
        self, ids_BT: Tensor, documents_BT: Tensor | None = None, cache: Cache | None = None
    ) -> Tensor:
        """What enters the stream, [B, T, C]: a token's vector, normalised, and a part of the one before."""
        x_BTC = norm(self.embedding(ids_BT).to(self.compute_dtype))
        if not self.config.smear:
            return x_BTC
        if cache is not None:
            before_BTC = norm(self.embedding(cache.before_BT).to(self.compute_dtype))
            return self.smear(x_BTC, before_BTC, cache.has_before_BT)
        same_BT = None if documents_BT is None else documents_BT[:, 1:] == documents_BT[:, :-1]
        return torch.cat([x_BTC[:, :1], self.smear(x_BTC[:, 1:], x_BTC[:, :-1], same_BT)], dim=1)

    def smear(self, x_BTC: Tensor, before_BTC: Tensor, same_document_BT: Tensor | None) -> Tensor:
        """Add to each token a gated part of the one before it in the same document."""
        gate_BT1 = torch.sigmoid(self.smear_gate(x_BTC[..., :SMEAR_GATE_CHANNELS]))
        gate_BT1 = gate_BT1 * self.smear_strength.to(x_BTC.dtype)
        if same_document_BT is not None:
            gate_BT1 = gate_BT1 * same_document_BT[..., None]
        return x_BTC + gate_BT1 * before_BTC

    def layer_scalars(self) -> list[tuple[Tensor | None, Tensor | None]]:
        """For every layer its residual scalar and its x0 scalar, None where the model has none."""
        none = [None] * self.config.n_layer
        residual = self.residual_scalars.unbind() if self.config.residual_scalars else none
        x0 = self.x0_scalars.unbind() if self.config.x0_scalars else none
        return list(zip(residual, x0, strict=True))

    def logits(self, x_BTC: Tensor) -> Tensor:
        """Soft-capped logits of the vocabulary's words (not of the rows that pad it), in fp32."""
        cap = self.config.logit_softcap
        logits_BTV = self.head(x_BTC)[..., : self.config.vocab_size].float()
        return cap * torch.tanh(logits_BTV / cap)
