"""What the learning-rate finder's suggestions for the laptop model came to, in the saved runs."""

from __future__ import annotations

import json
import shlex

from nanochat.commands import train_base
from tools.core.json_report import figures
from tools.lr_finder import TOOL
from web.figures.lr_finder_runs import SAVED, runs_table


def test_the_suggestions_beat_ten_times_and_a_tenth_of_them() -> None:
    """The saved runs are of what the tool suggests today; how they were made stands in the file."""
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    report = figures(TOOL.ask(example="laptop"))
    suggested = {row["group"]: row["suggestion"] for row in report["suggestions"]["groups"]}
    for group in ("all", "matrices"):
        runs = {one["times"]: one for one in saved["results"] if one["group"] == group}
        assert runs[1]["factor"] == suggested[group]
        for key in ("loss", "val_bpb"):
            assert runs[1][key] < runs[0.1][key]
            assert runs[1][key] < runs[10][key]
    again = {one["times"]: one for one in saved["second_seed"]}
    assert again[1]["loss"] < again[10]["loss"]
    assert again[1]["val_bpb"] < again[10]["val_bpb"]


def test_the_commands_of_the_saved_runs_parse() -> None:
    saved = json.loads(SAVED.read_text(encoding="utf-8"))
    for line in saved["commands"]:
        words = shlex.split(line.removeprefix("OMP_NUM_THREADS=1 "))
        if words[:3] == ["nanochat", "train", "base"]:
            train_base.check(train_base.make_parser().parse_args(words[3:]))


def test_the_table_has_a_line_for_every_run() -> None:
    assert runs_table().count("\n") == 1 + 6
