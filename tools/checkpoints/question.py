"""What the checkpoint browser can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.checkpoints.measuring import AUTO, STDLIB, TORCH
from tools.core import parameters as ask

WHAT, MORE = "Checkpoints", "More to see"
EXAMPLES = {
    "base": "The laptop run after pretraining, step 180",
    "sft-and-rl": "After fine-tuning, and after reinforcement learning",
    "same-run": "Two steps of one run, 135 and 180",
}
SUFFIXES = [".safetensors", ".header", ".json", ".jsonl"]


@dataclass(frozen=True)
class Question:
    """Without anything said, every run and every step in the base folder.

    >>> Question().files
    ()
    """

    files: tuple[Path, ...] = ask.file(
        "a .safetensors file and its meta.json, config.json, metrics.jsonl; in a terminal also a folder, a "
        "run's name or NAME:STEP; two checkpoints are compared",
        many=True, positional=True, folder=True, names=True, suffixes=SUFFIXES, group=WHAT,
    )  # fmt: skip
    example: str | None = ask.choice(
        None, EXAMPLES, "an example instead of a file: headers of the kept run", label="Example", group=WHAT
    )
    run: str | None = ask.text(
        None, "the run's name, or its folder, as in nanochat chat", group=WHAT, terminal=True
    )
    step: int | None = ask.integer(
        None, "which checkpoint of it (default: the last)", low=0, group=WHAT, terminal=True
    )
    base: Path | None = ask.file(  # noqa: RUF009
        "the base folder, in place of $NANOCHAT_BASE_DIR", folder=True, group=WHAT, terminal=True
    )

    verify: bool = ask.flag("read every file and compare its hash with the one in meta.json", group=MORE)
    weights: bool = ask.flag(
        "read the numbers: the norm of every tensor, and of two checkpoints their distance", group=MORE
    )
    measure_with: str = ask.choice(
        AUTO, [AUTO, STDLIB, TORCH], "who reads the numbers: torch is faster for large files", group=MORE,
        terminal=True,
    )  # fmt: skip
    rows: int = ask.integer(60, "most rows in a table", low=1, high=1_000_000, group=MORE)
