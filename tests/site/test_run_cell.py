"""The runner shared by the build and the browser: what it shows, and what it must never let through."""

from __future__ import annotations

import builtins
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import run_cell

ROOT = Path(__file__).resolve().parents[2]


def shown(code: str, namespace: run_cell.Namespace | None = None) -> list[tuple[str, str]]:
    chunks: list[tuple[str, str]] = []
    run_cell.run(
        code, run_cell.new_namespace() if namespace is None else namespace, lambda *c: chunks.append(c)
    )
    return chunks


@pytest.mark.parametrize("value", ["0", "[]", "''", "False", "{}"])
def test_a_falsy_last_expression_is_shown(value: str) -> None:
    assert shown(value) == [("result", value)]


def test_none_and_statements_show_no_result() -> None:
    assert shown("None") == []
    assert shown("x = 3") == []
    assert shown("") == []


def test_streams_keep_their_order_and_kind() -> None:
    code = "import sys\nprint('a')\nprint('b', file=sys.stderr)\n1 + 1"
    assert [kind for kind, _ in shown(code)] == ["stdout", "stdout", "stderr", "stderr", "result"]


def test_a_picture_is_shown_as_a_picture_but_its_class_is_not() -> None:
    code = "class P:\n    def _repr_svg_(self):\n        return '<svg/>'\n"
    assert shown(code + "P()") == [("svg", "<svg/>")]
    assert shown(code + "P")[0][0] == "result"


def test_names_last_within_a_session_only() -> None:
    namespace = run_cell.new_namespace()
    shown("x = 1", namespace)
    assert shown("x", namespace) == [("result", "1")]
    assert "NameError" in shown("x")[0][1]


def test_a_traceback_shows_the_readers_frames_alone() -> None:
    ((kind, text),) = shown("import json\ndef load(s):\n    return json.loads(s)\nload('{')")
    assert kind == "error"
    assert "line 4\n" in text
    assert "line 3, in load\n    return json.loads(s)" in text
    assert "decoder.py" not in text
    assert "run_cell" not in text
    assert "File" not in text


def test_syntax_errors_name_their_line() -> None:
    text = shown("x = 1\nprint('a'")[0][1]
    assert "line 2" in text
    assert "SyntaxError: '(' was never closed" in text


def test_an_endless_recursion_is_told_in_few_lines() -> None:
    text = shown("def f():\n    f()\nf()")[0][1]
    assert "RecursionError" in text
    assert len(text.splitlines()) < 30


def test_an_exception_class_of_the_cell_has_its_plain_name() -> None:
    assert shown("class Empty(Exception): pass\nraise Empty('no text')")[0][1].endswith("\nEmpty: no text")


def test_input_explains_itself_and_exit_does_not_end_the_page() -> None:
    real = builtins.input
    assert "put the text in a variable" in shown("input('name? ')")[0][1]
    assert builtins.input is real
    assert shown("raise SystemExit(3)") == [("stderr", "The cell called exit(3).\n")]


def test_inspect_and_dataclasses_work_in_a_cell() -> None:
    code = "import inspect\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: int = 1\n"
    code += "def f():\n    return 7\n"
    chunks = shown(code + "print(A(), inspect.getsource(f))")
    assert "".join(text for _, text in chunks) == "A(x=1) def f():\n    return 7\n\n"


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_comes_out_as_it_was_printed(text: str) -> None:
    assert "".join(part for _, part in shown(f"print({text!r}, end='')")) == text


@given(st.text(max_size=60))
def test_no_code_can_break_the_runner(code: str) -> None:
    kinds = {kind for kind, _ in shown(code.replace("input", "x"))}
    assert kinds <= {"stdout", "stderr", "result", "error", "svg"}


def test_the_runner_needs_the_standard_library_alone() -> None:
    command = [
        sys.executable,
        "-I",
        "-S",
        "-c",
        f"import sys; sys.path.insert(0, {str(ROOT / 'web')!r}); import run_cell",
    ]
    assert subprocess.run(command, check=False, capture_output=True).returncode == 0


class TestChecks:
    """What a reader is told about an exercise."""

    def says(self, code: str, checks: str) -> list[tuple[bool, str]]:
        return [(r["holds"], r["says"]) for r in run_cell.run_checks(code, checks, lambda *_: None)]

    def test_words_for_right_wrong_and_stopped(self) -> None:
        code = "def half(n):\n    return n / 2"
        assert self.says(code, "expect('half(4)', 2)\nexpect('half(5)', 2)\nexpect('half(\"x\")', 1)") == [
            (True, "half(4) is 2"),
            (False, "half(5) gave 2.5, expected 2"),
            (False, "half(\"x\") stopped with TypeError: unsupported operand type(s) for /: 'str' and 'int'"),
        ]

    def test_a_forgotten_return_is_named(self) -> None:
        assert "forget to return" in self.says("def f(): 1", "expect('f()', 1)")[0][1]

    def test_an_object_is_named_without_its_address(self) -> None:
        assert (
            self.says("class A: pass", "expect('A()', 1)")[0][1] == "A() gave <__main__.A object>, expected 1"
        )

    def test_floats_and_lists_of_floats_may_be_close(self) -> None:
        checks = "expect('x', 0.3, within=1e-9)\nexpect('[x, 1]', [0.3, 1], within=1e-9)\n"
        checks += "expect('[x]', [0.3, 1], within=1)"
        assert [holds for holds, _ in self.says("x = 0.1 + 0.2", checks)] == [True, True, False]

    def test_raises_and_true(self) -> None:
        checks = "expect_raises('f()', ValueError)\nexpect_raises('1', ValueError)\n"
        checks += "expect_true('1 < 2', 'in order')"
        assert [holds for holds, _ in self.says("def f(): raise ValueError", checks)] == [True, False, True]

    def test_code_that_fails_and_checks_that_fail_are_told_apart(self) -> None:
        assert "before the checks" in self.says("1 / 0", "expect('1', 1)")[0][1]
        assert self.says("x = 1", "nothing_here()")[0] == (
            False,
            "the checks stopped with NameError: name 'nothing_here' is not defined",
        )
