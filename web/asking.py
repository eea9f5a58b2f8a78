"""Ask a tool as the browser's worker does, its model among it: for what the build shows, and for tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tools.core import page
from tools.core.tool import Tool
from web.model_runner import at_once, page_model


def answer_for(tool: Tool, asked: Mapping[str, object] | str) -> dict[str, Any]:
    """`tools.core.page.answer_for`; where it needs the model, that is asked first."""
    reply = page.answer_for(tool, asked)
    if reply["needs_model"]:
        at_once(page.prepare_for(tool, asked, page_model()))
        reply = page.answer_for(tool, asked)
    return reply
