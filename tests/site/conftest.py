"""A browser and the built site, served as readers get it: from a folder of a host, not from its top.

`site_url` is served as `make serve` does it, cross-origin isolated, so a page may interrupt its Python.
`host_url` is served as most hosts of static files do it, without those headers: there, Stop ends the worker
and starts another.
"""

from __future__ import annotations

import functools
import http.server
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ElementHandle, Page, sync_playwright

from web import serve
from web.set_up import BROWSER_FLAGS, BROWSERS

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/nanochat/"
CELL = ".live-cell:not(.exercise)"
PYTHON_STARTS_WITHIN_MS = 60_000  # on a machine that is busy with other tests
CELL_ENDS_WITHIN_MS = 240_000  # one page trains a model in a cell


class PlainHandler(serve.SiteHandler):
    """A host that sends no header of ours. `refused` names files that it says it does not have."""

    OURS = ("Cross-Origin-Opener-Policy", "Cross-Origin-Embedder-Policy", "Cross-Origin-Resource-Policy")

    def __init__(self, *arguments: Any, refused: set[str], **settings: Any) -> None:
        self.refused = refused
        super().__init__(*arguments, **settings)

    def send_header(self, keyword: str, value: str) -> None:
        if keyword not in self.OURS:
            super().send_header(keyword, value)

    def send_head(self) -> Any:
        if any(name in self.path for name in self.refused):
            self.send_error(503)
            return None
        return super().send_head()


@pytest.fixture(scope="session")
def site() -> Path:
    """The built site (`SITE_DIR` names another one)."""
    folder = Path(os.environ.get("SITE_DIR", ROOT / "site"))
    if not (folder / "index.html").is_file():
        pytest.fail(f"there is no built site in {folder}; run `make site` first")
    return folder


def _serving(server: http.server.ThreadingHTTPServer) -> Iterator[str]:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}{PREFIX}"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def site_url(site: Path) -> Iterator[str]:
    """The address of the site as `make serve` serves it, below `/nanochat/`."""
    yield from _serving(serve.start(site, 0, PREFIX))


@pytest.fixture(scope="session")
def refused() -> set[str]:
    """Parts of addresses that the plain host answers with 503; a test that adds one takes it out again."""
    return set()


@pytest.fixture(scope="session")
def host_url(site: Path, refused: set[str]) -> Iterator[str]:
    """The address of the site on a plain host of static files."""
    handler = functools.partial(PlainHandler, directory=str(site), prefix=PREFIX, refused=refused)
    yield from _serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium or Chrome, else the one that Playwright has downloaded."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield browser
        browser.close()


def _opening(chromium: Browser) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def open_address(address: str, **settings: Any) -> Page:
        context = chromium.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PYTHON_STARTS_WITHIN_MS)
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.goto(address)
        return page

    yield open_address
    for context in contexts:
        context.close()
    assert not errors, errors


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open an address in a browser without a past; at the end, no page may have had an error of its own."""
    yield from _opening(chromium)


@pytest.fixture(scope="module")
def open_for_all(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """`open_page` for a page that the tests of a module share, so that Python starts once for them."""
    yield from _opening(chromium)


def addresses_with(site: Path, marker: str) -> list[str]:
    """The addresses, below the site's top, of the built pages whose HTML holds `marker`."""
    pages = sorted(site.rglob("index.html"))
    found = [page for page in pages if marker in page.read_text(encoding="utf-8")]
    return ["" if page.parent == site else page.parent.relative_to(site).as_posix() + "/" for page in found]


def alive(page: Page) -> Page:
    """Wait until the script has brought the page's cells to life."""
    page.wait_for_selector(".live-toolbar")
    return page


def run(cell: ElementHandle, button: str = "run") -> str:
    """Press a button of a cell, wait for the end, and return the HTML of its output."""
    cell.query_selector(f".live-{button}").click()
    return ended(cell)


def ended(cell: ElementHandle) -> str:
    """Wait until a cell's run has ended, and return the HTML of its output."""
    cell.wait_for_selector(
        'xpath=self::*[@data-state="done" or @data-state="stopped" or @data-state="failed"]',
        timeout=CELL_ENDS_WITHIN_MS,
    )
    return output(cell)


def output(cell: ElementHandle) -> str:
    """The HTML of what a cell shows."""
    return cell.query_selector(".live-output").inner_html()


def status(cell: ElementHandle) -> str:
    """What a cell's status line says."""
    return cell.query_selector(".live-status").inner_text()


def write(cell: ElementHandle, code: str, page: Page) -> None:
    """Replace a cell's code in its editor, as a reader would who pastes."""
    edit = cell.query_selector(".live-edit")
    if edit.is_visible():
        edit.click()
    editor = cell.wait_for_selector(".cm-content")
    editor.focus()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(code)


def until(
    page: Page, holds: str, argument: Any = None, seconds: float = PYTHON_STARTS_WITHIN_MS / 1000
) -> None:
    """Wait until an expression is true in the page.

    Playwright's own way makes code from text in the page, and the pages' policy forbids that.
    """
    latest = time.monotonic() + seconds
    while not page.evaluate(holds, argument):
        assert time.monotonic() < latest, f"in {seconds} s it never became true: {holds}"
        page.wait_for_timeout(20)
