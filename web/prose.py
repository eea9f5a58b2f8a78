"""What a guide says in words: its prose without code, how easily it reads, and where it uses each term.

    python -m web.prose        the reading ease of every guide

The reading ease is Flesch's (1948, *A new readability yardstick*): the longer the sentences and the words,
the lower; 60 to 70 is plain English, 50 to 60 fairly difficult. Syllables are counted by groups of vowels,
which finds slightly more of them than a dictionary does, so the figure errs to the low side.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDES = ROOT / "site_docs" / "guides"
BRIDGE = "microgpt.md"
LAST = "09-build-the-tools.md"

FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
FENCE = re.compile(r"^(?P<indent> *)(?P<mark>`{3,}).*?^(?P=indent)(?P=mark)[ ]*$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
FORMULA = re.compile(r"\$\$.+?\$\$|\$[^$\n]+\$", re.DOTALL)
NOT_PROSE = re.compile(r"\s*(#|\||!!!|\?\?\?|===|\{|<|\[\^)")
LINK = re.compile(r"!?\[(?P<text>[^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
HEADING = re.compile(r"^#{1,6} (?P<text>.*?)(?: *\{ ?#(?P<id>[\w-]+) ?\})?$", re.MULTILINE)
CHAPTER = re.compile(r"^\| \d+ \| \[[^\]]+\]\((build-[\w-]+\.md)\)", re.MULTILINE)
END = re.compile(r"(?<=[.!?:;])\s+|\n\s*\n|\n\s*(?:[-*]|\d+\.)\s")


def blanked(text: str) -> str:
    """A page of the same length whose code, formulas, tables, marks and addresses are spaces.

    What is left stands where it stood, so a place found in it is a place of the page.

    >>> blanked("Read `x` and [this](a.md).")
    'Read     and  this       .'
    """
    for pattern in (FRONT_MATTER, FENCE, COMMENT, FORMULA, re.compile(r"`[^`\n]*`")):
        text = pattern.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    lines = (re.sub(r".", " ", line) if NOT_PROSE.match(line) else line for line in text.split("\n"))
    text = "\n".join(lines)

    def only_words(match: re.Match[str]) -> str:
        lead = match.start("text") - match.start()
        return " " * lead + match["text"] + " " * (len(match[0]) - lead - len(match["text"]))

    return re.sub(r"[*_]", " ", LINK.sub(only_words, text))


def syllables(word: str) -> int:
    """How many syllables an English word has, by its groups of vowels.

    >>> [syllables(word) for word in ("token", "code", "learned", "attention", "the", "table")]
    [2, 1, 1, 3, 1, 2]
    """
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = re.search(r"[^laeiouy]e$|[^aeiouytd]ed$", word.lower())
    return max(1, groups - bool(silent))


def reading_ease(text: str) -> float:
    """Flesch's figure for a page's prose.

    >>> round(reading_ease("The cat sat. The dog ran."), 1)
    119.2
    """
    prose = blanked(text)
    sentences = [part for part in END.split(prose) if re.search("[A-Za-z]", part)]
    words = re.findall(r"[A-Za-z]+(?:'[a-z]+)?", prose)
    return 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * sum(map(syllables, words)) / len(words)


def words_in(text: str) -> int:
    """How many words of prose a page has.

    >>> words_in("# Heading\\n\\nTwo `code` words.")
    2
    """
    return len(re.findall(r"[A-Za-z]+(?:'[a-z]+)?", blanked(text)))


def heading_id(text: str) -> str:
    """The anchor that a heading gets.

    >>> heading_id("Bytes and UTF-8"), heading_id("`encode`, step by step")
    ('bytes-and-utf-8', 'encode-step-by-step')
    """
    plain = re.sub(r"[^\w\s-]", "", LINK.sub(lambda match: match["text"], text)).strip().lower()
    return re.sub(r"[-\s]+", "-", plain)


def sections(text: str) -> dict[str, int]:
    """Where each section of a page begins, by its anchor.

    >>> sections("# Title\\n\\n## One more {#more}\\n")
    {'title': 0, 'more': 9}
    """
    outside = FENCE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), text)
    return {match["id"] or heading_id(match["text"]): match.start() for match in HEADING.finditer(outside)}


@dataclass(frozen=True)
class Page:
    """A page in the order of reading."""

    name: str
    text: str


def reading_order(folder: Path = GUIDES) -> list[Page]:
    """The primer and the guides, in the order in which a newcomer reads them; then the chapters of guide 9.

    >>> [page.name for page in reading_order()][:2]
    ['primer.md', '01-introduction.md']
    """
    names = ["primer.md", *sorted(path.name for path in folder.glob("0*.md"))]
    if (folder / BRIDGE).exists():  # it joins guides 3, 4 and 5
        names.insert(sum(name < "06" for name in names if name[0].isdigit()) + 1, BRIDGE)
    names += chapters(folder)
    return [Page(name, (folder / name).read_text(encoding="utf-8")) for name in names]


def chapters(folder: Path = GUIDES) -> list[str]:
    """The chapters that are there, in the order of guide 9's table.

    Raises:
        ValueError: a chapter is not in the table.
    """
    found = {path.name for path in folder.glob("build-*.md")}
    guide = folder / LAST
    listed = CHAPTER.findall(guide.read_text(encoding="utf-8")) if guide.exists() else []
    if forgotten := found - set(listed):
        raise ValueError(f"the table of {LAST} has no row for {', '.join(sorted(forgotten))}")
    return [name for name in listed if name in found]


def main() -> int:
    """Print a line for each guide."""
    for page in reading_order():
        print(f"{page.name:<24} {words_in(page.text):>6,} words   reading ease {reading_ease(page.text):.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
