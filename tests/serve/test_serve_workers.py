"""Several engines, an engine that dies, the server's start and its end."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from nanochat import cli
from tests.serve.load import load
from tests.serve.running_server import QUESTION, Running, events, eventually, serving

STREAM = {"messages": QUESTION, "stream": True}


@pytest.fixture(scope="module")
def two(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Two engines with three rows each; the answers depend on the seed."""
    words = ("--run", "chance", "--workers", "2", "--rows", "3")
    with serving(base, *words, log=tmp_path_factory.mktemp("log") / "two") as server:
        yield server


def test_twenty_clients_stream_at_once_and_lose_nothing(two):
    """Each answer is the one that its seed gives alone, whoever else is there."""
    body = {"messages": QUESTION, "temperature": 1.0, "max_tokens": 40}
    alone = [two.ask(**body, seed=seed)["choices"][0] for seed in range(6)]
    clients = [[{**body, "seed": (number + turn) % 6} for turn in range(4)] for number in range(20)]
    for number, seen in enumerate(load(two.url, clients)):
        for turn, one in enumerate(seen):
            expected = alone[(number + turn) % 6]
            assert (one.error, one.done) == ("", True)
            assert one.text == expected["message"]["content"]
            assert one.finish == expected["finish_reason"]
    assert len({choice["message"]["content"] for choice in alone}) > 3
    assert (two.metric("rows_in_use"), two.metric("queue_length")) == (0, 0)


def test_both_engines_work(two):
    """Each uses the processor."""
    before = [worker.cpu_times().user for worker in two.workers()]
    bodies = [
        {"messages": QUESTION, "max_tokens": 200, "seed": seed, "temperature": 1.0} for seed in range(20)
    ]
    load(two.url, [[body] for body in bodies])
    after = [worker.cpu_times().user for worker in two.workers()]
    assert len(after) == 2
    assert all(now > then for now, then in zip(after, before, strict=True))


def test_an_engine_that_dies_is_told_of_and_started_again(base, tmp_path):
    with serving(base, "--run", "endless", log=tmp_path / "log") as server:
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=STREAM, timeout=60) as stream:
            seen = events(stream)
            for _ in range(5):
                next(seen)
            (worker,) = server.workers()
            worker.kill()
            *_, last = seen
        assert last["error"]["code"] == "engine_lost"
        response = server.post({"messages": QUESTION, "max_tokens": 3})
        if response.status_code != 200:  # still starting
            assert (response.status_code, response.json()["error"]["code"]) == (503, "not_ready")
            assert response.headers["retry-after"]
        eventually(lambda: httpx.get(f"{server.url}/health").status_code == 200)
        assert server.ask(max_tokens=3)["usage"]["completion_tokens"] == 3
        assert server.metric("worker_restarts_total") == 1
        assert "another is starting" in server.log.read_text(encoding="utf-8")
        # If the server is killed, its engines do not stay behind.
        (worker,) = server.workers()
        server.process.kill()
        eventually(lambda: not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE)


# ---- the end ----


def test_what_is_being_written_is_written_to_its_end(base, tmp_path):
    with serving(base, "--run", "endless", log=tmp_path / "log") as server:
        body = {**STREAM, "max_tokens": 2_000}
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=body, timeout=60) as stream:
            seen = events(stream)
            next(seen)
            server.process.send_signal(signal.SIGTERM)
            *parts, last, done = seen
        assert (len(parts), done) == (2_000, "data: [DONE]")
        assert last["choices"][0]["finish_reason"] == "length"
        assert server.process.wait(30) == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.url)
        assert server.log.read_text(encoding="utf-8") == ""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_has_no_end_is_ended_when_the_grace_is_over(base, tmp_path, how):
    with serving(base, "--run", "endless", "--grace", "0.5", log=tmp_path / "log") as server:
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=STREAM, timeout=60) as stream:
            seen = events(stream)
            next(seen)
            next(seen)
            server.process.send_signal(how)
            *_, last, done = seen
        assert last["choices"][0]["finish_reason"] == "length"
        assert done == "data: [DONE]"
        assert server.process.wait(30) == 0
        assert server.log.read_text(encoding="utf-8") == ""


