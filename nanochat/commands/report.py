"""`nanochat report`: the report card of a run."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from nanochat.errors import UserError
from nanochat.home import base_folder, run_folder
from tools.core.arguments import OneLineParser
from tools.core.errors import UsageError

EXAMPLES = """examples:
  nanochat report
      of the run that has changed last
  nanochat report d4-rl
      report.md and report.html in the folder of the run; d4-sft and d4, from which it began, are in them
  nanochat report d4-rl --cost-per-hour 2.50
      with the cost of a machine that costs 2.50 dollars an hour
  nanochat report d4-rl --out cards/d4-rl --json
      the two files in another folder, and the same as data on standard output

What has not been evaluated stands there as not measured, with the command that measures it.
Exit codes: 0 written, 2 there is no such run, or it has no step yet."""


def make_parser() -> OneLineParser:
    """The parser of `nanochat report`."""
    parser = OneLineParser(
        prog="nanochat report",
        usage="nanochat report [RUN] [--out DIR] [--cost-per-hour X] [--json]",
        description="Write the report card of a run, one Markdown and one HTML page.",
        epilog=EXAMPLES,
    )
    parser.add_argument(
        "run", nargs="?", metavar="RUN", help="the run's name, or its folder (default: the newest run)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: the run's folder)")
    parser.add_argument(
        "--cost-per-hour", type=float, metavar="X",
        help="dollars for an hour of the machine (default: a GPU's public price, if it is known)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    return parser


def check(options: argparse.Namespace) -> None:
    """Raise `UsageError` for words that parse but make no sense."""
    cost = options.cost_per_hour
    if cost is not None and not (math.isfinite(cost) and cost >= 0):
        raise UsageError(f"--cost-per-hour {cost}: dollars, 0 or more")


def run(options: argparse.Namespace) -> int:
    """Write both files, and say where they are."""
    check(options)
    from nanochat.evaluation.report.as_data import as_data
    from nanochat.evaluation.report.files import write_report
    from nanochat.evaluation.report.reading import read_report

    folder = newest_run() if options.run is None else find_run(options.run)
    if not options.json:
        tell(folder, options.out, options.cost_per_hour)
        return 0
    report = read_report(folder, options.cost_per_hour)
    write_report(report, options.out or folder)
    print(json.dumps(as_data(report), indent=1, ensure_ascii=False))
    return 0


def tell(folder: Path, out: Path | None = None, cost_per_hour: float | None = None) -> None:
    """Write the report of the run in `folder`, and print what matters of it."""
    from nanochat.evaluation.report.files import write_report
    from nanochat.evaluation.report.markdown import as_summary
    from nanochat.evaluation.report.reading import read_report

    report = read_report(folder, cost_per_hour)
    written = write_report(report, out or folder)
    print(f"{as_summary(report)}\nwritten: {' and '.join(map(str, written))}", flush=True)


def find_run(run: str) -> Path:
    """The folder of the run of this name, or this folder."""
    from nanochat.train.finished import open_run

    open_run(run)
    return Path(run) if "/" in run or Path(run).is_dir() else run_folder(run)


def newest_run() -> Path:
    """The run that has changed last."""
    from nanochat.train.run_files import CONFIG, last_change

    folders = [path.parent for path in (base_folder() / "runs").glob(f"*/{CONFIG}")]
    if not folders:
        raise UserError(f"there is no run in {base_folder() / 'runs'} yet; nanochat train base --help")
    return max(folders, key=last_change)
