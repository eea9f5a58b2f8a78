"""What the site's own fences become: live cells, exercises, quizzes, source by symbol, tools, figures.

Each pair of functions here is a `custom_fence` of `pymdownx.superfences` (see `mkdocs.yml`): the validator
says whether a fence is ours, the formatter returns its HTML. No MkDocs hook is needed: pages stay portable.

    ```python live session="bpe"          a cell that ran at build, and runs again in the reader's browser
    ```python live symbols="a.b:One,two"  such a cell, whose code begins with these symbols of a module
    ```python exercise="id" title="…"     a starter; then, beside it,
    ```python checks="id"                 its checks, hidden
    ```python solution="id"               and its solution, hidden until asked for
    ```python norun="why"                 code that cannot run, with the reason
    ```quiz                               questions in YAML
    ```source                             one line `package.module:symbol`, shown from the file itself
    ```tool                               one line `tool-name`, then `parameter: value` lines
    ```explore                            the same for an interactive figure of `tools/figures`
    ```model                              one word: which page of the model (web/model_page.py) or figure that
                                          asks it (web/model_figure.py)

A cell that fails stops the build with its page and line, unless it is marked `fails` to show an error. So
does an exercise whose solution fails a check, or whose starter passes them all.
"""

from __future__ import annotations

import contextlib
import functools
import html
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml
from markdown import Markdown
from pymdownx.highlight import Highlight
from pymdownx.superfences import SuperFencesException

from web import explore, model_figure, model_page, run_cell, tool_page
from web.quiz import render_quiz
from web.source import read_symbol

ROOT = Path(__file__).resolve().parent.parent
SECONDS_A_CELL = 60  # a cell that takes longer at build would bore a reader, or never end
PYTHON_KINDS = ("live", "exercise", "checks", "solution", "norun")
TEXT_KINDS = ("stdout", "stderr", "result", "error")

MODEL_FIGURES = {"next": model_figure.next_token, "call": model_figure.call}

Options = dict[str, Any]


class FenceError(SuperFencesException):  # type: ignore[misc]
    """A fence that cannot be built; the message begins with `page:line`.

    Superfences lets this kind of exception through; every other kind it swallows, and shows the plain text.
    """


def _stops_the_build(formatter: Callable[[str, Options, _Page], str]) -> Callable[..., str]:
    """Give a formatter what it needs, and let any error of it stop the build, with the page and the line."""

    @functools.wraps(formatter)
    def guarded(source: str, language: str, css_class: str, options: Options, md: Markdown, **_: Any) -> str:
        page = _Page.of(md)
        try:
            return formatter(source.strip("\n"), options, page)
        except Exception as error:
            kind = "" if isinstance(error, FenceError) else f"{type(error).__name__}: "
            raise FenceError(f"{page.place(source)}: {kind}{error}") from error

    return guarded


def validate_python(language: str, inputs: Options, options: Options, attrs: Options, md: Markdown) -> bool:
    """Ours are the python fences with one of `PYTHON_KINDS`; all other python fences are left to others."""
    if not any(kind in inputs for kind in PYTHON_KINDS):
        return False
    options.update(inputs)
    return True


@_stops_the_build
def format_python(source: str, options: Options, page: _Page) -> str:
    """Send a python fence to the function for its kind."""
    formatters = {
        "live": _live,
        "exercise": _exercise,
        "checks": _checks,
        "solution": _solution,
        "norun": _norun,
    }
    return next(formatters[kind] for kind in PYTHON_KINDS if kind in options)(source, options, page)


def validate_any(language: str, inputs: Options, options: Options, attrs: Options, md: Markdown) -> bool:
    """The validator of `quiz`, `source`, `tool` and `explore`: every option is passed on."""
    options.update(inputs)
    return True


@_stops_the_build
def format_quiz(source: str, options: Options, page: _Page) -> str:
    """Questions with their answers and reasons, from YAML (see `web/quiz.py`)."""
    page.quizzes += 1
    return render_quiz(yaml.safe_load(source), f"quiz-{page.quizzes}")


