"""The learning-rate finder's page trains microGPT: its losses are CPython's, and it can be stopped."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.site.conftest import until
from tests.site.test_tool_pages import answers, compare, open_tool, wait_for_answer
from tools.rates.sweep import ALL
from tools.rates.trained_here import measure

Open = Callable[..., Page]
TRAINED_WITHIN_MS = 240_000  # on a machine that is busy with other tests
PROGRESS = "document.querySelector('.tool-status').textContent.includes('Training microGPT on a sweep')"


@pytest.fixture(scope="module")
def trained(site_url: str, open_for_all: Open) -> Page:
    """The page after its button was pressed and the sweep has come to its end."""
    page = open_tool(open_for_all, site_url, "lr-finder")
    page.set_default_timeout(TRAINED_WITHIN_MS)
    page.click("text=Train microGPT now")
    until(page, PROGRESS)
    assert page.is_visible(".tool-status button")  # in sight, at the top of a long page
    status = page.query_selector(".tool-status").bounding_box()
    assert 0 < status["y"] < page.viewport_size["height"]
    wait_for_answer(page, 0)
    return page


def suggestion(page: Page) -> float:
    """The suggested factor, as the page says it."""
    said = page.inner_text(".tool-report")
    return float(re.search(r"Suggested: all ([\d.]+) times the configured rate", said)[1])


def test_the_button_trains_in_the_page(trained: Page) -> None:
    assert trained.is_hidden(".tool-error")
    assert "example=microgpt" in trained.url
    assert trained.input_value('[name="example"]') == "microgpt"
    said = trained.inner_text(".tool-report")
    assert "in a browser" in said
    assert 0.2 < suggestion(trained) < 10
    assert "python tools/microgpt.py --rate 0." in said
    assert trained.text_content(".tool-command") == "python tools/lr_finder.py --example microgpt"


def test_its_losses_are_those_of_cpython(trained: Page, tmp_path: Path) -> None:
    """To the digits that are kept, as long as rates are small; at large ones the last digits grow."""
    with trained.expect_download() as download:
        trained.click('.tool-save[value="csv"]')
    download.value.save_as(tmp_path / "sweep.csv")
    with (tmp_path / "sweep.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    expected = measure(0.01, 100.0, 60, 1, None).sweeps[ALL]
    assert [float(row["factor"]) for row in rows[:40]] == expected.factors[:40]
    assert [float(row["loss"]) for row in rows[:25]] == pytest.approx(expected.losses[:25], abs=2e-5)


def test_it_is_trained_twice_and_compared(trained: Page) -> None:
    before = answers(trained)
    trained.fill('[name="against"]', "20")
    wait_for_answer(trained, before)
    assert trained.is_hidden(".tool-error")
    said = trained.inner_text(".tool-report")
    assert "20× suggested" in said
    assert "At the suggested rate it learned more" in said


def test_to_compare_needs_a_sweep_of_microgpt(site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, "lr-finder")
    page.fill('[name="against"]', "10")
    wait_for_answer(page, 0)
    assert compare(page, "lr-finder", "a laptop's sweep")["field"] == "against"
    assert page.inner_text(".tool-error") == "Compare with needs microGPT: choose microgpt as Example"


@pytest.mark.parametrize("host", ["site_url", "host_url"])
def test_a_training_can_be_stopped(host: str, open_page: Open, request: pytest.FixtureRequest) -> None:
    """Also where the page may not interrupt Python, and its worker is ended."""
    page = open_tool(open_page, request.getfixturevalue(host), "lr-finder")
    page.fill('[name="sweep-steps"]', "90000")
    wait_for_answer(page, 0)
    before = page.inner_html(".tool-report")
    page.select_option('[name="example"]', "microgpt")
    until(page, PROGRESS)
    page.click(".tool-status button")
    until(page, "document.querySelector('.tool-status').textContent.includes('Stopped')")
    assert page.inner_html(".tool-report") == before
    done = answers(page)
    page.select_option('[name="example"]', "laptop")
    wait_for_answer(page, done)
    compare(page, "lr-finder", "after a stop")
