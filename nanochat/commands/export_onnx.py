"""`nanochat export onnx`: write a trained model for ONNX Runtime, in Python or in a browser."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from nanochat.commands.export_flags import check_dtype, export_parser
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

if TYPE_CHECKING:
    from nanochat.data.corpus import Corpus
    from nanochat.train.finished import FinishedRun

DTYPES = ("fp32", "fp16", "int8")
PACKAGES = ("onnx", "onnxruntime")
EVAL_TOKENS = 8_192
EXAMPLES = """examples:
  nanochat export onnx d4 --out d4-onnx
      then, in Python:
      import json, numpy, onnxruntime, tokenizers
      session = onnxruntime.InferenceSession("d4-onnx/model.onnx")
      tokenizer = tokenizers.Tokenizer.from_file("d4-onnx/tokenizer.json")
      config = json.load(open("d4-onnx/config.json"))
      ids = new = [config["bos"], *tokenizer.encode("The sea").ids]
      past = {name: numpy.zeros(one["shape"], one["type"]) for name, one in config["empty_cache"].items()}
      while len(ids) < 32:
          found = session.run(None, {"ids": numpy.array([new]), **past})
          found = dict(zip(config["outputs"], found))
          past = {name.replace("present", "past"): x for name, x in found.items() if "present" in name}
          new = [int(found["logits"].argmax())]
          ids = ids + new
      print(tokenizer.decode(ids))
  nanochat export onnx d4-sft --out d4-web --dtype int8 --attentions --streams --ablations
      a quarter of the size, and all that a page needs to show what goes on inside

The folder holds model.onnx, config.json (what goes in and comes out, special tokens, the form of a chat, bits
per byte before and after) and the tokenizer, in Hugging Face's form and our own. In int8 each weight is one
byte, with a scale for each output of a matrix and each row of a table; arithmetic is in fp32 always."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat export onnx`."""
    about = "Write a trained model as an ONNX graph, its KV cache as inputs and outputs."
    parser = export_parser("nanochat export onnx", about, EXAMPLES, DTYPES)
    parser.add_argument(
        "--all-logits", action="store_true", help="logits after each new token, not after the last alone"
    )
    parser.add_argument("--attentions", action="store_true", help="attention weights of each layer, too")
    parser.add_argument("--streams", action="store_true", help="what enters and leaves each layer, too")
    parser.add_argument(
        "--ablations",
        action="store_true",
        help="inputs that say how much of each head, MLP and extra is kept",
    )
    parser.add_argument(
        "--eval-tokens",
        type=int,
        default=EVAL_TOKENS,
        metavar="N",
        help=f"held-out tokens to measure the loss on; 0: none (default: {EVAL_TOKENS:,})",
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and stop")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but that `run` would refuse."""
    check_dtype(options, DTYPES)
    if options.eval_tokens < 0:
        raise UsageError(f"--eval-tokens {options.eval_tokens}: 0 or more")


def run(options: argparse.Namespace) -> int:
    """Read the run, measure, write the folder."""
    check(options)
    check_packages()
    if options.out.exists():
        raise UserError(f"{options.out} is there already; choose another --out")
    from nanochat.commands.export_onnx_folder import Export
    from nanochat.model.export_onnx import Form
    from nanochat.train.finished import open_run

    form = Form(options.dtype, options.all_logits, options.attentions, options.streams, options.ablations)
    run = open_run(options.run)
    tokenizer, checkpoint = run.tokenizer(options.tokenizer), run.checkpoint(options.step)
    corpus = held_out(run) if options.eval_tokens else None
    what = f"step {checkpoint.step:,} of {run.name} in {options.dtype}"
    if options.dry_run:
        print(f"would write {what} to {options.out}")
        return 0
    loss = Export(run, checkpoint, tokenizer, form, corpus, options.eval_tokens).write(options.out)
    size = sum(path.stat().st_size for path in options.out.glob("model.onnx*"))
    print(f"{what}, {size / 1e6:.1f} MB: {options.out}")
    if loss:
        print(loss)
    return 0


def held_out(run: FinishedRun) -> Corpus | None:
    """The corpus to measure on; None, and a line that says why, where there is none."""
    from nanochat.commands.export_onnx_loss import corpus_of

    try:
        return corpus_of(run)
    except UserError as error:
        print(f"bits per byte are not measured: {error}", file=sys.stderr)
        return None


def check_packages() -> None:
    """Raise `UserError` naming a package that is not there."""
    for package in PACKAGES:
        if find_spec(package) is None:
            raise UserError(f"nanochat export onnx needs the package {package}: pip install 'nanochat[onnx]'")