def test_a_second_ctrl_c_does_not_wait(base, tmp_path):
    with serving(base, "--run", "endless", "--grace", "100", log=tmp_path / "log") as server:
        with httpx.stream("POST", f"{server.url}/v1/chat/completions", json=STREAM, timeout=60) as stream:
            next(events(stream))
            began = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            server.process.send_signal(signal.SIGINT)
            server.process.wait(60)
        assert time.monotonic() - began < 50


# ---- the start ----


def refused(
    base: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str
) -> str:
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(base))
    assert cli.main(["serve", *words]) == 2
    complaint = capsys.readouterr().err
    assert complaint.startswith("nanochat: error: ")
    assert complaint.count("\n") == 1
    return complaint


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--run", "nothing"], "there is no run 'nothing'"),
        (["--run", "rich", "--step", "7"], "rich has no checkpoint of step 7; there are: 100"),
        (["--device", "tpu"], "--device tpu: use cpu, cuda, or cuda:1"),
        (["--device", "cpu:1"], "--device cpu:1: use cpu"),
        (["--unsafe-sandbox"], "--unsafe-sandbox goes with --python"),
        (["--port", "70000"], "--port 70000: from 0"),
        (["--workers", "0"], "--workers 0: at least 1"),
        (["--rows", "0"], "--rows 0: at least 1"),
        (["--deadline", "nan"], "--deadline nan: at least 1"),
        (["--cors-origin", "example.org"], "--cors-origin example.org: a scheme and a host"),
        (["--host", "no.such.host.invalid"], "--host no.such.host.invalid: no machine has this name"),
    ],
)
def test_a_server_that_cannot_start_says_why(base, capsys, monkeypatch, words, says):
    assert says in refused(base, capsys, monkeypatch, *words)


def test_a_port_that_is_taken(base, capsys, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        assert f"port {port} of 127.0.0.1 is taken" in refused(base, capsys, monkeypatch, "--port", port)


def test_without_a_run_that_can_chat(tmp_path, capsys, monkeypatch):
    assert "no run of sft or rl" in refused(tmp_path, capsys, monkeypatch)


def test_the_newest_run_is_taken_and_the_network_warned_of(base, tmp_path):
    with serving(base, "--host", "0.0.0.0", "--workers", "1", log=tmp_path / "log") as server:
        assert server.process.stdout is not None
        assert "there is no password" in server.process.stdout.readline()
        assert httpx.get(f"{server.url}/v1/models").json()["data"][0]["id"] == "rich"


def test_pages_of_a_site_that_is_allowed_may_ask(base, tmp_path):
    words = ("--cors-origin", "https://example.org", "--allow-host", "gpu.lan")
    with serving(base, *words, log=tmp_path / "log") as server:
        origin = {"Origin": "https://example.org", "Host": "gpu.lan"}
        response = server.post({"messages": QUESTION, "max_tokens": 1}, headers=origin)
        assert response.status_code == 200
        assert response.headers["access-control-allow-origin"] == "https://example.org"
        asked = {
            **origin,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        preflight = httpx.options(f"{server.url}/v1/chat/completions", headers=asked)
        assert preflight.status_code == 200
        assert server.post({"messages": QUESTION}, headers={"Origin": "https://other.org"}).status_code == 403


def test_a_checkpoint_that_was_changed_is_refused(tmp_path, capsys, monkeypatch):
    from tests.serve import small_chat_run

    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    folder = small_chat_run.save_run("damaged", *small_chat_run.chance())
    file = folder / "checkpoints" / "step_000100" / "model.safetensors"
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    assert "is damaged" in refused(tmp_path, capsys, monkeypatch, "--step", "100")
