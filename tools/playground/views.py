"""What to say of each token: how it looks, which bytes it holds, of what kind it is."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice

from nanochat.tokenizer.split import stretches
from nanochat.tokenizer.tokenizer import Tokenizer
from nanochat.tokenizer.unicode_table import kind_of
from tools.core.report import Span
from tools.playground.source import Source

# Invisible characters that reorder, join or hide text; a reader should see that they are there.
INVISIBLE = (*range(0x20), *range(0x7F, 0xA0), 0xAD, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
             *range(0x2060, 0x2070), 0xFEFF)  # fmt: skip
SHOWN_AS = {code: f"\\u{code:04x}" if code > 0xFF else f"\\x{code:02x}" for code in INVISIBLE}
SHOWN_AS |= {ord(" "): "␣", ord("\n"): "⏎", ord("\r"): "␍", ord("\t"): "⇥"}

KIND_NAMES = {"ULOM": "letters", "N": "digits", "_": "punctuation", "S": "white space"}


@dataclass(frozen=True)
class TokenView:
    """One token of a text. `shown` is for a cell of a table, `text` keeps line breaks and spaces."""

    token_id: int
    data: bytes
    kind: str

    @property
    def text(self) -> str:
        """The token as text; bytes that are no whole character are written `\\xf0`."""
        return self.data.decode("utf-8", errors="backslashreplace")

    @property
    def shown(self) -> str:
        """The token with its spaces and line breaks visible."""
        return show(self.data)

    @property
    def hexadecimal(self) -> str:
        """Its exact bytes."""
        return self.data.hex(" ")


def show(data: bytes) -> str:
    r"""Bytes for a reader: spaces and invisible characters show, bytes of half a character are written out.

    >>> show(b" two\n"), show("🙂".encode()[:2]), show("\u0301".encode())
    ('␣two⏎', '\\xf0\\x9f', '◌́')
    """
    text = data.decode("utf-8", errors="backslashreplace").translate(SHOWN_AS)
    return "◌" + text if text and kind_of(text[0]) == "M" else text


@lru_cache(maxsize=100_000)
def kind_of_bytes(data: bytes) -> str:
    """What a token is made of, wherever it stands; one space before something else does not count.

    >>> [kind_of_bytes(data) for data in (b" dog", b"42", b"?!", b" \\n", b"\\xf0", b"'s")]
    ['letters', 'digits', 'punctuation', 'line break', 'part of a character', 'letters and punctuation']
    """
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "part of a character"
    kinds = {kind_of(character) for character in (text[1:] if text[0] == " " and len(text) > 1 else text)}
    names = [name for letters, name in KIND_NAMES.items() if kinds.intersection(letters)]
    if "white space" in names and ("\n" in text or "\r" in text):
        names[-1] = "line break"
    return " and ".join(names)


def views_of_piece(tokenizer: Tokenizer, ids: list[int]) -> Iterator[TokenView]:
    """The tokens of one piece, each with its kind and, for letters, its place in the word.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> tokenizer = sample_tokenizer()
    >>> for view in views_of_piece(tokenizer, tokenizer.encode_piece("é🙂")):
    ...     print(view.hexadecimal, "-", view.kind)
    c3 - byte 1 of 2 of é
    a9 - byte 2 of 2 of é
    f0 - byte 1 of 4 of 🙂
    9f - byte 2 of 4 of 🙂
    99 - byte 3 of 4 of 🙂
    82 - byte 4 of 4 of 🙂
    """
    tokens = [tokenizer.token_bytes(token_id) for token_id in ids]
    if len(ids) == 1 and ids[0] in tokenizer.special_ids:
        yield TokenView(ids[0], tokens[0], "special")
        return
    whole, start = b"".join(tokens), 0
    for number, (token_id, data) in enumerate(zip(ids, tokens, strict=True)):
        kind = kind_of_bytes(data)
        if kind == "part of a character":
            kind = which_part(whole, start, start + len(data))
        elif kind == "letters":
            first, last = number == 0, number == len(ids) - 1
            kind = (
                "word" if first and last else "word start" if first else "word end" if last else "word middle"
            )
        yield TokenView(token_id, data, kind)
        start += len(data)


def which_part(whole: bytes, start: int, end: int) -> str:
    """Which bytes of which character lie from `start` to `end`, if they are all of one."""
    first = start
    while first > 0 and whole[first] & 0xC0 == 0x80:  # 10xxxxxx: a byte that continues a character
        first -= 1
    after = start + 1
    while after < len(whole) and whole[after] & 0xC0 == 0x80:
        after += 1
    if end > after:
        return "part of a character, and more"
    character = whole[first:after].decode("utf-8", errors="backslashreplace")
    length = after - first
    places = f"byte {start - first + 1}" if end - start == 1 else f"bytes {start - first + 1}-{end - first}"
    return f"{places} of {length} of {character}"


@dataclass
class Encoded:
    """A text in tokens: the counts of all of it, and the views of its beginning."""

    tokenizer: Tokenizer
    n_tokens: int = 0
    n_pieces: int = 0
    n_characters: int = 0
    n_bytes: int = 0
    different: set[int] = field(default_factory=set)
    views: list[TokenView] = field(default_factory=list)

    @property
    def bytes_per_token(self) -> float:
        """How many bytes a token stands for on average; 0 for no text."""
        return self.n_bytes / self.n_tokens if self.n_tokens else 0.0

    @property
    def characters_per_token(self) -> float:
        """How many characters a token stands for on average; 0 for no text."""
        return self.n_characters / self.n_tokens if self.n_tokens else 0.0


def encode_source(tokenizer: Tokenizer, source: Source, keep: int, special: Collection[str] = ()) -> Encoded:
    """Go through a whole text, of which only a stretch is in memory, and keep views of the first tokens.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> from tools.playground.source import of_text
    >>> encoded = encode_source(sample_tokenizer(), of_text("Call me Ishmael."), keep=2)
    >>> encoded.n_tokens, [view.shown for view in encoded.views]
    (5, ['C', 'all'])
    """
    encoded = Encoded(tokenizer)
    for stretch in stretches(source.chunks()):
        encoded.n_characters += len(stretch)
        for _, ids in tokenizer.pieces(stretch, special):
            encoded.n_pieces += 1
            encoded.n_tokens += len(ids)
            encoded.different.update(ids)
            if len(encoded.views) < keep:
                encoded.views.extend(islice(views_of_piece(tokenizer, ids), keep - len(encoded.views)))
        encoded.n_bytes += len(stretch.encode())
    return encoded


def spans(views: list[TokenView]) -> list[Span]:
    """Tokens as coloured text, neighbours in different colours; pointing at one shows what it is."""
    return [
        Span(view.text, view.token_id, number % 6, f"{view.token_id} · {view.hexadecimal} · {view.kind}")
        for number, view in enumerate(views)
    ]
