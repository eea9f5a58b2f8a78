"""The section about one choice: the candidates, and what each rule makes of them."""

from __future__ import annotations

from itertools import accumulate, pairwise

from nanochat.inference.position import MODEL, Stage, cut_by, removed
from nanochat.inference.trace import Trace
from tools.core.report import (
    Bar,
    Bars,
    Block,
    Cell,
    Column,
    LineChart,
    Notes,
    Row,
    Rows,
    Section,
    Series,
    Table,
    Text,
    Value,
)
from tools.explorer.views import bytes_cell, view
from tools.explorer.walk import Step, Walk
from tools.explorer.wording import bits, count, doubt, percent
from tools.playground.views import show

BEFORE = 40  # bytes of the text before, to show where the place is


def place_of(walk: Walk, asked: int) -> tuple[int, Step, bool]:
    """The choice to look at: its number, the step, and whether its token is known.

    One behind the end is the last one; the one after a text that ends open is where it does.
    """
    steps = walk.steps if walk.last is None else [*walk.steps, walk.last]
    number = min(asked, len(steps))
    return number, steps[number - 1], number <= len(walk.steps)


def choice_section(trace: Trace, walk: Walk, asked: int, most: int) -> Section:
    """The choice of token number `asked`, before and after every rule."""
    number, step, known = place_of(walk, asked)
    text = b"".join(trace.pieces[one] for one in trace.text(step.place))
    rows = [
        Row("number", "Token", number, f"{number} of {len(walk.steps)}"),
        Row("before", "The text before it", None, ending(text)),
        Row("drawn", "Number drawn", step.drawn, f"{step.drawn:.6f}",
            formula=f"draw(seed={walk.seed}, place={len(trace.text(step.place))})"),
    ]  # fmt: skip
    parting = walk.parting
    if parting and parting.run and parting.at + 1 == number and parting.would is not None:
        rows.append(Row("would", "The rules choose", parting.would, view(trace, parting.would).shown))
    if known:
        label = "In the text" if step.given else "Chosen"
        rows += [
            Row("chosen", label, step.chosen, view(trace, step.chosen).shown),
            Row("surprise", "Its surprise", step.surprise, f"{bits(step.surprise)} bits",
                formula=f"-log2({step.chance:.6g})"),
        ]  # fmt: skip
    blocks: list[Block] = []
    if number != asked:
        blocks.append(Text(f"There is no token {asked}; this is the last one."))
    final = step.stages[-1]
    blocks += [
        Rows(rows),
        _rules_table(step),
        _bars(trace, step, most),
        _candidates(trace, step, most, known),
    ]
    if doubts := [f"{stage.rule}: {doubt(stage)}." for stage in step.stages if not stage.exact]:
        blocks.append(Notes(doubts, key="not_known"))
    blocks.append(_curve(step))
    left = "how many tokens can come is not known"
    if final.tokens is not None:
        left = f"{final.tokens:,} of {step.position.vocab_size:,} tokens can come"
    return Section(f"Token {number} in close-up: {left}", blocks, icon="🎲", key="choice")


def ending(text: bytes) -> str:
    """The last bytes of a text, from where a character begins.

    >>> ending(b"a" * 50 + "é".encode() * 20)[:4], ending(b"short")
    ('… éé', 'short')
    >>> ending("é".encode() * 20 + b"a" * 39)[:4]
    '… aa'
    """
    if len(text) <= BEFORE:
        return show(text)
    start = len(text) - BEFORE
    while start < len(text) and text[start] & 0xC0 == 0x80:  # 10xxxxxx: a byte that continues a character
        start += 1
    return "… " + show(text[start:])


def _rules_table(step: Step) -> Table:
    """A row for each rule: what it leaves, what it takes away."""
    columns = [
        Column("rule", "After"), Column("tokens", "Tokens left", "right"), Column("gone", "Removed", "right"),
        Column("chance_gone", "Their chance", "right"), Column("likeliest", "Likeliest", "right"),
        Column("entropy", "Entropy", "right"),
    ]  # fmt: skip
    first = step.stages[0]
    rows: list[list[Cell | Value]] = [_rule_row(first, None)]
    rows += [_rule_row(stage, before) for before, stage in pairwise(step.stages)]
    return Table(
        "rules", columns, rows, caption="What each rule leaves, one after the other; entropy in bits"
    )


