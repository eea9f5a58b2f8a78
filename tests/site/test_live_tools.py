"""The tools' pages and the guides' figures ask the model of the page, which answers as it does here."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page

from nanochat.inference.trace import Trace
from tests.site.conftest import until
from tests.site.near import near
from tests.site.test_pages import violations
from tests.site.test_tool_pages import NORMAL, READ_FORM, answers, open_tool, wait_for_answer
from tools import registry
from tools.attention import live_trace as looking
from tools.attention.trace_file import read_trace
from tools.explorer import live_trace
from web.asking import answer_for

Open = Callable[..., Page]
MODEL_FILES = re.compile(r"assets/(ort|model)/")
STOPS_WITHIN_S = 10  # on a machine that is busy with other tests; a second on an idle one


def seen_requests(page: Page, site_url: str) -> tuple[list[str], list[str]]:
    """Lists that grow: requests for the model, and requests to another host."""
    ours: list[str] = []
    others: list[str] = []

    def hear(url: str) -> None:
        if MODEL_FILES.search(url):
            ours.append(url)
        if urlsplit(url).netloc != urlsplit(site_url).netloc and not url.startswith(("data:", "blob:")):
            others.append(url)

    page.context.on("request", lambda request: hear(request.url))
    return ours, others


def ask(page: Page, key: str, text: str) -> None:
    """Write into a field and press the button beside it."""
    before = answers(page)
    page.fill(f".tool-form [name={key}]", text)
    page.click(".tool-ask-model")
    wait_for_answer(page, before)


def compare(page: Page, tool: str) -> dict[str, Any]:
    """Hold the page against the answer of the same model here; return that answer."""
    expected = answer_for(registry.load(tool), page.evaluate(READ_FORM))
    assert expected["error"] is None
    assert page.is_hidden(".tool-error"), page.inner_text(".tool-error")
    near(page.inner_html(".tool-report"), page.evaluate(NORMAL, expected["html"]))
    assert page.text_content(".tool-command") == expected["command"]
    return expected


def saved(page: Page, key: str) -> str:
    with page.expect_download() as download:
        page.click(f".tool-save[value={key}]")
    return Path(download.value.path()).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def explorer(open_for_all: Open, site_url: str) -> Iterator[Page]:
    """The generation explorer, its model fetched once for the tests here."""
    page = open_for_all("about:blank")
    ours, others = seen_requests(page, site_url)
    page.goto(site_url + "tools/generation-explorer/")
    page.wait_for_selector(".tool[data-alive]")
    before = answers(page)
    page.fill("[name=temperature]", "0.5")
    wait_for_answer(page, before)
    assert not ours, "an example needs no model"
    yield page
    assert ours
    assert not others


def test_a_prompt_is_answered_as_the_model_here_answers_it(explorer: Page) -> None:
    page = explorer
    ask(page, "prompt", "What is 37 * 12?")
    assert page.input_value("[name=example]") == "", "a prompt takes the example's place"
    said = compare(page, "generation-explorer")
    assert said["query"] in page.url
    assert "37*12" in page.inner_text(".tool-report")
    before = answers(page)
    page.fill("[name=min-p]", "0.2")  # another rule is heard at once
    wait_for_answer(page, before)
    compare(page, "generation-explorer")
    before = answers(page)
    page.check("[name=complete]")
    wait_for_answer(page, before)
    compare(page, "generation-explorer")


def test_the_trace_can_be_saved_and_dropped_again(explorer: Page, tmp_path: Path) -> None:
    page = explorer
    ask(page, "prompt", "Who are you?")
    expected = answer_for(registry.load("generation-explorer"), page.evaluate(READ_FORM))
    text = saved(page, "save-trace")
    trace = Trace.from_json(json.loads(text))
    assert trace.prompt.text == "Who are you?"
    here = next(reversed(live_trace._TRACES.kept.values()))
    assert isinstance(here, Trace)
    assert [run.chosen for run in trace.runs] == [run.chosen for run in here.runs]
    for one, other in zip(trace.places, here.places, strict=True):
        logits = dict(zip(other.position.ids, other.position.logits, strict=True))
        for token_id, logit in zip(one.position.ids, one.position.logits, strict=True):
            assert logit == pytest.approx(logits.get(token_id, logit), abs=0.02)
    report = page.inner_html(".tool-report")
    (tmp_path / "who.json").write_text(text, encoding="utf-8")
    before = answers(page)
    page.set_input_files("[name=trace]", tmp_path / "who.json")
    wait_for_answer(page, before)
    assert page.input_value("[name=prompt]") == "", "a file takes the prompt's place"
    assert page.inner_html(".tool-report") == report
    assert expected["error"] is None


def test_an_example_takes_the_place_of_a_prompt(explorer: Page) -> None:
    ask(explorer, "prompt", "Who are you?")
    before = answers(explorer)
    explorer.select_option("[name=example]", "calculator")
    wait_for_answer(explorer, before)
    assert explorer.input_value("[name=prompt]") == ""
    compare(explorer, "generation-explorer")


def test_a_prompt_that_is_too_long_names_its_field(explorer: Page) -> None:
    before = answers(explorer)
    explorer.fill("[name=prompt]", "word " * 700)
    explorer.click(".tool-ask-model")
    wait_for_answer(explorer, before)
    assert "the model reads" in explorer.inner_text(".tool-error")
    assert explorer.get_attribute("[name=prompt]", "aria-invalid") == "true"
    ask(explorer, "prompt", "short")
    assert explorer.is_hidden(".tool-error")


def test_typing_asks_nothing_and_leaving_the_field_does(explorer: Page) -> None:
    before = answers(explorer)
    explorer.focus("[name=prompt]")
    explorer.keyboard.press("ControlOrMeta+a")
    explorer.keyboard.type("Hello there", delay=30)
    explorer.wait_for_timeout(500)
    assert answers(explorer) == before
    explorer.keyboard.press("Tab")
    wait_for_answer(explorer, before)
    compare(explorer, "generation-explorer")


def test_a_link_with_a_prompt_asks_it(site_url: str, open_page: Open) -> None:
    page = open_page(site_url + "tools/generation-explorer/?prompt=Once+upon&complete=true&tokens=4")
    wait_for_answer(page, 0)
    assert page.input_value("[name=prompt]") == "Once upon"
    assert page.is_checked("[name=complete]")
    compare(page, "generation-explorer")


def test_writing_tells_how_far_it_is_and_can_be_stopped(
    host_url: str, site_url: str, open_page: Open
) -> None:
    """On a plain host Stop ends the worker; where the page may share memory, it interrupts Python."""
    for url in (host_url, site_url):
        page = open_tool(open_page, url, "generation-explorer")
        ask(page, "prompt", "Hello")
        # As if by dice, so that no text comes to an end by itself.
        page.fill("[name=temperature]", "3")
        page.fill("[name=temperatures]", "2.5, 3, 4")
        page.fill("[name=tokens]", "480")
        until(page, "document.querySelector('.tool-status').textContent.startsWith('Writing: ')")
        started = time.monotonic()
        page.click(".tool-status button")
        until(page, "document.querySelector('.tool-status').textContent.startsWith('Stopped.')")
        assert time.monotonic() - started < STOPS_WITHIN_S
        before = answers(page)
        page.fill("[name=temperatures]", "0")
        page.fill("[name=tokens]", "3")
        wait_for_answer(page, before)
        compare(page, "generation-explorer")


# ---- attention ----


@pytest.fixture(scope="module")
def attention(open_for_all: Open, site_url: str) -> Iterator[Page]:
    page = open_for_all("about:blank")
    ours, others = seen_requests(page, site_url)
    page.goto(site_url + "tools/attention-visualizer/")
    page.wait_for_selector(".tool[data-alive]")
    assert not ours
    yield page
    assert not others


@pytest.mark.parametrize(
    ("key", "text"), [("text", "The cat sat on the mat."), ("chat", "What is 2 + 2?"), ("repeat", "12")]
)
def test_what_the_model_looks_at_is_what_it_looks_at_here(attention: Page, key: str, text: str) -> None:
    ask(attention, key, text)
    filled = {one for one in ("text", "chat", "repeat", "example") if attention.input_value(f"[name={one}]")}
    assert filled == {key}, "the last one that was asked takes the place of the others"
    compare(attention, "attention-visualizer")
    before = answers(attention)
    attention.select_option(
        "[name=by]", "first" if attention.input_value("[name=by]") != "first" else "itself"
    )
    wait_for_answer(attention, before)
    compare(attention, "attention-visualizer")


def test_weights_can_be_saved_and_are_those_of_the_model_here(attention: Page, tmp_path: Path) -> None:
    ask(attention, "text", "A bird sang.")
    (tmp_path / "trace.json").write_text(saved(attention, "save-trace"), encoding="utf-8")
    trace = read_trace(tmp_path / "trace.json")
    assert trace.repeated is not None
    wanted = answer_for(registry.load("attention-visualizer"), {"text": "A bird sang."})
    assert wanted["error"] is None
    here = next(reversed(looking._TRACES.kept.values()))
    assert not isinstance(here, Exception)
    assert trace.tokens == here.tokens
    for layer, own in zip(trace.weights, here.weights, strict=True):
        for head, theirs in zip(layer, own, strict=True):
            for row, wanted_row in zip(head, theirs, strict=True):
                assert max(abs(a - b) for a, b in zip(row, wanted_row, strict=True)) < 500  # of 100,000


def test_a_page_that_was_answered_has_no_fault_that_axe_finds(explorer: Page, attention: Page) -> None:
    for page, key in ((explorer, "prompt"), (attention, "text")):
        ask(page, key, "The cat sat on the mat.")
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.wait_for_timeout(500)  # colours change slowly
            assert not violations(page), (key, scheme)


# ---- the guides ----


def test_a_guide_asks_the_model_only_when_asked(site_url: str, open_page: Open) -> None:
    page = open_page("about:blank")
    ours, others = seen_requests(page, site_url)
    page.goto(site_url + "guides/05-inference/")
    figure = page.locator("#model-next")
    page.wait_for_selector("#model-next[data-alive]")
    built = figure.locator(".model-next-place").inner_html()
    assert "model-next" in built
    assert not ours
    figure.locator(".live-run").click()
    until(
        page,
        "() => document.querySelector('#model-next .model-answer-place').textContent.includes('Your text')",
    )
    until(page, "() => !document.querySelector('#model-next').hasAttribute('aria-busy')")
    near(figure.locator(".model-next-place").inner_html(), built)
    figure.locator("[name=top_k]").fill("3")
    until(page, "() => document.querySelectorAll('#model-next .model-gone').length === 9")
    figure.locator("[data-take]").nth(1).click()
    until(page, "() => document.querySelectorAll('#model-next button.model-token').length === 1")
    assert ours
    assert not others


def test_in_guide_6_the_model_calls_and_the_result_is_put_in(site_url: str, open_page: Open) -> None:
    page = open_page(site_url + "guides/06-tools/")
    page.wait_for_selector("#model-call[data-alive]")
    figure = page.locator("#model-call")
    assert "444" in figure.locator(".model-answer-place").inner_text(), "the answer of the build"
    figure.locator("textarea").fill("What is 25 + 17?")
    figure.locator(".live-run").click()
    until(page, "() => document.querySelector('#model-call .model-answer-place').textContent.includes('25')")
    until(page, "() => !document.querySelector('#model-call').hasAttribute('aria-busy')")
    for _ in range(40):
        written = figure.get_attribute("data-written")
        step = figure.locator("[name=step]")
        if step.is_disabled():
            break
        step.click()
        until(page, "before => document.querySelector('#model-call').dataset.written !== before", written)
    assert "42" in figure.locator(".model-call").inner_text()
    assert figure.locator(".model-forced").count() == 4
