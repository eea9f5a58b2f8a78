"""The chat page in a real browser, with a real server: talking, stopping, changing, looks and keyboard."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.serve.conftest import RESULT, RICH
from tests.serve.pages import PHONE, WITHIN_MS, answered, ask, bodies, violations
from tests.serve.running_server import Running, eventually, serving


@pytest.fixture(scope="module")
def slow(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose answers take long."""
    with serving(
        base, "--run", "endless", "--rows", "1", log=tmp_path_factory.mktemp("log") / "slow"
    ) as server:
        yield server


# ---- talking ----


def test_enter_sends_and_shift_enter_starts_a_line(open_page, rich):
    page = open_page(rich)
    asked = bodies(page)
    assert page.locator("#send").is_disabled()
    page.locator("#question").press_sequentially("one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    answered(page)
    assert asked[0]["messages"] == [{"role": "user", "content": "one\ntwo"}]
    assert (asked[0]["stream"], asked[0]["truncation"]) == (True, "auto")
    assert page.locator("#question").input_value() == ""
    assert page.evaluate("document.activeElement.id") == "question"


def test_the_next_question_brings_the_whole_conversation(open_page, rich):
    page = open_page(rich)
    page.get_by_role("button", name="What is 37 * 12?").click()
    answered(page)
    asked = bodies(page)
    ask(page, "Why?")
    answered(page, 2)
    first, reply, second = asked[0]["messages"]
    assert (first["content"], second["content"]) == ("What is 37 * 12?", "Why?")
    assert [part["type"] for part in reply["content"]] == ["text", "python", "python_output", "text"]


def test_stop_frees_the_row_and_keeps_what_there_is(open_page, slow):
    page = open_page(slow)
    ask(page, "Go on.")
    expect(page.locator(".answer .prose")).to_contain_text("abcdefg")
    began = time.monotonic()
    page.get_by_role("button", name="Stop").click()
    answered(page)
    eventually(lambda: slow.metric("rows_in_use") == 0)
    assert time.monotonic() - began < 5  # a second on a machine at rest
    assert page.locator(".answer").get_attribute("data-state") == "stopped"
    text = page.locator(".answer .prose").inner_text()
    assert text.startswith("abcdefg")
    page.wait_for_timeout(200)
    assert page.locator(".answer .prose").inner_text() == text
    assert page.evaluate("document.activeElement.id") == "question"


def test_escape_stops_and_a_slow_model_holds_nothing_up(open_page, slow):
    page = open_page(slow)
    (worker,) = slow.workers()
    worker.suspend()
    try:
        ask(page, "Are you there?")
        expect(page.locator(".answer.empty")).to_be_visible()
        page.locator("#question").fill("meanwhile")  # the page goes on
        page.get_by_role("button", name="Settings").click()
        page.keyboard.press("Escape")  # closes the dialog alone
        assert page.locator(".answer").get_attribute("data-state") == "writing"
        page.keyboard.press("Escape")
        expect(page.locator(".answer")).to_have_attribute("data-state", "stopped")
    finally:
        worker.resume()
    eventually(lambda: slow.metric("rows_in_use") == 0)


def test_regenerate_asks_the_same_again(open_page, rich):
    page = open_page(rich)
    ask(page, "Why?")
    answered(page)
    asked = bodies(page)
    page.get_by_role("button", name="Regenerate this answer").click()
    answered(page)
    assert asked[0]["messages"] == [{"role": "user", "content": "Why?"}]
    assert page.locator(".question").count() == 1


def test_an_edited_question_replaces_all_that_came_after(open_page, rich):
    page = open_page(rich)
    ask(page, "First?")
    answered(page)
    ask(page, "Second?")
    answered(page, 2)
    asked = bodies(page)
    page.get_by_role("button", name="Edit this question").first.click()
    field = page.get_by_label("Your question, to be changed")
    assert field.input_value() == "First?"
    page.keyboard.press("Escape")
    assert page.locator(".bubble").all_inner_texts() == ["First?", "Second?"]
    page.get_by_role("button", name="Edit this question").first.click()
    field.fill("Better?")
    page.get_by_role("button", name="Send again").click()
    answered(page, 1)
    assert page.locator(".bubble").all_inner_texts() == ["Better?"]
    assert asked[0]["messages"] == [{"role": "user", "content": "Better?"}]


def test_editing_while_an_answer_is_written_stops_it(open_page, slow):
    page = open_page(slow)
    ask(page, "First?")
    expect(page.locator(".answer .prose")).to_contain_text("abc")
    page.get_by_role("button", name="Edit this question").click()
    page.get_by_label("Your question, to be changed").fill("Second?")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble")).to_have_text("Second?")
    expect(page.locator(".answer .prose")).to_contain_text("abc")
    assert page.locator(".answer").count() == 1
    page.keyboard.press("Escape")
    answered(page)


def test_copying(open_page, rich):
    page = open_page(rich)
    ask(page, "Why?")
    answered(page)
    page.get_by_role("button", name="Copy this answer").click()
    expect(page.get_by_role("button", name="Copy this answer")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "Let me see. " + RICH
    page.get_by_role("button", name="Copy this python").click()
    expect(page.get_by_role("button", name="Copy this python")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == 'print("<b>no HTML</b>")'


def test_settings_are_sent_kept_and_put_back(open_page, rich):
    page = open_page(rich)
    page.get_by_role("button", name="Settings").click()
    page.get_by_label("System text").fill("Be brief.")
    page.get_by_label("Temperature").fill("0")
    page.get_by_label("Longest answer").fill("3")
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Top-k").fill("-5")  # not taken
    page.get_by_role("button", name="Done").click()
    page.reload()
    asked = bodies(page)
    ask(page, "Why?")
    answered(page)
    assert asked[0]["messages"][0] == {"role": "system", "content": "Be brief."}
    assert {name: asked[0][name] for name in ("temperature", "max_tokens", "seed", "top_k", "top_p")} == {
        "temperature": 0, "max_tokens": 3, "seed": 7, "top_k": 0, "top_p": 1,
    }  # fmt: skip
    assert "cut off" in page.locator(".answer .figures").first.inner_text()
    page.get_by_role("button", name="Settings").click()
    page.get_by_role("button", name="Reset").click()
    assert page.get_by_label("System text").input_value() == ""
    assert page.get_by_label("Temperature").input_value() == "0.8"


def test_the_conversation_is_there_after_a_reload_until_it_is_cleared(open_page, rich):
    page = open_page(rich)
    ask(page, "Do you stay?")
    answered(page)
    page.reload()
    answered(page)
    assert page.locator(".bubble").inner_text() == "Do you stay?"
    assert page.locator(".tool__result pre").inner_text() == RESULT
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#welcome")).to_be_visible()
    page.reload()
    expect(page.locator("#welcome")).to_be_visible()
    assert page.locator(".message").count() == 0


@pytest.mark.parametrize("kept", ["{", "5", '{"messages": [5], "settings": 7}', '{"messages": {"a": 1}}'])
def test_what_was_kept_by_something_else_is_no_trouble(open_page, rich, kept):
    page = another_page(open_page(rich), kept)
    ask(page, "Why?")
    answered(page)


def another_page(page: Page, kept: str) -> Page:
    """A second page of the same browser, which finds what is kept; the first would keep its own again."""
    page.evaluate("kept => localStorage.setItem('nanochat.chat', kept)", kept)
    other = page.context.new_page()
    other.set_default_timeout(WITHIN_MS)
    other.goto(page.url)
    return other


def test_an_error_says_what_to_do_and_retry_works(open_page, rich):
    page = open_page(rich)
    page.route("**/v1/chat/completions", lambda route: route.abort())
    ask(page, "Why?")
    fault = page.locator(".fault")
    expect(fault).to_contain_text("The server cannot be reached")
    assert fault.get_attribute("role") == "alert"
    page.unroute("**/v1/chat/completions")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator(".answer .prose").first).to_contain_text("Let me see")
    answered(page)
    assert page.locator(".fault").count() == 0


def test_a_refusal_is_shown_in_the_servers_words(open_page, rich):
    page = open_page(rich)
    ask(page, "x" * 3_000)
    expect(page.locator(".fault")).to_contain_text("this model reads 1,024 in all")
    page.get_by_role("button", name="Edit this question").click()
    page.get_by_label("Your question, to be changed").fill("shorter")
    page.keyboard.press("Enter")
    expect(page.locator(".fault")).to_have_count(0)
    answered(page)


def test_old_turns_leave_with_a_note(open_page, rich):
    page = open_page(rich)
    answer = {"role": "assistant", "parts": [], "state": "done", "leftOut": 0}
    turns = [{"role": "user", "text": "x" * 300}, answer]
    page = another_page(page, json.dumps({"messages": turns * 4}))
    ask(page, "And now?")
    expect(page.locator(".note:visible")).to_contain_text("no longer fit")


# ---- looks, keyboard, access ----


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page, rich, scheme):
    page = open_page(rich, color_scheme=scheme, reduced_motion="reduce")
    found = violations(page)
    ask(page, "Tell me of whales.")
    answered(page)
    found += violations(page)
    page.get_by_role("button", name="Edit this question").click()
    found += violations(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    found += violations(page)
    page.keyboard.press("Escape")
    page.route("**/v1/chat/completions", lambda route: route.abort())
    ask(page, "Why?")
    expect(page.locator(".fault")).to_be_visible()
    found += violations(page)
    page.set_viewport_size(PHONE)
    found += violations(page)
    assert not found, "\n".join(found)


def test_nothing_is_wider_than_a_phone(open_page, rich):
    page = open_page(rich, viewport=PHONE)
    ask(page, "Tell me of whales. " + "w" * 200)
    answered(page)
    page.get_by_role("button", name="Edit this question").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Settings").click()
    box = page.locator("#settings").bounding_box()
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= PHONE["width"]


def test_the_theme_follows_the_system_until_it_is_chosen(open_page, rich):
    page = open_page(rich, color_scheme="dark")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Show the page in light colours").click()
    light = page.evaluate(ground)
    assert dark != light
    page.reload()
    assert page.evaluate(ground) == light
    page.get_by_role("button", name="Show the page in dark colours").click()
    assert page.evaluate(ground) == dark


def test_every_control_is_reached_by_tab_and_shows_that_it_is(open_page, rich):
    page = open_page(rich)
    ask(page, "Why?")
    answered(page)
    name_of = "(one => one.ariaLabel || one.textContent || one.id)(document.activeElement)"
    page.locator("#clear").focus()
    seen = []
    while not page.evaluate("document.activeElement === document.body") and len(seen) < 40:
        seen.append(page.evaluate(name_of))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", seen
        page.keyboard.press("Tab")
    wanted = [
        "New chat", "Settings", "Show the page in", "Edit this question", "Copy this question",
        "Copy this python", "Copy this answer", "Regenerate this answer", "question",
    ]  # fmt: skip
    places = [next((at for at, name in enumerate(seen) if name.startswith(one)), None) for one in wanted]
    assert None not in places, seen
    assert places == sorted(places)


def test_without_scripts_the_page_says_so(open_page, rich):
    page = open_page(rich, java_script_enabled=False)
    assert "needs JavaScript" in page.locator("noscript").inner_text()
