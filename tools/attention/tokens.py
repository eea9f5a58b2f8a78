"""How the tokens of a trace are called: by place and by what they hold, exact to the byte.

A token can be a part of a character, and a character can be spread over tokens. So bytes are counted as
bytes, and characters only after all bytes are put together again.
"""

from __future__ import annotations

from collections.abc import Sequence

from tools.attention.trace import Token
from tools.core.report import Span
from tools.playground.views import kind_of_bytes, show, which_part


def named(tokens: Sequence[Token]) -> list[str]:
    r"""A name for each token, with its place from 1, so that no two are named alike.

    >>> named([Token(9, b"<|bos|>", special=True), Token(3, b" no"), Token(3, b" no"), Token(4, b"\xc3")])
    ['1 <|bos|>', '2 ␣no', '3 ␣no', '4 \\xc3']
    """
    return [f"{place} {show(token.data)}" for place, token in enumerate(tokens, 1)]


def n_bytes(tokens: Sequence[Token]) -> int:
    """The bytes of the text; special tokens are no text.

    >>> n_bytes([Token(9, b"<|bos|>", special=True), Token(1, b"\\xf0\\x9f"), Token(2, b"\\x99\\x82")])
    4
    """
    return sum(len(token.data) for token in tokens if not token.special)


def text_of(tokens: Sequence[Token]) -> str:
    """The text, special tokens left out; bytes that make no character show as U+FFFD.

    >>> text_of([Token(1, b"\\xf0\\x9f"), Token(2, b"\\x99\\x82!")])
    '🙂!'
    """
    return b"".join(token.data for token in tokens if not token.special).decode("utf-8", "replace")


def kinds(tokens: Sequence[Token]) -> list[str]:
    """What each token is; a part of a character says which one.

    >>> kinds([Token(1, b"\\xf0\\x9f"), Token(2, b"\\x99\\x82"), Token(3, b" dog")])
    ['bytes 1-2 of 4 of 🙂', 'bytes 3-4 of 4 of 🙂', 'letters']
    """
    found = []
    whole = b"".join(token.data for token in tokens)
    start = 0
    for token in tokens:
        kind = "special" if token.special else kind_of_bytes(token.data)
        if kind == "part of a character":
            kind = which_part(whole, start, start + len(token.data))
        found.append(kind)
        start += len(token.data)
    return found


def spans(tokens: Sequence[Token], chosen: int | None = None) -> list[Span]:
    """Tokens as coloured text; pointing at one says its place, id, bytes and kind. `chosen` is marked."""
    return [
        Span(
            token.data.decode("utf-8", "backslashreplace"),
            token.token_id,
            at % 6,
            f"token {at + 1} · id {token.token_id} · {token.data.hex(' ')} · {kind}",
            marked=at == chosen,
        )
        for at, (token, kind) in enumerate(zip(tokens, kinds(tokens), strict=True))
    ]
