"""The same numbers: what the model says in the browser is what PyTorch says, on fifty prompts.

`site_docs/browser/expected.json` holds both: what the packed weights write in PyTorch (`int8`), and what the
weights wrote before they were rounded (`fp32`). In the browser the generation explorer writes its trace.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from nanochat.model.export_onnx import Form, onnx_model
from nanochat.model.onnx_graph import save
from tests.site.conftest import until
from web.model_files import FORM
from web.packed_model import open_packed

Open = Callable[..., Page]
SAME = 1e-3
FULL = 6  # prompts for which weights of 32 bits are run, too
# The page's own worker, asked without the page around it: the figures come over with all their digits.
OPEN = """site => {
  const worker = new Worker(`${site}assets/live/python_worker.js`, { type: "module" });
  window.answers = [];
  window.asked = worker;
  worker.onmessage = ({ data }) => {
    if (data.kind === "ready") document.documentElement.dataset.worker = "ready";
    else if (data.kind === "done") window.answers[data.id] = data.answer.value;
    else if (data.kind === "crashed" || data.kind === "cannot-start") window.answers.why = data.why;
  };
  worker.postMessage({ kind: "start", folder: `${site}assets/pyodide/`, site, interrupt: null });
}"""
ASK = """([id, query]) => window.asked.postMessage({ kind: "do", id, request:
  { kind: "export", tool: "generation-explorer", query, files: [], key: "save-trace" } })"""
RULES = {"temperature": "0", "tokens": "32", "temperatures": "", "top_ps": ""}


@pytest.fixture(scope="module")
def packed() -> Any:
    """The model that the site ships."""
    return open_packed()


@pytest.fixture(scope="module")
def traces(open_for_all: Open, site_url: str, packed: Any) -> list[dict[str, Any]]:
    """What the browser's model writes to each prompt."""
    return list(write(worker(open_for_all, site_url), packed.expected["texts"]))


def worker(open_page: Open, site_url: str) -> Page:
    """A page with a worker of its own."""
    page = open_page(site_url + "404.html")
    page.evaluate(OPEN, site_url)
    until(page, "() => document.documentElement.dataset.worker === 'ready'")
    return page


def write(page: Page, texts: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Have the explorer write to each prompt, and give its trace."""
    for number, one in enumerate(texts, 1):
        complete = str(one["kind"] == "completion").lower()
        query = {"prompt": one["text"], "complete": complete, **RULES}
        page.evaluate(ASK, [number, json.dumps(query)])
        until(page, "id => window.answers.why !== undefined || window.answers[id] !== undefined", number)
        assert page.evaluate("window.answers.why") is None, page.evaluate("window.answers.why")
        answer = json.loads(page.evaluate("id => window.answers[id]", number))
        assert answer["error"] is None, (one["text"], answer["error"])
        yield json.loads(answer["text"])


def chances(position: dict[str, Any], temperatures: list[float]) -> dict[int, float]:
    """The chance of every token that a trace knows at a place, at temperature 1."""
    at = temperatures.index(1.0)
    highest = max(position["logits"])
    total = sum(math.exp(logit - highest) for logit in position["logits"])
    if position["rest"]:
        total += math.exp(position["rest"]["log_sum_exp"][at] - highest)
    pairs = zip(position["known"], position["logits"], strict=True)
    return {token: math.exp(logit - highest) / total for token, logit in pairs}


def largest_difference(trace: dict[str, Any], expected: dict[str, Any], common: int) -> float:
    """The largest difference of a probability, over the choices of the first `common` tokens."""
    forced = set(expected["forced"])
    places = [at for at in range(common) if at not in forced]
    worst = 0.0
    for place, at in zip(trace["positions"], places, strict=False):
        found = chances(place, trace["temperatures"])
        for token, chance in expected["top"][at]:
            worst = max(worst, abs(found[token] - chance))
    return worst


def written(trace: dict[str, Any]) -> list[int]:
    """The ids of a trace's only text, what was put in among them."""
    ids: list[int] = []
    for place in trace["positions"][1:]:
        ids += place["ids"]
    return [*ids, trace["runs"][0]["chosen"][-1]]


def chosen_last(expected: dict[str, Any]) -> list[int]:
    """The ids of an expected text up to its last choice: a trace ends there, also where a result follows."""
    ids, forced = list(expected["ids"]), set(expected["forced"])
    while ids and len(ids) - 1 in forced:
        ids.pop()
    return ids


def test_all_texts_are_those_of_pytorch(traces: list[dict[str, Any]], packed: Any) -> None:
    expected = [chosen_last(one["int8"]) for one in packed.expected["texts"]]
    assert len(expected) == 50
    assert [written(trace) for trace in traces] == expected


def test_all_probabilities_are_those_of_pytorch(traces: list[dict[str, Any]], packed: Any) -> None:
    for trace, one in zip(traces, packed.expected["texts"], strict=True):
        worst = largest_difference(trace, one["int8"], len(one["int8"]["ids"]))
        assert worst < SAME, (one["text"], worst)


def test_rounding_costs_no_more_than_the_model_card_says(traces: list[dict[str, Any]], packed: Any) -> None:
    """Beside the weights of 32 bits, as far as both texts are the same."""
    equal, worst = 0, 0.0
    for trace, one in zip(traces, packed.expected["texts"], strict=True):
        found, expected = written(trace), chosen_last(one["fp32"])
        pairs = zip(found, expected, strict=False)
        common = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(found), len(expected)))
        equal += found == expected
        worst = max(worst, largest_difference(trace, one["fp32"], common))
    rounding = packed.expected["rounding"]
    assert equal == rounding["equal_texts"]
    assert worst <= rounding["largest_difference"] + SAME


def test_weights_of_32_bits_give_the_same_in_the_browser(
    open_page: Open, site_url: str, packed: Any, tmp_path: Path
) -> None:
    """The graph in fp32, put in the place of the one that the page fetches."""
    form = Form("fp32", FORM.all_logits, FORM.attentions, FORM.streams, FORM.ablations)
    save(onnx_model(packed.config, packed.tensors(), form), tmp_path / "model.onnx")
    page = open_page("about:blank")
    served: list[str] = []

    def fulfil(route: Route) -> None:
        served.append(route.request.url)
        route.fulfill(path=tmp_path / "model.onnx", content_type="application/octet-stream")

    page.context.route("**/assets/model/model-*.onnx", fulfil)
    page.goto(site_url + "404.html")
    page.evaluate(OPEN, site_url)
    until(page, "() => document.documentElement.dataset.worker === 'ready'")
    texts = packed.expected["texts"][:: len(packed.expected["texts"]) // FULL]
    for trace, one in zip(write(page, texts), texts, strict=True):
        assert written(trace) == chosen_last(one["int8"])
        assert largest_difference(trace, one["int8"], len(one["int8"]["ids"])) < SAME
    assert served
