"""What the browser's worker calls when a page asks for the model: words and JSON in, JSON out.

connect(facts, folder, bridge)                     the model is there
await answer("step", '{"at": 0, …}')               -> what the page shows, or {"error": …}
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from nanochat.inference.request import Sampling
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.core.errors import Stopped, ToolError, UsageError
from tools.live.chips import answer_html, branches_html, next_html
from tools.live.looking_page import LookingPages
from tools.live.model import Array, Keep, LiveModel
from tools.live.playground import Playground

MODEL: list[LiveModel] = []
"""The page's model, when it is there."""
_PLAYGROUND: list[Playground] = []
_LOOKING: list[LookingPages] = []


class Bridge:
    """A `Runner` that asks the worker; what crosses over is JSON one way, and raw numbers the other."""

    def __init__(self, worker: Any) -> None:
        self.worker = worker

    async def run(
        self,
        ids: Sequence[int],
        past: int,
        keep: Keep,
        outputs: Sequence[str],
    ) -> tuple[int, dict[str, Array]]:
        """See `Runner.run`."""
        kept = {name: list(numbers) for name, numbers in keep.items()}
        asked = {"ids": list(ids), "past": past, "keep": kept, "outputs": list(outputs)}
        found = await self.worker.run(json.dumps(asked))
        return int(found.present), {name: _array(getattr(found.outputs, name)) for name in outputs}

    async def lens(self, stream: Sequence[float]) -> Array:
        """See `Runner.lens`."""
        return _array(await self.worker.lens(array("f", stream).tobytes()))

    def forget(self, past: int) -> None:
        """See `Runner.forget`."""
        self.worker.forget(past)


def _array(found: Any) -> Array:
    values = array("f")
    values.frombytes(found.data.to_bytes())
    return Array(tuple(int(one) for one in found.dims), values)


def connect(facts: str, folder: str, worker: Any) -> None:
    """The worker has the model; its tokenizer's two files lie in `folder`."""
    MODEL[:] = [LiveModel(json.loads(facts), Tokenizer.load(Path(folder)), Bridge(worker))]
    _PLAYGROUND.clear()
    _LOOKING.clear()


def model() -> LiveModel:
    """The model of this page."""
    if not MODEL:
        raise ToolError("the model is not there yet")
    return MODEL[0]


def playground() -> Playground:
    """The playground of this page."""
    if not _PLAYGROUND:
        _PLAYGROUND.append(Playground(model()))
    return _PLAYGROUND[0]


def looking() -> LookingPages:
    """What is known of the text that a page looks at."""
    if not _LOOKING:
        _LOOKING.append(LookingPages(model()))
    return _LOOKING[0]


async def answer(call: str, words: str = "{}") -> str:
    """The answer to one of `CALLS`, as JSON; an error is an answer, too."""
    try:
        return json.dumps(await CALLS[call](json.loads(words)))
    except ToolError as error:
        return json.dumps({"error": str(error), "field": error.parameter})
    except KeyboardInterrupt:
        raise Stopped from None


async def _ask(asked: dict[str, Any]) -> dict[str, Any]:
    text = str(asked.get("text", ""))
    if not text.strip():
        raise UsageError("write something first", parameter="text")
    if asked.get("complete"):
        playground().complete(text)
    else:
        playground().ask(text, asked.get("at"))
    return await _look(asked | {"at": 0})


async def _step(asked: dict[str, Any]) -> dict[str, Any]:
    at = await playground().step(int(asked["at"]), sampling_of(asked), int(asked.get("seed", 0)))
    return await _look(asked | {"at": at})


async def _take(asked: dict[str, Any]) -> dict[str, Any]:
    at = playground().take(int(asked["at"]), int(asked["id"]))
    return await _look(asked | {"at": at})


async def _look(asked: dict[str, Any]) -> dict[str, Any]:
    """The answer up to a place, and what is said of the next token unless it has ended."""
    ground, at = playground(), int(asked["at"])
    shown = ground.shown_answer(at)
    following = None
    if shown["finish"] is None:
        following = await ground.shown_distribution(at, sampling_of(asked))
    return {
        "place": at,
        "finish": shown["finish"],
        "written": len(shown["places"]),
        "answer": answer_html(shown),
        "next": next_html(following, list(ground.places[at].branches), ground.last_words(at)),
        "branches": branches_html(shown["branches"]),
    }


async def _clear(asked: dict[str, Any]) -> dict[str, Any]:
    playground().clear()
    return {}


def sampling_of(asked: dict[str, Any]) -> Sampling:
    """The settings of a page's form."""
    try:
        return Sampling(
            temperature=float(asked.get("temperature", 0.8)),
            top_k=int(asked.get("top_k", 0)),
            top_p=float(asked.get("top_p", 1)),
            min_p=float(asked.get("min_p", 0)),
        )
    except (TypeError, ValueError) as error:
        raise UsageError(str(error)) from None


CALLS: dict[str, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]] = {
    "ask": _ask,
    "step": _step,
    "take": _take,
    "look": _look,
    "clear": _clear,
    "attention": lambda asked: looking().attention(asked),
    "streams": lambda asked: looking().streams(asked),
    "ablation": lambda asked: looking().ablation(asked),
    "alone": lambda asked: looking().alone(asked),
}
