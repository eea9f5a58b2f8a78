"""What guide 3 measures at build: a puzzle that small models learn, and what each extra costs."""

from __future__ import annotations

from functools import cache
from math import log
from typing import TYPE_CHECKING, Any

from nanochat.model.config import GPTConfig
from nanochat.model.counting import count_flops, count_parameters
from web.figures.svg import Svg
from web.figures.token_strip import WIDTH

if TYPE_CHECKING:
    from torch import Tensor, nn

    from nanochat.model.gpt import GPT

LETTERS = "abcdefghijklmnop"
ROW = 25  # letters of a puzzle, of which the model reads all but the last
SHOWN = 12
STEPS = 150


def letters_table(depth: int) -> str:
    """The letters of shapes, what they count, and how many there are."""
    config = GPTConfig.from_depth(depth)
    heads = f"{config.n_head}, {config.n_kv_head}"
    rows = [
        ("B", "batch: how many texts at once", "you choose"),
        ("T", "time: how many tokens in each", f"up to {config.sequence_len:,}"),
        ("C", "channels: the width of the stream", f"{config.n_embd:,}"),
        ("L", "layers, that is, blocks", f"{config.n_layer}"),
        ("H, K", "heads of queries; heads of keys and values", heads),
        ("D", "channels of one head", f"{config.head_dim}"),
        ("F", "channels inside the MLP", f"{config.mlp_width:,}"),
        ("V", "tokens in the vocabulary", f"{config.vocab_size:,}"),
    ]
    lines = [f"| letter | size | at depth {depth} |", "| --- | --- | ---: |"]
    return "\n".join(lines + [f"| {letter} | {size} | {value} |" for letter, size, value in rows])


def extras_table(depth: int) -> str:
    """For each extra what it adds to the model, counted by leaving it out."""
    everything = GPTConfig.from_depth(depth)
    tokens = everything.sequence_len
    total, flops = count_parameters(everything).total, count_flops(everything, tokens).total
    changes: dict[str, dict[str, Any]] = {
        "value embeddings": {"value_embeddings": False},
        "residual scalars": {"residual_scalars": False},
        "x0 scalars": {"x0_scalars": False},
        "smear": {"smear": False},
        "backout": {"backout": False},
        "windows `SSSL`": {"window_pattern": "L"},
    }
    rows = ["| extra | parameters it adds | FLOPs a token it adds |", "| --- | ---: | ---: |"]
    for name, change in changes.items():
        without = GPTConfig.from_depth(depth, **change)
        more = total - count_parameters(without).total
        work = flops - count_flops(without, tokens).total
        share = f" ({work / flops:+.1%})".replace("-", "−") if abs(work) > flops / 1000 else ""
        rows.append(f"| {name} | {more:,} | {work:,}{share} |".replace("| -", "| −"))
    return "\n".join(rows)


def puzzles(n_rows: int, seed: int) -> Tensor:
    """Rows of letters: some different ones in an order made by chance, then the same order again and again.

    >>> row = puzzles(1, seed=0)[0].tolist()
    >>> "".join(LETTERS[letter] for letter in row)
    'mcdnomcdnomcdnomcdnomcdno'
    """
    import torch

    chance = torch.Generator().manual_seed(seed)
    letters = torch.rand(n_rows, len(LETTERS), generator=chance).argsort(dim=1)
    length = torch.randint(4, 9, (n_rows, 1), generator=chance)
    return letters.gather(1, torch.arange(ROW) % length)


