"""`nanochat chat` as a person sees it, in a terminal, and as a program does, through pipes."""

from __future__ import annotations

import codecs
import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nanochat import cli
from nanochat.inference.engine import Engine
from nanochat.inference.request import GREEDY, Part
from nanochat.serve.screen import Screen, visible
from nanochat.serve.terminal import Chat
from tests.serve import small_chat_run
from tests.serve.conftest import BEFORE, CODE, RESULT, RICH
from tests.serve.running_server import ROOT

WITHIN = 60  # seconds, on a machine that is busy with other tests


class Terminal:
    """A process in a terminal of its own, and all that it has shown."""

    def __init__(self, base: Path, *words: str, **more: str) -> None:
        self.ours, theirs = pty.openpty()
        environment = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "OMP_NUM_THREADS": "1", "TERM": "xterm"}
        environment.pop("NO_COLOR", None)
        command = [sys.executable, "-m", "nanochat", "chat", *words]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment | more, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True, preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
        )  # fmt: skip
        os.close(theirs)
        self.shown = ""
        self.read_to = 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def wait_for(self, text: str) -> str:
        """What has come since the last time, up to and with this text."""
        latest = time.monotonic() + WITHIN
        while (at := self.shown.find(text, self.read_to)) < 0:
            assert time.monotonic() < latest, f"no {text!r} in {self.shown[self.read_to :]!r}"
            self.read()
        before, self.read_to = self.shown[self.read_to : at], at + len(text)
        return before

    def read(self) -> None:
        """Take what is there, or wait a moment for it."""
        if select.select([self.ours], [], [], 0.2)[0]:
            self.shown += self.decoder.decode(os.read(self.ours, 65_536))
            self.shown = self.shown.replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self.ours, text.encode() + b"\n")

    def press(self, key: int) -> None:
        """Press Ctrl and a letter: termios.VINTR or termios.VEOF.

        As slowly as a person: Python's readline misses a signal that comes just before it begins to wait.
        """
        time.sleep(0.5)
        os.write(self.ours, {termios.VINTR: b"\x03", termios.VEOF: b"\x04"}[key])

    def ended(self) -> int:
        """Wait until it has ended; the exit code."""
        latest = time.monotonic() + WITHIN
        while self.process.poll() is None and time.monotonic() < latest:
            with contextlib.suppress(OSError):
                self.read()
        return self.process.wait(5)


@pytest.fixture
def terminal(base: Path) -> Iterator[type[Terminal]]:
    """Opens terminals, and closes what is left of them."""
    opened: list[Terminal] = []

    class Opened(Terminal):
        def __init__(self, *words: str, **more: str) -> None:
            super().__init__(base, *words, **more)
            opened.append(self)

    yield Opened
    for one in opened:
        one.process.kill()
        one.process.wait()
        os.close(one.ours)


YOU = "you › "


def test_a_talk_in_a_terminal(terminal, tmp_path):
    chat = terminal("--run", "rich", "--temperature", "0", NO_COLOR="1")
    head = chat.wait_for(YOU)
    assert "rich, step 100, reads 1,024 tokens" in head
    chat.type("What is 37 * 12?")
    answer = chat.wait_for(YOU)
    assert f"{BEFORE}[{CODE} → {RESULT}] A whale is **not** a fish" in answer
    assert "\x1b[2m" not in answer

    chat.type("/temperature 0.5")
    assert "temperature is 0.5" in chat.wait_for(YOU)
    chat.type("/temperature hot")
    assert "'hot' is no number" in chat.wait_for(YOU)
    chat.type("/temperature -1")
    assert "must be from 0 to 100" in chat.wait_for(YOU)
    chat.type("/top-k 5")
    assert "top_k is 5" in chat.wait_for(YOU)
    chat.type("/tools off")
    assert "tools are off" in chat.wait_for(YOU)
    chat.type("/retry")
    again = chat.wait_for(YOU)
    assert "Let me see." in again
    assert "→" not in again
    chat.type("/system Be kind.")
    assert "the system text is: Be kind." in chat.wait_for(YOU)
    chat.type("/clera")
    assert "there is no command /clera; did you mean /clear?" in chat.wait_for(YOU)
    file = tmp_path / "talk.jsonl"
    chat.type(f"/save {file}")
    assert "2 messages in" in chat.wait_for(YOU)
    (line,) = file.read_text(encoding="utf-8").splitlines()
    roles = [message["role"] for message in json.loads(line)["messages"]]
    assert roles == ["system", "user", "assistant"]
    chat.type("/undo")
    assert "taken back: What is 37 * 12?" in chat.wait_for(YOU)
    chat.type("/undo")
    assert "nothing has been asked yet" in chat.wait_for(YOU)
    chat.type("/retry")
    assert "nothing has been asked yet" in chat.wait_for(YOU)
    chat.type("/clear")
    assert "a new conversation" in chat.wait_for(YOU)
    chat.type("/help")
    listed = chat.wait_for(YOU)
    for name in ("/temperature X", "/top-k N", "/save FILE", "/undo", "/quit", "Ctrl-C"):
        assert name in listed
    chat.type("/quit")
    assert chat.ended() == 0


