"""The model of the page for tests: the site's own graph, run by ONNX Runtime in this process."""

from __future__ import annotations

from web.model_runner import at_once as wait
from web.model_runner import page_model

__all__ = ["page_model", "wait"]
