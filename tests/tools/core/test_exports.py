"""What tools write: whole files, nothing replaced unasked; reports that say the data is bad; live reports."""

from __future__ import annotations

import dataclasses
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.core import demo_tool
from tools.core.command import main
from tools.core.errors import ToolError
from tools.core.exports import write_parts
from tools.core.page import export
from tools.core.report import Report, Row, Rows, Section
from tools.core.tool import Export

ROOT = Path(__file__).resolve().parents[3]


def rows(asked):
    if asked.text == "bad":
        raise ToolError("demo.jsonl:3: the record has no messages")
    yield "depth\n"
    yield f"{asked.depth}\n"


def counted(asked):
    if not asked.fast:
        return None
    figures = (Rows([Row("number", "Number", number)]) for number in (1, 2, 3))
    return (Report("Counted", [Section("Now", [one])], ok=False) for one in figures)


TOOL = dataclasses.replace(
    demo_tool.TOOL, exports=[Export("csv", "demo.csv", "the depth", rows)], watch=counted
)


def test_a_file_is_written_beside_the_report(tmp_path, capsys):
    path = tmp_path / "a.csv"
    assert main(TOOL, ["--depth", "4", "--csv", str(path)]) == 0
    said = capsys.readouterr()
    assert path.read_text() == "depth\n4\n"
    assert "DEMO & TEST" in said.out
    assert said.err == f"wrote {path}\n"
    assert [one.name for one in tmp_path.iterdir()] == ["a.csv"]


def test_standard_output_takes_the_place_of_the_report(capsys):
    assert main(TOOL, ["--depth", "4", "--csv", "-"]) == 0
    assert capsys.readouterr().out == "depth\n4\n"


def test_nothing_is_replaced_unasked(tmp_path, capsys):
    path = tmp_path / "a.csv"
    path.write_text("mine")
    assert main(TOOL, ["--csv", str(path)]) == 2
    assert f"--csv: {path} exists; give another name, or --overwrite" in capsys.readouterr().err
    assert path.read_text() == "mine"
    assert main(TOOL, ["--csv", str(path), "--overwrite"]) == 0
    assert path.read_text() == "depth\n6\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--csv", "{}"], "must be a file, and"),
        (["--csv", "{}/no/a.csv"], "there is no folder"),
        (["--csv", "-", "--json"], "only one thing can go to standard output"),
        (["--csv", "{}/a", "--html", "{}/a"], "two files of one name"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(tmp_path, capsys, words, said):
    assert main(TOOL, [word.format(tmp_path) for word in words]) == 2
    heard = capsys.readouterr()
    assert said in heard.err
    assert heard.out == ""
    assert not list(tmp_path.iterdir())


def test_a_failure_leaves_no_half_file(tmp_path, capsys):
    assert main(TOOL, ["--text", "bad", "--csv", str(tmp_path / "a.csv")]) == 1
    assert not list(tmp_path.iterdir())


def test_a_name_taken_in_the_meantime_is_left(tmp_path):
    path = tmp_path / "a.csv"

    def parts():
        yield "one"
        path.write_text("theirs")

    with pytest.raises(ToolError, match="left as it is"):
        write_parts(path, parts())
    assert path.read_text() == "theirs"


def test_every_tool_writes_its_report_as_a_page(tmp_path):
    path = tmp_path / "a.html"
    assert main(TOOL, ["--text", "<script>alert(1)</script>", "--html", str(path)]) == 0
    html = path.read_text()
    assert html.startswith("<!doctype html>")
    assert "<script" not in html
    assert "@media (prefers-color-scheme: dark) { :root {" in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org/2000/svg", "")


def test_data_that_is_bad_ends_with_code_1_and_its_report(capsys):
    assert main(TOOL, ["--fast", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["sections"]["now"]["number"]) == (False, 3)


def test_without_a_terminal_a_live_tool_prints_its_last_report(capsys):
    assert main(TOOL, ["--fast"]) == 1
    out = capsys.readouterr().out
    assert out.count("COUNTED") == 1
    assert "\x1b" not in out


def test_on_a_terminal_each_report_is_drawn_over_the_last():
    program = (
        "import sys; from tests.tools.core.test_exports import TOOL; from tools.core.command import main; "
        "sys.exit(main(TOOL, ['--fast', '--no-color']))"
    )
    leader, follower = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stdout=follower,
        stderr=subprocess.PIPE,
        env={**os.environ, "TERM": "xterm"},
    )
    os.close(follower)
    seen = b""
    while True:
        try:
            data = os.read(leader, 65_536)
        except OSError:  # the other side has ended
            break
        if not data:
            break
        seen += data
    os.close(leader)
    assert done.wait() == 1
    text = seen.decode()
    assert text.count("COUNTED") == 3
    assert text.count("\x1b[2J") == 1
    assert text.count("\x1b[H") == 3


def test_a_page_gets_the_file_as_text(monkeypatch):
    monkeypatch.setattr("tools.core.page.load", lambda name: TOOL)
    assert json.loads(export("demo-tool", '{"depth": "4"}', "csv")) == {
        "text": "depth\n4\n", "file_name": "demo.csv", "error": None, "needs": [], "needs_model": False,
    }  # fmt: skip
    assert "no messages" in json.loads(export("demo-tool", '{"text": "bad"}', "csv"))["error"]


def test_exports_stand_in_the_help(capsys):
    main(TOOL, ["--help"])
    out = capsys.readouterr().out
    assert "--csv FILE" in out
    assert "--html FILE" in out
    assert "--overwrite" in out


def test_the_page_is_made_of_the_answer_at_hand(tmp_path):
    """A file of a gigabyte is not read a second time for it."""
    asked = []

    def run(parameters):
        asked.append(parameters)
        return demo_tool.run(parameters)

    once = dataclasses.replace(demo_tool.TOOL, run=run)
    assert main(once, ["--html", str(tmp_path / "a.html")]) == 0
    assert len(asked) == 1