@cache
def _learn_puzzles(n_layer: int, smear: bool, width: int = 32) -> tuple[float, GPT]:
    """Train a small GPT on puzzles for some seconds; its loss on new ones, and the model."""
    import torch

    from nanochat.model.gpt import GPT

    config = GPTConfig.core(
        n_layer=n_layer,
        n_embd=width,
        n_head=1,
        n_kv_head=1,
        vocab_size=len(LETTERS),
        sequence_len=ROW,
        smear=smear,
    )
    model = GPT(config).initialize(seed=0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01, weight_decay=0.0)
    for step in range(STEPS):
        loss = puzzle_loss(model, puzzles(48, seed=1 + step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return float(puzzle_loss(model, puzzles(256, seed=0))), model


def puzzle_loss(model: GPT, rows_BT: Tensor) -> Any:
    """The mean loss of the letters that can be known: those that stood there before."""
    targets_BT = rows_BT[:, 1:].clone()
    targets_BT[:, :8] = -1  # a word has at most eight letters; before its end nothing can be known
    return model(rows_BT[:, :-1], targets_BT) / (targets_BT >= 0).sum()


def puzzle_table(width: int) -> str:
    """The loss of three small models on new puzzles."""
    rows = ["| model | loss on new puzzles |", "| --- | ---: |", f"| a guess | ln 16 = {log(16):.2f} |"]
    for name, n_layer, smear in (
        ("one layer, core", 1, False),
        ("one layer, core and smear", 1, True),
        ("two layers, core", 2, False),
    ):
        rows.append(f"| {name} | {_learn_puzzles(n_layer, smear, width)[0]:.3f} |")
    return "\n".join(rows)


def puzzle_attention() -> str:
    """Where the one head of the second layer looks, after training."""
    import torch

    model = _learn_puzzles(2, False, 32)[1]
    row_T = puzzles(40, seed=0)
    row = next(row for row in row_T if row[5] == row[0] and row[4] != row[0])[:SHOWN]
    ids_BT = row[None]
    weights: list[Tensor] = []

    attention: Any = model.blocks[1].attention

    def watch(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        x_BTC, rotary, *_ = inputs
        q_BTHD, k_BTHD, _ = attention.project(x_BTC, rotary)
        scores_BHTT = torch.einsum("bthd,bshd->bhts", q_BTHD, k_BTHD) / attention.head_dim**0.5
        hidden_TT = torch.ones(SHOWN, SHOWN, dtype=torch.bool).triu(1)
        weights.append(scores_BHTT.masked_fill(hidden_TT, -torch.inf).softmax(-1)[0])

    hook = attention.register_forward_hook(watch)
    with torch.no_grad():
        model(ids_BT)
    hook.remove()
    period = 5
    back = torch.arange(period, SHOWN)
    head = weights[0][0]
    letters = [LETTERS[letter] for letter in row.tolist()]
    found = float(head[back, back - period + 1].mean())
    drawing = Svg(
        "puzzle-attention",
        WIDTH,
        372,
        title="What a trained head looks at",
        description=f"Attention of a trained head over the letters {' '.join(letters)}. From the second "
        f"round on, {found:.0%} of the weight, on average, is on the letter that came after the same letter "
        "before.",
    )
    for number, letter in enumerate(letters):
        drawing.text(30, 50 + 26 * number, letter, anchor="middle", middle=True, mono=True)
        drawing.text(56 + 26 * number, 26, letter, anchor="middle", mono=True)
    for query in range(SHOWN):
        for key in range(query + 1):
            share = float(head[query, key])
            right = query >= period and key == query - period + 1
            x, y = 44 + 26 * key, 38 + 26 * query
            drawing.box(x, y, 24, 24, round=2, tone=0, dashed=right)
            side = 22 * share**0.5
            drawing.bar(x + 12 - side / 2, y + 12 - side / 2, side, side, tone=2 if right else 4)
    legend = ("row: who asks", "area: the weight", "dashed: what", "came after it", "last time")
    for number, line in enumerate(legend):
        drawing.text(368, 60 + 18 * number, line, size=11, kind="muted")
    return drawing.figure(
        f"The head of the second layer, in the model with two layers. From the second round on, {found:.0%} "
        "of its weight is on the letter that followed the same letter last time: the answer to the puzzle."
    )
