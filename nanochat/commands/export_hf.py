"""`nanochat export hf`: write a trained model for Hugging Face's transformers."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.errors import UserError
from nanochat.home import run_folder, tokenizer_folder
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from nanochat.model.config import GPTConfig
    from nanochat.tokenizer.fast import FastTokenizer
    from nanochat.train.stored import Checkpoint

DTYPES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
RUN_TOKENIZER = "tokenizer"  # the folder in a run's folder
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
    parser = OneLineParser(
        prog="nanochat export hf",
        description="Write a trained model as NanoChatForCausalLM: config, weights and tokenizer.",
        epilog=EXAMPLES,
    )
    parser.add_argument("run", metavar="RUN", help="the run's name, or its folder")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder that is not there yet"
    )
    parser.add_argument("--step", type=int, metavar="N", help="which checkpoint (default: the last)")
    parser.add_argument("--tokenizer", metavar="NAME", help="which tokenizer (default: the run's)")
    parser.add_argument(
        "--dtype", default="fp32", metavar="{" + ",".join(DTYPES) + "}", help="of the weights (default: fp32)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but that `run` would refuse."""
    if options.dtype not in DTYPES:
        raise UsageError(f"--dtype {options.dtype}: use {', '.join(DTYPES)}")


def run(options: argparse.Namespace) -> int:
    """Read the run, refuse what cannot be exported, write the folder."""
    check(options)
    from nanochat.model.config import GPTConfig
    from nanochat.model.export import check_exportable

    if options.out.exists():
        raise UserError(f"{options.out} is there already; choose another --out")
    folder = folder_of(options.run)
    settings = run_settings(folder)
    config = GPTConfig.from_dict(settings["model"])
    check_exportable(config)
    tokenizer = tokenizer_of(folder, settings, options.tokenizer)
    checkpoint = checkpoint_of(folder, options.step)
    if options.dry_run:
        print(f"would write step {checkpoint.step:,} of {folder.name} to {options.out}")
        return 0
    write(config, checkpoint, tokenizer, options.dtype, options.out)
    print(f"step {checkpoint.step:,} of {folder.name}, for transformers: {options.out}")
    return 0


def folder_of(run: str) -> Path:
    """The folder of a run, which is given by its name or its path."""
    folder = Path(run) if "/" in run or Path(run).is_dir() else run_folder(run)
    if not (folder / "config.json").is_file():
        raise UserError(f"there is no run {run!r}: {folder} has no config.json")
    return folder


def run_settings(folder: Path) -> dict[str, Any]:
    """What the run says of itself."""
    path = folder / "config.json"
    try:
        settings: dict[str, Any] = json.loads(path.read_bytes())
        if not isinstance(settings["model"], dict) or not isinstance(settings["tokenizer"], dict):
            raise TypeError
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path} is not the record of a run") from None
    return settings


def tokenizer_of(folder: Path, settings: dict[str, Any], name: str | None) -> FastTokenizer:
    """The tokenizer that the run was trained with: its own copy, else the one of that name."""
    from nanochat.data.loader import open_tokenizer
    from nanochat.tokenizer.fast import FastTokenizer

    own = folder / RUN_TOKENIZER
    asked = settings["tokenizer"]
    if name is None and own.is_dir():
        return FastTokenizer.load(own)
    name = name or str(asked["name"])
    found = open_tokenizer(name)
    if found.fingerprint != asked["fingerprint"]:
        where = tokenizer_folder(name) if "/" not in name else name
        raise UserError(
            f"the tokenizer in {where} is not the one that {folder.name} was trained with; say with "
            "--tokenizer which was"
        )
    return found


def checkpoint_of(folder: Path, step: int | None) -> Checkpoint:
    """The checkpoint asked for, every hash checked."""
    from nanochat.train import checkpoint

    if step is None:
        found = checkpoint.latest(folder)
        if found is None:
            raise UserError(f"{folder.name} has no checkpoint yet")
        return found
    if step not in checkpoint.steps(folder):
        there = ", ".join(map(str, checkpoint.steps(folder))) or "none"
        raise UserError(f"{folder.name} has no checkpoint of step {step}; there are: {there}")
    found = checkpoint.at_step(folder, step)
    found.verify()
    return found


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
