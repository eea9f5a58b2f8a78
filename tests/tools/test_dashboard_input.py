"""Files of every kind, whole and broken, given to the training dashboard; files that change meanwhile."""

from __future__ import annotations

import fcntl
import json
import math
import os
import pty
import select
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tools import training_dashboard
from tools.core.command import main
from tools.core.errors import ToolError
from tools.core.json_report import figures
from tools.dashboard.follow import Tail
from tools.dashboard.history import History, read_history
from tools.dashboard.question import Question
from tools.dashboard.runs import Run
from tools.training_dashboard import TOOL, follow

SCRIPT = str(Path(__file__).resolve().parents[2] / "tools" / "training_dashboard.py")


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", line.replace("TOOL", shlex.join([sys.executable, SCRIPT]))]
    environment = os.environ | {"NANOCHAT_BASE_DIR": str(folder)}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=folder, env=environment
    )


def step(number: int, loss: float = 2.0, **more: Any) -> bytes:
    return json.dumps({"step": number, "loss": loss, **more}).encode() + b"\n"


def events(path: Path, **values: Any) -> list[tuple[int, str, str]]:
    found = figures(TOOL.ask(runs=[str(path)], **values))["trouble"].get("events", [])
    return [(row["step"], row["kind"], row["said"]) for row in found]  # type: ignore[attr-defined]


def losses(path: Path) -> list[list[float]]:
    return figures(TOOL.ask(runs=[str(path)]))["curves"]["loss"]["each step"]  # type: ignore[index]


