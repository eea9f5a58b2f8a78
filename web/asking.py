"""Ask a tool as the browser's worker does, its model among it: for what the build shows, and for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from tools.core import page
from tools.core.tool import Tool
from tools.live.model import LiveModel
from web import browser_model, model_runner


@lru_cache(maxsize=1)
def model() -> LiveModel:
    """The model of the pages, run by ONNX Runtime."""
    return model_runner.open_model(browser_model.folder())


def answer_for(tool: Tool, asked: Mapping[str, object] | str) -> dict[str, Any]:
    """`tools.core.page.answer_for`; where it needs the model, that is asked first."""
    reply = page.answer_for(tool, asked)
    if reply["needs_model"]:
        asyncio.run(page.prepare_for(tool, asked, model()))
        reply = page.answer_for(tool, asked)
    return reply
