"""Tokens of a trace for a reader: their exact bytes, and which part of a character they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nanochat.inference.trace import Trace
from tools.core.report import Cell
from tools.playground.views import TokenView, kind_of_bytes, views_of_piece

LONGEST = 8  # tokens that may share characters: one can end a character and begin the next


class Pieces:
    """As much of a tokenizer as a trace holds, and as `views_of_piece` asks for."""

    def __init__(self, trace: Trace) -> None:
        self.pieces = trace.pieces
        self.special_ids = frozenset(trace.special_tokens.values())

    def token_bytes(self, token_id: int) -> bytes:
        """The bytes of one token."""
        return self.pieces[token_id]


def views(trace: Trace, ids: Sequence[int]) -> list[TokenView]:
    r"""Every token of a text. One that is part of a character says which of its bytes it holds.

    >>> from nanochat.inference.trace import Prompt
    >>> pieces = {1: b"a", 2: "🙂".encode()[:2], 3: "🙂".encode()[2:]}
    >>> trace = Trace({}, Prompt("", False, (1,)), 4, pieces, {}, (1.0,))
    >>> [(view.hexadecimal, view.kind) for view in views(trace, [1, 2, 3])]
    [('61', 'letters'), ('f0 9f', 'bytes 1-2 of 4 of 🙂'), ('99 82', 'bytes 3-4 of 4 of 🙂')]
    """
    pieces = Pieces(trace)
    return [view for group in _groups(pieces, ids) for view in _views_of(pieces, group)]


def bytes_of(one: TokenView) -> str:
    """The exact bytes of a token in text; a special token stands for none."""
    return "" if one.kind == "special" else one.hexadecimal


def bytes_cell(one: TokenView) -> Cell:
    """The bytes for a table, which shows them where the letters do not say them."""
    return Cell(bytes_of(one), "" if one.data.isascii() else bytes_of(one))


def view(trace: Trace, token_id: int) -> TokenView:
    """One token by itself."""
    special = token_id in trace.special_tokens.values()
    data = trace.pieces[token_id]
    return TokenView(token_id, data, "special" if special else kind_of_bytes(data))


def _views_of(pieces: Pieces, group: list[int]) -> Iterator[TokenView]:
    if len(group) > 1:
        yield from views_of_piece(pieces, group)  # type: ignore[arg-type]
        return
    data = pieces.token_bytes(group[0])
    yield TokenView(group[0], data, "special" if group[0] in pieces.special_ids else kind_of_bytes(data))


def _groups(pieces: Pieces, ids: Sequence[int]) -> Iterator[list[int]]:
    """Tokens that share characters together, every other one alone."""
    at = 0
    while at < len(ids):
        group: list[int] = []
        # As few as make whole characters; if no few do, the bytes are no text, and the token stays alone.
        for end in range(at + 1, min(at + LONGEST, len(ids)) + 1):
            if ids[end - 1] in pieces.special_ids and end > at + 1:
                break
            if _whole(b"".join(map(pieces.token_bytes, ids[at:end]))):
                group = list(ids[at:end])
                break
        yield group or [ids[at]]
        at += len(group) or 1


def _whole(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True
