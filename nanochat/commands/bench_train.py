"""`nanochat bench train`: how fast this machine trains."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from typing import Any

from nanochat.commands.measure import result, worker
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

MODES = ("compiled", "eager")
# On a CPU: the shape that other projects' figures are known for. On a GPU: the depth dial's d12.
CPU_SHAPE = {"depth": 4, "head_dim": 64, "seq_len": 512, "batch_size": 8, "vocab_size": 4_096}
GPU_SHAPE = {"depth": 12, "head_dim": 128, "seq_len": 2_048, "batch_size": 32, "vocab_size": 32_768}
SHAPES = {"cpu": CPU_SHAPE, "gpu": GPU_SHAPE}
COLUMNS: dict[str, tuple[str, result.Show]] = {
    "mode": ("mode", str),
    "tokens_per_second": ("tokens/s", result.whole),
    "mfu": ("MFU", result.percent),
    "memory_bytes": ("memory", result.size),
    "first_step_cold_seconds": ("first step, cold", result.seconds),
    "first_step_warm_seconds": ("warm", result.seconds),
    "matmul_share": ("in matrices", result.percent),
    "attention_share": ("in attention", result.percent),
}
EXAMPLES = """examples:
  nanochat bench train
      the default shape, compiled and not, three times each in turn
  nanochat bench train --depth 20 --device-batch-size 16 --modes compiled --out d20.json
      one shape, kept as JSON
  nanochat bench train --document-tokens 0
      rows without boundaries between documents"""


def make_parser() -> OneLineParser:
    """The flags of the shape are those of `nanochat train base`."""
    parser = OneLineParser(
        prog="nanochat bench train",
        description=(
            "Measure training on token ids by chance: tokens a second, share of the machine's peak (MFU),\n"
            "memory, time to the first step with and without a compile cache. Needs no corpus, no tokenizer."
        ),
        epilog=EXAMPLES,
    )
    shape = parser.add_argument_group("Shape (default: d4 of width 256 on a CPU, d12 on a GPU)")
    for flag, words in (
        ("depth", "layers"),
        ("head-dim", "channels of a head"),
        ("seq-len", "tokens of context"),
        ("batch-size", "sequences a step"),
        ("device-batch-size", "sequences at a time (default: the whole batch, if it fits)"),
        ("vocab-size", "size of the vocabulary"),
    ):
        shape.add_argument(f"--{flag}", type=int, metavar="N", help=words)
    shape.add_argument("--without", default="", metavar="EXTRA,…", help="extras of the model to leave out")
    shape.add_argument(
        "--document-tokens", type=int, default=256, metavar="N",
        help="mean length of a document (default: 256); 0: one document a row",
    )  # fmt: skip
    how = parser.add_argument_group("How")
    how.add_argument("--modes", default=",".join(MODES), help="compiled, eager, or both (default)")
    how.add_argument("--dtype", default="auto", help="auto, bf16, fp16 or fp32 (default: auto)")
    how.add_argument("--fp8", action="store_true", help="the blocks' matrices in FP8 (Hopper and newer)")
    how.add_argument("--checkpointing", action="store_true", help="compute activations twice, keep few")
    how.add_argument("--steps", type=int, default=10, metavar="N", help="steps to time (default: 10)")
    how.add_argument("--warmup", type=int, default=3, metavar="N", help="steps before (default: 3)")
    how.add_argument("--repeats", type=int, default=3, metavar="N", help="processes a mode (default: 3)")
    result.add_output(parser)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense on any machine."""
    for mode in options.modes.split(","):
        if mode not in MODES:
            raise UsageError(f"--modes {options.modes}: choose {' or '.join(MODES)}, or both with a comma")
    for name, least in (("steps", 1), ("warmup", 0), ("repeats", 1), ("document_tokens", 0)):
        if getattr(options, name) < least:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)} must be at least {least}")
    if options.vocab_size is not None and not 1 <= options.vocab_size <= 10**7:
        raise UsageError(f"--vocab-size {options.vocab_size} is out of range; it goes from 1 to 10,000,000")
    try:
        trainer_settings(options, CPU_SHAPE, compiled=True)
    except UserError as error:
        raise UsageError(str(error)) from None


