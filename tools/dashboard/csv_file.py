"""The export: one table of all runs, a row for each step that counts, a column for each figure in any
file."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from tools.dashboard.history import History
from tools.dashboard.lines import Found, Steps, check_again

ROWS = 1_000
"""Written at once."""
MISSING = object()


def csv_parts(histories: Sequence[History]) -> Iterator[str]:
    """The file's text, in parts. Each file is read once more: no row is kept in memory."""
    keys = list(dict.fromkeys(key for history in histories for key in keys_of(history)))
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["run", "step", *keys])
    for history in histories:
        for number, (step, found) in enumerate(again(history), 1):
            writer.writerow([history.run.name, step, *(cell(found, key) for key in keys)])
            if number % ROWS == 0:
                yield taken(buffer)
    yield taken(buffer)


def keys_of(history: History) -> list[str]:
    """Every figure and every word in a run's file."""
    return [*history.columns, *sorted(history.texts)]


def again(history: History) -> Steps:
    """The steps of a history once more; what has been written since is left out."""
    source = history.source
    assert source is not None
    check_again(source.path, "an export follows the report")
    return Steps(source.path, source.cuts, last_line=source.line)


def cell(found: Found, key: str) -> object:
    """What stands in a line under a key, or under one in a group: `lr/head`. Numbers keep all their
    digits."""
    value = found.get(key, MISSING)
    if value is MISSING and "/" in key:
        group, name = key.split("/", 1)
        inside = found.get(group)
        value = inside.get(name) if isinstance(inside, dict) else None
    return "" if value is MISSING or value is None or isinstance(value, (dict, list)) else value


def taken(buffer: io.StringIO) -> str:
    """What a buffer holds, which is then empty."""
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
