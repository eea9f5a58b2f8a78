"""The sections about merges: step by step through a word, and learning them from a text."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate

from nanochat.tokenizer.bpe import Merge, MergeStep, merge_steps, ranks_of, train
from nanochat.tokenizer.split import NANOCHAT, stretches
from nanochat.tokenizer.tokenizer import Tokenizer
from tools.core.errors import ToolError
from tools.core.report import (
    Block,
    Cell,
    Column,
    LineChart,
    Notes,
    Row,
    Rows,
    Section,
    Series,
    Span,
    Table,
    Text,
    Tokens,
)
from tools.playground.source import Source
from tools.playground.views import show

BETWEEN = " │ "
# Points of the chart of a training: more could not be told apart.
CHART_POINTS = 100
SAMPLE_TOKENS = 500


def merges_section(tokenizer: Tokenizer, name: str, word: str, most: int) -> Section:
    """From single bytes to tokens, one merge a row, for each piece of the word."""
    pieces = list(tokenizer.pattern.explain(word))
    blocks: list[Block] = []
    if len(pieces) > 1:
        cut = ", ".join(f"{show(piece.encode())} ({why})" for piece, why in pieces)
        blocks.append(Text(f"The pattern first cuts it into {len(pieces)} pieces, which never merge: {cut}."))
    for number, (piece, _) in enumerate(pieces, 1):
        blocks += _steps_of_piece(tokenizer, piece, number, most)
        most -= len(piece.encode())
        if most <= 0 and number < len(pieces):
            blocks.append(Text(f"{len(pieces) - number} more pieces are not shown; --rows shows more."))
            break
    return Section(f"The merges of {show(word.encode())} in {name}", blocks, icon="🧩", key="merges")


def _steps_of_piece(tokenizer: Tokenizer, piece: str, number: int, most: int) -> list[Block]:
    data = piece.encode()
    steps = merge_steps(data, tokenizer.ranks)
    columns = [
        Column("step", "Step", "right"),
        Column("parts", "Parts"),
        Column("merge", "Merge with the lowest id"),
        Column("id", "Its id", "right"),
        Column("candidates", "Could merge", "right"),
    ]
    rows = [_step_row(place, step) for place, step in enumerate(steps[:most])]
    blocks: list[Block] = [
        Table(f"piece_{number}", columns, rows, caption=f"{show(data)}: {len(data)} bytes")
    ]
    if len(steps) > most:
        blocks.append(Text(f"Only the first {most:,} steps of {len(steps):,} are shown; --rows shows more."))
    if data in tokenizer.ranks and len(steps[-1].parts) > 1:
        blocks.append(
            Text("The whole piece is a token, though merges do not reach it; the encoder takes it at once.")
        )
    return blocks


def _step_row(place: int, step: MergeStep) -> list[Cell | int | str | None]:
    parts = BETWEEN.join(map(show, step.parts))
    if step.at is None or step.rank is None:
        return [place, parts, "done: no neighbours form a token", Cell(None, "–"), 0]
    left, right = step.parts[step.at], step.parts[step.at + 1]
    merge = f"{show(left)} + {show(right)} → {show(left + right)}"
    return [place, parts, merge, Cell(step.rank, str(step.rank)), len(step.candidates)]


def training_section(source: Source, n_bytes: int, n_merges: int, most: int) -> Section:
    """Learn merges from the text: which, how often each pair was seen, and how the text gets shorter.

    Before the first merge each of its `n_bytes` is a token.
    """
    merges = train(stretches(source.chunks()), n_merges)
    if not merges:
        raise ToolError(
            "the text is too short to learn a merge from: no two bytes stand side by side in a piece"
        )
    lengths = list(accumulate((-merge.saved for merge in merges), initial=n_bytes))
    before, after = lengths[0], lengths[-1]
    rows = [
        Row("merges", "Merges learned", len(merges)),
        Row("tokens_before", "Tokens before", before),
        Row("tokens_after", "Tokens after", after),
        Row("shorter", "Shorter by a factor of", before / after, f"{before / after:.2f}",
            formula=f"{before:,} bytes / {after:,} tokens"),
    ]  # fmt: skip
    every = max(1, len(lengths) // CHART_POINTS)
    points = [(float(place), float(lengths[place])) for place in range(0, len(lengths), every)]
    if (len(lengths) - 1) % every:
        points.append((float(len(lengths) - 1), float(after)))
    blocks: list[Block] = [
        Rows(rows),
        LineChart("text_length", "The text in tokens after each merge", [Series("tokens", points)],
                  x_label="merges", y_label="tokens"),
        _table_of(merges[:most]),
    ]  # fmt: skip
    if len(merges) > most:
        blocks.append(
            Text(f"Only the first {most:,} merges of {len(merges):,} are shown; --rows shows more.")
        )
    blocks.append(_beginning(source, merges))
    if len(merges) < n_merges:
        blocks.append(Notes([f"No pair was left after {len(merges):,} merges."]))
    return Section(f"Learning {len(merges):,} merges", blocks, icon="🌱", key="training")


def _table_of(merges: Iterable[Merge]) -> Table:
    columns = [
        Column("merge", "Merge", "right"),
        Column("pair", "Commonest pair"),
        Column("seen", "Seen", "right"),
        Column("token", "New token"),
        Column("id", "Its id", "right"),
    ]
    rows: list[list[Cell | int | str]] = [
        [number, f"{show(merge.left)} + {show(merge.right)}", merge.count, show(merge.joined),
         Cell(merge.token, str(merge.token))]
        for number, merge in enumerate(merges, 1)
    ]  # fmt: skip
    return Table(
        "learned", columns, rows, caption="Of equally common pairs the one with the lower ids comes first"
    )


def _beginning(source: Source, merges: list[Merge]) -> Tokens:
    """The beginning of the text in the tokens it has just taught."""
    tokenizer = Tokenizer("trained", ranks_of(merges))
    found: list[Span] = []
    for piece in NANOCHAT.stream(source.chunks()):
        for token_id in tokenizer.encode_piece(piece):
            text = tokenizer.token_bytes(token_id).decode("utf-8", errors="backslashreplace")
            found.append(Span(text, token_id, len(found) % 6, str(token_id)))
        if len(found) >= SAMPLE_TOKENS:
            break
    return Tokens("beginning", found, caption="The beginning of the text in its own tokens:")
