"""Files that a tool must have whole before it can begin: configs, conversations, vocabularies.

Text that can be of any size is streamed (`tools.playground.source`); these have a size above which they
cannot be what they are said to be, and are not read beyond it. So `/dev/zero` ends in one line, too.
"""

from __future__ import annotations

import json
from pathlib import Path

from tools.core.errors import ToolError

MEGABYTE = 1_000_000


def read_whole(path: Path, most: int, what: str, parameter: str | None = None) -> bytes:
    """The bytes of a file of at most `most` bytes; `what` says what it should be: "a config.json".

    >>> read_whole(Path("/nowhere/config.json"), 10, "a config.json")
    Traceback (most recent call last):
    tools.core.errors.ToolError: /nowhere/config.json cannot be read: No such file or directory
    """
    try:
        with path.open("rb") as opened:
            data = opened.read(most + 1)
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}", parameter) from None
    if len(data) > most:
        raise ToolError(f"{path} is larger than {most // MEGABYTE:,} MB, so it is not {what}", parameter)
    return data


def read_json(path: Path, most: int, what: str, parameter: str | None = None) -> object:
    """What a JSON file of at most `most` bytes holds."""
    data = read_whole(path, most, what, parameter)
    try:
        words = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ToolError(f"{path} is not UTF-8 text, so it is not {what}", parameter) from None
    try:
        return parse_json(words)
    except ValueError as error:
        raise ToolError(f"{path} is not JSON: {error}", parameter) from None


def parse_json(words: str) -> object:
    """What a JSON text says; a `ValueError` names the place of the first mistake.

    >>> parse_json('{"n_layer": 12, "n_emb')
    Traceback (most recent call last):
    ValueError: Unterminated string starting at line 1, column 17
    """
    try:
        return json.loads(words)
    except json.JSONDecodeError as error:
        place = "" if error.msg.endswith(" at") else " at"
        raise ValueError(f"{error.msg}{place} line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise ValueError("brackets inside brackets, too deep to follow") from None
    except ValueError:  # digits beyond Python's limit
        raise ValueError("a number with thousands of digits") from None
