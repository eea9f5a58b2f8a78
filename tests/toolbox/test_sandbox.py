"""The sandbox as its callers see it: what code may do, what comes back, and when it is refused."""

from __future__ import annotations

import gc
import os
import resource
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nanochat.errors import UserError
from nanochat.toolbox import sandbox
from nanochat.toolbox.sandbox import (
    LAYERS,
    Limits,
    SandboxResult,
    SandboxUnavailable,
    available_layers,
    run_python,
)
from nanochat.toolbox.tools import make_tools, told
from tests.toolbox.escapes import WAYS

CONTAINED = [way for way in WAYS if way != "namespaces alone"]


@pytest.fixture(params=CONTAINED)
def without(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Each way to contain code that this machine has; refused in the others, which a test below holds."""
    if available_layers(frozenset(WAYS[request.param])).missing:
        pytest.skip(f"this machine has not the layers for {request.param}; there code is refused")
    return WAYS[request.param]


# ---- what comes back ----


def test_output_and_errors_come_back_apart(without: tuple[str, ...]) -> None:
    result = run_python("import sys; print('out'); print('err', file=sys.stderr)", without=without)
    assert (result.stdout, result.stderr, result.exit_code) == ("out\n", "err\n", 0)
    assert (result.timed_out, result.out_of_memory, result.truncated, result.folder_full) == (False,) * 4


@pytest.mark.parametrize(
    ("code", "exit_code", "error"),
    [
        ("", 0, ""),
        ("import sys; sys.exit()", 0, ""),
        ("import sys; sys.exit(3)", 3, ""),
        ("import sys; sys.exit('why')", 1, "why"),
        ("raise SystemExit", 0, ""),
        ("import os; os._exit(7)", 7, ""),
        ("1 / 0", 1, "ZeroDivisionError: division by zero"),
        ("raise KeyboardInterrupt", 1, "KeyboardInterrupt"),
        ("print('", 1, "SyntaxError: unterminated string literal (detected at line 1)"),
        ("a = 1\0", 1, "null bytes"),
        ("'\ud800'", 1, "UnicodeEncodeError"),
        ("x: int = 1\nprint(__annotations__['x'] is int or 1 / 0)", 0, ""),  # no __future__ of the launcher's
        ("import os; os.abort()", -6, ""),
        ("import os; os.kill(os.getpid(), 15)", -15, ""),
        ("import ctypes; ctypes.string_at(0)", -11, ""),
        ("def f(): f()\nf()", 1, "RecursionError: maximum recursion depth exceeded"),
        ("(" * 10_000, 1, "too many nested parentheses"),
    ],
)
def test_how_it_ended(code: str, exit_code: int, error: str) -> None:
    result = run_python(code, unsafe=True)
    assert result.exit_code == exit_code, result
    assert error in (result.stderr.splitlines() or [""])[-1]
    assert "launcher" not in result.stderr  # a traceback shows the code alone


def test_a_traceback_names_the_lines_of_the_code() -> None:
    result = run_python("def f():\n    1 / 0\n\nf()", unsafe=True)
    lines = [line.strip() for line in result.stderr.splitlines()]
    assert [line for line in lines if line.startswith("File")] == [
        'File "<code>", line 4, in <module>',
        'File "<code>", line 2, in f',
    ]


def test_output_that_is_no_utf8() -> None:
    result = run_python(r"import os; os.write(1, b'a\xff\x00b'); os.write(2, b'\xe2\x82')", unsafe=True)
    assert (result.stdout, result.stderr) == ("a\ufffd\0b", "\ufffd")
    assert run_python(
        "print('naïve 🙂', '\\ud800'.encode('utf-8', 'surrogatepass'))", unsafe=True
    ).stdout == ("naïve 🙂 b'\\xed\\xa0\\x80'\n")


def test_standard_input() -> None:
    echo = "import sys; print(input()); print(sys.stdin.read(), end=''); print(repr(sys.stdin.read()))"
    assert run_python(echo, unsafe=True, stdin="ä\nb\nc").stdout == "ä\nb\nc''\n"
    assert run_python("input()", unsafe=True).stderr.endswith("EOFError: EOF when reading a line\n")
    long = "x" * 3_000_000
    assert (
        run_python("import sys; print(len(sys.stdin.read()))", unsafe=True, stdin=long).stdout == "3000000\n"
    )


def test_long_code() -> None:
    assert run_python("x = 1\n" * 100_000 + "print(x)", unsafe=True).stdout == "1\n"


# ---- what code may do ----


def test_the_standard_library_works(without: tuple[str, ...]) -> None:
    code = """
import asyncio, bz2, collections, ctypes, dataclasses, datetime, decimal, fractions, functools, hashlib
import heapq, itertools, json, lzma, math, multiprocessing, pickle, queue, random, re, signal, socket, sqlite3
import ssl, statistics, string, struct, tempfile, threading, time, typing, unicodedata, unittest, uuid, zlib
import zoneinfo
from concurrent.futures import ThreadPoolExecutor

@dataclasses.dataclass
class Point:
    x: int

assert pickle.loads(pickle.dumps(Point(1))) == Point(1)
assert sqlite3.connect("x.db").execute("select 1").fetchall() == [(1,)]
assert hashlib.sha256(b"").hexdigest()[:4] == "e3b0"
with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, range(-5, 0))) == [5, 4, 3, 2, 1]

