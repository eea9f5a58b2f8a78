"""Pages that look inside the model: what they show in a browser is what the same Python says in CPython.

The two run the same graph on different hardware, so numbers may differ in their last digit, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.site.conftest import until
from tests.site.test_pages import HIDDEN_BLOCKS, PHONE, violations
from tools.live.looking_page import LookingPages
from tools.live.model import LiveModel
from web.model_runner import at_once, open_model

Open = Callable[..., Page]
TEXT = "When Mary met <b>John</b> & the red ball, Mary gave John the"
NUMBER = re.compile(r"[+-]?\d+\.\d+")
CLOSE = 0.15  # of a percentage; other numbers have two or three decimals and must be nearer
PAGES = {"attention": "Look inside", "streams": "Ask every layer", "ablation": "Read the text"}
every = pytest.mark.parametrize("name", PAGES)


@pytest.fixture(scope="module")
def model(site: Path) -> LiveModel:
    """The model that the site ships."""
    return open_model(site / "assets" / "model")


def open_looking(open_page: Open, url: str, name: str, **settings: Any) -> Page:
    page = open_page(f"{url}playground/{name}/", **settings)
    page.wait_for_selector(".looking[data-alive]")
    return page


@pytest.fixture(scope="module")
def shared(open_for_all: Open, site_url: str) -> Callable[[str], Page]:
    """A page by its name, the same for all tests, so that Python and the model start once for each."""
    pages: dict[str, Page] = {}

    def page_of(name: str) -> Page:
        if name not in pages:
            pages[name] = open_looking(open_for_all, site_url, name, reduced_motion="reduce")
        return pages[name]

    return page_of


def answers(page: Page) -> int:
    return int(page.get_attribute(".looking", "data-answered") or 0)


def wait(page: Page, before: int) -> None:
    until(
        page,
        """before => { const one = document.querySelector(".looking");
        return Number(one.dataset.answered ?? 0) > before && !one.hasAttribute("aria-busy"); }""",
        before,
    )


def read(page: Page, name: str, text: str = TEXT) -> None:
    before = answers(page)
    page.fill("textarea", text)
    page.get_by_role("button", name=PAGES[name]).click()
    wait(page, before)


def words_and_numbers(html: str) -> tuple[list[str], list[float]]:
    text = unescape(re.sub(r"<[^>]*>", " ", html))
    return NUMBER.sub("#", text).split(), [float(one) for one in NUMBER.findall(text)]


def compare(page: Page, expected: dict[str, Any]) -> None:
    """Every part of the page, against what Python says here."""
    normal = (
        "html => { const t = document.createElement('template'); t.innerHTML = html; return t.innerHTML; }"
    )
    for part, html in expected["parts"].items():
        shown = words_and_numbers(page.inner_html(f"[data-part={part}]"))
        wanted = words_and_numbers(page.evaluate(normal, html))
        assert shown[0] == wanted[0], part
        assert shown[1] == pytest.approx(wanted[1], abs=CLOSE if part in ("lens", "cell") else 0.011), part
    assert page.inner_text(".model-status") == expected["says"]


@every
def test_the_readers_text_gives_what_cpython_says(name, model, shared):
    page = shared(name)
    read(page, name)
    pages = LookingPages(model)
    asked: dict[str, Any] = {"text": TEXT}
    compare(page, at_once(getattr(pages, name)(asked)))
    before = answers(page)
    if name == "attention":
        page.locator('.look-map[data-layer="1"][data-head="0"]').click()
        wait(page, before)
        compare(page, at_once(pages.attention(asked | {"layer": 1, "head": 0})))
        assert page.evaluate("document.activeElement.dataset.layer") == "1"  # the keyboard stays where it was
    elif name == "ablation":
        page.get_by_label("head 2.1", exact=True).uncheck()
        wait(page, before)
        page.get_by_label("smear", exact=True).uncheck()
        wait(page, before + 1)
        off = ["keep_attention.1.0", "keep_smear.0"]
        compare(page, at_once(pages.ablation(asked | {"off": off})))
        page.get_by_role("button", name="Keep all").click()
        wait(page, before + 2)
        compare(page, at_once(pages.ablation(asked)))


@every
def test_the_build_shows_what_the_page_would_say(name, model, site_url, open_page):
    page = open_page(f"{site_url}playground/{name}/", java_script_enabled=False)
    text = page.locator("textarea").input_value()
    expected = at_once(getattr(LookingPages(model), name)({"text": text}))["parts"]
    for part, html in expected.items():
        assert words_and_numbers(page.inner_html(f"[data-part={part}]"))[0] == words_and_numbers(html)[0]
    assert page.evaluate(HIDDEN_BLOCKS) == []


@every
@pytest.mark.parametrize(
    ("text", "says"), [("  ", "Write something first."), ("no no " * 60, "and this page shows 63 at most")]
)
def test_a_text_that_cannot_be_shown(name, text, says, shared):
    page = shared(name)
    read(page, name)
    before = page.inner_html(".look-parts")
    page.fill("textarea", text)
    page.get_by_role("button", name=PAGES[name]).click()
    until(page, "() => document.querySelector('.model-status').dataset.tone === 'bad'")
    assert says in page.inner_text(".model-status")
    assert page.inner_html(".look-parts") == before


def test_pointing_at_a_token_needs_no_python(site_url, open_page):
    page = open_looking(open_page, site_url, "attention")
    token = page.locator(".look-token").nth(4)
    for come in (token.hover, page.locator(".look-token").nth(6).focus, token.click):
        come()
        chosen = page.locator('.look-token[aria-pressed="true"]')
        assert chosen.count() == 1
        assert page.inner_text(".look-told") == chosen.get_attribute("data-told")
        shades = chosen.get_attribute("data-shades")
        shown = page.evaluate(
            "() => [...document.querySelectorAll('.look-token')].map((t) => t.dataset.shade).join('')"
        )
        assert shown == shades + "0" * (len(shown) - len(shades))
    assert page.evaluate("document.documentElement.dataset.python") is None


def test_choosing_a_cell_lists_its_five_likeliest(site_url, open_page):
    page = open_looking(open_page, site_url, "streams")
    cell = page.locator(".look-cell").nth(7)
    cell.press("Enter")
    assert cell.get_attribute("aria-pressed") == "true"
    assert page.locator('.look-cell[aria-pressed="true"]').count() == 1
    listed = page.locator("[data-part=cell] li").all_inner_texts()
    likely = json.loads(cell.get_attribute("data-likely"))
    assert [one.split(" ", 1)[1] for one in listed] == [chance for _, chance in likely]
    assert len(likely) == 5


def test_each_part_alone_can_be_stopped_and_gone_on_with(model, shared):
    page = shared("ablation")
    read(page, "ablation", "The old man")  # so that nothing is known of the text to come
    read(page, "ablation")
    page.get_by_role("button", name="Leave out each one alone").click()
    until(page, "() => document.querySelector('.model-status').textContent.startsWith('3 of')")
    page.get_by_role("button", name="Stop").click()
    until(page, "() => !document.querySelector('.looking').hasAttribute('aria-busy')", seconds=1)
    page.wait_for_timeout(300)
    stopped = int(page.inner_text(".model-status").split()[0])
    pages, asked = LookingPages(model), {"text": TEXT}
    shown = at_once(pages.alone(asked))
    while shown["more"]:
        shown = at_once(pages.alone(asked))
    assert 3 <= stopped < len(pages.found)
    page.get_by_role("button", name="Leave out each one alone").click()
    until(
        page, f"() => document.querySelector('.model-status').textContent.startsWith('{len(pages.found)} of')"
    )
    changes = {label: loss.per_token - pages.whole.per_token for label, loss in pages.found.items()}
    for row in page.locator("[data-part=alone] tr").all():
        label, change = row.locator("th").inner_text(), row.locator("td").last.inner_text()
        assert float(change) == pytest.approx(changes.pop(label), abs=0.002), label
    assert changes == {}


def test_stop_gives_the_page_back(shared):
    page = shared("streams")
    read(page, "streams")
    before = answers(page)
    page.fill("textarea", "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 2)
    page.get_by_role("button", name=PAGES["streams"]).click()
    page.evaluate("() => setTimeout(() => document.querySelector('button[name=stop]').click(), 100)")
    page.wait_for_timeout(100)
    until(page, "() => !document.querySelector('.looking').hasAttribute('aria-busy')", seconds=1)
    assert page.inner_text(".model-status") == "Stopped."
    read(page, "streams")
    assert answers(page) == before + 1


def test_words_on_a_map(site, site_url, open_page):
    page = open_page(f"{site_url}playground/embeddings/")
    page.wait_for_selector(".words-map[data-alive]")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    facts = json.loads((site / "assets" / "model" / "model.json").read_text())
    data = json.loads((site / "assets" / "model" / facts["files"]["embeddings"]["name"]).read_text())
    built = page.inner_html(".words-place"), page.inner_html(".words-found")
    page.locator("[name=word]").press("Enter")  # the word that the build shows: the script says the same
    page.wait_for_selector(".words-map[data-shown]")
    assert page.inner_html(".words-place") == built[0]
    shape = re.compile(r"[\d.]+")
    assert shape.sub("#", page.inner_html(".words-found")) == shape.sub("#", built[1])
    page.locator(".words-place [data-token]").nth(2).click()
    shown = int(page.get_attribute(".words-map", "data-shown"))
    place = data["ids"].index(shown)
    near = [int(one.get_attribute("data-token")) for one in page.locator(".words-place [data-token]").all()]
    assert near == data["neighbours"][place]
    cosines = page.locator(".look-near td:last-child").all_inner_texts()
    assert [float(one) for one in cosines] == pytest.approx(data["similarity"][place], abs=0.006)
    assert page.locator(".words-found circle").count() == 9
    page.fill("[name=word]", "qqqqq")
    page.keyboard.press("Enter")
    until(page, "() => document.querySelector('.model-status').dataset.tone === 'bad'")
    assert "No token is “qqqqq”" in page.inner_text(".model-status")
    assert len([one for one in asked if "embeddings-" in one]) == 1
    assert not [one for one in asked if "model-" in one or "pyodide" in one]


@every
def test_an_answer_is_accessible_and_fits_a_phone(name, shared):
    page = shared(name)
    wide = page.viewport_size
    page.set_viewport_size(PHONE)
    page.emulate_media(color_scheme="dark")
    read(page, name, "Größe 🙂 " + "and then a very long text " * 5)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []
    page.emulate_media(color_scheme="light")
    page.wait_for_selector('body[data-md-color-scheme="default"]')
    assert violations(page) == []
    page.set_viewport_size(wide)


def test_a_word_is_in_sight_on_a_phone(site_url, open_page):
    page = open_page(f"{site_url}playground/embeddings/", viewport=PHONE)
    page.wait_for_selector(".words-map[data-alive]")
    sides = set()
    for word in page.locator("[name=example]").all():
        word.click()
        page.wait_for_selector(".words-map[data-shown]")  # the file has come
        until(
            page,
            "name => document.querySelector('text.words-chosen').textContent === name",
            word.inner_text(),
        )
        spot, region = (
            page.locator("circle.words-chosen").bounding_box(),
            page.locator(".words-drawing").bounding_box(),
        )
        assert region["x"] <= spot["x"] <= region["x"] + region["width"]
        sides.add(page.locator(".words-drawing").evaluate("one => one.scrollLeft"))
    assert len(sides) > 1  # or nothing would have had to move
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