def test_ctrl_c_stops_an_answer_and_keeps_the_chat_and_ctrl_d_leaves(terminal):
    chat = terminal("--run", "endless", "--max-tokens", "16000")
    chat.wait_for(YOU)
    chat.type("Go on.")
    chat.wait_for("abcdefghijklmnopqrstuvwxyz")
    chat.press(termios.VINTR)
    chat.wait_for("(stopped)")
    chat.wait_for(YOU)
    chat.type("/undo")  # the stopped answer is part of the talk
    assert "taken back: Go on." in chat.wait_for(YOU)
    chat.press(termios.VINTR)  # and where a question is typed, it leaves nothing
    assert "(Ctrl-D leaves)" in chat.wait_for(YOU)
    chat.press(termios.VEOF)
    assert chat.ended() == 0


def test_colours_only_where_they_are_wanted(terminal):
    chat = terminal("--run", "rich")
    chat.wait_for(YOU)
    chat.type("hi")
    chat.wait_for(f"\x1b[2m[{CODE}\x1b[0m")
    dumb = terminal("--run", "rich", "--prompt", "hi", NO_COLOR="1")
    assert dumb.ended() == 0
    assert f"[{CODE} → {RESULT}]" in dumb.shown
    assert "\x1b" not in dumb.shown


def test_python_runs_where_it_is_asked_for_and_can_be_contained(terminal):
    calculator = terminal("--run", "python", "--prompt", "hi", NO_COLOR="1")
    assert calculator.ended() == 0
    assert "[print(sum(range(10))) → error: " in calculator.shown
    unsafe = terminal("--run", "python", "--prompt", "hi", "--python", "--unsafe-sandbox", NO_COLOR="1")
    assert unsafe.ended() == 0
    assert "[print(sum(range(10))) → 45] Done." in unsafe.shown
    contained = terminal("--run", "python", "--prompt", "hi", "--python", NO_COLOR="1")
    if contained.ended() == 0:
        assert "[print(sum(range(10))) → 45] Done." in contained.shown
    else:  # this machine has not all the layers of the sandbox
        assert contained.process.returncode == 2
        assert "--unsafe-sandbox runs it all the same" in contained.shown


def test_the_arrow_key_brings_the_last_line_back(terminal):
    chat = terminal("--run", "rich", "--max-tokens", "2")
    chat.wait_for(YOU)
    chat.type("/temperature 0.25")
    chat.wait_for("temperature is 0.25")
    chat.wait_for(YOU)
    os.write(chat.ours, b"\x1b[A\n")
    chat.wait_for("temperature is 0.25")
    chat.wait_for(YOU)
    os.write(chat.ours, b"/und\t\n")
    chat.wait_for("nothing has been asked yet")


# ---- through pipes ----


def run(base: Path, *words: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "NANOCHAT_BASE_DIR": str(base), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "nanochat", "chat", *words]
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=given, capture_output=True, timeout=WITHIN
    )


