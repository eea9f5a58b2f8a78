"""A trace from a real checkpoint. The one file of the tool that needs torch, and only when it is called.

Runs are found as `nanochat chat` finds them: `--run`, `--step` and `--device` mean the same, and without them
the newest run of sft or rl is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tools.attention.reading import (
    RANDOM_ROWS,
    RANDOM_TOKENS,
    Wanted,
    cut,
    ids_of,
    random_rows,
)
from tools.attention.trace import Repeated, Token, Trace, in_parts
from tools.core.errors import ToolError, UsageError

if TYPE_CHECKING:
    from nanochat.model.gpt import GPT
    from nanochat.tokenizer.tokenizer import Tokenizer


def trace_from_model(wanted: Wanted, most: int, first: int | None) -> Trace:
    """Read the text with the model; `first` cuts it, and without that more than `most` tokens are refused."""
    try:
        import torch  # noqa: F401
    except ImportError:
        raise ToolError(
            "a checkpoint is read with torch, which is not installed: pip install -e '.[train]'; saved "
            "traces (--trace, --example) need nothing"
        ) from None
    from nanochat.errors import UserError

    try:
        return _trace(wanted, most, first)
    except UserError as error:
        raise UsageError(str(error)) from None


def _trace(wanted: Wanted, most: int, first: int | None) -> Trace:
    from argparse import Namespace

    from nanochat.commands import chat_model
    from nanochat.train.precision import TYPES, pick_dtype

    chat_model.check(Namespace(device=wanted.device, python=False, unsafe_sandbox=False))
    run = chat_model.choose_run(wanted.run)
    tokenizer = run.tokenizer()
    ids, kind = ids_of(wanted, tokenizer)
    config = run.model_config
    ids = cut(ids, min(most, config.sequence_len), first, config.n_layer * config.n_head, run.name)
    checkpoint = run.checkpoint(wanted.step)
    device = chat_model.pick(wanted.device)
    model = run.model(checkpoint, device, TYPES[pick_dtype("auto", device)])
    made_by: dict[str, str | int] = {"run": run.name, "stage": run.stage, "step": checkpoint.step}
    return trace_of_ids(model, tokenizer, ids, kind, made_by, wanted.seed)


def trace_of_ids(
    model: GPT,
    tokenizer: Tokenizer,
    ids: Sequence[int],
    kind: str = "text",
    made_by: dict[str, str | int] | None = None,
    seed: int = 0,
) -> Trace:
    """The trace of one row of token ids."""
    import torch

    from nanochat.model.attention_weights import attention_weights

    device = model.embedding.weight.device
    found = attention_weights(model, torch.tensor([list(ids)], device=device))
    weights = [
        [
            [in_parts(row[: place + 1]) for place, row in enumerate(head)]
            for head in weights_BHTS[0].cpu().tolist()
        ]
        for weights_BHTS in found
    ]
    tokens = [Token(one, tokenizer.token_bytes(one), one in tokenizer.special_ids) for one in ids]
    return Trace(
        tokens, weights, model.config.windows(), model.config.n_kv_head, kind, made_by or {},
        induction_on_random(model, tokenizer, seed),
    )  # fmt: skip


def induction_on_random(model: GPT, tokenizer: Tokenizer, seed: int) -> Repeated | None:
    """Every head's induction score on random tokens that come twice; None if the context is too short."""
    rows = random_rows(tokenizer, seed)
    if len(rows[0]) > model.config.sequence_len:
        return None
    return Repeated(RANDOM_TOKENS, RANDOM_ROWS, seed, induction_scores(model, rows))


def induction_scores(model: GPT, rows: Sequence[Sequence[int]]) -> list[list[float]]:
    """How much attention goes to what followed the last time, for each head; a row is a mark and two rounds.

    Each token of the second round has been there once, so there is one place to look at: the one after that.
    """
    import torch

    from nanochat.model.attention_weights import attention_weights

    ids_BT = torch.tensor(rows, device=model.embedding.weight.device)
    n_tokens = (ids_BT.shape[1] - 1) // 2
    second = torch.arange(1 + n_tokens, 1 + 2 * n_tokens)
    found = [one[:, :, second, second - n_tokens + 1] for one in attention_weights(model, ids_BT)]
    return [[round(score, 6) for score in looked_BHT.mean(dim=(0, 2)).tolist()] for looked_BHT in found]
