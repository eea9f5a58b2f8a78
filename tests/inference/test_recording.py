"""A recorded text is the engine's, its figures are the model's, and a trace on disk says the same."""

from __future__ import annotations

import copy
import json

import pytest
import torch

from nanochat.inference.engine import Engine
from nanochat.inference.recording import Recorder, choose_next
from nanochat.inference.request import Request, Sampling
from nanochat.inference.sampling import choose, distribution, draw
from nanochat.inference.trace import Prompt, Trace, TraceError
from nanochat.model.gpt import GPT
from nanochat.tokenizer.tokenizer import Tokenizer, with_chat_specials
from nanochat.toolbox.tools import make_tools
from tests.inference.small_models import chance_model, script, scripted_model

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


@pytest.fixture(scope="module")
def model() -> GPT:
    return chance_model(BYTES.n_vocab)


@pytest.fixture(scope="module")
def recorder(model) -> Recorder:
    """One prompt under several settings, ten logits kept of each place."""
    recorder = Recorder(copy.deepcopy(model), BYTES, PROMPT, 12, keep=10)
    for how in SETTINGS:
        for seed in (0, 1):
            recorder.write(how, seed)
    return recorder


def calling() -> tuple[GPT, Tokenizer]:
    """A model that calls the calculator, reads the result, and ends."""
    texts = "<|assistant_start|><|python_start|>7*6<|python_end|>", "<|output_end|>42.<|assistant_end|>"
    return scripted_model(BYTES, script(BYTES, *texts)), BYTES


def engines_run(model: GPT, how: Sampling, seed: int, prompt: Prompt = PROMPT, n: int = 12):
    request = Request(prompt.ids, n, how, seed, use_tools=prompt.chat)
    return Engine(copy.deepcopy(model), BYTES, tool=make_tools(False)).generate([request])[0]


@pytest.mark.parametrize("number", range(len(SETTINGS)))
def test_the_text_is_the_engines_greedy_and_sampled(model, recorder, number):
    for seed in (0, 1):
        wanted = engines_run(model, SETTINGS[number], seed)
        run = recorder.trace.run_of(SETTINGS[number], seed)
        chosen = [one for one in run.chosen if one not in recorder.trace.ends]
        assert (chosen, run.finish) == (list(wanted.ids), wanted.finish)


def test_a_call_of_a_tool_is_run_and_its_result_put_in():
    model, tokenizer = calling()
    prompt = Prompt("?", True, (tokenizer.special_id("<|bos|>"), tokenizer.special_id("<|assistant_start|>")))
    recorder = Recorder(copy.deepcopy(model), tokenizer, prompt, 40, tool=make_tools(False))
    run = recorder.write(Sampling(temperature=0))
    wanted = engines_run(model, Sampling(temperature=0), 0, prompt, 40)
    last = recorder.trace.text(len(recorder.trace.places) - 1)
    assert tuple(last[len(prompt.ids) :]) == wanted.ids
    assert tokenizer.decode(last).endswith("<|output_start|>42<|output_end|>42.")
    assert run.chosen[-1] == wanted.ended_with == tokenizer.special_id("<|assistant_end|>")
    assert sum(wanted.sampled) == len(run.chosen) - 1


def test_chances_are_softmax_of_the_models_own_logits(model, recorder):
    trace = recorder.trace
    with torch.inference_mode():
        for number, place in enumerate(trace.places):
            logits_V = model(torch.tensor([trace.text(number)]))[0, -1].double()
            chances_V = torch.softmax(logits_V, dim=0)
            stage = place.position.stages(Sampling(temperature=1.0))[-1]
            assert stage.chances == pytest.approx(chances_V[list(place.position.ids)].tolist(), abs=1e-6)
            assert stage.rest == pytest.approx(1 - sum(stage.chances), abs=1e-9)
            bits = -(chances_V * chances_V.log2()).sum()
            assert stage.entropy == pytest.approx(float(bits), abs=1e-5)


def test_seeded_choices_are_the_pure_samplers(model):
    generator = torch.Generator().manual_seed(0)
    for how in SETTINGS:
        for seed in range(20):
            logits_V = 3 * torch.randn(50, generator=generator)
            text = [1, 2, 3] * (1 + seed % 3)
            chances = distribution(logits_V.double().tolist(), how, set(text))
            assert choose_next(logits_V, how, text, seed) == [choose(chances, draw(seed, len(text)))]


def test_texts_share_the_places_up_to_where_they_part(recorder):
    trace = recorder.trace
    firsts = {run.chosen[0] for run in trace.runs}
    after_first = {place.ids[0] for place in trace.places if place.after == 0}
    assert after_first == firsts
    assert len(trace.places) < sum(len(run.chosen) for run in trace.runs)


