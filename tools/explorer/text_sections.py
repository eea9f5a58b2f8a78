"""The sections about the model, its prompt, and the text that was written."""

from __future__ import annotations

from nanochat.inference.trace import Trace
from tools.core.report import (
    Block,
    Cell,
    Column,
    LineChart,
    Row,
    Rows,
    Section,
    Series,
    Span,
    Table,
    Tokens,
    Value,
)
from tools.explorer.views import bytes_cell, bytes_of, views
from tools.explorer.walk import STOP, Walk
from tools.explorer.wording import bits, ended, of_model, parted, percent, rules
from tools.playground.views import TokenView

# Surprise in bits up to which a token has a colour; the last one is for all above.
BANDS = ((1.0, 2), (4.0, 4), (float("inf"), 3))
BANDS_SAID = (
    "What it writes. The colour is the surprise: up to 1 bit, up to 4 bits, or more; without one a tool "
    "put it in."
)


def source_section(trace: Trace) -> Section:
    """Which model it is, and how much of it the trace holds."""
    labels = {"vocab_size": "Vocabulary", "dtype": "Type of the products"}
    rows = [
        Row(key, labels.get(key, key[:1].upper() + key[1:].replace("_", " ")), value, text)
        for key, value, text in of_model(trace)
    ]
    known = [len(place.position.ids) for place in trace.places]
    rows += [
        Row("places", "Places in the trace", len(trace.places)),
        Row("logits", "Logits of each place", min(known), f"{min(known):,} or more"),
        Row("runs", "Texts it really wrote", len(trace.runs)),
    ]
    return Section("The model", [Rows(rows)], icon="🤖", key="source")


def prompt_tokens(trace: Trace) -> Tokens:
    """The prompt as the model reads it."""
    spans = [
        _span(one, None if one.kind == "special" else number % 6)
        for number, one in enumerate(views(trace, trace.prompt.ids))
    ]
    kind = (
        "The question as a chat has it; special tokens are marked:"
        if trace.prompt.chat
        else "What the model goes on from; special tokens are marked:"
    )
    return Tokens("prompt", spans, caption=kind)


def _span(one: TokenView, color: int | None, said: str = "") -> Span:
    facts = [str(one.token_id), bytes_of(one), one.kind, said]
    return Span(one.text, one.token_id, color, " · ".join(filter(None, facts)), marked=one.kind == "special")


def text_views(trace: Trace, walk: Walk) -> list[TokenView]:
    """The tokens of the text, seen behind the prompt: a character may have begun there."""
    return views(trace, [*trace.prompt.ids, *walk.ids])[len(trace.prompt.ids) :]


def written(trace: Trace, walk: Walk) -> str:
    """The text without the token that ended it; bytes that make no character show as U+FFFD."""
    ids = walk.ids[: -1 if walk.ended == STOP else None]
    data = b"".join(trace.pieces[one] for one in ids)
    return data.decode("utf-8", errors="replace")


def text_section(trace: Trace, walk: Walk) -> Section:
    """The text in colours, its figures, and how they went."""
    steps = walk.steps
    total, text = sum(step.surprise for step in steps), written(trace, walk)
    rows = [
        Row("plain", "As plain text", text, text.strip().replace("\n", "⏎")),
        Row("rules", "Rules", rules(walk.how)),
        Row("seed", "Seed", walk.seed, str(walk.seed)),
        Row("prompt_tokens", "Tokens of the prompt", len(trace.prompt.ids)),
        Row("chosen", "Tokens chosen", len(steps)),
        Row("put_in", "Put in by a tool", len(walk.ids) - len(steps)),
        Row("ended", "Why it ends", walk.ended, ended(walk, trace)),
        Row("recorded", "Written by the model", walk.recorded,
            "yes, with these rules and this seed" if walk.recorded else "no: worked out from the logits"),
    ]  # fmt: skip
    if followed := parted(walk, trace):
        rows.append(Row("followed", "The text is", walk.parting.at if walk.parting else None, followed))
    if steps:
        rows += [
            Row("surprise", "Surprise in all", total, f"{total:.2f} bits",
                formula=" + ".join(bits(step.surprise) for step in steps)),
            Row("mean_surprise", "Surprise a token", walk.mean_surprise, f"{walk.mean_surprise:.2f} bits",
                formula=f"{total:.2f} bits / {len(steps)} tokens"),
            Row("mean_entropy", "Entropy a token", walk.mean_entropy, f"{walk.mean_entropy:.2f} bits"),
        ]  # fmt: skip
    blocks: list[Block] = [prompt_tokens(trace)]
    if steps:
        blocks.append(Tokens("text", colored(trace, walk), caption=BANDS_SAID))
    blocks.append(Rows(rows))
    if len(steps) > 1:
        blocks.append(_chart(walk))
    return Section("The text", blocks, icon="✍️", key="text")


