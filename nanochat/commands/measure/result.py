"""One benchmark's result: a JSON file that names its machine and its command, and a table for people.

The files in `benchmarks/` are these; the page about performance is made from them.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nanochat.commands.measure import machine
from tools.core.arguments import OneLineParser

Row = Mapping[str, Any]
Show = Callable[[Any], str]


def add_output(parser: OneLineParser) -> None:
    """The flags that every benchmark has."""
    output = parser.add_argument_group("Output")
    output.add_argument("--json", action="store_true", help="print the result as JSON, and no table")
    output.add_argument("--out", type=Path, metavar="FILE", help="write the JSON into a file as well")
    output.add_argument("--dry-run", action="store_true", help="say what would be measured, and stop")


def make(kind: str, words: Sequence[str], settings: Row, rows: Sequence[Row], facts: Row) -> dict[str, Any]:
    """The result of `nanochat bench KIND`; `facts` is the machine as the measuring process saw it."""
    return {
        "kind": kind,
        "command": shlex.join(["nanochat", "bench", kind, *words]),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "machine": dict(facts),
        "settings": dict(settings),
        "results": [dict(row) for row in rows],
    }


def given_words(options: argparse.Namespace, parser: OneLineParser) -> list[str]:
    """The flags that were given, but for those of the output: what somebody else would type."""
    words: list[str] = []
    for action in parser._actions:
        value = getattr(options, action.dest, None)
        if action.dest in ("help", "json", "out", "dry_run") or value == action.default or value is None:
            continue
        flag = action.option_strings[-1]
        words += [flag] if action.nargs == 0 else [flag, str(value)]
    return words


def hand_over(result: dict[str, Any], columns: Mapping[str, tuple[str, Show]], options: Any) -> int:
    """Print it, and write it where asked."""
    text = json.dumps(result, indent=2, ensure_ascii=False) + "\n"
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text, encoding="utf-8")
    if options.json:
        sys.stdout.write(text)
        return 0
    print(machine.in_words(result["machine"]))
    print(table(result["results"], columns))
    if options.out:
        print(f"written: {options.out}")
    return 0


def table(rows: Sequence[Row], columns: Mapping[str, tuple[str, Show]]) -> str:
    """Rows as columns of text; a column that no row has is left out.

    >>> print(table([{"mode": "eager", "s": 1.5}], {"mode": ("mode", str), "s": ("seconds", str)}))
    mode   seconds
    eager      1.5
    """
    lines = cells(rows, columns)
    widths = [max(len(line[index]) for line in lines) for index in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.rjust(width) if index else cell.ljust(width) for index, (cell, width) in row).rstrip()
        for row in (list(enumerate(zip(line, widths, strict=True))) for line in lines)
    )


def cells(rows: Sequence[Row], columns: Mapping[str, tuple[str, Show]]) -> list[list[str]]:
    """The heading and the rows as text.

    >>> cells([{"mode": "eager"}], {"mode": ("mode", str), "s": ("seconds", str)})
    [['mode'], ['eager']]
    """
    kept = {key: column for key, column in columns.items() if any(row.get(key) is not None for row in rows)}
    body = [
        [show(row[key]) if row.get(key) is not None else "" for key, (_, show) in kept.items()]
        for row in rows
    ]
    return [[title for title, _ in kept.values()], *body]


def whole(value: float) -> str:
    """A count.

    >>> whole(1234.5)
    '1,234'
    """
    return f"{value:,.0f}"


def percent(value: float) -> str:
    """A share.

    >>> percent(0.4567)
    '45.7 %'
    """
    return f"{100 * value:.1f} %"


def seconds(value: float) -> str:
    """A time.

    >>> seconds(0.01234), seconds(12.34)
    ('12.3 ms', '12.3 s')
    """
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.1f} s"


def size(value: float) -> str:
    """Bytes, in the unit that suits.

    >>> size(1.2e9), size(6.4e8)
    ('1.20 GB', '640 MB')
    """
    return f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
