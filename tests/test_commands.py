"""Every command that a page or the README shows is one that exists: the real parser reads each of them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from nanochat import cli
from tools import microgpt, registry
from tools.core.arguments import read_command
from tools.core.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"^(?P<indent>[ \t]*)```(?P<language>bash|sh|console)\b.*\n(?P<code>(?:.*\n)*?)(?P=indent)```",
    re.MULTILINE,
)
INLINE = re.compile(r"`((?:make|nanochat|python3?) [^`\n]+)`")
COMMAND = re.compile(r"^(?:make|nanochat|python3?(?:\.\d+)?(?: -I)?(?: -m nanochat| tools/\S+))(?:\s|$)")
TARGETS = re.compile(r"^([a-z][a-z -]*):", re.MULTILINE)


def documents() -> list[Path]:
    pages = [path for path in (ROOT / "site_docs").rglob("*.md") if "reference" not in path.parts]
    return sorted([*pages, *(ROOT / "site_docs").rglob("*.py"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])


def commands_of(document: Path, top: Path = ROOT) -> list[tuple[str, str]]:
    """The commands of a document, each with `file:line`."""
    text = document.read_text(encoding="utf-8")
    found = []
    for match in [*FENCE.finditer(text), *INLINE.finditer(text)]:
        code = match["code"] if "code" in match.re.groupindex else match[1]
        line = text.count("\n", 0, match.start()) + 1 + ("code" in match.re.groupindex)
        for number, command in enumerate(re.sub(r"\\\n", "  ", code).splitlines()):
            for part in re.split(r"\s(?:&&|;|\|)\s", command.strip()):
                if COMMAND.match(part):
                    found.append((f"{document.relative_to(top)}:{line + number}", part))
    return found


SHOWN = [command for document in documents() for command in commands_of(document)]


def check(command: str) -> None:
    """Raise if this command would be refused. Nothing is run."""
    words = shlex.split(command, comments=True)
    for end in (">", ">>", "|", "2>"):
        words = words[: words.index(end)] if end in words else words
    program, *rest = words
    if program == "make":
        for word in rest:
            known = word in make_targets() or re.fullmatch(
                r"(PORT=\d+|PYTHON=python3\.\d+|--version|--help)", word
            )
            assert known, f"the Makefile has no target or setting {word!r}"
        return None
    if program == "nanochat":
        return parsed(lambda: cli.check(rest))
    rest = [word for word in rest if word != "-I"]
    if rest[:2] == ["-m", "nanochat"]:
        return parsed(lambda: cli.check(rest[2:]))
    script, *arguments = rest
    if script == "tools/microgpt.py":  # a single file, with flags of its own
        return parsed(lambda: microgpt.flags().parse_args(arguments))
    tool = next((tool for tool in map(registry.load, registry.NAMES) if tool.script == script), None)
    assert tool, f"{script} is not the script of a tool"
    return parsed(lambda: read_command(tool, arguments, prog=script))


def parsed(parse) -> None:
    """Call a parser; asking it for help ends the program, and is no mistake."""
    code = 0
    try:
        parse()
    except SystemExit as end:
        code = end.code
    assert not code


def make_targets() -> set[str]:
    found = TARGETS.findall((ROOT / "Makefile").read_text(encoding="utf-8"))
    return {target for names in found for target in names.split()}


@pytest.mark.parametrize(("place", "command"), SHOWN, ids=[f"{place} {command}" for place, command in SHOWN])
def test_a_shown_command_is_one_that_exists(place, command, capsys):
    check(command)


def test_the_two_commands_are_shown_on_the_first_page_and_in_the_readme():
    for document in ("site_docs/index.md", "README.md"):
        assert "make serve" in [command for _, command in commands_of(ROOT / document)], document


@pytest.mark.parametrize(
    "command",
    [
        "make sreve",
        "nanochat tool",
        "nanochat tools calculator",
        "python tools/model_calculator.py --dept 3",
        "python tools/x.py",
        "python tools/microgpt.py --step 3",
    ],
)
def test_a_misspelled_command_is_found(command):
    with pytest.raises((AssertionError, UsageError)):
        check(command)


def test_commands_are_found_in_a_page(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("Type `make test`.\n\n```bash\ncd here\nmake serve PORT=8001\n```\n", encoding="utf-8")
    assert commands_of(page, tmp_path) == [("page.md:5", "make serve PORT=8001"), ("page.md:1", "make test")]
