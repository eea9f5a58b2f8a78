"""Files on tool pages: chosen or dropped, read in slices while the page stays alive, and sent nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.site.conftest import until
from tests.site.test_tool_pages import NORMAL, READ_FORM, answers, compare, open_tool, wait_for_answer
from tools import registry
from tools.core import given
from tools.core.exports import exports_of
from tools.core.page import answer
from tools.core.parameters import from_query, parameters_of

Open = Callable[..., Page]
ROOT = Path(__file__).resolve().parents[2]
LAPTOP = ROOT / "site_docs" / "laptop" / "runs"
EXAMPLES = ROOT / "tools" / "examples"
# For each tool that looks at files, some that it takes: where they lie.
GIVEN: dict[str, list[Path]] = {
    "training-dashboard": [LAPTOP / "speedrun-laptop", LAPTOP / "speedrun-laptop-rl"],
    "dataset-inspector": [EXAMPLES / "conversations-with-faults.jsonl"],
    "checkpoint-browser": [EXAMPLES / "resume" / "d2"],
    "generation-explorer": [EXAMPLES / "generation_calculator.json"],
    "training-resume-helper": [EXAMPLES / "resume" / "d2"],
    "attention-visualizer": [EXAMPLES / "attention-sum.json"],
    "conversation-template-builder": [EXAMPLES / "conversations" / "classroom.jsonl"],
    "lr-finder": [EXAMPLES / "lr-sweep-laptop.jsonl"],
}
FIELDS = {
    "generation-explorer": "trace",
    "attention-visualizer": "trace",
    "conversation-template-builder": "file",
}
MEGABYTES = 200
THIRTY_FRAMES = """new Promise((done) => {
  let drawn = 0;
  const draw = () => (++drawn === 30 ? done(drawn) : requestAnimationFrame(draw));
  requestAnimationFrame(draw);
})"""


def drop(page: Page, paths: list[Path], on: str = ".tool-report") -> None:
    """Drop files or folders on the page, as from a file manager."""
    target = page.wait_for_selector(on)
    target.evaluate("one => one.scrollIntoView({ block: one.clientHeight > 400 ? 'start' : 'center' })")
    box = target.bounding_box()
    # Below the bar at the top of a page, which covers the beginning of a long report.
    place = {"x": box["x"] + 20, "y": max(box["y"], 0) + min(box["height"] / 2, 300)}
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    session = page.context.new_cdp_session(page)
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, **place, "data": data})


def field_key(tool: str) -> str:
    """The field that takes the files."""
    files = [one.key for one in parameters_of(registry.load(tool).parameters) if one.kind == "file"]
    return FIELDS.get(tool, files[0])


def expected(tool: str, paths: list[Path], form: dict[str, Any]) -> str:
    """What the same Python says here of files that were given to it as the worker does it."""
    key = field_key(tool)
    given.give(key, str(paths[0].parent), [path.name for path in paths])
    try:
        reply = json.loads(answer(tool, json.dumps(form)))
    finally:
        given.take_back(key)
    assert reply["error"] is None
    return str(reply["html"])


def field_of(tool: str) -> str:
    """Where to drop: anywhere, or on the field if the tool's first one is another."""
    return f'input[name="{FIELDS[tool]}"]' if tool in FIELDS else ".tool-report"


@pytest.mark.parametrize("tool", sorted(GIVEN))
def test_what_is_dropped_is_read_here_and_sent_nowhere(tool: str, site_url: str, open_page: Open) -> None:
    page = open_tool(open_page, site_url, tool)
    requests: list[Any] = []
    page.on("request", lambda request: requests.append(request))
    drop(page, GIVEN[tool], field_of(tool))
    wait_for_answer(page, 0)
    assert page.is_hidden(".tool-error"), page.inner_text(".tool-error")
    form = page.evaluate(READ_FORM) | {field_key(tool): [path.name for path in GIVEN[tool]]}
    assert page.inner_html(".tool-report") == page.evaluate(NORMAL, expected(tool, GIVEN[tool], form))
    said = " ".join(page.locator(".tool-given").all_inner_texts())
    assert all(path.name in said for path in GIVEN[tool])
    # Starting Python fetches its files. Nothing else happens, and nothing carries anything away.
    assert requests
    for request in requests:
        assert request.method == "GET", request.url
        assert request.post_data is None
        assert request.url.startswith((f"{site_url}assets/", "blob:")), request.url
        assert "?" not in request.url or "python_worker.js?" in request.url


@pytest.mark.parametrize("tool", sorted(tool for tool in GIVEN if "example" in registry.load(tool).page))
def test_an_example_takes_the_place_of_files_and_files_that_of_an_example(
    tool: str, site_url: str, open_page: Open
) -> None:
    page = open_tool(open_page, site_url, tool)
    example = page.input_value('[name="example"]')
    drop(page, GIVEN[tool], field_of(tool))
    wait_for_answer(page, 0)
    assert page.input_value('[name="example"]') == ""
    before = answers(page)
    page.select_option('[name="example"]', example)
    wait_for_answer(page, before)
    compare(page, tool, "the example again")
    assert page.locator(".tool-given").all_inner_texts() == [""] * page.locator(".tool-given").count()


SAVED = [
    (name, export.key)
    for name in registry.NAMES
    for export in exports_of(registry.load(name))
    if name == "training-dashboard" or export.key != "html"
]


@pytest.mark.parametrize(("tool", "key"), SAVED)
def test_what_is_saved_is_what_the_command_writes(
    tool: str, key: str, site_url: str, open_page: Open, tmp_path: Path
) -> None:
    page = open_tool(open_page, site_url, tool)
    button = f'.tool-save[value="{key}"]'
    with page.expect_download() as waiting:
        page.click(button)
    waiting.value.save_as(tmp_path / "saved")
    query = json.loads(page.get_attribute(".tool", "data-query"))
    found = registry.load(tool)
    export = next(one for one in exports_of(found) if one.key == key)
    asked = from_query(found.parameters, query)[0]
    text = "".join(export.write(found.report(asked) if export.of_report else asked))
    assert (tmp_path / "saved").read_text(encoding="utf-8") == text
    assert waiting.value.suggested_filename == export.file_name


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a million steps."""
    path = tmp_path_factory.mktemp("large") / "metrics.jsonl"
    lines = (LAPTOP / "speedrun-laptop" / "metrics.jsonl").read_bytes()
    with path.open("wb") as file:
        for _ in range(MEGABYTES * 1_000_000 // len(lines)):
            file.write(lines)
    return path


def test_a_file_of_200_megabytes_leaves_the_page_alive(site_url: str, open_page: Open, large: Path) -> None:
    """The page draws and answers while Python reads, says how far it is, and stops when it is told to."""
    assert large.stat().st_size > 199_000_000
    page = open_tool(open_page, site_url, "training-dashboard")
    before = page.inner_html(".tool-report")
    drop(page, [large])
    until(page, "document.querySelector('.tool-status').textContent.includes('Reading')")
    assert page.evaluate(THIRTY_FRAMES) == 30
    assert page.get_attribute(".tool", "aria-busy") == "true"
    page.click(".tool-status button")
    until(page, "document.querySelector('.tool-status').textContent.includes('Stopped')")
    assert page.inner_html(".tool-report") == before
    page.select_option('[name="example"]', "sft")
    wait_for_answer(page, answers(page) - 1)
    until(page, "document.querySelector('.tool-report').textContent.includes('speedrun-laptop-sft')")