def run(options: argparse.Namespace) -> int:
    """Measure each mode several times in turn, and keep the fastest of each."""
    check(options)
    if options.dry_run:
        print(f"would time {options.steps} steps of {options.modes}, {options.repeats} processes each")
        return 0
    found = measure_all(options, SHAPES[kind_of_machine()])
    return result.hand_over(found, COLUMNS, options)


def kind_of_machine() -> str:
    """Whether there is a GPU to train on."""
    import torch

    return "gpu" if torch.cuda.is_available() else "cpu"


def trainer_settings(options: argparse.Namespace, shape: dict[str, int], compiled: bool) -> dict[str, Any]:
    """The fields of `nanochat.train.settings.Settings` for this question."""
    from nanochat.train.settings import Settings

    names = ("depth", "head_dim", "seq_len", "batch_size")
    asked = {name: getattr(options, name) for name in names}
    found: dict[str, Any] = {name: shape[name] if asked[name] is None else asked[name] for name in names}
    settings = Settings(
        **found, device_batch_size=options.device_batch_size, without=options.without, dtype=options.dtype,
        fp8=options.fp8, checkpointing=options.checkpointing, compile=compiled, steps=1_000_000,
        lr_scale=1e-3,  # nothing can be learnt from chance ids; the loss must only stay a number
    )  # fmt: skip
    return settings.checked().to_dict()


def measure_all(options: argparse.Namespace, shape: dict[str, int]) -> dict[str, Any]:
    """All modes in turn, so that what else the machine does hits each alike."""
    modes = options.modes.split(",")
    runs: dict[str, list[dict[str, Any]]] = {mode: [] for mode in modes}
    cache = tempfile.mkdtemp(prefix="nanochat-bench-")
    try:
        for repeat in range(options.repeats):
            for mode in modes:
                question = {
                    "settings": trainer_settings(options, shape, compiled=mode == "compiled"),
                    "vocab_size": options.vocab_size or shape["vocab_size"],
                    "document_tokens": options.document_tokens,
                    "steps": options.steps,
                    "warmup": options.warmup,
                    "profile": repeat == options.repeats - 1,
                }
                # An empty cache of compiled code for the first, the one it has filled for the others.
                runs[mode].append(worker.ask("training", question, {"TORCHINDUCTOR_CACHE_DIR": cache}))
    finally:
        shutil.rmtree(cache, ignore_errors=True)
    rows = [summary(mode, runs[mode]) for mode in modes]
    some = runs[modes[0]][0]
    settings = some["plan"] | {
        "vocab_size": options.vocab_size or shape["vocab_size"],
        "document_tokens": options.document_tokens,
        "parameters": some["parameters"],
        "flops_per_token": some["flops_per_token"],
        "steps": options.steps,
        "repeats": options.repeats,
    }
    words = result.given_words(options, make_parser())
    return result.make("train", words, settings, rows, some["machine"])


def summary(mode: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row: the fastest run, since all that can happen to the others is to be disturbed.

    >>> base = {"mfu": None, "memory_bytes": 10}
    >>> runs = [
    ...     {"tokens_per_second": speed, "first_step_seconds": s, **base} for speed, s in ((9, 30), (8, 6))
    ... ]
    >>> row = summary("eager", runs)
    >>> row["tokens_per_second"], row["first_step_cold_seconds"], row["first_step_warm_seconds"]
    (9, 30, 6)
    """
    best = max(runs, key=lambda run: float(run["tokens_per_second"]))
    row: dict[str, Any] = {
        "mode": mode,
        "tokens_per_second": best["tokens_per_second"],
        "tokens_per_second_of_each": [run["tokens_per_second"] for run in runs],
        "mfu": best["mfu"],
        "memory_bytes": max(run["memory_bytes"] for run in runs),
        "first_step_cold_seconds": runs[0]["first_step_seconds"],
    }
    if len(runs) > 1:
        row["first_step_warm_seconds"] = min(run["first_step_seconds"] for run in runs[1:])
    return row | {name: runs[-1][name] for name in ("matmul_share", "attention_share") if name in runs[-1]}
