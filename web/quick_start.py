"""What guide 8 shows and does not type: what commands print, what the saved run took, what machines cost.

>>> table = machines_table()
>>> table.count("\\n")
4
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, fields

from nanochat import cli
from nanochat.data.hub import ABOUT_A_SHARD
from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_parameters
from nanochat.model.hardware import find_gpu
from nanochat.model.planning import Machine, largest_depth
from nanochat.train.depth_dial import turn_dial
from nanochat.train.links import Cluster
from nanochat.train.metrics import Step
from nanochat.train.parts import BITS_PER_BYTE
from nanochat.train.progress import Course
from nanochat.train.run_files import METRICS, SAMPLES, read_lines
from nanochat.train.scaling import split_step
from web.laptop_run import KEPT, NAME, run_of

BYTES_A_PARAMETER = 12  # of a checkpoint, at most: the weight and two numbers of the optimizer, in fp32
KEPT_CHECKPOINTS = 2
CONTEXT = 2_048  # tokens, the dial's
STAGE_WORDS = {
    "text": "put the text on disk",
    "tokenizer": "learn the vocabulary",
    "pretraining": "pretraining",
    "base-evaluation": "evaluate the base model",
    "fine-tuning": "fine-tuning",
    "chat-evaluation": "evaluate it",
    "reinforcement": "reinforcement learning",
    "last-evaluation": "evaluate it again",
}


@contextlib.contextmanager
def new_machine() -> Iterator[None]:
    """A base folder in which nothing lies yet, and a terminal of 80 columns."""
    before = {name: os.environ.get(name) for name in ("NANOCHAT_BASE_DIR", "COLUMNS")}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"NANOCHAT_BASE_DIR": folder, "COLUMNS": "80"}
        try:
            yield
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def printed(command: str) -> str:
    """What a quick `nanochat` command prints on a machine where nothing has been done yet.

    >>> printed("nanochat --version")
    'nanochat 0.1.0'
    """
    said = io.StringIO()
    with new_machine(), contextlib.redirect_stdout(said):
        cli.main(command.split()[1:])
    return said.getvalue().rstrip()


def stage_times() -> str:
    """How long each stage of the saved laptop run took, as a table."""
    times = json.loads((KEPT / "speedrun" / f"{NAME}.json").read_text(encoding="utf-8"))
    rows = [f"| {STAGE_WORDS[name]} | {minutes(seconds)} |" for name, seconds in times.items()]
    total = f"| **together** | **{minutes(sum(times.values()))}** |"
    return "\n".join(["| stage | time |", "| --- | ---: |", *rows, total])


def minutes(seconds: float) -> str:
    """A time in minutes and seconds.

    >>> minutes(211.2), minutes(2.4)
    ('3 min 31 s', '2 s')
    """
    whole, rest = divmod(round(seconds), 60)
    return f"{whole} min {rest} s" if whole else f"{rest} s"


def said_at_the_end(stage: str) -> str:
    """The samples that a stage of the saved run wrote after its last step."""
    samples = read_lines(run_of(stage) / SAMPLES)
    last = max(sample["step"] for sample in samples)
    return "\n".join(f"{one['prompt']}→ {one['text']}" for one in samples if one["step"] == last)


def step_line(stage: str, number: int) -> str:
    """The line that a step of the saved run writes into a file.

    >>> step_line("base", 91).startswith("step 91/180 | loss 4.485 | val bpb 1.8172 | tok/s ")
    True
    """
    records = read_lines(run_of(stage) / METRICS)
    course = Course(len(records))
    for one in records[:number]:
        names = [field.name for field in fields(Step) if field.name in one]
        rest = {"learning_rates": one["lr"], "gradient_norm": one["grad_norm"]}
        course.took(Step(**{name: one[name] for name in names}, **rest))
        if "val_bpb" in one:
            course.measure, course.value = BITS_PER_BYTE, one["val_bpb"]
    figures = " | ".join(f"{name} {value}" for name, value in course.figures())
    return f"step {number}/{len(records)} | {figures}"


def measured(stage: str) -> list[dict[str, float]]:
    """The steps of the saved run at which the loss on held-out text was measured, three figures each."""
    names = ("step", "loss", "val_bpb")
    return [
        {name: round(one[name], 4) for name in names}
        for one in read_lines(run_of(stage) / METRICS)
        if "val_bpb" in one
    ]


@dataclass(frozen=True)
class Rented:
    """A machine, and the run on it that a script in runs/ does."""

    words: str
    script: str
    gpu: str
    gpus: int
    depth: int
    shards: int

    @property
    def hours(self) -> float:
        """Hours that the training takes, by the model of the page on scale."""
        card = find_gpu(self.gpu)
        cluster = Cluster(
            self.gpus,
            peak_flops=card.peak_flops,
            memory_bandwidth=card.bandwidth,
            memory=card.memory_bytes,
        )
        dial = turn_dial(self.depth)
        return dial.steps * split_step(dial.config, dial.batch_tokens, cluster).total / 3_600

    @property
    def dollars_an_hour(self) -> float:
        """Of all GPUs together."""
        return find_gpu(self.gpu).price * self.gpus

    @property
    def disk_bytes(self) -> int:
        """Text, the checkpoints that are kept, and one that is being written."""
        parameters = count_parameters(turn_dial(self.depth).config).total
        return self.shards * ABOUT_A_SHARD + (KEPT_CHECKPOINTS + 1) * BYTES_A_PARAMETER * parameters


RENTED = (
    Rented("one RTX 4090", "one_gpu.sh", "RTX4090", 1, 12, 32),
    Rented("one H100", "one_gpu.sh", "H100", 1, 12, 32),
    Rented("eight H100", "eight_h100.sh", "H100", 8, 24, 190),
)


def machines_table() -> str:
    """What each script needs and costs, as a table."""
    rows = [
        f"| {one.words} | `{one.script}` | {one.hours:.1f} | ${one.dollars_an_hour:.2f} | "
        f"${one.hours * one.dollars_an_hour:,.2f} | {one.disk_bytes / 1e9:,.0f} GB |"
        for one in RENTED
    ]
    head = "| machine | script | hours of training | an hour | together | disk, at least |"
    return "\n".join([head, "| --- | --- | ---: | ---: | ---: | ---: |", *rows])


def memory_table() -> str:
    """The deepest model that some kinds of GPU can train, as a table."""
    rows = [
        f"| {name} | {find_gpu(name).memory_gib:,.0f} GB | "
        f"{largest_depth(GPTConfig.from_depth(12), Machine(find_gpu(name)), CONTEXT)} |"
        for name in ("RTX4090", "A100", "H200")
    ]
    return "\n".join(["| GPU | its memory | deepest model it can train |", "| --- | ---: | ---: |", *rows])
