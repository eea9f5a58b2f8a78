"""Every link inside the built site leads somewhere, anchors included; nothing is loaded from elsewhere."""

from __future__ import annotations

import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("SITE_DIR", ROOT / "site"))
PAGES = sorted(SITE.rglob("*.html"))
# Attributes that a browser fetches without being asked. A plain `<a href>` may lead to another host.
FETCHED = {
    ("script", "src"),
    ("img", "src"),
    ("source", "src"),
    ("iframe", "src"),
    ("object", "data"),
    ("use", "href"),
}
LINKS_THAT_LOAD = {"stylesheet", "preload", "icon", "preconnect", "dns-prefetch", "modulepreload", "prefetch"}


class Document(HTMLParser):
    """The ids of a page, where it links to, and what it loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = {""}
        self.repeated: set[str] = set()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        for name in {found[key] for key in ("id", "name") if key in found and (key == "id" or tag == "a")}:
            if name in self.ids:
                self.repeated.add(name)
            self.ids.add(name)
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag == "link" and LINKS_THAT_LOAD & set(found.get("rel", "").split()):
            self.loads.append(found["href"])
        self.loads += [found[name] for name in found if (tag, name) in FETCHED and found[name]]


@cache
def document(page: Path) -> Document:
    return Document(page.read_text(encoding="utf-8"))


def target(page: Path, address: str) -> tuple[Path, str]:
    """The file and the anchor that an address of the same site stands for."""
    parts = urlsplit(address)
    path = unquote(parts.path)
    base = SITE if path.startswith("/") else page.parent
    file = (base / path.lstrip("/")).resolve() if path else page
    return (file / "index.html" if file.is_dir() else file), unquote(parts.fragment)


def is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme or address.startswith("//"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SITE)))
def test_links_of_a_page_lead_somewhere(page):
    dead = []
    for address in document(page).links:
        if is_elsewhere(address):
            continue
        file, anchor = target(page, address)
        if not file.is_file() or (file.suffix == ".html" and anchor not in document(file).ids):
            dead.append(address)
    assert not dead, f"dead links in {page.relative_to(SITE)}: {sorted(set(dead))}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SITE)))
def test_a_page_loads_only_what_the_site_has(page):
    loads = [address for address in document(page).loads if not address.startswith("data:")]
    assert not [address for address in loads if is_elsewhere(address)]
    assert not [address for address in loads if not target(page, address)[0].is_file()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(SITE)))
def test_an_id_names_one_place(page):
    assert not document(page).repeated


def test_style_sheets_load_only_what_the_site_has():
    for sheet in SITE.rglob("*.css"):
        for address in re.findall(r"url\(\s*['\"]?([^'\")]+)", sheet.read_text(encoding="utf-8")):
            if not address.startswith(("data:", "#")):
                assert not is_elsewhere(address), f"{sheet.relative_to(SITE)}: {address}"
                assert target(sheet, address)[0].is_file(), f"{sheet.relative_to(SITE)}: {address}"


def test_there_is_a_built_site():
    assert len(PAGES) > 15, f"there is no whole site in {SITE}; run `make site` first"


def test_the_text_for_language_models_is_there():
    assert "guides/01-introduction" in (SITE / "llms.txt").read_text(encoding="utf-8")
    assert len((SITE / "llms-full.txt").read_text(encoding="utf-8")) > 50_000
