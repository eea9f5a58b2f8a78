"""What the model of a page writes and looks at is what PyTorch's does: the same tokens, places, figures."""

from __future__ import annotations

import copy
import dataclasses
import json
from pathlib import Path

import pytest
import torch

from nanochat.inference.recording import TEMPERATURES, Recorder, moment_of, position_of
from nanochat.inference.request import Sampling
from nanochat.inference.trace import Prompt, Trace
from nanochat.model.config import GPTConfig
from nanochat.tokenizer.tokenizer import sample_text, sample_tokenizer, with_chat_specials
from nanochat.toolbox.tools import make_tools
from tests.inference.small_models import chance_model, script, scripted_model
from tests.model.exported import chance_weights
from tests.tools.live_model import page_model, wait
from tests.tools.small_live_model import live
from tools import registry
from tools.attention import live_trace as looking
from tools.attention.with_model import trace_of_ids
from tools.core import page
from tools.core.errors import NeedModel, ToolError, UsageError
from tools.core.progress import TELL
from tools.explorer import live_trace as writing
from tools.explorer.question import Question
from tools.live import recording
from tools.live.recording import LiveRecorder
from tools.live.remembered import Remembered
from web.asking import answer_for

BYTES = with_chat_specials("bytes", {bytes([value]): value for value in range(256)})
SETTINGS = [
    Sampling(temperature=0),
    Sampling(temperature=0, repetition_penalty=1.5),
    Sampling(temperature=1.0),
    Sampling(temperature=0.7, top_k=5),
    Sampling(temperature=1.3, top_p=0.8),
    Sampling(temperature=2.0, min_p=0.2, repetition_penalty=1.2),
]
PROMPT = Prompt("abc", False, (BYTES.special_id("<|bos|>"), 97, 98, 99))


def same(here: Trace, there: Trace) -> None:
    """The same tree of ids, the same figures up to the rounding of 32 bits."""
    parts = ("model", "prompt", "max_tokens", "pieces", "special_tokens", "temperatures", "runs")
    for part in parts:
        assert getattr(here, part) == getattr(there, part), part
    assert [(one.after, one.ids, one.position.ids) for one in here.places] == [
        (one.after, one.ids, one.position.ids) for one in there.places
    ]
    for one, other in zip(here.places, there.places, strict=True):
        assert one.position.logits == pytest.approx(other.position.logits, abs=1e-3)
        if (rest := one.position.rest) is None or (wanted := other.position.rest) is None:
            assert one.position.rest is other.position.rest
            continue
        assert rest.count == wanted.count
        assert rest.highest == pytest.approx(wanted.highest, abs=1e-3)
        for moment, own in zip(rest.moments, wanted.moments, strict=True):
            assert dataclasses.astuple(moment) == pytest.approx(dataclasses.astuple(own), abs=4e-3)


def test_a_recorded_text_is_the_one_of_pytorch_greedy_and_sampled(tmp_path: Path) -> None:
    model = chance_model(BYTES.n_vocab)
    there = Recorder(copy.deepcopy(model), BYTES, PROMPT, 12, keep=10)
    here = LiveRecorder(live(model, BYTES, tmp_path), PROMPT, 12, keep=10)
    for how in SETTINGS:
        for seed in (0, 1):
            assert wait(here.write(how, seed)) == there.write(how, seed)
    trace = here.trace()
    same(trace, there.trace)
    trace.check()
    assert Trace.from_json(trace.to_json()).to_json() == trace.to_json()


def test_a_call_is_run_and_its_result_put_in(tmp_path: Path) -> None:
    texts = "<|assistant_start|><|python_start|>7*6<|python_end|>", "<|output_end|>42.<|assistant_end|>"
    model = scripted_model(BYTES, script(BYTES, *texts))
    prompt = Prompt("?", True, (BYTES.special_id("<|bos|>"), BYTES.special_id("<|assistant_start|>")))
    there = Recorder(copy.deepcopy(model), BYTES, prompt, 40, tool=make_tools(False))
    here = LiveRecorder(live(model, BYTES, tmp_path, "rl"), prompt, 40, tool=make_tools(False))
    assert wait(here.write(Sampling(temperature=0))) == there.write(Sampling(temperature=0))
    same(here.trace(), there.trace)
    assert BYTES.decode(here.trace().text(len(here.places) - 1)).endswith("<|output_end|>42.")


