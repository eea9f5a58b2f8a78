"""The model of the page, run by ONNX Runtime in Python: for what the build shows of it, and for tests.

The same graph and the same Python around it as in the browser; `web/src/page_model.ts` is the browser's own.

Shapes: T time, V vocabulary, C channels.
"""

from __future__ import annotations

import functools
import json
import shutil
import tempfile
from array import array
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import onnxruntime

from nanochat.tokenizer.tokenizer import RANKS_FILE, SETTINGS_FILE, Tokenizer
from tools.live.model import NOTHING, Array, Keep, LiveModel
from web import model_files

LAST = "last_logits"
Found = TypeVar("Found")


class OnnxRunner:
    """A `tools.live.model.Runner` on the files of a folder, laid out as `assets/model/` of the site is."""

    def __init__(self, folder: Path, facts: dict[str, Any]) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.folder, self.facts, self.options = folder, facts, options
        self.session = self._open("model")
        self.caches: dict[int, dict[str, Any]] = {
            NOTHING: {name: np.zeros(one["shape"], one["type"]) for name, one in facts["empty_cache"].items()}
        }

    def _open(self, name: str) -> onnxruntime.InferenceSession:
        path = self.folder / self.facts["files"][name]["name"]
        return onnxruntime.InferenceSession(str(path), self.options, ["CPUExecutionProvider"])

    @functools.cached_property
    def lens_session(self) -> onnxruntime.InferenceSession:
        """The end of the model alone; opened when it is first asked."""
        return self._open("lens")

    async def run(
        self,
        ids: Sequence[int],
        past: int,
        keep: Keep,
        outputs: Sequence[str],
    ) -> tuple[int, dict[str, Array]]:
        """See `tools.live.model.Runner.run`."""
        names = [one.name for one in self.session.get_outputs()]
        kept = {
            name: np.array(numbers, np.float32).reshape(self.facts["inputs"][name]["shape"])
            for name, numbers in keep.items()
        }
        given = {"ids": np.array([ids]), **kept, **self.caches[past]}
        found = dict(zip(names, self.session.run(None, given), strict=True))
        number = max(self.caches) + 1
        self.caches[number] = {
            name.replace("present", "past"): found[name] for name in names if name.startswith("present_")
        }
        wanted = {
            name: as_array(found["logits"][0, -1] if name == LAST else found[name][0]) for name in outputs
        }
        return number, wanted

    async def lens(self, stream: Sequence[float]) -> Array:
        """See `tools.live.model.Runner.lens`."""
        stream_TC = np.array(stream, np.float32).reshape(-1, self.facts["model"]["n_embd"])
        session = self.lens_session
        # Its other input is what backout takes out.
        given = {one.name: np.zeros_like(stream_TC) for one in session.get_inputs()} | {"stream": stream_TC}
        return as_array(session.run(None, given)[0])

    def forget(self, past: int) -> None:
        """See `tools.live.model.Runner.forget`."""
        del self.caches[past]


def as_array(found: np.ndarray[Any, Any]) -> Array:
    """Numbers as the pages have them.

    >>> as_array(np.ones((1, 2), np.float32))
    Array(shape=(1, 2), values=array('f', [1.0, 1.0]))
    """
    return Array(found.shape, array("f", np.ascontiguousarray(found, np.float32).tobytes()))


def at_once(work: Coroutine[object, object, Found]) -> Found:
    """What asynchronous work gives. ONNX Runtime is asked in this process, so it never has to wait.

    No event loop is needed: a test that drives a browser has one already, and no other can be made.

    >>> async def four():
    ...     return 4
    >>> at_once(four())
    4
    """
    try:
        work.send(None)
    except StopIteration as ended:
        found: Found = ended.value
        return found
    raise RuntimeError("the work waits for something outside of this process")


@functools.cache
def page_model() -> LiveModel:
    """The model that the site ships."""
    return open_model(model_files.made_files())


def open_model(folder: Path) -> LiveModel:
    """The model of such a folder."""
    facts = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as scratch:
        for key, name in (("ranks", RANKS_FILE), ("tokenizer", SETTINGS_FILE)):
            shutil.copyfile(folder / facts["files"][key]["name"], Path(scratch, name))
        tokenizer = Tokenizer.load(Path(scratch))
    return LiveModel(facts, tokenizer, OnnxRunner(folder, facts))
