"""The tasks from the hub as conversations: SmolTalk, MMLU, ARC and GSM8K.

- SmolTalk (Allal et al. 2025, SmolLM2): 460,000 conversations made by a larger model; only learned from.
- MMLU (Hendrycks et al. 2021, arXiv 2009.03300): questions with four choices from 57 subjects. Its training
  questions, `auxiliary_train`, come from other tests and have no subject.
- ARC (Clark et al. 2018, arXiv 1803.05457): school questions on nature, easy ones and a challenge.
- GSM8K (Cobbe et al. 2021, arXiv 2110.14168): school problems with solutions, whose sums become calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nanochat.data.tasks.calls import Part, call, text
from nanochat.data.tasks.choice import choice_example
from nanochat.data.tasks.grading import FINAL, grade_choice, grade_number, grade_text
from nanochat.data.tasks.hub_files import HUB_TASKS, HubTask, read_rows
from nanochat.data.tasks.numbered import NumberedTask, check_split, exchange
from nanochat.data.tasks.task import Example

ANNOTATION = re.compile(r"<<([^<>]*)=([^<>=]*)>>")


def smoltalk(split: str = "train") -> NumberedTask:
    """Conversations of all kinds; a system message goes in front of the first question."""
    rows = read_rows(_hub_task("smoltalk", split), split, ["messages"])

    def make(number: int) -> Example:
        messages = [
            {"role": one["role"], "content": one["content"]} for one in rows[number]["messages"] or []
        ]
        return Example({"messages": messages})

    return NumberedTask("smoltalk", len(rows), make, grade_text)


def mmlu(split: str = "train") -> NumberedTask:
    """Splits: train (99,842), test (14,042) and validation (1,531 questions)."""
    rows = read_rows(_hub_task("mmlu", split), split, ["question", "choices", "answer", "subject"])
    return NumberedTask("mmlu", len(rows), lambda number: mmlu_example(rows[number]), grade_choice)


def mmlu_example(row: Mapping[str, Any]) -> Example:
    """A row of MMLU.

    >>> row = {"question": "2+2?", "choices": ["3", "4"], "answer": 1, "subject": "elementary_mathematics"}
    >>> mmlu_example(row).answer, mmlu_example(row).details["subject"]
    ('B', 'elementary_mathematics')
    """
    subject = row["subject"] or "auxiliary"
    return choice_example(row["question"], row["choices"], int(row["answer"]), {"subject": subject})


def arc_easy(split: str = "train") -> NumberedTask:
    """Splits: train (2,251 questions), test (2,376) and validation (570)."""
    return _arc("arc-easy", split)


def arc_challenge(split: str = "train") -> NumberedTask:
    """Splits: train (1,119 questions), test (1,172) and validation (299)."""
    return _arc("arc-challenge", split)


def _arc(name: str, split: str) -> NumberedTask:
    rows = read_rows(_hub_task(name, split), split, ["question", "choices", "answerKey"])
    return NumberedTask(name, len(rows), lambda number: arc_example(rows[number]), grade_choice)


def arc_example(row: Mapping[str, Any]) -> Example:
    """A row of ARC. Some of its questions number their choices; here all have letters.

    >>> row = {"question": "2+2?", "choices": {"text": ["3", "4"], "label": ["1", "2"]}, "answerKey": "2"}
    >>> arc_example(row).answer
    'B'
    """
    choices = row["choices"]
    return choice_example(row["question"], choices["text"], choices["label"].index(row["answerKey"]))


def gsm8k(split: str = "train") -> NumberedTask:
    """Splits: train (7,473 problems) and test (1,319)."""
    rows = read_rows(_hub_task("gsm8k", split), split, ["question", "answer"])
    return NumberedTask("gsm8k", len(rows), lambda number: gsm8k_example(rows[number]), grade_number)


def gsm8k_example(row: Mapping[str, Any]) -> Example:
    r"""A row of GSM8K: the reply calls the calculator, and ends with the answer behind `####`.

    >>> row = {"question": "Half of 48?", "answer": "It is 48/2=<<48/2=24>>24.\n#### 24"}
    >>> example = gsm8k_example(row)
    >>> [part["text"] for part in example.conversation["messages"][1]["content"]]
    ['It is 48/2=', '48/2', '24', '24.\n#### 24']
    >>> example.answer
    '24'
    """
    answer = row["answer"].rpartition(FINAL)[2].strip().replace(",", "")
    return exchange(row["question"].strip(), solution_parts(row["answer"]), answer=answer)


def solution_parts(solution: str) -> list[Part]:
    """A solution with its annotations `<<48/2=24>>` as calls of the calculator.

    >>> solution_parts("No sum here.")
    [{'type': 'text', 'text': 'No sum here.'}]
    """
    parts: list[Part] = []
    end = 0
    for found in ANNOTATION.finditer(solution):
        if before := solution[end : found.start()]:
            parts.append(text(before))
        parts += call(found[1].strip(), found[2].strip())
        end = found.end()
    if rest := solution[end:]:
        parts.append(text(rest))
    return parts


def _hub_task(name: str, split: str) -> HubTask:
    task = HUB_TASKS[name]
    check_split(name, split, [one for one, _ in task.splits])
    return task
