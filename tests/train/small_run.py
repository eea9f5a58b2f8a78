"""A corpus and a tokenizer small enough to train on in a second, and the real command to train with."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from nanochat.data.corpus import Corpus
from nanochat.data.shards import write_shard
from nanochat.home import base_folder, corpora_folder, run_folder, tokenizer_folder
from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer

ROOT = Path(__file__).resolve().parents[2]
# Two layers, 64 wide: a step of 8 × 32 tokens takes a few hundredths of a second.
SIZE = ["--depth", "1", "--head-dim", "32", "--seq-len", "32", "--batch-size", "8", "--no-compile"]
QUIET = ["--eval-every", "0", "--sample-every", "0"]


def prepare(name: str = "classics", tokenizer: str = "default") -> None:
    """Put a corpus and a tokenizer into the base folder."""
    paragraphs = [part.strip() for part in sample_text().split("\n\n") if part.strip()]
    folder = corpora_folder() / name
    folder.mkdir(parents=True)
    train = write_shard(folder / "shard_00000.parquet", paragraphs[10:])
    validation = write_shard(folder / "validation.parquet", paragraphs[:10])
    Corpus(name, folder, (train,), validation, source="Moby-Dick", licence="public domain").save()
    tokenizer_folder(tokenizer).parent.mkdir(parents=True, exist_ok=True)
    FastTokenizer.of(sample_tokenizer()).save(tokenizer_folder(tokenizer))


def command(*words: str) -> list[str]:
    """`nanochat train base` of a small model, as a process."""
    return [sys.executable, "-m", "nanochat", "train", "base", *words]


def environment(**more: str) -> dict[str, str]:
    """One thread, so that every run adds in the same order."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}


def train(*words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        command(*words), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout
    )


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """As in `environment`, for runs in this process; several would only wait for each other here."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def losses(name: str) -> list[tuple[int, float]]:
    """Step and loss of every line of a run's metrics."""
    return [(record["step"], record["loss"]) for record in metrics(name)]


def metrics(name: str) -> list[dict[str, Any]]:
    """Every line of a run's metrics."""
    lines = (run_folder(name) / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def weights(name: str, step: int) -> bytes:
    """A checkpoint's weights as they are on disk."""
    return (run_folder(name) / "checkpoints" / f"step_{step:06d}" / "model.safetensors").read_bytes()


def everything() -> set[str]:
    """Every file and folder under the base folder."""
    return {str(path.relative_to(base_folder())) for path in base_folder().rglob("*")}
