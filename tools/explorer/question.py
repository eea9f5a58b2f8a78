"""What the generation explorer can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nanochat.inference.request import Sampling
from tools.core import parameters as ask
from tools.core.errors import UsageError
from tools.core.words import say

EXAMPLES = {
    "base": "a base model goes on with a sentence",
    "calculator": "a chat model works out a sum with the calculator",
}
MOST_CELLS = 36  # of the grid: more texts side by side cannot be compared


@dataclass(frozen=True)
class Question:
    """Where the logits come from, how tokens are chosen, and what to show of it."""

    prompt: str | None = ask.text(
        None, "what the model goes on from, or is asked if it knows chats", group="Model", asks_model=True
    )
    complete: bool = ask.flag(
        "go on with the prompt as it stands, also with a model that knows chats", group="Model"
    )
    run: str | None = ask.text(
        None, "the run's name, or its folder (default: the newest of sft or rl)", terminal=True, group="Model"
    )
    step: int | None = ask.integer(
        None, "which checkpoint (default: the last)", low=0, terminal=True, group="Model"
    )
    device: str | None = ask.text(
        None, "cpu, cuda or cuda:1 (default: a GPU, else the CPU)", terminal=True, group="Model"
    )
    keep: int = ask.integer(
        64,
        "logits to keep of each place, those of the likeliest tokens; 0: all",
        low=0,
        high=1_000_000,
        terminal=True,
        group="Model",
    )
    trace: Path | None = ask.file(  # noqa: RUF009 (a field, as dataclasses want it)
        "a saved trace, as --save-trace writes it", suffixes=[".json"], positional=True, group="Trace"
    )
    example: str | None = ask.choice(
        None, EXAMPLES, "a trace of the laptop model instead of a file", group="Trace", label="Example"
    )
    temperature: float = ask.number(
        0.8, "0: always the likeliest token; 1: as the model has it", low=0, high=100, group="Rules"
    )
    top_k: int = ask.integer(
        0, "only the N likeliest tokens; 0: all", low=0, high=1_000_000, group="Rules", label="Top-k"
    )
    top_p: float = ask.number(
        1.0, "only the likeliest that together have this chance", low=0, high=1, group="Rules", label="Top-p"
    )
    min_p: float = ask.number(
        0.0,
        "only tokens with this share of the likeliest one's chance",
        low=0,
        high=1,
        group="Rules",
        label="Min-p",
    )
    repetition_penalty: float = ask.number(
        1.0, "above 1: tokens of the text so far get less likely", low=0.01, high=100, group="Rules"
    )
    seed: int = ask.integer(0, "the same seed draws the same numbers", low=0, group="Rules")
    tokens: int = ask.integer(16, "tokens to write at most", low=1, high=1000, group="Rules")
    place: int = ask.integer(
        1, "which token to look at closely", low=1, high=1000, group="Show", label="Token in close-up"
    )
    rows: int = ask.integer(10, "candidates to show of it", low=1, high=1000, group="Show")
    temperatures: str = ask.text(
        "0, 0.5, 0.8, 1.2", "of the grid; nothing: no grid", high=200, group="Grid", label="Temperatures"
    )
    top_ps: str = ask.text(
        "1, 0.9, 0.5", "of the grid, one text for each pair", high=200, group="Grid", label="Top-ps"
    )

    @property
    def sampling(self) -> Sampling:
        """The rules."""
        return Sampling(self.temperature, self.top_k, self.top_p, self.min_p, self.repetition_penalty)

    def grid(self) -> tuple[list[float], list[float]]:
        """The temperatures and the top-ps of the grid.

        >>> Question(temperatures="0, 0.5", top_ps="1").grid()
        ([0.0, 0.5], [1.0])
        """
        temperatures = numbers(self.temperatures, "--temperatures", 0, 100)
        top_ps = numbers(self.top_ps, "--top-ps", 0, 1)
        if len(temperatures) * len(top_ps) > MOST_CELLS:
            raise UsageError(
                f"--temperatures and --top-ps make {len(temperatures) * len(top_ps)} texts; at most "
                f"{MOST_CELLS} fit side by side",
                parameter="temperatures",
            )
        return temperatures, top_ps

    def settings(self) -> list[Sampling]:
        """The rules, and those of every cell of the grid."""
        temperatures, top_ps = self.grid()
        return list(dict.fromkeys([self.sampling, *(self.cell(t, p) for t in temperatures for p in top_ps)]))

    def cell(self, temperature: float, top_p: float) -> Sampling:
        """The rules in a cell of the grid: two of them are the cell's own."""
        return Sampling(temperature, self.top_k, top_p, self.min_p, self.repetition_penalty)


def numbers(words: str, flag: str, low: float, high: float) -> list[float]:
    """Numbers with commas between them, each once.

    >>> numbers("0, 0.5,0.5", "--temperatures", 0, 100)
    [0.0, 0.5]
    >>> numbers("0.5, warm", "--temperatures", 0, 100)
    Traceback (most recent call last):
    tools.core.errors.UsageError: --temperatures: 'warm' must be a number from 0 to 100
    """
    found: dict[float, None] = {}
    for word in words.replace("\n", ",").split(","):
        if not word.strip():
            continue
        try:
            value = float(word)
        except ValueError:
            value = float("nan")
        if not low <= value <= high:
            raise UsageError(
                f"{flag}: {say(word.strip())} must be a number from {low:g} to {high:g}",
                parameter=flag.removeprefix("--"),
            )
        found[value + 0.0] = None
    return list(found)
