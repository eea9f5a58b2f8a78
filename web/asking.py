"""Ask a tool as the browser's worker does, its model among it: for what the build shows, and for tests."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from tools.core import page
from tools.core.tool import Tool

Found = TypeVar("Found")


def answer_for(tool: Tool, asked: Mapping[str, object] | str) -> dict[str, Any]:
    """`tools.core.page.answer_for`; where it needs the model, that is asked first."""
    reply = page.answer_for(tool, asked)
    if reply["needs_model"]:
        from web.model_runner import page_model  # brings torch, for which other tools need not wait

        at_once(page.prepare_for(tool, asked, page_model()))
        reply = page.answer_for(tool, asked)
    return reply


def at_once(work: Coroutine[Any, Any, Found]) -> Found:
    """What asynchronous work gives that never has to wait: ONNX Runtime is asked in this process.

    So no event loop is needed; in a test that drives a browser there is one already.

    >>> async def one():
    ...     return 1
    >>> at_once(one())
    1
    """
    try:
        work.send(None)
    except StopIteration as ended:
        found: Found = ended.value
        return found
    raise RuntimeError("it waits for something outside of this process")
