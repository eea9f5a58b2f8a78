"""`nanochat bench infer`: how fast this machine writes."""

from __future__ import annotations

import argparse
from typing import Any

from nanochat.commands.measure import result, worker
from nanochat.errors import UserError
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

COLUMNS: dict[str, tuple[str, result.Show]] = {
    "rows": ("texts at once", result.whole),
    "tokens_per_second": ("tokens/s", result.whole),
    "step_seconds": ("a step", result.seconds),
    "bandwidth_share": ("of the memory's speed", result.percent),
    "first_token_seconds": ("first token", result.seconds),
    "prefill_tokens_per_second": ("prefill, tokens/s", result.whole),
}
EXAMPLES = """examples:
  nanochat bench infer
      a d8 with 4,096 words: one text, eight and 64 at once, after a prompt of 256 tokens
  nanochat bench infer --depth 12 --vocab-size 32768 --batches 1,32
      another model, other numbers of texts
  nanochat bench infer --kv-heads 1
      one head of keys and values for all heads of queries"""


def make_parser() -> OneLineParser:
    """The flags of the shape are those of `nanochat train base`."""
    parser = OneLineParser(
        prog="nanochat bench infer",
        description=(
            "Measure how fast a model of chance weights writes: tokens a second for one text and for many\n"
            "at once, the time to the first token, and the share of the memory's speed that is reached."
        ),
        epilog=EXAMPLES,
    )
    for flag, default, words in (
        ("depth", 8, "layers"),
        ("head-dim", 128, "channels of a head"),
        ("vocab-size", 4_096, "words"),
        ("seq-len", 2_048, "tokens of context"),
        ("prompt", 256, "tokens of the prompt"),
        ("steps", 60, "tokens to time"),
        ("repeats", 3, "processes; the fastest counts"),
    ):
        parser.add_argument(
            f"--{flag}", type=int, default=default, metavar="N", help=f"{words} (default: {default})"
        )
    parser.add_argument("--kv-heads", type=int, metavar="N", help="heads of keys and values (default: all)")
    parser.add_argument("--batches", default="1,8,64", metavar="N,…", help="texts at once (default: 1,8,64)")
    parser.add_argument("--dtype", default="auto", help="auto, bf16, fp16 or fp32 (default: auto)")
    result.add_output(parser)
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags that make no sense."""
    for name in ("depth", "head_dim", "vocab_size", "seq_len", "prompt", "steps", "repeats"):
        if getattr(options, name) < 1:
            raise UsageError(f"--{name.replace('_', '-')} {getattr(options, name)} must be at least 1")
    if options.dtype not in ("auto", "bf16", "fp16", "fp32"):
        raise UsageError(f"--dtype {options.dtype}: choose auto, bf16, fp16, fp32")
    if options.prompt + options.steps + 3 > options.seq_len:
        needed = options.prompt + options.steps + 3
        raise UsageError(f"--prompt and --steps need {needed:,} tokens of context; use --seq-len {needed}")
    batches_of(options)
    try:
        model_of(options)
    except UserError as error:
        raise UsageError(str(error)) from None


def batches_of(options: argparse.Namespace) -> list[int]:
    """The numbers of texts."""
    words = options.batches.split(",")
    if not all(word.strip().isdecimal() and int(word) > 0 for word in words):
        raise UsageError(f"--batches {options.batches}: whole numbers with commas, for example 1,8,64")
    return [int(word) for word in words]


def model_of(options: argparse.Namespace) -> dict[str, Any]:
    """The fields of the model's config."""
    from nanochat.train.run_plan import model_config
    from nanochat.train.settings import Settings

    settings = Settings(
        depth=options.depth, head_dim=options.head_dim, seq_len=options.seq_len, kv_heads=options.kv_heads
    )
    return model_config(settings.checked(), options.vocab_size).to_dict()


def run(options: argparse.Namespace) -> int:
    """Measure in some processes, and keep the fastest figure of each kind."""
    check(options)
    question = {
        "model": model_of(options), "dtype": options.dtype, "prompt": options.prompt,
        "steps": options.steps, "batches": batches_of(options),
    }  # fmt: skip
    if options.dry_run:
        shown = ", ".join(map(str, question["batches"]))
        print(f"would time {options.steps} tokens of {shown} texts at once, in {options.repeats} processes")
        return 0
    runs = [worker.ask("inferring", question) for _ in range(options.repeats)]
    first, *others = [
        best_of([run["rows"][place] for run in runs], runs) for place in range(len(question["batches"]))
    ]
    first["first_token_seconds"] = min(run["first_token_seconds"] for run in runs)
    first["prefill_tokens_per_second"] = max(run["prefill_tokens_per_second"] for run in runs)
    settings = question["model"] | {
        "parameters": runs[0]["parameters"], "dtype": runs[0]["dtype"], "prompt": options.prompt,
        "steps": options.steps, "bandwidth": max(run["bandwidth"] for run in runs),
        "bytes_read": runs[0]["bytes_read"], "repeats": options.repeats,
    }  # fmt: skip
    words = result.given_words(options, make_parser())
    made = result.make("infer", words, settings, [first, *others], runs[0]["machine"])
    return result.hand_over(made, COLUMNS, options)


def best_of(rows: list[dict[str, Any]], runs: list[dict[str, Any]]) -> dict[str, Any]:
    """One row: the fastest of all processes, and the share of the memory's speed that it reached.

    >>> rows = [{"rows": 8, "tokens_per_second": 80.0, "step_seconds": 0.1, "cache_bytes": 5}]
    >>> best_of(rows, [{"bandwidth": 1000, "bytes_read": 45}])["bandwidth_share"]
    0.5
    """
    best = max(rows, key=lambda row: float(row["tokens_per_second"]))
    read = runs[0]["bytes_read"] + best["cache_bytes"]
    share = read / best["step_seconds"] / max(run["bandwidth"] for run in runs)
    return {
        **best,
        "tokens_per_second_of_each": [row["tokens_per_second"] for row in rows],
        "bandwidth_share": round(share, 4),
    }
