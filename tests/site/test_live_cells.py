"""Live cells in a real browser: each prints what the build printed; nothing a reader does breaks a page."""

from __future__ import annotations

import http.server
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ElementHandle, Page

from tests.site.conftest import CELL, addresses_with, alive, ended, output, run, status, until, write

Open = Callable[..., Page]

# Press Run in every cell in turn and compare; in one script, so that only Python's own time counts.
RUN_ALL = """async () => {
  const results = [];
  for (const cell of document.querySelectorAll(".live-cell:not(.exercise)")) {
    const shown = cell.querySelector(".live-output");
    const built = shown.innerHTML;
    cell.querySelector(".live-run").click();
    const ended = () => ["done", "stopped", "failed"].includes(cell.dataset.state);
    while (!ended()) await new Promise((go) => setTimeout(go, 2));
    const says = cell.querySelector(".live-status").textContent;
    results.push({ cell: cell.dataset.cell, built, now: shown.innerHTML, says, ms: Number(cell.dataset.ms) });
  }
  return results;
}"""


@pytest.fixture(scope="module")
def visit(site: Path, site_url: str, open_for_all: Open) -> tuple[Page, list[ElementHandle]]:
    """A page with several live cells, as `make serve` serves it, for tests that leave it as they found it."""
    return _first_cells(site, site_url, open_for_all)


@pytest.fixture
def cells(visit: tuple[Page, list[ElementHandle]]) -> Iterator[tuple[Page, list[ElementHandle]]]:
    """The cells of `visit`; afterwards each is as it was."""
    yield visit
    for cell in visit[1]:
        reset = cell.query_selector(".live-reset")
        if reset.is_visible():
            reset.click()


@pytest.fixture
def plain_cells(site: Path, host_url: str, open_page: Open) -> tuple[Page, list[ElementHandle]]:
    """The same page on a plain host."""
    return _first_cells(site, host_url, open_page)


def _first_cells(site: Path, url: str, open_page: Open) -> tuple[Page, list[ElementHandle]]:
    address = addresses_with(site, 'data-session="')[0]
    page = alive(open_page(url + address))
    return page, page.query_selector_all(CELL)


