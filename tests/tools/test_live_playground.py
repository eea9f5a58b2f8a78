"""The playground's Python: its tree of places, the calculator, what it shows; with the site's own model."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nanochat.inference.request import Sampling
from tests.tools.live_model import page_model, wait
from tools.core.errors import UsageError
from tools.live import page
from tools.live.chips import answer_html, branches_html, next_html
from tools.live.model import CACHES, LiveModel
from tools.live.playground import ROWS, Playground

GREEDY = Sampling(temperature=0)


def finished(ground: Playground, at: int = 0, how: Sampling = GREEDY, seed: int = 0, most: int = 60) -> int:
    """Go on until the answer has ended."""
    for _ in range(most):
        if ground.places[at].finish is not None:
            break
        at = wait(ground.step(at, how, seed))
    return at


def asked(text: str, complete: bool = False) -> Playground:
    ground = Playground(page_model())
    if complete:
        ground.complete(text)
    else:
        ground.ask(text)
    return ground


def test_the_calculator_is_called_and_its_result_put_in() -> None:
    ground = asked("What is 37 * 12?")
    end = finished(ground)
    calls = [place for place in ground.places if place.call]
    assert [place.call for place in calls] == [("37*12", "444")]
    assert ground.tokenizer.decode(calls[0].forced) == "<|output_start|>444<|output_end|>"
    assert ground.places[end].finish == "stop"
    assert ground.parts(end)[-1].text.endswith("444")
    # What was put in is shown as such: it is no button, since nobody chose it.
    html = answer_html(ground.shown_answer(end))
    assert html.count("model-forced") == len(calls[0].forced)
    assert "calculator ran" in html


def test_going_back_and_taking_another_branch_keeps_both() -> None:
    ground = asked("Tell me a story about a dog.")
    first_end = finished(ground, most=12)
    branch = ground.path(first_end)[3]
    said = wait(ground.shown_distribution(branch, GREEDY))["rows"]
    other = next(row["id"] for row in said if row["id"] not in ground.places[branch].branches)
    there = ground.take(branch, other)
    assert ground.ids(there)[:-1] == ground.ids(branch)
    assert ground.ids(there)[-1] == other
    assert ground.take(branch, other) == there, "the same choice leads to the same place"
    ends = [one["place"] for one in ground.shown_answer(there)["branches"]]
    assert ends == [first_end]
    assert ground.path(first_end)[:4] == ground.path(there)[:4]


def test_a_cache_gives_the_logits_of_the_whole_text() -> None:
    ground = asked("Who are you?")
    finished(ground, most=6)
    for place in range(0, len(ground.places), 2):
        stored = wait(ground.logits(place))
        whole = wait(ground.model.look(ground.ids(place), ["last_logits"]))["last_logits"].values
        assert max(abs(a - b) for a, b in zip(stored, whole, strict=True)) < 1e-3


def test_few_caches_are_kept_and_the_rest_is_dropped() -> None:
    shared = page_model()
    model = LiveModel(shared.facts, shared.tokenizer, shared.runner)
    before = len(shared.runner.caches)  # type: ignore[attr-defined]
    for number in range(CACHES + 5):
        wait(model.logits([model.bos, 65 + number]))
    assert len(shared.runner.caches) == before + CACHES  # type: ignore[attr-defined]


def test_a_distribution_holds_all_and_follows_the_rules() -> None:
    ground = asked("Hello!")
    shown = wait(ground.shown_distribution(0, Sampling(temperature=1)))
    rows, rest = shown["rows"], shown["rest"]
    assert len(rows) == ROWS
    assert rest["count"] == len(wait(ground.logits(0))) - ROWS
    assert sum(row["model"] for row in rows) + rest["model"] == pytest.approx(1)
    assert [row["model"] for row in rows] == sorted((row["model"] for row in rows), reverse=True)
    assert [row["model"] for row in rows] == pytest.approx([row["ruled"] for row in rows])
    few = wait(ground.shown_distribution(0, Sampling(temperature=1, top_k=3)))
    assert few["kept"] == 3
    assert few["rest"]["ruled"] == pytest.approx(0, abs=1e-9)
    assert few["bits"]["ruled"] < few["bits"]["model"]
    assert wait(ground.shown_distribution(0, GREEDY))["kept"] == 1


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6))
def test_the_same_seed_writes_the_same(seed: int) -> None:
    how = Sampling(temperature=1.0, top_p=0.9)
    first, second = asked("Hello!"), asked("Hello!")
    assert first.ids(finished(first, how=how, seed=seed, most=8)) == second.ids(
        finished(second, how=how, seed=seed, most=8)
    )


def test_a_conversation_goes_on_and_forgets_its_beginning_when_it_is_long() -> None:
    ground = asked("What is 2 + 3?")
    ground.ask("And what is 4 + 5?", at=finished(ground))
    text = ground.tokenizer.decode(ground.prompt)
    assert "What is 2 + 3?" in text
    assert text.endswith("And what is 4 + 5?<|user_end|><|assistant_start|>")
    assert [one["role"] for one in ground.shown_answer(0)["older"]] == ["user", "assistant"]
    assert "[2+3 = 5]" in ground.shown_answer(0)["older"][1]["text"]
    ground.ask("word " * 350, at=0)
    assert ground.left_out > 0
    assert "no longer fit" in answer_html(ground.shown_answer(0))
    ground.clear()
    assert ground.places == []
    assert not ground.conversation.messages


def test_a_question_asked_anew_takes_the_place_of_one_without_an_answer() -> None:
    ground = asked("Hello!")
    ground.ask("Who are you?")
    assert "Hello" not in ground.tokenizer.decode(ground.prompt)


def test_a_text_is_completed_without_a_chat_around_it() -> None:
    ground = asked("Once upon a", complete=True)
    assert ground.prompt[0] == ground.model.bos
    assert ground.tokenizer.decode(ground.prompt[1:]) == "Once upon a"
    assert "assistant_start" not in answer_html(ground.shown_answer(0))


def test_nothing_a_reader_types_becomes_markup() -> None:
    ground = asked("<b>x</b> & <script>")
    end = ground.take(0, ground.tokenizer.encode("<")[0])
    ground.take(0, ground.tokenizer.encode("&")[0])
    html = answer_html(ground.shown_answer(end)) + branches_html(ground.shown_answer(end)["branches"])
    html += next_html(wait(ground.shown_distribution(end, GREEDY)))
    assert not re.search(
        r"<(?!/?(?:p|span|b|i|button|code|table|thead|tbody|tr|th|td|svg|rect|ul|li)\b)", html
    )
    assert html.count("<b>") == html.count("</b>")
    assert "<b>x" not in html
    assert "&amp;" in html


def test_the_context_ends_an_answer() -> None:
    ground = asked("word " * 505, complete=True)
    at = 0
    while ground.places[at].finish is None:
        at = ground.take(at, ground.tokenizer.encode("a")[0])
    assert ground.places[at].finish == "length"
    assert len(ground.ids(at)) == ground.model.context
    assert "no room" in answer_html(ground.shown_answer(at))


@pytest.mark.parametrize(
    ("call", "asked", "said"),
    [
        ("ask", {"text": "  "}, "write something first"),
        ("ask", {"text": "word " * 600}, "the model reads 512 in all"),
        ("ask", {"text": "word " * 600, "complete": True}, "the model reads 512 in all"),
        ("step", {"at": 0}, "ask something first"),
        ("look", {"at": 7}, "ask something first"),
    ],
)
def test_a_wrong_question_is_one_line(call: str, asked: dict[str, object], said: str) -> None:
    connected()
    reply = json.loads(wait(page.answer(call, json.dumps(asked))))
    assert said in reply["error"]
    assert "\n" not in reply["error"]


def test_wrong_settings_and_places_are_one_line() -> None:
    connected()
    assert "error" not in json.loads(wait(page.answer("ask", json.dumps({"text": "Hello!"}))))
    for call, words, said in (
        ("step", {"at": 0, "temperature": "-1"}, "temperature=-1.0 must be from 0 to 100"),
        ("step", {"at": 0, "top_p": "much"}, "much"),
        ("take", {"at": 0, "id": 99_999}, "there is no token 99999"),
        ("look", {"at": 3}, "there is no place 3"),
    ):
        reply = json.loads(wait(page.answer(call, json.dumps(words))))
        assert said in reply["error"], (call, reply)


def test_an_ended_answer_cannot_go_on() -> None:
    ground = asked("Hello!")
    end = finished(ground)
    assert wait(ground.step(end, GREEDY, 0)) == end
    with pytest.raises(UsageError, match="has ended here"):
        ground.take(end, 65)


def connected() -> None:
    """The page has the model, and nothing was asked yet."""
    page.MODEL[:] = [page_model()]
    page._PLAYGROUND.clear()
