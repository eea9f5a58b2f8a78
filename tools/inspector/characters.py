"""Characters that seldom belong into training text, and text that was decoded with the wrong encoding.

A model learns each of them as it stands: a control character, a character that shows nothing, `cafÃ©` for
`café`. None is an error, since any of them can be meant: a page about encodings needs them. So each is a
warning, with the line it stands in.

Which code points are assigned is said by Unicode 16 on every Python, as the tokenizer's own table is.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator

# Assigned by Unicode 15.0, 15.1 and 16.0: Python 3.11 and 3.12 do not know these yet.
SINCE_UNICODE_14 = """
897 CF3 ECE 1B4E-1B4F 1B7F 1C89-1C8A 2427-2429 2FFC-2FFF 31E4-31E5 31EF A7CB-A7CD A7DA-A7DC 105C0-105F3
10D40-10D65 10D69-10D85 10D8E-10D8F 10EC2-10EC4 10EFC-10EFF 1123F-11241 11380-11389 1138B 1138E 11390-113B5
113B7-113C0 113C2 113C5 113C7-113CA 113CC-113D5 113D7-113D8 113E1-113E2 116D0-116E3 11B00-11B09 11BC0-11BE1
11BF0-11BF9 11F00-11F10 11F12-11F3A 11F3E-11F5A 1342F 13439-13455 13460-143FA 16100-16139 16D40-16D79 18CFF
1B132 1B155 1CC00-1CCF9 1CD00-1CEB3 1D2C0-1D2D3 1DF25-1DF2A 1E030-1E06D 1E08F 1E4D0-1E4F9 1E5D0-1E5FA 1E5FF
1F6DC 1F774-1F776 1F77B-1F77F 1F7D9 1F8B2-1F8BB 1F8C0-1F8C1 1FA75-1FA77 1FA87-1FA89 1FA8F 1FAAD-1FAAF
1FABB-1FABF 1FAC6 1FACE-1FACF 1FADA-1FADC 1FADF 1FAE8-1FAE9 1FAF7-1FAF8 1FBCB-1FBEF 2B739 2EBF0-2EE5D
31350-323AF
"""

CONTROL = "control character"
REPLACEMENT = "replacement character"
ZERO_WIDTH = "zero-width character"
BIDI = "bidi control"
PRIVATE = "private-use character"
UNASSIGNED = "unassigned character"
MOJIBAKE = "mojibake"
KINDS = (CONTROL, REPLACEMENT, ZERO_WIDTH, BIDI, PRIVATE, UNASSIGNED, MOJIBAKE)

# Tab and line breaks are ordinary. U+0085 is a line break of mainframes, and of text decoded wrongly.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
# Direction marks, embeddings, overrides and isolates: they can make a line read other than it stands.
_BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
# A joiner (U+200D) and a non-joiner (U+200C) are letters' business in many scripts and in emoji: between two
# characters of ASCII they have none.
_ZERO_WIDTH = "\u200b\u2060\ufeff\u00ad\u180e"
_JOINER_IN_ASCII = re.compile("(?<=[\x20-\x7e])[\u200c\u200d](?=[\x20-\x7e])")
# What Windows-1252 makes of the bytes 0x80 to 0xbf, after what it makes of the first byte of a character.
_CONTINUED = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_MOJIBAKE = re.compile(
    f"[\u00c2-\u00df][{_CONTINUED}]|[\u00e0-\u00ef][{_CONTINUED}]{{2}}|[\u00f0-\u00f4][{_CONTINUED}]{{3}}"
)
_NO_BREAK = "\u00a0"


def odd_characters(text: str) -> dict[str, Counter[str]]:
    """The odd characters of a text: kind → character → how often.

    >>> odd_characters("plain text"), odd_characters("a\\u200bb\\x07")
    ({}, {'control character': Counter({'\\x07': 1}), 'zero-width character': Counter({'\\u200b': 1})})
    >>> odd_characters("cafÃ©")
    {'mojibake': Counter({'Ã©': 1})}
    """
    found: dict[str, Counter[str]] = {}
    for kind, words, times in _found(text):
        found.setdefault(kind, Counter())[words] += times
    return {kind: found[kind] for kind in KINDS if kind in found}


def _found(text: str) -> Iterator[tuple[str, str, int]]:
    for match in _CONTROLS.finditer(text):
        yield CONTROL, match[0], 1
    if text.isascii():  # most text of most data sets, and nothing else can be wrong with it
        return
    for character in sorted(set(text)):  # in one order, whatever the hashes of this process are
        kind = _kind(character)
        if kind:
            yield kind, character, text.count(character)
    for match in _JOINER_IN_ASCII.finditer(text):
        yield ZERO_WIDTH, match[0], 1
    for match in _MOJIBAKE.finditer(text):
        if repaired(match[0]) is not None:
            yield MOJIBAKE, match[0], 1


@functools.lru_cache(maxsize=20_000)
def _kind(character: str) -> str | None:
    """What is odd about one character by itself, control characters left out; None if nothing is.

    >>> [_kind(one) for one in ("a", "\\ufffd", "\\ue000", "\\u0378", "\\U0001fae9")]
    [None, 'replacement character', 'private-use character', 'unassigned character', None]
    """
    if character == "\ufffd":
        return REPLACEMENT
    if character in _BIDI:
        return BIDI
    if character in _ZERO_WIDTH:
        return ZERO_WIDTH
    category = unicodedata.category(character)
    if category == "Co":
        return PRIVATE
    if category == "Cn" and ord(character) not in _since_unicode_14():
        return UNASSIGNED
    return None


@functools.cache
def _since_unicode_14() -> frozenset[int]:
    numbers: set[int] = set()
    for word in SINCE_UNICODE_14.split():
        first, _, last = word.partition("-")
        numbers.update(range(int(first, 16), int(last or first, 16) + 1))
    return frozenset(numbers)


def repaired(words: str) -> str | None:
    """What mojibake was before UTF-8 was read as Windows-1252; None if it makes no sense that way.

    A French text has `à` before a no-break space; that is no mojibake.

    >>> repaired("Ã©"), repaired("â€™"), repaired("à\u00a0«")
    ('é', '’', None)
    """
    if len(words) > 2 and _NO_BREAK in words[:2]:
        return None
    try:
        data = bytes(_byte_of(character) for character in words)
        return data.decode()
    except (UnicodeError, ValueError):
        return None


def _byte_of(character: str) -> int:
    # Five bytes have no character in Windows-1252; programs keep them as they are.
    return ord(character) if "\x80" <= character <= "\xff" else character.encode("cp1252")[0]


def name_of(character: str) -> str:
    """A character as a report can show it.

    >>> name_of("\\u200b"), name_of("Ã©")
    ('U+200B (zero width space)', '“Ã©” for “é”')
    """
    if len(character) > 1:
        return f"“{character}” for “{repaired(character)}”"
    code = f"U+{ord(character):04X}"
    name = unicodedata.name(character, "").lower()
    return f"{code} ({name})" if name else code
