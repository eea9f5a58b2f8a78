r"""Cut text into pieces before any merging: roughly words, numbers, punctuation and spaces.

Byte-pair encoding merges inside a piece and never across two, so these patterns decide which tokens can
exist at all: without them `dog.`, `dog!` and `dog?` would each become a token. Each tokenizer has
its pattern, an ordinary regular expression whose alternatives are tried from left to right at every position.

The patterns are published with classes such as `\p{L}` (any letter), which Python's `re` does not know.
`to_stdlib` writes them for `re`: classes become ranges from our own Unicode table, so the pieces are the
same as tiktoken's on every version of Python. A pattern is compiled when it is first used.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nanochat.tokenizer.unicode_table import character_class

# What stands for a published class: the kinds of `unicode_table` that together are the same characters.
KINDS = {
    r"\p{L}": "ULO",
    r"\p{N}": "N",
    r"\p{M}": "M",
    r"\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}": "UOM",
    r"\p{Ll}\p{Lm}\p{Lo}\p{M}": "LOM",
    r"\s": "S",
}
_PIECES_OF_A_PATTERN = re.compile(
    r"""(?P<known>(?:\\p\{\w+\})+|\\s)     # one class, or several in a row: they are one entry of KINDS
      | (?P<not_space>\\S)
      | (?P<end>\$)
      | (?P<escaped>\\[rn])
      | (?P<bracket>[\[\]])
      | (?P<unknown>\\.)""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class SplitPattern:
    """A named pattern, as its alternatives with what each is for.

    >>> [piece for piece in GPT2.split("Don't panic, it's 2026!")]
    ['Don', "'t", ' panic', ',', ' it', "'s", ' 2026', '!']
    >>> NANOCHAT.split("Don't panic, it's 2026!")
    ['Don', "'t", ' panic', ',', ' it', "'s", ' ', '20', '26', '!']
    """

    name: str
    alternatives: tuple[tuple[str, str], ...]

    @property
    def published(self) -> str:
        """The pattern in the notation in which it was published; tiktoken and rustbpe take it as it is."""
        return "|".join(pattern for pattern, _ in self.alternatives)

    def split(self, text: str) -> list[str]:
        """The pieces of `text`, in order; joined they are `text` again."""
        return _compiled(self.published).findall(text)

    def explain(self, text: str) -> Iterator[tuple[str, str]]:
        """Each piece with what the alternative that caught it is for.

        >>> for piece, why in NANOCHAT.explain("It's 123"):
        ...     print(repr(piece), why)
        'It' a word, with at most one space or other character before it
        "'s" an English ending after an apostrophe
        ' ' any other white space
        '12' one or two digits
        '3' one or two digits
        """
        numbered = _compiled("|".join(f"({pattern})" for pattern, _ in self.alternatives))
        for found in numbered.finditer(text):
            assert found.lastindex is not None  # every alternative is a group
            yield found[0], self.alternatives[found.lastindex - 1][1]

    def stream(self, chunks: Iterable[str]) -> Iterator[str]:
        """Like `split` for text that arrives in chunks, of which only a stretch is in memory at a time.

        >>> list(GPT2.stream(["one t", "wo\\nthr", "ee"])) == GPT2.split("one two\\nthree")
        True
        """
        for stretch in stretches(chunks):
            yield from self.split(stretch)


def stretches(chunks: Iterable[str]) -> Iterator[str]:
    """Text that arrives in chunks, in stretches that can be split on their own, by any pattern here.

    Text may be cut after a line break that has a character other than white space before it and a letter
    after it: no pattern reads across that.

    >>> list(stretches(["one t", "wo\\nthr", "ee"]))
    ['one two\\n', 'three']
    """
    waiting = ""
    for chunk in chunks:
        searched = max(len(waiting) - 1, 1)  # a break at the very end had to wait for what follows it
        waiting += chunk
        cut = _last_safe_cut(waiting, searched)
        if cut:
            yield waiting[:cut]
            waiting = waiting[cut:]
    yield waiting


