"""`nanochat export hf`: write a trained model for Hugging Face's transformers."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from nanochat.commands.export_flags import check_dtype, export_parser
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser

if TYPE_CHECKING:
    from nanochat.model.config import GPTConfig
    from nanochat.tokenizer.fast import FastTokenizer
    from nanochat.train.stored import Checkpoint

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
EXAMPLES = """examples:
  nanochat train base --depth 4 --without all --name core
  nanochat export hf core --out core-hf
      then, in Python:
      from transformers import AutoModelForCausalLM, AutoTokenizer
      model = AutoModelForCausalLM.from_pretrained("core-hf")
      tokenizer = AutoTokenizer.from_pretrained("core-hf")

transformers has the core of the model, not its extras: value embeddings, windows, smear and so on. A model
that was trained with one is refused, and the extra named."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat export hf`."""
    about = "Write a trained model as NanoChatForCausalLM: config, weights and tokenizer."
    parser = export_parser("nanochat export hf", about, EXAMPLES, DTYPES)
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but that `run` would refuse."""
    check_dtype(options, DTYPES)


def run(options: argparse.Namespace) -> int:
    """Read the run, refuse what cannot be exported, write the folder."""
    check(options)
    from nanochat.model.export import check_exportable
    from nanochat.train.finished import open_run

    if options.out.exists():
        raise UserError(f"{options.out} is there already; choose another --out")
    run = open_run(options.run)
    check_exportable(run.model_config)
    tokenizer, checkpoint = run.tokenizer(options.tokenizer), run.checkpoint(options.step)
    if options.dry_run:
        print(f"would write step {checkpoint.step:,} of {run.name} to {options.out}")
        return 0
    write(run.model_config, checkpoint, tokenizer, options.dtype, options.out)
    print(f"step {checkpoint.step:,} of {run.name}, for transformers: {options.out}")
    return 0


def write(config: GPTConfig, checkpoint: Checkpoint, tokenizer: FastTokenizer, dtype: str, out: Path) -> None:
    """Write everything beside the place, then give it its name."""
    import torch
    from safetensors.torch import save_file

    from nanochat.model.export import huggingface_config, huggingface_tensors
    from nanochat.tokenizer.huggingface import write_tokenizer

    tensors = huggingface_tensors(config, checkpoint.model_tensors())
    kind = getattr(torch, DTYPES[dtype])
    ends = [tokenizer.special_id(text) for text in ("<|assistant_end|>", "<|bos|>")]
    settings = huggingface_config(config, tokenizer.bos, ends, DTYPES[dtype])
    writing_stops = {"bos_token_id": tokenizer.bos, "eos_token_id": ends, "do_sample": True}
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    try:
        new = beside / "new"  # with the rights of an ordinary folder; mkdtemp's is for its owner alone
        new.mkdir()
        save_file(
            {name: one.to(kind) for name, one in tensors.items()}, new / "model.safetensors", {"format": "pt"}
        )
        for name, content in (("config.json", settings), ("generation_config.json", writing_stops)):
            (new / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        # safetensors makes files that only their owner can read.
        shutil.copymode(new / "config.json", new / "model.safetensors")
        write_tokenizer(tokenizer, new, config.sequence_len)
        new.rename(out)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
