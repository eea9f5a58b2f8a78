from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given

from tests.tools.core import demo_tool
from tests.tools.core.test_parameters import demos
from tools.core.arguments import help_of, make_parser, read_command, to_command
from tools.core.command import main
from tools.core.errors import UsageError
from tools.core.parameters import parameters_of

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = str(Path(demo_tool.__file__))
TOOL = demo_tool.TOOL


def run(*words: str, **settings) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    environment |= {"PYTHONIOENCODING": "utf-8"} | settings.pop("env", {})
    # -I: no user site, no PYTHONPATH, no script folder on the path. A tool must stand on its own.
    command = [sys.executable, "-I", *settings.pop("python", []), SCRIPT, *words]
    settings |= {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 60}
    return subprocess.run(command, env=environment, check=False, **settings)


def raw(*words: str | bytes, **settings) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-I", SCRIPT, *words]
    return subprocess.run(command, **{"stderr": subprocess.PIPE, **settings}, timeout=60, check=False)


def test_a_tool_runs_by_its_path_on_bare_python():
    done = run("--depth", "12", python=["-S"])
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("=" * 70 + "\nDEMO & TEST\n")
    assert "12 layers" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (["--depth", "0"], 2, "--depth must be at least 1, not 0"),
        (["--depth=nan"], 2, "--depth must be a whole number, not 'nan'"),
        (["--depth", "-inf"], 2, "--depth must be a whole number, not '-inf'"),
        (["--depth", "-5"], 2, "--depth must be at least 1, not -5"),
        (["--depth", "-1e5"], 2, "--depth must be at least 1, not -100,000"),
        (["--depth"], 2, "--depth needs a value"),
        (["--depth", "--json"], 2, "--depth needs a value"),
        (["--dept", "3"], 2, "there is no --dept; did you mean --depth?"),
        (["-x"], 2, "there is no -x"),
        (["--fast=1"], 2, "--fast takes no value"),
        (["one", "two"], 2, "'two' is one argument too many; put quotes around text with spaces"),
        (["one", "--text", "two"], 2, "--text is given twice: with the flag and without"),
        (["--optimizer", "adam"], 2, "--optimizer must be muon or adamw, not 'adam'; did you mean adamw?"),
        (["--config", "no such\nfile.json"], 2, "--config names no file here: 'no such\\nfile.json'"),
        (["--depth", "7"], 2, "--depth 7 is odd; use 6 or 8"),
        (["bad"], 1, "demo.jsonl:3: the record has no messages"),
        (["unreadable"], 1, "secret.txt: Permission denied"),
        (["needs"], 1, "the ranks are not here; run `make site`"),
    ],
)
def test_an_error_is_one_line_and_an_exit_code(words, code, line):
    done = run(*words)
    assert (done.stderr, done.returncode) == (f"demo_tool: error: {line}\n", code)
    assert done.stdout == ""


def test_an_interrupt_is_quiet():
    done = run("interrupt")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_a_reader_that_leaves_is_no_error():
    for words in (["--json", "x" * 900], ["--help"]):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(
            [sys.executable, "-I", SCRIPT, *words],
            stdout=writing,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(writing)
        assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_said_in_one_line():
    with open("/dev/full", "wb") as full:
        done = raw(stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"demo_tool: error: No space left on device\n"


def test_json_is_json_and_says_what_was_asked():
    words = ["--total-tokens", "2.5B", "--no-careful", "--show", "rate", "--show", "norm", "--text", "-q"]
    done = run("--json", *words)
    found = json.loads(done.stdout)
    assert found["parameters"] == {
        "depth": 6,
        "total_tokens": 2_500_000_000,
        "price": None,
        "optimizer": "muon",
        "show": ["rate", "norm"],
        "text": "-q",
        "lines": [],
        "fast": False,
        "careful": False,
        "config": None,
    }
    assert found["sections"]["figures"]["tokens"] == 2_500_000_000


def test_explain_adds_formulas():
    assert "      = 6 / 2\n" in run("--explain").stdout


def test_help_names_every_flag_its_range_and_the_examples():
    done = run("--help", env={"COLUMNS": "100"})
    assert (done.returncode, done.stderr) == (0, "")
    for parameter in parameters_of(TOOL.parameters):
        assert parameter.flag in done.stdout or "--no-" + parameter.key in done.stdout
    for words in (
        "layers of the model (1 to 1,000; default: 6)",
        "Money:",
        "--json",
        "--explain",
        "--no-color",
    ):
        assert words in done.stdout
    assert "examples:\n  python tools/demo_tool.py --depth 12 --fast\n      twelve layers" in done.stdout


def test_every_example_runs(capsys):
    for arguments, _ in TOOL.examples:
        assert main(TOOL, shlex.split(arguments)) == 0
        assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("encoding", "line"), [("ascii", "\\xe9\\u65e5"), ("utf-8", "é日"), ("cp1252", "é\\u65e5")]
)
def test_any_output_encoding_works(encoding, line):
    program = (
        "import sys, runpy;"
        f"sys.stdout.reconfigure(encoding={encoding!r}); sys.argv[1:] = ['é日'];"
        f"sys.path.insert(0, {str(ROOT)!r});"
        f"runpy.run_path({SCRIPT!r}, run_name='__main__')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    assert line in done.stdout.decode(encoding)


def test_bytes_that_are_no_text_do_not_end_the_program():
    assert raw(b"\xff\xfe", "--json", stdout=subprocess.DEVNULL).returncode == 0
    assert raw(b"\xff\xfe", stdout=subprocess.DEVNULL).returncode == 0
    done = raw("--depth", b"\xff")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def in_a_terminal(*words: str, **extra: str) -> str:
    """What a person sees: the tool's output in a pseudo-terminal."""
    environment = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "COLUMNS")}
    environment |= {"TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"} | extra
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [sys.executable, SCRIPT, *words], stdout=follower, stderr=follower, env=environment
    ) as process:
        os.close(follower)
        seen = b""
        while True:
            try:
                part = os.read(leader, 65536)
            except OSError:  # Linux says EIO when the other end is closed
                break
            if not part:
                break
            seen += part
    os.close(leader)
    assert process.returncode == 0
    return seen.decode()


def test_colours_are_for_people_who_want_them():
    assert "\x1b[1mDEMO & TEST\x1b[0m" in in_a_terminal()
    assert "\x1b" not in in_a_terminal("--no-color")
    assert "\x1b" not in in_a_terminal(NO_COLOR="1")
    assert "\x1b" not in in_a_terminal(TERM="dumb")


@given(demos)
def test_a_copied_command_asks_the_same(demo):
    command = shlex.split(to_command(TOOL, demo))
    assert command[:2] == ["python", "tools/demo_tool.py"]
    assert read_command(TOOL, command[2:], "demo")[0] == demo


def test_abbreviations_are_refused():
    with pytest.raises(UsageError, match=r"there is no --total; did you mean"):
        read_command(TOOL, ["--total", "3"], "demo")


def test_help_lines_are_never_read_as_formats():
    parser = make_parser(TOOL, "demo %s %(prog)s")
    assert "--depth" in parser.format_help()
    assert help_of(parameters_of(TOOL.parameters)[2]) == "what an hour costs (at least 0)"


def test_importing_the_core_loads_nothing_heavy():
    heavy = ["pathlib", "shutil", "tempfile", "urllib", "difflib", "decimal", "torch", "html", "textwrap"]
    program = f"""import sys
before = set(sys.modules)
import tools.core.command
print(sorted((set(sys.modules) - before) & set({heavy})))"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == b"[]"
