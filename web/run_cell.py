"""Run one live cell, or check one exercise: the same lines at build time and in the reader's browser.

The site's promise is that a cell prints in the browser what it printed at build. So there is one runner. The
build calls it with CPython, the page's worker with Pyodide, and both get a stream of chunks `(kind, text)`:

- `stdout`, `stderr`: what the code wrote;
- `result`: the `repr` of the last expression, unless it is `None`;
- `svg`: the picture of a last expression that has `_repr_svg_()`;
- `error`: a traceback that shows the reader's own lines and nothing of this runner. Its form is ours, because
  CPython's own changes from version to version.

Standard library only, and quick to import: the browser starts with it.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import io
import linecache
import re
import traceback
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

Emit = Callable[[str, str], None]
Namespace = dict[str, Any]

CELL_FILE = "<cell {}>"  # angle brackets: no reader's file can have this name


def new_namespace() -> Namespace:
    """A fresh set of names for a cell, or for the cells that share a session.

    >>> sorted(new_namespace())
    ['__builtins__', '__name__']
    """
    return {"__name__": "__main__", "__builtins__": builtins}


def run(code: str, namespace: Namespace, emit: Emit, cell: str = "1") -> bool:
    """Run `code` in `namespace`, send what it shows to `emit`, and say whether it ended without an error.

    >>> shown = []
    >>> run("x = 6\\nprint('six')\\nx * 7", new_namespace(), lambda kind, text: shown.append((kind, text)))
    True
    >>> shown
    [('stdout', 'six'), ('stdout', '\\n'), ('result', '42')]
    >>> run("1 / 0", new_namespace(), lambda kind, text: shown.append(text))
    False
    >>> shown[-1].splitlines()
    ['Traceback (most recent call last):', '  line 1', '    1 / 0', 'ZeroDivisionError: division by zero']
    """
    filename = CELL_FILE.format(cell)
    # Tracebacks and inspect.getsource() find the cell's lines here, as they would find a file's.
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    with _output_to(emit):
        try:
            statements, last = _split_last_expression(code, filename)
            exec(statements, namespace)
            value = eval(last, namespace) if last else None
            if value is not None:
                _show(value, emit)
        except SystemExit as stop:
            emit("stderr", f"The cell called exit({'' if stop.code is None else stop.code}).\n")
        except KeyboardInterrupt:
            emit("error", "Stopped.")
            return False
        except BaseException as error:
            emit("error", describe_error(error))
            return False
    return True


def _split_last_expression(code: str, filename: str) -> tuple[CodeType, CodeType | None]:
    """Compile the statements of `code` and, apart from them, a last line that is an expression."""
    tree = ast.parse(code, filename)
    last = None
    if tree.body and isinstance(tree.body[-1], ast.Expr):
        expression = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]
        last = compile(expression, filename, "eval")
    return compile(tree, filename, "exec"), last


def _show(value: object, emit: Emit) -> None:
    picture = getattr(value, "_repr_svg_", None)
    if callable(picture) and not isinstance(value, type):
        emit("svg", picture())
    else:
        emit("result", repr(value))


def describe_error(error: BaseException) -> str:
    """The traceback a reader needs: the lines of the cells, then the error. Frames of libraries are left out.

    >>> describe_error(ValueError("no tokens"))
    'ValueError: no tokens'
    """
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        if not frame.filename.startswith("<cell "):
            continue
        inside = "" if frame.name == "<module>" else f", in {frame.name}"
        lines.append(f"  line {frame.lineno}{inside}")
        if frame.line:
            lines.append(f"    {frame.line}")
    if isinstance(error, SyntaxError) and error.lineno is not None:
        lines.append(f"  line {error.lineno}")
        if error.text:
            lines.append(f"    {error.text.strip()}")
        last = f"{type(error).__name__}: {error.msg}"
    else:
        last = "".join(traceback.format_exception_only(type(error), error)).strip()
        last = last.removeprefix("__main__.")  # an exception class that the cell itself defines
    if not lines:
        return last
    # A recursion that never ends has a thousand equal frames: the first and last few say it all.
    if len(lines) > 24:
        lines = [*lines[:12], f"  … {(len(lines) - 24) // 2} more lines of traceback", *lines[-12:]]
    return "\n".join(["Traceback (most recent call last):", *lines, last])


class _Stream(io.TextIOBase):
    """A text stream that hands every write to `emit`."""

    def __init__(self, kind: str, emit: Emit) -> None:
        self.kind, self.emit = kind, emit

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError(f"write() takes text, not {type(text).__name__}")
        if text:
            self.emit(self.kind, text)
        return len(text)

    def writable(self) -> bool:
        return True


def _no_input(prompt: object = "") -> str:
    raise RuntimeError("input() cannot wait for the keyboard in a page; put the text in a variable instead")


@contextlib.contextmanager
def _output_to(emit: Emit) -> Iterator[None]:
    """Send stdout and stderr to `emit` while the block runs, and make `input()` explain itself."""
    own_input = builtins.input
    builtins.input = _no_input
    try:
        with (
            contextlib.redirect_stdout(_Stream("stdout", emit)),
            contextlib.redirect_stderr(_Stream("stderr", emit)),
        ):
            yield
    finally:
        builtins.input = own_input


class Checks:
    """What an exercise's checks may call. Each call adds one line, in words, to `results`.

    >>> checks = Checks({"double": lambda number: 2 * number})
    >>> checks.expect("double(4)", 8)
    >>> checks.expect("double('no')", "no no")
    >>> for result in checks.results:
    ...     print(result["holds"], result["says"])
    True double(4) is 8
    False double('no') gave 'nono', expected 'no no'
    """

    def __init__(self, namespace: Namespace) -> None:
        self.namespace = namespace
        self.results: list[dict[str, Any]] = []

    def expect(self, expression: str, wanted: object, within: float | None = None) -> None:
        """`expression`, among the reader's names, must equal `wanted` (or lie `within` so much of it)."""
        try:
            got = eval(expression, self.namespace)
            holds = _matches(got, wanted, within)
        except Exception as error:
            return self._add(False, f"{expression} stopped with {_one_line(error)}")
        shown = f"{wanted!r}" if within is None else f"{wanted!r} (give or take {within})"
        if holds:
            return self._add(True, f"{expression} is {shown}")
        hint = "; did the function forget to return its answer?" if got is None else ""
        return self._add(False, f"{expression} gave {_short(got)}, expected {shown}{hint}")

    def expect_true(self, expression: str, says: str) -> None:
        """`expression` must be true; `says` tells the reader what that means."""
        try:
            holds = bool(eval(expression, self.namespace))
        except Exception as error:
            return self._add(False, f"{says}: {expression} stopped with {_one_line(error)}")
        return self._add(holds, says if holds else f"not so: {says} ({expression} is false)")

    def expect_raises(self, expression: str, kind: type[BaseException]) -> None:
        """Evaluating `expression` must raise an error of this `kind`."""
        try:
            got = eval(expression, self.namespace)
        except kind:
            return self._add(True, f"{expression} raises {kind.__name__}")
        except Exception as error:
            return self._add(False, f"{expression} raised {_one_line(error)}, expected {kind.__name__}")
        return self._add(False, f"{expression} gave {_short(got)}, expected it to raise {kind.__name__}")

    def _add(self, holds: bool, says: str) -> None:
        self.results.append({"holds": holds, "says": says})


