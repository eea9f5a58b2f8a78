"""Interactive figures: each control is changed in the browser; the picture must be the one CPython draws."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, Page

from tests.site.conftest import until
from tests.site.near import near
from tools.registry import FIGURES, load_figure
from web.asking import answer_for

Open = Callable[..., Page]
ADDRESS = "guides/figures/"
EACH = pytest.mark.parametrize("name", FIGURES)

# What a figure's form says, read here without the page's own script.
READ_FORM = """figure => Object.fromEntries([...figure.querySelectorAll("form [name]")].map(
  (one) => [one.name, one.type === "checkbox" ? String(one.checked) : one.value]))"""
NORMAL = (
    "(_, html) => { const t = document.createElement('template'); t.innerHTML = html; return t.innerHTML; }"
)
ANSWERED = """([id, before]) => { const figure = document.getElementById(id);
  return Number(figure.dataset.answered ?? 0) > before && !figure.hasAttribute("aria-busy"); }"""


@pytest.fixture(scope="module")
def page(open_for_all: Open, site_url: str) -> Iterator[Page]:
    """The page with all figures; no request goes to another host, and its address stays as it is."""
    page = open_for_all("about:blank")
    elsewhere: list[str] = []
    host = urlsplit(site_url).netloc
    page.on("request", lambda one: elsewhere.append(one.url) if urlsplit(one.url).netloc != host else None)
    page.goto(site_url + ADDRESS)
    page.wait_for_selector(".explore[data-alive]")
    yield page
    assert [url for url in elsewhere if not url.startswith(("data:", "blob:"))] == []
    assert page.url.split("#")[0] == site_url + ADDRESS  # the theme adds the section one is in


def figure_of(page: Page, name: str) -> Locator:
    return page.locator(f"#explore-{name}")


def answers(figure: Locator) -> int:
    """How many questions a figure has settled."""
    return int(figure.get_attribute("data-answered") or 0)


def wait_for_answer(figure: Locator, before: int) -> None:
    until(figure.page, ANSWERED, [figure.get_attribute("id"), before])


def compare(figure: Locator, name: str, what: str) -> dict[str, Any]:
    """Hold what a figure shows against CPython's answer to the state of its form; return that answer."""
    state = figure.evaluate(READ_FORM)
    expected = answer_for(load_figure(name), state)
    if expected["error"]:
        assert "\n" not in expected["error"], what
        assert figure.locator(".tool-error").inner_text() == expected["error"], what
    else:
        assert figure.locator(".tool-error").is_hidden(), (what, figure.locator(".tool-error").inner_text())
        shown = figure.locator(".tool-report").inner_html()
        says = figure.locator(".explore-says").text_content()
        if load_figure(name).ask_model:
            near(shown, figure.evaluate(NORMAL, expected["html"]))
            near(says or "", expected["says"])
        else:
            assert (shown, says) == (figure.evaluate(NORMAL, expected["html"]), expected["says"]), what
    return expected


def controls(figure: Locator) -> list[Locator]:
    return [figure.locator("form [name]").nth(at) for at in range(figure.locator("form [name]").count())]


def change(control: Locator) -> None:
    """Give a control another value, as a reader would."""
    kind = control.evaluate("one => one.type")
    if kind == "checkbox":
        control.click()
    elif kind == "select-one":
        words = control.evaluate("one => [...one.options].map((o) => o.value).filter((v) => v !== one.value)")
        control.select_option(words[0])
    elif kind == "range":
        at_end = control.evaluate("one => one.value === one.max")
        control.press("ArrowLeft" if at_end else "ArrowRight")
    elif control.get_attribute("inputmode") == "decimal" or kind == "number":
        control.fill("3" if control.input_value() != "3" else "2")
    else:
        control.fill(control.input_value() + " 2")
        control.blur()  # where the model is asked, it is asked then


@EACH
def test_every_control_redraws_the_figure_as_cpython_would(name: str, page: Page) -> None:
    figure = figure_of(page, name)
    first = figure.locator(".tool-report").inner_html()
    assert len(controls(figure)) >= 2
    seen = {first}
    for control in controls(figure):
        key = control.get_attribute("name")
        before = answers(figure)
        change(control)
        wait_for_answer(figure, before)
        compare(figure, name, f"{name}: after a change of {key}")
        seen.add(figure.locator(".tool-report").inner_html())
        if control.get_attribute("type") == "range":
            beside = control.locator("xpath=following-sibling::*").text_content()
            assert beside == control.input_value()
        figure.locator(".explore-reset").click()
        assert figure.locator(".tool-report").inner_html() == first
    assert len(seen) > len(controls(figure)) / 2, "hardly any control changes the picture"
    compare(figure, name, "after reset")