BROKEN = {
    "empty": (b"", 1, "m.jsonl is empty: the run has not finished its first step"),
    "blank lines": (b"\n\n", 1, "m.jsonl is empty"),
    "truncated in the middle": (step(1) + b'{"step": 2, "lo\n' + step(3), 1, "m.jsonl:2: not JSON: Unter"),
    "only a cut line": (b'{"step": 1, "lo', 1, "m.jsonl:1: not JSON"),
    "latin-1": (step(1) + b'{"step": 2, "note": "caf\xe9"}\n', 1, "m.jsonl:2: not UTF-8 text: byte 0xe9"),
    "UTF-16": ('{"step": 1}\n'.encode("utf-16"), 1, "m.jsonl:1: holds zero bytes"),
    "binary": (bytes(range(256)), 1, "m.jsonl:1: holds zero bytes"),
    "a list": (b"[1, 2]\n", 1, "m.jsonl:1: no object with a step"),
    "no step": (step(1) + b'{"loss": 2.0}\n', 1, 'm.jsonl:2: there is no "step" in this line; it has loss'),
    "a step in words": (b'{"step": "one"}\n', 1, "m.jsonl:1: the step must be a whole number from 0"),
    "a step below 0": (b'{"step": -1}\n', 1, "m.jsonl:1: the step must be a whole number"),
    "a step that is true": (b'{"step": true}\n', 1, "m.jsonl:1: the step must be a whole number"),
    "a loss in words": (
        step(1) + b'{"step": 2, "loss": "low"}\n', 1, "m.jsonl:2: loss must be a number, not 'low'"
    ),
    "no figures": (b'{"step": 1, "text": "hi"}\n', 1, "m.jsonl: no line has a figure to draw; beside"),
    "deep": (b'{"step": 1, "a": ' + b"[" * 100_000 + b"\n", 1, "m.jsonl:1: not JSON"),
    "digits": (b'{"step": 1, "loss": ' + b"9" * 5_000 + b"}\n", 1, "m.jsonl:1: not JSON: a number with"),
    "too many keys": (
        b"".join(step(n, **{f"k{n}_{i}": 1 for i in range(300)}) for n in range(5)), 1,
        "m.jsonl:4: more than 1,000 different keys",
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_one_line_with_file_line_and_reason(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, code, words = BROKEN[kind]
    path, out = tmp_path / "m.jsonl", tmp_path / "out.csv"
    path.write_bytes(data)
    for flags in ([], ["--json"], ["--csv", str(out)], ["--csv", "-"], ["--html", str(out)]):
        assert main(TOOL, [str(path), *flags]) == code
        said = capsys.readouterr()
        assert (said.err.count("\n"), said.out) == (1, "")
        assert words in said.err
        assert not out.exists()


def test_the_command_itself_shows_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "m.jsonl").write_bytes(step(1) + b'{"step": 2, "lo\n')
    done = shell("TOOL m.jsonl", tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (1, 1, "")
    assert done.stderr.startswith("training_dashboard: error: m.jsonl:2: not JSON: Unterminated string")


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("TOOL", 2, "name a run, its folder or its metrics.jsonl"),
        ("TOOL missing.jsonl", 2, "'missing.jsonl' is no file, no folder, and no run in"),
        ("TOOL a/b.jsonl", 2, "'a/b.jsonl' is no file, no folder here"),
        ("TOOL 'no such name'", 2, "cannot be a folder's"),
        ("mkdir d && TOOL d", 2, "d has no metrics.jsonl, and no folder in it has one"),
        ("mkdir -p d && echo {} > d/config.json && TOOL d", 1, "d has no metrics.jsonl yet"),
        ("mkdir -p runs/d4 && echo {} > runs/d4/config.json && TOOL d4", 1, "d4 has no metrics.jsonl yet"),
        ("mkdir -p runs/d4 && TOOL d4", 2, "d4 has no metrics.jsonl, and no folder in it has one"),
        ("echo '{}' > config.json && TOOL config.json", 2, "is a run's config; give its metrics.jsonl"),
        ("echo '[' > config.json && echo {} > metrics.jsonl && TOOL .", 1, "config.json is not JSON"),
        ("echo '[]' > config.json && echo {} > metrics.jsonl && TOOL .", 1, "is no config of a run"),
        ("TOOL --example base --smoothing 1", 2, "--smoothing must be at most 0.9999, not 1"),
        ("TOOL --example base --show los", 2, "did you mean loss"),
        ("TOOL --example middle", 2, "--example must be base, sft, rl or all"),
        ("echo '{\"step\":1,\"loss\":2}' > m && TOOL m --x tokens", 1, 'm:1: there is no "tokens" in this'),
        ("TOOL <(printf '{\"step\":2}\\n{\"step\":1}\\n')", 1, "is a pipe, and it must be read twice"),
    ],
)  # fmt: skip
def test_a_wrong_question_is_one_line(line: str, code: int, words: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert (done.returncode, done.stderr.count("\n"), done.stdout) == (code, 1, "")
    assert words in done.stderr


def test_no_permission(capsys: pytest.CaptureFixture[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        before, path = Path(name) / "before.jsonl", Path(name) / "m.jsonl"
        before.write_bytes(step(1))
        path.write_bytes(step(1))
        path.chmod(0)
        assert main(TOOL, [str(before)]) == 0  # all that is imported, is imported now
        capsys.readouterr()
        me = os.geteuid()
        if me == 0:  # root may read everything, so be nobody for a moment
            os.seteuid(65534)
        try:
            code = main(TOOL, [str(path)])
        finally:
            os.seteuid(me)
    said = capsys.readouterr()
    assert (code, said.out, said.err.count("\n")) == (1, "", 1)
    assert "m.jsonl cannot be read: Permission denied" in said.err


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    done = shell('TOOL --json <(printf \'{"step":1,"loss":2}\\n{"step":2,"loss":1}\\n\')', tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["sections"]["runs"]["runs"][0]["step"] == 2


def test_a_file_may_have_a_mark_windows_line_ends_and_no_end(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + step(1).replace(b"\n", b"\r\n") + b"\r\n" + step(2).rstrip())
    assert losses(path) == [[1, 2.0], [2, 2.0]]
    assert events(path) == []


def test_a_line_still_being_written_is_left_out_and_said(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(step(1) + step(2) + b'{"step": 3, "loss": 1.')
    assert losses(path) == [[1, 2.0], [2, 2.0]]
    assert events(path) == [(2, "cut line", "line 3 stops in its middle; it is left out")]


def test_values_that_are_no_numbers_are_named_and_leave_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        step(1) + b'{"step": 2, "loss": NaN}\n{"step": 3, "loss": null}\n{"step": 4, "loss": 1e999}\n'
        + step(5, 1.0) + b'{"step": 6, "loss": ' + b"9" * 400 + b"}\n" + step(7, 3.0)
    )  # fmt: skip
    assert events(path) == [(2, "not a number", "loss is NaN or infinite in 4 steps, the last at 6")]
    assert [x for x, y in losses(path) if not math.isfinite(y)] == [2, 3, 4, 6]  # where the line has gaps
    found = figures(TOOL.ask(runs=[str(path)]))["run_1"]["metrics"][0]  # type: ignore[index]
    assert (found["last"], found["lowest"], found["mean"]) == (3.0, 1.0, 2.0)


def test_divergence_is_what_stops_the_trainer(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"".join(step(n, 4.0 if n <= 30 else 20.0) for n in range(1, 41)))
    kinds = {kind: (at, said) for at, kind, said in events(path)}
    assert kinds["diverged"] == (31, "the loss has shot up to 20.00 from about 4.00")
    assert kinds["spike of the loss"][0] == 31
    path.write_bytes(b"".join(step(n, 20.0 if 30 < n < 33 else 4.0) for n in range(1, 90)))
    said = {kind: said for _, kind, said in events(path)}
    assert "; it came back after step" in said["diverged"]


def test_the_loss_of_rl_has_no_spikes_and_its_reward_may_fall(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(
        b"".join(step(n, 9.0 if n == 40 else -0.1 * (n % 3), reward=0.0 if n == 50 else 0.8 + n % 3 / 50)
                 for n in range(1, 60))
    )  # fmt: skip
    assert [(at, kind) for at, kind, _ in events(path)] == [(50, "fall of the reward")]


def test_gaps_repeats_and_resumes(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    # Steps 1 to 6; resumed from the checkpoint of step 3; step 5 is there twice; 6 and 7 are missing.
    path.write_bytes(
        b"".join(step(n, 9.0) for n in (1, 2, 3, 4, 5, 6))
        + step(4, 4.0)
        + step(5, 7.0)
        + step(5, 5.0)
        + step(8, 8.0)
    )
    assert losses(path) == [[1, 9.0], [2, 9.0], [3, 9.0], [4, 4.0], [5, 5.0], [8, 8.0]]
    assert events(path) == [
        (4, "resumed", "line 7 goes back from step 6; the later lines count"),
        (8, "gap", "2 steps missing after step 5"),
        (8, "repeated", "1 step written twice in a row; the last counts"),
    ]
    rows = "".join(TOOL.exports[0].write(Question(runs=(path,)))).splitlines()
    assert [row.split(",")[1:] for row in rows[1:]] == [
        ["1", "9.0"], ["2", "9.0"], ["3", "9.0"], ["4", "4.0"], ["5", "5.0"], ["8", "8.0"]
    ]  # fmt: skip


def test_a_run_that_writes_every_tenth_step_has_no_gaps(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"".join(step(n) for n in range(10, 200, 10)) + step(230))
    assert events(path) == [(230, "gap", "30 steps missing after step 190")]


def test_a_file_is_read_again_only_if_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(step(1))
    reads = []

    def counted(run: Run, x: str, smoothing: float) -> History:
        reads.append(x)
        return read_history(run, x, smoothing)

    monkeypatch.setattr(training_dashboard, "read_history", counted)
    for show in ([], ["loss"]):
        TOOL.ask(runs=[str(path)], show=show)
    assert len(reads) == 1
    TOOL.ask(runs=[str(path)], smoothing=0.5)
    assert len(reads) == 2
    path.write_bytes(step(1) + step(2))
    assert losses(path)[-1][0] == 2
    path.write_bytes(step(1) + step(3))  # as long as before
    os.utime(path, (1, 1))
    assert losses(path)[-1][0] == 3
    for number in range(30):
        TOOL.ask(runs=[str(path)], smoothing=number / 100)
    assert len(training_dashboard.READ) <= training_dashboard.MOST_READ


# Files that change while they are followed.


def seen(tail: Tail) -> list[tuple[float, float]]:
    assert isinstance(tail.history, History)
    return tail.history.columns["loss"].curve.points()


def test_following_survives_appending_cutting_rewriting_and_replacing(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"")
    tail = Tail(Run("m", path))
    assert not tail.look()
    with path.open("ab") as file:  # appended, with a line that is not finished yet
        file.write(step(1, 1.0) + step(2, 2.0) + b'{"step": 3, ')
        file.flush()
        assert tail.look()
        assert seen(tail) == [(1, 1.0), (2, 2.0)]
        file.write(b'"loss": 3.0}')
        file.flush()
        assert not tail.look()  # no line break yet
        file.write(b"\n" + step(4, 4.0))
        file.flush()
        assert tail.look()
        assert not tail.look()
    assert seen(tail) == [(1, 1.0), (2, 2.0), (3, 3.0), (4, 4.0)]
    os.truncate(path, len(step(1, 1.0)))
    assert tail.look()
    assert seen(tail) == [(1, 1.0)]
    path.write_bytes(step(1, 5.0) + step(2, 6.0) + step(3, 7.0))  # rewritten in its place, and longer
    assert tail.look()
    assert seen(tail) == [(1, 5.0), (2, 6.0), (3, 7.0)]
    path.write_bytes(step(1, 4.0) + step(2, 4.0) + step(3, 7.0))  # rewritten, as long, with the same end
    os.utime(path, (1, 1))
    assert tail.look()
    assert seen(tail) == [(1, 4.0), (2, 4.0), (3, 7.0)]
    beside = tmp_path / "beside"  # replaced, as `keep_up_to` does for a resumed run
    beside.write_bytes(step(1, 5.0) + step(2, 6.0))
    beside.replace(path)
    assert tail.look()
    assert seen(tail) == [(1, 5.0), (2, 6.0)]
    with path.open("ab") as file:  # resumed without that: a step goes back
        file.write(step(2, 8.0) + step(3, 9.0))
    assert tail.look()
    assert seen(tail) == [(1, 5.0), (2, 8.0), (3, 9.0)]
    path.unlink()
    assert not tail.look()
    path.write_bytes(step(1, 1.5))
    assert tail.look()
    assert seen(tail) == [(1, 1.5)]


def test_what_follows_is_what_reading_the_whole_file_gives(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(b"")
    tail = Tail(Run("m", path))
    for start in range(0, 3_000, 700):
        with path.open("ab") as file:
            file.write(b"".join(step(n, 2 + n % 7, seconds=0.5) for n in range(start, start + 700)))
        tail.look()
    whole = Tail(Run("m", path))
    whole.look()
    assert tail.history is not None
    assert whole.history is not None
    assert seen(tail) == seen(whole)
    assert tail.history.columns["loss"].mean == pytest.approx(whole.history.columns["loss"].mean)
    assert tail.history.smoothed["loss"][0].now == pytest.approx(whole.history.smoothed["loss"][0].now)


def test_a_damaged_line_ends_following_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(step(1))
    tail = Tail(Run("m", path))
    tail.look()
    with path.open("ab") as file:
        file.write(b"oops\n")
    with pytest.raises(ToolError, match=r"m.jsonl:2: not JSON"):
        tail.look()


def test_following_ends_with_the_last_step(tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(step(1))

    def grow() -> None:
        for number in (2, 3):
            time.sleep(0.15)
            with path.open("ab") as file:
                file.write(step(number))

    thread = threading.Thread(target=grow)
    thread.start()
    reports = list(follow(Question(runs=(path,), steps=3, follow=True, every=0.05)))
    thread.join()
    assert [figures(one)["runs"]["runs"][0]["step"] for one in reports] == [1, 2, 3]  # type: ignore[index]
    assert set(figures(reports[0])) == {"runs", "curves", "trouble"}
    assert "run_1" in figures(reports[-1])  # the last one is whole


def test_following_waits_for_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"name": "new", "stage": "sft", "settings": {"steps": 2}}')
    reports = follow(Question(runs=(tmp_path,), follow=True, every=0.01))
    first = next(reports)
    assert [section.title for section in first.sections] == ["Waiting"]
    (tmp_path / "metrics.jsonl").write_bytes(b"")
    (tmp_path / "metrics.jsonl").write_bytes(step(1) + step(2))
    row = figures(next(reports))["runs"]["runs"][0]  # type: ignore[index]
    assert (row["run"], row["stage"], row["step"], row["steps"]) == ("new", "sft", 2, 2)
    assert list(reports) == []


@pytest.mark.parametrize("rows", [0, 24, 36])
def test_following_on_a_real_terminal_until_ctrl_c(rows: int, tmp_path: Path) -> None:
    path = tmp_path / "m.jsonl"
    path.write_bytes(step(1))
    first, second = pty.openpty()
    fcntl.ioctl(second, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 80, 0, 0))
    command = [sys.executable, SCRIPT, str(path), "--follow", "--every", "0.05", "--steps", "9"]
    process = subprocess.Popen(
        command, stdout=second, stderr=subprocess.PIPE, env=os.environ | {"COLUMNS": "80"}
    )
    os.close(second)
    drawn = b""

    def read_until(words: bytes) -> None:
        nonlocal drawn
        deadline = time.monotonic() + 30
        while words not in drawn and time.monotonic() < deadline:
            if select.select([first], [], [], 0.1)[0]:
                drawn += os.read(first, 65536)
        assert words in drawn

    read_until(b"\x1b[J")
    with path.open("ab") as file:
        file.write(step(2) + step(3) + step(7))
    read_until(b"   7   9")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    os.close(first)
    screens = drawn.split(b"\x1b[H")[1:]
    assert len(screens) >= 2
    # On a small screen there is less, so that it never scrolls.
    assert rows == 0 or max(screen.count(b"\n") for screen in screens) < rows
    assert (b"CURVES" in screens[0]) == (rows != 24)
    assert (b"TROUBLE" in screens[0]) == (rows != 36)
