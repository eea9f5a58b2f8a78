"""From the stream to logits as ONNX nodes: the end of an exported model, and a graph of that end alone.

The graph alone is the logit lens (nostalgebraist 2020, "interpreting GPT: the logit lens"). It takes the
stream as it leaves a layer, and gives the logits that the model would come to if later layers did nothing.

    inputs   stream [N, C]     `stream_i` of an exported model (`Form.streams`), N tokens of it
             halfway [N, C]    only of a model with backout: what is taken out of the stream, see below
    outputs  logits [N, V]

Backout takes a part of the stream as it was halfway, `stream_{n_layer // 2 + 1}`, out of the last one. So
that one is `halfway` for every stream after it, and for the last stream the logits are the model's own. For a
stream up to there give zeros: what could be taken out is a part of itself, which makes it shorter, and the
norm makes up for that.

Shapes: N tokens, C channels, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping

from onnx import ModelProto
from torch import Tensor

from nanochat.model.config import GPTConfig
from nanochat.model.layers import EPSILON
from nanochat.model.onnx_graph import FLOAT, Array, Graph

HEAD = "head"  # where these nodes stand


def norm(graph: Graph, x: str, at: str, name: str = "") -> str:
    """The last dimension, scaled to a mean square of 1."""
    mean = graph.add("ReduceMean", graph.add("Mul", x, x, at=at), graph.whole(-1), at=at)
    root = graph.add("Sqrt", graph.add("Add", mean, graph.number(EPSILON), at=at), at=at)
    return graph.add("Div", x, root, at=at, name=name)


def without_halfway(graph: Graph, x: str, halfway: str, strength: Array) -> str:
    """Backout: the stream without a part of what it was halfway."""
    part = graph.add("Mul", halfway, graph.constant(strength, "backout_strength"), at=HEAD)
    return graph.add("Sub", x, part, at=HEAD)


def logits(graph: Graph, x: str, rows_VC: Array, softcap: float) -> None:
    """Norm, head and soft cap, under the name `logits`; `rows_VC` is a row for each word."""
    head = graph.weight("head.weight", rows_VC, transposed=True)
    scores = graph.add("MatMul", norm(graph, x, HEAD), head, at=HEAD)
    cap = graph.number(softcap)
    within = graph.add("Tanh", graph.add("Div", scores, cap, at=HEAD), at=HEAD)
    graph.add("Mul", within, cap, at=HEAD, name="logits")


def lens_model(
    config: GPTConfig, tensors: Mapping[str, Tensor], dtype: str = "fp32",
    metadata: Mapping[str, str] | None = None,
) -> ModelProto:  # fmt: skip
    """The graph of the end alone.

    >>> from nanochat.model.gpt import GPT
    >>> config = GPTConfig(n_layer=1, n_embd=64, n_head=2, n_kv_head=1, vocab_size=64)
    >>> made = lens_model(config, GPT(config).initialize(0).state_dict(), "int8")
    >>> [one.name for one in made.graph.input], [one.name for one in made.graph.output]
    (['stream', 'halfway'], ['logits'])
    """
    graph = Graph(dtype)
    x_NC = graph.input("stream", FLOAT, ["tokens", config.n_embd])
    if config.backout:
        halfway_NC = graph.input("halfway", FLOAT, ["tokens", config.n_embd])
        strength = tensors["backout_strength"].detach().float().cpu().numpy()
        x_NC = without_halfway(graph, x_NC, halfway_NC, strength)
    rows_VC = tensors["head.weight"].detach().float().cpu().numpy()[: config.vocab_size]
    logits(graph, x_NC, rows_VC, config.logit_softcap)
    graph.output("logits", FLOAT, ["tokens", config.vocab_size])
    return graph.model("nanochat-lens", metadata or {})


def halfway_stream(config: GPTConfig, stream: int) -> int | None:
    """Which stream to give as `halfway` for a stream; None: zeros.

    >>> config = GPTConfig(n_layer=4)  # stream_3 leaves the layer from which backout takes
    >>> [halfway_stream(config, stream) for stream in range(5)]
    [None, None, None, None, 3]
    """
    taken = config.n_layer // 2 + 1
    return taken if config.backout and stream > taken else None
