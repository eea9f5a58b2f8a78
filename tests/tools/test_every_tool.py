"""What holds for all tools: bare Python, 80 columns, one truth in all faces, damaged files."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nanochat import cli
from tools import registry
from tools.core.arguments import read_command
from tools.core.html import render_html
from tools.core.json_report import render_json
from tools.core.parameters import parameters_of
from tools.core.report import Code, Report
from tools.core.terminal_text import width_of

ROOT = Path(__file__).resolve().parents[2]
TOOLS = pytest.mark.parametrize("name", registry.NAMES)
NOBODY = 65534


def run(name: str, *words: str, **settings) -> subprocess.CompletedProcess[str]:
    """The tool as a script, on a Python that has nothing but its standard library."""
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")}
    command = [sys.executable, "-I", "-S", registry.load(name).script, *words]
    settings = {"cwd": ROOT, "env": environment | {"PYTHONIOENCODING": "utf-8"}, "timeout": 120} | settings
    return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, **settings)


def on_bare_python(name: str) -> list[str]:
    """The examples of the help that need no trained model."""
    tool = registry.load(name)
    return [words for words, _ in tool.examples if not terminal_only(name, words)]


def terminal_only(name: str, words: str) -> bool:
    tool = registry.load(name)
    # A page asks its own model; in a terminal that takes a checkpoint.
    flags = {one.flag for one in parameters_of(tool.parameters) if one.terminal or one.asks_model}
    written = {f"--{one.key}" for one in tool.exports} | {"--html"}
    split = shlex.split(words)
    asked = {word.split("=")[0] for word in split}
    return bool(asked & (flags | written)) or "<" in words or any(map(of_ones_own, split))


def of_ones_own(word: str) -> bool:
    """Whether a word of an example names something that the reader is to have: `mine.jsonl`, `corpus/`."""
    named = word.endswith(("/", ".json", ".jsonl", ".txt", ".csv", ".safetensors"))
    return named and "{" not in word and not (ROOT / word).exists()


EXAMPLES = [(name, words) for name in registry.NAMES for words in on_bare_python(name)]


def asked(name: str, words: str):
    """The parameters that an example asks with."""
    return read_command(registry.load(name), shlex.split(words), name)[0]


@TOOLS
def test_every_example_of_the_help_parses(name, tmp_path, monkeypatch):
    """Also those that name a file of the reader's own, which is put there."""
    for linked in ("tools", "site_docs", "README.md"):
        (tmp_path / linked).symlink_to(ROOT / linked)
    monkeypatch.chdir(tmp_path)
    tool = registry.load(name)
    assert len(tool.examples) >= 3
    for words, shows in tool.examples:
        assert shows
        for word in filter(of_ones_own, shlex.split(words)):
            path = tmp_path / word
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir(exist_ok=True) if word.endswith("/") else path.touch()
        cli.check(["tools", name, *shlex.split(words.split(" < ")[0])])


@TOOLS
def test_some_examples_need_nothing(name):
    assert len(on_bare_python(name)) >= 2


@pytest.mark.parametrize(("name", "words"), EXAMPLES, ids=[" ".join(one)[:60] for one in EXAMPLES])
def test_an_example_runs_on_bare_python_and_fits_80_columns(name, words):
    done = run(name, *shlex.split(words))
    report = registry.load(name).report(asked(name, words))
    assert (done.returncode, done.stderr) == (0 if report.ok else 1, "")
    assert "\x1b" not in done.stdout
    long = {line for code in codes(report) for line in code.text.split("\n")}
    wide = [line for line in done.stdout.splitlines() if width_of(line) > 80 and line.strip() not in long]
    assert not wide


def codes(report: Report) -> list[Code]:
    """What stands there to be copied, and is never wrapped."""
    return [block for section in report.sections for block in section.blocks if isinstance(block, Code)]


