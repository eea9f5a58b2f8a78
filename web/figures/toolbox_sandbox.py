"""The figures and tables of guide 6 about the sandbox, made from the sandbox's own lists.

Nothing here says which layers this machine has: a page must be the same wherever it is built. What code
cannot do is tried out while building, where the machine can contain code; if something gets through there,
the build stops.
"""

from __future__ import annotations

import ast
import dataclasses
import os
import socket
import tempfile
from pathlib import Path

from nanochat.toolbox.sandbox import BREAK_OUT, LAYERS, Limits, SandboxUnavailable, run_python
from web.figures.svg import Svg
from web.figures.token_strip import WIDTH
from web.source import read_symbol

# Name, and in a few words what it does; from the outside to the inside.
NESTED = (
    ("process", "a Python of its own, killed at the end of its time"),
    ("limits", "memory, processor time, files, threads"),
    ("namespaces", "no other files, processes or networks exist"),
    ("landlock", "only Python's files and one folder open"),
    ("seccomp", "no programs, processes, sockets, signals"),
)
# How the guide says what the sandbox itself tries of each layer.
IN_WORDS = {
    "open(secret)": "read a file of yours",
    "open(secret, 'w')": "write a file of yours",
    "os.listdir('/')": "list the files of the machine",
    "os.chmod(secret, 0o777)": "change who may read a file",
    "os.kill(caller, 0)": "reach another process",
    "socket.socket(socket.AF_UNIX).connect(address)": "connect to another program",
    "os.fork()": "make a second process",
    "os.execv('/bin/true', ['true'])": "start another program",
}
LIMITS_IN_WORDS = {
    "seconds": ("seconds by the clock", "{:g}"),
    "cpu_seconds": ("seconds of the processor", "{:g}"),
    "memory": ("memory", "{:.0f} MiB"),
    "output": ("what it may print that is kept", "{:.0f} KiB"),
    "folder": ("its temporary folder", "{:.0f} MiB"),
    "threads": ("threads", "{:g}"),
    "open_files": ("open files", "{:g}"),
}
# What the build tries, as one program in the sandbox.
ATTEMPTS = {
    "read a file outside": "open(secret).read()",
    "change a file outside": "open(secret, 'a').write('x')",
    "give a file another date": "os.utime(secret)",
    "list a folder outside": "os.listdir(folder)",
    "connect to a server": "socket.create_connection(server, timeout=5)",
    "make a second process": "os.fork()",
    "run a program": "subprocess.run(['/bin/echo', 'hello'])",
    "reach another process": "os.kill(caller, 0)",
}
# What each program of tests/toolbox/escapes.py goes for; a new one there has to be told of here.
ESCAPES_IN_WORDS = {
    "a fork bomb": "copies itself again and again",
    "a daemon by double fork": "leaves a child behind that lives on",
    "other programs": "starts a shell, or Python once more",
    "reading files": "reads passwords, settings, your home folder",
    "links to what is outside": "makes a link inside that leads outside",
    "changing files": "writes, cuts, renames, removes what is outside",
    "sockets": "talks to the network, or to programs of the machine",
    "signals": "ends other processes",
    "reaching into other processes": "reads or changes the memory of others",
    "more rights": "raises its limits, becomes another user",
    "a namespace of its own": "builds a world in which it is the administrator",
    "huge files": "fills the disk",
    "many files": "fills the disk with names",
    "many open files": "uses up what the machine can hold open",
    "memory that no limit counts": "takes memory by side doors",
    "ends that are caught": "ignores every signal to stop",
    "threads without end": "starts threads until nothing moves",
}


def nested_layers() -> str:
    """The layers as boxes in boxes, the code in the innermost."""
    height = 62 + 46 * len(NESTED)
    drawing = Svg(
        "nested-layers",
        WIDTH,
        height,
        title="The layers of the sandbox",
        description="From outside to inside: "
        + "; ".join(f"{name}: {what}" for name, what in NESTED)
        + "; the code.",
    )
    for number, (name, what) in enumerate(NESTED):
        x, y = 2 + 10 * number, 2 + 38 * number
        drawing.box(x, y, WIDTH - 2 * x, height - y - 2 - 8 * number, tone=number + 1)
        drawing.text(x + 10, y + 16, name, kind="strong")
        drawing.text(x + 10, y + 31, what, size=12)
    x, y = 2 + 10 * len(NESTED), 4 + 38 * len(NESTED)
    drawing.box(
        x, y, WIDTH - 2 * x, height - y - 4 - 8 * len(NESTED), "the code that a model wrote", mono=True
    )
    return drawing.figure(
        "Code has to break every box around it to get out. The outer two are there on every Linux. The inner "
        "three need help from the kernel."
    )