def test_every_live_cell_gives_the_output_of_the_build(
    site: Path, site_url: str, open_page: Open, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong, count = [], 0
    for address in addresses_with(site, 'class="live-cell" '):
        page = alive(open_page(site_url + address))
        results = page.evaluate(RUN_ALL)
        assert results, address
        count += len(results)
        wrong += [(address, one) for one in results if one["built"] != one["now"]]
        page.close()
    with capsys.disabled():
        print(f"\n{count - len(wrong)} of {count} live cells give the build's output in the browser")
    assert not wrong
    assert count > 0


def test_the_last_cell_of_a_session_runs_the_earlier_ones_first(
    site: Path, site_url: str, open_page: Open
) -> None:
    for address in addresses_with(site, 'data-session="'):
        page = alive(open_page(site_url + address))
        last = {
            cell.get_attribute("data-session"): cell
            for cell in page.query_selector_all(f"{CELL}[data-session]")
        }
        for session, cell in last.items():
            built = output(cell)
            assert run(cell) == built, f"{address}: the last cell of session {session!r}: {status(cell)}"
        page.close()


@pytest.mark.parametrize("host", ["site_url", "host_url"])
def test_stop_gives_the_page_back_within_a_second(
    host: str, site: Path, open_page: Open, request: pytest.FixtureRequest
) -> None:
    page, (first, second, *_) = _first_cells(site, request.getfixturevalue(host), open_page)
    built = output(second)
    run(first)
    write(first, "print('before')\nwhile True: pass", page)
    first.query_selector(".live-run").click()
    first.wait_for_selector(".out-stdout")  # what was printed before is on the page while the cell still runs
    started = time.monotonic()
    first.query_selector(".live-stop").click()
    ended(first)
    assert time.monotonic() - started < 1
    assert status(first) == "Stopped."
    assert "before" in output(first)
    first.query_selector(".live-reset").click()
    assert run(second) == built


def test_a_busy_loop_that_catches_the_interrupt_is_stopped_too(
    cells: tuple[Page, list[ElementHandle]],
) -> None:
    page, (first, second, *_) = cells
    built = output(second)
    run(first)
    write(
        first,
        "print('x')\nwhile True:\n    try:\n        while True: pass\n    except BaseException: pass",
        page,
    )
    first.query_selector(".live-run").click()
    first.wait_for_selector(".out-stdout")
    first.query_selector(".live-stop").click()
    ended(first)
    assert status(first) == "Stopped."
    first.query_selector(".live-reset").click()
    assert run(second) == built


def test_an_error_in_one_cell_harms_no_other(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, second, *_) = cells
    built = output(second)
    write(first, "def f():\n    return 1 / 0\n\nf()", page)
    run(first)
    assert first.query_selector(".out-error").inner_text() == (
        "Traceback (most recent call last):\n  line 4\n    f()\n  line 2, in f\n    return 1 / 0\n"
        "ZeroDivisionError: division by zero"
    )
    assert "error" in status(first)
    first.query_selector(".live-reset").click()
    assert run(second) == built


def test_endless_recursion_is_an_error_and_no_crash(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    write(first, "def f(n):\n    return f(n + 1)\n\nf(0)", page)
    run(first)
    assert "RecursionError" in first.query_selector(".out-error").inner_text()
    write(first, "1 + 1", page)
    assert run(first) == '<pre class="out-result">2</pre>'


@pytest.mark.parametrize("value", ["0", "[]", "''", "False"])
def test_values_that_look_like_nothing_are_shown(value: str, cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    write(first, value, page)
    assert run(first) == f'<pre class="out-result">{value}</pre>'


def test_output_is_text_and_never_markup(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    write(
        first,
        "print('<img src=x onerror=\"window.harmed = 1\">')\n'<script>window.harmed = 1</script>'",
        page,
    )
    run(first)
    assert (
        first.query_selector(".out-stdout").inner_text().strip() == '<img src=x onerror="window.harmed = 1">'
    )
    assert first.query_selector(".live-output img, .live-output script") is None
    assert page.evaluate("window.harmed") is None


def test_a_picture_can_neither_run_nor_load_anything(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    svg = (
        '<svg viewBox="0 0 9 9" onload="window.harmed=1"><script>window.harmed=1</script>'
        '<a href="javascript:window.harmed=1"><circle r="3" fill="url(https://example.org/x)"/></a>'
        '<foreignObject><iframe src="https://example.org"></iframe></foreignObject>'
        '<image href="https://example.org/x.png"/><use href="#inside"/></svg>'
    )
    write(first, f"class Picture:\n    def _repr_svg_(self): return {svg!r}\nPicture()", page)
    run(first)
    assert first.query_selector(".out-svg").inner_html() == (
        '<svg viewBox="0 0 9 9"><a><circle r="3"></circle></a><image></image><use href="#inside"></use></svg>'
    )
    assert page.evaluate("window.harmed") is None


def test_output_streams_and_is_capped_with_a_line_that_says_so(
    cells: tuple[Page, list[ElementHandle]],
) -> None:
    page, (first, *_) = cells
    write(first, "for n in range(200_000): print('0123456789')\n'the end'", page)
    run(first)
    shown = first.query_selector(".out-stdout").inner_text()
    assert 99_000 < len(shown) <= 100_000
    assert "longer than 100,000 characters" in first.query_selector(".out-note").inner_text()
    write(first, "print('x' * 200_000)\n1 / 0", page)
    run(first)
    assert "ZeroDivisionError" in first.query_selector(".out-error").inner_text()


def test_input_says_what_to_do_instead(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    write(first, "name = input('Who? ')", page)
    run(first)
    assert "put the text in a variable" in first.query_selector(".out-error").inner_text()


def test_python_reaches_no_other_host(cells: tuple[Page, list[ElementHandle]], site_url: str) -> None:
    asked: list[str] = []

    class Elsewhere(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    there = f"http://127.0.0.1:{server.server_port}/"
    page, (first, *_) = cells
    ways = {
        "open_url": f"from pyodide.http import open_url\nopen_url('{there}a')",
        "XMLHttpRequest": f"import js\nr = js.XMLHttpRequest.new()\nr.open('GET', '{there}b', 0)\nr.send()",
        "urllib": f"import urllib.request\nurllib.request.urlopen('{there}c', timeout=2)",
        "run_js": f"from pyodide.code import run_js\nrun_js('import(\"{there}d\")')",
        "constructor": f"import js\njs.Object.constructor('return import(\"{there}e\")')()",
        "WebSocket": f"import js\njs.WebSocket.new('{there.replace('http', 'ws')}f')",
        "Worker": f"import js\njs.Worker.new('{there}g')",
        "fetch": f"import js\nawaited = js.fetch('{there}h')\n1 / 0",  # refused later, as a promise
    }
    for way, code in ways.items():
        write(first, code, page)
        run(first)
        assert first.query_selector(".out-error"), f"{way} was not refused"
    page.wait_for_timeout(300)
    server.shutdown()
    assert asked == []
    # And its own site's files can still be read.
    write(
        first,
        f"from pyodide.http import open_url\nopen_url('{site_url}assets/pyodide/start.json').read()[:1]",
        page,
    )
    assert run(first) == "<pre class=\"out-result\">'{'</pre>"


def test_the_project_is_there_with_its_files(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    code = "import inspect, nanochat.tokenizer.bpe as bpe\nprint(inspect.getsource(bpe)[:3])\nbpe.__name__"
    write(first, code, page)
    assert (
        run(first)
        == '<pre class="out-stdout">"""\n</pre><pre class="out-result">\'nanochat.tokenizer.bpe\'</pre>'
    )


def test_chance_differs_from_visit_to_visit(site: Path, site_url: str, open_page: Open) -> None:
    seen = set()
    for _ in range(2):
        page, (first, *_) = _first_cells(site, site_url, open_page)
        write(first, "import random\nrandom.random()", page)
        seen.add(run(first))
        page.close()
    assert len(seen) == 2


def test_python_starts_from_its_saved_memory(cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = cells
    built = output(first)
    assert run(first) == built
    assert page.evaluate("document.documentElement.dataset.python") == "memory"


def test_python_starts_from_scratch_when_the_memory_cannot_be_had(
    refused: set[str], plain_cells: tuple[Page, list[ElementHandle]]
) -> None:
    page, (first, *_) = plain_cells
    built = output(first)
    refused.add("memory-")
    try:
        assert run(first) == built
    finally:
        refused.clear()
    assert page.evaluate("document.documentElement.dataset.python") == "scratch"


def test_a_failed_load_says_why_and_offers_to_try_again(
    refused: set[str], plain_cells: tuple[Page, list[ElementHandle]]
) -> None:
    page, (first, *_) = plain_cells
    built = output(first)
    refused.add("start.json")
    try:
        run(first)
    finally:
        refused.clear()
    assert "start.json could not be fetched: the server said 503" in status(first)
    again = first.query_selector(".live-again")
    again.focus()
    page.keyboard.press("Enter")
    first.wait_for_selector('xpath=self::*[@data-state="done"]')
    assert output(first) == built


def test_progress_names_megabytes(plain_cells: tuple[Page, list[ElementHandle]]) -> None:
    page, (first, *_) = plain_cells
    said = page.evaluate_handle(
        """() => {
          const said = [];
          const line = document.querySelector(".live-status");
          new MutationObserver(() => said.push(line.textContent)).observe(line, { childList: true });
          return said;
        }"""
    )
    run(first)
    lines = said.json_value()
    assert any("MB" in line and line.startswith("Starting Python: ") for line in lines), lines


def test_a_long_run_asks_whether_to_go_on(site: Path, site_url: str, open_page: Open) -> None:
    page, (first, *_) = _first_cells(site, site_url, open_page)
    run(first)
    page.clock.install()
    write(first, "while True: pass", page)
    first.query_selector(".live-run").click()
    page.clock.fast_forward(31_000)
    assert "Still running after 30 s" in status(first)
    first.query_selector(".live-go-on").click()
    assert status(first) == "Running…"
    page.clock.fast_forward(31_000)
    assert "Still running after 60 s" in status(first)
    first.query_selector(".live-give-up").click()
    page.clock.fast_forward(1_000)
    ended(first)
    assert status(first) == "Stopped."


def test_reset_brings_back_the_code_and_the_output_of_the_build(
    cells: tuple[Page, list[ElementHandle]],
) -> None:
    page, (first, *_) = cells
    code, built = first.query_selector(".highlight").inner_text(), output(first)
    write(first, "print('mine')", page)
    run(first)
    assert "mine" in output(first)
    first.query_selector(".live-reset").click()
    assert output(first) == built
    assert first.query_selector(".highlight").inner_text() == code
    assert first.query_selector(".cm-editor") is None


def test_a_reader_with_a_keyboard_alone_can_run_edit_and_leave(
    cells: tuple[Page, list[ElementHandle]],
) -> None:
    page, (first, *_) = cells
    built = output(first)
    first.query_selector(".live-run").focus()
    page.keyboard.press("Control+Enter")
    assert ended(first) == built
    assert "live-run" in page.evaluate("document.activeElement.className")
    page.keyboard.press("Tab")
    assert "live-edit" in page.evaluate("document.activeElement.className")
    page.keyboard.press("Enter")
    first.wait_for_selector(".cm-content")
    until(page, "document.activeElement.className.includes('cm-content')")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("6 * 7")
    page.keyboard.press("Control+Enter")
    first.wait_for_selector("text=42")
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert not page.evaluate("document.activeElement.className").count("cm-content")


def follow_link(page: Page, address: str) -> None:
    """Follow a link as any of the page: Material exchanges the content and keeps the scripts."""
    page.evaluate(
        """address => {
          document.querySelector(".live-cell").dataset.old = "yes";
          const link = document.createElement("a");
          link.href = address;
          link.textContent = "go";
          document.querySelector(".md-content").append(link);
          link.click();
        }""",
        address,
    )
    until(page, "!document.querySelector('[data-old]') && !!document.querySelector('.live-toolbar')")


def test_one_python_serves_the_whole_visit(site: Path, site_url: str, open_page: Open) -> None:
    here, there = addresses_with(site, 'class="live-cell" ')[:2]
    page = alive(open_page(site_url + here))
    starts: list[str] = []
    page.on("worker", lambda worker: starts.append(worker.url))
    run(page.query_selector(CELL))
    page.evaluate("window.sameVisit = true")
    for address in (there, here, there):
        follow_link(page, site_url + address)
        cell = page.query_selector(CELL)
        built = output(cell)
        assert run(cell) == built
    assert page.evaluate("window.sameVisit")
    assert len([url for url in starts if "python" in url]) == 1


def test_leaving_a_page_stops_what_it_was_running(site: Path, site_url: str, open_page: Open) -> None:
    here, there = addresses_with(site, 'class="live-cell" ')[:2]
    page = alive(open_page(site_url + here))
    first = page.query_selector(CELL)
    write(first, "print('on')\nwhile True: pass", page)
    first.query_selector(".live-run").click()
    first.wait_for_selector(".out-stdout")
    follow_link(page, site_url + there)
    cell = page.query_selector(CELL)
    built = output(cell)
    assert run(cell) == built


def test_nothing_of_python_is_loaded_before_a_click(site: Path, site_url: str, open_page: Open) -> None:
    page, _ = _first_cells(site, site_url, open_page)
    names = page.evaluate("performance.getEntriesByType('resource').map((one) => one.name)")
    assert not [name for name in names if "/pyodide/" in name or "editor" in name or "python_worker" in name]
    assert not [worker for worker in page.workers if "python" in worker.url]
