"""The door to the model: measure a range test, and write it down while it goes.

torch and what stands on it are imported inside the functions, so the module itself is standard library only.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nanochat.errors import UserError
from nanochat.train.rate_groups import RATE_GROUPS
from tools.core.errors import ToolError, UsageError
from tools.core.files import read_json
from tools.core.progress import Progress
from tools.rates.question import Question
from tools.rates.saving import check_new_sweep, lines_to
from tools.rates.sweep import ALL, CONTROL, RangeTest, add, header_of, line_of

if TYPE_CHECKING:
    from nanochat.train.range_test import Measured
    from nanochat.train.range_test import RangeTest as Bench
    from nanochat.train.settings import Settings
    from nanochat.train.start import Start

MOST_BYTES = 1_000_000  # of a config.json
# Fields of the question that are settings of a run, by the same names.
OF_A_RUN = (
    "depth", "head_dim", "seq_len", "batch_size", "device_batch_size", "steps", "corpus", "tokenizer", "seed",
)  # fmt: skip


@lru_cache(maxsize=1)
def measure(question: Question) -> RangeTest:
    """The range test that a question asks for, made once, for a report and for the files that go with it."""
    check_new_sweep(question.low, question.high, question.save)
    if question.from_step is not None and question.from_run is None:
        raise UsageError("--from-step goes with --from-run", "from_step")
    if question.config is not None:
        check_config(question.config)
    try:
        import torch  # noqa: F401  (the first thing that would be missing)

        from nanochat.train.range_test import open_range_test
    except ImportError:
        raise ToolError(
            "a range test needs torch: pip install -e '.[train]'; reading a saved one with --sweep does not"
        ) from None
    try:
        with open_range_test(start_of(question), question.from_run, question.from_step) as bench:
            return sweep_all(bench, question)
    except UserError as error:
        raise UsageError(str(error)) from None


def check_config(path: Path) -> None:
    """Refuse a file that is no config.json of a run, before torch is imported."""
    found = read_json(path, MOST_BYTES, "the config.json of a run", "config")
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        raise ToolError(f"{path} is no config.json of a run: it has no settings", "config")


def start_of(question: Question) -> Start[Settings]:
    """The run that the flags describe, as `nanochat train base` would begin it."""
    from nanochat.commands.flag_parser import given_settings
    from nanochat.commands.speedrun import SIZES
    from nanochat.commands.train_base import make_parser
    from nanochat.train.finished import open_run
    from nanochat.train.run_files import CONFIG
    from nanochat.train.settings import Settings
    from nanochat.train.start import BASE, begin

    given: dict[str, Any] = {}
    if question.preset is not None:
        size = SIZES[question.preset]
        given = given_settings(make_parser().parse_args(size.train.split()), Settings)
        given |= {"corpus": size.corpus, "tokenizer": f"{size.corpus}-{size.vocab_size}"}
    given |= {name: value for name in OF_A_RUN if (value := getattr(question, name)) is not None}
    if not question.compile:
        given["compile"] = False
    config = question.config
    if question.from_run is not None:
        if config is not None:
            raise UsageError("--from-run takes the settings of that run; leave --config out", "config")
        config = open_run(question.from_run).folder / CONFIG
    return begin(BASE, given, config=config)


def sweep_all(bench: Bench, question: Question) -> RangeTest:
    """Sweep every group that is asked for, each from the beginning, and keep every step."""
    there = [ALL, *sorted(bench.rates, key=list(RATE_GROUPS).index)]
    names = list(question.groups) or there
    for name in names:
        bench.groups(name)
    steps = question.sweep_steps
    facts = bench.facts() | {"from_run": question.from_run}
    test = RangeTest(header_of(facts, question.low, question.high, steps))
    # One group is read against the control; so that comes first, and a test that is stopped can be read.
    runs = ([CONTROL] if set(names) - {ALL} else []) + names
    began = time.monotonic()
    with lines_to(question.save) as write, Progress("Range test", len(runs) * steps) as progress:
        write(test.header)
        for number, name in enumerate(runs):
            for one in steps_of(bench, name, question):
                data = line_of(name, one.step + 1, one.factor, one.loss, one.seconds)
                write(data)
                add(test, data, name)
                done = number * steps + one.step + 1
                left = (time.monotonic() - began) / done * (len(runs) * steps - done)
                where = f"{name} step {one.step + 1} of {steps}, loss {one.loss:.3f}"
                progress.at(done, f"{where}, {duration(left)} to go")
    return test


def steps_of(bench: Bench, name: str, question: Question) -> Iterator[Measured]:
    """The steps of one sweep, or of the control."""
    if name == CONTROL:
        return bench.control(question.sweep_steps)
    return bench.sweep(name, question.low, question.high, question.sweep_steps)


def duration(seconds: float) -> str:
    """A time to wait, in few letters.

    >>> duration(42), duration(600), duration(9000)
    ('42 s', '10 min', '2.5 h')
    """
    if seconds < 90:
        return f"{math.ceil(seconds)} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
