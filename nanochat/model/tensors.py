"""Which tensors a model has: the name and shape of each, from its config alone. Standard library only.

A checkpoint of `nanochat.model.gpt.GPT` holds exactly these, so a file can be checked against a config
without torch. `part_of` says which part of `nanochat.model.counting` a tensor belongs to: the sum over a part
is the same (a test holds names, shapes, sums and the optimizer's state against the real ones).
"""

from __future__ import annotations

import math

from nanochat.model.config import SMEAR_GATE_CHANNELS, VALUE_GATE_CHANNELS, GPTConfig

# The last word of a name that tells what a block's tensor is, and the part it is counted in.
BLOCK_PARTS = {"mlp": "MLP", "attention": "attention"}
OTHER_PARTS = {
    "embedding": "token embedding", "value_embeddings": "value embeddings", "head": "head",
    "residual_scalars": "residual scalars", "x0_scalars": "x0 scalars", "smear_gate": "smear gate",
    "smear_strength": "smear gate", "backout_strength": "backout",
}  # fmt: skip


def tensor_shapes(config: GPTConfig) -> dict[str, tuple[int, ...]]:
    """The name and shape of every tensor of the model, in its order.

    >>> shapes = tensor_shapes(GPTConfig.core(n_layer=1, n_embd=64, n_head=2, n_kv_head=2, vocab_size=256))
    >>> shapes["blocks.0.mlp.up.weight"], shapes["head.weight"], len(shapes)
    ((256, 64), (256, 64), 8)
    """
    V, C, F = config.padded_vocab_size, config.n_embd, config.mlp_width
    H, K, D = config.n_head, config.n_kv_head, config.head_dim
    shapes: dict[str, tuple[int, ...]] = {}
    if config.residual_scalars:
        shapes["residual_scalars"] = (config.n_layer,)
    if config.x0_scalars:
        shapes["x0_scalars"] = (config.n_layer,)
    if config.smear:
        shapes["smear_strength"] = (1,)
    if config.backout:
        shapes["backout_strength"] = (1,)
    shapes["embedding.weight"] = (V, C)
    for layer in config.value_layers:
        shapes[f"value_embeddings.{layer}.weight"] = (V, K * D)
    for layer in range(config.n_layer):
        block = f"blocks.{layer}"
        shapes[f"{block}.attention.query.weight"] = (H * D, C)
        shapes[f"{block}.attention.key.weight"] = (K * D, C)
        shapes[f"{block}.attention.value.weight"] = (K * D, C)
        shapes[f"{block}.attention.output.weight"] = (C, H * D)
        if layer in config.value_layers:
            shapes[f"{block}.attention.value_gate.weight"] = (K, VALUE_GATE_CHANNELS)
        shapes[f"{block}.mlp.up.weight"] = (F, C)
        shapes[f"{block}.mlp.down.weight"] = (C, F)
    shapes["head.weight"] = (V, C)
    if config.smear:
        shapes["smear_gate.weight"] = (1, SMEAR_GATE_CHANNELS)
    return shapes


def part_of(name: str) -> str:
    """The part of `count_parameters` that a tensor is counted in; "" for a name no model here has.

    >>> part_of("blocks.3.attention.query.weight"), part_of("blocks.3.attention.value_gate.weight")
    ('attention', 'value gates')
    >>> part_of("lm_head.weight")
    ''
    """
    words = name.split(".")
    if words[0] != "blocks":
        return OTHER_PARTS.get(words[0], "")
    if len(words) < 4 or not words[1].isdecimal():
        return ""
    return "value gates" if words[3] == "value_gate" else BLOCK_PARTS.get(words[2], "")


def state_rows(config: GPTConfig) -> dict[str, int]:
    """Every state the optimizer keeps, under its name in a checkpoint, and how many rows it has.

    Muon keeps momentum and variance of each matrix in a block, AdamW two averages and a count of steps of all
    else (`nanochat.train.optimizer`). A checkpoint may hold the rows in several pieces.

    >>> rows = state_rows(GPTConfig.core(n_layer=1, n_embd=64, n_head=2, n_kv_head=2, vocab_size=256))
    >>> rows["momentum/blocks.0.mlp.down.weight"], rows["variance/blocks.0.mlp.down.weight"]
    (64, 1)
    >>> rows["mean/head.weight"], rows["steps/head.weight"]
    (256, 1)
    """
    rows: dict[str, int] = {}
    for name, shape in tensor_shapes(config).items():
        if name.startswith("blocks."):
            rows[f"momentum/{name}"] = shape[0]
            # NorMuon keeps one number a row, or one a column where the matrix is wide: then it is one row.
            rows[f"variance/{name}"] = shape[0] if shape[0] >= shape[1] else 1
        else:
            rows[f"mean/{name}"] = rows[f"square/{name}"] = shape[0]
            rows[f"steps/{name}"] = 1
    return rows


def state_shape(state: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of one whole state of a tensor of this shape; `state` is the word before the slash.

    >>> state_shape("variance", (64, 256)), state_shape("variance", (256, 64)), state_shape("mean", (4,))
    ((1, 256), (256, 1), (4,))
    """
    if state == "steps":
        return (1,)
    if state == "variance":
        rows, columns = shape
        return (rows, 1) if rows >= columns else (1, columns)
    return shape


def numbers_in(shape: tuple[int, ...]) -> int:
    """How many numbers a tensor of this shape holds.

    >>> numbers_in((3, 4)), numbers_in(())
    (12, 1)
    """
    return math.prod(shape)
