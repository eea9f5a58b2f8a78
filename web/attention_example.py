"""Make the attention visualizer's example of induction heads: a small model that learned to repeat.

    python -m web.attention_example        writes tools/examples/attention-induction.json, in half a minute

The runs that this project keeps are too small for induction heads on text. A model of two layers finds them
in seconds when its only task is to repeat: rows of different letters, said again and again, as in the
notebook "Look inside attention".
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import torch
from torch import Tensor

from nanochat.model.attention_weights import attention_weights
from nanochat.model.config import GPTConfig
from nanochat.model.gpt import GPT
from nanochat.train.depth_dial import plan_for
from nanochat.train.optimizer import make_optimizer
from nanochat.train.schedule import Schedule
from tools.attention.trace import Repeated, Token, Trace, in_parts
from tools.attention.trace_file import trace_text
from tools.attention.with_model import induction_scores
from tools.core.exports import write_parts

OUT = Path(__file__).resolve().parent.parent / "tools" / "examples" / "attention-induction.json"
LETTERS = ".abcdefghijklmnopqrstuvwxyz"  # a row begins with the mark
LENGTH, STEPS, ROWS, SEED = 48, 400, 64, 5
SHOWN, SCORED = 8, 8


def make_rows(count: int, chance: torch.Generator) -> Tensor:
    """Rows of 4 to 16 different letters, repeated to the end."""
    rows = torch.zeros(count, LENGTH + 1, dtype=torch.long)
    for row, n in zip(rows, torch.randint(4, 17, (count,), generator=chance).tolist(), strict=True):
        letters = torch.randperm(26, generator=chance)[:n] + 1
        row[1:] = letters.repeat(LENGTH // n + 1)[:LENGTH]
    return rows


def twice(n: int, chance: torch.Generator) -> list[int]:
    """The mark and two rounds of n different letters."""
    return [0, *(torch.randperm(26, generator=chance)[:n] + 1).repeat(2).tolist()]


def trained() -> GPT:
    """The model after its training."""
    chance = torch.Generator().manual_seed(1)
    config = GPTConfig.core(n_layer=2, n_embd=64, n_head=2, n_kv_head=2, vocab_size=27, sequence_len=64)
    model = GPT(config).initialize(SEED)
    plan = dataclasses.replace(
        plan_for(config),
        tokens=STEPS * ROWS * LENGTH,
        batch_tokens=ROWS * LENGTH,
        learning_rate_factor=math.sqrt(ROWS * LENGTH / 2**19),
    )
    optimizer, schedule = make_optimizer(model, plan), Schedule(STEPS, weight_decay=0.0)
    for step in range(STEPS):
        rows = make_rows(ROWS, chance)
        loss = model(rows[:, :-1], rows[:, 1:].contiguous()) / rows[:, 1:].numel()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step(schedule.at(step))
    return model.eval()


def four_heads() -> str:
    """The maps of the small model that learned to repeat letters."""
    from tools.attention.head_sections import maps_picture
    from tools.attention.question import Question
    from tools.attention_visualizer import view_of
    from tools.core.drawing import picture

    drawn = maps_picture(view_of(Question(example="induction", by="induction")))
    return (
        f'<figure class="report report-chart">{picture(drawn)}<figcaption>{drawn.title}</figcaption></figure>'
    )


def main() -> None:
    """Train, read two rounds of letters, write the trace."""
    torch.set_num_threads(1)
    model, chance = trained(), torch.Generator().manual_seed(2)
    ids = twice(SHOWN, chance)
    weights = [
        [[in_parts(row[: at + 1]) for at, row in enumerate(head)] for head in layer[0].tolist()]
        for layer in attention_weights(model, torch.tensor([ids]))
    ]
    scores = induction_scores(model, [twice(SHOWN, chance) for _ in range(SCORED)])
    tokens = [Token(one, LETTERS[one].encode(), special=one == 0) for one in ids]
    made_by: dict[str, str | int] = {"run": "two layers that learned to repeat letters", "step": STEPS}
    repeated = Repeated(SHOWN, SCORED, 2, scores)
    trace = Trace(tokens, weights, model.config.windows(), 2, "repeat", made_by, repeated)
    write_parts(OUT, trace_text(trace), overwrite=True)


if __name__ == "__main__":
    main()
