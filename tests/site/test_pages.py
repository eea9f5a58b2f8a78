"""Every page: nothing from elsewhere, no error, readable by all, light, and whole without scripts."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from web import serve

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(os.environ.get("SITE_DIR", ROOT / "site"))
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
ADDRESSES = sorted(
    page.parent.relative_to(SITE).as_posix().removeprefix(".") + "/" for page in SITE.rglob("index.html")
)
ADDRESSES = [address.removeprefix("/") for address in ADDRESSES]
GUIDES = [address for address in ADDRESSES if address.startswith("guides/") and address != "guides/"]
PHONE = {"width": 360, "height": 740}
KILOBYTES_BEFORE_A_CLICK = 350

Open = Callable[..., Page]
every_page = pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address or "home")

# What a reader without scripts must see: all that no closed <details> and no unchosen tab hides.
HIDDEN_BLOCKS = """() => [...document.querySelectorAll("article :is(p, pre, td, li, h1, h2, svg[role=img])")]
  .filter((element) => !element.closest("details:not([open]), .tabbed-block, noscript, [hidden], nav"))
  .filter((element) => !element.matches(".tool-jump"))  // for phones only, where the form is above the report
  .filter((element) => !element.matches(":empty") && element.getClientRects().length === 0)
  .filter((element) => getComputedStyle(element).display !== "contents")
  .map((element) => element.outerHTML.slice(0, 120))"""
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
  .filter((element) => !element.closest(".md-sidebar, .md-search, pre, .md-typeset__scrollwrap, .md-tabs"))
  .slice(0, 5).map((element) => element.outerHTML.slice(0, 120))"""


@pytest.fixture
def watched(open_page: Open, site_url: str) -> Callable[..., tuple[Page, list[str]]]:
    """Open a page of the site and collect its console's errors and its requests to other hosts."""

    def open_watched(address: str, **settings: object) -> tuple[Page, list[str]]:
        page = open_page("about:blank", **settings)
        faults: list[str] = []
        host = urlsplit(site_url).netloc

        def look(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme not in ("data", "blob", "about") and parts.netloc != host:
                faults.append(f"a request to another host: {url}")

        page.on("request", lambda request: look(request.url))
        page.on("requestfailed", lambda request: faults.append(f"failed: {request.url}: {request.failure}"))
        page.on(
            "response",
            lambda answer: answer.status >= 400 and faults.append(f"{answer.status}: {answer.url}"),
        )
        page.on(
            "console",
            lambda said: said.type in ("error", "warning") and faults.append(f"console: {said.text}"),
        )
        page.goto(site_url + address)
        page.wait_for_load_state("networkidle")
        return page, faults

    return open_watched


def violations(page: Page) -> list[str]:
    """What axe-core finds on a page, one line each."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("() => axe.run().then((result) => result.violations)")
    return [
        f"{one['id']} ({one['impact']}): {one['help']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for one in found
        for node in one["nodes"][:3]
    ]


def test_there_is_a_built_site():
    assert len(ADDRESSES) > 15, f"there is no whole site in {SITE}; run `make site` first"
    assert GUIDES


@every_page
def test_a_page_as_a_reader_gets_it(watched, address):
    """One visit: policy, light colours on a wide screen, dark ones on a phone, no fault on the way."""
    page, faults = watched(address, color_scheme="light", reduced_motion="reduce")
    policy = page.locator('meta[http-equiv="Content-Security-Policy"]').get_attribute("content")
    assert "default-src 'self'" in policy
    assert "unsafe-eval" not in policy.replace("wasm-unsafe-eval", "")
    assert scheme_of(page) == "default"
    found = {"light": violations(page)}

    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    page.wait_for_selector('body[data-md-color-scheme="slate"]')
    found["dark, on a phone"] = violations(page)
    width = page.evaluate("document.documentElement.scrollWidth")
    found["wider than a phone"] = page.evaluate(TOO_WIDE) if width > PHONE["width"] else []
    found["faults"] = faults
    assert not any(found.values()), "\n".join(f"{what}: {one}" for what in found for one in found[what])


def scheme_of(page: Page) -> str | None:
    """Which of the theme's two colour schemes a page shows: `default` is light, `slate` dark."""
    return page.locator("body").get_attribute("data-md-color-scheme")


@every_page
def test_a_page_is_whole_without_scripts(watched, address):
    page, _ = watched(address, java_script_enabled=False)
    assert page.locator(".live-toolbar").count() == 0  # no dead buttons
    assert page.evaluate(HIDDEN_BLOCKS) == []
    for cell in page.locator(".live-cell:not(.exercise)").all()[:3]:
        assert cell.locator("pre code").first.is_visible()
        assert (
            cell.locator(".live-output").inner_text().strip() or not cell.locator(".live-output > *").count()
        )


@pytest.mark.parametrize("address", GUIDES)
def test_a_guide_is_light_before_a_click(open_page, site_url, address):
    page = open_page("about:blank")
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: dict[str, float] = {}
    names: dict[str, str] = {}
    session.on(
        "Network.requestWillBeSent", lambda event: names.update({event["requestId"]: event["request"]["url"]})
    )
    session.on(
        "Network.loadingFinished",
        lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}),
    )
    page.goto(site_url + address)
    page.wait_for_load_state("networkidle")
    # To the end of the page: what only a scroll would fetch counts as well.
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.wait_for_load_state("networkidle")
    total = sum(sizes.values()) / 1000
    heaviest = sorted(((sizes[one] / 1000, names[one]) for one in sizes), reverse=True)[:6]
    print(f"{address}: {total:.0f} kB in {len(sizes)} requests")
    assert not [
        name for name in names.values() if "pyodide" in name or "python_worker" in name or "editor" in name
    ]
    assert total <= KILOBYTES_BEFORE_A_CLICK, heaviest


