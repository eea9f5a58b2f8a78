"""How a question of multiple choice is asked, for every task that has such questions.

    Which of these melts at 0 °C?
    A. iron
    B. ice
    C. sand

    Which one is right? Reply with its letter alone.

Each letter stands at the start of its line, where a tokenizer makes it the very token that the reply is: no
space before it. A small model learns to find the letter and repeat it much sooner than to match ` B` and `B`.

Standard library only.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from nanochat.data.tasks.task import Example

ASK = "Which one is right? Reply with its letter alone."
MOST = len(string.ascii_uppercase)


def render_choices(question: str, choices: Sequence[str]) -> str:
    r"""The question as the user asks it.

    >>> render_choices(" Ice melts at ", ["0 °C", "50 °C"])
    'Ice melts at\nA. 0 °C\nB. 50 °C\n\nWhich one is right? Reply with its letter alone.'
    """
    lines = [f"{letter}. {one.strip()}" for letter, one in zip(letters(len(choices)), choices, strict=True)]
    return "\n".join([question.strip(), *lines, "", ASK])


def letters(count: int) -> tuple[str, ...]:
    """The letters of so many choices.

    >>> letters(3)
    ('A', 'B', 'C')
    """
    if not 2 <= count <= MOST:
        raise ValueError(f"{count} choices; a question has 2 to {MOST}")
    return tuple(string.ascii_uppercase[:count])


def choice_example(
    question: str, choices: Sequence[str], right: int, details: Mapping[str, Any] | None = None
) -> Example:
    """A question whose choice number `right`, from 0, is the right one. The reply is the bare letter.

    >>> example = choice_example("Ice melts at", ["0 °C", "50 °C"], right=0, details={"subject": "physics"})
    >>> example.answer, example.choices, example.conversation["messages"][1]["content"]
    ('A', ('A', 'B'), 'A')
    """
    names = letters(len(choices))
    if not 0 <= right < len(names):
        raise ValueError(f"right={right} for {len(names)} choices; it counts from 0")
    messages = [
        {"role": "user", "content": render_choices(question, choices)},
        {"role": "assistant", "content": names[right]},
    ]
    return Example({"messages": messages}, answer=names[right], choices=names, details=dict(details or {}))
