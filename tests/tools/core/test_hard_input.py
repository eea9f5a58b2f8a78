"""Values, files and streams that a tool is seldom given: each once ended in a traceback or a wrong line."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.core import demo_tool
from tools.core.errors import ToolError, UsageError
from tools.core.files import MEGABYTE, parse_json, read_json, read_whole
from tools.core.page import answer_for
from tools.core.parameters import Parameter
from tools.core.parsing import parse
from tools.core.words import say

DEPTH = Parameter("integer", 12, "layers", name="depth", low=1, high=10_000)
GPU = Parameter("choice", None, "the GPU", name="gpu", choices=(("H100", "H100"), ("L4", "L4")))
SCRIPT = str(Path(demo_tool.__file__))


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("9" * 29, "must be at most 10,000, not about 1e29"),
        ("-" + "9" * 29, "must be at least 1, not about -1e29"),
        ("-1e99", "must be at least 1, not '-1e99'"),
        (10**400, "must be at most 10,000, not about 1e400"),
        ("1_", "must be a whole number"),
        ("1__000", "must be a whole number"),
        ("１２", "must be a whole number"),
    ],
)
def test_a_number_out_of_reach_is_named_rightly(raw: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse(DEPTH, raw)


def test_numbers_people_write() -> None:
    assert [parse(DEPTH, raw) for raw in ("1_000", "1e3", "1k", "1,000", " 7 ")] == [1000] * 4 + [7]
    assert say(10**18 + 1) == "about 1e18"


def test_a_choice_is_known_whatever_its_case() -> None:
    assert parse(GPU, "h100") == "H100"
    two = Parameter("choice", None, "a letter", name="letter", choices=(("a", "a"), ("A", "A")))
    assert (parse(two, "a"), parse(two, "A")) == ("a", "A")


def shell(line: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", line.replace("TOOL", shlex.join([sys.executable, "-I", str(SCRIPT)]))]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("TOOL >&-", 0),
        ("TOOL --json >&-", 0),
        ("TOOL --help >&-", 0),
        ("TOOL <&- >/dev/null", 0),
        ("TOOL --depth 0 2>&-", 2),
        ("TOOL --help >/dev/full", 1),
        ("TOOL >/dev/full", 1),
        ("TOOL --depth 0 2>/dev/full", 2),
        ("TOOL | head -1 >/dev/null; exit ${PIPESTATUS[0]}", 0),
    ],
)
def test_closed_and_full_streams(line: str, code: int) -> None:
    done = shell(line)
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize("flag", ["--depth", "--price", "--optimizer"])
def test_an_empty_value_on_the_command_line_is_a_forgotten_variable(flag: str) -> None:
    done = shell(f"TOOL {flag} ''")
    assert (done.returncode, done.stderr) == (2, f"demo_tool: error: {flag} needs a value, not ''\n")


def test_an_empty_field_of_a_form_is_one_left_out() -> None:
    assert answer_for(demo_tool.TOOL, {"depth": "", "price": ""})["error"] is None


def test_no_error_steers_the_terminal_or_fills_it() -> None:
    assert "\x1b" not in shell("TOOL $'--de\\x1b[31mpth' 3").stderr
    assert len(shell(f"TOOL --fast={'x' * 5_000}").stderr) < 100
    assert len(shell(f"TOOL --{'x' * 5_000}").stderr) < 200


def test_a_file_is_read_up_to_its_bound() -> None:
    with pytest.raises(ToolError, match="/dev/zero is larger than 1 MB, so it is not a config"):
        read_whole(Path("/dev/zero"), MEGABYTE, "a config")


def test_json_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(file, MEGABYTE, "a config") == {"a": 1}


@pytest.mark.parametrize(
    ("words", "problem"),
    [("[" * 100_000, "too deep"), ("9" * 5_000, "thousands of digits"), ("", "line 1, column 1")],
)
def test_bad_json_is_named(words: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_json(words)