@EACH
def test_a_figure_can_be_used_by_keyboard_alone(name: str, page: Page) -> None:
    figure = figure_of(page, name)
    first = figure.locator(".tool-report").inner_html()
    controls(figure)[0].focus()
    for control in controls(figure):
        assert control.evaluate("one => one === document.activeElement"), control.get_attribute("name")
        assert control.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
        page.keyboard.press("Tab")
    if load_figure(name).ask_model:
        assert figure.locator(".tool-ask-model").evaluate("one => one === document.activeElement")
        page.keyboard.press("Tab")
    reset = figure.locator(".explore-reset")
    assert reset.evaluate("one => one === document.activeElement")
    before = answers(figure)
    change(controls(figure)[0])
    wait_for_answer(figure, before)
    reset.focus()
    page.keyboard.press("Enter")
    assert figure.locator(".tool-report").inner_html() == first


@EACH
def test_the_picture_of_the_build_is_the_one_of_its_form(name: str, page: Page) -> None:
    compare(figure_of(page, name), name, "as built")


def test_the_last_of_many_quick_changes_stays(page: Page) -> None:
    figure = figure_of(page, "sampling")
    slider = figure.locator('[name="temperature"]')
    slider.focus()
    for _ in range(20):
        page.keyboard.press("ArrowRight")
    until(page, "id => !document.getElementById(id).hasAttribute('aria-busy')", "explore-sampling")
    assert float(slider.input_value()) == pytest.approx(1.8)
    compare(figure, "sampling", "twenty steps of a slider")
    figure.locator(".explore-reset").click()


def test_a_reset_while_python_computes_is_the_end_of_it(page: Page) -> None:
    figure = figure_of(page, "sampling")
    first = figure.locator(".tool-report").inner_html()
    figure.locator('[name="temperature"]').press("End")
    figure.locator(".explore-reset").click()
    other = figure_of(page, "kv-cache")  # Python answers in order: when this is there, the other is over
    before = answers(other)
    change(controls(other)[0])
    wait_for_answer(other, before)
    assert figure.locator(".tool-report").inner_html() == first
    assert figure.get_attribute("aria-busy") is None
    assert figure.locator(".tool-status").text_content() == ""
    other.locator(".explore-reset").click()


def test_an_error_is_one_line_and_the_last_picture_stays(page: Page) -> None:
    figure = figure_of(page, "sampling")
    before = answers(figure)
    figure.locator('[name="text"]').select_option("own")
    wait_for_answer(figure, before)
    picture = figure.locator(".tool-report").inner_html()
    before = answers(figure)
    figure.locator('[name="logits"]').fill("dog two, cat 1")
    wait_for_answer(figure, before)
    assert compare(figure, "sampling", "no number")["field"] == "logits"
    assert figure.locator('[name="logits"]').get_attribute("aria-invalid") == "true"
    assert figure.locator(".tool-report").inner_html() == picture
    figure.locator(".explore-reset").click()
    assert figure.locator(".tool-error").is_hidden()


def test_without_scripts_every_figure_is_whole(open_page: Open, site_url: str) -> None:
    page = open_page(site_url + ADDRESS, java_script_enabled=False)
    for name in FIGURES:
        figure = figure_of(page, name)
        assert figure.locator(".tool-report").is_visible()
        assert figure.locator(".explore-says").inner_text()
        assert figure.locator("form [name]").first.is_disabled()
        assert figure.locator(".explore-reset").is_hidden()


def test_printed_a_figure_shows_its_values_and_its_picture(open_page: Open, site_url: str) -> None:
    page = open_page(site_url + ADDRESS)
    page.emulate_media(media="print")
    figure = figure_of(page, "sampling")
    assert figure.locator(".tool-report").is_visible()
    assert figure.locator(".explore-value").first.is_visible()
    assert figure.locator(".explore-reset").is_hidden()


def test_ids_are_unique(site: Path, page: Page) -> None:
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids))
    assert page.locator(".explore").count() == len(FIGURES)
