"""A small model of PyTorch as the model of a page: exported, and run by ONNX Runtime in this process."""

from __future__ import annotations

from pathlib import Path

from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.gpt import GPT
from nanochat.model.onnx_graph import described, save
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.live.model import LiveModel
from web.model_runner import OnnxRunner

FORM = Form(all_logits=True, attentions=True, streams=True, ablations=True)


def live(model: GPT, tokenizer: Tokenizer, folder: Path, stage: str = "base") -> LiveModel:
    """The model in full precision, in a folder of its own."""
    made = onnx_model(model.config, model.state_dict(), FORM)
    save(made, folder / "model.onnx")
    facts = {
        "run": {"name": "small", "stage": stage, "step": 7},
        "model": model.config.to_dict(),
        "dtype": FORM.dtype,
        "files": {"model": {"name": "model.onnx"}},
        "inputs": described(made.graph.input),
        "empty_cache": empty_cache(model.config),
    }
    return LiveModel(facts, tokenizer, OnnxRunner(folder, facts))
