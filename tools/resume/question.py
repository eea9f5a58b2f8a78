"""What the resume helper can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tools.checkpoints.measuring import AUTO, STDLIB, TORCH
from tools.core import parameters as ask

RUN, HOW = "Run", "How to go on"
EXAMPLES = {
    "stopped": "A run that was stopped midway",
    "damaged": "The same, its newest checkpoint damaged",
    "finished": "The kept laptop run, which is finished",
}
SUFFIXES = [".safetensors", ".header", ".json", ".jsonl"]


@dataclass(frozen=True)
class Question:
    """Without a run's name it is the one that changed last.

    >>> Question().processes is None
    True
    """

    files: tuple[Path, ...] = ask.file(
        "the run's files: config.json, metrics.jsonl and a checkpoint's; in a terminal its folder or name",
        many=True, positional=True, folder=True, names=True, suffixes=SUFFIXES, group=RUN,
    )  # fmt: skip
    example: str | None = ask.choice(
        None, EXAMPLES, "an example instead of a run: small files of real ones", label="Example", group=RUN
    )
    run: str | None = ask.text(None, "the run's name, or its folder", group=RUN, terminal=True)
    base: Path | None = ask.file(  # noqa: RUF009
        "the base folder, in place of $NANOCHAT_BASE_DIR", folder=True, group=RUN, terminal=True
    )

    processes: int | None = ask.integer(
        None, "GPUs or processes to go on with (default: as many as before)", low=1, high=100_000, group=HOW
    )
    flags: str = ask.text(
        "", "flags to add to the command, such as --lr-scale 0.5: says whether the run takes them", group=HOW
    )
    quick: bool = ask.flag("look at headers and sizes alone; read no hashes and no numbers", group=HOW)
    measure_with: str = ask.choice(
        AUTO, [AUTO, STDLIB, TORCH], "who looks for NaN: torch is faster for large files", group=HOW,
        terminal=True,
    )  # fmt: skip
