"""Measure what a reader feels and what the tokenizer does: `make bench`.

The site is served from this machine and opened in a real browser; times are those of this machine, so the
load of other programs shows in them.
"""

from __future__ import annotations

import shutil
import statistics
import threading
import time
from collections.abc import Callable

from playwright.sync_api import Browser, Page, sync_playwright

from nanochat.tokenizer.bpe import train
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer
from web import build, serve
from web.set_up import BROWSER_FLAGS, BROWSERS

REPEATS = 3
LATER_RUNS = 20
PRESS_RUN = """async () => {
  const cell = document.querySelector(".live-cell:not(.exercise)");
  const start = performance.now();
  cell.querySelector(".live-run").click();
  do await new Promise((go) => setTimeout(go, 2));
  while (!["done", "failed"].includes(cell.dataset.state));
  return performance.now() - start;
}"""

# From the press to the first token, and the tokens a second of the whole answer.
ASK = """async (text) => {
  const ground = document.querySelector(".playground");
  ground.querySelector("[name=text]").value = text;
  ground.dataset.written = "0";
  ground.dataset.finish = "";
  const start = performance.now();
  ground.querySelector(".live-run").click();
  while (ground.dataset.written === "0") await new Promise((go) => setTimeout(go, 2));
  const first = performance.now() - start;
  while (!ground.dataset.finish) await new Promise((go) => setTimeout(go, 20));
  return [first, Number(ground.dataset.speed)];
}"""
MEMORY = "performance.measureUserAgentSpecificMemory().then((found) => found.bytes)"


def main() -> int:
    """Print all figures."""
    print("the tokenizer, standard library only")
    for name, value in tokenizer_figures():
        print(f"  {name:<44} {value}")
    server = serve.start(build.SITE, 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://{serve.HOST}:{server.server_port}/"
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, BROWSERS)), None)
        browser = playwright.chromium.launch(executable_path=found, args=BROWSER_FLAGS)
        print("the first Run of a visit, and later ones")
        for name, value in run_figures(browser, address):
            print(f"  {name:<44} {value}")
        print("the model in the page")
        for name, value in model_figures(browser, address):
            print(f"  {name:<44} {value}")
        print("what a page transfers before a click, compressed")
        for page in sorted(build.SITE.rglob("index.html")):
            path = page.parent.relative_to(build.SITE).as_posix()
            path = "" if path == "." else path + "/"
            print(f"  {path or 'home':<44} {transferred(browser, address + path) / 1000:.0f} kB")
        browser.close()
    server.shutdown()
    return 0


def tokenizer_figures() -> list[tuple[str, str]]:
    """Speed of training and encoding on the text that comes with the project, repeated to a megabyte."""
    text = sample_text()
    megabyte = (text * (1_000_000 // len(text) + 1))[:1_000_000]
    learn = seconds(lambda: train(megabyte, n_merges=1000))
    encode = seconds(lambda: sample_tokenizer().encode(megabyte))
    return [
        ("learn 1,000 merges from 1 MB", f"{learn:.2f} s"),
        ("encode 1 MB, pieces not seen before", f"{encode:.2f} s, {1 / encode:.1f} MB/s"),
    ]


def seconds(work: Callable[[], object]) -> float:
    """The shortest of some runs: what the machine can do when nothing disturbs it."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def run_figures(browser: Browser, address: str) -> list[tuple[str, str]]:
    """How long the first cell of the home page takes, in fresh visits and again in the same one."""
    first, later = [], []
    for _ in range(REPEATS):
        page = open_fresh(browser, address)
        page.wait_for_selector(".live-toolbar")
        first.append(page.evaluate(PRESS_RUN))
        later += [page.evaluate(PRESS_RUN) for _ in range(LATER_RUNS)]
        page.context.close()
    return [
        (
            "first Run, from the press to its result",
            f"{min(first):.0f} ms (median {statistics.median(first):.0f})",
        ),
        ("a later Run", f"{min(later):.0f} ms (median {statistics.median(later):.0f})"),
    ]


def model_figures(browser: Browser, address: str) -> list[tuple[str, str]]:
    """The playground: how long the first token takes, and how many come in a second."""
    cold, warm, speeds, memory = [], [], [], []
    for _ in range(REPEATS):
        page = open_fresh(browser, address + "playground/")
        page.wait_for_selector(".playground[data-alive]")
        cold.append(page.evaluate(ASK, "Hello!")[0])
        for question in ("What is 37 * 12?", "Tell me a story about a girl named Lily."):
            first, speed = page.evaluate(ASK, question)
            warm.append(first)
            speeds.append(speed)
        memory.append(page.evaluate(MEMORY))
        page.context.close()
    return [
        (
            "first token of a visit: Python, model and all",
            f"{min(cold):.0f} ms (median {statistics.median(cold):.0f})",
        ),
        ("first token of a later question", f"{min(warm):.0f} ms (median {statistics.median(warm):.0f})"),
        ("tokens a second", f"{max(speeds):.0f} (median {statistics.median(speeds):.0f})"),
        ("memory of the page with its workers", f"{max(memory) / 1e6:.0f} MB"),
    ]


def transferred(browser: Browser, address: str) -> float:
    """Bytes that a fresh visit to a page brings over the wire."""
    page = browser.new_context().new_page()
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    sizes: list[float] = []
    session.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    page.goto(address)
    page.wait_for_load_state("networkidle")
    page.context.close()
    return sum(sizes)


def open_fresh(browser: Browser, address: str) -> Page:
    """A page in a browser that has no cache of an earlier visit."""
    page = browser.new_context().new_page()
    page.goto(address)
    return page


if __name__ == "__main__":
    raise SystemExit(main())