def _rule_row(stage: Stage, before: Stage | None) -> list[Cell | Value]:
    gone, chance = (0, 0.0) if before is None else removed(before, stage)
    about, least = "" if stage.exact else "≈ ", "≥ " * (gone is None and chance > 0)
    return [
        "the model" if stage.rule == MODEL else stage.rule,
        Cell(stage.tokens, count(stage.tokens)), Cell(gone, count(gone)),
        Cell(chance, least + percent(chance)),
        Cell(max(stage.chances), about + percent(max(stage.chances))),
        Cell(stage.entropy, (about if stage.entropy is not None else "") + bits(stage.entropy)),
    ]  # fmt: skip


def ranked(step: Step, most: int) -> list[int]:
    """Places of the candidates among the known tokens: the likeliest of the model, and the one chosen."""
    chances = step.stages[0].chances
    best = sorted(range(len(chances)), key=lambda at: (-chances[at], at))[:most]
    chosen = step.position.ids.index(step.chosen)
    return best if chosen in best else [*best[: most - 1], chosen]


def _bars(trace: Trace, step: Step, most: int) -> Bars:
    first, last, cut = step.stages[0], step.stages[-1], cut_by(step.stages)
    bars, seen = [], set()
    for at in ranked(step, most):
        token_id = step.position.ids[at]
        label = view(trace, token_id).shown
        label = f"{label} ({token_id})" if label in seen else label
        seen.add(label)
        now = f"cut by {cut[at]}" if cut[at] else percent(last.chances[at])
        bars.append(
            Bar(
                label,
                last.chances[at],
                f"{percent(first.chances[at])} → {now}",
                before=first.chances[at],
            )
        )
    return Bars("chances", bars, "Thin: as the model has it. Thick: under the rules.")


def _candidates(trace: Trace, step: Step, most: int, known: bool) -> Table:
    """The candidates with logit, bytes, chances and the rule that took them away."""
    columns = [
        Column("rank", "#", "right"), Column("token", "Token"), Column("id", "Id", "right"),
        Column("bytes", "Bytes"), Column("logit", "Logit", "right"), Column("chance", "Model", "right"),
        Column("chance_after", "Rules", "right"), Column("cut_by", "Cut by"),
    ]  # fmt: skip
    first, last, cut = step.stages[0], step.stages[-1], cut_by(step.stages)
    rank_of = {at: rank for rank, at in enumerate(ranked(step, len(first.chances)), 1)}
    rest = step.position.rest
    rows: list[list[Cell | Value]] = []
    for at in ranked(step, most):
        one = view(trace, step.position.ids[at])
        logit = step.position.logits[at]
        # Below the rest's highest, others may come in between.
        certain = rest is None or logit > rest.highest
        here = known and step.position.ids[at] == step.chosen
        rows.append([
            Cell(rank_of[at] if certain else None, f"{rank_of[at]}" if certain else "?"),
            Cell(one.text, one.shown + (" ←" if here else "")), Cell(one.token_id, str(one.token_id)),
            bytes_cell(one), Cell(logit, f"{logit:.3f}"), Cell(first.chances[at], percent(first.chances[at])),
            Cell(last.chances[at], percent(last.chances[at])), cut[at],
        ])  # fmt: skip
    if rest is not None:
        rows.append([
            Cell(None, "…"), f"{rest.count:,} others", Cell(None, ""), "",
            Cell(rest.highest, f"≤ {rest.highest:.3f}"), Cell(first.rest, percent(first.rest)),
            Cell(last.rest, percent(last.rest)), "",
        ])  # fmt: skip
    return Table("candidates", columns, rows, caption="The likeliest tokens; ← is the one in the text")


def _curve(step: Step) -> LineChart:
    """How fast the chances of the likeliest add up, before and after."""
    series = [Series("the model", _cumulated(step.stages[0]))]
    if len(step.stages) > 1:
        series.append(Series("under the rules", _cumulated(step.stages[-1])))
    return LineChart(
        "cumulated",
        "What the likeliest tokens reach together",
        series,
        x_label="tokens, the likeliest first",
        y_label="chance",
        x_log=True,
    )


def _cumulated(stage: Stage) -> list[tuple[float, float]]:
    chances = sorted((chance for chance in stage.chances if chance > 0), reverse=True)
    return [(float(rank), reached) for rank, reached in enumerate(accumulate(chances), 1)]
