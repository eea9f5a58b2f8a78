"""A tool as a command: `sys.exit(main(TOOL))`.

Exit codes: 0 it worked, 1 the data is bad, 2 the question is wrong, 130 interrupted. An error is one line on
stderr.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TextIO

from tools.core.arguments import read_command, savings
from tools.core.errors import ToolError, UsageError
from tools.core.json_report import render_json
from tools.core.report import Report
from tools.core.terminal import render_terminal
from tools.core.terminal_text import visible
from tools.core.tool import Tool
from tools.core.words import ascii_safe

# A whole screen of somebody's file name would hide what is wrong with it.
LONGEST_COMPLAINT = 1_000


def main(tool: Tool, argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run a tool on a command line and return its exit code.

    `prog` is how it was called, where that is not by its file: `nanochat tools model-calculator`.
    """
    name = prog or os.path.basename(tool.script).removesuffix(".py")
    words = sys.argv[1:] if argv is None else argv
    return guarded(name, lambda: _answer(tool, words, prog or f"python {tool.script}"))


def guarded(name: str, work: Callable[[], int]) -> int:
    """Do the work; turn what can go wrong into one line and an exit code."""
    _replace_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A letter that the terminal's encoding lacks is written as an escape and does not end the program.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            code = work()
        except SystemExit as stop:  # argparse, after --help
            code = stop.code if isinstance(stop.code, int) else 0
        sys.stdout.flush()
        return code
    except ToolError as error:
        return _complain(name, str(error), 2 if isinstance(error, UsageError) else 1)
    except BrokenPipeError:
        # The reader (head, less) has seen enough.
        _silence(sys.stdout)
        return 0
    except OSError as error:
        _silence(sys.stdout)
        what = error.strerror or type(error).__name__
        return _complain(name, f"{error.filename}: {what}" if error.filename else what, 1)
    except KeyboardInterrupt:
        return 130


def _replace_closed_streams() -> None:
    """A stream that was closed before the start (`>&-`) is None in Python: read and write nothing there."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  (until the end)


def _complain(name: str, message: str, code: int) -> int:
    line = visible(" ".join(ascii_safe(message).split()))
    shown = line if len(line) <= LONGEST_COMPLAINT else line[: LONGEST_COMPLAINT - 1] + "…"
    try:
        print(f"{name}: error: {shown}", file=sys.stderr, flush=True)
    except OSError:  # nobody to tell, but the exit code still says it
        _silence(sys.stderr)
    return code


def _silence(stream: TextIO) -> None:
    """Send what is still unwritten nowhere: Python tries again at exit, and would complain again."""
    with contextlib.suppress(OSError, ValueError):
        stream.flush()
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _answer(tool: Tool, argv: Sequence[str], prog: str) -> int:
    parameters, output = read_command(tool, argv, prog)
    wanted = savings(tool, output)
    live = tool.watch(parameters) if tool.watch else None
    report = _watched(tool, live, parameters, output) if live is not None else tool.report(parameters)
    for saving in wanted:
        saving.write(parameters, report)
        if not saving.to_stdout:
            print(f"wrote {visible(str(saving.path))}", file=sys.stderr)
    if output.json:
        print(render_json(report))
    elif not any(saving.to_stdout for saving in wanted) and not (live is not None and _redraws(output)):
        sys.stdout.write(_drawn(report, output))
    return 0 if report.ok else 1


def _drawn(report: Report, output: Any) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return render_terminal(report, terminal_width(), wants_color(output.no_color), output.explain, encoding)


def _redraws(output: Any) -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and not output.json


def _watched(tool: Tool, live: Iterator[Report], parameters: Any, output: Any) -> Report:
    """Draw each report over the last, on a terminal; the last one is the answer."""
    last = None
    for answer in live:
        cleared = "\x1b[2J" if last is None else ""
        last = tool.named(answer, parameters)
        if _redraws(output):
            # Home, then each line with the rest of its row cleared, then what is left below: no flicker.
            lines = _drawn(last, output).replace("\n", "\x1b[K\n")
            sys.stdout.write(f"{cleared}\x1b[H{lines}\x1b[J")
            sys.stdout.flush()
    return last if last is not None else tool.report(parameters)


def wants_color(refused: bool = False) -> bool:
    """Colours only for a person: a terminal, no --no-color, no NO_COLOR (no-color.org), no TERM=dumb."""
    environment = os.environ
    return (
        not refused
        and not environment.get("NO_COLOR")
        and environment.get("TERM") != "dumb"
        and sys.stdout.isatty()
    )


def terminal_width() -> int:
    """The terminal's width; 80 where the output goes to a file."""
    words = os.environ.get("COLUMNS", "")
    if words.isdecimal() and 0 < int(words) < 10_000:
        return int(words)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
