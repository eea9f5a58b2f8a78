"""The tooltips of the pages, made out of the glossary, so that a term is defined in one place.

This is an extension of Python-Markdown. Its own `abbr` could read the terms as lines added to every page,
but it reads them again for every docstring of the reference, which took longer than all else together.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.abbr import AbbrTreeprocessor

GLOSSARY = Path(__file__).resolve().parent.parent / "site_docs" / "glossary.md"

# A term is a definition list's: the term on a line of its own, then `:   what it means`.
TERM = re.compile(
    r"^(?P<terms>[^\s#:|`<>\-*!{].*)\n(?:\n)?:[ \t]+(?P<meaning>.+(?:\n[ \t]+\S.*)*)", re.MULTILINE
)


class Terms(Extension):  # type: ignore[misc]  # the package has no types
    """Turns each term of the glossary, wherever running text uses it, into an `<abbr>` with its meaning."""

    def extendMarkdown(self, md: Markdown) -> None:
        """Called by Python-Markdown."""
        md.treeprocessors.register(AbbrTreeprocessor(md, tooltips(GLOSSARY)), "terms", 7)


def makeExtension(**settings: Any) -> Terms:
    """Called by Python-Markdown, which asks for this name."""
    return Terms(**settings)


@functools.cache
def tooltips(glossary: Path) -> dict[str, str]:
    """The meaning of every term and of its plural."""
    text = glossary.read_text(encoding="utf-8") if glossary.exists() else ""
    meanings = dict(terms(text))
    plurals = {
        f"{term}s": meaning for term, meaning in meanings.items() if term[-1].isalpha() and term[-1] != "s"
    }
    return plurals | meanings


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