def test_a_text_ends_where_the_context_does(tmp_path: Path) -> None:
    model = chance_model(BYTES.n_vocab)
    prompt = Prompt("", False, (BYTES.special_id("<|bos|>"), *[97] * (model.config.sequence_len - 4)))
    there = Recorder(copy.deepcopy(model), BYTES, prompt, 50, keep=5)
    here = LiveRecorder(live(model, BYTES, tmp_path), prompt, 50, keep=5)
    assert wait(here.write(Sampling(1.0), 3)) == there.write(Sampling(1.0), 3)
    assert here.runs[0].finish in ("length", "stop")
    same(here.trace(), there.trace)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 3.0])
def test_the_sums_over_the_rest_are_those_of_pytorch(temperature: float) -> None:
    logits_V = 5 * torch.randn(400, generator=torch.Generator().manual_seed(0))
    plain = logits_V.tolist()
    own, wanted = recording.moment_of(plain, temperature), moment_of(logits_V, temperature)
    assert dataclasses.astuple(own) == pytest.approx(dataclasses.astuple(wanted), rel=1e-9)
    mine, theirs = (
        one(logits, 8, {3, 399}, [temperature])
        for one, logits in ((recording.position_of, plain), (position_of, logits_V))
    )
    assert (mine.ids, mine.logits) == (theirs.ids, theirs.logits)
    assert recording.TEMPERATURES == TEMPERATURES


def test_each_place_is_asked_once_and_every_token_told(tmp_path: Path) -> None:
    model = live(chance_model(BYTES.n_vocab), BYTES, tmp_path)
    told: list[int] = []
    known: recording.Logits = {}
    for _ in range(2):
        recorder = LiveRecorder(model, PROMPT, 6, known=known, tell=lambda: told.append(1))
        wait(recorder.write(Sampling(temperature=0)))
        asked = len(known)
    assert asked == 6
    assert len(told) == 12


# ---- attention ----

SMALL = {"n_layer": 3, "n_embd": 48, "n_head": 4, "vocab_size": 2_048, "sequence_len": 256}


