"""A trace as a file: JSON that people can read, every number of it checked when it is read.

    {"format": "nanochat-attention-trace", "version": 1,
     "kind": "text", "made_by": {"run": "d4", "stage": "base", "step": 1000},
     "parts": 100000, "n_kv_head": 4, "windows": [128, 512],
     "tokens": [{"id": 4087, "special": "<|bos|>"}, {"id": 72, "bytes": "48"}],
     "weights": [[[[100000], [25000, 75000]], …], …],
     "repeated": {"tokens": 25, "rows": 8, "seed": 0, "induction": [[0.01, …], …]}}

`weights[layer][head][row]` has a number for each token up to the row's own, in hundred-thousandths; they sum
to `parts`, and are 0 where the layer's window does not reach. `bytes` are hexadecimal. `repeated` may be left
out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, NoReturn

from tools.attention.trace import MOST_NUMBERS, MOST_TOKENS, PARTS, Head, Repeated, Token, Trace
from tools.core.errors import ToolError
from tools.core.files import read_json

FORMAT, VERSION = "nanochat-attention-trace", 1
KINDS = ("text", "chat", "repeat")
LARGEST_FILE = 64_000_000
LARGEST_ID = 2**31


class _Problem(Exception):
    """What is wrong with a trace, without the name of its file."""


def trace_text(trace: Trace) -> Iterator[str]:
    """The file's text, piece by piece; a head is a line.

    >>> tiny = Trace([Token(7, b"a")], [[[[PARTS]]]], [1], 1)
    >>> print("".join(trace_text(tiny)), end="")
    {"format": "nanochat-attention-trace", "version": 1, "kind": "text", "made_by": {}, "parts": 100000, \
"n_kv_head": 1, "windows": [1],
    "tokens": [{"id": 7, "bytes": "61"}],
    "weights": [[
    [[100000]]
    ]]}
    """
    head = {
        "format": FORMAT, "version": VERSION, "kind": trace.kind, "made_by": trace.made_by, "parts": PARTS,
        "n_kv_head": trace.n_kv_head, "windows": list(trace.windows),
    }  # fmt: skip
    tokens = [
        {"id": one.token_id, **({"special": one.data.decode()} if one.special else {"bytes": one.data.hex()})}
        for one in trace.tokens
    ]
    yield json.dumps(head)[:-1] + ",\n"
    if trace.repeated is not None:
        told = trace.repeated
        scores = [[round(score, 6) for score in layer] for layer in told.induction]
        counts = {"tokens": told.n_tokens, "rows": told.n_rows, "seed": told.seed, "induction": scores}
        yield f'"repeated": {json.dumps(counts)},\n'
    yield f'"tokens": {json.dumps(tokens)},\n"weights": ['
    for number, layer in enumerate(trace.weights):
        lines = ",\n".join(json.dumps(list(map(list, one)), separators=(",", ":")) for one in layer)
        yield (",\n" if number else "") + f"[\n{lines}\n]"
    yield "]}\n"


def read_trace(path: Path) -> Trace:
    """The trace in a file; `ToolError` names the file and what is wrong with it."""
    try:
        there = path.stat()
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}", "trace") from None
    return _read(path, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=4)  # a page asks for the same file at every change of its form
def _read(path: Path, changed: int, size: int) -> Trace:
    if path.is_file() and size == 0:
        raise ToolError(f"{path} is empty; a trace is made with --save-trace", "trace")
    found = read_json(path, LARGEST_FILE, "a trace", "trace")
    try:
        return trace_of(found)
    except _Problem as problem:
        raise ToolError(f"{path}: {problem}", "trace") from None


def trace_of(found: object) -> Trace:
    """The trace that parsed JSON describes, all of it checked."""
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        _refuse(f'is not an attention trace: it has no "format": "{FORMAT}"; one is made with --save-trace')
    if found.get("version") != VERSION:
        _refuse(f"is a trace of version {found.get('version')!r}; this program reads version {VERSION}")
    if found.get("parts") != PARTS:
        _refuse(f'"parts" is {found.get("parts")!r}; in version {VERSION} it is {PARTS}')
    if found.get("kind") not in KINDS:
        _refuse(f'"kind" is {found.get("kind")!r}; it is {", ".join(KINDS)}')
    tokens = [_token(number, one) for number, one in enumerate(_list(found, "tokens"), 1)]
    if not 1 <= len(tokens) <= MOST_TOKENS:
        _refuse(f"has {len(tokens):,} tokens; a trace has from 1 to {MOST_TOKENS}")
    windows = [_whole(one, '"windows"', 1) for one in _list(found, "windows")]
    weights = _weights(_list(found, "weights"), windows, len(tokens))
    n_kv_head = _whole(found.get("n_kv_head"), '"n_kv_head"', 1)
    if len(weights[0]) % n_kv_head:
        _refuse(f'"n_kv_head" is {n_kv_head}, which does not divide the {len(weights[0])} heads of a layer')
    made_by = found.get("made_by", {})
    if not isinstance(made_by, dict) or not all(isinstance(one, (str, int)) for one in made_by.values()):
        _refuse('"made_by" is not an object of texts and numbers')
    repeated = _repeated(found.get("repeated"), len(weights), len(weights[0]))
    return Trace(tokens, weights, windows, n_kv_head, found["kind"], made_by, repeated)


def _refuse(problem: str) -> NoReturn:
    raise _Problem(problem)


def _list(found: dict[str, Any], key: str) -> list[Any]:
    if key not in found:
        _refuse(f'lacks "{key}"')
    value = found[key]
    if not isinstance(value, list) or not value:
        _refuse(f'"{key}" is not a list with something in it')
    return value


def _whole(value: object, what: str, low: int, high: int = LARGEST_ID) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        _refuse(f"{what} must be a whole number from {low} to {high:,}, not {str(value)[:40]!r}")
    return value


def _token(number: int, found: object) -> Token:
    if not isinstance(found, dict):
        _refuse(f"token {number} is not an object")
    token_id = _whole(found.get("id"), f'"id" of token {number}', 0)
    if isinstance(found.get("special"), str) and found["special"]:
        return Token(token_id, found["special"].encode("utf-8", "backslashreplace"), special=True)
    try:
        data = bytes.fromhex(found["bytes"])
    except (KeyError, TypeError, ValueError):
        data = b""
    if not data:
        _refuse(f'token {number} has neither "special" nor "bytes" in hexadecimal')
    return Token(token_id, data)


def _weights(found: list[Any], windows: list[int], n_tokens: int) -> list[list[Head]]:
    if len(found) != len(windows):
        _refuse(f'has {len(found)} layers in "weights" and {len(windows)} in "windows"')
    n_head = len(found[0]) if isinstance(found[0], list) else 0
    if not n_head:
        _refuse("layer 1 has no heads")
    if len(found) * n_head * n_tokens * (n_tokens + 1) // 2 > MOST_NUMBERS:
        _refuse(f"has {len(found)} layers of {n_head} heads and {n_tokens} tokens: too much to look at")
    for number, (layer, window) in enumerate(zip(found, windows, strict=True), 1):
        if not isinstance(layer, list) or len(layer) != n_head:
            _refuse(f"layer {number} is not a list of {n_head} heads, as layer 1 is")
        for place, head in enumerate(layer, 1):
            where = f"layer {number}, head {place}"
            if not isinstance(head, list) or len(head) != n_tokens:
                _refuse(f"{where} is not a list of {n_tokens} rows, one for each token")
            for at, row in enumerate(head, 1):
                _check_row(row, at, window, f"{where}, row {at}")
    return found


def _check_row(row: object, length: int, window: int, where: str) -> None:
    if not isinstance(row, list) or len(row) != length:
        _refuse(f"{where} is not a list of {length} numbers, one for each token up to its own")
    for number in row:
        if type(number) is not int or not 0 <= number <= PARTS:
            _refuse(f"{where} holds {str(number)[:40]!r}; weights are whole numbers from 0 to {PARTS:,}")
    if sum(row) != PARTS:
        _refuse(f"{where} sums to {sum(row):,}, not to {PARTS:,}")
    if length > window and any(row[: length - window]):
        _refuse(f"{where} looks back further than the layer's window of {window}")


def _repeated(found: object, n_layer: int, n_head: int) -> Repeated | None:
    if found is None:
        return None
    if not isinstance(found, dict):
        _refuse('"repeated" is not an object')
    scores = found.get("induction")
    if not (
        isinstance(scores, list)
        and len(scores) == n_layer
        and all(isinstance(layer, list) and len(layer) == n_head for layer in scores)
        and all(type(one) in (int, float) and 0 <= one <= 1 for layer in scores for one in layer)
    ):
        _refuse(f'"induction" in "repeated" is not {n_layer} lists of {n_head} numbers from 0 to 1')
    n_tokens, n_rows, seed = (
        _whole(found.get(key), f'"{key}" in "repeated"', low)
        for key, low in (("tokens", 1), ("rows", 1), ("seed", 0))
    )
    return Repeated(n_tokens, n_rows, seed, scores)
