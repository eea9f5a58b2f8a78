"""The model of the page for tests: the site's own graph, run by ONNX Runtime in this process."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TypeVar

from tools.live.model import LiveModel
from web import model_runner

Found = TypeVar("Found")


def page_model() -> LiveModel:
    """The model, opened once for all tests."""
    return model_runner.page_model()


def wait(work: Coroutine[object, object, Found]) -> Found:
    """What asynchronous work gives. ONNX Runtime is asked in this process, so it never has to wait.

    No event loop is needed, and none can be made in a test that drives a browser: that has its own.
    """
    try:
        work.send(None)
    except StopIteration as ended:
        found: Found = ended.value
        return found
    raise AssertionError("it waits for something outside of this process")
