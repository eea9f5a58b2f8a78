"""The command that starts the training of a plan on its machine, and what must be there first."""

from __future__ import annotations

from dataclasses import replace

from nanochat.model.config import GPTConfig
from nanochat.model.planning import device_batch
from nanochat.model.shape import Model
from nanochat.train.depth_dial import turn_dial
from tools.calculator.plan import Plan
from tools.core.report import Block, Code, Section

GPUS_A_NODE = 8
# The packages, the text, the tokenizer: what `train base` asks for where its flags name nothing else.
FIRST = """pip install -e '.[train,corpus]'
nanochat data prepare --corpus classics
nanochat tokenizer train"""


def command(plan: Plan) -> Section:
    """The command that starts the training on that machine."""
    layers = f"{plan.model.n_layer:,} layers on this machine:"
    if not isinstance(plan.model, GPTConfig):
        caption = f"This project trains its own architecture. Its model of {layers}"
    elif not is_from_dial(plan.model):
        caption = f"The dial's own model of {layers}"
    else:
        caption = ""
    blocks: list[Block] = [
        Code("train", train_command(plan), caption),
        Code("first", FIRST, "Once before it, in a copy of this project:"),
    ]
    return Section("Command to copy", blocks, icon="🚀", key="command")


def is_from_dial(model: Model) -> bool:
    """Whether depth alone gives this model.

    >>> is_from_dial(GPTConfig.from_depth(20))
    True
    """
    if not isinstance(model, GPTConfig):
        return False
    return model == GPTConfig.from_depth(model.n_layer, sequence_len=model.sequence_len)


def train_command(plan: Plan) -> str:
    """`torchrun` for the machine's GPUs; only what differs from the dial is said.

    For a model that the dial does not give, it is the command for the dial's own model of that depth.

    >>> from tools.calculator.plan import make_plan
    >>> from tools.calculator.question import Question
    >>> print(train_command(make_plan(Question(arch="nanochat", depth=20, gpus=8))))
    torchrun --standalone --nproc_per_node=8 -m nanochat train base --depth 20 --device-batch-size 32
    """
    # The trainer shares out the optimizer's state, whatever else the question has asked about.
    machine, dial = replace(plan.machine, sharding="optimizer"), turn_dial(plan.model.n_layer)
    n_time = dial.config.sequence_len
    batch = device_batch(dial.batch_tokens // n_time, dial.config, machine, n_time)
    changes = []
    if is_from_dial(plan.model):
        batch = device_batch(plan.batch_size, plan.model, machine, plan.seq_len)
        if plan.seq_len != n_time:
            changes.append(f"--seq-len {plan.seq_len}")
        if plan.tokens_per_step != dial.batch_tokens:
            changes.append(f"--batch-size {plan.batch_size}")
        if plan.total_tokens != dial.tokens:
            changes.append(f"--total-tokens {plan.total_tokens}")
    if machine.checkpointing:
        changes.append("--checkpointing")
    base = ["-m nanochat train base", f"--depth {plan.model.n_layer}", f"--device-batch-size {batch}"]
    return " ".join(["torchrun", *launcher(machine.gpus), *base, *changes])


def launcher(gpus: int) -> list[str]:
    """How torchrun finds the GPUs: one node of up to eight, or several nodes with equally many.

    >>> launcher(16)
    ['--nnodes=2', '--nproc_per_node=8', '--rdzv-backend=c10d', '--rdzv-endpoint=HEAD_NODE:29500']
    >>> launcher(12)[:2]
    ['--nnodes=2', '--nproc_per_node=6']
    """
    if gpus <= GPUS_A_NODE:
        return ["--standalone", f"--nproc_per_node={gpus}"]
    each = next(size for size in range(GPUS_A_NODE, 0, -1) if gpus % size == 0)
    return [f"--nnodes={gpus // each}", f"--nproc_per_node={each}", "--rdzv-backend=c10d",
            "--rdzv-endpoint=HEAD_NODE:29500"]  # fmt: skip
