"""The HTML page in a browser: nothing is asked for, nothing runs, all can read it, also on a phone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from nanochat.evaluation.report.files import write_report
from nanochat.evaluation.report.reading import read_report
from tests.evaluation.reported_runs import put_chain, put_core, put_run, put_score
from web.set_up import BROWSER_FLAGS, BROWSERS

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 900}
EVIL = (
    "</p><script>document.title = 'taken'</script><img src=https://example.com/x onerror=alert(1)>"
    + "w" * 300
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of a chain whose model has written the worst it could."""
    folder = tmp_path_factory.mktemp("base")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NANOCHAT_BASE_DIR", str(folder))
        put_chain()
        put_core(*((f"a_long_name_of_a_task_{number}", 30 + number, 100, 0.25) for number in range(22)))
        for stage in ("sft", "rl"):
            put_score(stage, "mmlu", 50, 100, chance=0.25)
            put_score(stage, "spelling", 0, 100)
        evil = put_run(
            "rl",
            "evil",
            samples=[(EVIL, EVIL)],
            machine={"device": "8 × NVIDIA H100 80GB HBM3", "processes": 8},
        )
        _, page = write_report(read_report(evil), folder)
    return page.as_uri()


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def opened(
    chromium: Browser, address: str, faults: list[str], request: pytest.FixtureRequest
) -> Iterator[Page]:
    """The page in a browser of some size and colours; what it asks for and complains of is noted."""
    viewport, scheme = getattr(request, "param", (DESK, "light"))
    context = chromium.new_context(viewport=viewport, color_scheme=scheme)
    page = context.new_page()
    page.on("request", lambda one: one.url != address and faults.append(f"request: {one.url}"))
    page.on("console", lambda one: faults.append(f"console: {one.text}"))
    page.on("pageerror", lambda one: faults.append(f"error: {one}"))
    page.on("dialog", lambda one: faults.append(f"dialog: {one.message}"))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    yield page
    context.close()


every_look = pytest.mark.parametrize(
    "opened",
    [(DESK, "light"), (DESK, "dark"), (PHONE, "light"), (PHONE, "dark")],
    ids=["desk light", "desk dark", "phone light", "phone dark"],
    indirect=True,
)


@every_look
def test_it_asks_for_nothing_runs_nothing_and_fits(opened: Page, faults: list[str]) -> None:
    assert opened.title() == "evil: report card"
    assert faults == []
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert opened.locator(".asked").last.inner_text() == EVIL
    assert opened.locator("script, img").count() == 0


@every_look
def test_axe_finds_nothing(opened: Page) -> None:
    opened.evaluate(AXE.read_text(encoding="utf-8"))
    found = opened.evaluate("() => axe.run().then((result) => result.violations)")
    assert not [f"{one['id']}: {node['html'][:150]}" for one in found for node in one["nodes"]]


def test_its_own_style_sheet_is_let_in(opened: Page) -> None:
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(251, 251, 248)"
    ground = "getComputedStyle(document.querySelector('polyline')).stroke"
    light = opened.evaluate(ground)
    opened.emulate_media(color_scheme="dark")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 20)"
    assert opened.evaluate(ground) != light


def test_a_script_that_got_in_would_not_run(opened: Page, faults: list[str]) -> None:
    """The policy holds even where escaping did not."""
    stopped: list[str | None] = []
    opened.on("requestfailed", lambda one: stopped.append(one.failure))
    opened.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'document.title = `taken`';"
        " document.body.append(one); const two = document.createElement('img');"
        " two.src = 'https://example.com/x'; document.body.append(two); }"
    )
    opened.wait_for_timeout(200)
    assert opened.title() == "evil: report card"
    assert stopped == ["csp"]  # of the picture; a script in the page is not even asked for
    assert len([one for one in faults if "Content Security Policy" in one]) == 2


@pytest.mark.parametrize("opened", [(PHONE, "light")], indirect=True)
def test_a_table_wider_than_a_phone_is_moved_by_the_keyboard(opened: Page) -> None:
    table = opened.locator(".wide").first
    table.focus()
    for _ in range(8):
        opened.keyboard.press("ArrowRight")
    opened.wait_for_timeout(300)
    assert table.evaluate("(one) => one.scrollLeft") > 0
    first = opened.locator(".wide").first.locator("tbody th").first
    assert first.bounding_box()["x"] < 40  # what a row is about stays in sight


def test_the_text_in_pictures_stays_in_them_and_can_be_read_on_a_phone(opened: Page) -> None:
    outside = """() => [...document.querySelectorAll("svg")].flatMap((svg) => {
        const frame = svg.getBoundingClientRect();
        return [...svg.querySelectorAll("text")]
          .map((text) => [text.textContent, text.getBoundingClientRect()])
          .filter(([, box]) => box.left < frame.left - 1 || box.right > frame.right + 1)
          .map(([text]) => text);
      })"""
    for viewport in (DESK, PHONE):
        opened.set_viewport_size(viewport)
        assert opened.evaluate(outside) == []
    height = opened.evaluate("document.querySelector('svg text').getBoundingClientRect().height")
    assert height >= 11


def test_on_paper_nothing_is_cut_off(opened: Page) -> None:
    opened.set_viewport_size({"width": 700, "height": 900})  # about A4 with margins
    opened.emulate_media(media="print", color_scheme="light")
    assert opened.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
