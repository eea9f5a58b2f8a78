"""A tool as a command: `sys.exit(main(TOOL))`.

Exit codes: 0 it worked, 1 the data is bad, 2 the question is wrong, 130 interrupted. An error is one line on stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from tools.core.arguments import from_arguments, make_parser, read_arguments
from tools.core.errors import ToolError, UsageError
from tools.core.json_report import render_json
from tools.core.parameters import ascii_safe
from tools.core.terminal import render_terminal
from tools.core.tool import Tool


def main(tool: Tool, argv: Sequence[str] | None = None, prog: str | None = None) -> int:
    """Run a tool on a command line and return its exit code."""
    name = prog or os.path.basename(tool.script).removesuffix(".py")
    return guarded(name, lambda: _answer(tool, sys.argv[1:] if argv is None else argv, prog or f"python {tool.script}"))


def guarded(name: str, work: Callable[[], int]) -> int:
    """Do the work; turn what can go wrong into one line and an exit code."""
    try:
        code = work()
        sys.stdout.flush()
        return code
    except ToolError as error:
        line = " ".join(ascii_safe(str(error)).split())
        print(f"{name}: error: {line}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except BrokenPipeError:
        # The reader (head, less) has seen enough. Python would complain once more at exit, so stdout goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _answer(tool: Tool, argv: Sequence[str], prog: str) -> int:
    parser = make_parser(tool, prog)
    found = read_arguments(parser, argv)
    report = tool.report(from_arguments(tool.parameters, found))
    if found.json:
        print(render_json(report))
        return 0
    encoding = sys.stdout.encoding or "utf-8"
    drawn = render_terminal(report, terminal_width(), wants_color(found.no_color), found.explain, encoding)
    sys.stdout.write(ascii_safe(drawn))
    return 0


def wants_color(refused: bool = False) -> bool:
    """Colours only for a person: a terminal, no --no-color, no NO_COLOR (no-color.org), no TERM=dumb."""
    return not refused and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def terminal_width() -> int:
    """The terminal's width; 80 where the output goes to a file."""
    words = os.environ.get("COLUMNS", "")
    if words.isdecimal() and 0 < int(words) < 10_000:
        return int(words)
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (OSError, ValueError, AttributeError):
        return 80