def test_one_answer_and_nothing_else(base):
    done = run(base, "--prompt", "hi", "--temperature", "0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == f"{BEFORE}{RICH}\n"


def test_the_same_seed_gives_the_same_answer(base):
    first, second, third = (
        run(base, "--run", "chance", "--prompt", "hi", "--seed", seed, "--max-tokens", "30").stdout
        for seed in ("1", "1", "2")
    )
    assert first == second
    assert first != third


def test_lines_from_a_pipe_are_answered(base):
    done = run(
        base, "--run", "rich", "--max-tokens", "1", given=b"hi\n\n/undo\n//not a command\n\xff\n/nope\n"
    )
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [BEFORE[:7]] * 3
    assert "there is no command /nope" in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_question_that_does_not_fit(base, monkeypatch, capsys):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(base))
    assert cli.main(["chat", "--prompt", "x" * 5_000]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "the model reads 1,024 in all" in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--top-p", "3"], "--top-p 3.0 must be from 0 to 1"),
        (["--temperature", "nan"], "--temperature nan must be from 0 to 100"),
        (["--max-tokens", "0"], "--max-tokens 0: at least 1"),
        (["--run", "nothing"], "there is no run 'nothing'"),
        (["--device", "cuda:x"], "--device cuda:x: use cpu, cuda"),
        (["--tempertaure", "1"], "there is no --tempertaure; did you mean --temperature?"),
    ],
)
def test_a_chat_that_cannot_begin_says_why(base, monkeypatch, capsys, words, says):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(base))
    assert cli.main(["chat", *words]) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_a_base_model_may_be_talked_with_where_it_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NANOCHAT_BASE_DIR", str(tmp_path))
    small_chat_run.save_run("d1", *small_chat_run.chance(), stage="base")
    assert cli.main(["chat", "--prompt", "hi"]) == 2
    assert "there is no run of sft or rl" in capsys.readouterr().err
    assert cli.main(["chat", "--run", "d1", "--prompt", "hi", "--max-tokens", "3"]) == 0


# ---- the parts ----


@pytest.fixture
def chat() -> tuple[Chat, list[str]]:
    """A chat with a model that reads 96 tokens, and what it writes into a terminal without colours."""
    model, tokenizer = small_chat_run.saying("<|assistant_start|>yes.<|assistant_end|>")
    written: list[str] = []
    screen = Screen(written.append, terminal=True)
    return Chat(Engine(model, tokenizer, rows=1), tokenizer, screen, GREEDY), written


def test_old_turns_leave_with_a_note(chat):
    talk, written = chat
    for _ in range(5):
        talk.ask("a question of 26 tokens...")
    text = "".join(written)
    assert text.count("yes.\n") == 5
    assert "(the oldest turn no longer fits" in text
    assert "(the oldest 2 turns no longer fit" in text
    assert len(talk.conversation.messages) == 10  # they are kept for /save


def test_a_question_that_is_too_long_changes_nothing(chat):
    talk, written = chat
    talk.try_to(talk.ask, "x" * 200)
    assert talk.conversation.messages == []
    assert "the model reads 96 in all" in "".join(written)
    talk.ask("hi")


def test_a_file_of_somebody_else_is_not_overwritten(chat, tmp_path):
    talk, _ = chat
    file = tmp_path / "mine.jsonl"
    talk.save(str(file))
    talk.save(str(file))  # its own may be written again
    other = tmp_path / "other.txt"
    other.write_text("precious", encoding="utf-8")
    with pytest.raises(ValueError, match="is there already"):
        talk.save(str(other))
    assert other.read_text(encoding="utf-8") == "precious"
    talk.command(f"/save {tmp_path}/no/such/folder")  # a complaint, no end


def test_a_second_ctrl_c_ends_the_program():
    from nanochat.serve.terminal import until_ctrl_c

    with pytest.raises(KeyboardInterrupt), until_ctrl_c() as stop:  # noqa: PT012
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.asked
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_the_model_writes_cannot_command_the_terminal():
    written: list[str] = []
    screen = Screen(written.append, terminal=True, color=True)
    evil = "\x1b]0;title\x07\x1b[2J\x9b31m\r\u202etext\x08\x7f"
    screen.text(evil)
    screen.call(evil)
    screen.result(evil)
    for style in ("\x1b[2m", "\x1b[0m"):
        written = [one.replace(style, "") for one in written]
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", "".join(written))
    assert visible("é 日本 👩‍🚀\t\n") == "é 日本 👩‍🚀\t\n"


def test_a_program_gets_the_text_as_it_is():
    written: list[str] = []
    screen = Screen(written.append)
    screen.text("\x1b[2J")
    for part in (Part("python", "1"), Part("python_output", "1")):
        {"python": screen.call, "python_output": screen.result}[part.type](part.text)
    screen.aside("a note")
    assert written == ["\x1b[2J"]
