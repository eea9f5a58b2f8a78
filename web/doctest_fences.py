"""Show the examples of docstrings as code in the reference.

A docstring here holds its example bare, as `doctest` wants it:

    >>> 1 + 1
    2

Markdown would read `>>>` as three quotations inside each other. This extension of Griffe, which reads the
code for `mkdocstrings`, puts a fence around each example before anything is rendered.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

# From a line that begins with `>>>` to the next empty line, all of it indented the same.
EXAMPLE = re.compile(r"^(?P<indent>[ \t]*)>>> .*(?:\n[ \t]*\S.*)*", re.MULTILINE)


class DoctestFences(griffe.Extension):
    """Put every `>>>` example of every docstring into a fence."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by Griffe for each module, class, function and attribute it has read."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)


def fenced(text: str) -> str:
    """The docstring with its examples in fences; those that stand in a fence already stay as they are.

    >>> fenced("Adds.\\n>>> 1 + 1\\n2").splitlines()
    ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    if "```" in text:
        return text
    return EXAMPLE.sub(lambda m: f"\n{m['indent']}```pycon\n{m[0]}\n{m['indent']}```", text)
