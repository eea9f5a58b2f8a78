"""Values to fill a template with: `name=value` words, or a file with a row for each conversation.

The file is CSV with a heading (commas, semicolons or tabs, whichever the heading has most of) or JSONL with
an object a line. Rows are read one at a time; each is known by its line.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tools.conversation.records import LONGEST, Lines, parsed
from tools.core.errors import ToolError, UsageError
from tools.core.words import say

DELIMITERS = ",;\t"
# 1.50 stays 1.50.
AS_WRITTEN = json.JSONDecoder(parse_int=str, parse_float=str)


@dataclass(frozen=True)
class Row:
    """The values of one row, or what is wrong with it."""

    line: int
    values: dict[str, str] = field(default_factory=dict)
    problem: str = ""


def given_values(words: Sequence[str]) -> dict[str, str]:
    """What `--set name=value` says.

    >>> given_values(["name=Ada", "sum=2+2=4"])
    {'name': 'Ada', 'sum': '2+2=4'}
    """
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not name.strip():
            raise UsageError(f"--set takes name=value, not {say(word)}", "set")
        if name.strip() in found:
            raise UsageError(f"--set gives {say(name.strip())} twice", "set")
        found[name.strip()] = value
    return found


def rows_of(lines: Lines) -> Iterator[Row]:
    """The rows of a file.

    >>> import tempfile
    >>> from pathlib import Path
    >>> path = Path(tempfile.mkdtemp(), "values.csv")
    >>> _ = path.write_text('name,says\\nAda,"Hi,\\nyou"\\nBob\\n')
    >>> for row in rows_of(Lines.of(path)):
    ...     print(row.line, row.values or row.problem)
    2 {'name': 'Ada', 'says': 'Hi,\\nyou'}
    4 the heading has 2 columns, and this row 1
    """
    for _, line in lines:
        if line.strip():
            as_json = line.strip().removeprefix(b"\xef\xbb\xbf").startswith(b"{")
            yield from _json_rows(lines) if as_json else _csv_rows(lines)
            return
    raise ToolError(f"{lines.name}: no row of values in it", "values")


def _json_rows(lines: Lines) -> Iterator[Row]:
    for number, line in lines:
        if not line.strip():
            continue
        record = parsed(number, line, AS_WRITTEN)
        if record.problem or not isinstance(record.value, dict):
            yield Row(number, problem=record.problem or 'a row is an object: {"name": "value"}')
            continue
        wrong = [key for key, value in record.value.items() if isinstance(value, (list, dict))]
        if wrong:
            yield Row(number, problem=f"the value of {say(wrong[0])} is neither a text nor a number")
            continue
        some = {key: value for key, value in record.value.items() if value is not None}
        yield Row(number, {key: _text(value) for key, value in some.items()})


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _csv_rows(lines: Lines) -> Iterator[Row]:
    csv.field_size_limit(LONGEST)
    source = _decoded(lines)
    first = next(source)
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(_again(first, source), delimiter=delimiter, strict=True)
    try:
        heading = [name.strip() for name in next(reader)]
        _check_heading(heading, lines.name)
        while True:
            begins = reader.line_num + 1
            row = next(reader, None)
            if row is None:
                return
            if not row:
                continue
            if len(row) != len(heading):
                many = f"the heading has {len(heading):,} columns, and this row {len(row):,}"
                yield Row(begins, problem=many)
                continue
            yield Row(begins, dict(zip(heading, row, strict=True)))
    except csv.Error as error:
        raise ToolError(f"{lines.name}:{reader.line_num}: not CSV: {error}", "values") from None


def _check_heading(heading: list[str], name: str) -> None:
    for number, column in enumerate(heading, 1):
        if not column:
            raise ToolError(
                f"{name}:1: column {number} has no name; the first line names the columns", "values"
            )
        if heading.index(column) != number - 1:
            raise ToolError(f"{name}:1: two columns are named {say(column)}", "values")


def _decoded(lines: Lines) -> Iterator[str]:
    for number, line in lines:
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError:
            raise ToolError(
                f"{lines.name}:{number}: not UTF-8; convert the file to UTF-8 first", "values"
            ) from None


def _again(first: str, others: Iterator[str]) -> Iterator[str]:
    yield first
    yield from others
