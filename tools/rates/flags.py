"""The command that trains at the rates that were found: `nanochat train base` with the test's own
settings."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from nanochat.errors import UserError
from nanochat.train.flags import flag_of
from nanochat.train.rate_groups import LEAST, MOST, read_factors
from nanochat.train.settings import GROUPS, Settings
from tools.core.errors import ToolError
from tools.rates.analysis import two_digits
from tools.rates.sweep import ALL, RangeTest

# What the plan fills in by itself, and what changes nothing that is learnt.
LEFT_OUT = ("name", "workers", "keep", "tensorboard", "wandb", "lr_scale", "group_lr_scale")
LARGEST_RATE = 10.0  # that the flag of microGPT takes


def train_command(test: RangeTest, factors: Mapping[str, float]) -> str:
    """The command for some groups' factors; `all` stands for every group.

    Factors multiply those that the test itself was made with. A test that began at a run's checkpoint gives
    the command that continues this run.

    >>> from tools.rates.sweep import header_of
    >>> test = RangeTest(
    ...     header_of({"asked": {"depth": 4, "steps": 80}, "settings": {}, "rates": {}}, 0.1, 10, 9)
    ... )
    >>> train_command(test, {"all": 0.4})
    'nanochat train base --depth 4 --steps 80 --lr-scale 0.4'
    >>> train_command(test, {"matrices": 0.5, "x0_scalars": 2.0})
    'nanochat train base --depth 4 --steps 80 --group-lr-scale matrices=0.5,x0-scalars=2'
    """
    settings = test.header.get("settings", {})
    words = ["nanochat", "train", "base"]
    if test.header.get("from_run"):
        words += ["--resume", "--name", str(test.header["from_run"])]
    else:
        words += words_of(test.header.get("asked", {}))
    common = factors.get(ALL, 1.0) * number(settings.get("lr_scale", 1.0))
    if common != 1.0:
        words += ["--lr-scale", written(common)]
    single = before(settings)
    for group, factor in factors.items():
        if group != ALL:
            single[group] = single.get(group, 1.0) * factor
    if single:
        parts = (f"{group.replace('_', '-')}={written(factor)}" for group, factor in single.items())
        words += ["--group-lr-scale", ",".join(parts)]
    return shlex.join(words)


def microgpt_command(test: RangeTest, factor: float) -> str:
    """The command that trains microGPT at the rate that was found.

    >>> from tools.rates.sweep import header_of
    >>> facts = {"program": "microgpt", "rates": {"all": 0.02}}
    >>> microgpt_command(RangeTest(header_of(facts, 0.1, 10, 9)), 1.5)
    'python tools/microgpt.py --rate 0.03'
    """
    return f"python tools/microgpt.py --rate {min(test.rates[ALL] * factor, LARGEST_RATE):.3g}"


def number(value: object) -> float:
    """A factor in a test's settings."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ToolError(f"the sweep's settings say lr_scale {value!r}, which is no number")
    return float(value)


def before(settings: Mapping[str, Any]) -> dict[str, float]:
    """The groups' factors that the test was made with."""
    try:
        return read_factors(str(settings.get("group_lr_scale", "")))
    except UserError as error:
        raise ToolError(f"the sweep's settings: {error}") from None


def written(factor: float) -> str:
    """A factor as the flag takes it.

    >>> written(0.44), written(1e9)
    ('0.44', '1e+06')
    """
    return f"{two_digits(min(max(factor, LEAST), MOST)):g}"


def words_of(asked: Mapping[str, Any]) -> list[str]:
    """The flags of settings; what has its default is left out.

    >>> words_of({"depth": 4, "compile": False, "corpus": "classics", "name": "d4"})
    ['--depth', '4', '--no-compile']
    """
    words = []
    order = list(GROUPS)
    for one in sorted(fields(Settings), key=lambda one: order.index(one.metadata["group"])):
        value = asked.get(one.name, one.default)
        if value == one.default or one.name in LEFT_OUT:
            continue
        words += [flag_of(one.name)] if isinstance(value, bool) else [flag_of(one.name), str(value)]
    return words