def colored(trace: Trace, walk: Walk) -> list[Span]:
    """The tokens of a text, coloured by their surprise."""
    spans, seen = [], iter(text_views(trace, walk))
    for step in walk.steps:
        color = next(color for most, color in BANDS if step.surprise <= most)
        spans.append(_span(next(seen), color, f"{bits(step.surprise)} bits"))
        spans += [_span(next(seen), None, "put in by a tool") for _ in step.put_in]
    return spans


def _chart(walk: Walk) -> LineChart:
    numbers = range(1, len(walk.steps) + 1)
    return LineChart(
        "bits",
        "Entropy before each token, and its surprise",
        [
            Series("entropy", [(n, step.entropy) for n, step in zip(numbers, walk.steps, strict=True)]),
            Series("surprise", [(n, step.surprise) for n, step in zip(numbers, walk.steps, strict=True)]),
        ],
        x_label="token",
        y_label="bits",
    )


def table_section(trace: Trace, walk: Walk) -> Section:
    """Every token with its bytes, its chances and its bits."""
    columns = [
        Column("number", "#", "right"), Column("token", "Token"), Column("id", "Id", "right"),
        Column("bytes", "Bytes"), Column("kind", "Remark"), Column("chance", "Model", "right"),
        Column("chance_after", "Rules", "right"), Column("surprise", "Surprise", "right"),
        Column("entropy", "Entropy", "right"),
    ]  # fmt: skip
    rows: list[list[Cell | Value]] = []
    seen = iter(text_views(trace, walk))
    for number, step in enumerate(walk.steps, 1):
        one = next(seen)
        remark = "given" if step.given else ""
        rows.append([
            number, *_token_cells(one, remark), Cell(step.chance, percent(step.chance)),
            Cell(step.chance_after, percent(step.chance_after)), Cell(step.surprise, bits(step.surprise)),
            Cell(step.entropy, bits(step.entropy)),
        ])  # fmt: skip
        blank = [Cell(None, "–")] * 4
        rows += [[Cell(None, "–"), *_token_cells(next(seen), "put in"), *blank] for _ in step.put_in]
    caption = (
        "Chances as the model has them, and under the rules; surprise and entropy in bits, by the model's "
        "own chances; bytes where a token is not plain ASCII."
    )
    return Section("Token by token", [Table("tokens", columns, rows, caption)], icon="🔍", key="tokens")


def _token_cells(one: TokenView, remark: str) -> list[Cell | Value]:
    """Token, id, bytes, and what is to be said of it: nothing of ordinary text."""
    said = [remark] * bool(remark)
    if one.kind == "special" or "of a character" in one.kind or one.kind.startswith("byte"):
        said.insert(0, one.kind)
    return [
        Cell(one.text, one.shown), Cell(one.token_id, str(one.token_id)), bytes_cell(one),
        Cell(f"{one.kind}, {remark}" if remark else one.kind, ", ".join(said)),
    ]  # fmt: skip
