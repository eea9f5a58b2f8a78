"""The door to the model: load a checkpoint as `nanochat chat` does, and have it write a trace.

torch and what stands on it are imported inside the functions, so the module itself is standard library only.
"""

from __future__ import annotations

import argparse
import dataclasses
from functools import lru_cache
from typing import TYPE_CHECKING

from nanochat.errors import UserError
from nanochat.inference.trace import Prompt, Trace
from tools.core.errors import ToolError, UsageError
from tools.explorer.question import Question

if TYPE_CHECKING:
    from nanochat.tokenizer.tokenizer import Tokenizer
    from nanochat.train.finished import FinishedRun

# What has no part in what the model writes; two questions that differ in it alone share one trace.
ONLY_SHOWN = {"place": 1, "rows": 1}


def record(question: Question) -> Trace:
    """The texts that a question asks for, and every place of them."""
    return _record(dataclasses.replace(question, **ONLY_SHOWN))  # type: ignore[arg-type]


@lru_cache(maxsize=1)
def _record(question: Question) -> Trace:
    """`record`, once for a report and the file that goes with it."""
    try:
        import torch
    except ImportError:
        raise ToolError("a model needs torch: pip install -e '.[train]'; a --trace needs nothing") from None
    from nanochat.commands import chat_model
    from nanochat.inference.recording import TEMPERATURES, Recorder
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
    prompt = prompt_of(question, run, tokenizer, chat)
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


def prompt_of(question: Question, run: FinishedRun, tokenizer: Tokenizer, chat: bool) -> Prompt:
    """The ids that the model reads: the text behind <|bos|>, or the question of a chat with its markers."""
    from nanochat.serve.conversation import Conversation, TooLong, fit

    text = (question.prompt or "").encode(errors="surrogateescape").decode(errors="replace")
    context = run.model_config.sequence_len
    if chat:
        conversation = Conversation()
        conversation.ask(text)
        try:
            ids, _ = fit(tokenizer, conversation.to_dict(), context, question.tokens)
        except TooLong as error:
            raise UsageError(f"--prompt: {error}", parameter="prompt") from None
        return Prompt(text, True, tuple(ids))
    ids = [tokenizer.special_id("<|bos|>"), *tokenizer.encode(text)]
    if len(ids) >= context:
        raise UsageError(
            f"--prompt: the text has {len(ids):,} tokens; the model reads {context:,} in all, and one must "
            "be left to write",
            parameter="prompt",
        )
    return Prompt(text, False, tuple(ids))
