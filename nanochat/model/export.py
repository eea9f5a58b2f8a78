"""A trained model as Hugging Face's transformers reads it: class `NanoChatForCausalLM`, the same logits.

That class is the core of our model, so only a model whose extras are off can be exported; the others have
tensors that it has no place for. What agrees, as a test shows with its own code: rotation clockwise, the
first half of a head's channels paired with the second; queries and keys normalised after it, with 1e-6 under
the root; ReLU squared; an untied head; soft-capped logits. What had to be changed: names, and the rows that
pad our vocabulary to a multiple of 64 are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from nanochat.errors import UserError
from nanochat.model.config import GPTConfig
from nanochat.model.layers import EPSILON

ARCHITECTURE = "NanoChatForCausalLM"
BLOCK_NAMES = {
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.output": "self_attn.o_proj",
    "mlp.up": "mlp.fc1",
    "mlp.down": "mlp.fc2",
}


def extras_on(config: GPTConfig) -> list[str]:
    """What this model has and the core has not, as the flags of a run name it.

    >>> extras_on(GPTConfig(n_layer=2, value_embeddings=False, backout=False))
    ['residual-scalars', 'smear', 'windows', 'x0-scalars', 'qk-scale']
    >>> extras_on(GPTConfig.core())
    []
    """
    on = {
        "backout": config.backout,
        "residual-scalars": config.residual_scalars,
        "smear": config.smear,
        "value-embeddings": config.value_embeddings,
        "windows": any(window < config.sequence_len for window in config.windows()),
        "x0-scalars": config.x0_scalars,
        "qk-scale": config.qk_scale != 1,
    }
    return [name for name, is_on in on.items() if is_on]


def check_exportable(config: GPTConfig) -> None:
    """Raise UserError, naming the extras, for a model that is more than the core."""
    if extras := extras_on(config):
        raise UserError(
            f"{ARCHITECTURE} has no {', '.join(extras)}; it can hold a model that was trained without them: "
            "nanochat train base --without all"
        )


def huggingface_config(
    config: GPTConfig, bos: int | None = None, ends: list[int] | None = None, dtype: str = "float32"
) -> dict[str, Any]:
    """The content of `config.json`; `ends` are the ids at which writing stops.

    >>> huggingface_config(GPTConfig.core(vocab_size=50_257))["vocab_size"]  # without the padding
    50257
    """
    check_exportable(config)
    return {
        "architectures": [ARCHITECTURE],
        "model_type": "nanochat",
        "dtype": dtype,
        "vocab_size": config.vocab_size,
        "hidden_size": config.n_embd,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.n_layer,
        "num_attention_heads": config.n_head,
        "num_key_value_heads": config.n_kv_head,
        "max_position_embeddings": config.sequence_len,
        "hidden_act": "relu2",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "rms_norm_eps": EPSILON,
        "rope_parameters": {"rope_type": "default", "rope_theta": config.rope_base},
        "final_logit_softcapping": config.logit_softcap,
        "tie_word_embeddings": False,
        "use_cache": True,
        "bos_token_id": bos,
        "eos_token_id": ends,
        "pad_token_id": None,
    }


def huggingface_tensors(config: GPTConfig, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under their names there. Raises UserError for a tensor that has no place there.

    >>> import torch
    >>> config = GPTConfig.core(n_layer=1, n_embd=8, n_head=2, n_kv_head=2, vocab_size=65)
    >>> found = huggingface_tensors(config, {"head.weight": torch.zeros(128, 8)})
    >>> {name: list(tensor.shape) for name, tensor in found.items()}
    {'lm_head.weight': [65, 8]}
    """
    check_exportable(config)
    return {huggingface_name(name): rows(config, name, tensor) for name, tensor in tensors.items()}


def rows(config: GPTConfig, name: str, tensor: Tensor) -> Tensor:
    """The tensor, an embedding or a head without the rows that pad the vocabulary."""
    return tensor[: config.vocab_size].contiguous() if name in ("embedding.weight", "head.weight") else tensor


def huggingface_name(name: str) -> str:
    """What a tensor of ours is called there.

    >>> huggingface_name("blocks.3.mlp.up.weight")
    'model.layers.3.mlp.fc1.weight'
    """
    if name == "embedding.weight":
        return "model.embed_tokens.weight"
    if name == "head.weight":
        return "lm_head.weight"
    first, _, rest = name.partition(".")
    number, _, inner = rest.partition(".")
    inner = inner.removesuffix(".weight")
    if first != "blocks" or inner not in BLOCK_NAMES:
        raise UserError(f"{ARCHITECTURE} has no place for the tensor {name}")
    return f"model.layers.{number}.{BLOCK_NAMES[inner]}.weight"
