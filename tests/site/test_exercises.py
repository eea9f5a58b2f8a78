"""Exercises: every solution holds and every starter fails, in CPython and in the browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.site.conftest import addresses_with, alive, ended, run, status, until, write
from web.run_cell import run_checks

Open = Callable[..., Page]

READ_EXERCISES = """() => [...document.querySelectorAll(".live-cell.exercise")].map((cell) => {
  const id = cell.dataset.exercise;
  return {
    id,
    starter: cell.dataset.code,
    checks: document.querySelector(`.exercise-checks[data-exercise="${id}"]`).dataset.code,
    solution: document.querySelector(`.solution[data-exercise="${id}"] code`).textContent,
  };
})"""


@pytest.fixture(scope="module")
def guides(site: Path) -> list[str]:
    """The addresses of the pages that have exercises."""
    found = addresses_with(site, 'class="live-cell exercise"')
    assert found
    return found


def _exercises(page: Page) -> list[dict[str, Any]]:
    return page.evaluate(READ_EXERCISES)


def test_solutions_hold_and_starters_fail_in_cpython(
    guides: list[str], site_url: str, open_page: Open
) -> None:
    for address in guides:
        for exercise in _exercises(open_page(site_url + address)):
            found = run_checks(exercise["solution"], exercise["checks"], lambda kind, text: None)
            assert found
            assert all(check["holds"] for check in found), (address, exercise["id"], found)
            begun = run_checks(exercise["starter"], exercise["checks"], lambda kind, text: None)
            assert not all(check["holds"] for check in begun), (address, exercise["id"])


def _in_words(lines: list[str]) -> list[str]:
    """Lines with spaces made alike; what an error says, and where an object lies, differs with the Python."""
    varying = re.compile(r"(?<=stopped with )(\w+): .*|(?<=raised )(\w+): .*| at 0x[0-9a-f]+")
    return [varying.sub("…", " ".join(line.split())) for line in lines]


def test_checks_say_the_same_in_the_browser(guides: list[str], site_url: str, open_page: Open) -> None:
    for address in guides:
        page = alive(open_page(site_url + address))
        for exercise in _exercises(page):
            cell = page.query_selector(f'.live-cell[data-exercise="{exercise["id"]}"]')
            for code in (exercise["starter"], exercise["solution"]):
                write(cell, code, page)
                run(cell, "check")
                shown = [item.inner_text() for item in cell.query_selector_all(".check-report li")]
                there = run_checks(code, exercise["checks"], lambda kind, text: None)
                assert _in_words(shown) == _in_words(
                    [f"{'holds' if check['holds'] else 'fails'} {check['says']}" for check in there]
                ), (address, exercise["id"])
            assert "Solved" in status(cell)
        page.close()


def test_a_solution_is_hidden_until_asked_for(guides: list[str], site_url: str, open_page: Open) -> None:
    page = open_page(site_url + guides[0])
    solution = page.query_selector("details.solution")
    assert not solution.query_selector("code").is_visible()
    solution.query_selector("summary").click()
    assert solution.query_selector("code").is_visible()


def test_progress_and_code_are_kept_and_can_be_cleared(
    guides: list[str], site_url: str, open_page: Open
) -> None:
    page = alive(open_page(site_url + guides[0]))
    solved, tried = _exercises(page)[:2]
    total = len(_exercises(page))
    assert f"0 of {total} exercises solved" in page.inner_text(".guide-progress")
    cell = page.query_selector(f'.live-cell[data-exercise="{solved["id"]}"]')
    write(cell, solved["solution"], page)
    run(cell, "check")
    assert f"1 of {total} exercises solved" in page.inner_text(".guide-progress")
    write(page.query_selector(f'.live-cell[data-exercise="{tried["id"]}"]'), "# my own try", page)

    alive(page).reload()
    alive(page)
    assert f"1 of {total} exercises solved" in page.inner_text(".guide-progress")
    assert "done" in page.get_attribute(f'.live-cell[data-exercise="{solved["id"]}"]', "class")
    again = page.query_selector(f'.live-cell[data-exercise="{tried["id"]}"]')
    assert again.wait_for_selector(".cm-content").inner_text() == "# my own try"
    again.query_selector(".live-reset").click()
    assert again.query_selector(".cm-content") is None

    page.goto(site_url)
    overview = page.wait_for_selector(".exercise-overview")
    assert f"1 of {total}" in overview.inner_text()
    clear = page.query_selector(".clear-progress")
    clear.click()
    assert "again" in clear.inner_text()
    clear.click()
    until(page, "!document.querySelector('.clear-progress')")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('nanochat.'))") == []
    page.goto(site_url + guides[0])
    assert f"0 of {total} exercises solved" in alive(page).inner_text(".guide-progress")


def test_a_browser_that_keeps_nothing_still_checks(guides: list[str], site_url: str, open_page: Open) -> None:
    page = open_page("about:blank")
    page.add_init_script(
        """const refuse = (name) => {
          if (String(name).startsWith("nanochat.")) throw new Error("full");
          return null;
        };
        Storage.prototype.getItem = Storage.prototype.setItem = refuse;"""
    )
    page.goto(site_url + guides[0])
    exercise = _exercises(alive(page))[0]
    cell = page.query_selector(".live-cell.exercise")
    write(cell, exercise["solution"], page)
    run(cell, "check")
    assert "Solved" in status(cell)


def test_control_enter_checks(guides: list[str], site_url: str, open_page: Open) -> None:
    page = alive(open_page(site_url + guides[0]))
    cell = page.query_selector(".live-cell.exercise")
    write(cell, _exercises(page)[0]["solution"], page)
    page.keyboard.press("Control+Enter")
    ended(cell)
    assert "Solved" in status(cell)


def test_code_that_never_ends_can_be_stopped_while_it_is_checked(
    guides: list[str], site_url: str, open_page: Open
) -> None:
    page = alive(open_page(site_url + guides[0]))
    cell = page.query_selector(".live-cell.exercise")
    write(cell, "while True: pass", page)
    cell.query_selector(".live-check").click()
    until(page, "document.querySelector('.live-cell.exercise .live-status').textContent === 'Running…'")
    cell.query_selector(".live-stop").click()
    ended(cell)
    assert status(cell) == "Stopped."


def test_a_quiz_says_whether_and_why(site: Path, site_url: str, open_page: Open) -> None:
    for address in addresses_with(site, 'class="quiz"'):
        page = open_page(site_url + address)
        page.wait_for_selector("fieldset.quiz[data-alive]")
        for question in page.query_selector_all("fieldset.quiz"):
            wrong = question.query_selector("input:not([data-right])")
            wrong.check()
            assert "Not this one" in question.query_selector(".quiz-verdict").inner_text()
            assert not question.query_selector(".quiz-why p").is_visible()
            question.query_selector("input[data-right]").check()
            assert question.query_selector(".quiz-verdict").inner_text() == "Right."
            assert question.query_selector(".quiz-why p").is_visible()
        page.close()