def to_stdlib(pattern: str) -> str:
    r"""Write a published pattern so that Python's `re` understands it and matches the same text.

    Three things differ. `\p{…}` classes become ranges. `\s` becomes Unicode's 25 white-space characters
    (Python's own adds the four separators U+001C to U+001F). `$` becomes `\Z`, because Python's `$` also
    matches before a last line break. Possessive `++` and `(?i:…)` mean the same in both since Python 3.11.

    >>> to_stdlib(r"[^\s]$") == "[^" + character_class("S") + r"]\Z"
    True
    >>> to_stdlib(r"\p{Greek}")
    Traceback (most recent call last):
    ...
    ValueError: '\\p{Greek}' in a split pattern is not known here; use one of \p{L}, \p{N}, \p{M}, \s, \S
    """
    written, position, inside_brackets = [], 0, False
    for found in _PIECES_OF_A_PATTERN.finditer(pattern):
        written.append(pattern[position : found.start()])
        position = found.end()
        text = found[0]
        if found.lastgroup == "bracket":
            inside_brackets = text == "["
            written.append(text)
        elif found.lastgroup == "escaped" or (found.lastgroup == "end" and inside_brackets):
            written.append(text)
        elif found.lastgroup == "end":
            written.append(r"\Z")
        elif found.lastgroup == "not_space" and not inside_brackets:
            written.append(f"[^{character_class('S')}]")
        else:
            class_of_it = _class_of(text)
            written.append(class_of_it if inside_brackets else f"[{class_of_it}]")
    return "".join(written) + pattern[position:]


def _class_of(text: str) -> str:
    if text in KINDS:
        return character_class(KINDS[text])
    parts = re.findall(r"\\p\{\w+\}", text)
    if len(parts) > 1 and all(part in KINDS for part in parts):
        return "".join(character_class(KINDS[part]) for part in parts)
    raise ValueError(
        f"{text!r} in a split pattern is not known here; use one of \\p{{L}}, \\p{{N}}, \\p{{M}}, \\s, \\S"
    )


@functools.cache
def _compiled(published: str) -> re.Pattern[str]:
    return re.compile(to_stdlib(published))


def _last_safe_cut(text: str, start: int) -> int:
    """The last place, from `start` on, to cut `text` without changing its pieces; 0 if there is none."""
    break_at = len(text) - 1
    while (break_at := text.rfind("\n", start, break_at)) != -1:
        if text[break_at + 1].isalpha() and not text[break_at - 1].isspace():
            return break_at + 1
    return 0


_WORD = "a word, with at most one space or other character before it"
_SPACES_BEFORE_A_WORD = "white space up to the last one before something else"

GPT2 = SplitPattern(
    "gpt2",
    (
        (r"'(?:[sdmt]|ll|ve|re)", "an English ending after an apostrophe, lower case only"),
        (r" ?\p{L}++", "letters, with at most one space before them"),
        (r" ?\p{N}++", "digits, with at most one space before them"),
        (r" ?[^\s\p{L}\p{N}]++", "punctuation and symbols, with at most one space before them"),
        (r"\s++$", "white space at the end of the text"),
        (r"\s+(?!\S)", _SPACES_BEFORE_A_WORD),
        (r"\s", "any other white space"),
    ),
)
CL100K = SplitPattern(
    "cl100k_base",
    (
        (r"'(?i:[sdmt]|ll|ve|re)", "an English ending after an apostrophe"),
        (r"[^\r\n\p{L}\p{N}]?+\p{L}++", _WORD),
        (r"\p{N}{1,3}+", "one to three digits"),
        (r" ?[^\s\p{L}\p{N}]++[\r\n]*+", "punctuation and symbols, with the line breaks after them"),
        (r"\s++$", "white space at the end of the text"),
        (r"\s*[\r\n]", "white space up to its last line break"),
        (r"\s+(?!\S)", _SPACES_BEFORE_A_WORD),
        (r"\s", "any other white space"),
    ),
)
_ENDING = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
O200K = SplitPattern(
    "o200k_base",
    (
        (
            rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_ENDING}",
            "a word: capitals, then small letters, with its English ending",
        ),
        (
            rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_ENDING}",
            "a word in capitals, with its English ending",
        ),
        (r"\p{N}{1,3}", "one to three digits"),
        (r" ?[^\s\p{L}\p{N}]+[\r\n/]*", "punctuation and symbols, with line breaks and slashes after them"),
        (r"\s*[\r\n]+", "white space up to its last line break"),
        (r"\s+(?!\S)", _SPACES_BEFORE_A_WORD),
        (r"\s+", "any other white space"),
    ),
)
# GPT-4's pattern with numbers cut in twos: a small vocabulary has no room for a thousand three-digit tokens.
NANOCHAT = SplitPattern(
    "nanochat",
    (
        (r"'(?i:[sdmt]|ll|ve|re)", "an English ending after an apostrophe"),
        (r"[^\r\n\p{L}\p{N}]?+\p{L}+", _WORD),
        (r"\p{N}{1,2}", "one or two digits"),
        (r" ?[^\s\p{L}\p{N}]++[\r\n]*", "punctuation and symbols, with the line breaks after them"),
        (r"\s*[\r\n]", "white space up to its last line break"),
        (r"\s+(?!\S)", _SPACES_BEFORE_A_WORD),
        (r"\s+", "any other white space"),
    ),
)
PATTERNS = {pattern.name: pattern for pattern in (NANOCHAT, GPT2, CL100K, O200K)}
