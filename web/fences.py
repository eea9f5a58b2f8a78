"""What the site's own fences become: live cells, exercises, quizzes, source by symbol and tool pages.

Each pair of functions here is a `custom_fence` of `pymdownx.superfences` (see `mkdocs.yml`): the validator says
whether a fence is ours, the formatter returns its HTML. No MkDocs hook is needed, so the pages stay portable.

    ```python live session="bpe"          a cell that ran at build, and runs again in the reader's browser
    ```python exercise="id" title="…"     a starter; then, beside it,
    ```python checks="id"                 its checks, hidden
    ```python solution="id"               and its solution, hidden until asked for
    ```python norun="why"                 code that cannot run, with the reason
    ```quiz                               questions in YAML
    ```source                             one line `package.module:symbol`, shown from the file itself
    ```tool                               one line `tool-name`, then `parameter: value` lines

A cell that fails stops the build with its page and line. So does an exercise whose solution fails a check, or whose
starter passes them all.
"""

from __future__ import annotations

import contextlib
import html
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from markdown import Markdown
from pymdownx.highlight import Highlight
from pymdownx.superfences import SuperFencesException

from web import run_cell, tool_page
from web.quiz import render_quiz
from web.source import read_symbol

ROOT = Path(__file__).resolve().parent.parent
SECONDS_A_CELL = 60  # a cell that takes longer at build would bore a reader, or never end
PYTHON_KINDS = ("live", "exercise", "checks", "solution", "norun")
TEXT_KINDS = ("stdout", "stderr", "result", "error")

Options = dict[str, Any]


class FenceError(SuperFencesException):
    """A fence that cannot be built; the message begins with `page:line`.

    Superfences swallows every other kind of exception and would show the fence as plain code.
    """


def validate_python(language: str, inputs: Options, options: Options, attrs: Options, md: Markdown) -> bool:
    """Ours are the python fences with one of `PYTHON_KINDS`; all other python fences are left to others."""
    if not any(kind in inputs for kind in PYTHON_KINDS):
        return False
    options.update(inputs)
    return True


def format_python(source: str, language: str, css_class: str, options: Options, md: Markdown, **_: Any) -> str:
    """Send a python fence to the function for its kind."""
    kind = next(kind for kind in PYTHON_KINDS if kind in options)
    formatters = {"live": _live, "exercise": _exercise, "checks": _checks, "solution": _solution, "norun": _norun}
    return formatters[kind](source.strip("\n"), options, _Page.of(md))


def validate_any(language: str, inputs: Options, options: Options, attrs: Options, md: Markdown) -> bool:
    """The validator of `quiz`, `source` and `tool`: every option is passed on."""
    options.update(inputs)
    return True


def format_quiz(source: str, language: str, css_class: str, options: Options, md: Markdown, **_: Any) -> str:
    """Questions with their answers and reasons, from YAML (see `web/quiz.py`)."""
    page = _Page.of(md)
    try:
        page.quizzes += 1
        return render_quiz(yaml.safe_load(source), f"quiz-{page.quizzes}")
    except (yaml.YAMLError, ValueError) as error:
        raise FenceError(f"{page.place(source)}: this quiz cannot be read: {error}") from error


def format_source(source: str, language: str, css_class: str, options: Options, md: Markdown, **_: Any) -> str:
    """The source of one symbol, from the repository's own file, with a link to its reference page."""
    try:
        symbol = read_symbol(source.strip(), with_docstring=options.get("docstring") != "no")
    except (ValueError, OSError) as error:
        raise FenceError(f"{_Page.of(md).place(source)}: {error}") from error
    link = f'<autoref identifier="{symbol.identifier}">reference</autoref>' if symbol.public else ""
    return (
        f'<div class="symbol-source"><p class="symbol-place"><code>{symbol.file}</code> line {symbol.line} {link}</p>'
        f"{_highlighted(symbol.code)}</div>"
    )


def format_tool(source: str, language: str, css_class: str, options: Options, md: Markdown, **_: Any) -> str:
    """A learning tool's page: its form and its real report for the values given."""
    name, *lines = [line.strip() for line in source.strip().splitlines()]
    query = dict(line.split(":", 1) for line in lines if line)
    try:
        return tool_page.render(name, {key.strip(): value.strip() for key, value in query.items()})
    except (ValueError, KeyError) as error:
        raise FenceError(f"{_Page.of(md).place(source)}: {error}") from error


class _Page:
    """What the fences of one page share: session namespaces, counters, exercises. It lives on the page's `Markdown`."""

    def __init__(self, md: Markdown) -> None:
        self.sessions: dict[str, run_cell.Namespace] = {}
        self.exercises: dict[str, dict[str, str]] = {}
        self.cells = 0
        self.quizzes = 0
        # MkDocs registers a processor that knows the page's file; plain Markdown (in tests) has none.
        relpath = md.treeprocessors["relpath"] if "relpath" in md.treeprocessors else None
        self.file = Path(relpath.file.abs_src_path) if relpath else None

    @classmethod
    def of(cls, md: Markdown) -> _Page:
        if not hasattr(md, "live_page"):
            md.live_page = cls(md)  # type: ignore[attr-defined]
        return md.live_page  # type: ignore[no-any-return]

    def place(self, source: str) -> str:
        """`site_docs/guides/02-tokenization.md:41` for the fence that holds `source`."""
        if self.file is None:
            return "page"
        name = self.file.relative_to(ROOT) if self.file.is_relative_to(ROOT) else self.file
        lines = [line.strip() for line in self.file.read_text(encoding="utf-8").splitlines()]
        wanted = [line.strip() for line in source.strip("\n").splitlines()]
        starts = (i for i in range(len(lines)) if lines[i : i + len(wanted)] == wanted)
        return f"{name}:{next(starts, 0) + 1}"


