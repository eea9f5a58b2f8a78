"""HumanEval: the real problems, and programs that are run: right replies pass, wrong ones fail."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from nanochat.data.tasks.catalogue import open_task
from nanochat.data.tasks.grading import reply_text
from nanochat.data.tasks.humaneval import extract_code, humaneval_example, indented, program
from nanochat.data.tasks.task import Example, Task

# Runs each program by itself, and prints for each whether it ended well.
RUNNER = """
import json, sys
for program in json.load(sys.stdin):
    try:
        exec(compile(program, "program", "exec"), {"__name__": "program"})
        print("passed", flush=True)
    except BaseException as error:
        print(type(error).__name__, flush=True)
"""


def run(programs: list[str]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", RUNNER],
        input=json.dumps(programs),
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.split()


@pytest.fixture(scope="module")
def task() -> Task:
    return open_task("humaneval", "test")


def examples(task: Task) -> list[Example]:
    return [task[number] for number in range(len(task))]


def test_there_are_164_problems_with_tests(task):
    assert len(task) == 164
    for number, example in enumerate(examples(task)):
        assert example.details["task_id"] == f"HumanEval/{number}"
        assert "def check(" in example.details["test"]
        assert f"def {example.details['entry_point']}(" in example.details["prompt"]
        assert task.grade(example, reply_text(example)) == 1.0
        assert task.grade(example, "") == 0.0
        assert task.grade(example, "```python\npass\n```") == 0.0


FORMS = {
    "the whole function in a block": lambda prompt, body: (
        f"Here it is:\n\n```python\n{prompt}{body}```\nDone."
    ),
    "a block that is never closed": lambda prompt, body: f"```python\n{prompt}{body}",
    "a block without a language": lambda prompt, body: f"```\n{prompt}{body}\n```",
    "the whole function, bare": lambda prompt, body: f"{prompt}{body}",
    "the whole function, bare, with words around it": lambda prompt, body: (
        f"Sure!\n{prompt}{body}\nIt works."
    ),
    "the body": lambda prompt, body: body,
    "the body without its first indentation": lambda prompt, body: body.strip(),
    "the body in a block": lambda prompt, body: f"```python\n{body}```",
}


@pytest.mark.parametrize("form", FORMS)
def test_the_solution_passes_however_it_is_given(task, form):
    programs = [
        program(example, FORMS[form](example.details["prompt"], example.answer)) for example in examples(task)
    ]
    assert run(programs) == ["passed"] * 164


@pytest.mark.parametrize("reply", ["", "    pass", "I do not know.", "```python\n```", "    return None"])
def test_what_is_no_solution_fails(task, reply):
    results = run([program(example, reply) for example in examples(task)])
    assert len(results) == 164
    assert "passed" not in results


def test_the_right_reply_of_every_example_passes(task):
    assert run([program(example, reply_text(example)) for example in examples(task)]) == ["passed"] * 164


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        ("```python\nx = 1\n```", "x = 1\n"),
        ("```py\nx = 1\n```\n```python\ny = 2\n```", "x = 1\n"),
        ("```Python \nx = 1\n  ```", "x = 1\n"),
        (
            "Well:\nimport math\n\n\ndef f():\n    # no\n    return (\n        1\n)\n\nprint(f())",
            "import math",
        ),
        ("return 1", "return 1"),
        ("", ""),
    ],
)
def test_code_in_replies(reply, code):
    found = extract_code(reply)
    assert found.startswith(code)
    assert "```" not in found
    assert "print(" not in found


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        ("return 1", "    return 1"),
        ("    return 1", "    return 1"),
        ("x = 1\nreturn x", "    x = 1\n    return x"),
        ("x = 1\n    return x", "    x = 1\n    return x"),
        ("if x:\n    return 1\nreturn 2", "    if x:\n        return 1\n    return 2"),
        ("if x:\n        return 1\n    return 2", "    if x:\n        return 1\n    return 2"),
        ("for x in y:\n    return x", "    for x in y:\n        return x"),
        ("x = 1\n\n\n    return x", "    x = 1\n\n\n    return x"),
        ("\n\n    return 1\n\n", "    return 1"),
        ("", ""),
    ],
)
def test_the_indentation_of_a_body_is_put_back(body, whole):
    assert indented(body) == whole


def test_helpers_before_the_function_are_kept():
    row = {
        "task_id": "T/0",
        "prompt": (
            "import math\n\ndef half(x):\n    return x / 2\n\n\ndef quarter(x):\n    '''A quarter.'''\n"
        ),
        "canonical_solution": "    return half(half(x))\n",
        "test": "def check(f):\n    assert f(8) == math.floor(2.5)\n",
        "entry_point": "quarter",
    }
    replies = [
        "```python\ndef quarter(x):\n    return half(half(x))\n```",
        "return half(half(x))",
        "```python\ndef quarter(x):\n    return half(x)\n```",
    ]
    programs = [program(humaneval_example(row), reply) for reply in replies]
    assert run(programs) == ["passed", "passed", "AssertionError"]
