"""How the reference reads the docstrings of the code: an extension of Griffe, `mkdocstrings`' reader.

A docstring here holds its example bare, as `doctest` wants it:

    >>> 1 + 1
    2

Markdown would read `>>>` as three quotations inside each other, so each example gets a fence around it
before anything is rendered. And a constant of a module is shown although it has no docstring: its name, its
value and the comment in the source say what it is. The fields of a dataclass are not: its signature has them.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

# From a line that begins with `>>>` to the next empty line, all of it indented the same.
EXAMPLE = re.compile(r"^(?P<indent>[ \t]*)>>> .*(?:\n[ \t]*\S.*)*", re.MULTILINE)


class ReadForReference(griffe.Extension):
    """Fences around the examples of every docstring; constants that are shown without one."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Called by Griffe for each module, class, function and attribute it has read."""
        if obj.docstring:
            obj.docstring.value = fenced(obj.docstring.value)
        elif obj.is_attribute and obj.parent is not None and obj.parent.is_module:
            obj.docstring = griffe.Docstring(" ", parent=obj)


def fenced(text: str) -> str:
    """The docstring with its examples in fences; those that stand in a fence already stay as they are.

    >>> fenced("Adds.\\n>>> 1 + 1\\n2").splitlines()
    ['Adds.', '', '```pycon', '>>> 1 + 1', '2', '```']
    """
    if "```" in text:
        return text
    return EXAMPLE.sub(lambda m: f"\n{m['indent']}```pycon\n{m[0]}\n{m['indent']}```", text)