def test_a_page_that_is_missing_helps(open_page, site):
    """Its addresses begin at the host's top, because a host answers with it at any depth."""
    server = serve.start(site, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    page = open_page(f"http://127.0.0.1:{server.server_port}/no/such/page/", reduced_motion="reduce")
    assert page.locator("h1").inner_text() == "This page is not here"
    assert page.locator("article .card").count() >= 4
    assert violations(page) == []
    server.shutdown()


def test_instant_navigation_back_and_forth(watched):
    """A click does not load a page anew, and what comes to life on a page does so each time."""
    page, faults = watched("")
    page.evaluate("window.sameVisit = true")
    page.wait_for_selector(".live-toolbar")
    page.locator("a.md-tabs__link", has_text="Guides").click()
    page.wait_for_url("**/guides/")
    page.locator('article a[href*="01-introduction"]').first.click()
    page.wait_for_url("**/guides/01-introduction/")
    page.wait_for_selector(".live-toolbar")
    here = page.locator(".live-toolbar").count()
    page.go_back()
    page.wait_for_url("**/guides/")
    page.go_back()
    page.wait_for_selector(".hero .live-toolbar")
    assert page.locator(".live-toolbar").count() == 1
    page.go_forward()
    page.go_forward()
    page.wait_for_url("**/guides/01-introduction/")
    page.wait_for_selector(".live-toolbar")
    assert page.locator(".live-toolbar").count() == here
    assert page.evaluate("window.sameVisit") is True
    assert not faults, faults


def test_search_finds_a_word_of_a_guide(watched):
    page, faults = watched("")
    page.locator(".md-search__input").fill("byte-pair")
    # The index comes with the first look at the search field.
    result = page.locator(".md-search-result__link").first
    result.wait_for()
    assert "guides/" in result.get_attribute("href")
    assert not faults, faults


def test_light_and_dark_can_be_chosen_and_are_kept(watched):
    page, _ = watched("", color_scheme="light")
    page.locator("label[for=__palette_1]:visible").click()
    page.locator("label[for=__palette_2]:visible").click()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
    page.reload()
    assert page.locator("body").get_attribute("data-md-color-scheme") == "slate"
