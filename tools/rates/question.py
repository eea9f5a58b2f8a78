"""What the learning-rate finder can be asked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nanochat.train.rate_groups import RATE_GROUPS
from tools.core import parameters as ask
from tools.rates.sweep import ALL, MICROGPT

SAVED, READING, MEASURE, SWEEP = "Which sweep", "How it is read", "Model and text", "A sweep made now"
LAPTOP = "laptop"
EXAMPLES = {
    LAPTOP: "laptop: a kept sweep of the laptop model, 4 layers on classics",
    MICROGPT: "microgpt: trained here and now, in some seconds",
}
GROUPS = {ALL: "all: every group, by a common factor"} | {
    group.replace("_", "-"): f"{group.replace('_', '-')}: {what}" for group, what in RATE_GROUPS.items()
}


@dataclass(frozen=True)
class Question:
    """A saved sweep to read, or a model to measure one on.

    >>> Question(example="laptop").skip_first
    0
    """

    sweep: Path | None = ask.file(  # noqa: RUF009 (it makes a field, as the others do)
        "a range test saved with --save", suffixes=[".jsonl"], positional=True, stdin=True, group=SAVED,
        label="Saved sweep",
    )  # fmt: skip
    example: str | None = ask.choice(
        None, EXAMPLES, "instead of a file: a sweep that is kept, or one that is made now", group=SAVED,
        label="Example",
    )  # fmt: skip
    group: tuple[str, ...] = ask.choice(
        (), GROUPS, "whose rates: of one group, or of all by a common factor; without, whatever there is",
        many=True, group=SAVED, label="Groups",
    )  # fmt: skip

    sweep_steps: int = ask.integer(
        60, "steps of each sweep", low=10, high=100_000, group=SWEEP, label="Steps"
    )
    seed: int | None = ask.integer(
        None, "of the weights and the order of the text: another one shows what is chance", low=0,
        high=2**63 - 1, group=SWEEP,
    )  # fmt: skip
    against: float | None = ask.number(
        None, "with microgpt: then train it twice, at the suggested rate and at so many times it", low=0.001,
        high=1_000, unit="times suggested", group=SWEEP, label="Compare with",
    )  # fmt: skip
    low: float = ask.number(
        0.01, "what the configured rates are multiplied by in the first step", low=1e-6, high=1e6,
        group=SWEEP, terminal=True,
    )  # fmt: skip
    high: float = ask.number(100.0, "and in the last", low=1e-6, high=1e6, group=SWEEP, terminal=True)
    save: str | None = ask.text(
        None, "write every step into this file as it is measured; --sweep reads it", group=SWEEP,
        terminal=True,
    )  # fmt: skip

    smoothing: float = ask.number(
        0.7, "how much of the average of losses the steps before make up; 0: no smoothing", low=0, high=0.99,
        step=0.01, group=READING,
    )  # fmt: skip
    skip_first: int = ask.integer(
        0, "steps left out at the beginning of each sweep", low=0, high=100_000, unit="steps", group=READING
    )
    divergence: float = ask.number(
        0.5, "the share of the fall that must be lost again before a loss counts as diverged", low=0.05,
        high=10, step=0.05, group=READING,
    )  # fmt: skip

    preset: str | None = ask.choice(
        None, {"laptop": "laptop: the model of nanochat speedrun --size laptop"},
        "a known model; flags below change it", group=MEASURE, terminal=True,
    )  # fmt: skip
    config: Path | None = ask.file(  # noqa: RUF009
        "settings from the config.json of a run", suffixes=[".json"], group=MEASURE, terminal=True
    )
    from_run: str | None = ask.text(
        None, "begin every sweep at the newest checkpoint of this run, not at weights by chance",
        group=MEASURE, terminal=True,
    )  # fmt: skip
    from_step: int | None = ask.integer(
        None, "with --from-run: the checkpoint of this step", low=1, group=MEASURE, terminal=True
    )
    depth: int | None = ask.integer(
        None, "layers, as for nanochat train base", low=1, high=10_000, group=MEASURE, terminal=True
    )
    head_dim: int | None = ask.integer(
        None, "channels of a head", low=2, high=65_536, group=MEASURE, terminal=True
    )
    seq_len: int | None = ask.integer(
        None, "tokens of context", low=2, high=10**8, group=MEASURE, terminal=True
    )
    batch_size: int | None = ask.integer(
        None, "sequences a step", low=1, high=10**7, group=MEASURE, terminal=True
    )
    device_batch_size: int | None = ask.integer(
        None, "sequences taken at a time; what fits by default", low=1, high=10**7, group=MEASURE,
        terminal=True,
    )  # fmt: skip
    steps: int | None = ask.integer(
        None, "steps of the run to come, which decide its configured rates; not of the sweep", low=1,
        high=10**9, group=MEASURE, terminal=True,
    )  # fmt: skip
    corpus: str | None = ask.text(None, "name of a prepared corpus", group=MEASURE, terminal=True)
    tokenizer: str | None = ask.text(None, "name of a trained tokenizer", group=MEASURE, terminal=True)
    compile: bool = ask.flag("compile the model", default=True, group=MEASURE, terminal=True)

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups by the names that the trainer gives them."""
        return tuple(group.replace("-", "_") for group in self.group)

    @property
    def measures(self) -> bool:
        """Whether a model is named to measure on."""
        return any(getattr(self, name) is not None for name in ("preset", "config", "from_run", "depth"))
