"""What the model of the page has answered, by question: a tool asks for it, and a page has it worked out.

Standard library only.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from tools.core.errors import NeedModel, ToolError

Found = TypeVar("Found")

MOST = 4
"""Answers that one tool keeps."""


class Remembered(Generic[Found]):
    """The last few answers of one kind.

    >>> async def work_out():
    ...     return "yes"
    >>> answers = Remembered[str]()
    >>> for _ in answers.work_out("does it rain?", work_out).__await__():
    ...     pass
    >>> answers.get("does it rain?")
    'yes'
    >>> answers.get("does it snow?")
    Traceback (most recent call last):
    tools.core.errors.NeedModel: only the model of the page can say this
    """

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.kept: dict[Hashable, Found | ToolError] = {}  # the one used last at the end

    def get(self, question: Hashable) -> Found:
        """The answer to a question; `NeedModel` if it has not been worked out.

        What was found to be wrong with the question is raised again.
        """
        if question not in self.kept:
            raise NeedModel
        found = self.kept[question] = self.kept.pop(question)
        if isinstance(found, ToolError):
            raise found
        return found

    async def work_out(self, question: Hashable, answer: Callable[[], Awaitable[Found]]) -> None:
        """Have the answer made, unless it is there; a `ToolError` is an answer, too."""
        if question in self.kept:
            return
        found: Found | ToolError
        try:
            found = await answer()
        except ToolError as error:
            found = error
        self.kept[question] = found
        while len(self.kept) > self.most:
            self.kept.pop(next(iter(self.kept)))
