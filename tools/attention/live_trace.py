"""A trace of what the model of the page looks at, kept until the question changes.

Shapes: T time, S tokens seen, H heads.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nanochat.model.config import GPTConfig
from tools.attention.reading import RANDOM_ROWS, RANDOM_TOKENS, Wanted, cut, ids_of, random_rows
from tools.attention.trace import MOST_TOKENS, Head, Repeated, Token, Trace, in_parts
from tools.core.progress import Progress
from tools.live.model import Array, LiveModel
from tools.live.remembered import Remembered

_TRACES: Remembered[Trace] = Remembered()
_SCORES: Remembered[Repeated | None] = Remembered()
# A text of which the weights take a second is read in so many steps of progress.
STEPS = RANDOM_ROWS + 1


def of_wanted(wanted: Wanted, first: int | None) -> Trace:
    """The trace of a text; `NeedModel` if the model has not read it yet."""
    return _TRACES.get(_key(wanted, first))


async def ask_model(wanted: Wanted, first: int | None, model: LiveModel) -> None:
    """Have the model read a text."""
    await _TRACES.work_out(_key(wanted, first), lambda: read(wanted, first, model))


def _key(wanted: Wanted, first: int | None) -> tuple[str, int | None]:
    return repr(wanted), first


async def read(wanted: Wanted, first: int | None, model: LiveModel) -> Trace:
    """The trace of a text, a chat or random tokens."""
    ids, kind = ids_of(wanted, model.tokenizer)
    run = model.facts.get("run") or {}
    made_by: dict[str, str | int] = {
        key: value for key, value in (("run", run.get("name")), ("stage", run.get("stage"))) if value
    }
    if isinstance(run.get("step"), int):
        made_by["step"] = run["step"]
    name = str(made_by.get("run", "this model"))
    ids = cut(ids, min(MOST_TOKENS, model.context), first, model.n_layer * model.n_head, name)
    with Progress("Reading", STEPS) as progress:
        trace = await trace_of_ids(model, ids, kind, made_by)
        progress.at(1)
        await _SCORES.work_out(wanted.seed, lambda: induction_on_random(model, wanted.seed, progress))
    scores = _SCORES.get(wanted.seed)
    return Trace(
        trace.tokens, trace.weights, trace.windows, trace.n_kv_head, trace.kind, trace.made_by, scores
    )


async def trace_of_ids(
    model: LiveModel, ids: Sequence[int], kind: str = "text", made_by: dict[str, str | int] | None = None
) -> Trace:
    """The trace of one row of token ids, without the scores on random tokens."""
    names = attention_names(model)
    found = await model.look(ids, names)
    tokenizer = model.tokenizer
    tokens = [Token(one, tokenizer.token_bytes(one), one in tokenizer.special_ids) for one in ids]
    config = GPTConfig(**model.facts["model"])
    weights = [heads_of(found[name]) for name in names]
    return Trace(tokens, weights, config.windows(), config.n_kv_head, kind, made_by or {})


def attention_names(model: LiveModel) -> list[str]:
    """What the graph calls the weights of each layer."""
    return [f"attention_{layer}" for layer in range(model.n_layer)]


def heads_of(weights_HTS: Array) -> list[Head]:
    """Every head's rows in whole parts."""
    n_head, n_tokens, _ = weights_HTS.shape
    return [
        [in_parts(weights_HTS.row(head, place)[: place + 1]) for place in range(n_tokens)]
        for head in range(n_head)
    ]


async def induction_on_random(model: LiveModel, seed: int, progress: Progress) -> Repeated | None:
    """Every head's induction score on random tokens that come twice; None if the context is too short."""
    rows = random_rows(model.tokenizer, seed)
    if len(rows[0]) > model.context:
        return None
    names = attention_names(model)
    looked = [[0.0] * model.n_head for _ in names]
    for number, row in enumerate(rows, 2):
        found = await model.look(row, names)
        for layer, name in enumerate(names):
            for head in range(model.n_head):
                looked[layer][head] += looked_at(found[name], head, RANDOM_TOKENS) / RANDOM_ROWS
        progress.at(number)
    scores = [[round(score, 6) for score in layer] for layer in looked]
    return Repeated(RANDOM_TOKENS, RANDOM_ROWS, seed, scores)


def looked_at(weights_HTS: Array, head: int, n_tokens: int) -> float:
    """How much each token of the second round gives to what followed the last time, on average."""
    second = range(1 + n_tokens, 1 + 2 * n_tokens)
    return math.fsum(weights_HTS.row(head, place)[place - n_tokens + 1] for place in second) / n_tokens
