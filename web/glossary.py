"""Make the tooltips of the pages out of the glossary, so that a term is defined in one place."""

from __future__ import annotations

import re
from pathlib import Path

# A term is a definition list's: the term on a line of its own, then `:   what it means`.
TERM = re.compile(r"^(?P<terms>[^\s#:|`<>\-*!{].*)\n(?:\n)?:[ \t]+(?P<meaning>.+(?:\n[ \t]+\S.*)*)", re.MULTILINE)


def abbreviations(glossary: Path) -> str:
    """The `*[term]: meaning` lines that Python-Markdown's `abbr` turns into tooltips on every page."""
    text = glossary.read_text(encoding="utf-8") if glossary.exists() else ""
    return "".join(f"*[{term}]: {meaning}\n" for term, meaning in terms(text))


def terms(text: str) -> list[tuple[str, str]]:
    """The terms of a glossary with the first sentence of their meaning, in plain words.

    >>> terms("Byte {#byte}\\n:   **Eight** bits. A number from 0 to 255.\\n")
    [('Byte', 'Eight bits.')]
    """
    found = []
    for match in TERM.finditer(text):
        term = re.sub(r"\s*\{.*\}\s*$", "", match["terms"]).strip()
        found.append((plain(term), first_sentence(plain(match["meaning"]))))
    return found


def plain(markdown: str) -> str:
    """Markdown without its marks, on one line.

    >>> plain("the [loss](x.md#y) of `f`,\\n  *once*")
    'the loss of f, once'
    """
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)|\[([^\]]*)\]\[[^\]]*\]", r"\1\2", markdown)
    text = re.sub(r"\{[^}]*\}|[`*$]", "", text)
    return " ".join(text.split())


def first_sentence(text: str) -> str:
    """The text up to the first full stop that ends a sentence.

    >>> first_sentence("About 3.5 bytes. Not more.")
    'About 3.5 bytes.'
    """
    return re.split(r"(?<=[.!?]) (?=[A-Z])", text, maxsplit=1)[0]
