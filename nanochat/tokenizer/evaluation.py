"""How well tokenizers compress, by kind of text.

The measure is bytes a token: how much text one step of the model reads or writes. A vocabulary is good at
what it was learned from, so one figure says little. The kinds here are prose, a news report, code,
mathematics and two other scripts, some kilobytes each (the prose is `sample.txt`, the others were written for
this), and any text one adds.

Vocabularies can be compared on one text. Texts cannot be compared by one vocabulary: a Korean letter is three
bytes, a Latin one is one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nanochat.tokenizer.fast import FastTokenizer
from nanochat.tokenizer.ranks import RanksMissing
from nanochat.tokenizer.tokenizer import published_tokenizer, sample_text

KINDS_FOLDER = Path(__file__).with_name("kinds")
KINDS = ("news", "code", "mathematics", "korean", "russian")


@dataclass(frozen=True)
class Compression:
    """What became of a text."""

    text_bytes: int
    tokens: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that one token stands for, on average; the more, the better.

        >>> Compression(text_bytes=90, tokens=20).bytes_per_token
        4.5
        """
        return self.text_bytes / max(self.tokens, 1)


def compression(tokenizer: FastTokenizer, texts: Iterable[str]) -> Compression:
    """Encode texts and count.

    >>> from nanochat.tokenizer.tokenizer import sample_tokenizer
    >>> compression(FastTokenizer.of(sample_tokenizer()), ["Call me", "Ishmael"])
    Compression(text_bytes=14, tokens=6)
    """
    text_bytes = tokens = 0
    for text in texts:
        text_bytes += len(text.encode())
        tokens += len(tokenizer.encode_array(text))
    return Compression(text_bytes, tokens)


def kinds_of_text() -> dict[str, str]:
    """The texts that come with this project, by kind.

    >>> list(kinds_of_text())
    ['prose', 'news', 'code', 'mathematics', 'korean', 'russian']
    """
    written = {kind: (KINDS_FOLDER / f"{kind}.txt").read_text(encoding="utf-8") for kind in KINDS}
    return {"prose": sample_text(), **written}


def published_if_there(names: Sequence[str]) -> tuple[dict[str, FastTokenizer], dict[str, str]]:
    """The published tokenizers whose ranks are on this machine, and why the others are not here."""
    found, missing = {}, {}
    for name in names:
        try:
            found[name] = FastTokenizer.of(published_tokenizer(name))
        except RanksMissing as error:
            missing[name] = str(error)
    return found, missing


def take(texts: Iterable[str], most: int) -> Iterator[str]:
    """Texts from the beginning, as long as together they have at most so many bytes; always one.

    >>> list(take(["one", "two", "three"], 6))
    ['one', 'two']
    """
    taken = 0
    for text in texts:
        taken += len(text.encode())
        if taken > most and taken > len(text.encode()):
            return
        yield text
