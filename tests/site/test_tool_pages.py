"""Tool pages: each control is changed in the browser; the page must show what the tool says in CPython."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.site.conftest import addresses_with, until
from tools import registry
from tools.core.page import answer

Open = Callable[..., Page]
ADDRESS = "tools/{}/"
TOOLS = pytest.mark.parametrize("tool", registry.NAMES)

# What the form says, read here without the page's own script.
READ_FORM = """() => {
  const state = {};
  for (const one of document.querySelectorAll(".tool-form [name]")) {
    if (one.type === "checkbox" && one.closest(".tool-list")) {
      (state[one.name] ??= []).push(...(one.checked ? [one.value] : []));
    } else if (one.type === "checkbox") state[one.name] = String(one.checked);
    else if (one.type === "file") state[one.name] = one.files.length ? one.files[0].name : "";
    else state[one.name] = one.value;
  }
  return state;
}"""
# HTML as a browser writes it, so that two texts of one tree are equal.
NORMAL = "html => { const t = document.createElement('template'); t.innerHTML = html; return t.innerHTML; }"


def open_tool(open_page: Open, url: str, tool: str, query: str = "") -> Page:
    """The page of a tool, with its form enabled."""
    page = open_page(url + ADDRESS.format(tool) + query)
    page.wait_for_selector(".tool[data-alive]")
    return page


def answers(page: Page) -> int:
    """How many questions the page has asked and answered."""
    return int(page.get_attribute(".tool", "data-answered") or 0)


def wait_for_answer(page: Page, before: int) -> None:
    until(
        page,
        """before => { const tool = document.querySelector(".tool");
        return Number(tool.dataset.answered ?? 0) > before && !tool.hasAttribute("aria-busy"); }""",
        before,
    )


def compare(page: Page, tool: str, what: str) -> dict[str, Any]:
    """Hold what the page shows against the tool's own answer to the state of the form; return that answer."""
    expected: dict[str, Any] = json.loads(answer(tool, json.dumps(page.evaluate(READ_FORM))))
    if expected["error"]:
        assert page.inner_text(".tool-error") == " ".join(expected["error"].split()), what
        if expected["field"]:
            assert page.get_attribute(f'.tool-form [name="{expected["field"]}"]', "aria-invalid") == "true", (
                what
            )
    else:
        assert page.is_hidden(".tool-error"), (what, page.inner_text(".tool-error"))
        assert page.inner_html(".tool-report") == page.evaluate(NORMAL, expected["html"]), what
        assert page.text_content(".tool-command") == expected["command"], what
    return expected


def change(page: Page, name: str) -> bool:
    """Give the control with this name another value, as a reader would; False when it has no other."""
    control = page.query_selector(f'.tool-form [name="{name}"]')
    kind = control.evaluate(
        "one => one.tagName === 'SELECT' ? 'select' : one.tagName === 'TEXTAREA' ? 'area' : one.type"
    )
    if kind == "file":
        return False
    if control.get_attribute("data-asks-model") is not None:
        return False  # the model's figures agree with those computed here up to rounding: test_live_tools.py
    if kind == "checkbox":
        control.click()
    elif kind == "select":
        other = control.evaluate("one => [...one.options].map((o) => o.value).find((v) => v !== one.value)")
        if other is None:
            return False
        control.select_option(other)
    elif kind == "number":
        now = control.input_value()
        low, high = (control.get_attribute(limit) for limit in ("min", "max"))
        larger = int(now or low or 1) + 1
        control.fill(str(larger if not high or larger <= int(high) else int(high) - 1))
    elif control.get_attribute("inputmode") == "decimal":
        control.fill("2" if control.input_value() != "2" else "3")
    else:
        control.fill(control.input_value() + " Größe 123 🙂")
    return True


def undo(page: Page, name: str, value: str | list[str]) -> None:
    """Give the control its first value back."""
    control = page.query_selector(f'.tool-form [name="{name}"]')
    kind = control.get_attribute("type")
    if kind == "checkbox":
        control.click()
    elif control.evaluate("one => one.tagName") == "SELECT":
        control.select_option(value)
    else:
        control.fill(str(value))


