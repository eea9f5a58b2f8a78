"""What every `nanochat export` asks: which run, where to, in which numbers."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from pathlib import Path

from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError


def export_parser(prog: str, about: str, examples: str, dtypes: Collection[str]) -> OneLineParser:
    """A parser with the flags that all exports share."""
    parser = OneLineParser(prog=prog, description=about, epilog=examples)
    parser.add_argument("run", metavar="RUN", help="the run's name, or its folder")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder that is not there yet"
    )
    parser.add_argument("--step", type=int, metavar="N", help="which checkpoint (default: the last)")
    parser.add_argument("--tokenizer", metavar="NAME", help="which tokenizer (default: the run's)")
    parser.add_argument(
        "--dtype", default="fp32", metavar="{" + ",".join(dtypes) + "}", help="of the weights (default: fp32)"
    )
    return parser


def check_dtype(options: argparse.Namespace, dtypes: Collection[str]) -> None:
    """Raise `UsageError` for a type of numbers that the export does not know."""
    if options.dtype not in dtypes:
        raise UsageError(f"--dtype {options.dtype}: use {', '.join(dtypes)}")
