"""Tool 4, the dataset inspector: what is in training data, and what the trainer will make of it.

`valid` means here exactly that the trainer takes it: the trainer's own function judges each line.
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":  # so that the file runs by its path, on a bare Python, from any folder
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools.core.report import Report
from tools.core.tool import Export, Tool
from tools.inspector.answer import csv_of_lengths, csv_of_problems, inspect
from tools.inspector.question import Question


def run(question: Question) -> Report:
    """Answer a question.

    >>> run(Question(example="classroom")).ok, run(Question(example="faulty")).ok
    (True, False)
    """
    return inspect(question)


TOOL = Tool(
    name="dataset-inspector",
    title="Dataset inspector",
    summary="check training data, find what is odd",
    parameters=Question,
    run=run,
    examples=[
        ("--example classroom", "real conversations, all of them good"),
        ("--example faulty", "one of each fault, and exit code 1"),
        ("mine.jsonl --sequence-length 512", "your conversations, in rows of 512 tokens"),
        ("mine.jsonl --csv problems.csv", "every problem with its line, for a spreadsheet"),
        ("documents.jsonl --field body --every 100", "documents, tokens estimated from one in a hundred"),
        ("- --strict --json < mine.jsonl", "standard input, warnings count too, as JSON"),
    ],
    page={"example": "classroom", "sequence-length": "512"},
    details="Exit code 1 if the trainer would refuse a record (with --strict: or if there is a warning).",
    exports=[
        Export("csv", "problems.csv", "every error, warning and repeat, with its line", csv_of_problems),
        Export("lengths", "lengths.csv", "the length in tokens of every good record", csv_of_lengths),
    ],
)  # fmt: skip


def main() -> int:
    """The command line."""
    from tools.core.command import main as command

    return command(TOOL)


if __name__ == "__main__":
    sys.exit(main())
