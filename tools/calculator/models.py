"""Which model a question means: a preset, a file, an architecture's customs, and the sizes given."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from nanochat.model.config import GPTConfig
from nanochat.model.huggingface import shape_from_config
from nanochat.model.presets import PRESETS
from nanochat.model.shape import HEAD_DIM, Model, Shape
from tools.calculator.question import Question
from tools.core.errors import ToolError, UsageError
from tools.core.files import MEGABYTE, read_json

T = TypeVar("T")

DEFAULT_PRESET = "nanochat-tiny"
DEFAULT_DEPTH = 12
DEFAULT_VOCAB = {"textbook": 32_000, "gpt2": 50_257, "llama": 32_000, "nanochat": 32_768}
LARGEST_CONFIG = MEGABYTE  # a real config.json has one or two thousand bytes

FLAGS = {
    "n_layer": "--depth", "depth": "--depth", "n_embd": "--hidden-dim", "n_head": "--heads",
    "n_kv_head": "--kv-heads", "vocab_size": "--vocab-size", "sequence_len": "--seq-len",
    "mlp_width": "--mlp-dim",
}  # fmt: skip


def find_model(question: Question) -> Model:
    """The model a question means.

    >>> find_model(Question(depth=12, hidden_dim=768, vocab_size=32_000)).arch
    'textbook'
    >>> find_model(Question(preset="nanochat-d12", depth=20)).n_embd
    1280
    """
    large = (question.arch, question.depth, question.hidden_dim)
    small = (question.heads, question.kv_heads, question.mlp_dim, question.vocab_size)
    if question.config is not None:
        if any(large) or any(small):
            raise UsageError("--config gives every size of the model; leave out its other flags", "config")
        return read_config(question.config)
    preset = question.preset or (None if any(large) else DEFAULT_PRESET)
    base = PRESETS[preset] if preset else None
    arch = question.arch or (base.arch if base else "textbook")
    return own_model(question, base) if arch == "nanochat" else family_model(question, base, arch)


def own_model(question: Question, base: Model | None) -> GPTConfig:
    """This project's GPT: the dial, then whatever sizes are given.

    >>> own_model(Question(depth=4, kv_heads=1), None).n_kv_head
    1
    """
    if question.mlp_dim is not None:
        raise UsageError(
            "--mlp-dim cannot be set for nanochat, whose MLP is 4 x --hidden-dim wide", "mlp_dim"
        )
    if question.depth and isinstance(base, Shape):
        base = None  # the dial is turned: sizes of another family mean nothing any more
    dial = GPTConfig.from_depth(question.depth or (base.n_layer if base else DEFAULT_DEPTH))
    # A width is taken from a preset of another family; a preset of ours gets its width from the dial.
    hidden = question.hidden_dim or (base.n_embd if isinstance(base, Shape) else dial.n_embd)
    heads = question.heads or (base.n_head if keeps_heads(question, base) and base else 0)
    heads = heads or (dial.n_head if hidden == dial.n_embd else usual_heads(hidden, dial.head_dim))
    return replace(
        dial,
        n_embd=hidden,
        n_head=heads,
        n_kv_head=find_kv_heads(question, base, heads),
        vocab_size=question.vocab_size or (base.vocab_size if base else DEFAULT_VOCAB["nanochat"]),
    )


def family_model(question: Question, base: Model | None, arch: str) -> Shape:
    """A model of another family: the preset's sizes or the family's customs, then whatever is given.

    >>> model = family_model(Question(depth=12), None, "gpt2")
    >>> model.n_embd, model.n_head, model.tied
    (768, 12, True)
    """
    depth = question.depth or (base.n_layer if base else DEFAULT_DEPTH)
    hidden = question.hidden_dim or (base.n_embd if base else HEAD_DIM * depth)
    heads = question.heads or (base.n_head if keeps_heads(question, base) and base else 0)
    heads = heads or usual_heads(hidden, base.head_dim if base else HEAD_DIM)
    kv_heads = find_kv_heads(question, base, heads)
    vocab = question.vocab_size or (base.vocab_size if base else DEFAULT_VOCAB[arch])
    if isinstance(base, Shape) and base.arch == arch:
        same_width = hidden == base.n_embd
        return replace(
            base, n_layer=depth, n_embd=hidden, n_head=heads, n_kv_head=kv_heads, vocab_size=vocab,
            head_dim=base.head_dim if same_width and heads == base.n_head else 0,
            mlp_width=question.mlp_dim or (base.mlp_width if same_width else 0),
        )  # fmt: skip
    return Shape(
        arch, depth, hidden, heads, vocab, n_kv_head=kv_heads, mlp_width=question.mlp_dim or 0,
        tied=arch == "gpt2",
    )  # fmt: skip


def keeps_heads(question: Question, base: Model | None) -> bool:
    """Whether the preset's number of heads still holds: not when the width changes.

    >>> keeps_heads(Question(hidden_dim=512), PRESETS["gpt2-small"])
    False
    """
    if base is None or question.hidden_dim not in (None, base.n_embd):
        return False
    return not (isinstance(base, GPTConfig) and question.depth not in (None, base.n_layer))


def find_kv_heads(question: Question, base: Model | None, heads: int) -> int:
    """Key and value heads: as given, as the preset has them where that still divides, or one for each head.

    >>> find_kv_heads(Question(), PRESETS["llama-3-8b"], 32)
    8
    """
    if question.kv_heads:
        return question.kv_heads
    if base and base.n_kv_head < base.n_head and heads % base.n_kv_head == 0:
        return base.n_kv_head
    return heads


def usual_heads(hidden: int, head_dim: int) -> int:
    """The number of heads of about `head_dim` channels that leaves them an even width, or at least equal.

    >>> usual_heads(768, 64), usual_heads(100, 64), usual_heads(97, 64)
    (12, 1, 1)
    """
    most = max(1, hidden // head_dim)
    for step in (2, 1):
        for heads in range(most, 0, -1):
            if hidden % (heads * step) == 0:
                return heads
    return 1


def with_flags(work: Callable[[], T]) -> T:
    """Do the work; a `ValueError` of the model room comes out in the words of the command line.

    >>> with_flags(lambda: GPTConfig(n_embd=384, n_head=5))
    Traceback (most recent call last):
        ...
    tools.core.errors.UsageError: --hidden-dim 384 is not divisible by --heads 5 into even-sized heads...
    """
    try:
        return work()
    except ValueError as error:
        words = re.sub(r"\b([a-z_]+)=", lambda m: f"{FLAGS[m[1]]} " if m[1] in FLAGS else m[0], str(error))
        named = re.findall(r"--[a-z-]+", words)
        raise UsageError(words, parameter=named[-1] if named else None) from error


def read_config(path: Path) -> Shape:
    """The model in a Hugging Face `config.json`; every problem is a `UsageError` naming the file.

    The file is part of the question, as a flag is: without it there is no model to look at. So exit code 2.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    ...     _ = file.write('{"model_type": "gpt2", "n_lay')
    ...     file.flush()
    ...     try:
    ...         read_config(Path(file.name))
    ...     except UsageError as error:
    ...         print(str(error).split(": ")[1])
    Unterminated string starting at line 1, column 24
    """
    try:
        return shape_from_config(read_json(path, LARGEST_CONFIG, "a config.json", "config"))
    except ValueError as error:
        raise UsageError(f"{path}: {error}", "config") from None
    except ToolError as error:
        raise UsageError(str(error), "config") from None