def _live(source: str, options: Options, page: _Page) -> str:
    session = options.get("session", "")
    page.cells += 1
    namespace = page.sessions.setdefault(session, run_cell.new_namespace()) if session else run_cell.new_namespace()
    chunks: list[tuple[str, str]] = []
    with _time_limit(page, source):
        ended_well = run_cell.run(source, namespace, lambda kind, text: chunks.append((kind, text)), str(page.cells))
    if not ended_well and "fails" not in options:
        raise FenceError(f"{page.place(source)}: this live cell failed:\n{chunks[-1][1]}")
    if ended_well and "fails" in options:
        raise FenceError(f"{page.place(source)}: this live cell is marked `fails`, but it ended without an error")
    attributes = f'data-cell="{page.cells}"' + (f' data-session="{html.escape(session)}"' if session else "")
    return _cell("live-cell", attributes, source, options, render_output(chunks))


def _exercise(source: str, options: Options, page: _Page) -> str:
    name = options["exercise"]
    if name in page.exercises:
        raise FenceError(f"{page.place(source)}: a second exercise is named {name!r}")
    page.exercises[name] = {"starter": source}
    title = html.escape(options.get("title", name))
    attributes = f'id="exercise-{html.escape(name)}" data-exercise="{html.escape(name)}" data-title="{title}"'
    return _cell("live-cell exercise", attributes, source, {"title": f"Exercise: {options.get('title', name)}"}, "")


def _checks(source: str, options: Options, page: _Page) -> str:
    exercise = _exercise_of(options["checks"], source, page)
    exercise["checks"] = source
    name = html.escape(options["checks"])
    return f'<script type="application/json" class="exercise-checks" data-exercise="{name}">{_json(source)}</script>'


def _solution(source: str, options: Options, page: _Page) -> str:
    exercise = _exercise_of(options["solution"], source, page)
    if "checks" not in exercise:
        raise FenceError(f"{page.place(source)}: exercise {options['solution']!r} has no checks above its solution")
    with _time_limit(page, source):
        failed = [result["says"] for result in _check(source, exercise) if not result["holds"]]
        starter_passes = all(result["holds"] for result in _check(exercise["starter"], exercise))
    if failed:
        raise FenceError(f"{page.place(source)}: this solution fails its checks: {'; '.join(failed)}")
    if starter_passes:
        raise FenceError(f"{page.place(source)}: the starter of {options['solution']!r} passes every check as it is")
    name = html.escape(options["solution"])
    return (
        f'<details class="solution" data-exercise="{name}"><summary>Show a solution</summary>'
        f"{_highlighted(source)}</details>"
    )


def _norun(source: str, options: Options, page: _Page) -> str:
    return _highlighted(source, title=options.get("title"))


def _exercise_of(name: str, source: str, page: _Page) -> dict[str, str]:
    if name not in page.exercises:
        raise FenceError(f"{page.place(source)}: no exercise named {name!r} stands above; its starter comes first")
    return page.exercises[name]


def _check(code: str, exercise: dict[str, str]) -> list[dict[str, Any]]:
    return run_cell.run_checks(code, exercise["checks"], lambda kind, text: None)


def render_output(chunks: list[tuple[str, str]]) -> str:
    """The output of a cell as the page shows it; the browser's script builds the same elements.

    >>> render_output([("stdout", "1 < "), ("stdout", "2\\n"), ("result", "'x'")])
    '<pre class="out-stdout">1 &lt; 2\\n</pre><pre class="out-result">&#x27;x&#x27;</pre>'
    """
    merged: list[list[str]] = []
    for kind, text in chunks:
        if merged and merged[-1][0] == kind and kind in TEXT_KINDS:
            merged[-1][1] += text
        else:
            merged.append([kind, text])
    return "".join(
        f'<pre class="out-{kind}">{html.escape(text)}</pre>' if kind in TEXT_KINDS else f'<div class="out-svg">{text}</div>'
        for kind, text in merged
    )


def _cell(css_class: str, attributes: str, source: str, options: Options, output: str) -> str:
    return (
        f'<div class="{css_class}" {attributes}>{_highlighted(source, title=options.get("title"))}'
        f'<script type="application/json" class="live-code">{_json(source)}</script>'
        f'<div class="live-output" role="region" aria-label="Output" aria-live="polite">{output}</div></div>'
    )


def _highlighted(source: str, title: str | None = None) -> str:
    return Highlight(use_pygments=True, guess_lang=False).highlight(source, "python", title=title)  # type: ignore[no-any-return]


def _json(code: str) -> str:
    """JSON that may stand inside a `<script>`: no `</` can end it early."""
    return json.dumps({"code": code}, ensure_ascii=False).replace("</", "<\\/")


@contextlib.contextmanager
def _time_limit(page: _Page, source: str) -> Iterator[None]:
    """Stop a cell that runs longer than `SECONDS_A_CELL`; the build must end."""

    def stop(*_: object) -> None:
        raise FenceError(f"{page.place(source)}: this cell ran longer than {SECONDS_A_CELL} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS_A_CELL)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
