"""The tools that exist, by name; a tool is imported when it is asked for.

The interactive figures of the guides are tools too, small ones: they stand in `tools/figures/`, and neither
the command line nor the list of tools names them.
"""

from __future__ import annotations

from importlib import import_module

from tools.core.errors import UsageError
from tools.core.tool import Tool
from tools.core.words import listing, nearest, say

NAMES = (
    "model-calculator",
    "tokenizer-playground",
    "training-dashboard",
    "dataset-inspector",
    "checkpoint-browser",
    "generation-explorer",
    "training-resume-helper",
    "attention-visualizer",
    "lr-finder",
    "conversation-template-builder",
)
FIGURES = (
    "attention-matrix", "rotary-angles", "attention-mask", "training-curve", "schedule-and-depth",
    "scaling-law", "sampling", "kv-cache", "chat-format", "real-head",
)  # fmt: skip
FOLDER = "figures/"


def load(name: str) -> Tool:
    """The tool with this name; `figures/kv-cache` is an interactive figure.

    >>> load("model-calculator").script
    'tools/model_calculator.py'
    >>> load("calculator")
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no tool 'calculator'; did you mean model-calculator?
    """
    if name.startswith(FOLDER):
        return load_figure(name.removeprefix(FOLDER))
    if name not in NAMES:
        hint = nearest(name, NAMES) or f"; there are {listing(NAMES, 'and')}"
        raise UsageError(f"there is no tool {say(name)}{hint}")
    tool: Tool = import_module("tools." + name.replace("-", "_")).TOOL
    return tool


def load_figure(name: str) -> Tool:
    """The interactive figure with this name.

    >>> load_figure("kv-cache").name
    'figures/kv-cache'
    >>> load_figure("kv-cash")
    Traceback (most recent call last):
    tools.core.errors.UsageError: there is no figure 'kv-cash'; did you mean kv-cache?
    """
    if name not in FIGURES:
        hint = nearest(name, FIGURES) or f"; there are {listing(FIGURES, 'and')}"
        raise UsageError(f"there is no figure {say(name)}{hint}")
    tool: Tool = import_module("tools.figures." + name.replace("-", "_")).TOOL
    return tool
