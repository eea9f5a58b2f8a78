"""The door to the model: load a checkpoint as `nanochat chat` does, and have it write a trace.

torch and what stands on it are imported inside the functions, so the module itself is standard library only.
"""

from __future__ import annotations

import argparse
import dataclasses
from functools import lru_cache

from nanochat.errors import UserError
from nanochat.inference.trace import TEMPERATURES, Trace
from tools.core.errors import ToolError, UsageError
from tools.explorer.live_trace import ONLY_SHOWN
from tools.explorer.prompt import prompt_of
from tools.explorer.question import Question


def record(question: Question) -> Trace:
    """The texts that a question asks for, and every place of them."""
    return _record(dataclasses.replace(question, **ONLY_SHOWN))


@lru_cache(maxsize=1)
def _record(question: Question) -> Trace:
    """`record`, once for a report and the file that goes with it."""
    try:
        import torch
    except ImportError:
        raise ToolError("a model needs torch: pip install -e '.[train]'; a --trace needs nothing") from None
    from nanochat.commands import chat_model
    from nanochat.inference.recording import Recorder
    from nanochat.toolbox.tools import make_tools
    from nanochat.train.precision import TYPES, pick_dtype

    options = argparse.Namespace(unsafe_sandbox=False, python=False, device=question.device)
    chat_model.check(options)
    try:
        run = chat_model.choose_run(question.run)
        device = chat_model.pick(question.device)
    except UserError as error:
        raise UsageError(str(error), parameter="run") from None
    try:
        checkpoint = run.checkpoint(question.step)
        tokenizer = run.tokenizer()
        dtype = pick_dtype("auto", device)
        model = run.model(checkpoint, device, TYPES[dtype])
    except UserError as error:
        raise ToolError(str(error), parameter="run") from None
    chat = run.stage in chat_model.CHATS and not question.complete
    context = run.model_config.sequence_len
    prompt = prompt_of(question.prompt or "", chat, tokenizer, context, question.tokens)
    about = {
        "run": run.name, "stage": run.stage, "step": checkpoint.step, "vocab_size": model.config.vocab_size,
        "context": model.config.sequence_len, "parameters": sum(p.numel() for p in model.parameters()),
        "dtype": dtype,
    }  # fmt: skip
    settings = question.settings()
    recorder = Recorder(
        model, tokenizer, prompt, question.tokens, about=about,
        keep=question.keep or model.config.vocab_size,
        temperatures=[*TEMPERATURES, *(how.temperature for how in settings if how.temperature)],
        tool=make_tools(python=False),
    )  # fmt: skip
    with torch.inference_mode():
        for how in settings:
            recorder.write(how, question.seed)
    return recorder.trace