async def later():
    await asyncio.sleep(0.001)
    return await asyncio.get_running_loop().run_in_executor(None, int, "3")

assert asyncio.run(later()) == 3
with tempfile.TemporaryFile() as file:
    file.write(b"x")
random.random(), uuid.uuid4(), time.time(), time.sleep(0), datetime.datetime.now()
signal.signal(signal.SIGALRM, lambda *_: print("alarm"))
signal.setitimer(signal.ITIMER_REAL, 0.01)
time.sleep(0.1)
print(__name__)
"""
    result = run_python(code, without=without)
    assert (result.stdout, result.stderr) == ("alarm\n__main__\n", "")


def test_it_starts_with_nothing(without: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "secret")
    monkeypatch.setenv("PYTHONPATH", "/work")
    code = (
        "import os, sys; print(dict(os.environ), os.listdir('.'), 'site' in sys.modules, sys.flags.isolated)"
    )
    assert run_python(code, without=without).stdout == "{} [] False 1\n"
    code = "import sys; print([one for one in sys.path if 'packages' in one or 'work' in one])"
    assert run_python(code, without=without).stdout == "[]\n"


OPEN_FILES = """
import os
for number in range(3000):
    try:
        os.fstat(number)
        print(number)
    except OSError:
        pass
"""


def test_no_file_of_the_caller_is_open_in_it(without: tuple[str, ...]) -> None:
    with tempfile.TemporaryFile() as file:
        os.set_inheritable(file.fileno(), True)
        assert run_python(OPEN_FILES, without=without).stdout == "0\n1\n2\n"


def test_the_temporary_folder_is_its_own_and_goes(
    without: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "import os; open('x', 'w').write('mine'); print(open('x').read(), os.listdir('.'))"
    for _ in range(2):
        assert run_python(code, without=without).stdout == "mine ['x']\n"
    assert run_python(code + "\nwhile True: pass", without=without, limits=Limits(seconds=0.3)).timed_out
    assert os.listdir(tmp_path) == []


# ---- limits ----


def test_time(without: tuple[str, ...]) -> None:
    result = run_python(
        "print('a', flush=True)\nwhile True: pass", without=without, limits=Limits(seconds=0.3)
    )
    assert (result.stdout, result.timed_out, result.exit_code) == ("a\n", True, -9)


def test_processor_time_whatever_is_caught(without: tuple[str, ...]) -> None:
    code = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = run_python(code, without=without, limits=Limits(seconds=30, cpu_seconds=1))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert (result.timed_out, result.exit_code) == (True, -9)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 5


def test_recursion_without_a_limit() -> None:
    code = "import sys; sys.setrecursionlimit(10**9)\ndef f(): f()\nf()"
    result = run_python(code, unsafe=True, limits=Limits(seconds=2, memory=64 * 2**20))
    assert result.exit_code != 0
    code = (
        "import sys, functools; sys.setrecursionlimit(10**9)\nf = lambda: sorted([1], key=lambda _: f())\nf()"
    )
    assert run_python(code, unsafe=True, limits=Limits(seconds=2)).exit_code != 0


@pytest.mark.parametrize("code", ["10**10**8", "'%0999999999d' % 1 * 3", "(lambda n: n**n**n)(99)"])
def test_huge_numbers(code: str, without: tuple[str, ...]) -> None:
    result = run_python(code, without=without, limits=Limits(seconds=1))
    assert result.timed_out or result.out_of_memory


@pytest.mark.parametrize(
    "code",
    ["bytearray(10**9)", "a = 'x'\nwhile True: a += a", "a = []\nwhile True: a.append(bytearray(10**6))"],
)
def test_memory(code: str, without: tuple[str, ...]) -> None:
    result = run_python(code, without=without)
    assert result.out_of_memory, result
    assert (result.exit_code, result.timed_out) == (1, False)
    caught = run_python("try: bytearray(10**9)\nexcept MemoryError: print('caught')", without=without)
    assert (caught.stdout, caught.out_of_memory) == ("caught\n", False)


def test_memory_that_was_allowed_can_be_used(without: tuple[str, ...]) -> None:
    code = "print(len(bytearray(150 * 2**20)))"
    assert run_python(code, without=without).exit_code == 0
    assert run_python(code, without=without, limits=Limits(memory=100 * 2**20)).out_of_memory


def test_endless_output_fills_nothing(without: tuple[str, ...]) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    code = "import os\npiece = b'x' * 2**16\nwhile True: os.write(1, piece), os.write(2, piece)"
    result = run_python(code, without=without, limits=Limits(seconds=1, output=1000))
    assert (result.stdout, result.stderr) == ("x" * 1000, "x" * 1000)
    assert result.truncated
    assert result.timed_out
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 * 2**10  # KiB


def test_output_as_long_as_allowed_is_whole(without: tuple[str, ...]) -> None:
    result = run_python("print('x' * 999)", without=without, limits=Limits(output=1000))
    assert (len(result.stdout), result.truncated) == (1000, False)
    result = run_python("print('x' * 1000)\nprint('end')", without=without, limits=Limits(output=1000))
    assert (len(result.stdout), result.truncated, result.exit_code) == (1000, True, 0)


def test_room_in_the_folder(without: tuple[str, ...]) -> None:
    limits = Limits(folder=2**20, seconds=30)
    big = run_python("open('x', 'wb').write(bytes(2**21))", without=without, limits=limits)
    assert "OSError" in big.stderr
    many = "import time\nfor n in range(20): open(f'{n}', 'wb').write(bytes(2**19))\ntime.sleep(20)"
    result = run_python(many, without=without, limits=limits)
    assert result.folder_full or "No space left on device" in result.stderr


# ---- refusal ----


@pytest.mark.parametrize(
    ("left_out", "lacks"),
    [
        (LAYERS, "seccomp and namespaces or landlock"),
        (("namespaces", "landlock"), "namespaces or landlock"),
        (("seccomp",), "seccomp"),
    ],
)
def test_what_cannot_be_contained_is_refused(left_out: tuple[str, ...], lacks: str) -> None:
    with pytest.raises(SandboxUnavailable) as refusal:
        run_python("print(1)", without=left_out)
    assert isinstance(refusal.value, UserError)
    message = str(refusal.value)
    assert "\n" not in message
    if not available_layers().missing:
        assert message.startswith(f"this machine cannot contain Python code: it lacks {lacks} (")
        assert "left out" in message
    assert message.endswith("; --unsafe-sandbox runs it all the same")


def test_unsafe_runs_with_what_there_is() -> None:
    result = run_python("print(1)", unsafe=True, without=LAYERS)
    assert (result.stdout, result.layers.names) == ("1\n", ())
    assert result.layers.missing == ("seccomp", "namespaces or landlock")


@pytest.mark.parametrize("left_out", [(), ("namespaces",), ("landlock",)])
def test_a_result_says_which_layers_were_on(left_out: tuple[str, ...]) -> None:
    layers = available_layers(frozenset(left_out))
    assert set(layers.names) | set(layers.why_not) == set(LAYERS)
    if layers.missing:
        with pytest.raises(SandboxUnavailable):
            run_python("print(1)", without=left_out)
    else:
        assert run_python("print(1)", without=left_out).layers == layers


def test_a_layer_that_does_not_hold_is_not_relied_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel, or an imitation of one, may say yes and do nothing: trying out must see that."""
    real = sandbox._run

    def pretending(code: str, stdin: str, limits: Limits, layers: sandbox.Layers) -> SandboxResult:
        return real(code, stdin, limits, sandbox.Layers(()))

    monkeypatch.setattr(sandbox, "_run", pretending)
    for name in LAYERS:
        why = sandbox._try_out.__wrapped__(name)
        assert why is not None
        assert why.startswith("it did not stop ["), why