def test_a_trace_comes_back_from_json_as_it_was(recorder):
    trace = recorder.trace
    back = Trace.from_json(json.loads(json.dumps(trace.to_json())))
    assert back.to_json() == trace.to_json()
    for place, again in zip(trace.places, back.places, strict=True):
        how = Sampling(temperature=0.9, top_p=0.5, repetition_penalty=1.1)
        assert place == again
        text = set(trace.prompt.ids)
        assert place.position.stages(how, text) == again.position.stages(how, text)


def test_the_likeliest_and_the_text_are_kept_and_nothing_else(recorder):
    for number, place in enumerate(recorder.trace.places):
        here = {run.chosen for run in recorder.trace.runs}
        chosen = {
            one[len(path)]
            for one in here
            if one[: len(path := recorder.trace.choices(number))] == path and len(one) > len(path)
        }
        known = set(place.position.ids)
        assert set(recorder.trace.text(number)) | chosen <= known
        assert len(known) <= 10 + len(set(recorder.trace.text(number)) | chosen)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("format",), "x", "this is no trace"),
        (("version",), 3, "version is 3"),
        (("prompt",), None, "prompt must be an object"),
        (("prompt", "ids"), [], "prompt.ids is empty"),
        (("prompt", "chat"), 1, "prompt.chat must be true or false"),
        (("max_tokens",), "12", "max_tokens must be a whole number"),
        (("temperatures",), [1.0, 0.5], "temperatures must be above 0, and rise"),
        (("temperatures",), [1.0], "log_sum_exp and mean must be as many as temperatures: 1"),
        (("pieces", "97"), "!", "pieces['97'] must be an id and its bytes in Base64"),
        (("pieces",), {}, "pieces has no bytes for token"),
        (("positions",), [], "positions must begin with the one after the prompt"),
        (("positions", 1, "after"), 7, "positions[1].after must be the number of an earlier position"),
        (("positions", 1, "ids"), [], "positions[1].ids is empty"),
        (("positions", 0, "known"), [1, 0], "positions[0].logits must be as many as known"),
        (("positions", 0, "logits", 0), float("nan"), "positions[0].logits must be finite numbers"),
        (("positions", 0, "rest", "count"), 0, "positions[0].rest.count must be at least 1"),
        (("positions", 0, "rest", "log_sum_exp", 0), 9e9, "log_sum_exp at temperature 0.3 cannot be 9e+09"),
        (("positions", 0, "rest"), 3, "positions[0].rest must be an object or null"),
        (("runs", 0, "finish"), "tired", "runs[0].finish must be stop or length, not 'tired'"),
        (("runs", 0, "sampling", "temperature"), -1, "runs[0].sampling: temperature=-1 must be from 0"),
        (("runs", 0, "sampling", "heat"), 1, "runs[0].sampling: "),
    ],
)
def test_a_trace_that_is_damaged_is_refused_by_the_place(recorder, path, value, words):
    found = json.loads(json.dumps(recorder.trace.to_json()))
    inside = found
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    with pytest.raises(TraceError) as refused:
        Trace.from_json(found)
    assert words in str(refused.value)


def test_a_place_that_lacks_the_logit_of_its_own_text_is_refused(recorder):
    found = recorder.trace.to_json()
    place = copy.deepcopy(found["positions"][0])
    at = place["known"].index(97)
    del place["known"][at], place["logits"][at]
    found["positions"][0] = place
    with pytest.raises(TraceError, match=r"positions\[0\].known lacks token 97, which stands in the text"):
        Trace.from_json(found)


def test_a_run_that_the_places_do_not_hold_is_refused(recorder):
    found = json.loads(json.dumps(recorder.trace.to_json()))
    other = next(one for one in map(int, found["pieces"]) if one not in found["positions"][0]["known"])
    found["runs"][3]["chosen"][0] = other
    with pytest.raises(TraceError, match=r"runs\[3\].chosen\[0\]: no position has this token to choose"):
        Trace.from_json(found)


def test_places_that_do_not_make_a_tree_are_refused(recorder):
    found = json.loads(json.dumps(recorder.trace.to_json()))
    place = found["positions"][2]
    found["positions"].append(place)
    with pytest.raises(TraceError, match=r"positions\[2\]: another position follows on the same token"):
        Trace.from_json(found)
    found["positions"].pop()
    found["runs"][0]["chosen"] = []
    with pytest.raises(TraceError, match=r"runs\[0\].chosen ends before its text does"):
        Trace.from_json(found)


@pytest.mark.parametrize("missing", ["prompt", "pieces", "positions", "runs", "temperatures", "model"])
def test_what_is_missing_is_named(recorder, missing):
    found = recorder.trace.to_json()
    del found[missing]
    with pytest.raises(TraceError, match=f"^{missing} is missing$"):
        Trace.from_json(found)