@_stops_the_build
def format_source(source: str, options: Options, page: _Page) -> str:
    """The source of one symbol, from the repository's own file, with a link to its reference page."""
    symbol = read_symbol(source.strip(), with_docstring=options.get("docstring") != "no")
    link = f' · <autoref identifier="{symbol.identifier}">reference</autoref>' if symbol.public else ""
    return (
        f'<div class="symbol-source"><p class="symbol-place"><code>{symbol.file}</code>:{symbol.line}{link}'
        "</p>"
        f"{page.highlighted(symbol.code)}</div>"
    )


@_stops_the_build
def format_model(source: str, options: Options, page: _Page) -> str:
    """A page on which the reader asks the model of the page, or a figure of a guide that does."""
    return MODEL_FIGURES[source]() if source in MODEL_FIGURES else model_page.render(source)


@_stops_the_build
def format_tool(source: str, options: Options, page: _Page) -> str:
    """A learning tool's page: its form and its real report for the values given."""
    return tool_page.render(*_name_and_query(source))


@_stops_the_build
def format_explore(source: str, options: Options, page: _Page) -> str:
    """An interactive figure: its controls, and its real picture for the values given."""
    name, query = _name_and_query(source)
    page.explored[name] = page.explored.get(name, 0) + 1
    return explore.render(name, query, page.explored[name])


def _name_and_query(source: str) -> tuple[str, dict[str, str]]:
    """A name in the first line, then `parameter: value` lines.

    >>> _name_and_query("sampling\\ntop-k: 3")
    ('sampling', {'top-k': '3'})
    """
    name, *lines = [line.strip() for line in source.strip().splitlines()]
    query = dict(line.split(":", 1) for line in lines if line)
    return name, {key.strip(): value.strip() for key, value in query.items()}


class _Page:
    """What the fences of one page share; it lives on the page's own `Markdown` object."""

    def __init__(self, md: Markdown) -> None:
        self.md = md
        self.sessions: dict[str, run_cell.Namespace] = {}
        self.exercises: dict[str, dict[str, str]] = {}
        self.cells = 0
        self.quizzes = 0
        self.explored: dict[str, int] = {}
        self.outputs = 0
        # MkDocs registers a processor that knows the page's file; plain Markdown (in tests) has none.
        relpath = next((p for p in md.treeprocessors if hasattr(p, "file")), None)
        self.file = Path(relpath.file.abs_src_path) if relpath else None

    @classmethod
    def of(cls, md: Markdown) -> _Page:
        if not hasattr(md, "live_page"):
            md.live_page = cls(md)
        page: _Page = md.live_page
        return page

    def highlighted(self, source: str, title: str | None = None) -> str:
        """Python code as Pygments colours it, in the markup of every other code block."""
        return str(
            Highlight(use_pygments=True, guess_lang=False, md=self.md).highlight(
                source, "python", title=title
            )
        )

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
    title = options.get("title")
    if symbols := options.get("symbols"):
        place, source = _with_symbols(symbols, source)
        title = title or place
    page.cells += 1
    namespace = (
        page.sessions.setdefault(session, run_cell.new_namespace()) if session else run_cell.new_namespace()
    )
    chunks: list[tuple[str, str]] = []
    with _time_limit():
        ended_well = run_cell.run(
            source, namespace, lambda kind, text: chunks.append((kind, text)), str(page.cells)
        )
    if not ended_well and "fails" not in options:
        raise FenceError(f"this live cell failed:\n{chunks[-1][1]}")
    if ended_well and "fails" in options:
        raise FenceError("this live cell is marked `fails`, but it ended without an error")
    attributes = f'data-cell="{page.cells}"' + (f' data-session="{html.escape(session)}"' if session else "")
    return _cell("live-cell", attributes, source, title, render_output(chunks), page)


