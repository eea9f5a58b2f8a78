"""Calls of the calculator in replies: what stands there as its output is what it prints."""

from __future__ import annotations

import importlib.util
from fractions import Fraction
from itertools import pairwise

import pytest

from nanochat.data.tasks.calls import sum_up
from nanochat.data.tasks.catalogue import CATALOGUE, open_task
from nanochat.toolbox.calculator import calculate

GYM = importlib.util.find_spec("reasoning_gym") is not None
CALLING = ["arithmetic", "word-problems", "letter-counting", "gsm-symbolic", "chain-sum", "letters-in-text"]


@pytest.mark.parametrize("name", CALLING)
def test_the_calculator_prints_what_stands_in_the_reply(name):
    if CATALOGUE[name].opener.startswith("gym:") and not GYM:
        pytest.skip("reasoning-gym is not installed")
    calls = 0
    for split in ("train", "test"):
        task = open_task(name, split)
        for number in range(min(500, len(task))):
            parts = task[number].conversation["messages"][-1]["content"]
            for code, output in pairwise(parts):
                if code["type"] == "python":
                    calls += 1
                    assert output == {"type": "python_output", "text": calculate(code["text"])}
    assert calls >= 900


@pytest.mark.parametrize("sign", ["%", "**", "", "x"])
def test_only_four_operations_are_known(sign):
    with pytest.raises(ValueError, match="is none of"):
        sum_up(1, sign, 2)


def test_sums_are_exact():
    assert sum_up(Fraction(1, 10), "+", Fraction(2, 10)) == Fraction(3, 10)
    assert sum_up(1, "/", 3) * 3 == 1
    with pytest.raises(ZeroDivisionError):
        sum_up(1, "/", 0)