@pytest.mark.parametrize(
    "config",
    [GPTConfig(**SMALL, n_kv_head=2, window_pattern="SL"), GPTConfig.core(**SMALL, n_kv_head=4)],
    ids=["every extra and windows", "the core"],
)
def test_the_weights_are_those_of_pytorch(config: GPTConfig, tmp_path: Path) -> None:
    torch_model, tokenizer = chance_weights(config), sample_tokenizer()
    model = live(torch_model, tokenizer, tmp_path)
    ids = tokenizer.encode(sample_text()[:900])[:160]
    wanted = trace_of_ids(torch_model, tokenizer, ids, made_by={"run": "d3"}, seed=2)
    found = wait(looking.trace_of_ids(model, ids, made_by={"run": "d3"}))
    for part in ("tokens", "windows", "n_kv_head", "kind", "made_by"):
        assert getattr(found, part) == getattr(wanted, part), part
    for layer, other in zip(found.weights, wanted.weights, strict=True):
        for head, own in zip(layer, other, strict=True):
            for row, theirs in zip(head, own, strict=True):
                assert max(abs(a - b) for a, b in zip(row, theirs, strict=True)) <= 3  # of 100,000
    assert wanted.repeated is not None
    scores = wait(looking.induction_on_random(model, 2, looking.Progress("", 1)))
    assert scores is not None
    assert dataclasses.replace(scores, induction=[]) == dataclasses.replace(wanted.repeated, induction=[])
    for mine, theirs in zip(scores.induction, wanted.repeated.induction, strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


# ---- the tools, asked as a page asks them ----


@pytest.fixture(autouse=True)
def nothing_is_known() -> None:
    """What other tests had the model say is forgotten."""
    for one in (writing._TRACES, looking._TRACES, looking._SCORES):
        one.kept.clear()
    writing._SAID.clear()


GENERATION, ATTENTION = registry.load("generation-explorer"), registry.load("attention-visualizer")


@pytest.mark.parametrize(
    ("tool", "asked"),
    [
        (GENERATION, {"prompt": "What is 37 * 12?", "tokens": "4"}),
        (ATTENTION, {"text": "The cat sat on the mat."}),
        (ATTENTION, {"chat": "What is 2 + 2?"}),
        (ATTENTION, {"repeat": "10"}),
    ],
)
def test_a_page_that_lacks_the_answer_says_that_it_needs_the_model(tool, asked) -> None:
    first = page.answer_for(tool, asked)
    assert (first["needs_model"], first["html"]) == (True, "")
    assert answer_for(tool, asked)["html"]
    again = page.answer_for(tool, asked)  # now it is remembered
    assert (again["needs_model"], again["error"]) == (False, None)
    shown = {"place": "2", "rows": "3"} if tool is GENERATION else {"layer": "1", "by": "first"}
    other = page.answer_for(tool, asked | shown)
    assert other["html"] not in ("", again["html"])


def test_what_the_page_writes_is_what_its_playground_writes() -> None:
    question = Question(prompt="What is 37 * 12?", temperature=0.0, temperatures="", tokens=40)
    trace = wait(writing.record(question, page_model()))
    said = page_model().tokenizer.decode(trace.text(len(trace.places) - 1))
    assert "<|python_start|>37*12<|python_end|><|output_start|>444<|output_end|>" in said
    assert trace.model["stage"] != "base"
    assert trace.prompt.chat
    plain = wait(writing.record(dataclasses.replace(question, complete=True), page_model()))
    assert not plain.prompt.chat


def test_a_question_and_the_conversation_it_begins_are_the_same() -> None:
    one = answer_for(ATTENTION, {"chat": "What is 2 + 2?"})
    other = answer_for(ATTENTION, {"chat": '[{"role": "user", "content": "What is 2 + 2?"}]'})
    assert one["html"] == other["html"]


@pytest.mark.parametrize(
    ("tool", "asked", "field", "says"),
    [
        (GENERATION, {"prompt": "long " * 600}, "prompt", "the model reads"),
        (GENERATION, {"prompt": "x", "example": "base"}, "example", "Example and Prompt each say where"),
        (ATTENTION, {"text": "long " * 600}, None, "say First tokens 256 for its beginning"),
        (ATTENTION, {"text": " \n"}, "text", "the text is empty"),
        (ATTENTION, {"text": "a", "chat": "b"}, None, "say different things to look at"),
        (ATTENTION, {"chat": "[1"}, "chat", "Chat is not JSON"),
    ],
)
def test_what_is_wrong_with_a_question_is_said_with_the_pages_words(tool, asked, field, says) -> None:
    for _ in range(2):  # the second time it is remembered
        reply = answer_for(tool, asked)
        assert says in reply["error"]
        assert (reply["field"], reply["needs_model"]) == (field, False)


def test_the_saved_trace_is_what_the_page_shows() -> None:
    asked = {"prompt": "What is 37 * 12?", "tokens": "6", "temperature": "0.5", "seed": "2"}
    shown = answer_for(GENERATION, asked)
    made = json.loads(page.export("generation-explorer", json.dumps(asked), "save-trace"))
    assert (made["error"], made["needs_model"]) == (None, False)
    page.put_file("said.json", made["text"].encode())
    rules = {key: asked[key] for key in ("tokens", "temperature", "seed")}
    again = page.answer_for(GENERATION, {"trace": "said.json", **rules})
    assert again["html"] == shown["html"]


def test_long_writing_tells_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, float]] = []
    monkeypatch.setattr("tools.core.progress.WAIT_SECONDS", 0)
    monkeypatch.setattr("tools.core.progress.EVERY_SECONDS", 0)
    TELL[:] = [lambda what, share: told.append((what, share))]
    try:
        answer_for(GENERATION, {"prompt": "Once upon a time", "complete": "true", "tokens": "8"})
        answer_for(ATTENTION, {"text": "Once upon a time"})
    finally:
        TELL.clear()
    assert {what for what, _ in told} == {"Writing", "Reading"}
    shares = [share for what, share in told if what == "Writing"]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


# ---- what is remembered ----


def test_the_last_answers_are_remembered_and_errors_too() -> None:
    answers: Remembered[int] = Remembered(most=2)
    asked: list[int] = []

    async def work_out(number: int) -> int:
        asked.append(number)
        if number < 0:
            raise UsageError("below 0", parameter="number")
        return number * number

    def ask(number: int) -> int:
        wait(answers.work_out(number, lambda: work_out(number)))
        return answers.get(number)

    assert [ask(3), ask(4), ask(3), ask(5)] == [9, 16, 9, 25]
    assert asked == [3, 4, 5]
    with pytest.raises(NeedModel):
        answers.get(4)  # 3 was used after it
    for _ in range(2):
        with pytest.raises(ToolError, match="below 0"):
            ask(-1)
    assert asked == [3, 4, 5, -1]


def test_in_a_terminal_a_checkpoint_answers_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page's model is asked by pages alone."""
    answer_for(GENERATION, {"prompt": "Hello", "tokens": "2", "temperatures": ""})
    asked: list[Question] = []
    monkeypatch.setattr("tools.explorer.with_model.record", lambda one: asked.append(one) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        GENERATION.ask(prompt="Hello", tokens=2, temperatures="")
    assert len(asked) == 1
