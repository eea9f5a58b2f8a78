"""What a task is: numbered examples, each a conversation whose last message is the right answer.

A task serves three masters. Fine-tuning learns its conversations; evaluation asks its questions and grades
the replies; reinforcement learning does the same and learns from the grades. So an example is a whole
conversation, its question is what stands before the last message, and the task itself knows what a reply is
worth.

Examples are reached by number, the same number always giving the same example, whichever were asked for
before: so a mixture can be shuffled, and processes can share out an evaluation. Tasks that make their
examples up draw each from a text, `Random("classroom/arithmetic/train/17")`, never from a number: Python's
Random takes -17 for 17, and test questions would repeat the training's. Standard library only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Conversation = Mapping[str, Any]  # {"messages": [...]}, as nanochat.tokenizer.chat reads it


@dataclass(frozen=True)
class Example:
    """One conversation of a task.

    >>> example = Example({"messages": [{"role": "user", "content": "2+2?"},
    ...                                 {"role": "assistant", "content": "4"}]}, answer="4")
    >>> example.question
    {'messages': [{'role': 'user', 'content': '2+2?'}]}
    """  # fmt: skip

    conversation: Conversation
    answer: str = ""  # what is right, as `grade` compares it: a letter, a number; "" where nothing is judged
    choices: tuple[str, ...] = ()  # multiple choice: the letters that a reply may be, such as ("A", "B")
    details: Mapping[str, Any] = field(default_factory=dict)  # what else grading needs, such as tests to run

    @property
    def question(self) -> Conversation:
        """The conversation without its last message, which is the answer."""
        return {"messages": list(self.conversation["messages"][:-1])}


class Task(Protocol):
    """Examples by number, and what a reply to one is worth."""

    @property
    def name(self) -> str:
        """What it is called on the command line, such as `arc-easy`."""

    def __len__(self) -> int:
        """How many examples there are."""

    def __getitem__(self, number: int) -> Example:
        """Example `number`, from 0; IndexError beyond the last."""

    def grade(self, example: Example, reply: str) -> float:
        """What a reply is worth, from 0 to 1. `reply` is the text of it, without tool calls."""
