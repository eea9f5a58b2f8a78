"""No code is shown that has not run.

The fences of pages run when the site is built (live cells, exercises, `exec` fences), and the build fails
with them. Here stands the rest: that every Python fence of a page is one of these or says why it cannot
run, that the built site has them all, that the examples of docstrings hold, and that the fences of README
and CONTRIBUTING do.
"""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pytest_examples import CodeExample, EvalExample, find_examples

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(path for path in (ROOT / "site_docs").rglob("*.md") if "reference" not in path.parts)
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
FENCE = re.compile(
    r"^(?P<indent>[ \t]*)```(?P<header>[^\n`]*)\n(?P<code>.*?)^(?P=indent)```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
RUNS_AT_BUILD = re.compile(r"\b(live\b|exercise=|checks=|solution=|exec=\"on\")")
WHY_NOT = re.compile(r'\bnorun="[^"]{8,}"')
# What is shown and not run: output, other notations, commands (tests/test_commands.py reads those), and our
# own fences.
NOT_PYTHON = {
    "text",
    "console",
    "bash",
    "sh",
    "json",
    "yaml",
    "toml",
    "mermaid",
    "quiz",
    "source",
    "tool",
    "explore",
    "model",
    "diff",
    "css",
    "html",
    "markdown",
    "make",
    "typescript",
}
# What a docstring's doctest cannot see: functions of the site's build that need MkDocs around them.
MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("nanochat", "tools", "web")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "node_modules" not in path.parts and path.name != "__main__.py"
]
EXAMPLES = list(find_examples(*DOCUMENTS, ROOT / "nanochat", ROOT / "tools"))


def fences(page: Path) -> list[tuple[str, str]]:
    """The header of every fence of a page, with `file:line`."""
    text = page.read_text(encoding="utf-8")
    return [
        (f"{page.relative_to(ROOT)}:{text.count(chr(10), 0, match.start()) + 1}", match["header"].strip())
        for match in FENCE.finditer(text)
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_python_fence_of_a_page_runs_or_says_why_not(page):
    for place, header in fences(page):
        language = header.split(" ")[0]
        if language in ("python", "py", "pycon"):
            assert RUNS_AT_BUILD.search(header) or WHY_NOT.search(header), (
                f'{place}: this fence never runs; make it `live`, `exec="on"`, or say norun="why not"'
            )
        else:
            assert language in NOT_PYTHON, f"{place}: a fence of kind {language!r} is not known to this test"


def test_the_built_site_has_every_cell_and_exercise(site_folder):
    """A fence whose header the site does not understand would be shown as plain code, and never run."""
    for page in PAGES:
        headers = [header for _, header in fences(page) if header.startswith("python")]
        built = built_page(site_folder, page).read_text(encoding="utf-8")
        cells = sum(bool(re.search(r"\blive\b", header)) for header in headers)
        exercises = sum('exercise="' in header for header in headers)
        assert built.count('class="live-cell exercise"') == exercises, page
        assert built.count('class="live-cell"') == cells, page


def built_page(site: Path, page: Path) -> Path:
    name = page.relative_to(ROOT / "site_docs").with_suffix("")
    return site / (name.parent if name.name == "index" else name) / "index.html"


@pytest.fixture
def site_folder() -> Path:
    folder = ROOT / "site"
    if not (folder / "index.html").is_file():
        pytest.fail("there is no built site; run `make site` first")
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_docstrings_hold(module):
    result = doctest.testmod(
        importlib.import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    )
    assert result.failed == 0


def test_there_are_examples():
    """So that a mistake in this file, which finds none, does not pass for a proof."""
    counts = [
        len(doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(name))) for name in MODULES
    ]
    assert len(MODULES) > 20
    assert sum(counts) > 100


@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_a_fence_of_a_document_runs(example: CodeExample, eval_example: EvalExample):
    if "norun=" in example.prefix:
        assert WHY_NOT.search(example.prefix), "norun needs a reason"
    elif not RUNS_AT_BUILD.search(example.prefix):  # a document may show how such a fence is written
        eval_example.run(example)


def test_the_notebooks_are_plain_python():
    for notebook in (ROOT / "site_docs" / "notebooks").glob("*.py"):
        subprocess.run([sys.executable, "-m", "py_compile", notebook], check=True, cwd=ROOT)
