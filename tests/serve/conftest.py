"""Runs whose every answer is known, and servers of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.serve import small_chat_run
from tests.serve.pages import WITHIN_MS, Open
from tests.serve.running_server import Running, serving
from web.set_up import BROWSER_FLAGS, BROWSERS

RICH = (Path(__file__).with_name("rich_answer.md")).read_text(encoding="utf-8")
BEFORE, CODE, RESULT = "Let me see. ", "37*12", "444"


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base folder with the runs `endless`, `chance`, `python` and `rich`, which is the newest."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        small_chat_run.save_run("endless", *small_chat_run.endless(), context=16_384)
        small_chat_run.save_run("chance", *small_chat_run.chance(), stage="rl")
        python = small_chat_run.answering(("python", "print(sum(range(10)))"), ("text", "Done."))
        small_chat_run.save_run("python", *python)
        rich = small_chat_run.answering(("text", BEFORE), ("python", CODE), ("text", RICH))
        small_chat_run.save_run("rich", *rich, context=1_024)
    return folder


@pytest.fixture(scope="session")
def rich(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server whose one answer has a call of the calculator and all of Markdown."""
    with serving(base, "--run", "rich", log=tmp_path_factory.mktemp("log") / "rich") as server:
        yield server
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def endless(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server that writes two answers at a time, each without an end, and lets two more wait."""
    words = ("--run", "endless", "--rows", "2", "--queue", "2", "--deadline", "3")
    log = tmp_path_factory.mktemp("log") / "endless"
    with serving(base, *words, log=log, program="tests.serve.impatient_server") as server:
        yield server
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The machine's Chromium or Chrome, else the one that Playwright has downloaded."""
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        started = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a server's page in a browser without a past. No page may have had a fault or asked elsewhere."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    def open_it(server: Running, **more: Any) -> Page:
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"], **more)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(WITHIN_MS)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: said.type == "error" and faults.append(said.text))
        page.on("request", lambda one: one.url.startswith(server.url) or faults.append(f"asked {one.url}"))
        page.goto(server.url)
        return page

    yield open_it
    for context in contexts:
        context.close()
    known = ("status of 4", "status of 5", "ERR_FAILED")  # the browser's own words for a refusal
    assert not [fault for fault in faults if not any(one in fault for one in known)], faults
