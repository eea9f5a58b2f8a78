"""The heads of the page's model: the figure shows the one that does most of what was asked for."""

from __future__ import annotations

import pytest

from tools.core.json_report import figures
from tools.core.page import answer_for as answer_of_page
from tools.figures import real_head
from tools.figures.real_head import MEASURES, MOST, Question
from web.asking import answer_for
from web.model_runner import at_once, page_model

TWICE = "The old man saw the old woman and the old man"


def report(**asked: str):
    question = Question(**asked)
    at_once(real_head.ask_model(question, page_model()))
    return real_head.TOOL.ask(**asked)


@pytest.mark.parametrize("by", MEASURES)
def test_the_head_with_the_most_is_shown(by: str) -> None:
    found = report(text=TWICE, by=by)
    trace = real_head._TRACES.get(TWICE)
    view = real_head.View(trace, real_head.Asked(by=by))
    scores = {place: view.value(by, place) or 0 for place in view.scores}
    best = max(scores, key=lambda place: (scores[place], -place[0], -place[1]))
    assert found.says.startswith(f"Layer {best[0] + 1}, head {best[1] + 1} ")
    weights = figures(found)["head"]["weights"]["values"]
    own = at_once(page_model().look([token.token_id for token in trace.tokens], [f"attention_{best[0]}"]))
    for place, row in enumerate(weights):
        there = own[f"attention_{best[0]}"].row(best[1], place)
        assert row[: place + 1] == pytest.approx(list(there[: place + 1]), abs=2e-5)
        assert row[place + 1 :] == [None] * (len(row) - place - 1)


def test_a_long_text_is_cut() -> None:
    assert len(figures(report(text="and so on " * 18))["head"]["weights"]["values"]) == MOST


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"text": "a"}, "Text needs two tokens or more"),
        ({"text": ""}, "Text needs two tokens or more"),
        ({"text": "One two three", "by": "same"}, "Text has no token twice"),
        ({"text": "x" * 201}, "Text"),
    ],
)
def test_what_cannot_be_measured_is_said(asked: dict[str, str], says: str) -> None:
    reply = answer_for(real_head.TOOL, asked)
    assert says in reply["error"]
    assert (reply["field"], reply["needs_model"]) == ("text", False)


def test_half_a_character_is_no_reason_to_stop() -> None:
    assert answer_for(real_head.TOOL, {"text": "a \ud83d b"})["error"] is None


def test_without_the_model_the_figure_asks_for_it() -> None:
    assert answer_of_page(real_head.TOOL, {"text": "Nobody has asked this."})["needs_model"]
