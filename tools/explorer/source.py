"""Where the trace comes from: a file, an example, or a model that writes now, a checkpoint or the page's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from nanochat.inference.trace import Trace, TraceError
from tools.core.errors import ToolError, UsageError
from tools.core.examples import example_file
from tools.core.files import MEGABYTE, read_json
from tools.core.given import is_page
from tools.explorer import live_trace, with_model
from tools.explorer.question import EXAMPLES, Question

# Fifty thousand places as they are usually kept; more would not be looked at, and not fit into memory.
LARGEST_TRACE = 64 * MEGABYTE
OF_A_MODEL = ("run", "step", "device", "prompt", "complete")


def find(question: Question) -> Trace:
    """The trace that was asked for. A file takes the place of an example, which a page begins with."""
    of_a_model = [name for name in OF_A_MODEL if getattr(question, name) not in (None, False)]
    given = [name for name in ("trace", "example") if getattr(question, name) is not None]
    if given and of_a_model:
        raise UsageError(
            f"--{given[0]} and --{of_a_model[0]} each say where the logits come from; use one",
            parameter=given[0],
        )
    if question.trace is not None:
        return read(question.trace)
    if question.example is not None:
        return read(example_file(f"generation_{question.example}.json"))
    if question.prompt is None:
        ways = " or ".join(f"--example {name}" for name in EXAMPLES)
        raise UsageError(
            f"there is nothing to explore yet: give a --trace, or {ways}, or a --prompt for a model",
            parameter="prompt" if of_a_model else "trace",
        )
    return live_trace.of_question(question) if is_page() else with_model.record(question)


def read(path: Path) -> Trace:
    """A trace from its file."""
    try:
        return Trace.from_json(read_json(path, LARGEST_TRACE, "a trace", "trace"))
    except TraceError as error:
        raise ToolError(f"{path}: {error}", parameter="trace") from None


def lines(question: Question) -> Iterator[str]:
    """The trace as a file's text, a line for each place and run, so that people can look at it too."""
    whole = find(question).to_json()
    yield "{\n"
    for number, (key, value) in enumerate(whole.items()):
        end = "\n" if number == len(whole) - 1 else ",\n"
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield f'"{key}": [\n'
            for at, one in enumerate(value):
                yield compact(one) + ("\n" if at == len(value) - 1 else ",\n")
            yield "]" + end
        else:
            yield f'"{key}": {compact(value)}{end}'
    yield "}\n"


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