@TOOLS
def test_every_control_changes_the_report_as_the_tool_itself_would(
    tool: str, site_url: str, open_page: Open
) -> None:
    page = open_tool(open_page, site_url, tool)
    initial = page.evaluate(READ_FORM)
    assert initial
    seen, changed = set(), 0
    for name in initial:
        before = answers(page)
        if not change(page, name):
            continue
        changed += 1
        wait_for_answer(page, before)
        compare(page, tool, f"{tool}: after a change of {name}")
        seen.add(page.inner_html(".tool-report") + page.inner_text(".tool-error"))
        before = answers(page)
        undo(page, name, initial[name])
        wait_for_answer(page, before)
    assert len(seen) > changed / 2  # most controls matter, and the page shows that they do


@TOOLS
def test_the_report_of_the_build_is_the_one_of_the_form(
    tool: str, site: Path, site_url: str, open_page: Open
) -> None:
    page = open_tool(open_page, site_url, tool)
    # The file itself: on the page, the theme has put its copy buttons into the report.
    built = (site / ADDRESS.format(tool) / "index.html").read_text(encoding="utf-8")
    read = (
        "html => new DOMParser().parseFromString(html, 'text/html').querySelector('.tool-report').innerHTML"
    )
    expected = json.loads(answer(tool, json.dumps(page.evaluate(READ_FORM))))
    assert page.evaluate(read, built) == page.evaluate(NORMAL, expected["html"])
    assert page.text_content(".tool-command") == expected["command"]


@TOOLS
def test_a_link_shares_the_state(tool: str, site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, tool)
    names = list(page.evaluate(READ_FORM))
    for name in names:
        before = answers(page)
        if not change(page, name):
            continue  # a file, which no address can hold
        wait_for_answer(page, before)
        if page.is_hidden(".tool-error"):
            break
        page.goto(site_url + ADDRESS.format(tool))
        page.wait_for_selector(".tool[data-alive]")
    said = compare(page, tool, "before sharing")
    shared = page.url
    assert said["query"] in shared
    other = open_page(shared)
    wait_for_answer(other, 0)
    compare(other, tool, f"opened by {shared}")
    assert other.inner_html(".tool-report") == page.inner_html(".tool-report")


@TOOLS
def test_the_command_can_be_copied(tool: str, site_url: str, open_page: Open) -> None:
    page = open_page(site_url + ADDRESS.format(tool), permissions=["clipboard-read", "clipboard-write"])
    page.wait_for_selector(".tool[data-alive]")
    page.click(".tool-copy-command")
    until(page, "document.querySelector('.tool-copy-command').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()") == page.text_content(".tool-command")


def test_a_wrong_value_names_its_field_and_keeps_the_last_report(site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, "model-calculator")
    report = page.inner_html(".tool-report")
    page.fill('[name="depth"]', "0")
    wait_for_answer(page, 0)
    assert compare(page, "model-calculator", "depth 0")["field"] == "depth"
    assert page.inner_html(".tool-report") == report
    before = answers(page)
    page.fill('[name="depth"]', "6")
    wait_for_answer(page, before)
    compare(page, "model-calculator", "depth 6")


def test_only_the_last_of_many_quick_changes_is_shown(site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, "model-calculator")
    field = page.query_selector('[name="depth"]')
    field.focus()
    page.keyboard.type("12", delay=20)
    wait_for_answer(page, 0)
    compare(page, "model-calculator", "typed 12")
    assert answers(page) == 1


def test_a_file_is_read_in_the_page(site_url: str, open_page: Open, tmp_path: Path) -> None:
    page = open_tool(open_page, site_url, "model-calculator")
    config = tmp_path / "config.json"
    config.write_text('{"model_type": "gpt2", "n_layer": ')
    page.set_input_files('[name="config"]', config)
    page.wait_for_selector(".tool-error:not([hidden])")
    assert "config.json" in page.inner_text(".tool-error")


@pytest.mark.parametrize("tool", [name for name in registry.NAMES if name == "tokenizer-playground"])
def test_ten_thousand_characters_can_be_pasted(tool: str, site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, tool)
    before = answers(page)
    page.fill('[name="text"]', "warm up")
    wait_for_answer(page, before)
    text = ("The quick brown fox jumps over the lazy dog. Größe, 数える, 123456 🙂\n" * 200)[:10_000]
    before = answers(page)
    page.fill('[name="text"]', text)
    started = page.evaluate("performance.now()")
    wait_for_answer(page, before)
    took = page.evaluate("performance.now()") - started
    compare(page, tool, "10,000 characters")
    print(f"10,000 characters: {took:.0f} ms")


def test_every_tool_has_its_page(site: Path) -> None:
    assert {f"{ADDRESS.format(name)}" for name in registry.NAMES} <= set(addresses_with(site, 'class="tool"'))