def test_a_layer_that_fails_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Namespaces can run out between the trying and the run; the code must not run without them."""
    start = """
import sys; sys.path.append(sys.argv[1])
from nanochat.toolbox.layers import launcher, namespaces
def enter(*_): raise OSError(28, "no more of them")
namespaces.enter = enter
launcher.main(int(sys.argv[2]))
"""
    monkeypatch.setattr(sandbox, "START", start)
    with pytest.raises(SandboxUnavailable, match="no more of them"):
        sandbox._run("print(1)", "", Limits(), sandbox.Layers(("namespaces",)))


def test_a_python_that_does_not_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "_base_executable", str(tmp_path / "python"), raising=False)
    with pytest.raises(SandboxUnavailable, match="Python cannot be started for the sandbox"):
        sandbox._run("", "", Limits(), sandbox.Layers(()))
    monkeypatch.setattr(sys, "_base_executable", "/bin/false")
    with pytest.raises(SandboxUnavailable, match="the launcher did not start"):
        sandbox._run("", "", Limits(), sandbox.Layers(()))


def test_another_system_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(SandboxUnavailable, match="the Python sandbox needs Linux; this is darwin"):
        available_layers.__wrapped__()


# ---- many at once ----


def test_many_threads_at_once(without: tuple[str, ...]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with ThreadPoolExecutor(12) as pool:
        codes = [f"import time; time.sleep(0.05); print({number})" for number in range(60)]
        results = list(pool.map(lambda code: run_python(code, without=without), codes))
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(60)]
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before


def test_a_caller_with_many_open_files(without: tuple[str, ...]) -> None:
    most = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 1024)
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(most - 200)]
    try:
        assert run_python(OPEN_FILES, without=without).stdout == "0\n1\n2\n"
    finally:
        for number in opened:
            os.close(number)


# ---- as the model sees it ----


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("37 * 12", "444"),
        ("2 ** 0.5", "1.41421356237"),  # the calculator's twelve digits, not Python's
        ("sum(range(10))", "45"),
        ("sorted('banana')", "['a', 'a', 'a', 'b', 'n', 'n']"),
        ("print(3)", "3"),
        ("None", ""),
        ("x = 3\nprint(x)\n\n", "3"),
        ("# only a remark", ""),
        ("1 / 0", "error: division by zero"),
        ("9**9**9", "error: the number is too large or too small"),  # at once: Python would try
        ("1 / len('')", "error: division by zero"),
        ("1 / len([])", "error: ZeroDivisionError: division by zero"),
        ("print(1)\nint('x')", "1\nerror: ValueError: invalid literal for int() with base 10: 'x'"),
        ("def", "error: SyntaxError: invalid syntax"),
        ("import sys; sys.exit(3)", "error: it ended with code 3"),
    ],
)
def test_answers(code: str, answer: str) -> None:
    assert make_tools(python=True, unsafe=True)(code) == answer


def test_the_calculator_alone() -> None:
    answer = make_tools(python=False)
    assert answer("6 * 7") == "42"
    assert answer("print(1)").startswith("error: 'print' is not known")


def test_a_machine_without_layers_says_so_before_the_first_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "available_layers", lambda _: sandbox.Layers((), {"seccomp": "none here"}))
    with pytest.raises(SandboxUnavailable, match="lacks seccomp and namespaces or landlock"):
        make_tools(python=True)
    assert make_tools(python=False)("1 + 1") == "2"


def test_what_is_told_of_a_run_that_was_stopped() -> None:
    limits = Limits(seconds=0.2)
    result = run_python("print(1, flush=True)\nwhile True: pass", unsafe=True, limits=limits)
    assert told(result) == "1\nerror: it took too long and was stopped"
    memory = run_python("bytearray(10**10)", unsafe=True)
    assert told(memory) == "error: MemoryError"


def test_importing_the_tools_brings_no_sandbox() -> None:
    program = "import nanochat.toolbox.tools, sys; print('nanochat.toolbox.sandbox' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
