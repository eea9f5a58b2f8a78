"""What is lost on the way to ONNX: bits per byte of a model in PyTorch, and of what was exported.

Both read the same held-out text, so even a small difference is one between the models. ONNX Runtime is given
each document by itself; in PyTorch a row of several has their numbers beside it, which comes to the same.

Shapes: B batch, T time, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor

from nanochat.data.corpus import Corpus, open_corpus
from nanochat.data.loader import make_loader
from nanochat.errors import UserError
from nanochat.evaluation.bits_per_byte import NatsPerToken, sums
from nanochat.evaluation.statistics import bits
from nanochat.model.export_onnx import Form, empty_cache, onnx_model
from nanochat.model.gpt import GPT
from nanochat.model.onnx_graph import save
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.train.finished import FinishedRun, open_run


@dataclass(frozen=True)
class Loss:
    """Bits per byte before and after, and of which text.

    >>> print(Loss(before=1.5, after=1.502, corpus="classics", tokens=8_192, text_bytes=32_000))
    bits per byte on 8,192 tokens of classics: 1.5000 in PyTorch, 1.5020 exported (+0.0020)
    """

    before: float  # PyTorch, fp32
    after: float
    corpus: str
    tokens: int
    text_bytes: int

    def __str__(self) -> str:
        return (
            f"bits per byte on {self.tokens:,} tokens of {self.corpus}: {self.before:.4f} in PyTorch, "
            f"{self.after:.4f} exported ({round(self.after - self.before, 4) + 0:+.4f})"
        )


def corpus_of(run: FinishedRun) -> Corpus:
    """The corpus that a run was trained on, or the base model that it began with.

    Raises `UserError` if there is none, or another now.
    """
    while "corpus" not in run.config:
        if "origin" not in run.config:
            raise UserError(f"{run.name} was trained on no corpus")
        run = open_run(run.config["origin"]["folder"])
    about = run.config["corpus"]
    corpus = open_corpus(about["name"])
    if corpus.fingerprint != about["fingerprint"]:
        raise UserError(f"the corpus {corpus.name!r} is not the one that {run.name} was trained with")
    return corpus


def measure(
    model: GPT, dtype: str, corpus: Corpus, tokenizer: FastTokenizer, tokens: int, folder: Path
) -> Loss:
    """Both on the first tokens of the validation shard, in whole rows; `folder` is for files on the way."""
    config = model.config
    path = folder / "measured.onnx"
    save(onnx_model(config, model.state_dict(), Form(dtype, all_logits=True)), path)
    rows = -(-tokens // config.sequence_len)
    with make_loader(corpus, tokenizer, "validation", 1, config.sequence_len) as loader:
        batches = list(islice(loader, rows))
    lengths_V, device = torch.tensor(tokenizer.byte_lengths()), torch.device("cpu")
    before, n_bytes = sums(model.nats_per_token, batches, lengths_V, device)
    after, _ = sums(nats_of(onnxruntime.InferenceSession(path), model), batches, lengths_V, device)
    found = sum(int((batch.targets_BT >= 0).sum()) for batch in batches)
    return Loss(bits(before, n_bytes), bits(after, n_bytes), corpus.name, found, int(n_bytes))


def nats_of(session: Any, model: GPT) -> NatsPerToken:
    """The loss of each token, [B, T], by an exported model that gives all logits."""
    past = {name: np.zeros(one["shape"], one["type"]) for name, one in empty_cache(model.config).items()}

    def nats(ids_BT: Tensor, targets_BT: Tensor, documents_BT: Tensor) -> Tensor:
        nats_BT = torch.zeros(targets_BT.shape)
        for row, documents_T in enumerate(documents_BT):
            for piece in pieces(documents_T):
                given = {"ids": ids_BT[row : row + 1, piece].numpy(), **past}
                logits_TV = torch.from_numpy(session.run(["logits"], given)[0][0])
                nats_BT[row, piece] = F.cross_entropy(
                    logits_TV, targets_BT[row, piece], ignore_index=-1, reduction="none"
                )
        return nats_BT

    return nats


def pieces(documents_T: Tensor) -> list[slice]:
    """Where each document of a row lies.

    >>> pieces(torch.tensor([0, 0, 1]))
    [slice(0, 2, None), slice(2, 3, None)]
    """
    counts = torch.unique_consecutive(documents_T, return_counts=True)[1]
    ends = counts.cumsum(0).tolist()
    return [slice(end - count, end) for end, count in zip(ends, counts.tolist(), strict=True)]
