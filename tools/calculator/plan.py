"""From a question to a plan: the model it means, and the training and the machine it leaves open."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nanochat.model.config import GPTConfig
from nanochat.model.hardware import find_gpu
from nanochat.model.planning import Machine, device_batch, tokens_per_second
from nanochat.model.shape import Model
from nanochat.train.depth_dial import plan_for
from tools.calculator.models import find_model, with_flags
from tools.calculator.question import Question
from tools.core.tool import UsageError

DEFAULT_TOKENS = 10_000_000_000
DEFAULT_BATCH = 64
DEFAULT_SEQ_LEN = 1_024
DEFAULT_THROUGHPUT = 100_000.0  # a round figure for a small model on one GPU; the brief's example uses it
DEFAULT_MFU = 0.4


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
    >>> find_throughput(question, GPTConfig(), Machine(find_gpu("L4")), 1_024)
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

    Our windows follow the context. GPT-2 has a vector for each position and no more. Rotary positions have
    no end.

    >>> fit_sequence(GPTConfig(), 512).windows()[0]
    128
    """
    if isinstance(model, GPTConfig):
        return replace(model, sequence_len=seq_len)
    if model.arch == "gpt2" and seq_len > model.sequence_len:
        raise UsageError(
            f"--seq-len {seq_len:,} is longer than the {model.sequence_len:,} positions this model has "
            f"learned; use at most {model.sequence_len:,}",
            parameter="seq_len",
        )
    return replace(model, sequence_len=max(seq_len, model.sequence_len))