def run_checks(code: str, checks: str, emit: Emit) -> list[dict[str, Any]]:
    """Run a reader's `code`, then the exercise's `checks` on it, and return what each check found, in words.

    >>> run_checks("def half(n): return n / 2", "expect('half(3)', 1.5)", print)
    [{'holds': True, 'says': 'half(3) is 1.5'}]
    >>> run_checks("def half(n):", "expect('half(3)', 1.5)", lambda kind, text: None)[0]["holds"]
    False
    """
    namespace = new_namespace()
    if not run(code, namespace, emit, cell="exercise"):
        return [{"holds": False, "says": "the code stopped with an error before the checks could start"}]
    found = Checks(namespace)
    # The checks see the reader's names, but define their own apart: they must not repair what they check.
    names = {
        **namespace,
        "expect": found.expect,
        "expect_true": found.expect_true,
        "expect_raises": found.expect_raises,
    }
    with _output_to(emit):
        try:
            exec(compile(checks, CELL_FILE.format("checks"), "exec"), names)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            found.results.append({"holds": False, "says": f"the checks stopped with {_one_line(error)}"})
    return found.results


def _matches(got: Any, wanted: Any, within: float | None) -> bool:
    if within is None:
        return bool(got == wanted)
    if isinstance(wanted, (list, tuple)):
        return len(got) == len(wanted) and all(
            _matches(g, w, within) for g, w in zip(got, wanted, strict=True)
        )
    return bool(abs(got - wanted) <= within)


def _one_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


def _short(value: object, limit: int = 200) -> str:
    text = re.sub(r" at 0x[0-9a-fA-F]+", "", repr(value))  # an address tells a reader nothing
    return text if len(text) <= limit else text[: limit - 1] + "…"
