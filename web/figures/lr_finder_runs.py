"""The table of what the learning-rate finder's suggestions trained to, from the saved runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from web.performance import markdown_table

SAVED = Path(__file__).resolve().parent.parent.parent / "benchmarks" / "lr-finder-cpu.json"
TIMES = {0.1: "a tenth of it", 1.0: "the suggestion", 10.0: "ten times it"}


def runs_table(path: Path = SAVED) -> str:
    """A line for every run: what was swept, how its rates were changed, what it came to."""
    saved: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    lines = [["rates of", "factor", "which is", "loss", "bits per byte"]]
    for one in saved["results"]:
        lines.append(
            [
                "all groups" if one["group"] == "all" else one["group"],
                f"{one['factor']:g}",
                TIMES[one["times"]],
                f"{one['loss']:.2f}",
                f"{one['val_bpb']:.3f}",
            ]
        )
    return markdown_table(lines)
