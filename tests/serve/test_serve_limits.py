"""Clients that leave, that are slow or too many; answers that take too long."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Iterator

import httpx
import openai
import pytest

from tests.serve.running_server import QUESTION, Running, events, eventually

STREAM = {"messages": QUESTION, "stream": True}


@contextlib.contextmanager
def streaming(server: Running, **more: object) -> Iterator[httpx.Response]:
    """An answer without an end, of which something has come."""
    address = f"{server.url}/v1/chat/completions"
    with httpx.stream("POST", address, json={**STREAM, **more}, timeout=60) as response:
        lines = response.iter_lines()
        while response.status_code == 200 and '"content":"a"' not in next(lines):
            pass
        response.rest = lines  # type: ignore[attr-defined]
        yield response


def in_use(server: Running) -> float:
    return server.metric("rows_in_use")


def raw(server: Running, data: bytes) -> socket.socket:
    """A connection on which these bytes have been sent."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    connection.sendall(data)
    return connection


HEAD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


# ---- clients that leave ----


def test_a_row_is_free_when_the_client_of_a_stream_leaves(endless):
    with streaming(endless):
        eventually(lambda: in_use(endless) == 1)
    eventually(lambda: in_use(endless) == 0)
    assert endless.metric('answers_total{end="cancelled"}') >= 1


