"""The section about the grid: the same prompt under other rules, and where the texts part."""

from __future__ import annotations

from nanochat.inference.trace import Trace
from tools.core.report import Block, Cell, Column, Section, Span, Table, Tokens, Value
from tools.explorer.text_sections import colored, written
from tools.explorer.walk import LEFT, OPEN, Walk, common
from tools.explorer.wording import bits

Cells = dict[tuple[float, float], Walk]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
SHORT = {LEFT: "the trace ends there", OPEN: "the next one is not known from the trace"}


def grid_section(trace: Trace, main: Walk, cells: Cells) -> Section:
    """A row for each pair of settings, and each different text once."""
    texts: dict[tuple[int, ...], str] = {}
    for one in cells.values():
        texts.setdefault(tuple(one.ids), LETTERS[len(texts)])
    columns = [
        Column("temperature", "Temperature", "right"), Column("top_p", "Top-p", "right"),
        Column("text", "Text", "right"), Column("common", "Same at the beginning", "right"),
        Column("tokens", "Tokens", "right"), Column("mean_surprise", "Bits a token", "right"),
    ]  # fmt: skip
    rows: list[list[Cell | Value]] = [
        [
            Cell(temperature, f"{temperature:g}"), Cell(top_p, f"{top_p:g}"),
            Cell(written(trace, one), texts[tuple(one.ids)]), common(main, one), len(one.ids),
            Cell(one.mean_surprise, bits(one.mean_surprise)),
        ]
        for (temperature, top_p), one in cells.items()
    ]  # fmt: skip
    caption = (
        "Same at the beginning: tokens in common with the text above; the first other one is marked. Bits a "
        "token: mean surprise, by the model's own chances."
    )
    blocks: list[Block] = [Table("texts", columns, rows, caption)]
    for ids, letter in texts.items():
        asked = [pair for pair, one in cells.items() if tuple(one.ids) == ids]
        one = cells[asked[0]]
        said = f"Text {letter}, {_settings(asked)}" + (f"; {SHORT[one.ended]}" if one.ended in SHORT else "")
        blocks.append(Tokens(f"text_{letter}", _parted(trace, main, one), caption=said + ":"))
    return Section("The same prompt under other rules", blocks, icon="🔀", key="grid")


def _settings(pairs: list[tuple[float, float]]) -> str:
    """Pairs of temperature and top-p, those of one temperature together.

    >>> _settings([(0.0, 1.0), (0.0, 0.5), (0.8, 1.0)])
    'temperature 0 with top-p 1 or 0.5, temperature 0.8 with top-p 1'
    """
    by_temperature: dict[float, list[str]] = {}
    for temperature, top_p in pairs:
        by_temperature.setdefault(temperature, []).append(f"{top_p:g}")
    return ", ".join(f"temperature {t:g} with top-p {' or '.join(ps)}" for t, ps in by_temperature.items())


def _parted(trace: Trace, main: Walk, one: Walk) -> list[Span]:
    """A text: plain as far as it is the one above, the first other token marked, colours from there."""
    same = common(main, one)
    return [
        Span(span.text, span.value, None if at < same else span.color, span.note, marked=at == same)
        for at, span in enumerate(colored(trace, one))
    ]
