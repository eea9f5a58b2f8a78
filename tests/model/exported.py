"""An exported model as its users run it, and models in which no weight is idle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
import torch
from onnx import ModelProto

from nanochat.model.config import GPTConfig
from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.gpt import GPT

PADDING = -1


def chance_weights(config: GPTConfig, seed: int = 0) -> GPT:
    """Every weight away from its first value."""
    model = GPT(config).initialize(seed).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.2 * torch.randn(parameter.shape, generator=generator)
    return model


def session_of(made: ModelProto | str) -> Any:
    """ONNX Runtime's session, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        made.SerializeToString() if isinstance(made, ModelProto) else made, options
    )


class Exported:
    """A session and the cache that its calls hand on."""

    def __init__(self, model: GPT, form: Form = Form(), rows: int = 1, session: Any = None) -> None:  # noqa: B008
        self.session = session or session_of(onnx_model(model.config, model.state_dict(), form))
        self.outputs = [one.name for one in self.session.get_outputs()]
        self.past = {
            name: np.zeros([rows, *one["shape"][1:]], one["type"])
            for name, one in empty_cache(model.config).items()
        }

    def read(self, ids: Any, **more: Any) -> dict[str, np.ndarray]:
        """All outputs of one call."""
        given = {"ids": np.asarray(ids, dtype=np.int64), **self.past, **more}
        found = dict(zip(self.outputs, self.session.run(None, given), strict=True))
        self.past = {name.replace("present", "past"): one for name, one in found.items() if "present" in name}
        return found

    def logits(self, ids: Any, **more: Any) -> torch.Tensor:
        return torch.from_numpy(self.read(ids, **more)["logits"])


def padded(texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Rows of one length."""
    longest = max(map(len, texts))
    return [[PADDING] * (longest - len(text)) + list(text) for text in texts]
