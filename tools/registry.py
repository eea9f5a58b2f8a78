"""The tools that exist, by name; a tool is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module

from tools.core.errors import UsageError
from tools.core.tool import Tool
from tools.core.words import listing, nearest, say

NAMES = ("model-calculator", "tokenizer-playground")


def load(name: str) -> Tool:
    """The tool with this name.

    >>> load("model-calculator").script
    'tools/model_calculator.py'
    >>> load("calculator")
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no tool 'calculator'; did you mean model-calculator?
    """
    if name not in NAMES:
        hint = nearest(name, NAMES) or f"; there are {listing(NAMES, 'and')}"
        raise UsageError(f"there is no tool {say(name)}{hint}")
    tool: Tool = import_module("tools." + name.replace("-", "_")).TOOL
    return tool
