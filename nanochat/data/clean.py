"""Clean text and cut it into documents. Standard library only.

A model learns whatever is in its text. A licence printed above each of fifty books, a list of page numbers,
a note of where an audience laughed: all of that would be learned as English. So it goes, and nothing else
does: spelling, punctuation and line breaks of verse stay as they are.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata

# Characters of a document that is cut from a longer text. Training reads some hundred to two thousand tokens
# at a time, of about four characters each: a longer piece would only be cut again, a much shorter one would
# teach beginnings and endings where the text has none. Small pieces also shuffle better.
PIECE = 4000

# Everything below U+0020 but tab and line feed, and what is invisible or marks bytes that were no text.
INVISIBLE = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\u200b\u2060\ufeff\ufffd\u00ad]")
# "\f" begins a new page.
LINE_ENDS = re.compile(r"\r\n?|[\x0c\x85\u2028\u2029]")
# Project Gutenberg prints its header and its licence around a text, between lines like these.
GUTENBERG_START = re.compile(
    r"^.*(?:\*\*\* ?START OF (?:THE|THIS) PROJECT GUTENBERG|\*END\*? ?THE SMALL PRINT).*$", re.M
)
GUTENBERG_END = re.compile(
    r"^.*(?:\*\*\* ?END OF (?:THE|THIS) PROJECT GUTENBERG|End of (?:the )?Project Gutenberg).*$", re.M
)
PAGE_NUMBER = re.compile(r"^[ \t]*(?:\[?(?:p|pg|page)\.? ?\d+\]?|[-–—] ?\d+ ?[-–—])[ \t]*$\n?", re.M | re.I)


def tidy(text: str) -> str:
    r"""One form for what looks the same: line ends, composed letters, no trailing spaces or empty pages.

    >>> tidy("\ufeffOne\r\n\r\n\r\n\r\ntwo \x0b\u0065\u0301  \n")
    'One\n\ntwo é'
    """
    text = LINE_ENDS.sub("\n", text)
    text = unicodedata.normalize("NFC", INVISIBLE.sub("", text))
    text = re.sub(r"[ \t\u00a0]+$", "", text, flags=re.M)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def without_frame(text: str) -> str:
    r"""A book without what Project Gutenberg prints around it, and without lines that are page numbers.

    >>> without_frame(
    ...     "Title\n*** START OF THE PROJECT GUTENBERG EBOOK 1 ***\nCall me.\n- 12 -\nIshmael.\n"
    ...     "*** END OF THE PROJECT GUTENBERG EBOOK 1 ***\nlicence"
    ... )
    '\nCall me.\nIshmael.\n'
    """
    starts = list(GUTENBERG_START.finditer(text))
    if starts:
        text = text[starts[-1].end() :]
    end = GUTENBERG_END.search(text)
    if end:
        text = text[: end.start()]
    return PAGE_NUMBER.sub("", text)


def cut(text: str, piece: int = PIECE) -> list[str]:
    r"""`text` in pieces of about `piece` characters, cut between paragraphs where there is one near.

    All pieces have about the same length, so the last is no scrap. Nothing but space is lost.

    >>> cut("One two.\n\nThree four. Five six.\n\nSeven.", piece=20)
    ['One two.\n\nThree four.', 'Five six.\n\nSeven.']
    """
    count = -(-len(text) // piece)
    ends, before = [], 0
    for number in range(1, count):
        before = max(before, _cut_near(text, number * len(text) // count, len(text) // count // 2))
        ends.append(before)
    pieces = [text[start:end].strip() for start, end in zip([0, *ends], [*ends, len(text)], strict=True)]
    return [one for one in pieces if one]


def _cut_near(text: str, ideal: int, slack: int) -> int:
    """The place to cut: the nearest end of a paragraph, else of a line, of a sentence, of a word."""
    first = max(0, ideal - slack)
    window = text[first : ideal + slack]
    for mark in (r"\n\n", r"\n", r"[.!?][\"'”’)]?[ ]", r"\s"):
        ends = [first + found.end() for found in re.finditer(mark, window)]
        if ends:
            return min(ends, key=lambda end: abs(end - ideal))
    return ideal


def digest(text: str) -> bytes:
    """16 bytes that are equal for texts with the same letters and digits, whatever case and punctuation.

    >>> digest("Call me Ishmael.") == digest("call me  ISHMAEL")
    True
    """
    letters = "".join(re.findall(r"\w+", text.casefold()))
    return hashlib.blake2b(letters.encode("utf-8", "surrogatepass"), digest_size=16).digest()
