"""The folder that `nanochat export onnx` writes: the model, what there is to know of it, its tokenizer."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

import nanochat
from nanochat.commands.export_onnx_loss import Loss, measure
from nanochat.data.corpus import Corpus
from nanochat.model.config import GPTConfig
from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.onnx_graph import described, save
from nanochat.tokenizer.chat import PARTS
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.huggingface import write_tokenizer
from nanochat.train.checkpoint_meta import MODEL
from nanochat.train.finished import FinishedRun
from nanochat.train.stored import Checkpoint

STOPS = ("<|assistant_end|>", "<|bos|>")
# What `render_conversation` writes around each part of a chat.
CHAT: dict[str, Any] = {
    "begin": "<|bos|>",
    "user": ["<|user_start|>", "<|user_end|>"],
    "assistant": ["<|assistant_start|>", "<|assistant_end|>"],
    **{part: [start, end] for part, (start, end, _) in PARTS.items() if start},
}


@dataclass(frozen=True)
class Export:
    """All that decides what is written."""

    run: FinishedRun
    checkpoint: Checkpoint
    tokenizer: FastTokenizer
    form: Form
    corpus: Corpus | None  # to measure the loss on
    eval_tokens: int

    def write(self, out: Path) -> Loss | None:
        """Write everything beside the place, then give it its name; returns what was lost, if measured."""
        config = self.run.model_config
        model = self.run.model(self.checkpoint, torch.device("cpu"), torch.float32)
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
        try:
            new = beside / "new"  # with the rights of an ordinary folder; mkdtemp's is for its owner alone
            new.mkdir()
            loss = None
            if self.corpus is not None:
                loss = measure(model, self.form.dtype, self.corpus, self.tokenizer, self.eval_tokens, beside)
            about = self.about(loss)
            metadata = {name: json.dumps(value) for name, value in about.items()}
            made = onnx_model(config, model.state_dict(), self.form, metadata)
            about["inputs"], about["outputs"] = described(made.graph.input), described(made.graph.output)
            about["empty_cache"] = empty_cache(config)
            save(made, new / "model.onnx")
            (new / "config.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
            write_tokenizer(self.tokenizer, new, config.sequence_len)
            self.tokenizer.save(new)
            new.rename(out)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
        return loss

    def about(self, loss: Loss | None) -> dict[str, Any]:
        """What there is to know beside inputs and outputs; the model's file carries it, too."""
        run, checkpoint = self.run, self.checkpoint
        of_run = {
            "name": run.name, "stage": run.stage, "step": checkpoint.step, "sha256": checkpoint.hashes[MODEL],
        }  # fmt: skip
        measured = asdict(loss) if loss else None
        return about_model(of_run, run.model_config, self.form, self.tokenizer, measured)


def about_model(
    run: Mapping[str, Any], config: GPTConfig, form: Form, tokenizer: FastTokenizer,
    bits_per_byte: Mapping[str, Any] | None,
) -> dict[str, Any]:  # fmt: skip
    """What there is to know of an exported model, ready for JSON; `run` says whose weights they are."""
    specials = tokenizer.special_tokens
    return {
        "made_with": f"nanochat {nanochat.__version__}",
        "run": dict(run),
        "model": config.to_dict(),
        "dtype": form.dtype,
        "bits_per_byte": bits_per_byte,
        "bos": tokenizer.bos,
        "stops": [specials[text] for text in STOPS if text in specials],
        "special_tokens": specials,
        "chat": CHAT,
    }