def test_a_row_is_free_when_the_client_of_a_whole_answer_leaves(endless):
    before = endless.metric('answers_total{end="cancelled"}')
    body = b'{"messages": [{"role": "user", "content": "hi"}]}'
    connection = raw(endless, HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    eventually(lambda: in_use(endless) == 1)
    connection.close()
    eventually(lambda: in_use(endless) == 0)
    assert endless.metric('answers_total{end="cancelled"}') == before + 1


def test_one_who_leaves_does_not_disturb_the_others(endless):
    with streaming(endless, max_tokens=600) as staying:
        with streaming(endless):
            eventually(lambda: in_use(endless) == 2)
        text = "".join(staying.rest)  # type: ignore[attr-defined]
    assert text.count('"content":"') >= 590
    assert '"finish_reason":"length"' in text
    assert text.endswith("data: [DONE]")


def test_one_who_leaves_the_queue_is_forgotten(endless):
    with streaming(endless), streaming(endless):
        body = b'{"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}'
        connection = raw(endless, HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        eventually(lambda: endless.metric("queue_length") == 1)
        connection.close()
        eventually(lambda: endless.metric("queue_length") == 0)
        assert in_use(endless) == 2


# ---- too many ----


def test_more_than_the_queue_holds_are_told_when_to_come_back(endless):
    address = f"{endless.url}/v1/chat/completions"
    found: list[httpx.Response] = []

    def wait_for_one() -> None:
        found.append(httpx.post(address, json={"messages": QUESTION, "max_tokens": 1}, timeout=60))

    with streaming(endless), streaming(endless):
        threads = [threading.Thread(target=wait_for_one) for _ in range(2)]
        for thread in threads:
            thread.start()
        eventually(lambda: endless.metric("queue_length") == 2)
        refused = endless.post({"messages": QUESTION})
        error = refused.json()["error"]
        assert (refused.status_code, error["code"], error["type"]) == (429, "queue_full", "rate_limit_error")
        assert 1 <= int(refused.headers["retry-after"]) <= 60
        client = openai.OpenAI(base_url=f"{endless.url}/v1", api_key="none", max_retries=0)
        with pytest.raises(openai.RateLimitError):
            client.chat.completions.create(messages=QUESTION, model="endless", stream=True)
    for thread in threads:
        thread.join(20)
    assert [response.status_code for response in found] == [200, 200]


def test_more_answers_at_once_than_there_is_room_for(endless):
    eventually(lambda: in_use(endless) == 0)
    assert endless.post({"messages": QUESTION, "n": 5}).status_code == 429
    assert endless.ask(n=4, max_tokens=3)["usage"]["completion_tokens"] == 12


# ---- too long ----


def test_an_answer_ends_when_time_is_up(endless):
    """The server gives an answer three seconds; what has come until then is kept."""
    with httpx.stream("POST", f"{endless.url}/v1/chat/completions", json=STREAM, timeout=60) as response:
        *_, last, done = events(response)
    assert last["choices"][0]["finish_reason"] == "length"
    assert done == "data: [DONE]"
    eventually(lambda: in_use(endless) == 0)
    assert endless.metric('answers_total{end="late"}') >= 1


def test_one_who_waited_in_vain_is_told(endless):
    with stopped_worker(endless):
        response = endless.post({"messages": QUESTION})
        error = response.json()["error"]
        assert (response.status_code, error["code"], error["type"]) == (503, "timeout", "server_error")
        with httpx.stream("POST", f"{endless.url}/v1/chat/completions", json=STREAM, timeout=60) as stream:
            lines = list(stream.iter_lines())
    assert ": still here" in lines
    assert json.loads(lines[-2].removeprefix("data: "))["error"]["code"] == "timeout"
    assert "data: [DONE]" not in lines
    eventually(lambda: in_use(endless) == 0)


@contextlib.contextmanager
def stopped_worker(server: Running) -> Iterator[None]:
    """The engine's process does nothing in here."""
    (worker,) = server.workers()
    worker.suspend()
    try:
        yield
    finally:
        worker.resume()


# ---- slow ----


def test_half_a_head_is_not_waited_for(endless):
    connection = raw(endless, b"GET /health HTTP/1.1\r\nHost: loc")
    assert connection.recv(100) == b""  # closed after a second, not after half a minute
    silent = socket.create_connection(("127.0.0.1", endless.port), timeout=20)
    assert silent.recv(100) == b""


def test_a_head_that_comes_drop_by_drop_is_not_waited_for(endless):
    connection = raw(endless, b"GET /health HTTP/1.1\r\n")

    def drip() -> None:
        for number in range(200):
            connection.sendall(b"X-%d: y\r\n" % number)
            time.sleep(0.05)

    with pytest.raises(OSError):
        drip()


def test_a_head_in_two_pieces_is_answered_for_as_long_as_it_takes(endless):
    body = b'{"messages": [{"role": "user", "content": "hi"}], "stream": true}'
    connection = raw(endless, HEAD)
    time.sleep(0.3)
    connection.sendall(b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    assert b'"finish_reason":"length"' in answer  # its time is three seconds, that of a head one
    assert b"data: [DONE]" in answer


def test_half_a_body_is_not_waited_for(endless):
    connection = raw(endless, HEAD + b'Content-Length: 1000\r\n\r\n{"messages": [')
    answer = connection.recv(10_000)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_half_a_body_and_then_no_client(endless):
    raw(endless, HEAD + b'Content-Length: 1000\r\n\r\n{"messages": [').close()
    assert httpx.get(f"{endless.url}/health").status_code == 200


@pytest.mark.parametrize("data", [b"\x00\xff" * 500 + b"\r\n\r\n", b"{}\r\n\r\n", b"A" * 100_000])
def test_bytes_that_are_no_request(endless, data):
    connection = raw(endless, data)
    with contextlib.suppress(ConnectionError):
        assert connection.recv(10_000)[:13] in (b"", b"HTTP/1.1 400 ")
    assert httpx.get(f"{endless.url}/health").status_code == 200


def test_a_client_that_does_not_read_holds_nobody_up(endless):
    body = b'{"messages": [{"role": "user", "content": "hi"}], "stream": true}'
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.connect(("127.0.0.1", endless.port))
    deaf.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    eventually(lambda: in_use(endless) == 1)
    assert endless.ask(max_tokens=20)["usage"]["completion_tokens"] == 20
    eventually(lambda: in_use(endless) == 0)  # its own answer ends when time is up
    deaf.close()


def test_many_idle_connections_hold_nobody_up(endless):
    idle = [raw(endless, b"GET /") for _ in range(200)]
    assert endless.ask(max_tokens=1)["usage"]["completion_tokens"] == 1
    for connection in idle:
        connection.close()
