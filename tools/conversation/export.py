"""The file to train on: one conversation a line, written only when every one of them is valid.

The records are read twice. The first time nothing is written, so that a file which is not all right leaves no
half of another behind; the second time each record is written as it is read, so its size does not matter.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tools.conversation.question import Question
from tools.conversation.source import items_of
from tools.conversation.summary import LineList, clipped
from tools.conversation.write_formats import line_of
from tools.core.errors import ToolError


def write_jsonl(question: Question) -> Iterator[str]:
    """The lines of the file. Raises ToolError before the first of them if a record is invalid.

    >>> next(write_jsonl(Question(write_as="alpaca")))[:61]
    '{"instruction": "What is the capital of France?", "input": ""'
    """
    name, items = items_of(question)
    left_out, first, count = LineList(), "", 0
    for item in items():
        count += 1
        if item.problem:
            first = first or f"line {item.line}: {clipped(item.problem)}"
            left_out.add(item.line)
    if count == left_out.count:
        raise ToolError(
            f"{name}: no valid conversation in it, so nothing is written" + (f"; {first}" if first else "")
        )
    if left_out.count and not question.skip_invalid:
        raise ToolError(
            f"{name}: nothing is written, since {left_out.count:,} of {count:,} records "
            f"{'is' if left_out.count == 1 else 'are'} invalid; {first}. Mend that, or leave out what is "
            "invalid with --skip-invalid"
        )
    for item in items():
        if not item.problem:
            yield line_of(item.written) + "\n"
    if left_out.count:
        lines = f"line{'s' * (left_out.count > 1)} {left_out}"
        print(f"left out {left_out.count:,} of {count:,} records: {lines}", file=sys.stderr)
