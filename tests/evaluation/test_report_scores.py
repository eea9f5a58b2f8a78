"""The table of scores, and the command behind every number in it."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from nanochat import cli
from nanochat.evaluation.names import CHAT, CHATCORE, CLASSROOM, CORE, names_in
from nanochat.evaluation.report.blocks import Table
from nanochat.evaluation.report.reading import read_report
from nanochat.evaluation.report.record import Report
from nanochat.evaluation.report.scores import commands_of, core_blocks, expected, score_table
from nanochat.evaluation.results import write
from nanochat.home import run_folder
from tests.evaluation.reported_runs import STEPS, put_chain, put_core, put_run, put_score


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path / "base"))


def report() -> Report:
    return read_report(run_folder("rl"))


def rows(of: Report) -> dict[str, list[str]]:
    return {name: cells for name, *cells in score_table(of).rows}


def tasks_in(command: str) -> list[str]:
    """What a command of `nanochat eval` measures, by the command's own parser."""
    cli.check(shlex.split(command)[1:])
    found, rest = cli.find_command(shlex.split(command)[1:])
    return names_in(found.load().make_parser().parse_args(list(rest)).tasks)


def test_values_have_their_error_n_and_centred_score() -> None:
    put_chain()
    put_score("sft", "mmlu", 50, 100, chance=0.25)
    put_score("rl", "mmlu", 65, 100, chance=0.25)
    put_score("rl", "spelling", 1500, 2000)
    found = rows(report())
    assert score_table(report()).head == ["metric", "BASE", "SFT", "RL"]
    assert found["mmlu"] == [
        "–", "50.0 % ± 5.0\nn 100\ncentred 0.333 ± 0.067", "65.0 % ± 4.8\nn 100\ncentred 0.533 ± 0.064",
    ]  # fmt: skip
    assert found["spelling"] == ["–", "not measured", "75.0 % ± 1.0\nn 2,000"]


def test_bits_per_byte_and_core_have_their_own_units() -> None:
    put_chain()
    put_score("base", "bpb", 0, 4_096, value=1.23456, error=None, accuracy=None, chance=0.0, interval=None)
    put_core(("colours", 6, 10, 0.25), ("names", 3, 10, 0.0))
    found = rows(report())
    assert found["bits per byte"] == ["1.2346\n4,096 bytes", "–", "–"]
    assert found["CORE"][0].startswith("0.3833 ± ")
    assert found["CORE"][0].endswith("\nn 20")
    _, table = core_blocks(report())
    assert isinstance(table, Table)
    assert table.rows == [
        ["colours", "60.0 % ± 15.5", "10", "0.467 ± 0.207"],
        ["names", "30.0 % ± 14.5", "10", "0.300 ± 0.145"],
    ]


def test_none_right_is_not_shown_as_certain() -> None:
    put_chain()
    put_score("rl", "spelling", 0, 100)
    assert rows(report())["spelling"][2] == "0.0 % (at most 3.7)\nn 100"


def test_a_part_of_the_test_and_another_step_are_said() -> None:
    put_chain()
    put_score("rl", "spelling", 50, 100, limit=100, step=10)
    assert rows(report())["spelling"][2] == "50.0 % ± 5.0\nn 100, a part\nstep 10"


def test_of_the_same_step_the_whole_test_is_shown() -> None:
    put_chain()
    put_score("rl", "spelling", 50, 100, limit=100, date="2027")
    put_score("rl", "spelling", 1500, 2000, date="2026")
    put_score("rl", "spelling", 9, 9_000, split="train")
    assert rows(report())["spelling"][2] == "75.0 % ± 1.0\nn 2,000"


def test_two_runs_of_one_stage_are_told_apart() -> None:
    put_run("base")
    put_run("sft")
    put_run("sft", "more", origin={"run": "sft", "stage": "sft", "step": STEPS})
    assert score_table(read_report(run_folder("more"))).head == ["metric", "BASE", "SFT sft", "SFT more"]


def test_a_stage_that_is_gone_is_in_the_table() -> None:
    put_run("rl")
    found = rows(report())
    assert score_table(report()).head == ["metric", "SFT", "RL"]
    assert found["spelling"] == ["gone", "not measured"]


@pytest.mark.parametrize("stage", ["base", "sft", "rl"])
def test_what_every_run_should_have_can_be_measured(stage: str) -> None:
    assert set(expected(stage)) - {CHATCORE} <= {*names_in("all")}


def test_every_number_has_one_command_and_every_gap_one_that_fills_it() -> None:
    put_chain()
    measured = [
        put_score("rl", "spelling", 50, 100), put_score("sft", "spelling", 40, 100),
        put_core(("colours", 6, 10, 0.25)),
    ]  # fmt: skip
    commands = {command: numbers for numbers, command in commands_of(report())}
    assert commands[measured[0].command] == "RL spelling: 50.0 % ± 5.0"
    assert commands[measured[1].command] == "SFT spelling: 40.0 % ± 4.9"
    assert commands[measured[2].command].startswith("BASE CORE: ")
    filled = {
        (command.split("--run=")[1].split(" ")[0], task)
        for command, numbers in commands.items()
        if "not measured" in numbers
        for task in tasks_in(command)
    }
    chat = {*CHAT, *CLASSROOM}
    assert filled == {
        ("base", "bpb"),
        *((run, task) for run in ("sft", "rl") for task in chat - {"spelling"}),
    }
    assert all(f" --step={STEPS} " in command for command in commands)


def test_what_must_be_fetched_first_does_not_hold_up_the_rest() -> None:
    put_chain()
    for _, command in commands_of(report()):
        names = tasks_in(command)
        assert CORE not in names or names == [CORE]
        assert not {"mmlu", "gsm8k"} & set(names) or names == list(CHAT)


def test_a_run_elsewhere_is_measured_by_its_folder(tmp_path: Path) -> None:
    folder = put_run("base", folder=tmp_path / "my runs" / "d4")
    for _, command in commands_of(read_report(folder)):
        assert f"--run={folder}" in shlex.split(command)


def test_results_of_another_stage_in_the_folder_are_not_shown() -> None:
    put_chain()
    write(run_folder("rl"), put_score("sft", "spelling", 50, 100))
    assert rows(report())["spelling"][2] == "not measured"
