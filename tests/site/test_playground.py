"""The playground in a real browser: the model answers there as it does here, and the reader decides."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

from tests.site.conftest import until
from tests.tools.live_model import page_model, wait
from tools.live import page as live_page

Open = Callable[..., Page]
ADDRESS = "playground/"
ENDED = "() => Boolean(document.querySelector('.playground').dataset.finish)"
IDLE = "() => !document.querySelector('.playground').hasAttribute('aria-busy')"
MOST_MEMORY = 400_000_000
# A fifth of a percent: the page rounds to a tenth, and two builds of ONNX Runtime differ in the last digits.
NEAR = 0.002


@pytest.fixture(scope="module")
def ground(open_for_all: Open, site_url: str) -> Page:
    """The page, whose model is fetched once for all tests here."""
    page = open_for_all(site_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    return page


@pytest.fixture
def fresh(ground: Page) -> Page:
    """The page with a new conversation and the settings of the beginning."""
    press(ground, "new")
    ground.evaluate("document.querySelector('.playground form').reset()")
    return ground


def press(page: Page, name: str) -> None:
    """Press a button that can be pressed."""
    button = page.locator(f".playground button[name={name}]")
    if button.is_enabled():
        button.click()
        page.wait_for_timeout(50)
        until(page, IDLE)


def ask(page: Page, text: str, slowly: bool = False, mode: str = "chat") -> None:
    """Ask, and wait for the whole answer, or for the first choice."""
    page.check(f"[name=mode][value={mode}]")
    page.set_checked("[name=slowly]", slowly)
    page.fill("[name=text]", text)
    page.evaluate("document.querySelector('.playground').dataset.finish = ''")
    page.locator(".playground .live-run").click()
    page.wait_for_timeout(50)
    until(page, IDLE if slowly else ENDED)


def set_slider(page: Page, name: str, value: float) -> None:
    """Move a slider as a finger does."""
    page.locator(f"[name={name}]").evaluate(
        "(one, value) => { one.value = value; one.dispatchEvent(new Event('input', { bubbles: true })); }",
        str(value),
    )
    page.wait_for_timeout(100)
    until(page, IDLE)


def here(calls: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """What the same Python says to the same calls in this process; the last answer."""
    live_page.MODEL[:] = [page_model()]
    live_page._PLAYGROUND.clear()
    found: dict[str, Any] = {}
    for call, words in calls:
        found = json.loads(wait(live_page.answer(call, json.dumps({"at": found.get("place"), **words}))))
    return found


def tokens(html: str) -> list[str]:
    """The tokens of an answer, or of a table."""
    return re.findall(r'<(?:button|span)[^>]*class="model-token[^"]*"[^>]*>(.*?)</(?:button|span)>', html)


def chances(html: str) -> list[float]:
    """Every chance that a table shows."""
    return [float(one) / 100 for one in re.findall(r"<span>(?:&lt; |< )?([\d.]+) %</span>", html)]


def same_table(page: Page, expected: str) -> None:
    """The table in the page is the expected one, up to the last digit shown."""
    shown = page.inner_html(".model-next-place")
    there, wanted = dict(zip(*rows(shown), strict=True)), dict(zip(*rows(expected), strict=True))
    common = there.keys() & wanted.keys()
    assert len(common) >= len(wanted) - 1, (list(there), list(wanted))
    for token in common:
        assert there[token] == pytest.approx(wanted[token], abs=NEAR), token


def rows(html: str) -> tuple[list[str], list[tuple[float, ...]]]:
    """The tokens of a table and both chances of each."""
    names = tokens(html)
    numbers = chances(html)
    return names, [tuple(numbers[2 * n : 2 * n + 2]) for n in range(len(names))]


def test_before_a_question_nothing_of_the_model_is_fetched(site_url: str, open_page: Open) -> None:
    asked: list[str] = []
    page = open_page("about:blank")
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    page.wait_for_timeout(300)
    assert asked
    assert not [url for url in asked if re.search(r"\.onnx|\.wasm|pyodide|memory-|model\.json", url)]
    assert page.locator(".model-answer-place .model-token").count() > 60, "the story of the build is there"
    assert page.locator(".model-next-place tr").count() > 10


def test_the_answer_is_that_of_the_same_python_here(fresh: Page) -> None:
    set_slider(fresh, "temperature", 0)
    ask(fresh, "What is 37 * 12?")
    steps = int(fresh.get_attribute(".playground", "data-written"))
    greedy = {"temperature": "0"}
    found = here([("ask", {"text": "What is 37 * 12?", **greedy}), *[("step", greedy)] * steps])
    shown = fresh.inner_html(".model-answer-place")
    assert tokens(shown) == tokens(found["answer"])
    assert found["finish"] == "stop"
    assert "calculator ran" in shown
    assert "444" in shown
    assert fresh.inner_text(".model-status").startswith("The answer has ended")


def test_a_slider_changes_the_choice_at_once_and_as_the_rules_say(fresh: Page) -> None:
    ask(fresh, "Hello!", slowly=True)
    for settings in ({"temperature": "1.5"}, {"top_k": "5"}, {"top_p": "0.5"}, {"min_p": "0.2"}):
        for name, value in settings.items():
            set_slider(fresh, name, float(value))
        now = fresh.evaluate(
            "() => Object.fromEntries([...document.querySelectorAll('[data-sampling]')]"
            ".map((one) => [one.name, one.value]))"
        )
        same_table(fresh, here([("ask", {"text": "Hello!", **now})])["next"])
    assert fresh.locator(".model-gone").count() > 0


def test_one_token_at_a_time_back_and_another_branch(fresh: Page) -> None:
    ask(fresh, "Tell me a story about a dog.", slowly=True)
    assert fresh.get_attribute(".playground", "data-written") == "0"
    for written in (1, 2, 3):
        press(fresh, "step")
        assert fresh.get_attribute(".playground", "data-written") == str(written)
    before = tokens(fresh.inner_html(".model-answer-place"))
    fresh.locator("button.model-token").nth(1).click()
    until(fresh, "() => document.querySelector('.playground').dataset.written === '1'")
    assert tokens(fresh.inner_html(".model-answer-place")) == before[:-2]
    other = fresh.locator("[data-take]", has_text="take").first
    name = other.evaluate("one => one.closest('tr').querySelector('.model-token').innerHTML")
    other.click()
    until(fresh, "() => document.querySelector('.playground').dataset.written === '2'")
    assert tokens(fresh.inner_html(".model-answer-place"))[-1] == name
    assert fresh.locator("[data-end]").count() == 1
    fresh.locator("[data-end]").click()
    until(fresh, "() => document.querySelector('.playground').dataset.written === '3'")
    assert tokens(fresh.inner_html(".model-answer-place")) == before, (
        "the branch that was left is there again"
    )


def test_the_conversation_goes_on_by_the_keyboard_alone(fresh: Page) -> None:
    ask(fresh, "What is 2 + 3?")
    fresh.focus("[name=text]")
    fresh.keyboard.insert_text("Who are you?")
    fresh.evaluate("document.querySelector('.playground').dataset.finish = ''")
    fresh.keyboard.press("Enter")
    until(fresh, ENDED)
    assert fresh.locator(".model-turn").count() == 2
    assert "2+3 = 5" in fresh.inner_text(".model-turn >> nth=1")
    fresh.locator("[name=step]").evaluate("one => (one.disabled = false)")
    fresh.locator("button.model-token").first.focus()
    fresh.keyboard.press("Enter")
    until(fresh, "() => document.querySelector('.playground').dataset.written === '0'")


def test_a_text_is_completed(fresh: Page) -> None:
    set_slider(fresh, "temperature", 0)
    ask(fresh, "Once upon a", slowly=True, mode="complete")
    press(fresh, "step")
    found = here([
        ("ask", {"text": "Once upon a", "complete": True, "temperature": "0"}), ("step", {"temperature": "0"})
    ])  # fmt: skip
    assert tokens(fresh.inner_html(".model-answer-place")) == tokens(found["answer"])


def test_stop_gives_the_page_back_within_a_second(fresh: Page) -> None:
    set_slider(fresh, "temperature", 2)
    fresh.check("[name=mode][value=complete]")
    fresh.set_checked("[name=slowly]", False)
    fresh.fill("[name=text]", "The")
    fresh.locator(".playground .live-run").click()
    until(fresh, "() => Number(document.querySelector('.playground').dataset.written) >= 3")
    begun = time.monotonic()
    fresh.locator("[name=stop]").click()
    until(fresh, IDLE)
    assert time.monotonic() - begun < 1
    written = fresh.get_attribute(".playground", "data-written")
    fresh.wait_for_timeout(300)
    assert fresh.get_attribute(".playground", "data-written") == written
    assert fresh.locator("[name=go]").is_enabled()


@pytest.mark.parametrize(
    ("text", "said"), [("  ", "write something first"), ("word " * 399, "the model reads 512 in all")]
)
def test_a_wrong_question_is_one_line_and_harms_nothing(fresh: Page, text: str, said: str) -> None:
    ask(fresh, "Hello!", slowly=True)
    before = fresh.inner_html(".model-answer-place")
    fresh.fill("[name=text]", text * (2 if text.strip() else 1))
    if len(text) > 10:
        fresh.evaluate("text => (document.querySelector('[name=text]').value = text)", text * 2)
    fresh.locator(".playground .live-run").click()
    until(fresh, f"() => document.querySelector('.model-status').textContent.includes('{said}')")
    assert fresh.inner_html(".model-answer-place") == before


def test_an_example_asks_itself(fresh: Page) -> None:
    fresh.locator("[name=example]", has_text="What can you do?").click()
    until(fresh, ENDED)
    assert "What·can·you·do" in fresh.inner_text(".model-answer-place").replace(" ", "·")


def test_the_whole_page_needs_less_than_400_megabytes(fresh: Page) -> None:
    ask(fresh, "Tell me a story about a cat and a boat.")
    used = fresh.evaluate("performance.measureUserAgentSpecificMemory().then((one) => one.bytes)")
    assert used < MOST_MEMORY, f"{used / 1e6:.0f} MB"


def test_all_requests_of_a_visit_go_to_this_site(site_url: str, open_page: Open) -> None:
    page = open_page("about:blank")
    asked: list[Request] = []
    said: list[str] = []
    page.context.on("request", lambda request: asked.append(request))
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.goto(site_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    ask(page, "What is 6 * 7?")
    until(page, "() => document.documentElement.dataset.offline === 'kept'")
    # The blobs are the page's own, made and read here.
    others = [one.url for one in asked if not one.url.startswith((site_url, "blob:", "data:"))]
    assert others == []
    assert [one.method for one in asked if one.method != "GET"] == []
    assert said == []
    assert any(url.endswith(".onnx") for url in (one.url for one in asked))


def test_without_a_network_the_page_opens_and_answers(site_url: str, open_page: Open) -> None:
    page = open_page(site_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    ask(page, "What is 6 * 7?")
    until(page, "() => document.documentElement.dataset.offline === 'kept'")
    kept = """() => caches.match(new URL("../assets/pyodide/pyodide.asm.wasm", location.href)).then((one) => {
      document.documentElement.dataset.there = one ? "yes" : "no"; })"""
    for _ in range(200):
        page.evaluate(kept)
        if page.get_attribute("html", "data-there") == "yes":
            break
        page.wait_for_timeout(100)
    page.context.set_offline(True)
    page.reload()
    page.wait_for_selector(".playground[data-alive]")
    ask(page, "What is 6 * 8?")
    assert "48" in page.inner_text(".model-answer-place")


def test_a_browser_without_simd_is_told_what_is_needed(site_url: str, open_page: Open, site: Path) -> None:
    page = open_page("about:blank")
    script = next((site / "assets" / "live").glob("python_worker.js")).read_text(encoding="utf-8")

    def without_simd(route: Route) -> None:
        response = route.fetch()
        route.fulfill(response=response, body=f"WebAssembly.validate = () => false;\n{script}")

    page.context.route("**/python_worker.js*", without_simd)
    page.goto(site_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    page.locator(".playground .live-run").click()
    until(page, "() => document.querySelector('.model-status').textContent.includes('WebAssembly SIMD')")


def test_a_model_that_cannot_be_fetched_is_said_and_can_be_asked_again(
    host_url: str, refused: set[str], open_page: Open
) -> None:
    page = open_page(host_url + ADDRESS)
    page.wait_for_selector(".playground[data-alive]")
    refused.add(".onnx")
    try:
        page.locator(".playground .live-run").click()
        until(
            page, "() => document.querySelector('.model-status').textContent.includes('the server said 503')"
        )
    finally:
        refused.clear()
    ask(page, "What is 6 * 7?")
    assert "42" in page.inner_text(".model-answer-place")


def test_it_has_its_styles_when_another_page_came_before(site_url: str, open_page: Open) -> None:
    """Instant navigation keeps the head of the first page, which had no use for them."""
    page = open_page(site_url + "guides/04-training/")
    assert page.locator('link[href$="model.css"]').count() == 0
    page.locator(".md-tabs a", has_text="Playground").click()
    page.wait_for_selector(".playground[data-alive]")
    until(page, "() => getComputedStyle(document.querySelector('.model-controls')).display === 'grid'")
    assert page.locator('link[href$="model.css"]').count() == 1
