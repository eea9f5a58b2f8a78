"""Run one measurement in a fresh process, so that nothing is warm that a reader would find cold.

    python -m nanochat.commands.measure.worker MODULE QUESTION

imports MODULE and prints what its `measure(question)` returns. Question and answer are JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any

from nanochat.errors import UserError

MARK = "measured: "
LONGEST = 1_800.0  # seconds; a measurement that takes longer hangs


def ask(
    module: str, question: Mapping[str, Any], environment: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What `measure(question)` of a module of this folder answers in a process of its own.

    `question` is told when the process was started, so that it can count its own start.
    """
    words = [sys.executable, "-m", "nanochat.commands.measure.worker", module]
    words.append(json.dumps({**question, "started": time.time()}))
    done = subprocess.run(
        words, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=LONGEST,
        check=False,
    )  # fmt: skip
    for line in done.stdout.splitlines():
        if line.startswith(MARK):
            found: dict[str, Any] = json.loads(line.removeprefix(MARK))
            if "refused" in found:
                raise UserError(found["refused"])
            return found
    reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    raise UserError(f"the measurement did not finish: {reason}")


def main() -> int:
    """In the fresh process."""
    module, question = sys.argv[1:]
    work = importlib.import_module(f"nanochat.commands.measure.{module}")
    try:
        answer = work.measure(json.loads(question))
    except UserError as error:
        answer = {"refused": str(error)}
    print(MARK + json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