def what_each_layer_must_stop() -> str:
    """A table of attempts and layers, from the list that the sandbox itself tries out."""
    attempts = list(dict.fromkeys(attempt for tried in BREAK_OUT.values() for attempt in tried))
    attempts.sort(key=list(IN_WORDS).index)
    drawing = Svg(
        "layer-attempts",
        WIDTH,
        30 + 30 * len(attempts),
        title="What each layer has to stop, alone",
        description=" ".join(
            f"{IN_WORDS[attempt]}: {', '.join(name for name in LAYERS if attempt in BREAK_OUT[name])}."
            for attempt in attempts
        ),
    )
    for column, name in enumerate(LAYERS):
        drawing.text(250 + 80 * column, 16, name, anchor="middle", size=12, kind="strong")
    for row, attempt in enumerate(attempts):
        y = 28 + 30 * row
        drawing.line(4, y, WIDTH - 4, y, grid=True)
        drawing.text(4, y + 15, IN_WORDS[attempt], middle=True, size=13)
        for column, name in enumerate(LAYERS):
            if attempt in BREAK_OUT[name]:
                drawing.box(
                    250 + 80 * column - 30,
                    y + 4,
                    60,
                    22,
                    "stops",
                    tone=LAYERS.index(name) + 3,
                    size=12,
                    round=3,
                )
    return drawing.figure(
        "The sandbox tries this before it trusts a layer. An empty place says nothing: what it names is not "
        "asked of that layer, or another one is relied on."
    )


def limits_table() -> list[str]:
    """The limits of one run, as lines of Markdown."""
    lines = ["| what | at most |", "| --- | ---: |"]
    for one in dataclasses.fields(Limits):
        words, form = LIMITS_IN_WORDS[one.name]
        value = getattr(Limits(), one.name) / (2**20 if "MiB" in form else 2**10 if "KiB" in form else 1)
        lines.append(f"| {words} | {form.format(value)} |")
    return lines


def attempts_table() -> list[str]:
    """What code tried in the sandbox, as lines of Markdown; RuntimeError if it got through while building."""
    got_through = tried_here()
    if got_through:
        raise RuntimeError(f"the sandbox did not stop: {', '.join(got_through)}")
    lines = ["| the code tries to | with | and is |", "| --- | --- | --- |"]
    lines += [f"| {what} | `{code}` | stopped |" for what, code in ATTEMPTS.items()]
    return lines


def tried_here() -> list[str]:
    """The attempts that got through; none are made where the machine cannot contain code.

    >>> tried_here()
    []
    """
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as server:
        # Not in /tmp itself: the code has a folder of that name, where such a file could be made.
        outside = Path(folder, "secret")
        outside.write_text("secret", encoding="utf-8")
        given = {
            "secret": str(outside), "folder": folder, "server": server.getsockname(), "caller": os.getpid(),
        }  # fmt: skip
        lines = ["import os, socket, subprocess", *(f"{name} = {value!r}" for name, value in given.items())]
        for what, code in ATTEMPTS.items():
            lines += ["try:", f"    {code}", f"    print({what!r})", "except OSError:", "    pass"]
        try:
            result = run_python("\n".join([*lines, "print('end')"]), limits=Limits(seconds=30))
        except SandboxUnavailable:
            return []
    found = result.stdout.splitlines()
    return found[:-1] if found[-1:] == ["end"] else [*found, f"the end: {result.stderr or result.exit_code}"]


def escapes_table() -> list[str]:
    """The programs of the tests that try to get out, as lines of Markdown."""
    names = escape_names()
    if set(names) != set(ESCAPES_IN_WORDS):
        raise RuntimeError(f"say in words what these go for: {set(names) ^ set(ESCAPES_IN_WORDS)}")
    lines = ["| escape | what it goes for |", "| --- | --- |"]
    return [*lines, *(f"| {name} | {ESCAPES_IN_WORDS[name]} |" for name in names)]


def escape_names() -> list[str]:
    """The names in tests/toolbox/escapes.py, read from the file.

    >>> escape_names()[0]
    'a fork bomb'
    """
    code = read_symbol("tests.toolbox.escapes:ESCAPES").code
    names: list[str] = list(ast.literal_eval(code.partition("=")[2].strip()))
    return names
