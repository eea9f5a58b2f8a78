"""Lines of JSON from files of any size: places of mistakes, and memory that does not grow."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools.core import jsonl
from tools.core.errors import ToolError
from tools.core.jsonl import records

ROOT = Path(__file__).resolve().parents[3]


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "a.jsonl"
    path.write_bytes(data)
    return path


def test_each_line_has_its_number_and_its_place(tmp_path):
    data = b'\xef\xbb\xbf{"a": 1}\r\n\n  \n{"b": "\xc3\xa4"}\n[2]'
    found = list(records(written(tmp_path, data)))
    assert [(one.line, one.parse(), one.cut) for one in found] == [
        (1, {"a": 1}, False),
        (4, {"b": "ä"}, False),
        (5, [2], True),
    ]
    assert [data[one.start : one.start + 3] for one in found] == [b'{"a', b'{"b', b"[2]"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"a": 1}\n{"a": \n', r"a\.jsonl:2: not JSON: Expecting value at"),
        (b'{"a": 1}\n{"a"', r"a\.jsonl:2: not JSON: .*; the file ends within this line"),
        (b"[" * 100_000, r"a\.jsonl:1: not JSON: brackets inside brackets"),
        (b'{"a": 1}\n\xff{}\n', r"a\.jsonl:2: not UTF-8 text: byte 0xff at position 1 of the line"),
        ('{"a": 1}\n'.encode("utf-16-le"), r"a\.jsonl:1: holds zero bytes, so this is a binary file"),
        (b'{"a": ' + b"9" * 5_000 + b"}", r"a\.jsonl:1: not JSON: a number with thousands of digits"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path, data, words):
    path = written(tmp_path, data)
    with pytest.raises(ToolError, match=words):
        [record.parse() for record in records(path)]


def test_a_line_too_long_is_refused_by_its_number(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonl, "LONGEST_LINE", 10)
    assert [one.text for one in records(written(tmp_path, b"123456789\n"))] == ["123456789"]
    with pytest.raises(ToolError, match=r"a\.jsonl:2: a line of more than"):
        list(records(written(tmp_path, b"1\n12345678901\n")))


@pytest.mark.parametrize("name", ["gone.jsonl", "."])
def test_what_cannot_be_read_is_named(tmp_path, name):
    with pytest.raises(ToolError, match="cannot be read"):
        list(records(tmp_path / name))


def test_a_pipe_is_read(tmp_path):
    program = (
        "from pathlib import Path; from tools.core.jsonl import records; print(len(list(records(Path('-')))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, input="1\n2\n", capture_output=True, text=True, check=True
    )
    assert done.stdout == "2\n"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(json_values, max_size=8), st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans())
def test_what_is_written_is_read(tmp_path_factory, values, ending, ascii_only):
    text = ending.join(json.dumps(value, ensure_ascii=ascii_only) for value in values)
    path = tmp_path_factory.mktemp("jsonl") / "a.jsonl"
    try:
        path.write_bytes(text.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return
    assert [record.parse() for record in records(path)] == values


def test_memory_does_not_grow_with_the_file(tmp_path):
    """64 MB are read by a program that may not have 64 MB more than it starts with."""
    path = tmp_path / "big.jsonl"
    line = (json.dumps({"step": 1, "text": "x" * 1_000}) + "\n").encode()
    with path.open("wb") as file:
        for _ in range(64):
            file.write(line * (1_000_000 // len(line)))
    program = (
        "import resource, sys; from pathlib import Path; from tools.core.jsonl import records\n"
        "now = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (now + (32 << 20), now + (32 << 20)))\n"
        "print(sum(record.parse()['step'] for record in records(Path(sys.argv[1]))))"
    )
    done = subprocess.run([sys.executable, "-c", program, path], cwd=ROOT, capture_output=True, text=True)
    assert int(done.stdout or 0) > 50_000, done.stderr
    assert os.path.getsize(path) > 60_000_000