@pytest.mark.parametrize(("name", "words"), EXAMPLES, ids=[" ".join(one)[:60] for one in EXAMPLES])
def test_json_and_html_say_what_the_functions_say(name, words):
    expected = registry.load(name).report(asked(name, words))
    assert json.loads(run(name, *shlex.split(words), "--json").stdout) == json.loads(render_json(expected))
    page = run(name, *shlex.split(words), "--html", "-").stdout
    assert render_html(expected, level=1) in page
    assert "<script" not in page


@TOOLS
def test_help_fits_and_says_how_to_write_files(name):
    done = run(name, "--help", env={**os.environ, "COLUMNS": "80"})
    assert done.returncode == 0
    for line in ("examples:", "--json", "--html FILE", "--overwrite", "--no-color"):
        assert line in done.stdout


def test_all_are_listed_with_one_line_each(capsys):
    assert cli.main(["tools"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.NAMES)
    assert all(len(line) <= 80 for line in lines)


def damaged(folder: Path) -> dict[str, Path]:
    """Files that are not what any tool wants."""
    latin = '{"messages": [{"role": "user", "content": "Größe"}]}\n'.encode("latin-1")
    contents = {
        "empty": b"",
        "cut": b'{"step": 1, "loss": 5.5}\n{"step": 2, "lo',
        "latin": latin,
        "binary": Path(sys.executable).read_bytes()[:100_000],
        "number": b"7\n",
        "deep": b"[" * 200_000,
        "zeros": b"\0" * 1_000,
        "wide": '{"a": 1}\n'.encode("utf-16"),
    }
    found = {}
    for name, data in contents.items():
        for suffix in (".jsonl", ".json", ".safetensors"):
            found[name + suffix] = folder / f"{name}{suffix}"
            found[name + suffix].write_bytes(data)
    return found


FILES = [
    (name, parameter.flag)
    for name in registry.NAMES
    for parameter in parameters_of(registry.load(name).parameters)
    if parameter.kind == "file"
]


@pytest.mark.parametrize(("name", "flag"), FILES)
def test_a_damaged_file_gets_clear_words_and_an_exit_code(name, flag, tmp_path):
    """One line that names the file, or a report that says what is wrong; and never a traceback."""
    for path in damaged(tmp_path).values():
        done = run(name, flag, str(path))
        what = f"{name} {flag} {path.name}: {done.returncode}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in what, what
        if done.returncode == 0:
            # Text is text to a tool that reads any; then it reads all of it.
            assert path.name.split(".")[0] in ("cut", "deep", "number", "empty"), what
            assert done.stderr == "", what
        elif done.stdout:
            assert done.returncode == 1, what
        else:
            assert done.returncode in (1, 2), what
            assert done.stderr.count("\n") == 1, what
            assert path.name in done.stderr or flag in done.stderr, what


@pytest.mark.parametrize(("name", "flag"), FILES)
def test_a_file_that_may_not_be_read_is_named(name, flag, tmp_path):
    path = tmp_path / "mine.jsonl"
    path.write_text('{"step": 1}\n')
    path.chmod(0)
    # Nothing is forbidden to root, so the tool becomes nobody when all it imports has been imported.
    words = shlex.split(on_bare_python(name)[0])
    program = (
        "import contextlib, io, os, sys\n"
        "from tools import registry\n"
        "from tools.core.command import main\n"
        f"tool = registry.load({name!r})\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        f"    main(tool, {words!r})\n"
        f"if os.getuid() == 0: os.seteuid({NOBODY})\n"
        f"sys.exit(main(tool, [{flag!r}, {str(path)!r}]))\n"
    )
    for folder in (tmp_path, *tmp_path.parents[:2]):
        folder.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "Permission denied" in done.stderr + done.stdout
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize(("name", "flag"), FILES)
def test_a_file_that_is_not_there_is_a_wrong_question(name, flag, tmp_path):
    done = run(name, flag, str(tmp_path / "gone.jsonl"))
    assert done.returncode in (1, 2)
    assert done.stderr.count("\n") == 1
    assert "gone.jsonl" in done.stderr
