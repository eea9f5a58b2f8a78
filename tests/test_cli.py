from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import nanochat
from nanochat import cli
from tools import registry
from tools.core.errors import UsageError

ROOT = Path(__file__).resolve().parents[1]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "nanochat", *words)


def python(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)


def test_help_lists_the_commands_that_exist():
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, "")
    width = max(map(len, cli.COMMANDS))
    for name, command in cli.COMMANDS.items():
        assert f"  {name:<{width}}  {command.summary}\n" in done.stdout
    assert "examples:" in done.stdout
    assert run().stdout == done.stdout


def test_help_imports_nothing_heavy():
    """`make bench` times it; what makes it slow is an import."""
    program = "import sys, nanochat.cli as cli; cli.main(['--help']); print(len(sys.modules), *sys.modules)"
    count, *modules = python("-c", program).stdout.splitlines()[-1].split()
    assert not {"torch", "numpy", "asyncio", "unittest", "urllib.request"} & set(modules)
    assert int(count) < 150


def test_the_version_is_the_projects():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert nanochat.__version__ == project["version"]
    assert project["scripts"] == {"nanochat": "nanochat.cli:main"}
    assert run("--version").stdout == f"nanochat {nanochat.__version__}\n"


def test_tools_are_listed_with_a_line_each():
    done = run("tools")
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(registry.NAMES)
    assert all(len(line) <= 110 for line in done.stdout.splitlines())


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_every_command_has_help_with_examples(name, capsys):
    assert cli.main([*name.split(), "--help"]) == 0
    said = capsys.readouterr().out
    assert f"nanochat {name}" in said
    assert "examples:" in said


def test_parsers_of_commands_import_nothing_heavy():
    program = (
        "import sys; from nanochat import cli\n"
        "for command in cli.COMMANDS.values(): command.load().make_parser()\n"
        "print(*sys.modules)"
    )
    modules = set(python("-c", program).stdout.split())
    assert "nanochat.commands.train_base" in modules
    assert not {"torch", "numpy", "pyarrow", "tiktoken", "rich", "huggingface_hub"} & modules


@pytest.mark.parametrize("words", [["train"], ["train", "--help"], ["train", "-h"]])
def test_the_first_word_of_several_commands_lists_them(words, capsys):
    assert cli.main(words) == 0
    said = capsys.readouterr().out
    assert f"nanochat {'train base':<16} {cli.COMMANDS['train base'].summary}" in said
    assert "nanochat data" not in said
    assert "nanochat train COMMAND --help" in said


def test_a_group_says_the_same_from_a_shell():
    done = run("data", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "nanochat data prepare" in done.stdout


@pytest.mark.parametrize("name", registry.NAMES)
def test_a_tool_answers_alike_by_its_name_and_by_its_file(name):
    tool = registry.load(name)
    assert tool.name == name
    by_name = run("tools", name, "--help")
    by_file = python("-I", "-S", tool.script, "--help")
    assert (by_name.returncode, by_name.stderr, by_file.returncode, by_file.stderr) == (0, "", 0, "")
    assert f"nanochat tools {name}" in by_name.stdout
    assert f"python {tool.script}" in by_file.stdout
    assert tool.summary in by_file.stdout.replace("\n", " ")


def test_the_list_of_tools_has_a_line_for_each_at_80_columns():
    lines = run("tools").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(registry.NAMES)
    for line in lines:
        name, said = line.split(maxsplit=1)
        assert len(line) <= 80
        assert registry.load(name).summary.startswith(said.removesuffix(" ..."))
        assert len(said) >= 20


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["tool"], "nanochat: error: there is no command 'tool'; did you mean tools?; see nanochat --help"),
        (["trian", "base"], "nanochat: error: there is no command 'trian'; did you mean train?"),
        (["train", "bas"], "nanochat: error: there is no command 'train bas'; did you mean base?; there is"),
        (["bench", "all"], "nanochat: error: there is no command 'bench all'; there is bench train, bench"),
        (["train", "base", "--dept", "4"], "nanochat: error: there is no --dept; did you mean --depth?"),
        (["train", "base", "--depth", "x"], "nanochat: error: "),
        (["--versio"], "nanochat: error: there is no --versio; did you mean --version?"),
        (["tools", "--al"], "nanochat: error: there is no --al"),
        (["tools", "calculator"], "nanochat: error: there is no tool 'calculator'; did you mean"),
        (["tools", "model-calculator", "--x"], "nanochat tools model-calculator: error: there is no --x"),
    ],
)
def test_a_wrong_word_is_one_line_and_exit_code_2(words, line):
    done = run(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    with pytest.raises(UsageError):
        cli.check(words)


def test_words_are_checked_without_running_anything(capsys):
    cli.check([])
    cli.check(["tools"])
    cli.check(["tools", "model-calculator"])
    assert capsys.readouterr() == ("", "")
