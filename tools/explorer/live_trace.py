"""A trace that the model of the page writes for a question, and keeps until the question changes."""

from __future__ import annotations

import dataclasses
from typing import Any

from nanochat.inference.trace import TEMPERATURES, Trace
from nanochat.toolbox.tools import make_tools
from tools.core.progress import Progress
from tools.explorer.prompt import prompt_of
from tools.explorer.question import Question
from tools.live.model import LiveModel
from tools.live.recording import LiveRecorder, Logits
from tools.live.remembered import Remembered

# What has no part in what the model writes; questions that differ in it alone share one trace.
ONLY_SHOWN: dict[str, Any] = {"place": 1, "rows": 1}
MOST_LOGITS = 1_000
"""Places whose logits are kept: 16 MB with a vocabulary of 4,096."""

_TRACES: Remembered[Trace] = Remembered()
_SAID: dict[tuple[int, ...], Logits] = {}  # of the last prompt: another rule asks only at new places


def of_question(question: Question) -> Trace:
    """The trace for a question; `NeedModel` if the model has not written it yet."""
    return _TRACES.get(dataclasses.replace(question, **ONLY_SHOWN))


async def ask_model(question: Question, model: LiveModel) -> None:
    """Have the model write what a question asks for."""
    asked = dataclasses.replace(question, **ONLY_SHOWN)
    await _TRACES.work_out(asked, lambda: record(asked, model))


async def record(question: Question, model: LiveModel) -> Trace:
    """The texts that a question asks for, and every place of them."""
    settings = question.settings()
    run = model.facts.get("run") or {}
    chat = run.get("stage") != "base" and not question.complete
    prompt = prompt_of(question.prompt or "", chat, model.tokenizer, model.context, question.tokens)
    with Progress("Writing", len(settings) * question.tokens) as progress:
        recorder = LiveRecorder(
            model, prompt, question.tokens, about=about(model), keep=question.keep or vocab_size(model),
            temperatures=[*TEMPERATURES, *(how.temperature for how in settings if how.temperature)],
            tool=make_tools(python=False), known=said(prompt.ids),
        )  # fmt: skip
        for number, how in enumerate(settings):
            begun = number * question.tokens
            written = iter(range(begun + 1, begun + question.tokens + 1))
            recorder.tell = lambda at=written: progress.at(next(at))  # type: ignore[misc]
            await recorder.write(how, question.seed)
    return recorder.trace()


def about(model: LiveModel) -> dict[str, Any]:
    """What the trace says of its model."""
    run = model.facts.get("run") or {}
    named = {"run": run.get("name"), "stage": run.get("stage"), "step": run.get("step")}
    more = {"vocab_size": vocab_size(model), "context": model.context, "dtype": model.facts.get("dtype")}
    return {key: value for key, value in (named | more).items() if value is not None}


def vocab_size(model: LiveModel) -> int:
    """How many tokens the model knows."""
    return int(model.facts["model"]["vocab_size"])


def said(prompt: tuple[int, ...]) -> Logits:
    """What the model said after texts that begin with this prompt; of another prompt nothing is kept."""
    if prompt not in _SAID or len(_SAID[prompt]) > MOST_LOGITS:
        _SAID.clear()
        _SAID[prompt] = {}
    return _SAID[prompt]
