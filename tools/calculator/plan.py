"""From a question to a plan: the model it means, and the training and the machine it leaves open."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from nanochat.model.config import GPTConfig
from nanochat.model.hardware import find_gpu
from nanochat.model.huggingface import shape_from_config
from nanochat.model.planning import Machine, device_batch, tokens_per_second
from nanochat.model.presets import PRESETS
from nanochat.model.shape import HEAD_DIM, Model, Shape
from nanochat.train.depth_dial import plan_for
from tools.calculator.question import Question
from tools.core.tool import UsageError

T = TypeVar("T")

DEFAULT_PRESET = "nanochat-tiny"
DEFAULT_DEPTH = 12
DEFAULT_VOCAB = {"textbook": 32_000, "gpt2": 50_257, "llama": 32_000, "nanochat": 32_768}
DEFAULT_TOKENS = 10_000_000_000
DEFAULT_BATCH = 64
DEFAULT_SEQ_LEN = 1_024
DEFAULT_THROUGHPUT = 100_000.0  # a round figure for a small model on one GPU; the brief's example uses it
DEFAULT_MFU = 0.4
LARGEST_CONFIG = 1_000_000  # bytes; a real config.json has one or two thousand

FLAGS = {
    "n_layer": "--depth", "depth": "--depth", "n_embd": "--hidden-dim", "n_head": "--heads",
    "n_kv_head": "--kv-heads", "vocab_size": "--vocab-size", "sequence_len": "--seq-len", "mlp_width": "--mlp-dim",
}  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """All that the report needs.

    >>> plan = make_plan(Question(preset="nanochat-tiny"))
    >>> plan.steps, plan.tokens_per_step
    (152587, 65536)
    """

    model: Model
    machine: Machine
    price: float
    own_price: bool
    total_tokens: int
    batch_size: int
    seq_len: int
    throughput: float
    throughput_from: str
    device_batch: int
    context: int
    conversations: int

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one optimizer step.

        >>> make_plan(Question(batch_size=8, seq_len=512)).tokens_per_step
        4096
        """
        return self.batch_size * self.seq_len

    @property
    def steps(self) -> int:
        """Whole steps in the budget, at least one.

        >>> make_plan(Question(total_tokens=1)).steps
        1
        """
        return max(1, self.total_tokens // self.tokens_per_step)

    @property
    def turns(self) -> int:
        """Forward and backward passes a GPU makes for one step (gradient accumulation).

        >>> make_plan(Question(batch_size=64)).turns
        1
        """
        return -(-self.batch_size // (self.device_batch * self.machine.gpus))

    @property
    def seconds(self) -> float:
        """Training time at the throughput of the plan.

        >>> round(make_plan(Question()).seconds / 3600, 1)
        27.8
        """
        return self.total_tokens / self.throughput


def make_plan(question: Question) -> Plan:
    """Work out what the question leaves open; `UsageError` when its parts do not fit together.

    >>> make_plan(Question(arch="nanochat", depth=12)).total_tokens
    1321210944
    """
    model = with_flags(lambda: find_model(question))
    seq_len = question.seq_len or min(model.sequence_len, default_seq_len(model))
    model = with_flags(lambda: fit_sequence(model, seq_len))
    total_tokens, batch_size = DEFAULT_TOKENS, DEFAULT_BATCH
    if isinstance(model, GPTConfig):
        dial = plan_for(model)
        total_tokens, batch_size = dial.tokens, max(1, dial.batch_tokens // seq_len)
    batch_size = question.batch_size or batch_size
    machine = Machine(
        gpu=find_gpu(question.gpu or "H100"),
        gpus=question.gpus or 1,
        mfu=question.mfu or DEFAULT_MFU,
        sharding=question.sharding,
        checkpointing=question.checkpointing,
    )
    throughput, origin = find_throughput(question, model, machine, seq_len)
    return Plan(
        model=model,
        machine=machine,
        price=machine.gpu.price if question.price is None else question.price,
        own_price=question.price is not None,
        total_tokens=question.total_tokens or total_tokens,
        batch_size=batch_size,
        seq_len=seq_len,
        throughput=throughput,
        throughput_from=origin,
        device_batch=device_batch(batch_size, model, machine, seq_len),
        context=question.context or seq_len,
        conversations=question.conversations,
    )


def find_throughput(question: Question, model: Model, machine: Machine, seq_len: int) -> tuple[float, str]:
    """Tokens a second, and where the figure comes from.

    >>> question = Question(throughput=5.0)
    >>> find_throughput(question, PRESETS["gpt2-small"], Machine(find_gpu("L4")), 1_024)
    (5.0, 'given')
    """
    if question.throughput is not None:
        return question.throughput, "given"
    named = question.gpu or question.gpus or question.mfu
    if named or isinstance(model, GPTConfig):
        return tokens_per_second(model, machine, seq_len), "gpus"
    return DEFAULT_THROUGHPUT, "assumed"


def default_seq_len(model: Model) -> int:
    """The context this project trains with, or the usual 1,024.

    >>> default_seq_len(GPTConfig())
    2048
    """
    return model.sequence_len if isinstance(model, GPTConfig) else DEFAULT_SEQ_LEN


def fit_sequence(model: Model, seq_len: int) -> Model:
    """The model for sequences of this length.

    Our windows follow the context. GPT-2 has a vector for each position and no more. Rotary positions have no end.

    >>> fit_sequence(GPTConfig(), 512).windows()[0]
    128
    """
    if isinstance(model, GPTConfig):
        return replace(model, sequence_len=seq_len)
    if model.arch == "gpt2" and seq_len > model.sequence_len:
        raise UsageError(
            f"--seq-len {seq_len:,} is longer than the {model.sequence_len:,} positions this model has learned; "
            f"use at most {model.sequence_len:,}",
            parameter="seq_len",
        )
    return replace(model, sequence_len=max(seq_len, model.sequence_len))


def find_model(question: Question) -> Model:
    """The model a question means.

    >>> find_model(Question(depth=12, hidden_dim=768, vocab_size=32_000)).arch
    'textbook'
    >>> find_model(Question(preset="nanochat-d12", depth=20)).n_embd
    1280
    """
    sizes = (question.depth, question.hidden_dim, question.heads, question.kv_heads, question.mlp_dim)
    if question.config is not None:
        if any(sizes) or question.vocab_size or question.preset or question.arch:
            raise UsageError(
                "--config gives the whole model; leave out the other flags of the model", "config"
            )
        return read_config(question.config)
    preset = question.preset
    if preset is None and not any(sizes) and not question.vocab_size and not question.arch:
        preset = DEFAULT_PRESET
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
    depth = question.depth or (base.n_layer if base else DEFAULT_DEPTH)
    dial = GPTConfig.from_depth(depth)
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
    """The number of heads nearest to `head_dim` channels each that leaves them an even width, or at least equal.

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
    tools.core.errors.UsageError: --hidden-dim 384 is not divisible by --heads 5 into even-sized heads; use 1, ...
    """
    try:
        return work()
    except ValueError as error:
        words = re.sub(r"\b([a-z_]+)=", lambda m: f"{FLAGS[m[1]]} " if m[1] in FLAGS else m[0], str(error))
        named = re.findall(r"--[a-z-]+", words)
        raise UsageError(words, parameter=named[-1] if named else None) from error


def read_config(path: Path) -> Shape:
    """The model in a Hugging Face `config.json`; every problem is a `UsageError` naming the file.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
    ...     _ = file.write('{"model_type": "gpt2", "n_lay')
    ...     file.flush()
    ...     try:
    ...         read_config(Path(file.name))
    ...     except UsageError as error:
    ...         print(str(error).split(": ")[1])
    it is not complete JSON (line 1, column 24
    """
    try:
        with path.open("rb") as opened:
            raw = opened.read(LARGEST_CONFIG + 1)
        if len(raw) > LARGEST_CONFIG:
            raise UsageError(f"--config {path}: it is larger than 1 MB, so it is no config.json", "config")
        data = json.loads(raw.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise UsageError(
            f"--config {path}: it is not text in UTF-8, so it is no config.json", "config"
        ) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}: {error.msg}"
        raise UsageError(f"--config {path}: it is not complete JSON ({where})", "config") from None
    except (OSError, RecursionError, ValueError) as error:
        raise UsageError(f"--config {path}: it cannot be read ({error})", "config") from None
    try:
        return shape_from_config(data)
    except ValueError as error:
        raise UsageError(f"--config {path}: {error}", "config") from None
