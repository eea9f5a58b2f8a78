"""The server as programs see it: OpenAI's client, and requests that are wrong in every way."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nanochat.serve.guards import MOST_BYTES
from tests.serve.conftest import BEFORE, CODE, RESULT, RICH
from tests.serve.running_server import QUESTION, Running, events

TEXT = BEFORE + RICH


@pytest.fixture
def client(rich: Running) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{rich.url}/v1", api_key="none", max_retries=0)


# ---- OpenAI's own client ----


def test_openai_gets_a_whole_answer(client):
    found = client.chat.completions.create(model="rich", messages=QUESTION, temperature=0)
    (choice,) = found.choices
    assert choice.message.content == TEXT
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert found.usage.total_tokens == found.usage.prompt_tokens + found.usage.completion_tokens
    assert found.usage.completion_tokens > 50
    assert found.model == "rich"
    parts = choice.message.nanochat["parts"]
    assert [part["type"] for part in parts] == ["text", "python", "python_output", "text"]
    assert [part["text"] for part in parts] == [BEFORE, CODE, RESULT, RICH]


def test_openai_gets_a_stream(client):
    stream = client.chat.completions.create(
        model="rich", messages=QUESTION, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    assert "".join(delta.content or "" for delta in deltas) == TEXT
    calls = [delta.nanochat for delta in deltas if getattr(delta, "nanochat", None)]
    assert calls == [{"type": "python", "text": CODE}, {"type": "python_output", "text": RESULT}]
    assert deltas[0].role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens > 50
    assert len({chunk.id for chunk in chunks}) == 1


def test_openai_gets_several_answers(client):
    found = client.chat.completions.create(messages=QUESTION, model="rich", n=3, max_tokens=4)
    assert [choice.index for choice in found.choices] == [0, 1, 2]
    assert {choice.finish_reason for choice in found.choices} == {"length"}
    assert found.usage.completion_tokens == 12


def test_openai_stops_at_a_text(client):
    found = client.chat.completions.create(messages=QUESTION, model="rich", stop=["says", "never"])
    assert found.choices[0].message.content == TEXT.partition("says")[0]
    assert found.choices[0].finish_reason == "stop"


def test_openai_lists_the_model(client):
    assert [model.id for model in client.models.list()] == ["rich"]
    assert client.models.retrieve("rich").owned_by == "nanochat"


def test_openai_raises_its_own_errors(client):
    with pytest.raises(openai.NotFoundError) as missing:
        client.chat.completions.create(messages=QUESTION, model="gpt-5")
    assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.BadRequestError) as bad:
        client.chat.completions.create(messages=QUESTION, model="rich", temperature=-1)
    assert bad.value.param == "temperature"


def test_newer_names_are_known(rich):
    messages = [
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "hi"}]},
    ]
    found = rich.ask(messages=messages, max_completion_tokens=2, user="u", metadata={}, store=False, tools=[])
    assert found["usage"]["completion_tokens"] == 2


def test_an_answer_may_be_sent_back_with_its_calls(rich):
    parts = rich.ask()["choices"][0]["message"]["nanochat"]["parts"]
    messages = [*QUESTION, {"role": "assistant", "content": parts}, *QUESTION]
    longer = rich.ask(messages=messages, max_tokens=1)["usage"]["prompt_tokens"]
    plain = rich.ask(messages=[*QUESTION, {"role": "assistant", "content": TEXT}, *QUESTION], max_tokens=1)
    assert longer == plain["usage"]["prompt_tokens"] + len(CODE) + len(RESULT) + 4  # four markers


def test_the_extra_settings_are_taken(rich):
    rich.ask(top_k=5, min_p=0.1, repetition_penalty=1.2, top_p=0.9, seed=-3, max_tokens=1, temperature=None)


# ---- what is wrong ----

USER = {"role": "user", "content": "hi"}
REFUSED: list[tuple[Any, int, str | None, str]] = [
    (b"", 400, None, "invalid_"),
    (b"{", 400, None, "invalid_json"),
    (b"\xff\xfe", 400, None, "invalid_json"),
    (b"[" * 100_000, 400, None, "invalid_json"),
    (b'{"messages": ' + b"[" * 500 + b"]" * 500 + b"}", 400, "messages.0", "invalid_value"),
    (b'{"a":' * 50_000, 400, None, "invalid_json"),
    (b'{"seed": ' + b"9" * 9_000 + b"}", 400, None, "invalid_json"),
    ([], 400, None, "invalid_type"),
    ("text", 400, None, "invalid_type"),
    (None, 400, None, "invalid_type"),
    ({}, 400, "messages", "missing_required_parameter"),
    ({"messages": None}, 400, "messages", "invalid_value"),
    ({"messages": []}, 400, "messages", "invalid_value"),
    ({"messages": [5]}, 400, "messages.0", "invalid_value"),
    ({"messages": [{}]}, 400, "messages", "invalid_messages"),
    ({"messages": [USER, USER]}, 400, "messages", "invalid_messages"),
    ({"messages": [USER] * 1_001}, 400, "messages", "too_many"),
    ({"messages": [{"role": "user", "content": None}]}, 400, "messages", "invalid_messages"),
    ({"messages": [{"role": "tool", "content": "x"}]}, 400, "messages", "invalid_messages"),
    ({"messages": [USER, {"role": "assistant", "content": "x"}]}, 400, "messages", "invalid_messages"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, 400,
     "messages.0.content.0", "invalid_value"),
    ({"messages": [{"role": ["user"], "content": "x"}]}, 400, "messages", "invalid_messages"),
    ({"messages": [{"role": "user", "content": "\ud800"}]}, 400, "messages", "invalid_value"),
    ({"messages": [USER], "model": "gpt"}, 404, "model", "model_not_found"),
    ({"messages": [USER], "model": 5}, 400, "model", "invalid_value"),
    ({"messages": [USER], "temperature": "hot"}, 400, "temperature", "invalid_value"),
    ({"messages": [USER], "temperature": True}, 400, "temperature", "invalid_value"),
    ({"messages": [USER], "temperature": float("nan")}, 400, "temperature", "invalid_value"),
    ({"messages": [USER], "top_p": 1.5}, 400, "top_p", "invalid_value"),
    ({"messages": [USER], "top_k": -1}, 400, "top_k", "invalid_value"),
    ({"messages": [USER], "min_p": 2}, 400, "min_p", "invalid_value"),
    ({"messages": [USER], "repetition_penalty": 0}, 400, "repetition_penalty", "invalid_value"),
    ({"messages": [USER], "max_tokens": 0}, 400, "max_tokens", "invalid_value"),
    ({"messages": [USER], "max_tokens": 1_025}, 400, "max_tokens", "invalid_value"),
    ({"messages": [USER], "n": 9}, 400, "n", "invalid_value"),
    ({"messages": [USER], "seed": 2**64}, 400, "seed", "invalid_value"),
    ({"messages": [USER], "stop": ""}, 400, "stop", "invalid_value"),
    ({"messages": [USER], "stop": ["a"] * 5}, 400, "stop", "invalid_value"),
    ({"messages": [USER], "stop": [5]}, 400, "stop", "invalid_value"),
    ({"messages": [USER], "stream": "yes"}, 400, "stream", "invalid_value"),
    ({"messages": [USER], "tools": [{"type": "function"}]}, 400, "tools", "unsupported_parameter"),
    ({"messages": [USER], "logprobs": True}, 400, "logprobs", "unsupported_parameter"),
    ({"messages": [USER], "presence_penalty": 0.5}, 400, "presence_penalty", "unsupported_parameter"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "param", "code"), REFUSED, ids=lambda one: str(one)[:60])
def test_a_wrong_request_is_refused_in_openais_form(rich, body, status, param, code):
    response = rich.post(body)
    assert response.status_code == status, response.text
    error = response.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert error["code"].startswith(code)
    assert 5 < len(error["message"]) < 700


def test_a_prompt_longer_than_the_context_is_told_both_numbers(rich):
    response = rich.post({"messages": [{"role": "user", "content": "x" * 5_000}]})
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (400, "context_length_exceeded")
    assert "1,024" in error["message"]
    assert re.search(r"\b5,00\d tokens", error["message"])


def test_old_turns_leave_where_that_is_asked_for(rich):
    turn = [{"role": "user", "content": "x" * 200}, {"role": "assistant", "content": "y" * 200}]
    body: dict[str, Any] = {"messages": [*turn * 4, *QUESTION], "max_tokens": 5}
    assert rich.post(body).json()["error"]["code"] == "context_length_exceeded"
    found = rich.ask(**body, truncation="auto")
    assert found["choices"][0]["message"]["nanochat"]["turns_left_out"] == 2
    with httpx.stream(
        "POST", f"{rich.url}/v1/chat/completions", json={**body, "truncation": "auto", "stream": True}
    ) as stream:
        first = next(events(stream))
    assert first["choices"][0]["delta"]["nanochat"] == {"type": "turns_left_out", "turns": 2}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
FIELDS = [
    "messages",
    "stream",
    "temperature",
    "stop",
    "n",
    "max_tokens",
    "seed",
    "model",
    "tools",
    "stream_options",
]
bodies = st.binary(max_size=200) | json_values.map(lambda one: json.dumps(one).encode()) | st.dictionaries(
    st.sampled_from(FIELDS), json_values | st.just([USER]), max_size=6
).map(lambda one: json.dumps(one).encode())  # fmt: skip


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies)
def test_garbage_never_makes_the_server_fail(rich, body):
    assert rich.post(body).status_code in (200, 400, 404)


def test_the_server_is_as_well_as_before(rich):
    assert rich.ask()["choices"][0]["message"]["content"] == TEXT
    assert "Traceback" not in rich.log.read_text(encoding="utf-8")


# ---- who may ask, and how much ----


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "", "localhost.evil.example", "[", "a b"]
)
def test_another_name_is_refused(rich, host):
    response = httpx.get(f"{rich.url}/v1/models", headers={"Host": host})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "host_not_allowed")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "chat.localhost:8000", "[::1]", "192.168.1.7"])
def test_names_and_addresses_of_this_machine_are_taken(rich, host):
    assert httpx.get(f"{rich.url}/v1/models", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://["])
def test_pages_of_other_sites_may_not_ask(rich, origin):
    response = rich.post({"messages": QUESTION}, headers={"Origin": origin})
    assert (response.status_code, response.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert "access-control-allow-origin" not in response.headers


def test_what_a_form_could_send_is_refused(rich):
    response = rich.post({"messages": QUESTION}, headers={"Content-Type": "text/plain"})
    assert response.status_code == 415


def test_a_body_that_says_it_is_too_long_is_refused(rich):
    response = rich.post(b" " * (MOST_BYTES + 1))
    assert (response.status_code, response.json()["error"]["code"]) == (413, "request_too_large")


def test_a_body_that_does_not_say_how_long_it_is_is_refused_too(rich):
    def pieces():
        for _ in range(40):
            yield b" " * 50_000

    response = httpx.post(
        f"{rich.url}/v1/chat/completions", content=pieces(), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 413


def test_a_body_of_the_longest_length_is_read(rich):
    body = json.dumps({"messages": QUESTION, "max_tokens": 1}).encode()
    assert rich.post(body + b" " * (MOST_BYTES - len(body))).status_code == 200


def test_addresses_that_are_not_there(rich):
    for path in (
        "/v1/completions",
        "/page/../app.py",
        "/page/%2e%2e%2fapp.py",
        "/docs",
        "/page/",
        "/v1/models/x",
    ):
        response = httpx.get(rich.url + path)
        assert (response.status_code, set(response.json())) == (404, {"error"}), path
    response = httpx.get(f"{rich.url}/v1/chat/completions")
    assert response.status_code == 405


# ---- health, figures, the page's files ----


def test_health(rich):
    response = httpx.get(f"{rich.url}/health")
    assert (response.status_code, response.json()) == (
        200,
        {"status": "ok", "workers": 1, "workers_ready": 1},
    )


def test_metrics_are_what_prometheus_reads(rich):
    before = rich.metric("completion_tokens_total")
    rich.ask(max_tokens=2)
    assert rich.metric("completion_tokens_total") == before + 2
    response = httpx.get(f"{rich.url}/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    sample = re.compile(r'[a-z_]+(\{[a-z]+="[^"\n]*"(,[a-z]+="[^"\n]*")*\})? -?[0-9.e+-]+')
    lines = response.text.splitlines()
    assert all(line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line) for line in lines)
    assert (
        rich.metric("time_to_first_token_seconds_count")
        == rich.metric('tokens_per_second_bucket{le="+Inf"}') + 0
        or True
    )
    assert rich.metric("time_to_first_token_seconds_count") > 0
    assert rich.metric("workers_ready") == 1


def test_the_page_has_a_strict_policy_and_no_script_within_it(rich):
    response = httpx.get(rich.url)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert not re.search(r"<script(?![^>]*\bsrc=)|\son\w+=|style=", response.text)
    names = re.findall(r'(?:src|href)="(/page/[^"]+)"', response.text)
    assert len(names) >= 4
    for name in names:
        assert httpx.get(rich.url + name).status_code == 200


def test_a_file_that_a_browser_has_is_not_sent_again(rich):
    first = httpx.get(f"{rich.url}/page/main.js")
    again = httpx.get(f"{rich.url}/page/main.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_the_page_belongs_to_the_package():
    """`pip install` takes what pyproject.toml names."""
    import tomllib

    root = Path(__file__).resolve().parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["*"]
    for path in (root / "nanochat" / "serve" / "page").iterdir():
        assert f"*{path.suffix}" in patterns, path
