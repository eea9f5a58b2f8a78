"""The Unicode table says what tiktoken says, about every character."""

from __future__ import annotations

import itertools
import re
import unicodedata

from nanochat.tokenizer import unicode_table
from nanochat.tokenizer.unicode_table import CATEGORIES, character_class, differences, kind_of, ranges, runs


def test_the_runs_are_those_of_tiktoken(unicode_runs_from_tiktoken):
    assert unicode_table.RUNS.replace("\n", "") == unicode_runs_from_tiktoken.runs()


def test_a_class_matches_what_tiktoken_matches(unicode_runs_from_tiktoken):
    for kind, pattern in unicode_runs_from_tiktoken.PATTERNS.items():
        ours = re.findall(f"[{character_class(kind)}]", unicode_runs_from_tiktoken.EVERY_CHARACTER)
        assert "".join(ours) == unicode_runs_from_tiktoken.matched(pattern), kind


def test_runs_alternate_and_end_with_the_rest():
    table = runs()
    assert table[0] == (0, "_")
    assert table[-1] == (
        0xE01F0,
        "_",
    )  # after the last variation selector nothing is assigned but private use
    assert all(start < after and kind != other for (start, kind), (after, other) in itertools.pairwise(table))


def test_ranges_and_kind_of_agree():
    for kinds in ("S", "N", "ULO"):
        for first, last in ranges(kinds):
            assert kind_of(chr(first)) in kinds
            assert kind_of(chr(last)) in kinds
            assert kind_of(chr(last + 1)) not in kinds


def test_differences_are_where_python_has_another_unicode_or_calls_a_separator_a_space():
    found = differences()
    assert found.pop("_")[0] == (0x1C, 0x1F)
    if unicodedata.unidata_version == unicode_table.UNICODE_VERSION:
        assert found == {}
    for kind, stretches in found.items():
        for first, last in stretches:
            assert kind_of(chr(first)) == kind_of(chr(last)) == kind
            assert unicodedata.category(chr(first)) not in CATEGORIES.get(kind, ())
