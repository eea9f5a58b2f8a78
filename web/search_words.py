"""What the search's index holds of the glossary: an entry for each term, in place of one for each letter.

MkDocs' search plugin cuts pages at their headings. A letter's section holds dozens of terms, so a name in it
weighs next to nothing, and the link leads to the letter. An entry of its own is short: whoever types an
everyday name, such as *graphics card*, finds the term that has it after *Also*, and lands on it.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

from bs4 import BeautifulSoup, Tag

PAGE = "glossary/"


def split_glossary(site: Path) -> None:
    """Put the terms of the built glossary into the built index; a draft may lack either."""
    index, page = site / "search" / "search_index.json", site / PAGE / "index.html"
    if not (index.exists() and page.exists()):
        return
    found = json.loads(index.read_text(encoding="utf-8"))
    kept = [entry for entry in found["docs"] if not entry["location"].startswith(f"{PAGE}#")]
    place = next(number for number, entry in enumerate(kept) if entry["location"] == PAGE)
    found["docs"] = kept[: place + 1] + entries(page.read_text(encoding="utf-8")) + kept[place + 1 :]
    index.write_text(json.dumps(found, separators=(",", ":")), encoding="utf-8")


def entries(page: str) -> list[dict[str, str]]:
    """An entry of the index for each term of a page, its other names beside it in the title.

    >>> entries('<dl><dt id="gpu">GPU</dt><dd>A fast card. <em>Also:</em> graphics card.</dd></dl>')
    [{'location': 'glossary/#gpu', 'title': 'GPU · graphics card', 'text': 'A fast card.'}]
    """
    terms = BeautifulSoup(page, "html.parser").select("dt[id]")
    found: list[dict[str, str]] = []
    for term in terms:
        meaning = term.find_next_sibling("dd")
        said, _, names = words(meaning).partition(" Also: ") if meaning else ("", "", "")
        title = f"{words(term)} · {names.removesuffix('.')}" if names else words(term)
        found.append({"location": f"{PAGE}#{term['id']}", "title": title, "text": said})
    return found


def words(tag: Tag) -> str:
    """A tag's text on one line, ready to stand in HTML."""
    return html.escape(" ".join(tag.get_text().split()), quote=False)
