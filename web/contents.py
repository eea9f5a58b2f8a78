"""The list of all figures, live cells, exercises and tables of the guides, made from the built pages.

`site_docs/guides/contents.md` prints `outline()`: a heading for each page and a place for its list. When all
pages are built, `fill` reads them and puts the lists into these places. So nothing can be forgotten, and
every link leads to an anchor that is there: a figure's and an exercise's own, else that of its section.

The list is not in the search's index, which MkDocs writes before: the words would be found twice.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bs4 import BeautifulSoup, Tag

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "site_docs" / "guides"
NAV = re.compile(r"\bguides/([\w-]+)\.md$", re.MULTILINE)
LEFT_OUT = ("contents", "figures")  # the list itself, and the page that shows all interactive figures again
PLACE = '<div class="contents-list" data-page="{}"></div>'
KINDS = {  # what is listed, in this order, by how it is found in a page
    "figure": ("Figures", "figure.fig, .diagram"),
    "interactive": ("Interactive figures", "figure.explore, .model-figure"),
    "cell": ("Live cells", ".live-cell:not(.exercise)"),
    "exercise": ("Exercises", ".live-cell.exercise"),
    "table": ("Tables", "table"),
}
ALL = ", ".join(selector for _, selector in KINDS.values())
# What is in these is a part of them.
WHOLES = {"live-output", "fig", "explore", "playground", "tool-page", "highlight"}


@dataclass(frozen=True)
class Item:
    """One thing of a page that is worth finding again."""

    kind: str
    name: str
    anchor: str
    section: str  # the heading above it
    line: str = ""  # what shows an untitled cell: a line of its code


def outline(pages: Path = PAGES) -> str:
    """The page's Markdown: a heading for each page of the guides, and the place of its list."""
    parts = []
    for name in page_names():
        title = re.search(r"^# (.+)$", (pages / f"{name}.md").read_text(encoding="utf-8"), re.MULTILINE)
        number = f"{int(name[:2])}. " if name[0].isdigit() else ""
        parts.append(f"## {number}{title[1] if title else name} {{ #of-{name} }}\n\n{PLACE.format(name)}\n")
    return "\n".join(parts)


def page_names() -> list[str]:
    """The pages of the guides in the order of the menu.

    >>> page_names()[0], "02-tokenization" in page_names(), "contents" in page_names()
    ('index', True, False)
    """
    nav = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    return [name for name in NAV.findall(nav) if name not in LEFT_OUT]


def fill(site: Path) -> None:
    """Put the list of every built page into its place; a page that a draft leaves out gets none."""
    page = site / "guides" / "contents" / "index.html"
    if not page.exists():
        return
    text = page.read_text(encoding="utf-8")
    for name in page_names():
        built = site / "guides" / ("" if name == "index" else name) / "index.html"
        if built.exists():
            address = "../" if name == "index" else f"../{name}/"
            text = text.replace(PLACE.format(name), as_html(name, address, items(built.read_text("utf-8"))))
    page.write_text(text, encoding="utf-8")


def items(page: str) -> list[Item]:
    """All that is listed of a built page, in its order."""
    article = BeautifulSoup(page, "html.parser").select_one("article")
    return list(_items(article)) if article else []


def _items(article: Tag) -> Iterator[Item]:
    anchor, section = "", ""
    for found in article.select(f"h1[id], h2[id], h3[id], h4[id], {ALL}"):
        if found.name in ("h1", "h2", "h3", "h4"):
            anchor, section = str(found["id"]), heading(found)
        elif not found.find_parent(class_=lambda name: name in WHOLES):
            kind = next(kind for kind, (_, selector) in KINDS.items() if found.css.match(selector))
            name = name_of(kind, found)
            line = first_line(str(found["data-code"])) if kind == "cell" and not name else ""
            yield Item(kind, name or section, str(found.get("id") or anchor), section, line)


def heading(tag: Tag) -> str:
    """A heading's words, without the sign that links to it.

    >>> heading(BeautifulSoup('<h2>A <code>b</code><a class="headerlink">¶</a></h2>', "html.parser").h2)
    'A b'
    """
    return " ".join(tag.get_text().removesuffix("¶").split())


def name_of(kind: str, found: Tag) -> str:
    """A thing's title, or a table's column heads; empty if it has none, as most cells."""
    if kind == "exercise":
        return str(found["data-title"])
    if kind == "table":
        return " · ".join(filter(None, (" ".join(cell.get_text().split()) for cell in found.select("th"))))
    titles = {"cell": ".filename", "interactive": ".explore-title strong", "figure": "svg title"}
    title = found.select_one(titles[kind])
    return title.get_text().rstrip(".") if title else ""


def first_line(code: str) -> str:
    """The line that says most about a cell: its first function or class, else its first that does something.

    >>> first_line("import math\\n\\ndata = [\\n    1,\\n]\\nprint(1 < 2)")
    'print(1 < 2)'
    >>> first_line("x = 1\\n\\ndef double(x):\\n    return 2 * x")
    'def double(x):'
    """
    lines = [line for line in code.splitlines() if line.strip()]
    defined = [line for line in lines if re.match(r"(def|class) ", line)]
    begun = [line for line in lines if not re.match(r"(import|from) |\s|[\])}]", line)]
    telling = [line for line in begun if line[-1] not in "([{"]
    return (defined or telling or lines)[0].strip()


def as_html(name: str, address: str, found: list[Item]) -> str:
    """The lists of one page: one for each kind, each item with a link to it and the name of its section."""
    parts = [f'<div class="contents-list" data-page="{name}">']
    for kind, (title, _) in KINDS.items():
        of_kind = [item for item in found if item.kind == kind]
        if of_kind:
            parts.append(f'<p class="contents-kind">{title} ({len(of_kind)})</p><ul>')
            parts += [_line(address, item) for item in of_kind]
            parts.append("</ul>")
    return "".join(parts) + "</div>"


def _line(address: str, item: Item) -> str:
    name, section, code = (html.escape(text, quote=False) for text in (item.name, item.section, item.line))
    link = f'<a href="{address}{"#" if item.anchor else ""}{html.escape(item.anchor)}">{name}</a>'
    beside = f"<code>{code}</code>" if code else section if not section.endswith(name) else ""
    said = f' <span class="contents-section">{beside}</span>' if beside else ""
    return f'<li data-kind="{item.kind}">{link}{said}</li>'