def _with_symbols(symbols: str, source: str) -> tuple[str, str]:
    """The file that `package.module:One,two` names, and a cell's code with these symbols in front.

    So a reader can run and change a part of the repository, and the page holds no copy of it.

    >>> _with_symbols("web.quiz:nothing", "")
    Traceback (most recent call last):
    ValueError: 'web.quiz:nothing': there is no 'nothing' in that module
    """
    module, _, names = symbols.partition(":")
    found = [read_symbol(f"{module}:{name.strip()}") for name in names.split(",")]
    blocks = [symbol.code.startswith(("def ", "class ", "@")) for symbol in found]
    code = found[0].code
    for number, symbol in enumerate(found[1:], start=1):
        # Constants stand under each other, functions and classes apart.
        code += ("\n\n" if any(blocks[number - 1 : number + 1]) else "\n") + symbol.code
    return found[0].file, code + (f"\n\n{source}" if source.strip() else "")


def _exercise(source: str, options: Options, page: _Page) -> str:
    name = options["exercise"]
    if name in page.exercises:
        raise FenceError(f"a second exercise is named {name!r}")
    page.exercises[name] = {"starter": source}
    title = html.escape(str(options.get("title", name)))
    attributes = f'id="exercise-{html.escape(name)}" data-exercise="{html.escape(name)}" data-title="{title}"'
    return _cell(
        "live-cell exercise", attributes, source, f"Exercise: {options.get('title', name)}", "", page
    )


def _checks(source: str, options: Options, page: _Page) -> str:
    exercise = _exercise_of(options["checks"], page)
    exercise["checks"] = source
    name = html.escape(options["checks"])
    return (
        f'<div class="exercise-checks" data-exercise="{name}" data-code="{_attribute(source)}" hidden></div>'
    )


def _solution(source: str, options: Options, page: _Page) -> str:
    exercise = _exercise_of(options["solution"], page)
    if "checks" not in exercise:
        raise FenceError(f"exercise {options['solution']!r} has no checks above its solution")
    with _time_limit():
        failed = [result["says"] for result in _check(source, exercise) if not result["holds"]]
        starter_passes = all(result["holds"] for result in _check(exercise["starter"], exercise))
    if failed:
        raise FenceError(f"this solution fails its checks: {'; '.join(failed)}")
    if starter_passes:
        raise FenceError(f"the starter of {options['solution']!r} passes every check as it is")
    name = html.escape(options["solution"])
    return (
        f'<details class="solution" data-exercise="{name}"><summary>Show a solution</summary>'
        f"{page.highlighted(source)}</details>"
    )


def _norun(source: str, options: Options, page: _Page) -> str:
    return page.highlighted(source, title=options.get("title"))


def _exercise_of(name: str, page: _Page) -> dict[str, str]:
    if name not in page.exercises:
        raise FenceError(f"no exercise named {name!r} stands above; its starter comes first")
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
        f'<pre class="out-{kind}">{html.escape(text)}</pre>'
        if kind in TEXT_KINDS
        else f'<div class="out-svg">{text}</div>'
        for kind, text in merged
    )


def _cell(css_class: str, attributes: str, source: str, title: str | None, output: str, page: _Page) -> str:
    page.outputs += 1
    label = f"Output {page.outputs}"  # a page's regions need different names
    return (
        f'<div class="{css_class}" {attributes} data-code="{_attribute(source)}">'
        f"{page.highlighted(source, title)}"
        f'<div class="live-output" role="region" aria-label="{label}" aria-live="polite">{output}</div></div>'
    )


def _attribute(code: str) -> str:
    """Code as the value of an attribute.

    Not a `<script type="application/json">`: instant navigation makes every script of a page anew, without
    its attributes, and so would run it.
    """
    return html.escape(code).replace("\n", "&#10;")


@contextlib.contextmanager
def _time_limit() -> Iterator[None]:
    """Stop a cell that runs longer than `SECONDS_A_CELL`; the build must end."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"this cell ran longer than {SECONDS_A_CELL} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS_A_CELL)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
