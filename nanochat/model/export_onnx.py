"""A trained model as an ONNX graph with its KV cache as inputs and outputs: ONNX Runtime gives our logits.

    inputs   ids [B, T]                  the new tokens; below 0 is padding, on the left of shorter rows
             past_ids [B, P]             the tokens before them; P is 0 at first
             past_key_i, past_value_i    of layer i, [B, K, P, D]
    outputs  logits [B, V]               after the last token; or [B, T, V]
             present_ids, present_key_i, present_value_i

Writing a text follows one rule: what a call gives as `present` is the next call's `past`. A layer with a
sliding window keeps what its next token can see, so its P grows no further than window - 1.

The whole model is there, with all extras of `nanochat.model.gpt`. What is done in another way:

- queries, keys and values are one product, their matrices one above the other
- `qk_scale` is part of the tables of cosine and sine
- queries that share a head of keys stand one after another like more tokens, so that no key is copied
- the rows that pad the vocabulary are left out

Shapes: B batch, T new time, P time before, S = P + T, C channels, H heads of queries, K heads of keys and
values, D head width, F channels inside, V vocabulary, L layers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import ModelProto
from torch import Tensor

from nanochat.model import onnx_lens
from nanochat.model.attention import LARGEST_GATE
from nanochat.model.config import SMEAR_GATE_CHANNELS, VALUE_GATE_CHANNELS, GPTConfig
from nanochat.model.onnx_graph import FLOAT, INT64, Array, Graph, Shape
from nanochat.model.onnx_text import Text

END = 2**62  # of a slice that goes on to the end


@dataclass(frozen=True)
class Form:
    """How a model is written, and what it has beside logits and cache."""

    dtype: str = "fp32"  # of the weights in the file; or fp16, int8
    all_logits: bool = False  # of every new token, not of the last alone
    attentions: bool = False  # outputs attention_i [B, H, T, S]
    streams: bool = False  # outputs stream_i [B, T, C]: what enters layer i; stream_L is what leaves the last
    ablations: bool = False  # inputs keep_...: how much of each part is kept, see `switches`


PLAIN = Form()


def onnx_model(
    config: GPTConfig,
    tensors: Mapping[str, Tensor],
    form: Form = PLAIN,
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:
    """The graph of a model with these weights; `metadata` is kept in the file.

    >>> from nanochat.model.gpt import GPT
    >>> config = GPTConfig.core(n_layer=1, n_embd=8, n_head=2, n_kv_head=1, vocab_size=64)
    >>> made = onnx_model(config, GPT(config).initialize(0).state_dict())
    >>> [one.name for one in made.graph.input]
    ['ids', 'past_ids', 'past_key_0', 'past_value_0']
    >>> [one.name for one in made.graph.output]
    ['logits', 'present_ids', 'present_key_0', 'present_value_0']
    """
    arrays = {name: tensor.detach().float().cpu().numpy() for name, tensor in tensors.items()}
    return Writer(config, arrays, form).write(metadata or {})


def empty_cache(config: GPTConfig) -> dict[str, dict[str, Any]]:
    """Type and shape of the inputs called `past` when one row has read nothing yet.

    >>> for name, about in empty_cache(GPTConfig.core(n_layer=1)).items():
    ...     print(name, about)
    past_ids {'type': 'int64', 'shape': [1, 0]}
    past_key_0 {'type': 'float32', 'shape': [1, 6, 0, 128]}
    past_value_0 {'type': 'float32', 'shape': [1, 6, 0, 128]}
    """
    of_layer = {"type": "float32", "shape": [1, config.n_kv_head, 0, config.head_dim]}
    names = [f"past_{what}_{layer}" for layer in range(config.n_layer) for what in ("key", "value")]
    return {"past_ids": {"type": "int64", "shape": [1, 0]}, **dict.fromkeys(names, of_layer)}


def switches(config: GPTConfig) -> dict[str, list[int]]:
    """The inputs of `Form.ablations` and their shapes: numbers by which a part is multiplied, 1 to keep it.

    - `keep_attention` [L, H]: what each head mixed, before the output matrix; all heads of a layer together
      are its attention
    - `keep_mlp` [L]: what each MLP adds to the stream
    - `keep_value_embeddings` [L]: what is added to the values, in the layers that have such a table
    - `keep_x0` [L]: the part of the first vectors that is mixed in before each layer
    - `keep_smear` [1]: the previous token's part in the first vectors
    - `keep_backout` [1]: the part of the halfway stream that is taken out before the head

    Those of extras are there if the model has the extra. The residual scalars only set how loud the stream is
    beside what is added, so there is nothing to leave out.

    >>> switches(GPTConfig(n_layer=2, n_head=6, value_embeddings=False))
    {'keep_attention': [2, 6], 'keep_mlp': [2], 'keep_x0': [2], 'keep_smear': [1], 'keep_backout': [1]}
    """
    L = config.n_layer
    found = {"attention": [L, config.n_head], "mlp": [L]}
    if config.value_layers:
        found["value_embeddings"] = [L]
    if config.x0_scalars:
        found["x0"] = [L]
    if config.smear:
        found["smear"] = [1]
    if config.backout:
        found["backout"] = [1]
    return {f"keep_{what}": shape for what, shape in found.items()}


class Writer:
    """A model as it is written; each method adds a part, in the order of `nanochat.model.gpt`."""

    def __init__(self, config: GPTConfig, arrays: Mapping[str, Array], form: Form) -> None:
        self.config, self.arrays, self.form = config, arrays, form
        self.windows = config.windows()
        self.graph = Graph(form.dtype)
        self.inputs()
        self.text = Text(self.graph, config)

    def write(self, metadata: Mapping[str, str]) -> ModelProto:
        """The whole model."""
        text = self.text
        angles = text.angles()
        masks = {
            window: text.mask(window, f"past_key_{self.windows.index(window)}")
            for window in dict.fromkeys(self.windows)
        }
        first_BTC = halfway_BTC = x_BTC = self.first_vectors()
        for layer, window in enumerate(self.windows):
            x_BTC = self.scaled(layer, x_BTC, first_BTC)
            x_BTC = self.attention(layer, x_BTC, angles, masks[window])
            x_BTC = self.mlp(layer, x_BTC)
            if layer == self.config.n_layer // 2:
                halfway_BTC = x_BTC
        if self.config.backout:
            halfway_BTC = self.kept_part(halfway_BTC, "backout", "head")
        self.logits(x_BTC, halfway_BTC)
        self.outputs()
        return self.graph.model("nanochat", metadata)

    # ---- inputs and outputs ----

    def inputs(self) -> None:
        """What a call is given."""
        graph, L = self.graph, self.config.n_layer
        graph.input("ids", INT64, ["batch", "new"])
        graph.input("past_ids", INT64, ["batch", "past"])
        for layer in range(L):
            for what in ("key", "value"):
                graph.input(f"past_{what}_{layer}", FLOAT, self.cache_shape(layer, "past"))
        if self.form.ablations:
            for name, shape in switches(self.config).items():
                graph.input(name, FLOAT, shape)

    def outputs(self) -> None:
        """What a call gives back."""
        graph, config, L = self.graph, self.config, self.config.n_layer
        time = ["new"] if self.form.all_logits else []
        graph.output("logits", FLOAT, ["batch", *time, config.vocab_size])
        graph.output("present_ids", INT64, ["batch", "all"])
        for layer in range(L):
            for what in ("key", "value"):
                graph.output(f"present_{what}_{layer}", FLOAT, self.cache_shape(layer, "all"))
        for layer in range(L if self.form.attentions else 0):
            seen = "all" if self.is_long(layer) else "past_kept + new"
            graph.output(f"attention_{layer}", FLOAT, ["batch", config.n_head, "new", seen])
        for layer in range(L + 1 if self.form.streams else 0):
            graph.output(f"stream_{layer}", FLOAT, ["batch", "new", config.n_embd])

    def cache_shape(self, layer: int, time: str) -> Shape:
        """Keys or values of a layer."""
        config = self.config
        return ["batch", config.n_kv_head, time if self.is_long(layer) else f"{time}_kept", config.head_dim]

    def is_long(self, layer: int) -> bool:
        """Whether a layer sees the whole context."""
        return self.windows[layer] >= self.config.sequence_len

    # ---- the model ----

    def first_vectors(self) -> str:
        """What enters the stream: a token's vector, normalised, and a part of the one before."""
        graph, at = self.graph, "embedding"
        if not self.config.smear:
            return self.norm(self.rows("embedding.weight", self.text.ids_BT, at), at, name="stream_0")
        x_BTC = self.norm(self.rows("embedding.weight", self.text.ids_BT, at), at)
        at = "smear"
        before_BT, there_BT1 = self.text.before(at)
        before_BTC = self.norm(self.rows("embedding.weight", before_BT, at), at)
        gate_BT1 = self.gate(x_BTC, "smear_gate.weight", SMEAR_GATE_CHANNELS, at)
        gate_BT1 = graph.add("Mul", gate_BT1, self.small("smear_strength"), at=at)
        gate_BT1 = self.kept_part(graph.add("Mul", gate_BT1, there_BT1, at=at), "smear", at)
        return graph.add("Add", x_BTC, graph.add("Mul", gate_BT1, before_BTC, at=at), at=at, name="stream_0")

    def scaled(self, layer: int, x_BTC: str, first_BTC: str) -> str:
        """The stream times the layer's residual scalar, and a part of the first vectors."""
        graph, config, at = self.graph, self.config, f"layer_{layer}"
        if config.residual_scalars:
            x_BTC = graph.add("Mul", x_BTC, self.small("residual_scalars", layer), at=at)
        if config.x0_scalars:
            part_BTC = graph.add("Mul", first_BTC, self.small("x0_scalars", layer), at=at)
            part_BTC = self.kept_part(part_BTC, "x0", at, layer)
            x_BTC = graph.add("Add", x_BTC, part_BTC, at=at)
        return x_BTC

    def attention(self, layer: int, x_BTC: str, angles: tuple[str, str], mask_B1TS: str) -> str:
        """The stream and what attention adds to it."""
        graph, config, at = self.graph, self.config, f"layer_{layer}/attention"
        H, K, D = config.n_head, config.n_kv_head, config.head_dim
        queries_keys, v_BTKD = self.project(layer, self.norm(x_BTC, at), at)
        turned = self.rotated(self.norm(queries_keys, at), angles, at)
        q_BTHD, k_BTKD = graph.add_all("Split", turned, graph.whole(H, K), at=at, count=2, axis=2)
        q_BHTD = graph.add("Transpose", q_BTHD, at=at, perm=[0, 2, 1, 3])
        k_BKSD, v_BKSD = self.kept(layer, "key", k_BTKD, at), self.kept(layer, "value", v_BTKD, at)
        q_BHTD = graph.add("Mul", q_BHTD, graph.number(D**-0.5), at=at)
        k_BKDS = graph.add("Transpose", k_BKSD, at=at, perm=[0, 1, 3, 2])
        q_BKTD = graph.add("Reshape", q_BHTD, graph.whole(0, K, -1, D), at=at) if K < H else q_BHTD
        scores_BHTS = graph.add("MatMul", q_BKTD, k_BKDS, at=at)
        if K < H:
            scores_BHTS = graph.add("Reshape", scores_BHTS, graph.whole(0, H, -1, 0), at=at)
        scores_BHTS = graph.add("Add", scores_BHTS, mask_B1TS, at=at)
        weights_BKTS = graph.add("Softmax", scores_BHTS, at=at, axis=3, name=f"attention_{layer}")
        if K < H:
            weights_BKTS = graph.add("Reshape", weights_BKTS, graph.whole(0, K, -1, 0), at=at)
        mixed_BHTD = graph.add("MatMul", weights_BKTS, v_BKSD, at=at)
        if K < H:
            mixed_BHTD = graph.add("Reshape", mixed_BHTD, graph.whole(0, H, -1, D), at=at)
        mixed_BTHD = graph.add("Transpose", mixed_BHTD, at=at, perm=[0, 2, 1, 3])
        mixed_BTHD = self.kept_part(mixed_BTHD, "attention", at, layer)
        mixed_BTC = graph.add("Reshape", mixed_BTHD, graph.whole(0, 0, H * D), at=at)
        added_BTC = self.product(mixed_BTC, f"blocks.{layer}.attention.output.weight", at)
        return graph.add("Add", x_BTC, added_BTC, at=at)

    def project(self, layer: int, x_BTC: str, at: str) -> tuple[str, str]:
        """Queries and keys together, [B, T, H + K, D], and values, [B, T, K, D]."""
        graph, config, name = self.graph, self.config, f"blocks.{layer}.attention"
        H, K, D = config.n_head, config.n_kv_head, config.head_dim
        matrices = [self.arrays[f"{name}.{part}.weight"] for part in ("query", "key", "value")]
        matrix = graph.weight(f"{name}.query_key_value.weight", np.concatenate(matrices), transposed=True)
        all_BTF = graph.add("MatMul", x_BTC, matrix, at=at)
        heads = graph.add("Reshape", all_BTF, graph.whole(0, 0, H + 2 * K, D), at=at)
        queries_keys, v_BTKD = graph.add_all("Split", heads, graph.whole(H + K, K), at=at, count=2, axis=2)
        if layer not in config.value_layers:
            return queries_keys, v_BTKD
        more_BTF = self.rows(f"value_embeddings.{layer}.weight", self.text.ids_BT, at)
        more_BTKD = graph.add("Reshape", more_BTF, graph.whole(0, 0, K, D), at=at)
        gate_BTK = self.gate(x_BTC, f"{name}.value_gate.weight", VALUE_GATE_CHANNELS, at)
        gate_BTK = graph.add("Mul", gate_BTK, graph.number(LARGEST_GATE), at=at)
        gate_BTK = self.kept_part(gate_BTK, "value_embeddings", at, layer)
        gate_BTK1 = graph.add("Unsqueeze", gate_BTK, graph.whole(3), at=at)
        return queries_keys, graph.add("Add", v_BTKD, graph.add("Mul", gate_BTK1, more_BTKD, at=at), at=at)

    def rotated(self, x_BTHD: str, angles: tuple[str, str], at: str) -> str:
        """Queries and keys, turned by their place."""
        graph, half = self.graph, self.config.head_dim // 2
        cos_T1D, sin_T1D = angles
        first, second = graph.add_all("Split", x_BTHD, graph.whole(half, half), at=at, count=2, axis=3)
        swapped_BTHD = graph.add("Concat", second, first, at=at, axis=3)
        across_BTHD = graph.add("Mul", swapped_BTHD, sin_T1D, at=at)
        return graph.add("Add", graph.add("Mul", x_BTHD, cos_T1D, at=at), across_BTHD, at=at)

    def kept(self, layer: int, what: str, new_BTKD: str, at: str) -> str:
        """All keys or values that a layer reads, [B, K, S, D]; what the next call needs is an output."""
        graph, past, present = self.graph, f"past_{what}_{layer}", f"present_{what}_{layer}"
        new_BKTD = graph.add("Transpose", new_BTKD, at=at, perm=[0, 2, 1, 3])
        if self.is_long(layer):
            return graph.add("Concat", past, new_BKTD, at=at, axis=2, name=present)
        all_BKSD = graph.add("Concat", past, new_BKTD, at=at, axis=2)
        first = graph.whole(1 - self.windows[layer])
        graph.add("Slice", all_BKSD, first, graph.whole(END), graph.whole(2), at=at, name=present)
        return all_BKSD

    def mlp(self, layer: int, x_BTC: str) -> str:
        """The stream and what the MLP adds to it: what leaves the layer."""
        graph, at = self.graph, f"layer_{layer}/mlp"
        up_BTF = self.product(self.norm(x_BTC, at), f"blocks.{layer}.mlp.up.weight", at)
        above_0_BTF = graph.add("Relu", up_BTF, at=at)
        inside_BTF = graph.add("Mul", above_0_BTF, above_0_BTF, at=at)
        added_BTC = self.product(inside_BTF, f"blocks.{layer}.mlp.down.weight", at)
        added_BTC = self.kept_part(added_BTC, "mlp", at, layer)
        return graph.add("Add", x_BTC, added_BTC, at=at, name=f"stream_{layer + 1}")

    def logits(self, x_BTC: str, halfway_BTC: str) -> None:
        """Backout, norm, head and soft cap."""
        graph, config = self.graph, self.config
        if config.backout:
            x_BTC = onnx_lens.without_halfway(graph, x_BTC, halfway_BTC, self.arrays["backout_strength"])
        if not self.form.all_logits:
            last = graph.constant(np.array(-1), "int[-1]")
            x_BTC = graph.add("Gather", x_BTC, last, at=onnx_lens.HEAD, axis=1)
        onnx_lens.logits(graph, x_BTC, self.words("head.weight"), config.logit_softcap)

    # ---- what they are made of ----

    def words(self, name: str) -> Array:
        """A table or matrix with a row for each word, without the rows that pad the vocabulary."""
        return self.arrays[name][: self.config.vocab_size]

    def product(self, x: str, name: str, at: str) -> str:
        """`x` times the transpose of a matrix."""
        return self.graph.add("MatMul", x, self.graph.weight(name, self.arrays[name], transposed=True), at=at)

    def rows(self, name: str, ids: str, at: str) -> str:
        """The rows of a table of words."""
        return self.graph.add("Gather", self.graph.weight(name, self.words(name)), ids, at=at)

    def small(self, name: str, layer: int | None = None) -> str:
        """A weight that is a number or a few; it stays in fp32."""
        if layer is None:
            return self.graph.constant(self.arrays[name], name)
        return self.graph.constant(self.arrays[name][layer], f"{name}.{layer}")

    def norm(self, x: str, at: str, name: str = "") -> str:
        """The last dimension, scaled to a mean square of 1."""
        return onnx_lens.norm(self.graph, x, at, name)

    def gate(self, x_BTC: str, name: str, channels: int, at: str) -> str:
        """Numbers between 0 and 1, from the first channels."""
        graph = self.graph
        few = graph.add("Slice", x_BTC, graph.whole(0), graph.whole(channels), graph.whole(2), at=at)
        matrix = graph.constant(self.arrays[name].T, name)
        return graph.add("Sigmoid", graph.add("MatMul", few, matrix, at=at), at=at)

    def kept_part(self, x: str, what: str, at: str, layer: int | None = None) -> str:
        """A part of the model, times what the caller keeps of it: one number, or one for each head."""
        graph, keep = self.graph, f"keep_{what}"
        if not self.form.ablations:
            return x
        if layer is not None:
            number = graph.constant(np.array(layer), f"int[{layer}]")
            keep = graph.add("Gather", keep, number, at=at)
        if what == "attention":  # [H] beside [B, T, H, D]
            keep = graph.add("Unsqueeze", keep, graph.whole(1), at=at)
        return graph.add("Mul", x, keep, at=at)
